//! The front of a search, and candidates that wait for an accuracy.

use std::fmt::Write as _;

use cofit_explore::search::{Evaluated, Figures, Objective, Outcome, Point, Proxy, Search, Space};
use cofit_vocab::{Bytes, Figure, FigureKind, Quantity, Unit};
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, json, words};

/// The name of the axis of targets.
pub const TARGET: &str = "target";

/// What a report on a search is about.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// The search.
    pub search: &'a Search,
    /// The sketch's file.
    pub sketch: &'a str,
    /// What stands in for accuracy.
    pub proxy: Option<Proxy>,
    /// Candidates that wait for an accuracy, so that the search is not over.
    pub waiting: usize,
    /// Whether nothing is left to evaluate.
    pub is_done: bool,
}

/// The objectives as columns, with the word of a proxy where there is one.
fn columns(found: &Found<'_>, numbers: Numbers) -> Vec<(Objective, String)> {
    let wanted = &found.search.settings().objectives;
    let is_shown = |objective: &Objective| match numbers {
        // A line of a terminal holds what was asked for; a program gets everything.
        Numbers::Grouped => wanted.contains(objective),
        Numbers::Plain => *objective != Objective::Accuracy || wanted.contains(objective),
    };
    Objective::ALL
        .into_iter()
        .filter(is_shown)
        .map(|objective| {
            let name = match (objective, found.proxy) {
                (Objective::Accuracy, Some(_)) => "proxy".to_owned(),
                _ => objective.name().to_owned(),
            };
            (objective, name.to_uppercase())
        })
        .collect()
}

fn figures(one: &Evaluated) -> Option<&Figures> {
    one.outcome.figures()
}

/// The values of a point's parameters, and its target.
fn described(space: &Space, point: &Point) -> (String, String) {
    let mut parameters = Vec::new();
    let mut target = String::new();
    for (axis, value) in space.values(point) {
        if axis.name == TARGET {
            value.clone_into(&mut target);
        } else {
            parameters.push(format!("{}={value}", axis.name));
        }
    }
    (parameters.join(" "), target)
}

fn table(found: &Found<'_>, numbers: Numbers) -> Table {
    let objectives = columns(found, numbers);
    let mut titles = vec![("ID", ColumnKind::Number), ("POINT", ColumnKind::Name)];
    titles.push(("TARGET", ColumnKind::Name));
    titles.extend(objectives.iter().map(|(_, name)| (name.as_str(), ColumnKind::Number)));
    let mut table = Table::new(&titles);
    for one in found.search.front() {
        let (point, target) = described(found.search.space(), &one.point);
        let mut row = vec![one.id.to_string(), point, target];
        for (objective, _) in &objectives {
            let figure = figures(one).and_then(|figures| figures.get(*objective));
            row.push(figure.map_or_else(|| "-".to_owned(), |figure| cell(&figure, numbers)));
        }
        table.row(row);
    }
    table
}

fn cell(figure: &Figure, numbers: Numbers) -> String {
    match (numbers, figure.unit) {
        (Numbers::Plain, _) => figure.value.to_string(),
        (Numbers::Grouped, Unit::One) => words::significant(figure.value),
        (Numbers::Grouped, unit) => words::value(figure.value, unit),
    }
}

/// How far the search is, in one line.
fn progress(found: &Found<'_>) -> String {
    let search = found.search;
    let count =
        |name: &str| search.evaluated().iter().filter(|one| one.outcome.name() == name).count();
    format!(
        "{} of {} points evaluated: {} feasible, {} refused, {} pruned; {}",
        search.evaluated().len(),
        search.space().size(),
        count("feasible"),
        count("refused"),
        count("pruned"),
        match (found.is_done, search.is_exhaustive()) {
            (false, _) => "the search is not over",
            (true, true) => "the front is the true one",
            (true, false) => "points that were not evaluated may be better",
        }
    )
}

/// The front as a table, then how far the search is and what its figures are.
pub fn text(found: &Found<'_>, rendering: Rendering) -> String {
    let mut text = format!("sketch {}  seed {}\n\n", found.sketch, found.search.settings().seed);
    let table = table(found, Numbers::Grouped);
    if table.is_empty() {
        text.push_str("no point that keeps every limit was found\n");
        let reasons = reasons(found.search);
        for (reason, count) in reasons.iter().take(3) {
            let _ = writeln!(text, "  {count} points: {reason}");
        }
    } else {
        text.push_str(&table.text(rendering.width));
    }
    text.push('\n');
    let mut line = |line: &str| {
        let _ = writeln!(text, "{}", words::wrapped(line, rendering.width, 2));
    };
    line(&progress(found));
    if found.waiting > 0 {
        line(&format!("{} candidates wait for an accuracy", found.waiting));
    }
    let objectives: Vec<&str> =
        found.search.settings().objectives.iter().map(|objective| objective.name()).collect();
    line(&format!("objectives: {}; times and energies are estimates", objectives.join(", ")));
    if !found.search.settings().objectives.contains(&Objective::Accuracy) {
        line(
            "nothing here rewards a larger network, so the smallest wins: add `--proxy parameters`, \
             or the objective accuracy",
        );
    }
    if let Some(proxy) = found.proxy {
        line(&format!("proxy: {} stand in for accuracy, which nobody measured", proxy.name()));
    }
    text
}

/// Why points were refused, the commonest first.
fn reasons(search: &Search) -> Vec<(&str, usize)> {
    let mut counted: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for one in search.evaluated() {
        match &one.outcome {
            Outcome::Refused { reason, .. } | Outcome::Pruned { reason, .. } => {
                *counted.entry(reason).or_default() += 1;
            }
            Outcome::Feasible(_) => {}
        }
    }
    let mut sorted: Vec<(&str, usize)> = counted.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}

/// One row a point of the front, with plain numbers in seconds, joules and bytes.
pub fn csv(found: &Found<'_>) -> String {
    table(found, Numbers::Plain).csv()
}

/// The front as a table in Markdown.
pub fn markdown(found: &Found<'_>) -> String {
    table(found, Numbers::Grouped).markdown()
}

/// A point with its values and figures.
pub fn point(space: &Space, one: &Evaluated, proxy: Option<Proxy>) -> Value {
    let mut parameters = Map::new();
    let mut target = Value::Null;
    for (axis, value) in space.values(&one.point) {
        if axis.name == TARGET {
            target = json!(value);
        } else {
            parameters.insert(axis.name.clone(), json!(value));
        }
    }
    let mut value = Map::new();
    value.insert("id".to_owned(), json!(one.id));
    value.insert("parameters".to_owned(), Value::Object(parameters));
    value.insert("target".to_owned(), target);
    value.insert("outcome".to_owned(), json!(one.outcome.name()));
    if let Some(figures) = one.outcome.figures() {
        let known: Map<String, Value> = Objective::ALL
            .into_iter()
            .filter(|objective| *objective != Objective::Accuracy)
            .map(|objective| (objective.name().to_owned(), quantity(figures, objective)))
            .collect();
        value.insert("figures".to_owned(), Value::Object(known));
        let exact =
            |count: u64| json::figure(&Figure::point(count as f64, Unit::One, FigureKind::Exact));
        value.insert("macs".to_owned(), exact(figures.macs));
        value.insert("weights".to_owned(), exact(figures.parameters));
        match (figures.accuracy, proxy) {
            (Some(amount), Some(proxy)) => {
                let figure = Figure::point(amount, Unit::One, FigureKind::Exact);
                let entry = json!({ "of": proxy.name(), "value": json::figure(&figure) });
                value.insert("proxy".to_owned(), entry);
            }
            (Some(_), None) => {
                let accuracy = figures.get(Objective::Accuracy);
                value.insert(
                    "accuracy".to_owned(),
                    accuracy.map_or(Value::Null, |figure| json::figure(&figure)),
                );
            }
            (None, _) => {}
        }
    }
    Value::Object(value)
}

fn quantity(figures: &Figures, objective: Objective) -> Value {
    match objective {
        Objective::Latency => json::quantity(&figures.latency),
        Objective::Energy => json::quantity(&figures.energy),
        Objective::Sram => json::bytes(Bytes(figures.sram), FigureKind::Planned),
        Objective::Flash => json::bytes(Bytes(figures.flash), FigureKind::Planned),
        Objective::Traffic => json::bytes(Bytes(figures.traffic), FigureKind::Simulated),
        Objective::Accuracy => json::quantity(
            &figures
                .get(Objective::Accuracy)
                .map_or_else(|| Quantity::Unavailable("nobody told it".to_owned()), Quantity::from),
        ),
    }
}

/// The front with every figure.
pub fn json_value(found: &Found<'_>) -> Value {
    let search = found.search;
    let exact = |count: f64| json::figure(&Figure::point(count, Unit::One, FigureKind::Exact));
    let front: Vec<Value> =
        search.front().into_iter().map(|one| point(search.space(), one, found.proxy)).collect();
    let objectives: Vec<&str> =
        search.settings().objectives.iter().map(|objective| objective.name()).collect();
    json!({
        "schema": json::SCHEMA,
        "tool": json::tool(),
        "sketch": found.sketch,
        "seed": search.settings().seed,
        "objectives": objectives,
        "proxy": found.proxy.map(Proxy::name),
        "space": exact(search.space().size() as f64),
        "evaluated": exact(search.evaluated().len() as f64),
        "exhaustive": search.is_exhaustive(),
        "done": found.is_done,
        "waiting": exact(found.waiting as f64),
        "dominated_share": search.dominated_share().map_or_else(
            || json!({ "unavailable": "nothing is feasible, or the front is too large" }),
            exact_share,
        ),
        "front": front,
    })
}

fn exact_share(share: f64) -> Value {
    json::figure(&Figure::point(share, Unit::One, FigureKind::Simulated))
}
