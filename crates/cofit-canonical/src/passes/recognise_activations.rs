//! Recognises activations that are written in pieces.
//!
//! | activation | pieces |
//! |---|---|
//! | `relu`, `relu6`, `relu_n1_to_1` | `maximum` and `minimum` with constants |
//! | `leaky_relu` | `maximum(x, alpha * x)` |
//! | `hard_swish` | `x * relu6(x + 3) / 6`, or `x` times `x / 6 + 0.5` held to 0..1 |
//! | `gelu` | `x / 2 * (1 + erf(x / sqrt(2)))`, or its approximation by `tanh` |
//! | `logistic` | `1 / (1 + exp(-x))`; a quotient by `1 + exp(-x)` is a product with it |
//! | `softmax` | `exp` over its sum along the last axis, with or without the maximum taken off |
//!
//! Products and sums are taken together in whatever order they stand. Constants have to be what the
//! definition says up to float32's rounding, the tensors float32, and nobody else may read what is
//! between the pieces. In integers each piece rounds, so that the whole is another function: there
//! nothing is done. A swish stays `x * logistic(x)`, which has no kind of its own.

mod gelu;
mod hard_swish;
mod logistic;
mod pieces;
mod rectifiers;
mod softmax;

use cofit_ir::{Graph, OperatorId};

use crate::passes::Pass;
use crate::rewrite::Rewriter;

/// The pass.
pub const PASS: Pass = Pass {
    name: "recognise_activations",
    description: "recognises activations that are written in pieces",
    run,
};

/// Looks at an operator as the last piece of an activation, and replaces it if it is.
type Recogniser = fn(&mut Rewriter<'_>, OperatorId) -> Option<()>;

/// What is looked for, in order: what is inside of others first.
const RECOGNISERS: [Recogniser; 5] = [
    rectifiers::recognise,
    logistic::recognise,
    hard_swish::recognise,
    gelu::recognise,
    softmax::recognise,
];

/// Recognises activations.
pub fn run(graph: &mut Graph) -> usize {
    let mut rewriter = Rewriter::new(graph);
    for id in rewriter.ids() {
        let is_float = rewriter
            .operator(id)
            .and_then(|operator| operator.outputs.first())
            .is_some_and(|&result| rewriter.is_float(result));
        if is_float && RECOGNISERS.iter().any(|recognise| recognise(&mut rewriter, id).is_some()) {
            rewriter.count();
        }
    }
    rewriter.finish()
}
