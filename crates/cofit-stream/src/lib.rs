//! Executing networks in pieces smaller than tensors.
//!
//! Layer by layer, a network needs the input and the output of its hungriest operator at once. Most
//! operators of a convolutional network read only a few rows at a time, though, so that several of
//! them can run as one, each a few rows ahead of the next, with the maps between them never there in
//! full. How few bytes that takes, at how many computations made twice, is what this crate finds out,
//! lays out byte by byte, and checks.
//!
//! * [`network`]: a graph as values (grids of pixels) and stages (operators that walk over them).
//! * [`schedule`]: groups of stages, and an address for every byte.
//! * [`tasks`]: the pieces of a group in the order in which they run.
//! * [`front()`]: every trade of memory for work, laid out.
//! * [`verify()`]: whether a schedule holds what it promises.
//!
//! # What is absent
//! Nothing here knows chips or time. Kernels' own scratch memory is not counted, nor is state that
//! outlives an inference, nor what graphs called by an operator need.

mod bound;
mod candidate;
pub mod channels;
mod front;
mod geometry;
mod lag;
mod layout;
pub mod network;
mod partition;
pub mod schedule;
pub mod tasks;
mod verify;
mod walk;

pub use bound::{Bound, Witness, lower_bound};
pub use candidate::{Cost, Effort, Weigh};
pub use channels::{ByChannels, ChannelRole};
pub use front::{Front, Point, Question, Side, by_macs, front};
pub use network::{Grid, Manner, Network, Reach, Read, Stage, StageId, Value, ValueId};
pub use schedule::{Group, Pieces, Schedule, Storage, Uses};
pub use tasks::{StripColumns, Task, visit_tasks};
pub use verify::{Breach, verify};
