//! Joins views of views.
//!
//! Reshapes, squeezes and inserted axes move no data. A chain of them becomes one reshape from its
//! beginning, and one that changes no shape goes away.

use cofit_ir::{Graph, Op, Operator, ops};

use crate::passes::Pass;
use crate::rewrite::{Rewriter, same_meaning};

/// The pass.
pub const PASS: Pass = Pass {
    name: "cancel_reshapes",
    description: "joins chains of reshapes and removes those that change nothing",
    run,
};

/// Joins and removes views.
pub fn run(graph: &mut Graph) -> usize {
    let mut rewriter = Rewriter::new(graph);
    for id in rewriter.ids() {
        let Some(operator) = rewriter.operator(id).filter(|operator| is_view(operator)) else {
            continue;
        };
        let (Some(mut source), &[result]) = (operator.input(0), operator.outputs.as_slice()) else {
            continue;
        };
        // Operators stand in order, so that an inner view already reads the beginning of its chain.
        let inner = rewriter.producer(source).filter(|(_, inner)| is_view(inner));
        let beginning = inner.and_then(|(_, inner)| inner.input(0));
        if let Some(beginning) = beginning.filter(|&beginning| rewriter.is_fixed(beginning))
            && let Some(op) = reshape_to(rewriter.tensor(result).shape.dimensions())
        {
            rewriter.replace(id, op, &[beginning]);
            rewriter.count();
            source = beginning;
        }
        let (from, to) = (rewriter.tensor(source), rewriter.tensor(result));
        if from.shape == to.shape && same_meaning(from, to) && rewriter.forward(id, source) {
            rewriter.count();
        }
    }
    rewriter.finish()
}

/// A reshape to these axis lengths, where they are lengths that a reshape can state.
pub(crate) fn reshape_to(lengths: &[u32]) -> Option<ops::Reshape> {
    let shape = lengths.iter().map(|&length| i32::try_from(length)).collect::<Result<_, _>>();
    Some(ops::Reshape { shape: shape.ok()? })
}

/// Whether an operator only gives its operand another shape.
const fn is_view(operator: &Operator) -> bool {
    matches!(&operator.op, Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_))
}
