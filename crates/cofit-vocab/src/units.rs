//! Units as types, so that adding cycles to bytes does not compile.
//!
//! Counted units ([`Bytes`], [`Cycles`], [`Macs`]) are whole `u64` numbers whose arithmetic
//! saturates: a hostile file may claim shapes whose byte count exceeds 2^64, and a count that
//! stops at the top is still over every limit, where one that wraps would pass.
//! Physical units ([`Hertz`], [`PicoJoules`], [`Seconds`]) are `f64`.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use serde::{Deserialize, Serialize};

macro_rules! counted {
    ($(#[$doc:meta])* $name:ident, $suffix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// None of it.
            pub const ZERO: Self = Self(0);
            /// The count at which arithmetic saturates.
            pub const MAX: Self = Self(u64::MAX);

            /// The bare count.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The count as a float, for ratios and rates.
            pub fn as_f64(self) -> f64 {
                self.0 as f64
            }

            /// Whether the count is zero.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// `self - other`, or zero where `other` is larger.
            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }

            /// The smallest multiple of `step` that is not below `self`; `step` 0 counts as 1.
            pub const fn round_up_to(self, step: u64) -> Self {
                if step <= 1 {
                    return self;
                }
                match self.0.div_ceil(step).checked_mul(step) {
                    Some(rounded) => Self(rounded),
                    None => Self::MAX,
                }
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        /// Saturates at zero, as the counts have no negative values.
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                self.saturating_sub(other)
            }
        }

        impl Mul<u64> for $name {
            type Output = Self;
            fn mul(self, factor: u64) -> Self {
                Self(self.0.saturating_mul(factor))
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self::ZERO, Add::add)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{}{}", Grouped(self.0), $suffix))
            }
        }
    };
}

counted! {
    /// A size in memory. Text shows KiB and MiB through [`Bytes::human`]; JSON shows the integer.
    Bytes, " B"
}
counted! {
    /// Clock cycles of the domain that the owner names.
    Cycles, " cycles"
}
counted! {
    /// Multiply-accumulates of the model as written: one per product, whatever the engine does.
    Macs, " MACs"
}

impl Bytes {
    /// `n` KiB.
    pub const fn from_kib(n: u64) -> Self {
        Self(n * 1024)
    }

    /// The size in KiB.
    pub fn as_kib(self) -> f64 {
        self.as_f64() / 1024.0
    }

    /// The size as a person reads it: exact bytes below 1 KiB, else KiB or MiB with one decimal.
    ///
    /// ```
    /// # use cofit_vocab::Bytes;
    /// assert_eq!(Bytes(768).human(), "768 B");
    /// assert_eq!(Bytes(55_296).human(), "54.0 KiB");
    /// assert_eq!(Bytes(3_473_588).human(), "3.3 MiB");
    /// ```
    pub fn human(self) -> String {
        match self.0 {
            0..1024 => format!("{} B", self.0),
            1024..1_048_576 => format!("{:.1} KiB", self.as_kib()),
            _ => format!("{:.1} MiB", self.as_kib() / 1024.0),
        }
    }
}

impl Cycles {
    /// How long the cycles last at `clock`.
    pub fn at(self, clock: Hertz) -> Seconds {
        Seconds(self.as_f64() / clock.0)
    }

    /// A fractional estimate rounded up to whole cycles; NaN and negatives count as zero.
    pub fn ceil_from(estimate: f64) -> Self {
        // `as` saturates at both ends and maps NaN to 0, which is the wanted reading here.
        Self(estimate.ceil() as u64)
    }
}

/// A whole number with thousands separators.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A count with thousands separators and no unit, for table columns whose head names the unit.
///
/// ```
/// assert_eq!(cofit_vocab::units::grouped(7_860_707), "7,860,707");
/// ```
pub fn grouped(count: u64) -> String {
    Grouped(count).to_string()
}

macro_rules! physical {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl $name {
            /// The bare number.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }

        impl Div<f64> for $name {
            type Output = Self;
            fn div(self, divisor: f64) -> Self {
                Self(self.0 / divisor)
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self(0.0), Add::add)
            }
        }
    };
}

physical! {
    /// A clock rate.
    Hertz
}
physical! {
    /// An energy.
    PicoJoules
}
physical! {
    /// A duration.
    Seconds
}
physical! {
    /// A power.
    Watts
}

impl fmt::Display for Hertz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0, &[(1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz")]))
    }
}

impl fmt::Display for PicoJoules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0, &[(1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (1.0, "pJ")]))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0, &[(1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")]))
    }
}

impl fmt::Display for Watts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0, &[(1.0, "W"), (1e-3, "mW"), (1e-6, "uW"), (1e-9, "nW")]))
    }
}

/// `value` in the largest unit that leaves at least one digit before the point, with about three
/// significant digits.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let smallest = units.last().copied().unwrap_or((1.0, ""));
    let (factor, name) =
        units.iter().copied().find(|(factor, _)| value.abs() >= *factor).unwrap_or(smallest);
    let scaled = value / factor;
    match scaled.abs() {
        0.0 => format!("0 {name}"),
        s if s < 10.0 => format!("{scaled:.2} {name}"),
        s if s < 100.0 => format!("{scaled:.1} {name}"),
        _ => format!("{scaled:.0} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_saturate_in_both_directions() {
        assert_eq!(Bytes::MAX + Bytes(1), Bytes::MAX);
        assert_eq!(Bytes(1) - Bytes(2), Bytes::ZERO);
        assert_eq!(Bytes::MAX * 3, Bytes::MAX);
        assert_eq!(Bytes::MAX.round_up_to(16), Bytes::MAX);
    }

    #[test]
    fn rounding_up_keeps_multiples() {
        assert_eq!(Bytes(32).round_up_to(16), Bytes(32));
        assert_eq!(Bytes(33).round_up_to(16), Bytes(48));
        assert_eq!(Bytes(33).round_up_to(0), Bytes(33));
    }

    #[test]
    fn physical_units_choose_a_readable_scale() {
        assert_eq!(Hertz(480e6).to_string(), "480 MHz");
        assert_eq!(Seconds(0.0157214).to_string(), "15.7 ms");
        assert_eq!(PicoJoules(1.478e9).to_string(), "1.48 mJ");
        assert_eq!(Seconds(0.0).to_string(), "0 ns");
    }

    #[test]
    fn counts_group_thousands() {
        assert_eq!(Cycles(7_860_707).to_string(), "7,860,707 cycles");
        assert_eq!(Macs(12).to_string(), "12 MACs");
    }
}
