//! Arithmetic with constants, taken together.

use cofit_ir::{Activation, Op, Operator, TensorId};
use smallvec::SmallVec;

use crate::constants::scalar;
use crate::rewrite::Rewriter;

/// Most operators that are taken together. Activations are written in about ten.
const DEEPEST: usize = 12;

/// Whether a constant is what a definition says, up to the rounding of float32.
pub fn is_close(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() <= 1e-6 * wanted.abs()
}

/// `factor * of + offset`.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    pub of: TensorId,
    pub factor: f64,
    pub offset: f64,
}

impl Linear {
    /// The tensor itself.
    pub const fn identity(of: TensorId) -> Self {
        Self { of, factor: 1.0, offset: 0.0 }
    }

    /// This function of what `inner` is of.
    const fn after(self, inner: Self) -> Self {
        Self {
            of: inner.of,
            factor: self.factor * inner.factor,
            offset: self.factor * inner.offset + self.offset,
        }
    }
}

/// An operator of arithmetic with one scalar constant, and the activation behind it.
pub fn linear(rewriter: &Rewriter<'_>, operator: &Operator) -> Option<(Linear, Activation)> {
    let (a, result) = (operator.input(0)?, *operator.outputs.first()?);
    let graph = rewriter.graph();
    // The constant, the other operand, and whether the constant comes first.
    let operands = || -> Option<(f64, TensorId, bool)> {
        let b = operator.input(1)?;
        match (scalar(graph, a), scalar(graph, b)) {
            (None, Some(value)) => Some((f64::from(value), a, false)),
            (Some(value), None) => Some((f64::from(value), b, true)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    };
    let (linear, activation) = match &operator.op {
        Op::Add(op) => {
            let (value, of, _) = operands()?;
            (Linear { of, factor: 1.0, offset: value }, op.activation)
        }
        Op::Mul(op) => {
            let (value, of, _) = operands()?;
            (Linear { of, factor: value, offset: 0.0 }, op.activation)
        }
        Op::Sub(op) => {
            let (value, of, is_first) = operands()?;
            let linear = match is_first {
                true => Linear { of, factor: -1.0, offset: value },
                false => Linear { of, factor: 1.0, offset: -value },
            };
            (linear, op.activation)
        }
        Op::Div(op) => {
            let (value, of, is_first) = operands()?;
            if is_first {
                return None;
            }
            (Linear { of, factor: 1.0 / value, offset: 0.0 }, op.activation)
        }
        Op::Neg(_) => (Linear { of: a, factor: -1.0, offset: 0.0 }, Activation::None),
        _ => return None,
    };
    let is_finite = linear.factor.is_finite() && linear.offset.is_finite();
    let is_same_shape = rewriter.tensor(linear.of).shape == rewriter.tensor(result).shape;
    (is_finite && is_same_shape).then_some((linear, activation))
}

/// A tensor as a linear function of the first one before it that is not one itself, or that others
/// read too.
pub fn linear_of(rewriter: &Rewriter<'_>, tensor: TensorId) -> Linear {
    let mut whole = Linear::identity(tensor);
    for _ in 0..DEEPEST {
        let inner = rewriter.inner(whole.of).and_then(|(_, inner)| linear(rewriter, inner));
        match inner {
            Some((inner, Activation::None)) => whole = whole.after(inner),
            Some(_) | None => break,
        }
    }
    whole
}

/// A value held between two bounds: `linear` is what is held.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub low: f64,
    pub high: f64,
    pub linear: Linear,
}

/// An operator as one that holds a value between bounds, with what is held as it stands.
pub fn held_by(rewriter: &Rewriter<'_>, operator: &Operator, depth: usize) -> Option<Held> {
    let input = operator.input(0)?;
    let held = |low, high| Some(Held { low, high, linear: Linear::identity(input) });
    let infinity = f64::INFINITY;
    match &operator.op {
        Op::Relu(_) => held(0.0, infinity),
        Op::Relu6(_) => held(0.0, 6.0),
        Op::ReluN1To1(_) => held(-1.0, 1.0),
        Op::Minimum(_) | Op::Maximum(_) if depth < DEEPEST => {
            let (a, b) = (input, operator.input(1)?);
            let graph = rewriter.graph();
            let (bound, of) = match (scalar(graph, a), scalar(graph, b)) {
                (None, Some(value)) => (f64::from(value), a),
                (Some(value), None) => (f64::from(value), b),
                (Some(_), Some(_)) | (None, None) => return None,
            };
            let result = *operator.outputs.first()?;
            if rewriter.tensor(of).shape != rewriter.tensor(result).shape {
                return None;
            }
            let inner = rewriter
                .inner(of)
                .and_then(|(_, inner)| held_by(rewriter, inner, depth + 1))
                .unwrap_or(Held { low: -infinity, high: infinity, linear: Linear::identity(of) });
            // Bounds that cross leave a constant, which nobody writes.
            let (low, high) = match &operator.op {
                Op::Minimum(_) => (inner.low, inner.high.min(bound)),
                _ => (inner.low.max(bound), inner.high),
            };
            (low < high).then_some(Held { low, high, linear: inner.linear })
        }
        _ => {
            let (linear, activation) = linear(rewriter, operator)?;
            match activation {
                Activation::Relu => Some(Held { low: 0.0, high: infinity, linear }),
                Activation::Relu6 => Some(Held { low: 0.0, high: 6.0, linear }),
                Activation::ReluN1To1 => Some(Held { low: -1.0, high: 1.0, linear }),
                Activation::None | Activation::Tanh | Activation::SignBit => None,
            }
        }
    }
}

/// A tensor that one operator alone reads as a value held between bounds, with the arithmetic before
/// it taken together.
pub fn held(rewriter: &Rewriter<'_>, tensor: TensorId) -> Option<Held> {
    let (_, inner) = rewriter.inner(tensor)?;
    let found = held_by(rewriter, inner, 0)?;
    Some(Held { linear: found.linear.after(linear_of(rewriter, found.linear.of)), ..found })
}

/// A product as a constant times tensors.
#[derive(Clone, Debug)]
pub struct Product {
    pub constant: f64,
    pub factors: SmallVec<[TensorId; 2]>,
}

/// An operator as a product. Only products that nobody else reads are taken apart.
pub fn product(rewriter: &Rewriter<'_>, operator: &Operator) -> Option<Product> {
    let mut product = Product { constant: 1.0, factors: SmallVec::new() };
    let mut pending: SmallVec<[TensorId; 4]> = SmallVec::new();
    let shape = &rewriter.tensor(*operator.outputs.first()?).shape;
    let part = |operator: &Operator, product: &mut Product| -> Option<SmallVec<[TensorId; 2]>> {
        match &operator.op {
            Op::Mul(op) if op.activation == Activation::None => {
                Some(operator.inputs.iter().copied().flatten().collect())
            }
            Op::Div(op) if op.activation == Activation::None => {
                product.constant /= f64::from(scalar(rewriter.graph(), operator.input(1)?)?);
                Some(operator.input(0).into_iter().collect())
            }
            _ => None,
        }
    };
    pending.extend(part(operator, &mut product)?);
    for _ in 0..DEEPEST {
        let Some(tensor) = pending.pop() else { break };
        if let Some(value) = scalar(rewriter.graph(), tensor) {
            product.constant *= f64::from(value);
            continue;
        }
        if rewriter.tensor(tensor).shape != *shape {
            return None;
        }
        match rewriter.inner(tensor).and_then(|(_, inner)| part(inner, &mut product)) {
            Some(parts) => pending.extend(parts),
            None => product.factors.push(tensor),
        }
    }
    (pending.is_empty() && product.constant.is_finite()).then_some(product)
}

/// Coefficients of the powers of `x` from 0 to 3.
pub type Polynomial = [f64; 4];

/// A tensor that one operator alone reads as a polynomial in `x`.
pub fn polynomial(rewriter: &Rewriter<'_>, tensor: TensorId, x: TensorId) -> Option<Polynomial> {
    polynomial_to(rewriter, tensor, x, DEEPEST)
}

fn polynomial_to(
    rewriter: &Rewriter<'_>,
    tensor: TensorId,
    x: TensorId,
    depth: usize,
) -> Option<Polynomial> {
    if tensor == x {
        return Some([0.0, 1.0, 0.0, 0.0]);
    }
    if let Some(value) = scalar(rewriter.graph(), tensor) {
        return Some([f64::from(value), 0.0, 0.0, 0.0]);
    }
    if depth == 0 || rewriter.tensor(tensor).shape != rewriter.tensor(x).shape {
        return None;
    }
    let (_, operator) = rewriter.inner(tensor)?;
    let operand = |index: usize| polynomial_to(rewriter, operator.input(index)?, x, depth - 1);
    let each = |a: Polynomial, b: Polynomial, of: fn(f64, f64) -> f64| -> Polynomial {
        std::array::from_fn(|power| of(a[power], b[power]))
    };
    match &operator.op {
        Op::Add(op) if op.activation == Activation::None => {
            Some(each(operand(0)?, operand(1)?, |a, b| a + b))
        }
        Op::Sub(op) if op.activation == Activation::None => {
            Some(each(operand(0)?, operand(1)?, |a, b| a - b))
        }
        Op::Mul(op) if op.activation == Activation::None => times(operand(0)?, operand(1)?),
        Op::Div(op) if op.activation == Activation::None => {
            let by = f64::from(scalar(rewriter.graph(), operator.input(1)?)?);
            times(operand(0)?, [1.0 / by, 0.0, 0.0, 0.0])
        }
        Op::Neg(_) => times(operand(0)?, [-1.0, 0.0, 0.0, 0.0]),
        Op::Square(_) => times(operand(0)?, operand(0)?),
        Op::Pow(_) => {
            let (base, exponent) = (operand(0)?, scalar(rewriter.graph(), operator.input(1)?)?);
            let square = times(base, base)?;
            if exponent == 2.0 {
                Some(square)
            } else if exponent == 3.0 {
                times(square, base)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// The product of two polynomials, where it has no higher power than the third.
fn times(a: Polynomial, b: Polynomial) -> Option<Polynomial> {
    let mut product = [0.0; 4];
    for (i, a) in a.into_iter().enumerate() {
        for (j, b) in b.into_iter().enumerate() {
            let term = a * b;
            match product.get_mut(i + j) {
                Some(sum) => *sum += term,
                None if term != 0.0 => return None,
                None => {}
            }
        }
    }
    Some(product)
}
