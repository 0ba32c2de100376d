//! `mean` and `sum` over axes.
//!
//! Quantised integers are summed in 32 bits, which wrap, and requantised once. The mean's division is
//! part of that factor: its significand is divided by the number of elements, after a shift that
//! keeps its precision. Source of the equations: TensorFlow Lite's `QuantizedMeanOrSum` in
//! `kernels/internal/reference/reduce.h`, which TFLM runs for int8 and int16 and TensorFlow Lite also
//! for uint8. float32, int32 and int64 are summed in their own type, int32 for the mean in 64 bits;
//! the mean of integers that are not quantised is cut towards zero.

use cofit_vocab::ElementType;

use super::sums::FinishSums;
use crate::arithmetic::{Multiplier, Rounding};
use crate::buffer::Element;
use crate::call::Kernel;
use crate::copy_box::same_type;
use crate::reduction::Reduction;
use crate::site::{Refusal, Site};

/// What becomes of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They are summed and divided by their number.
    Mean,
    /// They are summed.
    Sum,
}

/// Chooses the arithmetic by the element type.
pub(crate) fn prepare(site: &Site<'_>, kind: Kind) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let reduction = Reduction::of(site)?;
    let divisor = match kind {
        Kind::Mean => reduction.count.max(1),
        Kind::Sum => 1,
    };
    match site.input(0)?.element {
        ElementType::Float32 => Ok(Box::new(move |call| {
            let input = call.inputs.get::<f32>(0)?;
            let output = call.outputs.get::<f32>(0)?;
            reduction.fold(input, output, 0.0, |sum, value| sum + value, |sum| sum / divisor as f32)
        })),
        ElementType::Int32 => Ok(Box::new(move |call| {
            let input = call.inputs.get::<i32>(0)?;
            let output = call.outputs.get::<i32>(0)?;
            let next = |sum: i64, value| sum.wrapping_add(i64::from(value));
            reduction.fold(input, output, 0, next, |sum| (sum / divisor as i64) as i32)
        })),
        ElementType::Int64 => Ok(Box::new(move |call| {
            let input = call.inputs.get::<i64>(0)?;
            let output = call.outputs.get::<i64>(0)?;
            reduction.fold(input, output, 0, i64::wrapping_add, |sum| sum / divisor as i64)
        })),
        ElementType::Int8 => quantised::<i8>(site, reduction, kind, (-128, 127), |x| x as i8),
        ElementType::UInt8 => quantised::<u8>(site, reduction, kind, (0, 255), |x| x as u8),
        ElementType::Int16 => {
            quantised::<i16>(site, reduction, kind, (-32768, 32767), |x| x as i16)
        }
        // A sum of truth values says whether any of them holds.
        ElementType::Bool if kind == Kind::Sum => Ok(Box::new(move |call| {
            let input = call.inputs.get::<u8>(0)?;
            reduction.fold(
                input,
                call.outputs.get::<u8>(0)?,
                0,
                |any, value| any | value,
                |any| any,
            )
        })),
        _ => Err(site.unsupported()),
    }
}

fn quantised<T: Element + Into<i32>>(
    site: &Site<'_>,
    reduction: Reduction,
    kind: Kind,
    (lowest, highest): (i32, i32),
    narrow: fn(i32) -> T,
) -> Result<Kernel, Refusal> {
    let finish = Finish::new(site, reduction.count, kind, (lowest, highest))?;
    let is_empty = reduction.count == 0;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        let next = |sum: i32, value: T| sum.wrapping_add(value.into());
        reduction.fold(input, output, 0, next, |sum| match is_empty {
            true => T::default(),
            false => narrow(finish.apply(sum)),
        })
    }))
}

/// What becomes of sums that are made piece by piece.
pub(crate) fn finish_sums(site: &Site<'_>, count: usize) -> Result<FinishSums, Refusal> {
    let range = match site.input(0)?.element {
        ElementType::Int8 => (-128, 127),
        ElementType::UInt8 => (0, 255),
        ElementType::Int16 => (-32768, 32767),
        _ => return Err(site.unsupported()),
    };
    let finish = Finish::new(site, count, Kind::Mean, range)?;
    Ok(Box::new(move |sum| finish.apply(sum)))
}

/// From the sum of quantised integers to the result.
struct Finish {
    factor: Multiplier,
    /// What the sum is if every element means zero.
    offset: i64,
    zero_point: i32,
    range: (i32, i32),
    rounding: Rounding,
}

impl Finish {
    fn new(site: &Site<'_>, count: usize, kind: Kind, range: (i32, i32)) -> Result<Self, Refusal> {
        let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
        let factor = Multiplier::new(f64::from(from.scale) / f64::from(to.scale));
        let factor = match kind {
            Kind::Mean => divided(factor, count),
            Kind::Sum => factor,
        };
        let offset = (count as i64).wrapping_mul(i64::from(from.zero_point));
        Ok(Self { factor, offset, zero_point: to.zero_point, range, rounding: site.rounding })
    }

    fn apply(&self, sum: i32) -> i32 {
        let shifted = i64::from(sum).wrapping_sub(self.offset) as i32;
        let scaled = self.factor.apply(shifted, self.rounding).wrapping_add(self.zero_point);
        scaled.clamp(self.range.0, self.range.1)
    }
}

/// `factor / count`, with as many significant bits as fit.
fn divided(factor: Multiplier, count: usize) -> Multiplier {
    if count == 0 {
        return factor;
    }
    let shift = (count.ilog2() as i32).min(32).min(31 + factor.exponent);
    let significand = (i64::from(factor.significand) << shift) / count as i64;
    Multiplier { significand: significand as i32, exponent: factor.exponent - shift }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divided_factor_keeps_its_bits() {
        let factor = divided(Multiplier::new(1.0), 49);
        // 2^30 * 2^5 / 49, cut.
        assert_eq!(factor, Multiplier { significand: 701_219_150, exponent: -4 });
        assert_eq!(factor.apply(98, Rounding::Double), 2);
        assert_eq!(divided(Multiplier::new(0.5), 1), Multiplier::new(0.5));
    }
}
