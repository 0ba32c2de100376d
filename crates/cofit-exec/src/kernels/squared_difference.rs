//! `squared_difference`.
//!
//! int8 and int16 (`kernels/squared_difference.cc` of TFLM): both operands are brought to twice the
//! larger scale, shifted left by 7 bits (0 for int16), subtracted, squared and requantised; uint8
//! alike. int32 and int64 wrap.

use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::arithmetic::common_scale::{SumFactors, ToCommon};
use crate::call::Kernel;
use crate::elementwise::{binary_types, zip};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match binary_types(site)? {
        Some((ElementType::Int8, ElementType::Int8)) => quantised::<i8>(site, 7),
        Some((ElementType::UInt8, ElementType::UInt8)) => quantised::<u8>(site, 7),
        Some((ElementType::Int16, ElementType::Int16)) => quantised::<i16>(site, 0),
        Some((ElementType::Int32, ElementType::Int32)) => zip(site, |a: i32, b: i32| {
            let difference = a.wrapping_sub(b);
            difference.wrapping_mul(difference)
        }),
        Some((ElementType::Int64, ElementType::Int64)) => zip(site, |a: i64, b: i64| {
            let difference = a.wrapping_sub(b);
            difference.wrapping_mul(difference)
        }),
        Some((ElementType::Float32, ElementType::Float32)) => {
            zip(site, |a: f32, b: f32| (a - b) * (a - b))
        }
        _ => Err(site.unsupported()),
    }
}

fn quantised<T: Integer>(site: &Site<'_>, left_shift: u32) -> Result<Kernel, Refusal> {
    let (of_a, of_b) = (site.affine(site.input(0)?)?, site.affine(site.input(1)?)?);
    let to = site.affine(site.output(0)?)?;
    let factors = SumFactors::new(of_a, of_b, to, left_shift);
    let twice = 2.0 * f64::from(of_a.scale.max(of_b.scale));
    let squared = f64::from((1_u32 << (2 * left_shift)) as f32 * to.scale);
    let multiplier = Multiplier::new(twice * twice / squared);
    let rounding = site.rounding;
    let to_a = ToCommon::new(of_a, factors.a, left_shift, rounding);
    let to_b = ToCommon::new(of_b, factors.b, left_shift, rounding);
    zip(site, move |a: T, b: T| {
        let difference = to_a.apply(a.widen()).wrapping_sub(to_b.apply(b.widen()));
        let square = difference.wrapping_mul(difference);
        T::saturate(multiplier.apply(square, rounding).wrapping_add(to.zero_point))
    })
}
