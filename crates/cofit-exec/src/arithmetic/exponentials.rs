//! Exponentials of differences between 8-bit integers, as softmax and its logarithm take them.
//!
//! The fixed-point formats are those of TensorFlow Lite's `reference/softmax.h`.

use super::{Multiplier, Rounding, exp_of_negative, times_power_of_two};
use crate::integer::Integer;
use crate::site::{Affine, Refusal, Site};

/// Integer bits of a difference between two inputs.
pub(crate) const DIFFERENCE_BITS: i32 = 5;
/// Integer bits of a sum of exponentials.
pub(crate) const SUM_BITS: i32 = 12;

/// How a difference between 8-bit integers becomes a number with [`DIFFERENCE_BITS`] integer bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Differences {
    /// The factor, at least one.
    pub multiplier: Multiplier,
    /// Differences below this have an exponential of zero.
    pub least: i32,
    rounding: Rounding,
}

impl Differences {
    /// For inputs of `from` times `beta`.
    pub fn new(site: &Site<'_>, from: Affine, beta: f32) -> Result<Self, Refusal> {
        let most = match site.rounding {
            Rounding::Double => f64::from(i32::MAX),
            Rounding::Single => f64::from(1 << 30) - 1.0,
        };
        let unit = f64::from(1_i32 << (31 - DIFFERENCE_BITS));
        let factor = (f64::from(beta) * f64::from(from.scale) * unit).min(most);
        if factor.is_nan() || factor <= 1.0 {
            return Err(site.refuse(
                format!("a scale of {} with beta {beta} is too small", from.scale),
                "quantise the model anew",
            ));
        }
        let multiplier = Multiplier::new(factor);
        let largest = f64::from((1_i32 << DIFFERENCE_BITS) - 1) * unit;
        let radius = (largest / 2_f64.powi(multiplier.exponent)).floor() as i32;
        Ok(Self { multiplier, least: -radius, rounding: site.rounding })
    }

    /// `difference`, which is not positive, with [`DIFFERENCE_BITS`] integer bits.
    #[inline]
    pub fn scale(&self, difference: i32) -> i32 {
        self.multiplier.apply(difference, self.rounding)
    }

    /// The sum of the exponentials of a row's differences from `largest`, with [`SUM_BITS`].
    pub fn sum<T: Integer>(&self, row: &[T], largest: i32) -> i32 {
        row.iter()
            .map(|x| x.widen() - largest)
            .filter(|&difference| difference >= self.least)
            .map(|difference| exp_of_negative(self.scale(difference), DIFFERENCE_BITS))
            .fold(0, |sum: i32, exp| sum.wrapping_add(times_power_of_two(exp, -SUM_BITS)))
    }
}
