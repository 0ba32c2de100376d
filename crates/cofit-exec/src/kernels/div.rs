//! `div`.
//!
//! int8 (`reference/div.h` of TensorFlow Lite; TFLM): the first operand is multiplied by the fixed-point
//! reciprocal of the second, with as many bits as it has room for, and requantised; uint8 and int16
//! alike. int32 and int64 are cut towards zero. A zero to divide by is a fault, except in float32.

use cofit_ir::{Activation, Op};
use cofit_vocab::ElementType;

use crate::arithmetic::activation::{activate, integer_range, quantised_range};
use crate::arithmetic::{Multiplier, Rounding, doubling_high_product, reciprocal_of_one_plus};
use crate::broadcast::Broadcast;
use crate::buffer::Element;
use crate::call::{Call, Fault, Kernel};
use crate::elementwise::{binary_types, zip};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let activation = match &site.operator().op {
        Op::Div(op) => op.activation,
        _ => return Err(site.unsupported()),
    };
    match binary_types(site)? {
        Some((ElementType::Int8, ElementType::Int8)) => quantised::<i8>(site, activation),
        Some((ElementType::UInt8, ElementType::UInt8)) => quantised::<u8>(site, activation),
        Some((ElementType::Int16, ElementType::Int16)) => quantised::<i16>(site, activation),
        Some((ElementType::Int32, ElementType::Int32)) => {
            let (broadcast, range) = (Broadcast::<2>::of(site)?, integer_range(site, activation)?);
            Ok(Box::new(move |call| {
                refuse_zeros::<i32>(call, 0)?;
                broadcast.apply(call, |a: i32, b: i32| {
                    i64::from(a.wrapping_div(b)).clamp(*range.start(), *range.end()) as i32
                })
            }))
        }
        Some((ElementType::Int64, ElementType::Int64)) => {
            let (broadcast, range) = (Broadcast::<2>::of(site)?, integer_range(site, activation)?);
            Ok(Box::new(move |call| {
                refuse_zeros::<i64>(call, 0)?;
                broadcast.apply(call, |a: i64, b: i64| {
                    a.wrapping_div(b).clamp(*range.start(), *range.end())
                })
            }))
        }
        Some((ElementType::Float32, ElementType::Float32)) => {
            zip(site, move |a: f32, b: f32| activate(activation, a / b))
        }
        _ => Err(site.unsupported()),
    }
}

/// Checks that no element of operand 1 is `zero`.
pub(crate) fn refuse_zeros<T: Element>(call: &Call<'_>, zero: T) -> Result<(), Fault> {
    match call.inputs.get::<T>(1)?.contains(&zero) {
        true => Err(Fault::new("a number is divided by zero")),
        false => Ok(()),
    }
}

fn quantised<T: Integer>(site: &Site<'_>, activation: Activation) -> Result<Kernel, Refusal> {
    let (of_a, of_b) = (site.affine(site.input(0)?)?, site.affine(site.input(1)?)?);
    let to = site.affine(site.output(0)?)?;
    let multiplier = Multiplier::new(f64::from(of_a.scale / (of_b.scale * to.scale)));
    let range = quantised_range::<T>(site, activation, to)?;
    let rounding = site.rounding;
    let broadcast = Broadcast::<2>::of(site)?;
    Ok(Box::new(move |call| {
        if (T::LOWEST..=T::HIGHEST).contains(&of_b.zero_point) {
            refuse_zeros(call, T::saturate(of_b.zero_point))?;
        }
        broadcast.apply(call, |a: T, b: T| {
            let a = a.widen().wrapping_sub(of_a.zero_point);
            let b = b.widen().wrapping_sub(of_b.zero_point);
            let result = quotient(a, b, multiplier, rounding).wrapping_add(to.zero_point);
            T::saturate(result.clamp(*range.start(), *range.end()))
        })
    }))
}

/// `a / b` times a factor.
fn quotient(a: i32, b: i32, factor: Multiplier, rounding: Rounding) -> i32 {
    let (a, b) = if b < 0 { (a.wrapping_neg(), b.wrapping_neg()) } else { (a, b) };
    // b as 2^(31 - headroom) * (1 + fraction).
    let headroom = b.leading_zeros();
    let fraction = b.checked_shl(headroom).unwrap_or(0) ^ i32::MIN;
    let room = if a < 0 { (!a).leading_zeros() } else { a.leading_zeros() } as i32 - 1;
    // Single rounding has no factors of 2^31.
    let room = if rounding == Rounding::Single { room.min(30) } else { room };
    let inverse = Multiplier { significand: reciprocal_of_one_plus(fraction), exponent: room };
    let unscaled = inverse.apply(a, rounding);
    let over = 31 - headroom as i32;
    let exponent = factor.exponent - over - room;
    if exponent < -31 && rounding == Rounding::Double {
        return far_shift_right(doubling_high_product(unscaled, factor.significand), -exponent);
    }
    Multiplier { exponent, ..factor }.apply(unscaled, rounding)
}

/// What becomes of a quotient that is shifted right by more than 31 bits.
///
/// C++ leaves that undefined, and no processor gives 0: the official build for x86 shifts by the low
/// five bits of the count alone and takes the whole number for the remainder.
fn far_shift_right(x: i32, count: i32) -> i32 {
    (x >> (count & 31)).wrapping_add(i32::from(x >= 0))
}

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn zero_divides_reals_alone() {
        let quotient = |element: &str, scale: &str, inputs: &[Buffer]| {
            let graph = format!(
                "input t0, t1\n output t2\n tensor t0 \"a\" {element}[2] {scale}\n\
                 tensor t1 \"b\" {element}[2] {scale}\n tensor t2 \"c\" {element}[2] {scale}\n\
                 t2 = div(t0, t1)"
            );
            run(&graph, inputs, Rounding::Double)
        };
        let fault = Err("CF-EXE-003: a number is divided by zero (operator `c`)".to_owned());
        let bytes = [Buffer::I8(vec![8, 8]), Buffer::I8(vec![4, 3])];
        assert_eq!(quotient("int8", "scale=1.0 zero=3", &bytes), fault);
        let integers = [Buffer::I32(vec![-7, i32::MIN]), Buffer::I32(vec![2, -1])];
        let expected = Buffer::I32(vec![-3, i32::MIN]);
        assert_eq!(quotient("int32", "", &integers), Ok(expected));
        let zeros = [Buffer::I32(vec![1, 1]), Buffer::I32(vec![1, 0])];
        assert_eq!(quotient("int32", "", &zeros), fault);
        let reals = [Buffer::F32(vec![1.0, -1.0]), Buffer::F32(vec![0.0, 0.0])];
        let expected = Buffer::F32(vec![f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!(quotient("float32", "", &reals), Ok(expected));
    }
}
