//! ONNX files.
//!
//! [`load`] makes a [`Model`] of a file in the standard operator sets 7 to 21, with the operators of
//! `ai.onnx.ml` and `com.microsoft` that exporters write for small networks. What has no counterpart
//! is refused node by node, so that one run tells everything that stands in the way.
//!
//! # Layout
//! Activations of convolutions are stored with channels innermost, whatever the file says, and a
//! model's inputs and outputs with them; [`cofit_ir::Origin::axes`] says how a tensor's axes relate
//! to the file's. The private module `view` explains how that is done without transposes. Weights
//! are rearranged when the file is read.
//!
//! # Quantised models
//! An operator between `DequantizeLinear` and `QuantizeLinear` becomes one on integers, and so do the
//! operators of the older form (`QLinearConv` and the like). Unsigned activations and weights are
//! stored with a sign, 128 less, as TFLite's kernels take them.
//!
//! # Shapes
//! Every shape is fixed when the file is read. What exporters write to compute shapes is computed
//! here; named axes are fixed by [`OnnxOptions::dimensions`] or are 1, with a message.
//!
//! # What a model does not keep
//! Names of nodes, documentation strings and metadata. Floats of half and double precision become
//! single precision, with a message.
//!
//! # Hostile files
//! Messages are counted before they are decoded, constants that are computed are short, and the
//! bytes of constants that are rearranged are bounded by a multiple of the file's.
//!
//! Source of the format and of what operators mean: the ONNX specification
//! (`onnx/onnx.proto`, `docs/Operators.md`, `docs/Changelog.md` of ONNX 1.18) and the contributed
//! operators of ONNX Runtime (`docs/ContribOperators.md`).

mod constant;
mod fold;
mod importer;
mod interface;
mod layout;
mod node;
mod operators;
pub mod proto;
mod quantised;
mod read;
mod refusal;
mod view;
mod wire;
mod write;

use bytes::Bytes;
use cofit_ir::Model;
use cofit_vocab::Diagnostics;

pub use write::write;

/// Finds the bytes of constants that a file keeps elsewhere: the location as the file states it,
/// the first byte, and how many. `None` where they are not at hand.
pub type External<'a> = dyn Fn(&str, u64, u64) -> Option<Bytes> + 'a;

/// How a file is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnnxOptions {
    /// Lengths of axes that the file names, as in `("batch", 1)`; an axis without a name is called
    /// `INPUT.AXIS`, as in `("x.2", 96)`. The last of a name counts.
    pub dimensions: Vec<(String, u32)>,
}

/// Whether the bytes are an ONNX model: they read as one to the end, and have a version of the
/// format, a graph and a version of an operator set.
pub fn is_onnx(bytes: &[u8]) -> bool {
    wire::messages(bytes, read::most_messages(bytes.len()))
        .is_some_and(|summary| summary.has_version && summary.has_graph && summary.has_operator_set)
}

/// An axis of an input whose length the file leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAxis {
    /// What [`OnnxOptions::dimensions`] calls it.
    pub name: String,
    /// The input.
    pub input: String,
    /// Which of its axes.
    pub axis: usize,
}

/// The axes that a file leaves open; none for bytes that are no ONNX file.
pub fn open_axes(bytes: Bytes) -> Vec<OpenAxis> {
    read::open_axes(bytes)
}

/// Reads an ONNX file. `file` is its name as the user gave it, for messages.
///
/// The model is there unless a message is an error.
pub fn load(
    bytes: Bytes,
    file: &str,
    options: &OnnxOptions,
    external: &External<'_>,
) -> (Option<Model>, Diagnostics) {
    read::load(bytes, file, options, external)
}
