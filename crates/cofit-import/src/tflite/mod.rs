//! TFLite files, in and out.
//!
//! [`read()`] makes a [`Model`] of the real FlatBuffer format, and [`write()`] makes a file of a
//! model; reading what was written gives the same model ([`same_model`]). Constants are
//! windows into the file, not copies.
//!
//! # What a model does not keep
//! - Signatures, and the few hints that only one runtime reads: a note or warning says so.
//! - Shape signatures. An axis that the file leaves open has length 1, as the file's own shape says.
//! - The axis of scales of a tensor with one axis, which is always 0: early converters gave a bias
//!   the axis of its weights.
//! - Versions of operators. The writer states the smallest that suffices.
//! - `RESOURCE` tensors, the handles of variables, are `int32` in a model, as runtimes hold them;
//!   the writer knows them by the operators that make and take them.
//!
//! What the operators mean to each other is the verifier's matter ([`cofit_ir::verify`]), which
//! [`read()`] runs on every file whose format is sound: shapes that do not follow, wrong order, wrong
//! numbers of operands, constants of the wrong length.
//!
//! # Hostile files
//! Every offset and index is checked. The work is bounded by a multiple of the file's size
//! ([`crate::flatbuffer::Reader`]), and names and ranks are bounded, so a small file cannot make
//! large messages.
//!
//! Source of the format's numbers: TensorFlow Lite schema.fbs, version 3
//! (tensorflow/lite/schema/schema.fbs).

pub mod operators;
pub mod schema;

pub mod offline_plan;

mod read;
mod read_graph;
mod write;

pub use read::read;
pub use write::write;

use cofit_ir::{Model, Origin, Source};

/// The model without its places in a file: what a model is apart from where it came from.
#[must_use]
pub fn without_origin(model: &Model) -> Model {
    let mut model = model.clone();
    model.source = Source::default();
    for graph in model.graphs.values_mut() {
        graph.tensors.values_mut().for_each(|tensor| tensor.origin = Origin::default());
        graph.operators.values_mut().for_each(|operator| operator.origin = Origin::default());
    }
    model
}

/// Whether two models are the same apart from where they came from.
pub fn same_model(a: &Model, b: &Model) -> bool {
    without_origin(a) == without_origin(b)
}
