//! Channels to pixels and back.

use cofit_ir::{Shape, ops};

use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::channels_innermost;

use super::movement;

/// `DepthToSpace` and `SpaceToDepth`.
pub(super) fn import(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let mut view = importer.view(node, 0)?;
    if view.rank() != 4 {
        return Err(Refusal::node(format!("{} has not four axes", view.shape())));
    }
    let block = u32::try_from(node.int("blocksize", 0)).ok().filter(|&block| block > 0);
    let block = block.ok_or_else(|| Refusal::node("attribute `blocksize` is no length"))?;
    let order = channels_innermost(4);
    let mode = node.string("mode").unwrap_or("DCR");
    if node.kind() == "DepthToSpace" && mode == "CRD" {
        // The pixel of the block is the inner part of the channel; it has to become the outer one.
        let shape = view.shape();
        let area = block.checked_mul(block).filter(|&area| shape[1].is_multiple_of(area));
        let area = area.ok_or_else(|| Refusal::node("the channels do not fill blocks"))?;
        let split = Shape::new(&[shape[0], shape[1] / area, area, shape[2], shape[3]]);
        let split = movement::reshaped(importer, &view, &split)?;
        view = movement::reshaped(importer, &split.transposed(&[0, 2, 1, 3, 4]), &shape)?;
    } else if node.kind() == "DepthToSpace" && mode != "DCR" {
        return Err(Refusal::form(format!("attribute `mode` is `{mode}`")));
    }
    let tensor = importer.arrange(&view, &order)?;
    let made = if node.kind() == "DepthToSpace" {
        importer.emit(ops::DepthToSpace { block_size: block }, &[tensor], node.result())?
    } else {
        importer.emit(ops::SpaceToDepth { block_size: block }, &[tensor], node.result())?
    };
    let result = importer.result_view(made, &order, 4);
    importer.bind_result(node, 0, result);
    Ok(())
}
