//! Edits of a graph that keep it well-formed: what passes are written with.

use cofit_ir::{Graph, OperatorId, TensorId};
use cranelift_entity::{EntitySet, PrimaryMap};

/// Removes the operators of `doomed`. Ids of the remaining operators change; tensors stay.
pub fn remove_operators(graph: &mut Graph, doomed: &EntitySet<OperatorId>) {
    let operators = std::mem::take(&mut graph.operators);
    graph.operators = operators
        .into_iter()
        .filter(|(id, _)| !doomed.contains(*id))
        .map(|(_, operator)| operator)
        .collect::<PrimaryMap<_, _>>();
}

/// How many operators read `tensor`, counting twice one that reads it twice, and once more where
/// it is a graph output.
pub fn use_count(graph: &Graph, tensor: TensorId) -> usize {
    let reads: usize = graph
        .operators
        .values()
        .map(|operator| operator.inputs.iter().flatten().filter(|&&input| input == tensor).count())
        .sum();
    reads + graph.outputs.iter().filter(|&&output| output == tensor).count()
}
