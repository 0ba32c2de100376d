//! Functions of one real number: `ceil`, `cos`, `erf`, `exp`, `floor`, `gelu`, `round`, `sign`, `sin` and
//! `square`.
//!
//! float32 is computed in single precision. TFLM has no integer form of any of them; LiteRT has `exp`
//! and `gelu` by tables, of 256 entries for 8-bit types and of 513 for int16. The other functions,
//! which nobody defines for integers, are computed by the same table for 8-bit types, and one by one
//! on the reals that int16 stands for, rounded to nearest. `round` takes ties to even.

use cofit_ir::Op;

use crate::arithmetic::gaussian::{complementary_error_function, error_function};
use crate::call::Kernel;
use crate::lookup::{Words, by_real};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match &site.operator().op {
        Op::Ceil(_) => by_real(site, Words::Each, f32::ceil),
        Op::Cos(_) => by_real(site, Words::Each, f32::cos),
        Op::Erf(_) => by_real(site, Words::Each, |x| error_function(f64::from(x)) as f32),
        Op::Exp(_) => by_real(site, Words::Segments, f32::exp),
        Op::Floor(_) => by_real(site, Words::Each, f32::floor),
        Op::Gelu(op) if op.approximate => by_real(site, Words::Segments, approximate_gelu),
        Op::Gelu(_) => by_real(site, Words::Segments, gelu),
        Op::Round(_) => by_real(site, Words::Each, f32::round_ties_even),
        Op::Sign(_) => by_real(site, Words::Each, sign),
        Op::Sin(_) => by_real(site, Words::Each, f32::sin),
        Op::Square(_) => by_real(site, Words::Each, |x| x * x),
        _ => Err(site.unsupported()),
    }
}

/// -1, 0 or 1; a NaN stays one.
fn sign(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// `x` times the standard normal distribution function at `x`.
fn gelu(x: f32) -> f32 {
    // The argument is rounded to single precision, as in LiteRT, which shows where the result is tiny.
    let argument = -x * std::f32::consts::FRAC_1_SQRT_2;
    0.5 * x * complementary_error_function(f64::from(argument)) as f32
}

/// `gelu` with the distribution function approximated by a hyperbolic tangent.
fn approximate_gelu(x: f32) -> f32 {
    let x = f64::from(x);
    let root = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
    (0.5 * x * (1.0 + (root * (x + 0.044_715 * x * x * x)).tanh())) as f32
}

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn the_error_function_of_integers_is_that_of_their_reals() {
        let erf = |element: &str, of_x: &str, of_y: &str, x: Buffer| {
            let graph = format!(
                "input t0\n output t1\n tensor t0 \"x\" {element}[3] {of_x}\n\
                 tensor t1 \"y\" {element}[3] {of_y}\n t1 = erf(t0)"
            );
            run(&graph, &[x], Rounding::Double)
        };
        // erf(1) = 0.842701, erf(-0.5) = -0.520500.
        let reals = erf("float32", "", "", Buffer::F32(vec![0.0, 1.0, -0.5]));
        assert_eq!(reals, Ok(Buffer::F32(vec![0.0, 0.842_700_8, -0.520_499_9])));
        let bytes = erf("int8", "scale=0.5 zero=1", "scale=0.01 zero=2", Buffer::I8(vec![1, 3, 0]));
        assert_eq!(bytes, Ok(Buffer::I8(vec![2, 86, -50])));
        let words = erf("int16", "scale=0.5", "scale=0.001", Buffer::I16(vec![0, 2, -1]));
        assert_eq!(words, Ok(Buffer::I16(vec![0, 843, -520])));
    }
}
