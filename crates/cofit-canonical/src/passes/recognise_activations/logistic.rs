//! `logistic`: a quotient by `1 + exp(-x)`.

use cofit_ir::{Activation, Op, OperatorId, TensorId, ops};

use super::pieces::{linear, linear_of};
use crate::constants::scalar;
use crate::rewrite::Rewriter;

/// Recognises a logistic function whose last piece is operator `id`.
pub fn recognise(rewriter: &mut Rewriter<'_>, id: OperatorId) -> Option<()> {
    let operator = rewriter.operator(id)?;
    let Op::Div(div) = &operator.op else { return None };
    let activation = div.activation;
    let (dividend, divisor) = (operator.input(0)?, operator.input(1)?);
    let result = *operator.outputs.first()?;
    let (sum, _) = rewriter.inner(divisor)?;
    let x = argument(rewriter, divisor).filter(|&x| rewriter.is_fixed(x))?;
    match scalar(rewriter.graph(), dividend) {
        Some(1.0)
            if activation == Activation::None
                && rewriter.tensor(x).shape == rewriter.tensor(result).shape =>
        {
            rewriter.replace(id, ops::Logistic {}, &[x]);
        }
        Some(_) | None => {
            rewriter.replace(sum, ops::Logistic {}, &[x]);
            rewriter.replace(id, ops::Mul { activation }, &[dividend, divisor]);
        }
    }
    Some(())
}

/// The `x` of a tensor that is `1 + exp(-x)`.
fn argument(rewriter: &Rewriter<'_>, tensor: TensorId) -> Option<TensorId> {
    let sum = linear_of(rewriter, tensor);
    let (_, exp) = rewriter.inner(sum.of).filter(|(_, inner)| matches!(inner.op, Op::Exp(_)))?;
    let (_, negative) = rewriter.inner(exp.input(0)?)?;
    let (line, activation) = linear(rewriter, negative)?;
    let is_one = |value: f64| value == 1.0;
    let is_logistic = is_one(sum.factor)
        && is_one(sum.offset)
        && is_one(-line.factor)
        && line.offset == 0.0
        && activation == Activation::None;
    is_logistic.then_some(line.of)
}
