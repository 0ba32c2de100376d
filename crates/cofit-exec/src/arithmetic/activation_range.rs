//! Fused activations as bounds.

use cofit_ir::Activation;
use cofit_vocab::ElementType;

/// Least and greatest real value that an activation lets through; `None` where it does more than
/// bound.
pub fn float_range(activation: Activation) -> Option<(f32, f32)> {
    match activation {
        Activation::None => Some((f32::NEG_INFINITY, f32::INFINITY)),
        Activation::Relu => Some((0.0, f32::INFINITY)),
        Activation::ReluN1To1 => Some((-1.0, 1.0)),
        Activation::Relu6 => Some((0.0, 6.0)),
        Activation::Tanh | Activation::SignBit => None,
    }
}

/// Least and greatest integer of a result of type `element` with `scale` and `zero_point` after an
/// activation; `None` for activations that do more than bound, and for types without quantisation.
///
/// TensorFlow Lite's `CalculateActivationRangeQuantized`: a bound is quantised with the result's
/// scale, rounded to nearest with ties away from zero, and cut to the type's own range.
pub fn integer_range(
    activation: Activation,
    element: ElementType,
    scale: f32,
    zero_point: i32,
) -> Option<(i32, i32)> {
    let (least, greatest) = match element {
        ElementType::Int8 => (i32::from(i8::MIN), i32::from(i8::MAX)),
        ElementType::UInt8 => (0, i32::from(u8::MAX)),
        ElementType::Int16 => (i32::from(i16::MIN), i32::from(i16::MAX)),
        _ => return None,
    };
    let (low, high) = float_range(activation)?;
    let quantised = |real: f32| {
        // An `as` conversion saturates, so that an infinite bound is none.
        zero_point.saturating_add((real / scale).round() as i32)
    };
    Some((
        if low.is_finite() { least.max(quantised(low)) } else { least },
        if high.is_finite() { greatest.min(quantised(high)) } else { greatest },
    ))
}

/// A float after a fused activation.
pub fn activate(activation: Activation, value: f32) -> f32 {
    match (activation, float_range(activation)) {
        (_, Some((low, high))) => value.max(low).min(high),
        (Activation::Tanh, None) => value.tanh(),
        (_, None) => f32::from(u8::from(value.is_sign_negative())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_results_scale() {
        let int8 = |activation| integer_range(activation, ElementType::Int8, 0.1, -10);
        assert_eq!(int8(Activation::None), Some((-128, 127)));
        assert_eq!(int8(Activation::Relu), Some((-10, 127)));
        assert_eq!(int8(Activation::Relu6), Some((-10, 50)));
        assert_eq!(int8(Activation::ReluN1To1), Some((-20, 0)));
        assert_eq!(int8(Activation::Tanh), None);
    }
}
