//! Fused activations as ranges.

use std::ops::RangeInclusive;

use cofit_ir::Activation;
use cofit_vocab::ElementType;

use crate::integer::Integer;
use crate::site::{Affine, Refusal, Site};

/// The range that an activation leaves to results of type `T`, in the result's integers.
///
/// The ends are the real ones over the scale, rounded to nearest with ties away from zero, plus the
/// zero point, within the type: `CalculateActivationRangeQuantized` of TensorFlow Lite
/// (`kernels/kernel_util.cc`). TFLM refuses the hyperbolic tangent and the sign here, and so does
/// this.
pub(crate) fn quantised_range<T: Integer>(
    site: &Site<'_>,
    activation: Activation,
    to: Affine,
) -> Result<RangeInclusive<i32>, Refusal> {
    let quantise = |real: f32| {
        let steps = (real / to.scale).round() as i32;
        to.zero_point.saturating_add(steps).clamp(T::LOWEST, T::HIGHEST)
    };
    let (lowest, highest) = match activation {
        Activation::None => (T::LOWEST, T::HIGHEST),
        Activation::Relu => (quantise(0.0), T::HIGHEST),
        Activation::ReluN1To1 => (quantise(-1.0), quantise(1.0)),
        Activation::Relu6 => (quantise(0.0), quantise(6.0)),
        Activation::Tanh | Activation::SignBit => return Err(unknown(site, activation)),
    };
    // A scale that is not a number, or negative, could turn the range around.
    Ok(lowest..=highest.max(lowest))
}

/// The range that an activation leaves to a quantised result of a type that is known only when the
/// kernel is prepared.
pub(crate) fn range_of(
    site: &Site<'_>,
    activation: Activation,
    element: ElementType,
    to: Affine,
) -> Result<RangeInclusive<i32>, Refusal> {
    match element {
        ElementType::Int8 => quantised_range::<i8>(site, activation, to),
        ElementType::UInt8 => quantised_range::<u8>(site, activation, to),
        ElementType::Int16 => quantised_range::<i16>(site, activation, to),
        _ => Err(site.unsupported()),
    }
}

/// The range that an activation leaves to unquantised integers.
pub(crate) fn integer_range(
    site: &Site<'_>,
    activation: Activation,
) -> Result<RangeInclusive<i64>, Refusal> {
    Ok(match activation {
        Activation::None => i64::MIN..=i64::MAX,
        Activation::Relu => 0..=i64::MAX,
        Activation::ReluN1To1 => -1..=1,
        Activation::Relu6 => 0..=6,
        Activation::Tanh | Activation::SignBit => return Err(unknown(site, activation)),
    })
}

/// An activation of a real number.
#[inline]
pub(crate) fn activate(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::None => x,
        Activation::Relu => x.clamp(0.0, f32::INFINITY),
        Activation::ReluN1To1 => x.clamp(-1.0, 1.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Tanh => x.tanh(),
        Activation::SignBit => f32::from(u8::from(x.is_sign_negative())),
    }
}

fn unknown(site: &Site<'_>, activation: Activation) -> Refusal {
    site.refuse(
        format!("the fused activation `{}` is not defined for integers", activation.name()),
        "export the activation as an operator of its own",
    )
}
