//! Two runs side by side: their figures, and their layers aligned by name.

use std::collections::BTreeMap;

use cofit_explore::verdict::{energy_quantity, latency_figure};
use cofit_vocab::{Bytes, units};
use cranelift_entity::EntityRef;

use super::rows::{self, Row};
use super::{table, verdict};
use crate::markup::{escaped, put};
use crate::{Subject, words};

/// Layers listed, those that change most; the rest is counted.
const LISTED: usize = 200;

/// The section above two bodies.
pub(super) fn html(first: &Subject<'_>, second: &Subject<'_>) -> String {
    let name = |subject: &Subject<'_>| format!("{} on {}", subject.model.name, subject.chip.id());
    format!(
        "<article class=\"run\" id=\"pair\"><header><h1>Two runs</h1><p class=\"note\">A: \
         <a href=\"#run0\">{}</a> · B: <a href=\"#run1\">{}</a></p></header>\
         <section><h2>Figures</h2>\n{}</section><section><h2>Layers that change</h2>\n{}</section>\
         </article>\n",
        escaped(&name(first), 200),
        escaped(&name(second), 200),
        figures(first, second),
        layers(&rows::rows(first), &rows::rows(second)),
    )
}

/// A change of a count, in per cent; nothing where it begins at nothing.
fn change(from: f64, to: f64) -> String {
    if from <= 0.0 || !from.is_finite() || !to.is_finite() {
        return "-".to_owned();
    }
    format!("{:+.1} %", (to / from - 1.0) * 100.0)
}

fn figures(first: &Subject<'_>, second: &Subject<'_>) -> String {
    let mut body = String::new();
    let mut row = |name: &str, a: &str, b: &str, delta: &str| {
        put(
            &mut body,
            format_args!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>\
                 <td>{delta}</td></tr>",
                escaped(name, 60),
                escaped(a, 120),
                escaped(b, 120)
            ),
        );
    };
    let status = |subject: &Subject<'_>| {
        let (_, mark, word) = verdict::status_words(subject.evaluation.verdict.status);
        format!("{mark} {word}")
    };
    row("constraints", &status(first), &status(second), "");
    let (a, b) = (&first.evaluation.profile, &second.evaluation.profile);
    if !a.accuracy.is_structural && !b.accuracy.is_structural {
        let (x, y) = (latency_figure(a), latency_figure(b));
        row("one inference", &words::figure(&x), &words::figure(&y), &change(x.value, y.value));
    }
    let count = |cycles: cofit_vocab::Cycles| units::grouped(cycles.get());
    let delta = change(a.cycles.as_f64(), b.cycles.as_f64());
    row("cycles", &count(a.cycles), &count(b.cycles), &delta);
    let (x, y) = (energy_quantity(a), energy_quantity(b));
    let delta = match (x.figure(), y.figure()) {
        (Some(x), Some(y)) => change(x.value, y.value),
        _ => "-".to_owned(),
    };
    row("energy", &words::quantity(&x), &words::quantity(&y), &delta);
    for cause in cofit_sim::Cause::ALL {
        let (x, y) = (a.causes.get(cause), b.causes.get(cause));
        if !x.is_zero() || !y.is_zero() {
            let name = format!("cycles: {}", super::figure::cause_words(cause));
            row(&name, &count(x), &count(y), &change(x.as_f64(), y.as_f64()));
        }
    }
    // Memories of two chips meet by their names.
    let needs = |subject: &Subject<'_>| -> Vec<(String, Bytes)> {
        let memories = subject.evaluation.plan.memories.iter();
        let used = memories.filter(|(_, used)| !used.need().is_zero());
        used.map(|(id, used)| (subject.chip.memories[id.index()].id.clone(), used.need())).collect()
    };
    let (x, y) = (needs(first), needs(second));
    let of = |list: &[(String, Bytes)], name: &str| {
        list.iter().find(|(own, _)| own == name).map(|(_, bytes)| *bytes)
    };
    let mut names: Vec<&String> = x.iter().map(|(name, _)| name).collect();
    names.extend(y.iter().map(|(name, _)| name).filter(|name| of(&x, name).is_none()));
    for name in names {
        let (a, b) = (of(&x, name), of(&y, name));
        let human = |bytes: Option<Bytes>| bytes.map_or_else(|| "-".to_owned(), Bytes::human);
        let delta = match (a, b) {
            (Some(a), Some(b)) => change(a.as_f64(), b.as_f64()),
            _ => "-".to_owned(),
        };
        row(&format!("need of {name}"), &human(a), &human(b), &delta);
    }
    let columns = [("figure", false), ("A", true), ("B", true), ("change", true)];
    table::table("figures of both runs", &columns, &body, "pair")
}

fn layers(first: &[Row], second: &[Row]) -> String {
    let mut by_name: BTreeMap<&str, (Option<&Row>, Option<&Row>)> = BTreeMap::new();
    for row in first {
        by_name.entry(&row.name).or_default().0 = Some(row);
    }
    for row in second {
        by_name.entry(&row.name).or_default().1 = Some(row);
    }
    let cycles = |row: Option<&Row>| row.map_or(0, |row| row.cycles.get());
    let mut changed: Vec<(&str, u64, u64)> = by_name
        .iter()
        .map(|(name, (a, b))| (*name, cycles(*a), cycles(*b)))
        .filter(|(_, a, b)| a != b)
        .collect();
    if changed.is_empty() {
        return "<p>Layers of the same names take the same cycles.</p>".to_owned();
    }
    changed.sort_by_key(|&(name, a, b)| (std::cmp::Reverse(a.abs_diff(b)), name));
    let mut body = String::new();
    for (name, a, b) in changed.iter().take(LISTED) {
        let (x, y) = by_name[name];
        let count = |row: Option<&Row>, cycles: u64| match row {
            Some(_) => units::grouped(cycles),
            None => "-".to_owned(),
        };
        let sign = if b < a { "-" } else { "+" };
        put(
            &mut body,
            format_args!(
                "<tr><th scope=\"row\" title=\"{}\">{}</th><td>{}</td>\
                 <td>{}</td><td>{sign}{}</td><td>{}</td></tr>",
                escaped(name, 160),
                escaped(words::short_name(name), 60),
                count(x, *a),
                count(y, *b),
                units::grouped(a.abs_diff(*b)),
                change(*a as f64, *b as f64),
            ),
        );
    }
    let columns = [
        ("layer", false),
        ("cycles of A", true),
        ("cycles of B", true),
        ("difference", true),
        ("change", true),
    ];
    let mut html = table::table("layers that change", &columns, &body, "pair sort filter");
    let rest = changed.len().saturating_sub(LISTED);
    if rest > 0 {
        put(&mut html, format_args!("<p class=\"note\">and {rest} that change less.</p>"));
    }
    html
}
