//! The natural logarithm in fixed point, on which quantised `log_softmax` rests.

use super::{doubling_high_product, reciprocal_of_one_plus, times_power_of_two};

/// Integer bits of the result.
const RESULT_BITS: i32 = 5;
/// Integer bits of sums on the way there: one more, so that they do not saturate.
const WORK_BITS: i32 = RESULT_BITS + 1;

/// `ln(x)` with five integer bits, for `x >= 1` with `integer_bits` of them.
///
/// The number is brought to `[sqrt(1/2), 1)` in quarter steps of the power of two, and a quotient of
/// polynomials gives the rest. Steps and constants are those of
/// `log_x_for_x_greater_than_or_equal_to_1` in TensorFlow Lite (`kernels/internal/common.h`).
pub(crate) fn natural_logarithm(x: i32, integer_bits: i32) -> i32 {
    const LN_2: i32 = 1_488_522_236;
    const ROOT_OF_HALF: i32 = 1_518_500_250;
    const FOURTH_ROOT_OF_HALF: i32 = 1_805_811_301;
    // 11/240, 1/20 and 1/4 of the fourth root of two, and 2 over that root less the root.
    const NUMERATOR_CUBE: i32 = 117_049_297;
    const DENOMINATOR_SQUARE: i32 = 127_690_142;
    const DENOMINATOR_LINEAR: i32 = 638_450_708;
    const DENOMINATOR_CONSTANT: i32 = 1_057_819_769;
    let quarter = times_power_of_two(1 << 29, -WORK_BITS);
    let power = |power: i32| times_power_of_two(power, 31 - WORK_BITS);

    // With the power of two raised by a quarter ...
    let headroom = x.leading_zeros() as i32;
    let shifted = times_power_of_two(x, headroom - 1);
    let rest_above = times_power_of_two(doubling_high_product(shifted, ROOT_OF_HALF), 1);
    let power_above = power(integer_bits - headroom).saturating_add(quarter);
    // ... or lowered by one.
    let headroom = doubling_high_product(x, ROOT_OF_HALF).leading_zeros() as i32 - 1;
    let rest_below = times_power_of_two(x, headroom);
    let power_below = power(integer_bits - headroom).saturating_sub(quarter);

    let rest = rest_above.min(rest_below);
    let power = power_above.max(power_below);
    let sum = i64::from(rest) + i64::from(FOURTH_ROOT_OF_HALF);
    let mean = ((sum + if sum >= 0 { 1 } else { -1 }) / 2) as i32;
    let difference = rest.wrapping_sub(FOURTH_ROOT_OF_HALF).wrapping_mul(2);
    let square = doubling_high_product(difference, difference);
    let cube = doubling_high_product(difference, square);
    let numerator = doubling_high_product(difference, rest)
        .wrapping_add(doubling_high_product(cube, NUMERATOR_CUBE));
    let bracket = DENOMINATOR_CONSTANT
        .wrapping_add(difference)
        .wrapping_add(doubling_high_product(DENOMINATOR_SQUARE, square));
    let denominator_less_one = doubling_high_product(mean, bracket)
        .wrapping_add(doubling_high_product(DENOMINATOR_LINEAR, difference));
    let quotient = doubling_high_product(
        times_power_of_two(numerator, -WORK_BITS),
        reciprocal_of_one_plus(denominator_less_one),
    );
    let result = doubling_high_product(power, LN_2).wrapping_add(quotient);
    times_power_of_two(result, WORK_BITS - RESULT_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_near_the_real_ones() {
        for step in 0..4000 {
            let x = (1 << 19) + step * 500_000;
            let exact = (f64::from(x) / f64::from(1 << 19)).ln();
            let found = f64::from(natural_logarithm(x, 12)) / f64::from(1 << 26);
            assert!((found - exact).abs() < 1e-6, "{x}: {found} is not {exact}");
        }
    }
}
