//! `hard_swish`.
//!
//! int8 and uint8 are computed in 16-bit fixed point (`reference/hard_swish.h` of TensorFlow Lite):
//! the operand less its zero point, times 128, is multiplied by its rescaling to `[0, 1]` between -3
//! and 3. int16, which nobody defines, is computed on the reals that it stands for and rounded to
//! nearest.

use cofit_vocab::ElementType;

use crate::arithmetic::{Multiplier, rounding_shift_right};
use crate::call::Kernel;
use crate::elementwise::map;
use crate::integer::Integer;
use crate::lookup::{Byte, bytes, each_by_real};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => quantised::<i8>(site),
        (ElementType::UInt8, ElementType::UInt8) => quantised::<u8>(site),
        (ElementType::Int16, ElementType::Int16) => each_by_real::<i16>(site, real),
        (ElementType::Float32, ElementType::Float32) => map(site, real),
        _ => Err(site.unsupported()),
    }
}

fn real(x: f32) -> f32 {
    x * (x + 3.0).clamp(0.0, 6.0) / 6.0
}

/// A factor with a significand of 16 bits.
#[derive(Clone, Copy)]
struct Short {
    significand: i16,
    exponent: i32,
}

impl Short {
    fn new(real: f32) -> Self {
        let Multiplier { significand, exponent } = Multiplier::new(f64::from(real));
        let rounded = significand.saturating_add(1 << 15) >> 16;
        Self { significand: rounded.min(i32::from(i16::MAX)) as i16, exponent }
    }
}

/// `round(a * b / 2^15)`, ties away from zero, saturated.
fn rounding_product(a: i16, b: i16) -> i16 {
    let product = i32::from(a) * i32::from(b);
    let nudge = if product >= 0 { 1 << 14 } else { 1 - (1 << 14) };
    i16::saturate((product + nudge) / (1 << 15))
}

/// `x * 2^shift`, saturated.
fn shift_left(x: i16, shift: i32) -> i16 {
    (i64::from(x) << shift.clamp(0, 32)).clamp(-32768, 32767) as i16
}

fn quantised<T: Byte>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    let fine = from.scale / 128.0;
    let to_result = Short::new(fine / to.scale);
    // Three is 32768.
    let to_unit = Short::new(fine / (3.0 / 32768.0));
    if to_result.exponent > 0 {
        return Err(site.refuse(
            format!("its result's scale {} is too small for its operand's", to.scale),
            "quantise the model anew",
        ));
    }
    bytes::<T, T>(site, |stored| {
        let x = (stored.wrapping_sub(from.zero_point) as i16).wrapping_mul(1 << 7);
        let scaled = rounding_product(x, to_result.significand);
        let left = to_unit.exponent;
        // The last bit of a shift to the left comes after the product, so that what saturates there
        // is what saturates in the end.
        let unit = if left > 0 { shift_left(x, left - 1) } else { x };
        let unit = rounding_product(unit, to_unit.significand);
        let unit = if left > 0 {
            shift_left(unit, 1)
        } else {
            rounding_shift_right(i32::from(unit), -left) as i16
        };
        let gate = (i32::from(unit) + (1 << 15)) >> 1;
        // This product is cut, which evens out what the rounding ones before it added.
        let product = gate * i32::from(scaled) / (1 << 15);
        let result = rounding_shift_right(product, -to_result.exponent);
        T::saturate(result.wrapping_add(to.zero_point))
    })
}

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn a_result_much_finer_than_its_operand_is_refused() {
        let graph = "input t0\n output t1\n tensor t0 \"a\" int8[1] scale=1.0\n\
                     tensor t1 \"b\" int8[1] scale=0.001\n t1 = hard_swish(t0)";
        let refused = run(graph, &[Buffer::I8(vec![1])], Rounding::Double).unwrap_err();
        let expected =
            "CF-EXE-001: its result's scale 0.001 is too small for its operand's (operator `b`)";
        assert_eq!(refused, expected);
    }
}
