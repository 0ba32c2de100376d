//! One over the square root of an integer, in fixed point.

use super::{Multiplier, doubling_high_product, times_power_of_two};

/// The factor `1 / sqrt(x)`; for `x` below 2 the largest one below 1.
///
/// Five Newton iterations from 1, with three integer bits: `GetInvSqrtQuantizedMultiplierExp` of
/// TensorFlow Lite (`kernels/internal/common.h`).
pub(crate) fn inverse_root(x: i32) -> Multiplier {
    const HALF_OF_ROOT_OF_TWO: i32 = 1_518_500_250;
    const ONE: i32 = 1 << 28;
    const THREE_HALVES: i32 = ONE + ONE / 2;
    if x <= 1 {
        return Multiplier { significand: i32::MAX, exponent: 0 };
    }
    let mut x = x;
    let mut right_shift = 11;
    while x >= 1 << 29 {
        x /= 4;
        right_shift += 1;
    }
    let pairs = (x.leading_zeros() as i32 - 1) / 2 - 1;
    right_shift -= pairs;
    let half = times_power_of_two(x << (2 * pairs) >> 1, -1);
    let mut root = ONE;
    for _ in 0..5 {
        let square = doubling_high_product(root, root);
        // Products of numbers with three integer bits have as many more.
        let cube = times_power_of_two(doubling_high_product(square, root), 6);
        let next = doubling_high_product(THREE_HALVES, root)
            .wrapping_sub(doubling_high_product(half, cube));
        root = times_power_of_two(next, 3);
    }
    let significand = doubling_high_product(root, HALF_OF_ROOT_OF_TWO);
    if right_shift < 0 {
        return Multiplier {
            significand: significand.wrapping_shl(-right_shift as u32),
            exponent: 0,
        };
    }
    Multiplier { significand, exponent: -right_shift }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_near_the_real_ones() {
        for x in [2, 3, 4, 10, 255, 65025, 1_000_000, (1 << 29) - 1, 1 << 29, i32::MAX] {
            let Multiplier { significand, exponent } = inverse_root(x);
            let found = f64::from(significand) / 2_f64.powi(31 - exponent);
            let exact = 1.0 / f64::from(x).sqrt();
            assert!((found / exact - 1.0).abs() < 2e-6, "{x}: {found} is not {exact}");
        }
    }
}
