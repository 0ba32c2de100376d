//! From a range of reals to a scale and a zero point, and values there and back.

use cofit_ir::Quantisation;
use cofit_vocab::ElementType;

/// Reals from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The lower end.
    pub low: f32,
    /// The upper end.
    pub high: f32,
}

impl Range {
    /// The range of finite values; `None` where there are none.
    pub fn of(values: &[f32]) -> Option<Self> {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        finite.fold(None, |range: Option<Self>, value| {
            let found = Self { low: value, high: value };
            Some(range.map_or(found, |range| range.union(found)))
        })
    }

    /// The least range that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// The least range that holds this one and zero.
    #[must_use]
    pub fn with_zero(self) -> Self {
        Self { low: self.low.min(0.0), high: self.high.max(0.0) }
    }

    /// The greatest magnitude.
    pub fn magnitude(self) -> f32 {
        self.low.abs().max(self.high.abs())
    }
}

/// The integers of a quantised activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// int8.
    Eight,
    /// int16.
    Sixteen,
}

impl Width {
    /// The element type.
    pub const fn element(self) -> ElementType {
        match self {
            Self::Eight => ElementType::Int8,
            Self::Sixteen => ElementType::Int16,
        }
    }

    /// Bits of an activation.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// The least and the greatest integer.
    pub const fn limits(self) -> (i64, i64) {
        match self {
            Self::Eight => (i8::MIN as i64, i8::MAX as i64),
            Self::Sixteen => (i16::MIN as i64, i16::MAX as i64),
        }
    }

    /// The width of an element type that activations are quantised to.
    pub const fn of(element: ElementType) -> Option<Self> {
        match element {
            ElementType::Int8 => Some(Self::Eight),
            ElementType::Int16 => Some(Self::Sixteen),
            ElementType::Bool
            | ElementType::Int1
            | ElementType::Int2
            | ElementType::Int4
            | ElementType::UInt8
            | ElementType::UInt16
            | ElementType::Int32
            | ElementType::UInt32
            | ElementType::Int64
            | ElementType::Float16
            | ElementType::Float32
            | ElementType::Float64 => None,
        }
    }
}

/// How the integers of an activation mean reals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mapping {
    /// Real size of one step.
    pub scale: f32,
    /// The integer that means zero.
    pub zero_point: i64,
}

impl Mapping {
    /// The mapping that spreads `range`, widened to hold zero, over all integers of `width`.
    ///
    /// Zero is an integer: the ends move by less than a step for it.
    pub fn asymmetric(range: Range, width: Width) -> Self {
        let range = range.with_zero();
        let (low, high) = width.limits();
        let scale = step((f64::from(range.high) - f64::from(range.low)) / (high - low) as f64);
        let zero = (low as f64 - f64::from(range.low) / f64::from(scale)).round() as i64;
        Self { scale, zero_point: zero.clamp(low, high) }
    }

    /// The mapping with zero point 0 that holds `range`.
    pub fn symmetric(range: Range, width: Width) -> Self {
        let steps = width.limits().1 as f64;
        Self { scale: step(f64::from(range.magnitude()) / steps), zero_point: 0 }
    }

    /// The mapping with zero point 0 and the smallest power of two for a scale that holds `range`.
    pub fn power_of_two(range: Range, width: Width) -> Self {
        let exact = Self::symmetric(range, width).scale;
        Self { scale: power_of_two_above(exact), zero_point: 0 }
    }

    /// The integer nearest to `real`, ties away from zero, cut at the limits of `width`.
    pub fn quantise(self, real: f32, width: Width) -> i64 {
        let (low, high) = width.limits();
        // A NaN becomes the zero point.
        let steps = (f64::from(real) / f64::from(self.scale)).round();
        (steps as i64).saturating_add(self.zero_point).clamp(low, high)
    }

    /// What `stored` means.
    pub fn dequantise(self, stored: i64) -> f32 {
        ((stored - self.zero_point) as f64 * f64::from(self.scale)) as f32
    }

    /// The reals that the integers of `width` reach.
    pub fn reach(self, width: Width) -> Range {
        let (low, high) = width.limits();
        Range { low: self.dequantise(low), high: self.dequantise(high) }
    }

    /// As a tensor carries it.
    pub fn quantisation(self) -> Quantisation {
        Quantisation::per_tensor(self.scale, self.zero_point)
    }
}

/// The smallest power of two that is not below `scale`.
pub(crate) fn power_of_two_above(scale: f32) -> f32 {
    let mut exponent = f64::from(scale).log2().ceil() as i32;
    // The logarithm may be off by an ulp beside a power of two.
    if 2_f64.powi(exponent - 1) >= f64::from(scale) {
        exponent -= 1;
    }
    2_f64.powi(exponent.clamp(-126, 127)) as f32
}

/// A usable scale: a range without extent still needs a step, and 1 is the converters' choice.
fn step(scale: f64) -> f32 {
    let scale = scale as f32;
    if scale.is_normal() && scale > 0.0 { scale } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_ranges_map_as_converters_map_them() {
        let unit = Mapping::asymmetric(Range { low: 0.0, high: 255.0 / 256.0 }, Width::Eight);
        assert_eq!((unit.scale, unit.zero_point), (1.0 / 256.0, -128));
        let six = Mapping::power_of_two(Range { low: 0.0, high: 6.0 }, Width::Eight);
        assert_eq!((six.scale, six.zero_point), (1.0 / 16.0, 0));
        let exact = Mapping::power_of_two(Range { low: -1.0, high: 127.0 / 64.0 }, Width::Eight);
        assert_eq!(exact.scale, 1.0 / 64.0);
        let empty = Mapping::asymmetric(Range { low: 0.0, high: 0.0 }, Width::Eight);
        assert_eq!(empty.scale, 1.0);
    }

    proptest! {
        #[test]
        fn inside_the_range_the_error_is_half_a_step_and_zero_is_exact(
            a in -1e3_f32..1e3, b in -1e3_f32..1e3, share in 0.0_f32..1.0,
        ) {
            let range = Range { low: a.min(b), high: a.max(b) }.with_zero();
            let value = range.low + (range.high - range.low) * share;
            for width in [Width::Eight, Width::Sixteen] {
                for mapping in [
                    Mapping::asymmetric(range, width),
                    Mapping::symmetric(range, width),
                    Mapping::power_of_two(range, width),
                ] {
                    prop_assert_eq!(mapping.dequantise(mapping.quantise(0.0, width)), 0.0);
                    // In double precision, as the error of a float is not what is looked for.
                    let scale = f64::from(mapping.scale);
                    let real = |stored: i64| (stored - mapping.zero_point) as f64 * scale;
                    let (low, high) = width.limits();
                    let value = f64::from(value);
                    let clipped = value.clamp(real(low), real(high));
                    let slack = value.abs() * f64::from(f32::EPSILON) + 1e-9 * scale;
                    // Moving zero onto an integer takes up to half a step from one end.
                    prop_assert!((value - clipped).abs() <= scale * 0.5 + slack * 2.0);
                    let back = real(mapping.quantise(value as f32, width));
                    prop_assert!((back - clipped).abs() <= scale * 0.5 + slack);
                }
            }
        }
    }
}
