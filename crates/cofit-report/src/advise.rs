//! Suggestions with what they change.

use std::fmt::Write as _;

use cofit_explore::advise::{Advice, Chain, Edit, Ending, Figures, Suggestion};
use cofit_quantise::evaluate::Score;
use cofit_vocab::{Bytes, Figure, FigureKind, Quantity, Unit};
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, Subject, check, json, words};

/// What `advise` found.
pub struct Advised<'a> {
    /// The model on the chip before any suggestion.
    pub subject: Subject<'a>,
    /// What was found.
    pub result: Outcome<'a>,
    /// Scores on the user's data: before, and after each suggestion or step whose model can be
    /// executed; `None` without data.
    pub scores: Option<Scores>,
}

/// Scores on the user's data.
pub struct Scores {
    /// Of the model as it was.
    pub before: Score,
    /// Of the model after each suggestion; `None` where its weights are absent.
    pub after: Vec<Option<Score>>,
}

/// A list of suggestions or a chain of them.
#[derive(Clone, Copy)]
pub enum Outcome<'a> {
    /// Suggestions, each by itself.
    Advice(&'a Advice),
    /// A chain, each step after the one before.
    Chain(&'a Chain),
}

impl<'a> Outcome<'a> {
    /// The suggestions or steps.
    pub fn suggestions(self) -> &'a [Suggestion] {
        match self {
            Self::Advice(advice) => &advice.suggestions,
            Self::Chain(chain) => &chain.steps,
        }
    }

    fn before(self) -> &'a Figures {
        match self {
            Self::Advice(advice) => &advice.before,
            Self::Chain(chain) => &chain.before,
        }
    }

    /// The figures that suggestion `at` starts from.
    fn start(self, at: usize) -> &'a Figures {
        match self {
            Self::Advice(advice) => &advice.before,
            Self::Chain(chain) => match at.checked_sub(1).and_then(|at| chain.steps.get(at)) {
                Some(step) => &step.after,
                None => &chain.before,
            },
        }
    }
}

/// The figures by name, in the order in which they are shown.
fn named(figures: &Figures) -> Vec<(String, Quantity)> {
    let (low, high) = figures.interval;
    let kind = figures.time_kind;
    let known = |value: f64, unit| {
        Quantity::Known(Figure::between(value, unit, kind, value * low, value * high))
    };
    let none = |reason: &str| Quantity::Unavailable(reason.to_owned());
    let bytes =
        |bytes: Bytes, kind| Quantity::Known(Figure::point(bytes.as_f64(), Unit::Bytes, kind));
    let mut list = vec![
        (
            "cycles".to_owned(),
            figures.cycles.map_or_else(
                || none("cycles are not simulated"),
                |cycles| {
                    let whole = cycles as f64;
                    let ends =
                        ((whole * low).round().min(whole), (whole * high).round().max(whole));
                    Figure::between(whole, Unit::Cycles, kind, ends.0, ends.1).into()
                },
            ),
        ),
        (
            "latency".to_owned(),
            figures.seconds.map_or_else(
                || none("uncalibrated, structural model only"),
                |seconds| known(seconds, Unit::Seconds),
            ),
        ),
        ("energy".to_owned(), figures.energy.clone()),
        ("ram".to_owned(), bytes(figures.ram, FigureKind::Planned)),
        ("flash".to_owned(), bytes(figures.stored, FigureKind::Planned)),
    ];
    for (memory, moved) in figures.traffic.iter().flatten() {
        list.push((format!("{memory} traffic"), bytes(*moved, FigureKind::Simulated)));
    }
    list
}

/// Names of figures with their values before and after, where both have them.
fn pairs(before: &Figures, after: &Figures) -> Vec<(String, Quantity, Quantity)> {
    let later = named(after);
    let find = |name: &str| later.iter().find(|(other, _)| other == name);
    named(before)
        .into_iter()
        .filter_map(|(name, old)| find(&name).map(|(_, new)| (name, old, new.clone())))
        .collect()
}

/// `12.0 ms -> 8.0 ms (-33 %)`, or nothing where neither is known or nothing changes.
fn change(old: &Quantity, new: &Quantity) -> Option<String> {
    let shown = |figure: &Figure| words::value(figure.value, figure.unit);
    match (old.figure(), new.figure()) {
        (Some(old), Some(new)) if old.value == new.value => None,
        (Some(old), Some(new)) => {
            let share = if old.value > 0.0 {
                format!(" ({:+.1} %)", (new.value / old.value - 1.0) * 100.0)
            } else {
                String::new()
            };
            Some(format!("{} -> {}{share}", shown(old), shown(new)))
        }
        (Some(old), None) => Some(format!("{} -> not simulated", shown(old))),
        (None, _) => None,
    }
}

/// The suggestions for a reader.
pub fn text(advised: &Advised<'_>, rendering: Rendering) -> String {
    let mut text = check::heading(&advised.subject);
    let before = advised.result.before();
    text.push_str(&state(before));
    for (at, suggestion) in advised.result.suggestions().iter().enumerate() {
        text.push_str(&block(advised, at, suggestion, rendering));
    }
    let _ = writeln!(text, "\n{}", words::wrapped(&conclusion(advised), rendering.width, 0));
    text
}

/// Where the model stands before.
fn state(figures: &Figures) -> String {
    let shown: Vec<String> = named(figures)
        .iter()
        .filter(|(name, _)| !name.ends_with(" traffic"))
        .filter_map(|(name, quantity)| {
            let figure = quantity.figure()?;
            Some(format!("{name} {}", words::value(figure.value, figure.unit)))
        })
        .collect();
    let verdict = match figures.violations {
        0 => "fits".to_owned(),
        1 => "1 constraint violated".to_owned(),
        count => format!("{count} constraints violated"),
    };
    // Two lines at most: times before, bytes and the verdict behind.
    let (first, second) = shown.split_at(shown.len().saturating_sub(2));
    let second = [second, &[verdict]].concat();
    format!("now   {}\n      {}\n", first.join("  "), second.join("  "))
}

/// One suggestion.
fn block(
    advised: &Advised<'_>,
    at: usize,
    suggestion: &Suggestion,
    rendering: Rendering,
) -> String {
    let candidate = &suggestion.candidate;
    let mut text = String::from("\n");
    let title = format!(
        "{}. {}  {}: {}",
        at + 1,
        candidate.kind,
        words::short_name(&candidate.place),
        candidate.change
    );
    let _ = writeln!(text, "{}", words::wrapped(&title, rendering.width, 3));
    let start = advised.result.start(at);
    for (name, old, new) in pairs(start, &suggestion.after) {
        if let Some(change) = change(&old, &new) {
            let _ = writeln!(text, "   {name:<14} {change}");
        }
    }
    let (was, is) = (start.violations, suggestion.after.violations);
    if was > 0 {
        let shown = match is {
            0 => "fits now".to_owned(),
            _ if is < was => format!("{was} violated -> {is}"),
            _ if start.excess == suggestion.after.excess => format!("{is} violated as before"),
            _ => format!("{is} violated, by {}", by(start.excess, suggestion.after.excess)),
        };
        let _ = writeln!(text, "   {:<14} {shown}", "constraints");
    }
    let mut keeps = candidate.keeps.words();
    if let Some(score) = score(advised, at) {
        keeps = format!("{keeps}; {score}");
    }
    let _ = writeln!(text, "{}", words::wrapped(&format!("   {keeps}"), rendering.width, 3));
    for note in &candidate.notes {
        let _ =
            writeln!(text, "{}", words::wrapped(&format!("   note: {note}"), rendering.width, 9));
    }
    text
}

/// How a sum of shortfalls changed.
fn by(before: f64, after: f64) -> String {
    format!("{:.0} % of a limit -> {:.0} %", before * 100.0, after * 100.0)
}

/// The score after a suggestion beside that before, where there is data.
fn score(advised: &Advised<'_>, at: usize) -> Option<String> {
    let scores = advised.scores.as_ref()?;
    let shown = |score: &Score| format!("{:.4}", score.value);
    Some(match scores.after.get(at)? {
        Some(after) => format!("measured {} -> {}", shown(&scores.before), shown(after)),
        None => "not measured".to_owned(),
    })
}

/// What was tried, in a sentence.
fn conclusion(advised: &Advised<'_>) -> String {
    match advised.result {
        Outcome::Advice(advice) => {
            let count = advice.suggestions.len();
            let plural = if count == 1 { " helps" } else { "s help" };
            let mut text = format!("{count} suggestion{plural} of {} tried", advice.tried);
            if advice.untried > 0 {
                let _ = write!(text, "; {} more were not (--evaluations)", advice.untried);
            }
            for (kind, reason) in &advice.refused {
                let _ = write!(text, "; no {kind}: {reason}");
            }
            text
        }
        Outcome::Chain(chain) => {
            let count = chain.steps.len();
            let plural = if count == 1 { "" } else { "s" };
            let tried = chain.tried;
            match chain.ending {
                Ending::Fits => "FITS as it is".to_owned(),
                Ending::Cheapest => format!(
                    "FITS after {count} step{plural}, cost {}; of chains that come closer with every \
                     step none is cheaper ({tried} tried)",
                    chain.cost
                ),
                Ending::Found => format!(
                    "FITS after {count} step{plural}, cost {}; a cheaper chain may exist ({tried} \
                     tried)",
                    chain.cost
                ),
                Ending::None => format!(
                    "DOES NOT FIT: no suggestion comes closer than the {count} step{plural} above \
                     ({tried} tried)"
                ),
                Ending::OutOfEvaluations => format!(
                    "DOES NOT FIT within {tried} evaluations; the closest are the {count} \
                     step{plural} above"
                ),
            }
        }
    }
}

/// Which target a suggestion ends on, where it is another one.
fn target(suggestion: &Suggestion) -> Option<Value> {
    match &suggestion.candidate.edit {
        Edit::Target(target) => Some(json::chip(&target.2)),
        Edit::Model(_) | Edit::Policy(_) | Edit::Stream { .. } => None,
    }
}

/// The figures as JSON, by name; traffic by memory.
fn figures_json(figures: &Figures) -> Value {
    let mut value = Map::new();
    let mut traffic = Map::new();
    for (name, quantity) in named(figures) {
        match name.strip_suffix(" traffic") {
            Some(memory) => traffic.insert(memory.to_owned(), json::quantity(&quantity)),
            None => value.insert(name, json::quantity(&quantity)),
        };
    }
    let traffic = match figures.traffic {
        Some(_) => Value::Object(traffic),
        None => json!({ "unavailable": "the traffic of streamed networks is not simulated" }),
    };
    value.insert("traffic".to_owned(), traffic);
    value.insert("violations".to_owned(), json!(figures.violations));
    Value::Object(value)
}

/// After less before, figure by figure.
fn deltas(before: &Figures, after: &Figures) -> Value {
    let mut value = Map::new();
    let mut traffic = Map::new();
    for (name, old, new) in pairs(before, after) {
        let delta = match (old.figure(), new.figure()) {
            (Some(old), Some(new)) => {
                let kind = old.kind.max(new.kind);
                json::figure(&Figure::point(new.value - old.value, old.unit, kind))
            }
            (None, _) | (_, None) => json!({ "unavailable": "one of both figures is not known" }),
        };
        match name.strip_suffix(" traffic") {
            Some(memory) => traffic.insert(memory.to_owned(), delta),
            None => value.insert(name, delta),
        };
    }
    value.insert("traffic".to_owned(), Value::Object(traffic));
    Value::Object(value)
}

/// Everything as the machine contract has it.
pub fn json_value(advised: &Advised<'_>) -> Value {
    let mut value = json::head(&advised.subject);
    let result = advised.result;
    value.insert("before".to_owned(), figures_json(result.before()));
    let list: Vec<Value> = result
        .suggestions()
        .iter()
        .enumerate()
        .map(|(at, suggestion)| {
            let candidate = &suggestion.candidate;
            let mut one = json!({
                "id": candidate.kind.id(),
                "group": candidate.kind.group().name(),
                "where": candidate.place,
                "change": candidate.change,
                "exact": candidate.keeps.is_exact(),
                "keeps": candidate.keeps.words(),
                "cost": suggestion.cost(),
                "notes": candidate.notes,
                "after": figures_json(&suggestion.after),
                "deltas": deltas(result.start(at), &suggestion.after),
            });
            if let Some(chip) = target(suggestion) {
                one["chip"] = chip;
            }
            if let Some(scores) = &advised.scores {
                one["score"] = match scores.after.get(at) {
                    Some(Some(score)) => crate::score::figure(score),
                    Some(None) | None => json!({ "unavailable": "the weights are absent" }),
                };
            }
            one
        })
        .collect();
    if let Some(scores) = &advised.scores {
        value.insert("score".to_owned(), crate::score::figure(&scores.before));
    }
    match result {
        Outcome::Advice(advice) => {
            value.insert("suggestions".to_owned(), json!(list));
            value.insert("tried".to_owned(), json!(advice.tried));
            value.insert("untried".to_owned(), json!(advice.untried));
            let refused: Vec<Value> = advice
                .refused
                .iter()
                .map(|(kind, reason)| json!({ "id": kind.id(), "reason": reason }))
                .collect();
            value.insert("refused".to_owned(), json!(refused));
        }
        Outcome::Chain(chain) => {
            value.insert("steps".to_owned(), json!(list));
            value.insert("tried".to_owned(), json!(chain.tried));
            value.insert("cost".to_owned(), json!(chain.cost));
            let (fits, is_cheapest) = match chain.ending {
                Ending::Fits | Ending::Cheapest => (true, true),
                Ending::Found => (true, false),
                Ending::None | Ending::OutOfEvaluations => (false, false),
            };
            value.insert("fits".to_owned(), json!(fits));
            value.insert("cheapest".to_owned(), json!(is_cheapest));
        }
    }
    value.insert("assumptions".to_owned(), json::assumptions(&advised.subject));
    Value::Object(value)
}

/// A row for each figure that a suggestion changes.
fn table(advised: &Advised<'_>, plain: bool) -> Table {
    let titles = ["ID", "WHERE", "CHANGE", "KEEPS", "FIGURE", "BEFORE", "AFTER"];
    let titles = titles.into_iter().chain(plain.then_some("UNIT"));
    let columns: Vec<_> = titles.map(|title| (title, ColumnKind::Word)).collect();
    let mut table = Table::new(&columns);
    for (at, suggestion) in advised.result.suggestions().iter().enumerate() {
        let candidate = &suggestion.candidate;
        for (name, old, new) in pairs(advised.result.start(at), &suggestion.after) {
            let (Some(old), Some(new)) = (old.figure(), new.figure()) else { continue };
            if old.value == new.value {
                continue;
            }
            let cell = |figure: &Figure| match plain {
                true => figure.value.to_string(),
                false => words::value(figure.value, figure.unit),
            };
            let mut row = vec![
                candidate.kind.id().to_owned(),
                candidate.place.clone(),
                candidate.change.clone(),
                candidate.keeps.words(),
                name,
                cell(old),
                cell(new),
            ];
            row.extend(plain.then(|| old.unit.symbol().to_owned()));
            table.row(row);
        }
    }
    table
}

/// One row for each figure that a suggestion changes, with plain numbers in the unit of their row.
pub fn csv(advised: &Advised<'_>) -> String {
    table(advised, true).csv()
}

/// The same for a page.
pub fn markdown(advised: &Advised<'_>) -> String {
    format!("{}\n{}\n", table(advised, false).markdown(), conclusion(advised))
}
