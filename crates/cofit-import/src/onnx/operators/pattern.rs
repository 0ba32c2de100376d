//! Activations that exporters write as several nodes, recognised at the product or quotient that
//! ends them. What they were made of stays unread and is dropped at the end.

use cofit_ir::{Activation, Op, TensorId, ops};

use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::Imported;
use crate::onnx::view::View;

use super::elementwise::Side;

/// The activation that a node ends.
pub(super) fn recognised(
    importer: &mut Importer,
    node: &Node<'_>,
    sides: &[Side],
) -> Imported<Option<View>> {
    if importer.target.is_some() || !matches!(node.kind(), "Mul" | "Div") {
        return Ok(None);
    }
    let found = match (node.kind(), sides) {
        ("Mul", [Side::Activation(a), Side::Activation(b)]) => {
            product(importer, a.tensor, b.tensor)
                .map(|found| (found, a.clone()))
                .or_else(|| product(importer, b.tensor, a.tensor).map(|found| (found, b.clone())))
        }
        ("Mul", [Side::Activation(a), Side::Constant(b)])
        | ("Mul", [Side::Constant(b), Side::Activation(a)]) => {
            b.scalar().and_then(|b| scaled(importer, a.tensor, b)).map(|found| (found, a.clone()))
        }
        ("Div", [Side::Activation(a), Side::Constant(b)]) => {
            let b = b.scalar().map(|b| 1.0 / b);
            b.and_then(|b| scaled(importer, a.tensor, b)).map(|found| (found, a.clone()))
        }
        _ => None,
    };
    let Some(((op, source), view)) = found else { return Ok(None) };
    let shape = |id: TensorId| importer.graph.tensors[id].shape.clone();
    if shape(source) != shape(view.tensor) {
        return Ok(None);
    }
    let tensor = importer.emit(op, &[source], node.result())?;
    Ok(Some(View { tensor, ..view }))
}

/// The activation that `a * b` is, and of what.
fn product(importer: &Importer, a: TensorId, b: TensorId) -> Option<(Op, TensorId)> {
    // x * (relu6(x + 3) / 6)
    if let Some((gate, factor)) = times(importer, b)
        && near(factor, 1.0 / 6.0)
        && raised_clamp(importer, gate) == Some(a)
    {
        return Some((ops::HardSwish::default().into(), a));
    }
    // (x / 2) * (1 + erf(x / sqrt(2)))
    let (x, factor) = times(importer, a)?;
    (near(factor, 0.5) && normal(importer, b) == Some(x))
        .then(|| (ops::Gelu { approximate: false }.into(), x))
}

/// The activation that `factor * a` is, and of what.
fn scaled(importer: &Importer, a: TensorId, factor: f64) -> Option<(Op, TensorId)> {
    let Op::Mul(op) = operator(importer, a)? else { return None };
    if op.activation != Activation::None {
        return None;
    }
    let (first, second) = operands(importer, a)?;
    for (x, gate) in [(first, second), (second, first)] {
        // x * relu6(x + 3), over 6
        if near(factor, 1.0 / 6.0) && raised_clamp(importer, gate) == Some(x) {
            return Some((ops::HardSwish::default().into(), x));
        }
        // x * (1 + erf(x / sqrt(2))), over 2
        if near(factor, 0.5) && normal(importer, gate) == Some(x) {
            return Some((ops::Gelu { approximate: false }.into(), x));
        }
    }
    None
}

/// The `x` of `relu6(x + 3)`.
fn raised_clamp(importer: &Importer, tensor: TensorId) -> Option<TensorId> {
    let sum = match operator(importer, tensor)? {
        Op::Relu6(_) => importer.graph.operators[importer.producer(tensor)?].input(0)?,
        Op::Add(op) if op.activation == Activation::Relu6 => tensor,
        // Any other operator ends another expression.
        _ => return None,
    };
    let (x, number) = plus(importer, sum)?;
    near(number, 3.0).then_some(x)
}

/// The `x` of `1 + erf(x / sqrt(2))`.
fn normal(importer: &Importer, tensor: TensorId) -> Option<TensorId> {
    let (inner, number) = plus(importer, tensor)?;
    let Op::Erf(_) = operator(importer, inner)? else { return None };
    let inner = importer.graph.operators[importer.producer(inner)?].input(0)?;
    let (x, factor) = times(importer, inner)?;
    (near(number, 1.0) && near(factor, std::f64::consts::FRAC_1_SQRT_2)).then_some(x)
}

/// The operand and the number of a sum.
fn plus(importer: &Importer, tensor: TensorId) -> Option<(TensorId, f64)> {
    let Op::Add(_) = operator(importer, tensor)? else { return None };
    with_number(importer, tensor)
}

/// The operand and the factor of a product with a number, or of a quotient by one.
fn times(importer: &Importer, tensor: TensorId) -> Option<(TensorId, f64)> {
    match operator(importer, tensor)? {
        Op::Mul(op) if op.activation == Activation::None => with_number(importer, tensor),
        Op::Div(op) if op.activation == Activation::None => {
            let (_, divisor) = operands(importer, tensor)?;
            let (x, number) = with_number(importer, tensor)?;
            (x != divisor).then_some((x, 1.0 / number))
        }
        // Any other operator ends another expression.
        _ => None,
    }
}

/// The computed operand of an operator whose other operand is a number.
fn with_number(importer: &Importer, tensor: TensorId) -> Option<(TensorId, f64)> {
    let (a, b) = operands(importer, tensor)?;
    match (number(importer, a), number(importer, b)) {
        (None, Some(number)) => Some((a, number)),
        (Some(number), None) => Some((b, number)),
        (None, None) | (Some(_), Some(_)) => None,
    }
}

fn number(importer: &Importer, tensor: TensorId) -> Option<f64> {
    match importer.graph.tensors[tensor].floats()?.as_slice() {
        &[value] => Some(f64::from(value)),
        _ => None,
    }
}

fn operator(importer: &Importer, tensor: TensorId) -> Option<&Op> {
    Some(&importer.graph.operators[importer.producer(tensor)?].op)
}

fn operands(importer: &Importer, tensor: TensorId) -> Option<(TensorId, TensorId)> {
    let operator = &importer.graph.operators[importer.producer(tensor)?];
    Some((operator.input(0)?, operator.input(1)?))
}

/// Equal but for the rounding of exporters.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * b.abs()
}
