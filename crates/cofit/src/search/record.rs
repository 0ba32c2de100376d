//! An outcome as a study keeps it: JSON in which every number is the shortest text that reads back as
//! the same number, so that a resumed search continues from the same bits.

use cofit_explore::search::{Figures, Outcome};
use cofit_vocab::{Figure, FigureKind, Quantity, Unit};
use serde_json::{Value, json};

/// The kinds that a figure may have.
const KINDS: [FigureKind; 7] = [
    FigureKind::Exact,
    FigureKind::Measured,
    FigureKind::Sampled,
    FigureKind::Planned,
    FigureKind::Calibrated,
    FigureKind::Simulated,
    FigureKind::Assumed,
];

/// The outcome as text.
pub(super) fn encode(outcome: &Outcome) -> String {
    let value = match outcome {
        Outcome::Feasible(own) => json!({ "outcome": "feasible", "figures": figures(own) }),
        Outcome::Refused { figures: own, violation, reason } => json!({
            "outcome": "refused",
            "figures": figures(own),
            "violation": violation.to_string(),
            "reason": reason,
        }),
        Outcome::Pruned { violation, reason } => json!({
            "outcome": "pruned",
            "violation": violation.to_string(),
            "reason": reason,
        }),
    };
    value.to_string()
}

fn figures(figures: &Figures) -> Value {
    json!({
        "latency": quantity(&figures.latency),
        "energy": quantity(&figures.energy),
        "sram": figures.sram,
        "flash": figures.flash,
        "traffic": figures.traffic,
        "macs": figures.macs,
        "weights": figures.parameters,
        "accuracy": figures.accuracy.map(|amount| amount.to_string()),
    })
}

fn quantity(quantity: &Quantity) -> Value {
    match quantity {
        Quantity::Known(figure) => json!({
            "value": figure.value.to_string(),
            "low": figure.low.to_string(),
            "high": figure.high.to_string(),
            "kind": figure.kind.name(),
        }),
        Quantity::Unavailable(reason) => json!({ "unavailable": reason }),
    }
}

/// The outcome of a text; `None` for texts that [`encode`] does not write.
pub(super) fn decode(text: &str) -> Option<Outcome> {
    let value: Value = serde_json::from_str(text).ok()?;
    let violation = || number(&value["violation"]);
    let reason = || value["reason"].as_str().map(str::to_owned);
    match value["outcome"].as_str()? {
        "feasible" => Some(Outcome::Feasible(read_figures(&value["figures"])?)),
        "refused" => Some(Outcome::Refused {
            figures: read_figures(&value["figures"])?,
            violation: violation()?,
            reason: reason()?,
        }),
        "pruned" => Some(Outcome::Pruned { violation: violation()?, reason: reason()? }),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok().filter(|number: &f64| number.is_finite())
}

fn read_figures(value: &Value) -> Option<Figures> {
    let count = |key: &str| value[key].as_u64();
    Some(Figures {
        latency: read_quantity(&value["latency"], Unit::Seconds)?,
        energy: read_quantity(&value["energy"], Unit::Joules)?,
        sram: count("sram")?,
        flash: count("flash")?,
        traffic: count("traffic")?,
        macs: count("macs")?,
        parameters: count("weights")?,
        accuracy: if value["accuracy"].is_null() {
            None
        } else {
            Some(number(&value["accuracy"])?)
        },
    })
}

fn read_quantity(value: &Value, unit: Unit) -> Option<Quantity> {
    if let Some(reason) = value["unavailable"].as_str() {
        return Some(Quantity::Unavailable(reason.to_owned()));
    }
    let kind = KINDS.into_iter().find(|kind| Some(kind.name()) == value["kind"].as_str())?;
    let [amount, low, high] = [&value["value"], &value["low"], &value["high"]].map(number);
    Some(Figure::between(amount?, unit, kind, low?, high?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_read_back_to_the_bit() {
        let figures = Figures {
            latency: Figure::between(
                0.1 + 0.2,
                Unit::Seconds,
                FigureKind::Calibrated,
                1.0 / 3.0,
                f64::MAX,
            )
            .into(),
            energy: Quantity::Unavailable("nobody \"knows\"".to_owned()),
            sram: u64::MAX,
            flash: 0,
            traffic: 1,
            macs: 2,
            parameters: 3,
            accuracy: Some(f64::MIN_POSITIVE),
        };
        let outcomes = [
            Outcome::Feasible(figures.clone()),
            Outcome::Refused { figures, violation: 1e-300, reason: "r".to_owned() },
            Outcome::Pruned { violation: 1e6, reason: String::new() },
        ];
        for outcome in outcomes {
            assert_eq!(decode(&encode(&outcome)), Some(outcome));
        }
    }

    #[test]
    fn other_texts_are_no_outcomes() {
        for text in ["", "{}", "[]", "{\"outcome\":\"feasible\"}", "{\"outcome\":\"pruned\"}"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
