//! A number as it reaches a screen: with its unit, how it is known, and how wrong it may be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The unit of a [`Figure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    /// Clock cycles.
    #[serde(rename = "cycles")]
    Cycles,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Joules.
    #[serde(rename = "J")]
    Joules,
    /// Watts.
    #[serde(rename = "W")]
    Watts,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// Ten times the logarithm of a ratio of powers.
    #[serde(rename = "dB")]
    Decibels,
    /// A ratio or a count.
    #[serde(rename = "1")]
    One,
}

impl Unit {
    /// Whether values of the unit are whole numbers in JSON.
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Cycles | Self::Bytes)
    }

    /// The symbol in JSON.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::Seconds => "s",
            Self::Joules => "J",
            Self::Watts => "W",
            Self::Bytes => "bytes",
            Self::Decibels => "dB",
            Self::One => "1",
        }
    }
}

/// How a figure is known, from firmest to weakest.
///
/// The order is the order of trust: a sum or a product is as weak as its weakest part, so
/// combining figures takes the maximum of their kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FigureKind {
    /// Follows from the model and the format alone: shapes, weights, MACs.
    Exact,
    /// Read on the silicon itself.
    Measured,
    /// Counted on samples of the user's; the interval, where there is one, is that of all such
    /// data.
    Sampled,
    /// Decided by a checked plan: addresses, peaks.
    Planned,
    /// From a timing model whose parameters were fitted to measured rows.
    Calibrated,
    /// From a timing model that was not fitted to silicon.
    Simulated,
    /// Rests on a value that nobody has published; the assumption is printed beside it.
    Assumed,
}

impl FigureKind {
    /// The name in text and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Measured => "measured",
            Self::Sampled => "sampled",
            Self::Planned => "planned",
            Self::Calibrated => "calibrated",
            Self::Simulated => "simulated",
            Self::Assumed => "assumed",
        }
    }
}

impl fmt::Display for FigureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A number with its unit, kind and interval.
///
/// `low <= value <= high` always holds: the constructors widen an interval that does not contain
/// its value. An exact figure has `low == value == high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The best estimate, in `unit`.
    pub value: f64,
    /// What is counted.
    pub unit: Unit,
    /// How it is known.
    pub kind: FigureKind,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Figure {
    /// A figure whose interval is the point itself.
    pub const fn point(value: f64, unit: Unit, kind: FigureKind) -> Self {
        Self { value, unit, kind, low: value, high: value }
    }

    /// A figure between `low` and `high`.
    pub fn between(value: f64, unit: Unit, kind: FigureKind, low: f64, high: f64) -> Self {
        Self { value, unit, kind, low: low.min(value), high: high.max(value) }
    }
}

/// A figure, or the reason why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// The figure.
    Known(Figure),
    /// Why no figure can be given.
    Unavailable(String),
}

impl Quantity {
    /// The figure, if there is one.
    pub const fn figure(&self) -> Option<&Figure> {
        match self {
            Self::Known(figure) => Some(figure),
            Self::Unavailable(_) => None,
        }
    }
}

impl From<Figure> for Quantity {
    fn from(figure: Figure) -> Self {
        Self::Known(figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_always_contains_its_value() {
        let figure = Figure::between(5.0, Unit::Seconds, FigureKind::Simulated, 6.0, 4.0);
        assert!(figure.low <= figure.value && figure.value <= figure.high);
    }

    #[test]
    fn the_weakest_kind_wins() {
        assert_eq!(FigureKind::Exact.max(FigureKind::Assumed), FigureKind::Assumed);
        assert_eq!(FigureKind::Planned.max(FigureKind::Simulated), FigureKind::Simulated);
    }
}
