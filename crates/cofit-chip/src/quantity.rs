//! Numbers with a unit in text: `"512 KiB"`, `"480 MHz"`, `"1.6 GB/s"`.
//!
//! Binary prefixes (KiB, MiB, GiB) are powers of 1024; decimal ones (kB, MB, GB) powers of 1000.
//! `KB` is refused: half the datasheets mean 1000 by it and half 1024.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use cofit_vocab::Watts;

/// A rate of transfer, in bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BytesPerSecond(pub f64);

impl BytesPerSecond {
    /// The bare number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for BytesPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&in_largest(self.0, &[(1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")]))
    }
}

/// Four significant digits in the largest unit that leaves one before the point.
fn in_largest(value: f64, units: &[(f64, &str)]) -> String {
    let smallest = units.last().copied().unwrap_or((1.0, ""));
    let (factor, name) =
        units.iter().copied().find(|(factor, _)| value.abs() >= *factor).unwrap_or(smallest);
    let rounded = format!("{:.3}", value / factor);
    format!("{} {name}", rounded.trim_end_matches('0').trim_end_matches('.'))
}

/// What a quantity measures: its base unit and the units it may be written in.
pub(crate) struct Dimension {
    /// The name in messages.
    pub name: &'static str,
    /// The unit of a plain number.
    pub base: &'static str,
    /// An example for messages.
    pub example: &'static str,
    /// Unit names with their factor to the base unit.
    pub units: &'static [(&'static str, f64)],
}

/// Sizes, in bytes.
pub(crate) const SIZE: Dimension = Dimension {
    name: "a size",
    base: "bytes",
    example: "\"512 KiB\"",
    units: &[
        ("B", 1.0),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
    ],
};

/// Clock rates, in hertz.
pub(crate) const CLOCK: Dimension = Dimension {
    name: "a clock",
    base: "Hz",
    example: "\"480 MHz\"",
    units: &[("Hz", 1.0), ("kHz", 1e3), ("MHz", 1e6), ("GHz", 1e9)],
};

/// Rates of transfer, in bytes per second.
pub(crate) const RATE: Dimension = Dimension {
    name: "a bandwidth",
    base: "bytes per second",
    example: "\"1.6 GB/s\"",
    units: &[
        ("B/s", 1.0),
        ("kB/s", 1e3),
        ("MB/s", 1e6),
        ("GB/s", 1e9),
        ("KiB/s", 1024.0),
        ("MiB/s", 1_048_576.0),
        ("GiB/s", 1_073_741_824.0),
    ],
};

/// Durations, in seconds.
pub(crate) const TIME: Dimension = Dimension {
    name: "a duration",
    base: "seconds",
    example: "\"17.3 us\"",
    units: &[("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)],
};

/// Energies, in picojoules.
pub(crate) const ENERGY: Dimension = Dimension {
    name: "an energy",
    base: "pJ",
    example: "\"3.0 nJ\"",
    units: &[("pJ", 1.0), ("nJ", 1e3), ("uJ", 1e6), ("mJ", 1e9), ("J", 1e12)],
};

/// Powers, in watts.
pub(crate) const POWER: Dimension = Dimension {
    name: "a power",
    base: "watts",
    example: "\"6.8 mW\"",
    units: &[("W", 1.0), ("mW", 1e-3), ("uW", 1e-6), ("nW", 1e-9)],
};

impl Dimension {
    /// Reads `text`, in the base unit, or says why it cannot be read.
    pub fn parse(&self, text: &str) -> Result<f64, String> {
        let trimmed = text.trim();
        let split = trimmed
            .find(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E')
            .unwrap_or(trimmed.len());
        let (number, unit) = (trimmed[..split].trim().replace('_', ""), trimmed[split..].trim());
        let names = || self.units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        if unit == "KB" {
            return Err("`KB` is ambiguous: write kB for 1000 bytes or KiB for 1024".to_owned());
        }
        let Some((_, factor)) = self.units.iter().find(|(name, _)| *name == unit) else {
            return Err(if unit.is_empty() {
                format!("`{trimmed}` has no unit; {} in text needs one of {}", self.name, names())
            } else {
                format!("`{unit}` is no unit of {}: use {}", self.name, names())
            });
        };
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value * factor),
            Ok(_) | Err(_) => Err(format!("`{number}` is no number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_scale_to_the_base() {
        assert_eq!(SIZE.parse("512 KiB"), Ok(524_288.0));
        assert_eq!(SIZE.parse("2MiB"), Ok(2_097_152.0));
        assert_eq!(CLOCK.parse("480 MHz"), Ok(480e6));
        assert_eq!(RATE.parse("1.6 GB/s"), Ok(1.6e9));
        assert_eq!(ENERGY.parse("3.0 nJ"), Ok(3000.0));
    }

    #[test]
    fn an_ambiguous_or_foreign_unit_is_refused() {
        assert!(SIZE.parse("512 KB").is_err_and(|why| why.contains("KiB for 1024")));
        assert!(SIZE.parse("512 MHz").is_err_and(|why| why.contains("no unit of a size")));
        assert!(SIZE.parse("512").is_err_and(|why| why.contains("has no unit")));
        assert!(SIZE.parse("1e999 B").is_err());
    }

    #[test]
    fn display_reads_back() {
        assert_eq!(BytesPerSecond(1.6e9).to_string(), "1.6 GB/s");
    }
}
