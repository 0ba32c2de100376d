//! Two results side by side: whether they may be compared, and what changed.

use std::fmt::Write as _;

use cofit_explore::diff::document::{Layer, ResultDocument};
use cofit_explore::diff::{Change, Comparison, LayerChange, LayerState, Named};
use cofit_vocab::{Diagnostic, Figure, Severity, Unit, units};
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, json, words};

/// What a report on two results is about.
#[derive(Clone, Copy)]
pub struct Compared<'a> {
    /// The two results.
    pub comparison: &'a Comparison<'a>,
    /// What the user calls A and B: files, or models.
    pub names: [&'a str; 2],
    /// Whether figures are shown where comparing would mislead.
    pub is_forced: bool,
    /// By how many per cent B may need more; `None` where nobody asked.
    pub tolerance: Option<f64>,
}

impl Compared<'_> {
    /// Whether figures are shown.
    fn shows_figures(&self) -> bool {
        self.comparison.totals.is_some() && (self.is_forced || !self.comparison.is_blocked())
    }

    /// What B needs too much more of.
    fn regressions(&self) -> Vec<(String, Change)> {
        self.tolerance.map_or_else(Vec::new, |percent| self.comparison.regressions(percent))
    }
}

/// The word for how grave an issue is.
const fn grade(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "blocking",
        Severity::Warning => "partial",
        Severity::Note => "informative",
    }
}

/// Whether the totals are told apart, in a word for a cell.
fn verdict(change: &Change) -> &'static str {
    match change.delta {
        None => "unknown",
        Some(_) if change.is_none() => "same",
        Some(_) if change.is_told_apart() => "changed",
        Some(delta) if delta.value == 0.0 => "same value",
        Some(_) => "not told apart",
    }
}

/// A figure's value, or a dash.
fn value(figure: Option<Figure>) -> String {
    match figure {
        Some(figure) if figure.unit == Unit::One => units::grouped(figure.value.max(0.0) as u64),
        Some(figure) => words::value(figure.value, figure.unit),
        None => "-".to_owned(),
    }
}

/// A change with its sign.
fn signed(delta: Option<Figure>) -> String {
    match delta {
        Some(delta) if delta.value == 0.0 => "0".to_owned(),
        Some(delta) => {
            let sign = if delta.value < 0.0 { "-" } else { "+" };
            format!("{sign}{}", value(Some(Figure { value: delta.value.abs(), ..delta })))
        }
        None => "-".to_owned(),
    }
}

/// A change in per cent of A.
fn percent(change: &Change) -> String {
    match change.ratio() {
        Some(ratio) if ratio >= 100.0 => format!("x{ratio:.0}"),
        Some(ratio) => format!("{:+.1}", (ratio - 1.0) * 100.0),
        None => "-".to_owned(),
    }
}

/// The totals' changes with their names, in the order of a reader's questions.
fn listed<'a>(comparison: &'a Comparison<'_>) -> Vec<(String, &'a Change)> {
    let Some(totals) = &comparison.totals else { return Vec::new() };
    let mut list = vec![
        ("time".to_owned(), &totals.latency),
        ("energy".to_owned(), &totals.energy),
        ("cycles".to_owned(), &totals.cycles),
    ];
    let under = |prefix: &'static str, named: &'a [Named]| {
        named.iter().map(move |(name, change)| (format!("{prefix} {name}"), change))
    };
    list.extend(under("cycles", &totals.causes));
    list.extend(under("peak", &totals.peak));
    list.extend(under("read", &totals.read));
    list.extend(under("written", &totals.written));
    list.push(("MACs".to_owned(), &totals.macs));
    list.push(("parameters".to_owned(), &totals.parameters));
    list
}

/// The totals, one row a figure; those that are 0 or unknown on both sides are left out.
fn totals_table(comparison: &Comparison<'_>) -> Table {
    let mut table = Table::new(&[
        ("FIGURE", ColumnKind::Name),
        ("A", ColumnKind::Number),
        ("B", ColumnKind::Number),
        ("CHANGE", ColumnKind::Number),
        ("%", ColumnKind::Number),
        ("", ColumnKind::Word),
    ]);
    let is_nothing = |figure: Option<Figure>| figure.is_none_or(|figure| figure.value == 0.0);
    for (name, change) in listed(comparison) {
        if is_nothing(change.a) && is_nothing(change.b) {
            continue;
        }
        table.row(vec![
            name,
            value(change.a),
            value(change.b),
            signed(change.delta),
            percent(change),
            verdict(change).to_owned(),
        ]);
    }
    table
}

const fn mark(state: LayerState) -> &'static str {
    match state {
        LayerState::Same => "=",
        LayerState::Changed => "~",
        LayerState::Removed => "-",
        LayerState::Inserted => "+",
    }
}

/// The layers of a side by their indices.
fn side<'a>(document: &'a ResultDocument, indices: &[usize]) -> Vec<&'a Layer> {
    let layers = document.layers.as_deref().unwrap_or_default();
    indices.iter().filter_map(|&at| layers.get(at)).collect()
}

/// The name of what changed: that of A's layers, else B's.
fn layer_name(comparison: &Comparison<'_>, row: &LayerChange) -> String {
    let of_a = side(comparison.a, &row.a);
    let layers = if of_a.is_empty() { side(comparison.b, &row.b) } else { of_a };
    let first = layers.first().map_or("", |layer| words::short_name(&layer.name));
    match layers.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    }
}

/// The operators of a row: one side's where they agree, else both.
fn operators(comparison: &Comparison<'_>, row: &LayerChange) -> String {
    let ops = |document, indices: &[usize]| -> String {
        let ops: Vec<&str> = side(document, indices).iter().map(|one| one.op.as_str()).collect();
        ops.join(", ")
    };
    let (of_a, of_b) = (ops(comparison.a, &row.a), ops(comparison.b, &row.b));
    match (of_a.is_empty(), of_b.is_empty()) {
        (_, true) => of_a,
        (true, false) => of_b,
        (false, false) if of_a == of_b => of_a,
        (false, false) => format!("{of_a} > {of_b}"),
    }
}

/// The cause that changed most, with its change.
fn most(row: &LayerChange) -> String {
    let delta = |change: &Change| change.delta.map_or(0.0, |delta| delta.value);
    let causes = row.causes.iter().filter(|(_, change)| delta(change) != 0.0);
    // Of equals the first.
    let found =
        causes.rev().max_by(|(_, one), (_, other)| delta(one).abs().total_cmp(&delta(other).abs()));
    found.map_or_else(|| "-".to_owned(), |(name, _)| name.clone())
}

/// Rows of layers that are not the same.
fn layers_table(comparison: &Comparison<'_>) -> Table {
    let mut table = Table::new(&[
        ("", ColumnKind::Word),
        ("LAYER", ColumnKind::Name),
        ("OP", ColumnKind::Term),
        ("A", ColumnKind::Number),
        ("B", ColumnKind::Number),
        ("CYCLES", ColumnKind::Number),
        ("MOST OF IT", ColumnKind::Term),
    ]);
    let rows = comparison.layers.iter().flatten();
    for row in rows.filter(|row| row.state != LayerState::Same) {
        let cycles = |indices: &[usize], figure| match indices {
            [] => "-".to_owned(),
            _ => value(figure),
        };
        table.row(vec![
            mark(row.state).to_owned(),
            layer_name(comparison, row),
            operators(comparison, row),
            cycles(&row.a, row.cycles.a),
            cycles(&row.b, row.cycles.b),
            signed(row.cycles.delta),
            most(row),
        ]);
    }
    table
}

/// How many layers are of each kind, in a sentence.
fn layer_counts(comparison: &Comparison<'_>) -> Option<String> {
    let rows = comparison.layers.as_ref()?;
    let states = [LayerState::Same, LayerState::Changed, LayerState::Removed, LayerState::Inserted];
    let counts: Vec<String> = states
        .into_iter()
        .map(|state| (state, rows.iter().filter(|row| row.state == state).count()))
        .filter(|&(_, count)| count > 0)
        .map(|(state, count)| format!("{count} {}", state.name()))
        .collect();
    Some(format!(
        "layers  {}",
        if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
    ))
}

/// What a side is.
fn side_line(letter: &str, name: &str, document: &ResultDocument) -> String {
    if !document.is_understood() {
        return format!("{letter}  {name}  ({})", document.schema);
    }
    let chip = &document.chip;
    let mut text =
        format!("{letter}  {name}  on {}  {}  {}", chip.id, chip.runtime, chip.operating_point);
    if let Some(hertz) = chip.clock_hz {
        let _ = write!(text, " at {}", cofit_vocab::Hertz(hertz));
    }
    text
}

fn issue_line(issue: &Diagnostic) -> String {
    format!("{} {} {}. {}", grade(issue.severity), issue.code.id, issue.message, issue.cure())
}

/// The last line: what to make of it.
fn conclusion(compared: &Compared<'_>) -> String {
    let comparison = compared.comparison;
    if comparison.is_blocked() {
        return "NOT COMPARABLE".to_owned();
    }
    if comparison.is_empty() {
        return "NO CHANGE".to_owned();
    }
    let regressions = compared.regressions();
    if !regressions.is_empty() {
        let list: Vec<String> = regressions
            .iter()
            .map(|(name, change)| format!("{name} {} %", percent(change)))
            .collect();
        return format!("WORSE ({})", list.join(", "));
    }
    match (&compared.tolerance, &comparison.totals) {
        (Some(percent), _) => format!("NO WORSE than {percent} %"),
        (None, Some(totals)) => {
            let (word, change) = match totals.latency.delta {
                Some(_) => ("time", &totals.latency),
                None => ("cycles", &totals.cycles),
            };
            match verdict(change) {
                "not told apart" => format!(
                    "{word} {} %, not told apart: the change is smaller than what both intervals share",
                    percent(change)
                ),
                "same" | "same value" => format!("{word} is the same"),
                _ => format!("{word} {} %", percent(change)),
            }
        }
        (None, None) => String::new(),
    }
}

/// Both sides, issues, totals, layers, and what to make of it.
pub fn text(compared: &Compared<'_>, rendering: Rendering) -> String {
    let comparison = compared.comparison;
    let mut text = String::new();
    let mut line = |words: &str, indent: usize| {
        let _ = writeln!(text, "{}", words::wrapped(words, rendering.width, indent));
    };
    line(&side_line("A", compared.names[0], comparison.a), 3);
    line(&side_line("B", compared.names[1], comparison.b), 3);
    if !comparison.issues.is_empty() {
        line("", 0);
    }
    for issue in &comparison.issues {
        line(&issue_line(issue), 4);
    }
    if compared.shows_figures() {
        text.push('\n');
        text.push_str(&totals_table(comparison).text(rendering.width));
        let layers = layers_table(comparison);
        if !layers.is_empty() {
            text.push('\n');
            text.push_str(&layers.text(rendering.width));
        }
        if let Some(counts) = layer_counts(comparison) {
            let _ = writeln!(text, "\n{}", words::wrapped(&counts, rendering.width, 8));
        }
    }
    let _ = writeln!(text, "\n{}", words::wrapped(&conclusion(compared), rendering.width, 2));
    text
}

/// One row a total, then one a layer, with plain numbers in the unit of their row.
pub fn csv(compared: &Compared<'_>) -> String {
    let comparison = compared.comparison;
    let mut titles = vec!["SCOPE", "NAME", "STATE", "A", "B", "CHANGE", "LOW", "HIGH", "UNIT"];
    titles.push("NOTE");
    let columns: Vec<_> = titles.into_iter().map(|title| (title, ColumnKind::Word)).collect();
    let mut table = Table::new(&columns);
    for issue in &comparison.issues {
        let mut row = vec!["issue".to_owned(), issue.code.id.to_owned()];
        row.push(grade(issue.severity).to_owned());
        row.resize(9, String::new());
        row.push(issue.message.clone());
        table.row(row);
    }
    if compared.shows_figures() {
        let number =
            |figure: Option<f64>| figure.map_or_else(String::new, |value| value.to_string());
        let cells = |scope: &str, name: String, state: &str, change: &Change, note: String| {
            let delta = change.delta;
            let unit = change.a.or(change.b).map_or("", |figure| figure.unit.symbol());
            vec![
                scope.to_owned(),
                name,
                state.to_owned(),
                number(change.a.map(|it| it.value)),
                number(change.b.map(|it| it.value)),
                number(delta.map(|it| it.value)),
                number(delta.map(|it| it.low)),
                number(delta.map(|it| it.high)),
                unit.to_owned(),
                note,
            ]
        };
        for (name, change) in listed(comparison) {
            table.row(cells("total", name, verdict(change), change, String::new()));
        }
        for row in comparison.layers.iter().flatten() {
            let (name, op) = (layer_name(comparison, row), operators(comparison, row));
            table.row(cells("layer", name.clone(), row.state.name(), &row.cycles, op));
            for (cause, change) in &row.causes {
                if change.delta.is_some_and(|delta| delta.value != 0.0) {
                    let scope = "layer cause";
                    table.row(cells(scope, name.clone(), row.state.name(), change, cause.clone()));
                }
            }
        }
    }
    table.csv()
}

/// Issues, totals and layers in Markdown.
pub fn markdown(compared: &Compared<'_>) -> String {
    let comparison = compared.comparison;
    let mut text = String::new();
    for (letter, name, document) in
        [("A", compared.names[0], comparison.a), ("B", compared.names[1], comparison.b)]
    {
        let _ = writeln!(text, "- {}", side_line(letter, name, document));
    }
    for issue in &comparison.issues {
        let _ = writeln!(text, "- {}", issue_line(issue));
    }
    if compared.shows_figures() {
        let _ = write!(text, "\n{}", totals_table(comparison).markdown());
        let layers = layers_table(comparison);
        if !layers.is_empty() {
            let _ = write!(text, "\n{}", layers.markdown());
        }
    }
    let _ = writeln!(text, "\n**{}**", conclusion(compared));
    text
}

/// A figure or null.
fn figure(figure: Option<Figure>) -> Value {
    figure.map_or(Value::Null, |known| json::figure(&known))
}

fn change_json(change: &Change) -> Value {
    json!({
        "a": figure(change.a),
        "b": figure(change.b),
        "change": figure(change.delta),
        "told_apart": change.delta.map(|_| change.is_told_apart()),
    })
}

/// Changes by name; `only_changes` leaves out those of 0.
fn named_json(named: &[Named], only_changes: bool) -> Value {
    let is_change = |change: &Change| change.delta.is_some_and(|delta| delta.value != 0.0);
    let entries: Map<String, Value> = named
        .iter()
        .filter(|(_, change)| !only_changes || is_change(change))
        .map(|(name, change)| (name.clone(), change_json(change)))
        .collect();
    Value::Object(entries)
}

fn side_json(name: &str, document: &ResultDocument) -> Value {
    let chip = &document.chip;
    let mut value = json!({ "name": name, "schema": document.schema });
    if document.is_understood() {
        value["tool"] = json!(document.tool);
        value["model"] = json!({ "name": document.model.name, "sha256": document.model.sha256 });
        value["chip"] = json!({
            "id": chip.id,
            "card_sha256": chip.card_sha256,
            "runtime": chip.runtime,
            "operating_point": chip.operating_point,
            "threads": chip.threads,
        });
        value["precisions"] = json!(document.precisions);
    }
    value
}

fn layer_json(comparison: &Comparison<'_>, row: &LayerChange) -> Value {
    let names = |document, indices: &[usize]| -> Vec<Value> {
        let layers = side(document, indices).into_iter().zip(indices);
        layers
            .map(|(layer, at)| json!({ "index": at, "name": layer.name, "op": layer.op }))
            .collect()
    };
    json!({
        "state": row.state.name(),
        "a": names(comparison.a, &row.a),
        "b": names(comparison.b, &row.b),
        "macs": change_json(&row.macs),
        "cycles": change_json(&row.cycles),
        "causes": named_json(&row.causes, true),
        "read": named_json(&row.read, true),
        "written": named_json(&row.written, true),
        "peak_live": change_json(&row.peak_live),
    })
}

/// The comparison as the machine contract has it.
pub fn json_value(compared: &Compared<'_>) -> Value {
    let comparison = compared.comparison;
    let issues: Vec<Value> = comparison
        .issues
        .iter()
        .map(|issue| {
            let mut value = json::diagnostic(issue);
            value["grade"] = json!(grade(issue.severity));
            value
        })
        .collect();
    let mut value = json!({
        "schema": json::SCHEMA,
        "tool": json::tool(),
        "a": side_json(compared.names[0], comparison.a),
        "b": side_json(compared.names[1], comparison.b),
        "comparable": !comparison.is_blocked(),
        "issues": issues,
    });
    if let (true, Some(totals)) = (compared.shows_figures(), &comparison.totals) {
        value["empty"] = json!(comparison.is_empty());
        value["totals"] = json!({
            "latency": change_json(&totals.latency),
            "energy": change_json(&totals.energy),
            "cycles": change_json(&totals.cycles),
            "causes": named_json(&totals.causes, false),
            "peak": named_json(&totals.peak, false),
            "read": named_json(&totals.read, false),
            "written": named_json(&totals.written, false),
            "macs": change_json(&totals.macs),
            "parameters": change_json(&totals.parameters),
        });
        if let Some(layers) = &comparison.layers {
            let layers: Vec<Value> = layers.iter().map(|row| layer_json(comparison, row)).collect();
            value["layers"] = json!(layers);
        }
        if compared.tolerance.is_some() {
            let list: Map<String, Value> = compared
                .regressions()
                .into_iter()
                .map(|(name, change)| (name, change_json(&change)))
                .collect();
            value["regressions"] = Value::Object(list);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_contract_that_is_written_is_the_one_that_is_read() {
        assert_eq!(crate::json::SCHEMA, cofit_explore::diff::CONTRACT);
    }
}
