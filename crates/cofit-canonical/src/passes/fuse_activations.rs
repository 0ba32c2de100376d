//! Moves rectifiers into the operator before them.
//!
//! A `relu`, `relu6` or `relu_n1_to_1` that alone reads the result of a convolution, a dense layer,
//! a pool or element-wise arithmetic becomes that operator's fused activation. Two in a row become
//! the narrower one.
//!
//! Floats always; int8 where the rectifier's result has the quantisation of its operand, because both
//! ways then clamp the same integers at the same ends.

use cofit_ir::{Activation, Graph, Op, TensorId, ops};
use cofit_vocab::ElementType;

use crate::passes::Pass;
use crate::rewrite::{Rewriter, same_meaning};

/// The pass.
pub const PASS: Pass = Pass {
    name: "fuse_activations",
    description: "moves rectifiers into the operator before them",
    run,
};

/// Fuses rectifiers.
pub fn run(graph: &mut Graph) -> usize {
    let mut rewriter = Rewriter::new(graph);
    for id in rewriter.ids() {
        let Some(operator) = rewriter.operator(id) else { continue };
        let Some(second) = rectifier(&operator.op) else { continue };
        let (Some(between), &[result]) = (operator.input(0), operator.outputs.as_slice()) else {
            continue;
        };
        if !is_comparable(&rewriter, between, result) {
            continue;
        }
        let Some((producer, before)) = rewriter.inner(between) else { continue };
        if before.outputs.len() != 1 {
            continue;
        }
        let mut op = before.op.clone();
        let joined = match activation_mut(&mut op) {
            Some(first) => join(*first, second).map(|joined| *first = joined),
            // A quantised `relu` may rescale on its way, which the narrower ones do not.
            None => rectifier(&op)
                .filter(|_| rewriter.is_float(between))
                .and_then(|first| join(first, second))
                .and_then(rectifying)
                .map(|rectifying| op = rectifying),
        };
        if joined.is_some() {
            rewriter.set_op(producer, op);
            rewriter.take_over(producer, id);
            rewriter.count();
        }
    }
    rewriter.finish()
}

/// Whether clamping before or after storing into these tensors is the same.
fn is_comparable(rewriter: &Rewriter<'_>, between: TensorId, result: TensorId) -> bool {
    let (between, result) = (rewriter.tensor(between), rewriter.tensor(result));
    match between.element {
        ElementType::Float32 => result.element == ElementType::Float32,
        ElementType::Int8 => {
            let scale = between.quantisation.as_ref();
            scale.is_some_and(|found| found.is_quantised() && !found.is_per_axis())
                && same_meaning(between, result)
        }
        _ => false,
    }
}

/// The activation that an operator on its own is.
const fn rectifier(op: &Op) -> Option<Activation> {
    match op {
        Op::Relu(_) => Some(Activation::Relu),
        Op::Relu6(_) => Some(Activation::Relu6),
        Op::ReluN1To1(_) => Some(Activation::ReluN1To1),
        _ => None,
    }
}

/// The operator on its own that an activation is.
fn rectifying(activation: Activation) -> Option<Op> {
    match activation {
        Activation::Relu => Some(ops::Relu {}.into()),
        Activation::Relu6 => Some(ops::Relu6 {}.into()),
        Activation::ReluN1To1 => Some(ops::ReluN1To1 {}.into()),
        Activation::None | Activation::Tanh | Activation::SignBit => None,
    }
}

/// One activation for `first` and then `second`, where there is one.
const fn join(first: Activation, second: Activation) -> Option<Activation> {
    use Activation::{None as Nothing, Relu, Relu6, ReluN1To1};
    match (first, second) {
        (Nothing, second) => Some(second),
        (Relu, Relu) => Some(Relu),
        (Relu | Relu6, Relu6) | (Relu6, Relu) => Some(Relu6),
        (ReluN1To1, ReluN1To1) => Some(ReluN1To1),
        _ => None,
    }
}

/// The fused activation of an operator that clamps what it has computed. A transposed convolution
/// has one too, but TFLM's kernel passes over it.
const fn activation_mut(op: &mut Op) -> Option<&mut Activation> {
    match op {
        Op::Add(op) => Some(&mut op.activation),
        Op::AveragePool2d(op) => Some(&mut op.activation),
        Op::Conv2d(op) => Some(&mut op.activation),
        Op::DepthwiseConv2d(op) => Some(&mut op.activation),
        Op::Div(op) => Some(&mut op.activation),
        Op::FullyConnected(op) => Some(&mut op.activation),
        Op::MaxPool2d(op) => Some(&mut op.activation),
        Op::Mul(op) => Some(&mut op.activation),
        Op::Sub(op) => Some(&mut op.activation),
        _ => None,
    }
}
