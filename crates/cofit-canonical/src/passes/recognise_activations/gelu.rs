//! `gelu`, exact and approximated.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use cofit_ir::{Op, OperatorId, TensorId, ops};

use super::pieces::{is_close, linear_of, polynomial, product};
use crate::rewrite::Rewriter;

/// The cubic coefficient of the approximation.
/// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016), section 2.
const CUBIC: f64 = 0.044715;

/// Recognises a GELU whose last piece is operator `id`.
pub fn recognise(rewriter: &mut Rewriter<'_>, id: OperatorId) -> Option<()> {
    let whole = product(rewriter, rewriter.operator(id)?)?;
    let &[a, b] = whole.factors.as_slice() else { return None };
    let (x, approximate) = [(a, b), (b, a)].into_iter().find_map(|(x, gate)| {
        let gate = linear_of(rewriter, gate);
        let is_half = is_close(whole.constant * gate.factor, 0.5)
            && is_close(whole.constant * gate.offset, 0.5);
        let approximate = is_half.then(|| distribution(rewriter, gate.of, x)).flatten()?;
        Some((x, approximate))
    })?;
    if !rewriter.is_fixed(x) {
        return None;
    }
    rewriter.replace(id, ops::Gelu { approximate }, &[x]);
    Some(())
}

/// Whether `tensor` is twice the normal distribution function at `x` less one, and then whether it
/// is the approximation.
fn distribution(rewriter: &Rewriter<'_>, tensor: TensorId, x: TensorId) -> Option<bool> {
    let (_, operator) = rewriter.inner(tensor)?;
    let argument = polynomial(rewriter, operator.input(0)?, x)?;
    let is_odd = argument[0] == 0.0 && argument[2] == 0.0;
    match &operator.op {
        Op::Erf(_) => {
            let is_exact = is_odd && argument[3] == 0.0 && is_close(argument[1], FRAC_1_SQRT_2);
            is_exact.then_some(false)
        }
        Op::Tanh(_) => {
            let slope = FRAC_2_PI.sqrt();
            let is_approximate =
                is_odd && is_close(argument[1], slope) && is_close(argument[3], slope * CUBIC);
            is_approximate.then_some(true)
        }
        _ => None,
    }
}
