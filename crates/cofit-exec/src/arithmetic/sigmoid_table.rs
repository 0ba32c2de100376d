//! The table from which int16 logistic and hyperbolic tangent are interpolated.

use std::sync::LazyLock;

/// Entries that the published table states one above the function, rounded.
const ONE_ABOVE: [u8; 44] = [
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41,
    43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255,
];

/// `65536 / (1 + exp(-i / 24))` for `i` from 0 to 255.
///
/// TensorFlow Lite's `sigmoid_table_uint16` (`kernels/internal/common.h`) holds these numbers
/// rounded, 44 of them one too high; results to the bit need those as they are.
pub(crate) static SIGMOID: LazyLock<[u16; 256]> = LazyLock::new(|| {
    std::array::from_fn(|index| {
        let exact = 65536.0 / (1.0 + (-(index as f64) / 24.0).exp());
        let above = u16::from(ONE_ABOVE.iter().any(|&high| usize::from(high) == index));
        exact.round() as u16 + above
    })
});

/// How an int16 operand becomes an index of the table: 1/12288 of a unit to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ToIndex {
    multiplier: i32,
    shift: u32,
}

impl ToIndex {
    /// For operands of `scale`. A scale of `2^-12 * 2^s` for an `s` up to `largest_shift` is exact;
    /// others get a multiplier of 15 bits, cut and not rounded, as TFLM computes it
    /// (`kernels/logistic_common.cc`).
    pub fn new(scale: f32, largest_shift: i32) -> Self {
        let logarithm = scale.ln() * (1.0 / 2_f32.ln());
        let is_power = (logarithm - logarithm.round()).abs() < 1e-3;
        let shift = 12_i32.saturating_add(logarithm.round() as i32);
        if is_power && (0..=largest_shift).contains(&shift) {
            return Self { multiplier: 3 << shift, shift: 0 };
        }
        let mut multiplier = f64::from(scale) * 4096.0 * 3.0;
        let mut shift = 0;
        while multiplier <= 32767.0 / 2.0 && shift <= 30 {
            shift += 1;
            multiplier *= 2.0;
        }
        Self { multiplier: multiplier as i32, shift }
    }

    /// The index of a stored value, with fractional bits.
    #[inline]
    pub fn of(self, stored: i16) -> i32 {
        let half = if self.shift > 0 { 1 << (self.shift - 1) } else { 0 };
        i32::from(stored).wrapping_mul(self.multiplier).wrapping_add(half) >> self.shift
    }
}

/// The table between two entries, in steps of `2^-bits` of an entry and as many bits more precise;
/// `None` beyond its end.
#[inline]
pub(crate) fn interpolate(magnitude: u32, bits: u32) -> Option<i32> {
    let index = (magnitude >> bits) as usize;
    if index >= 255 {
        return None;
    }
    let (low, high) = (i32::from(SIGMOID[index]), i32::from(SIGMOID[index + 1]));
    let rest = (magnitude & ((1 << bits) - 1)) as i32;
    Some((low << bits) + rest * (high - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_rises_from_one_half_to_one() {
        assert_eq!(SIGMOID[..5], [32768, 33451, 34133, 34813, 35493]);
        assert_eq!(SIGMOID[253..], [65534, 65534, 65535]);
        assert!(SIGMOID.is_sorted());
    }

    #[test]
    fn powers_of_two_are_exact_only_in_their_range() {
        assert_eq!(ToIndex::new(2_f32.powi(-12), 0), ToIndex { multiplier: 3, shift: 0 });
        assert_eq!(ToIndex::new(2_f32.powi(-11), 1), ToIndex { multiplier: 6, shift: 0 });
        assert_eq!(ToIndex::new(2_f32.powi(-11), 0), ToIndex { multiplier: 24576, shift: 12 });
    }
}
