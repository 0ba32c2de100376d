//! `softmax` over the innermost axis.

use cofit_ir::{Activation, Op, Operator, OperatorId, TensorId, ops};

use crate::rewrite::Rewriter;

/// Recognises a softmax whose last piece is operator `id`.
pub fn recognise(rewriter: &mut Rewriter<'_>, id: OperatorId) -> Option<()> {
    let operator = rewriter.operator(id)?;
    let is_plain = matches!(&operator.op, Op::Div(div) if div.activation == Activation::None);
    let (powers, total) = (operator.input(0)?, operator.input(1)?);
    let (_, sum) = rewriter.inner(total)?;
    let is_sum = matches!(&sum.op, Op::Sum(sum) if sum.keep_dims)
        && sum.input(0) == Some(powers)
        && is_along_last(rewriter, sum);
    // The quotient and the sum read the powers, and nobody else.
    let is_alone = rewriter.reads(powers) == 2 && !rewriter.is_output(powers);
    let (_, exp) = rewriter.producer(powers).filter(|(_, it)| matches!(it.op, Op::Exp(_)))?;
    if !is_plain || !is_sum || !is_alone {
        return None;
    }
    let exponent = exp.input(0)?;
    let x = without_maximum(rewriter, exponent).unwrap_or(exponent);
    if !rewriter.is_fixed(x) {
        return None;
    }
    rewriter.replace(id, ops::Softmax { beta: 1.0 }, &[x]);
    Some(())
}

/// The `x` of `x - reduce_max(x)`, which has the same softmax.
fn without_maximum(rewriter: &Rewriter<'_>, tensor: TensorId) -> Option<TensorId> {
    let (_, operator) = rewriter.inner(tensor)?;
    let Op::Sub(sub) = &operator.op else { return None };
    let x = operator.input(0)?;
    let (_, maximum) = rewriter.inner(operator.input(1)?)?;
    let is_maximum = matches!(&maximum.op, Op::ReduceMax(maximum) if maximum.keep_dims)
        && maximum.input(0) == Some(x)
        && is_along_last(rewriter, maximum);
    (is_maximum && sub.activation == Activation::None).then_some(x)
}

/// Whether a reduction goes along the innermost axis only.
fn is_along_last(rewriter: &Rewriter<'_>, reduction: &Operator) -> bool {
    let (Some(input), Some(axes)) = (reduction.input(0), reduction.input(1)) else { return false };
    let shape = &rewriter.tensor(input).shape;
    match rewriter.tensor(axes).integers().as_deref() {
        Some(&[axis]) => shape.resolve_axis(axis).is_some_and(|axis| axis + 1 == shape.rank()),
        Some(_) | None => false,
    }
}
