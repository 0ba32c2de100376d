//! `prelu`.
//!
//! int8, and int16 with int8 slopes: two requantisations, of the operand where it is not negative and
//! of its product with the slope elsewhere (`kernels/prelu_common.cc` of TFLM, factors in double
//! precision); int16 slopes, which no reference takes, alike. uint8, which TFLM does not have, follows
//! LiteRT with factors in single precision.

use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::call::Kernel;
use crate::elementwise::zip;
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let slopes = site.input(1)?.element;
    match (site.elements()?, slopes) {
        ((ElementType::Int8, ElementType::Int8), ElementType::Int8) => {
            quantised::<i8, i8>(site, in_double)
        }
        ((ElementType::Int16, ElementType::Int16), ElementType::Int8) => {
            quantised::<i16, i8>(site, in_double)
        }
        ((ElementType::Int16, ElementType::Int16), ElementType::Int16) => {
            quantised::<i16, i16>(site, in_double)
        }
        ((ElementType::UInt8, ElementType::UInt8), ElementType::UInt8) => {
            quantised::<u8, u8>(site, in_single)
        }
        ((ElementType::Float32, ElementType::Float32), ElementType::Float32) => {
            zip(site, |x: f32, alpha: f32| if x >= 0.0 { x } else { x * alpha })
        }
        _ => Err(site.unsupported()),
    }
}

/// The factors of the operand and of its product with the slope, from the scales of operand, slope
/// and result.
fn in_double(x: f32, alpha: f32, result: f32) -> (f64, f64) {
    let (x, alpha, result) = (f64::from(x), f64::from(alpha), f64::from(result));
    (x / result, x * alpha / result)
}

fn in_single(x: f32, alpha: f32, result: f32) -> (f64, f64) {
    (f64::from(x / result), f64::from(x * alpha / result))
}

fn quantised<T: Integer, A: Integer>(
    site: &Site<'_>,
    factors: fn(f32, f32, f32) -> (f64, f64),
) -> Result<Kernel, Refusal> {
    let (of_x, of_alpha) = (site.affine(site.input(0)?)?, site.affine(site.input(1)?)?);
    let to = site.affine(site.output(0)?)?;
    let (above, below) = factors(of_x.scale, of_alpha.scale, to.scale);
    let (above, below) = (Multiplier::new(above), Multiplier::new(below));
    let rounding = site.rounding;
    zip(site, move |stored: T, alpha: A| {
        let x = stored.widen().wrapping_sub(of_x.zero_point);
        let scaled = if x >= 0 {
            above.apply(x, rounding)
        } else {
            let alpha = alpha.widen().wrapping_sub(of_alpha.zero_point);
            below.apply(x.wrapping_mul(alpha), rounding)
        };
        T::saturate(scaled.wrapping_add(to.zero_point))
    })
}
