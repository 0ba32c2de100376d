//! Removes operators whose results nobody reads.

use cofit_ir::{Graph, OperatorId, TensorId};
use cofit_vocab::OperatorKind;
use cranelift_entity::EntitySet;

use crate::rewrite;

/// Removes operators that contribute to no graph output and have no effect outside the graph.
pub fn run(graph: &mut Graph) {
    let mut wanted: EntitySet<TensorId> = EntitySet::new();
    for &output in &graph.outputs {
        wanted.insert(output);
    }
    let mut doomed: EntitySet<OperatorId> = EntitySet::new();
    // The arena is in execution order, so readers are met before what they read.
    for (id, operator) in graph.operators.iter().rev() {
        let alive = has_effect(operator.kind())
            || operator.outputs.iter().any(|&output| wanted.contains(output));
        if alive {
            for &input in operator.inputs.iter().flatten() {
                wanted.insert(input);
            }
        } else {
            doomed.insert(id);
        }
    }
    if !doomed.is_empty() {
        rewrite::remove_operators(graph, &doomed);
    }
}

/// Whether the operator matters beyond its results: it changes state, or cofit cannot know.
const fn has_effect(kind: OperatorKind) -> bool {
    matches!(
        kind,
        OperatorKind::AssignVariable
            | OperatorKind::CallOnce
            | OperatorKind::Custom
            | OperatorKind::Svdf
            | OperatorKind::UnidirectionalSequenceLstm
            | OperatorKind::While
    )
}
