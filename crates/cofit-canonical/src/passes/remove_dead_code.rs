//! Removes operators whose results nobody reads.

use cofit_ir::{Graph, OperatorId, TensorId};
use cranelift_entity::EntitySet;

use crate::passes::Pass;
use crate::rewrite::{has_effect, remove_operators};

/// The pass.
pub const PASS: Pass = Pass {
    name: "remove_dead_code",
    description: "removes operators whose results nobody reads",
    run,
};

/// Removes operators that contribute to no graph output and have no effect outside the graph.
pub fn run(graph: &mut Graph) -> usize {
    let mut wanted: EntitySet<TensorId> = EntitySet::new();
    for &output in &graph.outputs {
        wanted.insert(output);
    }
    let mut doomed: EntitySet<OperatorId> = EntitySet::new();
    let mut count = 0;
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
            count += 1;
        }
    }
    if count > 0 {
        remove_operators(graph, &doomed);
    }
    count
}
