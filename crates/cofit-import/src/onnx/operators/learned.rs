//! Filled in below.
use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
pub(super) fn import(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
