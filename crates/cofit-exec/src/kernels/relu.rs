//! `relu`, `relu6` and `relu_n1_to_1`: requantised to the result's scale, then kept in a range.
//!
//! `CalculateReluOpData` of TFLM (`kernels/activations_common.cc`), with the factor in double
//! precision; and, for uint8 and `relu_n1_to_1`, which it does not have, `QuantizedReluX` of LiteRT,
//! with the factor in single precision. TFLM's int8 and int16 `relu6` is another function: it keeps
//! the stored integers between the operand's own zero and six and does not look at the result's scale.

use cofit_ir::{Activation, Op};
use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::arithmetic::activation::{activate, quantised_range};
use crate::call::Kernel;
use crate::elementwise::map;
use crate::integer::Integer;
use crate::lookup::quantise;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let activation = match &site.operator().op {
        Op::Relu(_) => Activation::Relu,
        Op::Relu6(_) => Activation::Relu6,
        Op::ReluN1To1(_) => Activation::ReluN1To1,
        _ => return Err(site.unsupported()),
    };
    match (site.elements()?, activation) {
        ((ElementType::Int8, ElementType::Int8), Activation::Relu6) => clipped::<i8>(site),
        ((ElementType::Int16, ElementType::Int16), Activation::Relu6) => clipped::<i16>(site),
        ((ElementType::Int8, ElementType::Int8), Activation::Relu) => {
            requantised::<i8>(site, activation, in_double)
        }
        ((ElementType::Int16, ElementType::Int16), Activation::Relu) => {
            requantised::<i16>(site, activation, in_double)
        }
        ((ElementType::Int8, ElementType::Int8), _) => {
            requantised::<i8>(site, activation, in_single)
        }
        ((ElementType::Int16, ElementType::Int16), _) => {
            requantised::<i16>(site, activation, in_single)
        }
        ((ElementType::UInt8, ElementType::UInt8), _) => {
            requantised::<u8>(site, activation, in_single)
        }
        ((ElementType::Float32, ElementType::Float32), _) => {
            map(site, move |x: f32| activate(activation, x))
        }
        _ => Err(site.unsupported()),
    }
}

/// The factor from an operand's scale to a result's.
fn in_double(from: f32, to: f32) -> f64 {
    f64::from(from) / f64::from(to)
}

fn in_single(from: f32, to: f32) -> f64 {
    f64::from(from / to)
}

fn requantised<T: Integer>(
    site: &Site<'_>,
    activation: Activation,
    factor: fn(f32, f32) -> f64,
) -> Result<Kernel, Refusal> {
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    let multiplier = Multiplier::new(factor(from.scale, to.scale));
    let range = quantised_range::<T>(site, activation, to)?;
    let rounding = site.rounding;
    map(site, move |stored: T| {
        let scaled = multiplier.apply(stored.widen().wrapping_sub(from.zero_point), rounding);
        let result = scaled.wrapping_add(to.zero_point);
        T::saturate(result.clamp(*range.start(), *range.end()))
    })
}

fn clipped<T: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let from = site.affine(site.input(0)?)?;
    let zero = from.zero_point.clamp(T::LOWEST, T::HIGHEST);
    let six = quantise(6.0, from).clamp(zero, T::HIGHEST);
    map(site, move |stored: T| T::saturate(stored.widen().clamp(zero, six)))
}
