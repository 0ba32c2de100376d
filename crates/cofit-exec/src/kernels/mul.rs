//! `mul`.
//!
//! int8 and int16: the product of the operands less their zero points, requantised by the product of
//! their scales over the result's (`kernels/mul_common.cc` of TFLM). uint8, which TFLM does not have,
//! follows LiteRT, which computes that factor in single precision. int32 and int64 wrap before the
//! activation.

use cofit_ir::{Activation, Op};
use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::arithmetic::activation::{activate, integer_range, quantised_range};
use crate::call::Kernel;
use crate::elementwise::{binary_types, zip};
use crate::integer::Integer;
use crate::site::{Affine, Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let activation = match &site.operator().op {
        Op::Mul(op) => op.activation,
        _ => return Err(site.unsupported()),
    };
    let in_double = |a: Affine, b: Affine, result: Affine| {
        f64::from(a.scale) * f64::from(b.scale) / f64::from(result.scale)
    };
    let in_single =
        |a: Affine, b: Affine, result: Affine| f64::from(a.scale * b.scale / result.scale);
    match binary_types(site)? {
        Some((ElementType::Int8, ElementType::Int8)) => {
            quantised::<i8>(site, activation, in_double)
        }
        Some((ElementType::UInt8, ElementType::UInt8)) => {
            quantised::<u8>(site, activation, in_single)
        }
        Some((ElementType::Int16, ElementType::Int16)) => {
            quantised::<i16>(site, activation, in_double)
        }
        Some((ElementType::Int32, ElementType::Int32)) => {
            let range = integer_range(site, activation)?;
            zip(site, move |a: i32, b: i32| {
                i64::from(a.wrapping_mul(b)).clamp(*range.start(), *range.end()) as i32
            })
        }
        Some((ElementType::Int64, ElementType::Int64)) => {
            let range = integer_range(site, activation)?;
            zip(site, move |a: i64, b: i64| a.wrapping_mul(b).clamp(*range.start(), *range.end()))
        }
        Some((ElementType::Float32, ElementType::Float32)) => {
            zip(site, move |a: f32, b: f32| activate(activation, a * b))
        }
        _ => Err(site.unsupported()),
    }
}

fn quantised<T: Integer>(
    site: &Site<'_>,
    activation: Activation,
    factor: fn(Affine, Affine, Affine) -> f64,
) -> Result<Kernel, Refusal> {
    let (of_a, of_b) = (site.affine(site.input(0)?)?, site.affine(site.input(1)?)?);
    let of_result = site.affine(site.output(0)?)?;
    let multiplier = Multiplier::new(factor(of_a, of_b, of_result));
    let range = quantised_range::<T>(site, activation, of_result)?;
    let rounding = site.rounding;
    zip(site, move |a: T, b: T| {
        let a = a.widen().wrapping_sub(of_a.zero_point);
        let product = a.wrapping_mul(b.widen().wrapping_sub(of_b.zero_point));
        let result = multiplier.apply(product, rounding).wrapping_add(of_result.zero_point);
        T::saturate(result.clamp(*range.start(), *range.end()))
    })
}
