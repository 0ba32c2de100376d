//! Filled in below.
use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
pub(super) fn quantize(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
pub(super) fn dequantize(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
pub(super) fn convolution(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
pub(super) fn matmul(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
pub(super) fn binary(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
pub(super) fn unary(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
pub(super) fn concat(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
pub(super) fn pool(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
pub(super) fn gemm(_: &mut Importer, node: &Node<'_>) -> Imported {
    Err(Refusal::form(node.kind()))
}
