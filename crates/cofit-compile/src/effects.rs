//! Which operators must keep their order among each other.

use cofit_canonical::has_effect;
use cofit_ir::{Graph, Operator, TensorRole};
use cofit_vocab::OperatorKind;

/// Whether an operator changes or reads state, or may do so unseen: those that do run in the
/// model's order.
pub(crate) fn keeps_its_turn(graph: &Graph, operator: &Operator) -> bool {
    let touched = operator.inputs.iter().flatten().chain(&operator.outputs);
    has_effect(operator.kind())
        || matches!(operator.kind(), OperatorKind::VarHandle | OperatorKind::ReadVariable)
        || touched.copied().any(|tensor| graph.tensors[tensor].role == TensorRole::Variable)
}
