//! Models against chips, one line a pair.

use std::fmt::Write as _;

use cofit_explore::Status;
use cofit_explore::verdict::{energy_quantity, latency_figure};
use cofit_vocab::{Bytes, FigureKind};
use serde_json::{Map, Value, json};

use crate::bars::{self, Bar, Meaning};
use crate::table::{ColumnKind, Table};
use crate::{Rendering, Subject, check, json, words};

/// One pair: a result, or the reason why there is none.
pub struct Pair<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The chip's id.
    pub chip: &'a str,
    /// The result, or why there is none.
    pub result: Result<Subject<'a>, String>,
}

/// Columns for a reader. Rows of one model stand together, so the text needs no column for it.
const COLUMNS: [(&str, ColumnKind); 9] = [
    ("MODEL", ColumnKind::Name),
    ("CHIP", ColumnKind::Word),
    ("FITS", ColumnKind::Word),
    ("RAM", ColumnKind::Number),
    ("TIME", ColumnKind::Number),
    ("KIND", ColumnKind::Term),
    ("ENERGY", ColumnKind::Number),
    ("BOUND", ColumnKind::Term),
    ("%", ColumnKind::Number),
];

fn cells(pair: &Pair<'_>) -> Vec<String> {
    let mut row = vec![pair.chip.to_owned()];
    let subject = match &pair.result {
        Ok(subject) => subject,
        Err(reason) => {
            row.push(reason.clone());
            return row;
        }
    };
    let (verdict, profile) = (&subject.evaluation.verdict, &subject.evaluation.profile);
    let fits = match verdict.status {
        Status::Pass => "yes".to_owned(),
        Status::Unknown => "?".to_owned(),
        Status::Fail => "no".to_owned(),
    };
    let latency = latency_figure(profile);
    let (time, kind) = if profile.accuracy.is_structural {
        ("-".to_owned(), "structural")
    } else {
        (words::value(latency.value, latency.unit), profile.accuracy.kind.name())
    };
    let energy = energy_quantity(profile)
        .figure()
        .map_or_else(|| "-".to_owned(), |figure| words::value(figure.value, figure.unit));
    let (cause, share) = bound(subject);
    row.extend([fits, ram(subject).human(), time, kind.to_owned(), energy, cause.to_owned()]);
    row.push(format!("{:.0}", share * 100.0));
    row
}

/// The rule that a model breaks on a chip.
fn rule(subject: &Subject<'_>) -> Option<&'static str> {
    let constraints = &subject.evaluation.verdict.constraints;
    constraints.iter().find_map(|result| result.rule).map(|rule| rule.id)
}

/// The cause of most cycles, with its share of all.
fn bound(subject: &Subject<'_>) -> (&'static str, f64) {
    let profile = &subject.evaluation.profile;
    profile.causes.dominant().map_or(("-", 0.0), |(cause, cycles)| {
        (cause.name(), cycles.as_f64() / profile.cycles.as_f64().max(1.0))
    })
}

/// Activations, scratch and runtime state over all memories.
fn ram(subject: &Subject<'_>) -> Bytes {
    subject
        .evaluation
        .plan
        .memories
        .values()
        .map(|used| used.activations + used.scratch + used.runtime)
        .sum()
}

/// Every pair's time in parts of the longest of its model, in the colour of what binds it; what does not
/// fit in red.
fn time_bars(pairs: &[Pair<'_>]) -> Vec<Bar> {
    let seconds = |pair: &Pair<'_>| -> Option<f64> {
        let profile = &pair.result.as_ref().ok()?.evaluation.profile;
        (!profile.accuracy.is_structural).then(|| latency_figure(profile).value)
    };
    let bar = |pair: &Pair<'_>| -> Bar {
        let own = pairs.iter().filter(|other| other.model == pair.model);
        let most = own.filter_map(seconds).fold(0.0, f64::max);
        let subject = pair.result.as_ref().ok()?;
        let meaning = match subject.evaluation.verdict.status {
            Status::Fail => Meaning::Violated,
            Status::Pass | Status::Unknown => {
                let cause = subject.evaluation.profile.causes.dominant();
                cause.map_or(Meaning::Plain, |(cause, _)| Meaning::Cause(cause))
            }
        };
        (most > 0.0).then_some((seconds(pair)? / most, meaning))
    };
    pairs.iter().map(bar).collect()
}

/// One line a pair below its model, then why the pairs that do not fit do not.
pub fn text(pairs: &[Pair<'_>], rendering: Rendering) -> String {
    let mut table = Table::new(&COLUMNS[1..]);
    for pair in pairs {
        table.row(cells(pair));
    }
    let rows = bars::behind(&table.text(rendering.width), &time_bars(pairs), rendering);
    let mut lines = rows.lines();
    let mut text = String::new();
    text.extend(lines.next().into_iter().flat_map(|titles| [titles, "\n"]));
    let mut model = None;
    for (pair, line) in pairs.iter().zip(lines) {
        if model != Some(pair.model) {
            let _ = writeln!(text, "\n{}", pair.model);
            model = Some(pair.model);
        }
        let _ = writeln!(text, "{line}");
    }
    let mut separator = "\n";
    for pair in pairs {
        let Ok(subject) = &pair.result else { continue };
        for reason in check::reasons(subject) {
            let line = format!("{} on {}: {reason}", pair.model, pair.chip);
            text.push_str(separator);
            text.push_str(&words::wrapped(&line, rendering.width, 2));
            text.push('\n');
            separator = "";
        }
    }
    text
}

/// One row a pair, with plain numbers in the units that the titles name.
pub fn csv(pairs: &[Pair<'_>]) -> String {
    let titles = ["MODEL", "CHIP", "VERDICT", "RULE", "RAM_BYTES", "CYCLES", "SECONDS", "KIND"];
    let titles = titles.into_iter().chain(["JOULES", "BOUND", "SHARE"]);
    let columns: Vec<_> = titles.map(|title| (title, ColumnKind::Word)).collect();
    let mut table = Table::new(&columns);
    for pair in pairs {
        let mut row = vec![pair.model.to_owned(), pair.chip.to_owned()];
        match &pair.result {
            Ok(subject) => {
                let evaluation = subject.evaluation;
                let profile = &evaluation.profile;
                let seconds = (!profile.accuracy.is_structural)
                    .then(|| latency_figure(profile).value.to_string());
                let joules = energy_quantity(profile).figure().map(|one| one.value.to_string());
                let (cause, share) = bound(subject);
                row.extend([
                    evaluation.verdict.status.name().to_owned(),
                    rule(subject).unwrap_or_default().to_owned(),
                    ram(subject).get().to_string(),
                    profile.cycles.get().to_string(),
                    seconds.unwrap_or_default(),
                    profile.accuracy.kind.name().to_owned(),
                    joules.unwrap_or_default(),
                    cause.to_owned(),
                    format!("{share:.4}"),
                ]);
            }
            Err(reason) => row.push(reason.clone()),
        }
        table.row(row);
    }
    table.csv()
}

/// One row a pair, in Markdown.
pub fn markdown(pairs: &[Pair<'_>]) -> String {
    let mut table = Table::new(&COLUMNS);
    for pair in pairs {
        let mut row = vec![pair.model.to_owned()];
        row.extend(cells(pair));
        if let Some(rule) = pair.result.as_ref().ok().and_then(rule) {
            row[2] = format!("no {rule}");
        }
        table.row(row);
    }
    table.markdown()
}

/// Every pair with its totals.
pub fn json_value(pairs: &[Pair<'_>]) -> Value {
    let mut value = Map::new();
    value.insert("schema".to_owned(), json!(json::SCHEMA));
    value.insert("tool".to_owned(), json::tool());
    let list: Vec<Value> = pairs
        .iter()
        .map(|pair| match &pair.result {
            Ok(subject) => json!({
                "model": json::model(subject.model),
                "chip": json::chip(subject.chip),
                "verdict": subject.evaluation.verdict.status.name(),
                "ram": json::bytes(ram(subject), FigureKind::Planned),
                "totals": json::totals(subject),
            }),
            Err(reason) => json!({
                "model": { "name": pair.model },
                "chip": { "id": pair.chip },
                "verdict": { "unavailable": reason },
            }),
        })
        .collect();
    value.insert("pairs".to_owned(), json!(list));
    Value::Object(value)
}
