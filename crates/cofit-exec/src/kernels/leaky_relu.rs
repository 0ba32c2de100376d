//! `leaky_relu`.
//!
//! int8, uint8 and int16: two requantisations, one for each side of zero. TFLM
//! (`kernels/leaky_relu_common.cc`) computes their factors in double precision; LiteRT, which is
//! followed for uint8, in single. A negative slope is a negative factor.

use cofit_ir::Op;
use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::call::Kernel;
use crate::elementwise::map;
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let alpha = match &site.operator().op {
        Op::LeakyRelu(op) => op.alpha,
        _ => return Err(site.unsupported()),
    };
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => quantised::<i8>(site, alpha, in_double),
        (ElementType::UInt8, ElementType::UInt8) => quantised::<u8>(site, alpha, in_single),
        (ElementType::Int16, ElementType::Int16) => quantised::<i16>(site, alpha, in_double),
        (ElementType::Float32, ElementType::Float32) => {
            map(site, move |x: f32| if x > 0.0 { x } else { x * alpha })
        }
        _ => Err(site.unsupported()),
    }
}

/// The factors above and below zero, from the scales of operand and result and the slope.
fn in_double(from: f32, to: f32, alpha: f32) -> (f64, f64) {
    let (from, to, alpha) = (f64::from(from), f64::from(to), f64::from(alpha));
    (from / to, from * alpha / to)
}

fn in_single(from: f32, to: f32, alpha: f32) -> (f64, f64) {
    (f64::from(from / to), f64::from(from * alpha / to))
}

fn quantised<T: Integer>(
    site: &Site<'_>,
    alpha: f32,
    factors: fn(f32, f32, f32) -> (f64, f64),
) -> Result<Kernel, Refusal> {
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    let (above, below) = factors(from.scale, to.scale, alpha);
    let (above, below) = (Multiplier::new(above), signed(below));
    let rounding = site.rounding;
    map(site, move |stored: T| {
        let x = stored.widen().wrapping_sub(from.zero_point);
        let factor = if x >= 0 { above } else { below };
        T::saturate(factor.apply(x, rounding).wrapping_add(to.zero_point))
    })
}

/// A factor of either sign.
fn signed(real: f64) -> Multiplier {
    let Multiplier { significand, exponent } = Multiplier::new(real.abs());
    Multiplier { significand: if real < 0.0 { -significand } else { significand }, exponent }
}
