//! Networks as calibration sees them: in the precision that a row was measured in, and whether two are
//! the same.

use cofit_ir::{ConstantData, Model, Tensor, TensorRole};
use cofit_vocab::{ElementType, OperatorKind};

/// The same network in 32-bit floats, without weights. What is no quantity, such as an axis or a shape,
/// stays what it is.
pub fn in_floats(model: &Model) -> Model {
    let mut model = model.clone();
    for graph in model.graphs.values_mut() {
        for tensor in graph.tensors.values_mut() {
            if tensor.quantisation.take().is_some() {
                to_float(tensor);
            }
        }
    }
    model
}

fn to_float(tensor: &mut Tensor) {
    tensor.element = ElementType::Float32;
    if let TensorRole::Constant(data) = &mut tensor.role {
        *data = ConstantData::Absent;
    }
}

/// What makes a network another one to the eye of a cost model: the operators with multiplications, by
/// kind, and their multiplications in all.
pub fn signature(model: &Model) -> (Vec<u32>, u64) {
    const KINDS: [OperatorKind; 5] = [
        OperatorKind::Conv2d,
        OperatorKind::DepthwiseConv2d,
        OperatorKind::FullyConnected,
        OperatorKind::TransposeConv2d,
        OperatorKind::BatchMatMul,
    ];
    let mut counts = vec![0; KINDS.len()];
    for graph in model.graphs.values() {
        for operator in graph.operators.values() {
            if let Some(at) = KINDS.iter().position(|kind| *kind == operator.kind()) {
                counts[at] += 1;
            }
        }
    }
    let macs = model
        .graphs
        .values()
        .flat_map(|graph| graph.operators.keys().map(|id| graph.macs(id)))
        .fold(0_u64, |sum, macs| sum.saturating_add(macs.0));
    (counts, macs)
}
