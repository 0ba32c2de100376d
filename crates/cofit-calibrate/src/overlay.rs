//! Fitted coefficients as a card's overlay.
//!
//! The text is TOML that a card's reader lays over the card: for each runtime the costs of its engine's
//! kernels, wait cycles, and how far measured times lie from simulated ones. Numbers have four
//! significant digits; more would pretend.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cofit_chip::Chip;
use cofit_sim::terms::{Coefficient, Term, Unit, coefficients};

/// What was fitted for one runtime of a chip.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The runtime's id.
    pub runtime: String,
    /// The engine's id.
    pub engine: String,
    /// The coefficients with their fitted values; those of one cost row together.
    pub coefficients: Vec<Term>,
    /// Measured times over simulated ones: the ends of the interval.
    pub interval: (f64, f64),
    /// Rows of this chip and runtime that took part.
    pub rows: usize,
    /// Networks of those rows.
    pub networks: usize,
}

impl Fitted {
    /// The coefficients of the chip's first engine, each with the value that `value` gives; those that
    /// it gives none are nothing, and rows of nothing are not written. Fixed costs of a call are part of the operator's.
    pub fn of(
        chip: &Chip,
        interval: (f64, f64),
        mut value: impl FnMut(&Term) -> Option<f64>,
    ) -> Option<Self> {
        let engine = chip.engines.first()?;
        let mut list = coefficients(chip, 0);
        if list.is_empty() {
            return None;
        }
        for term in &mut list {
            term.value = value(term).unwrap_or(0.0);
        }
        Some(Self {
            runtime: chip.runtime.id.clone(),
            engine: engine.id.clone(),
            coefficients: list,
            interval,
            rows: 0,
            networks: 0,
        })
    }

    /// The overlay's tables for this runtime.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let Self { runtime, engine, .. } = self;
        let (low, high) = self.interval;
        let rows = match (self.rows, self.networks) {
            (0, _) => {
                "no rows of this chip and runtime: pooled from its library and core".to_owned()
            }
            (rows, networks) => format!("{rows} rows of {networks} networks"),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n# {rows}.");
        let _ = writeln!(text, "[runtime.{runtime}.accuracy]\nsrc = \"pooled_fit\"\nconf = \"D\"");
        let _ = writeln!(text, "low = {}\nhigh = {}", number(low), number(high));
        let _ = writeln!(text, "\n[runtime.{runtime}.overlay.engine.{engine}.timing]");
        let _ = writeln!(text, "src = \"pooled_fit\"\nconf = \"D\"\nper_inference = 0");
        let mut costs: BTreeMap<&str, Vec<(Unit, f64)>> = BTreeMap::new();
        let mut waits: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
        for term in &self.coefficients {
            match &term.coefficient {
                Coefficient::Inference => {}
                Coefficient::Operator => {
                    let _ = writeln!(text, "per_operator = {}", number(term.value));
                }
                Coefficient::Kernel { row, unit, .. } => {
                    costs.entry(row).or_default().push((*unit, term.value));
                }
                Coefficient::Access { memory, access } => {
                    waits.entry(memory).or_default().push((access.name(), term.value));
                }
            }
        }
        let _ = writeln!(text, "\n[runtime.{runtime}.overlay.engine.{engine}.timing.cost]");
        // Rows that no prior knows stay the card's.
        costs.retain(|_, units| units.iter().any(|(_, value)| *value > 0.0));
        for (row, units) in costs {
            let values: Vec<String> = units
                .into_iter()
                .map(|(unit, value)| format!("{} = {}", unit.key(), number(value)))
                .collect();
            let _ = writeln!(text, "{row} = {{ {} }}", values.join(", "));
        }
        if !waits.is_empty() {
            let _ = writeln!(text, "\n[runtime.{runtime}.overlay.engine.{engine}.timing.access]");
        }
        for (memory, kinds) in waits {
            let values: Vec<String> = kinds
                .into_iter()
                .map(|(kind, value)| format!("{kind} = {}", number(value)))
                .collect();
            let _ = writeln!(text, "{memory} = {{ {} }}", values.join(", "));
        }
        text
    }
}

/// The head of an overlay of fitted tables.
pub fn head(comment: &str, formula: &str) -> String {
    let comment: String = comment.lines().map(|line| format!("# {line}\n")).collect();
    format!(
        "{comment}schema = 1\n\n[sources.pooled_fit]\nkind = \"derived\"\nformula = \"{formula}\"\n"
    )
}

/// A number with four significant digits, as TOML writes floats.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    let text = if digits > 0 {
        format!("{value:.*}", digits.min(12) as usize)
    } else {
        let unit = 10_f64.powi(-digits);
        format!("{:.0}", (value / unit).round() * unit)
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.123_456, "0.1235"),
            (12.0, "12"),
            (1.5, "1.5"),
            (98_765.4, "98770"),
            (0.000_012_345, "0.00001234"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
