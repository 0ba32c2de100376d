//! Execution of a model, in float32 and in integers, to the bit.
//!
//! # What "exact" means
//! Integer kernels compute what the reference kernels of TensorFlow Lite for Microcontrollers (TFLM)
//! compute, on every tensor of a network and not only on its outputs. That includes how a
//! requantisation rounds: [`Rounding::Double`] as TFLM and CMSIS-NN do by default, or
//! [`Rounding::Single`] as libraries built for single rounding do. `tests/goldens` holds hashes that
//! the official interpreter printed. Float kernels agree with other float implementations up to the
//! order of additions.
//!
//! # From a model to results
//! [`Network::prepare`] turns every operator into a kernel: a closure that holds what does not change
//! between inferences, such as requantisation multipliers and widened weights. [`Network::run`] then
//! takes one [`Buffer`] an input and returns one an output; an [`Observer`] sees every tensor on the
//! way. What outlives an inference (the cell of an LSTM) is in a [`State`].
//!
//! # Where things are
//! One operator is one file under `kernels/`, with `prepare` as its only entry; `kernels.rs` is the
//! list. [`arithmetic`] holds the fixed-point arithmetic that they share; `elementwise.rs`,
//! `broadcast.rs` and `lookup.rs` what element-wise ones share besides. `site.rs` is what a kernel sees
//! when it is prepared, `call.rs` what it sees when it runs. Kernels that only move data rest on
//! `copy_box.rs` and `axis_tables.rs`, those that reduce axes on `reduction.rs`. [`arena`] runs a
//! network in pieces, in an arena of a stated size.
//!
//! # What is absent
//! Nothing here knows chips, plans or time.

pub mod arena;
pub mod arithmetic;
mod axis_tables;
mod broadcast;
pub mod buffer;
mod call;
mod copy_box;
pub mod difference;
mod elementwise;
pub mod file_order;
mod integer;
mod kernels;
mod lookup;
pub mod network;
pub mod probe;
mod reduction;
mod site;
#[cfg(test)]
mod trial;

pub use arena::{Account, Piece, PieceObserver};
pub use arithmetic::Rounding;
pub use buffer::{Buffer, Element, Slice, SliceMut};
pub use difference::Difference;
pub use network::{Network, Observer, Options, State};
