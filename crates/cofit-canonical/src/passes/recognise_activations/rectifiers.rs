//! `relu`, `relu6`, `relu_n1_to_1` and `leaky_relu`.

use cofit_ir::{Activation, Op, OperatorId, TensorId, ops};

use super::pieces::{held_by, linear};
use crate::rewrite::Rewriter;

/// Recognises a rectifier whose last piece is operator `id`.
pub fn recognise(rewriter: &mut Rewriter<'_>, id: OperatorId) -> Option<()> {
    let operator = rewriter.operator(id)?;
    if !matches!(operator.op, Op::Minimum(_) | Op::Maximum(_)) {
        return None;
    }
    let (op, input): (Op, TensorId) = match held_by(rewriter, operator, 0) {
        Some(held) if (held.linear.factor, held.linear.offset) == (1.0, 0.0) => {
            let op = if (held.low, held.high) == (0.0, f64::INFINITY) {
                ops::Relu {}.into()
            } else if (held.low, held.high) == (0.0, 6.0) {
                ops::Relu6 {}.into()
            } else if (held.low, held.high) == (-1.0, 1.0) {
                ops::ReluN1To1 {}.into()
            } else {
                return None;
            };
            (op, held.linear.of)
        }
        // Arithmetic with an activation of its own stays and is held as it was.
        Some(held) => {
            let (a, b) = (operator.input(0)?, operator.input(1)?);
            let before = if rewriter.tensor(a).is_constant() { b } else { a };
            if (held.low, held.high) != (0.0, 6.0) {
                return None;
            }
            (ops::Relu6 {}.into(), before)
        }
        None => leaky(rewriter, id)?,
    };
    if !rewriter.is_fixed(input) {
        return None;
    }
    rewriter.replace(id, op, &[input]);
    Some(())
}

/// `maximum(x, alpha * x)` with a slope between 0 and 1.
fn leaky(rewriter: &Rewriter<'_>, id: OperatorId) -> Option<(Op, TensorId)> {
    let operator = rewriter.operator(id)?;
    if !matches!(operator.op, Op::Maximum(_)) {
        return None;
    }
    let (a, b) = (operator.input(0)?, operator.input(1)?);
    [(a, b), (b, a)].into_iter().find_map(|(x, scaled)| {
        let (_, inner) = rewriter.inner(scaled)?;
        let (line, activation) = linear(rewriter, inner)?;
        let is_slope = line.of == x
            && line.offset == 0.0
            && 0.0 < line.factor
            && line.factor < 1.0
            && activation == Activation::None;
        is_slope.then(|| (ops::LeakyRelu { alpha: line.factor as f32 }.into(), x))
    })
}
