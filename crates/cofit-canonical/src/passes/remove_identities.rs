//! Removes operators that return an operand as it is.
//!
//! A product by one, a sum with zero, a concatenation of one tensor, a quantisation to the
//! quantisation that the tensor has already, a border of no width. `quantize` behind `dequantize` is
//! none: it keeps where a quantised model rounds.

use cofit_ir::{Activation, Graph, Op, Operator, TensorId};
use smallvec::SmallVec;

use crate::passes::Pass;
use crate::rewrite::{Rewriter, same_meaning};

/// The pass.
pub const PASS: Pass = Pass {
    name: "remove_identities",
    description: "removes operators that return an operand as it is",
    run,
};

/// Removes identities.
pub fn run(graph: &mut Graph) -> usize {
    let mut rewriter = Rewriter::new(graph);
    for id in rewriter.ids() {
        let Some(operator) = rewriter.operator(id) else { continue };
        let &[result] = operator.outputs.as_slice() else { continue };
        let Some(value) = returned(&rewriter, operator) else { continue };
        let (from, to) = (rewriter.tensor(value), rewriter.tensor(result));
        if from.shape == to.shape && same_meaning(from, to) && rewriter.forward(id, value) {
            rewriter.count();
        }
    }
    rewriter.finish()
}

/// The operand that an operator of one result returns as it is, if shapes and types are the same.
fn returned(rewriter: &Rewriter<'_>, operator: &Operator) -> Option<TensorId> {
    let input = |index: usize| operator.input(index);
    let integers = |index: usize| rewriter.tensor(operator.input(index)?).integers();
    // Whether every element of constant operand `index` is `wanted`, and so is the type.
    let all = |index: usize, wanted: f32| -> bool {
        let values = input(index).and_then(|id| rewriter.tensor(id).floats());
        values.is_some_and(|values| values.iter().all(|&value| value == wanted))
    };
    let commutative = |activation: Activation, neutral: f32| -> Option<TensorId> {
        match activation {
            Activation::None if all(1, neutral) => input(0),
            Activation::None if all(0, neutral) => input(1),
            _ => None,
        }
    };
    match &operator.op {
        // Of one type and quantisation, which the caller checks.
        Op::Quantize(_) | Op::Cast(_) | Op::BroadcastTo(_) => input(0),
        Op::Concatenation(joined) if joined.activation == Activation::None => {
            let present: SmallVec<[TensorId; 2]> =
                operator.inputs.iter().copied().flatten().collect();
            match present.as_slice() {
                &[only] => Some(only),
                _ => None,
            }
        }
        Op::Split(_) => input(1),
        Op::SplitV(_) | Op::Slice(_) => input(0),
        Op::StridedSlice(slice) => {
            let is_plain =
                slice.ellipsis_mask == 0 && slice.new_axis_mask == 0 && slice.shrink_axis_mask == 0;
            input(0)
                .filter(|_| is_plain && integers(3).is_some_and(|by| by.iter().all(|&n| n == 1)))
        }
        Op::Pad(_) | Op::MirrorPad(_) => {
            input(0).filter(|_| integers(1).is_some_and(|by| by.iter().all(|&n| n == 0)))
        }
        Op::Tile(_) => {
            input(0).filter(|_| integers(1).is_some_and(|by| by.iter().all(|&n| n == 1)))
        }
        Op::Mul(mul) => commutative(mul.activation, 1.0),
        Op::Add(add) => commutative(add.activation, 0.0),
        Op::Div(div) if div.activation == Activation::None && all(1, 1.0) => input(0),
        Op::Sub(sub) if sub.activation == Activation::None && all(1, 0.0) => input(0),
        _ => None,
    }
}
