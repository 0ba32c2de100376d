//! Transcendental functions on 32-bit fixed-point numbers.
//!
//! A number with `k` integer bits has `31 - k` fractional ones: `raw / 2^(31 - k)`. The polynomials,
//! the Newton iterations and the constants are those of gemmlowp (`fixedpoint/fixedpoint.h`), on
//! which the reference kernels of quantised softmax, logistic and tanh rest. Every product is
//! [`doubling_high_product`], so each step rounds where gemmlowp rounds.

pub use super::requantise::{doubling_high_product, rounding_shift_right};

/// The largest number without integer bits, which stands for one.
const ONE: i32 = i32::MAX;

/// `x * 2^exponent`: saturated to the left, rounded to the right.
#[inline]
pub fn times_power_of_two(x: i32, exponent: i32) -> i32 {
    if exponent <= 0 {
        return rounding_shift_right(x, -exponent);
    }
    let wide = i64::from(x) << exponent;
    wide.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// `exp(x)` for `x <= 0` with `integer_bits` integer bits; the result has none.
pub fn exp_of_negative(x: i32, integer_bits: i32) -> i32 {
    if x == 0 {
        return ONE;
    }
    let fractional_bits = 31 - integer_bits;
    let quarter = 1 << (fractional_bits - 2);
    let below_quarter = (x & (quarter - 1)) - quarter;
    let mut result = exp_of_last_quarter(times_power_of_two(below_quarter, integer_bits));
    let remainder = below_quarter.wrapping_sub(x);
    // exp(-2^exponent), without integer bits.
    let powers = [
        (-2, 1_672_461_947),
        (-1, 1_302_514_674),
        (0, 790_015_084),
        (1, 290_630_308),
        (2, 39_332_535),
        (3, 720_401),
        (4, 242),
    ];
    for (exponent, factor) in powers {
        if integer_bits > exponent && remainder >> (fractional_bits + exponent) & 1 == 1 {
            result = doubling_high_product(result, factor);
        }
    }
    if integer_bits > 5 && x < -(1 << (fractional_bits + 5)) {
        return 0;
    }
    result
}

/// `exp(x)` for `x` in `[-1/4, 0)`, both without integer bits: a polynomial around -1/8.
fn exp_of_last_quarter(x: i32) -> i32 {
    const EXP_OF_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = x.wrapping_add(1 << 28);
    let square = doubling_high_product(x, x);
    let cube = doubling_high_product(square, x);
    let fourth = doubling_high_product(square, square);
    let tail = doubling_high_product(times_power_of_two(fourth, -2).wrapping_add(cube), THIRD);
    let tail = times_power_of_two(tail.wrapping_add(square), -1);
    EXP_OF_MINUS_EIGHTH
        .wrapping_add(doubling_high_product(EXP_OF_MINUS_EIGHTH, x.wrapping_add(tail)))
}

/// `2 / (1 + x)` with two integer bits, for `x` in `[0, 1]` without any: three Newton iterations.
fn doubled_reciprocal(x: i32) -> i32 {
    const FORTY_EIGHT_SEVENTEENTHS: i32 = 1_515_870_810;
    const MINUS_THIRTY_TWO_SEVENTEENTHS: i32 = -1_010_580_540;
    let sum = i64::from(x) + i64::from(ONE);
    let half_denominator = ((sum + if sum >= 0 { 1 } else { -1 }) / 2) as i32;
    let mut estimate = FORTY_EIGHT_SEVENTEENTHS
        .wrapping_add(doubling_high_product(half_denominator, MINUS_THIRTY_TWO_SEVENTEENTHS));
    for _ in 0..3 {
        let product = doubling_high_product(half_denominator, estimate);
        let rest = (1_i32 << 29).wrapping_sub(product);
        let correction = times_power_of_two(doubling_high_product(estimate, rest), 2);
        estimate = estimate.wrapping_add(correction);
    }
    estimate
}

/// `1 / (1 + x)` for `x` in `[0, 1]`, both without integer bits.
pub fn reciprocal_of_one_plus(x: i32) -> i32 {
    times_power_of_two(doubled_reciprocal(x), 1)
}

/// The logistic sigmoid of `x` with `integer_bits` integer bits; the result has none.
pub fn logistic(x: i32, integer_bits: i32) -> i32 {
    if x == 0 {
        return 1 << 30;
    }
    let magnitude = if x > 0 { x } else { x.wrapping_neg() };
    let above = reciprocal_of_one_plus(exp_of_negative(magnitude.wrapping_neg(), integer_bits));
    if x > 0 { above } else { ONE.wrapping_sub(above) }
}

/// The hyperbolic tangent of `x` with `integer_bits` integer bits; the result has none.
pub fn tanh(x: i32, integer_bits: i32) -> i32 {
    if x == 0 {
        return 0;
    }
    let below = if x < 0 { x } else { x.wrapping_neg() };
    // The same bits with one more integer bit are twice the number.
    let exponential = exp_of_negative(below, integer_bits + 1);
    // (1 - e) / (1 + e) = 2 / (1 + e) - 1.
    let magnitude = times_power_of_two(doubled_reciprocal(exponential).wrapping_sub(1 << 29), 2);
    if x < 0 { magnitude.wrapping_neg() } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest difference from the real function over inputs with four integer bits.
    fn worst(
        fixed: fn(i32, i32) -> i32,
        real: fn(f64) -> f64,
        inputs: impl Iterator<Item = i32>,
    ) -> f64 {
        inputs
            .map(|x| {
                let exact = real(f64::from(x) / f64::from(1 << 27));
                (f64::from(fixed(x, 4)) / 2_f64.powi(31) - exact).abs()
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn functions_are_near_the_real_ones() {
        let all = || (-2000..=2000).map(|step| step * 1_000_000);
        assert!(worst(exp_of_negative, f64::exp, all().filter(|&x| x <= 0)) < 3e-7);
        assert!(worst(logistic, |x| 1.0 / (1.0 + (-x).exp()), all()) < 3e-7);
        assert!(worst(tanh, f64::tanh, all()) < 3e-7);
    }

    #[test]
    fn ends_are_exact() {
        assert_eq!(exp_of_negative(0, 5), i32::MAX);
        assert_eq!(logistic(0, 4), 1 << 30);
        assert_eq!(tanh(0, 4), 0);
        assert_eq!(reciprocal_of_one_plus(0), i32::MAX);
    }
}
