//! Requantisation: an integer times a real factor below or above one, rounded.

/// How a requantisation rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Twice: the high half of the doubled product is rounded to nearest, ties away from zero, and
    /// the shift that follows is again. The default of TFLM and of CMSIS-NN.
    #[default]
    Double,
    /// Once, half upwards, as with `TFLITE_SINGLE_ROUNDING`.
    Single,
}

/// A positive real factor as `significand * 2^(exponent - 31)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// In `[2^30, 2^31)`, or 0.
    pub significand: i32,
    /// Positive for a shift to the left.
    pub exponent: i32,
}

impl Multiplier {
    /// The factor nearest to `real`. Factors below `2^-32` become 0, as in the reference; factors of
    /// `2^31` and more, which no sound file has, become the largest one.
    pub fn new(real: f64) -> Self {
        if !real.is_finite() || real <= 0.0 {
            return Self { significand: 0, exponent: 0 };
        }
        let (fraction, mut exponent) = split_float(real);
        let mut significand = (fraction * (1_i64 << 31) as f64).round() as i64;
        if significand == 1 << 31 {
            significand /= 2;
            exponent += 1;
        }
        if exponent < -31 {
            return Self { significand: 0, exponent: 0 };
        }
        if exponent > 30 {
            return Self { significand: i32::MAX, exponent: 30 };
        }
        Self { significand: significand as i32, exponent }
    }

    /// `value` times the factor.
    #[inline]
    pub fn apply(self, value: i32, rounding: Rounding) -> i32 {
        match rounding {
            Rounding::Double => {
                let left = self.exponent.max(0);
                let right = (-self.exponent).max(0);
                let high = doubling_high_product(value.wrapping_shl(left as u32), self.significand);
                rounding_shift_right(high, right)
            }
            Rounding::Single => {
                // Beyond 62 bits nothing is left of a product.
                let shift = (31 - self.exponent).clamp(1, 62);
                let product = i64::from(value) * i64::from(self.significand);
                ((product + (1 << (shift - 1))) >> shift) as i32
            }
        }
    }

    /// `value` times the factor, for accumulators of 48 bits: the significand is cut to 16 bits.
    #[inline]
    pub fn apply_wide(self, value: i64) -> i32 {
        let reduced = if self.significand < 0x7fff_0000 {
            (self.significand + (1 << 15)) >> 16
        } else {
            0x7fff
        };
        let shift = 15 - self.exponent;
        if shift < 1 {
            return value.wrapping_mul(i64::from(reduced)).wrapping_shl((-shift) as u32) as i32;
        }
        let product = value.wrapping_mul(i64::from(reduced));
        (product.wrapping_add(1 << (shift - 1)) >> shift) as i32
    }
}

/// `x = fraction * 2^exponent` with the fraction in `[0.5, 1)`, for positive finite numbers.
fn split_float(x: f64) -> (f64, i32) {
    let normal = if x < f64::MIN_POSITIVE { x * 2_f64.powi(64) } else { x };
    let bits = normal.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1022;
    let fraction = f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52);
    (fraction, if normal == x { exponent } else { exponent - 64 })
}

/// `round(a * b / 2^31)`, ties away from zero, saturated.
#[inline]
pub fn doubling_high_product(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)) as i32
}

/// `round(x / 2^exponent)`, ties away from zero.
#[inline]
pub fn rounding_shift_right(x: i32, exponent: i32) -> i32 {
    let mask = ((1_i64 << exponent) - 1) as i32;
    let remainder = x & mask;
    let threshold = (mask >> 1) + i32::from(x < 0);
    (x >> exponent.min(31)) + i32::from(remainder > threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_normalised() {
        let of = |real: f64| {
            let multiplier = Multiplier::new(real);
            (multiplier.significand, multiplier.exponent)
        };
        assert_eq!(of(1.0), (1 << 30, 1));
        assert_eq!(of(0.5), (1 << 30, 0));
        assert_eq!(of(0.75), (3 << 29, 0));
        assert_eq!(of(0.0), (0, 0));
        assert_eq!(of(1e-12), (0, 0));
        assert_eq!(of(1.0 - 1e-12), (1 << 30, 1), "the significand rounds up to the next power");
    }

    #[test]
    fn double_rounding_differs_from_single() {
        // 5 * 0.3 = 1.5 exactly in neither; -5 * 0.5 = -2.5 rounds away from zero or upwards.
        let half = Multiplier::new(0.5);
        assert_eq!(half.apply(5, Rounding::Double), 3);
        assert_eq!(half.apply(5, Rounding::Single), 3);
        assert_eq!(half.apply(-5, Rounding::Double), -2, "-2.5 ends as (-5 * 2^30 * 2) / 2^32");
        assert_eq!(half.apply(-5, Rounding::Single), -2);
        let small = Multiplier::new(0.1);
        let differ = (-1000..1000)
            .filter(|&x| small.apply(x, Rounding::Double) != small.apply(x, Rounding::Single))
            .count();
        assert!(differ > 0, "both roundings agree everywhere");
    }

    #[test]
    fn products_saturate_and_round_away_from_zero() {
        assert_eq!(doubling_high_product(i32::MIN, i32::MIN), i32::MAX);
        assert_eq!(doubling_high_product(1 << 30, 3), 2, "1.5 rounds to 2");
        assert_eq!(rounding_shift_right(-6, 2), -2, "-1.5 rounds to -2");
        assert_eq!(rounding_shift_right(6, 2), 2);
        assert_eq!(rounding_shift_right(-5, 2), -1);
        assert_eq!(rounding_shift_right(5, 0), 5);
    }
}
