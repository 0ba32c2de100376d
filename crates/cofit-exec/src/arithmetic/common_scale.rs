//! Integers of two scales, brought to one so that they can be added or subtracted.

use super::{Multiplier, Rounding};
use crate::site::Affine;

/// How an operand's integers become those of a finer scale that both operands share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToCommon {
    zero_point: i32,
    multiplier: Multiplier,
    left_shift: u32,
    rounding: Rounding,
}

impl ToCommon {
    /// Integers of `from` shifted up by `left_shift` and scaled by `factor`.
    pub const fn new(
        from: Affine,
        factor: Multiplier,
        left_shift: u32,
        rounding: Rounding,
    ) -> Self {
        Self { zero_point: from.zero_point, multiplier: factor, left_shift, rounding }
    }

    /// A stored integer on the common scale.
    #[inline]
    pub fn apply(&self, stored: i32) -> i32 {
        let shifted = stored.wrapping_sub(self.zero_point).wrapping_shl(self.left_shift);
        self.multiplier.apply(shifted, self.rounding)
    }
}

/// The factors of a sum: both operands to twice the larger scale over `2^left_shift`, and from there
/// to the result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SumFactors {
    /// Of the first operand.
    pub a: Multiplier,
    /// Of the second operand.
    pub b: Multiplier,
    /// Of the sum.
    pub result: Multiplier,
}

impl SumFactors {
    /// The factors, computed in double precision.
    pub fn new(a: Affine, b: Affine, result: Affine, left_shift: u32) -> Self {
        let twice = 2.0 * f64::from(a.scale.max(b.scale));
        Self {
            a: Multiplier::new(f64::from(a.scale) / twice),
            b: Multiplier::new(f64::from(b.scale) / twice),
            result: Multiplier::new(
                twice / (f64::from(1_u32 << left_shift) * f64::from(result.scale)),
            ),
        }
    }
}
