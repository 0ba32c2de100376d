//! Operands of int8 logistic and tanh in fixed point.

use super::{Multiplier, Rounding};
use crate::site::{Affine, Site};

/// How int8 operands of logistic and tanh become numbers with four integer bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FourBits {
    zero_point: i32,
    multiplier: Multiplier,
    /// Operands that are at least so far from zero have the function's end as result.
    radius: i32,
    rounding: Rounding,
}

impl FourBits {
    /// For operands of `from`.
    pub fn new(site: &Site<'_>, from: Affine) -> Self {
        let multiplier = Multiplier::new(f64::from(from.scale) * f64::from(1 << 27));
        let largest = 15.0 * f64::from(1 << 27);
        let radius = (largest / 2_f64.powi(multiplier.exponent)).floor() as i32;
        Self { zero_point: from.zero_point, multiplier, radius, rounding: site.rounding }
    }

    /// The number, or the int8 result of an operand beyond the numbers that fit.
    pub fn of(&self, stored: i32) -> Result<i32, i8> {
        let x = stored.wrapping_sub(self.zero_point);
        if x <= -self.radius {
            Err(i8::MIN)
        } else if x >= self.radius {
            Err(i8::MAX)
        } else {
            Ok(self.multiplier.apply(x, self.rounding))
        }
    }
}
