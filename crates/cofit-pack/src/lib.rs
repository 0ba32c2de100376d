//! Placing buffers with lifetimes in one memory, with a lower bound.
//!
//! The crate knows sizes, lifetimes and alignments; it knows nothing of networks or chips. The
//! field calls the problem *static allocation* or *dynamic storage allocation*: every buffer is a
//! rectangle whose extent in time is given, and whose address is to be chosen so that no two
//! rectangles overlap and the highest address is as low as possible. It is NP-hard, yet the
//! instances that networks give rise to are mostly solved by a good order and first fit, and the
//! rest by an exact search.
//!
//! * [`Problem`], [`Buffer`], [`Budget`], [`Solution`]: the question and the answer.
//! * [`minimise`] finds a low layout and a lower bound as a [`Proof`], and tells every
//!   [`Incumbent`] on the way; [`solve_minimise`] is the same without the witness.
//! * [`decide`] answers whether a layout of a given height exists.
//! * [`certificate`] computes the bound of live bytes alone, with the instant that shows it.
//! * [`verify`] checks a layout and [`check`] a proof, sharing no code with the solver.
//! * [`csv`] reads and writes the file format of minimalloc.
//! * [`training`] makes large problems.
//!
//! Equal inputs give equal outputs on any number of cores: effort is counted in search nodes, never
//! in wall time.

mod bound;
mod check;
pub mod csv;
mod draft;
mod first_fit;
mod improve;
mod instance;
mod problem;
mod proof;
mod race;
mod scan_fit;
mod search;
mod solve;
mod sweep_fit;
pub mod training;
mod verify;

pub use bound::{Certificate, certificate};
pub use check::{Fault, Standing, check};
pub use problem::{Budget, Buffer, Decision, PackError, Problem, Solution};
pub use proof::{Incumbent, Proof, Witness};
pub use solve::{decide, minimise, solve_minimise};
pub use verify::{Overlap, verify};
