//! The verdict: the first screen.

use std::fmt::Write as _;

use cofit_explore::verdict::{energy_quantity, latency_figure};
use cofit_explore::{ConstraintResult, Measure, Status};
use cofit_vocab::{Diagnostic, Figure, FigureKind, Quantity, Unit, units};
use cranelift_entity::EntityRef;
use serde_json::{Value, json};

use crate::bars::{self, Bar, Meaning};
use crate::table::{ColumnKind, Table};
use crate::{Rendering, Subject, json, words};

/// The constraints as a table.
fn table(subject: &Subject<'_>) -> Table {
    let mut table = Table::new(&[
        ("CONSTRAINT", ColumnKind::Word),
        ("NEED", ColumnKind::Number),
        ("LIMIT", ColumnKind::Number),
        ("HEADROOM", ColumnKind::Number),
        ("KIND", ColumnKind::Word),
        ("WHERE", ColumnKind::Name),
    ]);
    for result in &subject.evaluation.verdict.constraints {
        let unit = words::unit_of(&result.need);
        table.row(vec![
            result.name.clone(),
            words::measure(&result.need),
            limit(&result.limit),
            words::headroom(result.headroom, unit, result.status),
            result.kind.map_or("rule", FigureKind::name).to_owned(),
            words::short_name(&result.place).to_owned(),
        ]);
    }
    table
}

/// Every need in parts of its limit; violated limits and rules in red.
fn need_bars(subject: &Subject<'_>) -> Vec<Bar> {
    let number = |measure: &Measure| match measure {
        Measure::Figure(quantity) => quantity.figure().map(|figure| figure.value),
        Measure::Words(_) => None,
    };
    let bar = |result: &ConstraintResult| -> Bar {
        if result.status == Status::Fail {
            return Some((1.0, Meaning::Violated));
        }
        let limit = number(&result.limit).filter(|limit| *limit > 0.0)?;
        Some((number(&result.need)? / limit, Meaning::Plain))
    };
    subject.evaluation.verdict.constraints.iter().map(bar).collect()
}

/// A limit in a table cell; lists go below the table.
fn limit(limit: &Measure) -> String {
    match limit {
        Measure::Words(words) if words.contains(' ') => "below".to_owned(),
        Measure::Words(_) | Measure::Figure(_) => words::measure(limit),
    }
}

/// The first screen.
pub fn text(subject: &Subject<'_>, rendering: Rendering) -> String {
    let mut text = heading(subject);
    text.push('\n');
    text.push_str(&constraints(subject, rendering));
    text.push('\n');
    text.push_str(&cost_lines(subject));
    text.push_str(&refusals(subject, rendering));
    text.push_str(&notes(subject, rendering));
    text.push_str(&assumptions(subject, rendering));
    let _ = writeln!(text, "\n{}", verdict_line(subject));
    text
}

/// The constraints, what makes up the memories, and limits that are lists.
pub(crate) fn constraints(subject: &Subject<'_>, rendering: Rendering) -> String {
    let constraints = table(subject).text(rendering.width);
    let mut text = bars::behind(&constraints, &need_bars(subject), rendering);
    text.push_str(&memory_parts(subject, rendering));
    text.push_str(&lists(subject, rendering));
    text
}

/// Which model and which chip, with the hashes that tell versions apart.
pub fn heading(subject: &Subject<'_>) -> String {
    let (model, chip) = (subject.model, subject.chip);
    let mut text = format!("model {}", model.name);
    if !model.source.sha256.is_empty() {
        let _ = write!(text, "  sha {}", words::short_hash(&model.source.sha256));
    }
    if let Some(graph) = model.main() {
        let _ = write!(
            text,
            "  {} MACs  {} of constants",
            units::grouped(graph.total_macs().get()),
            graph.constant_bytes().human()
        );
    }
    let _ = write!(text, "\nchip  {}  {}", chip.id(), chip.runtime.id);
    let _ = write!(text, "  {}", chip.operating_point.id);
    if let Some(clock) = chip.reference_clock() {
        let _ = write!(text, " at {}", clock.value);
    }
    let _ = writeln!(text, "  card {}", words::short_hash(&chip.sha256));
    text
}

/// What makes up the need of each memory, so that a reader can tick it off against a board's log.
fn memory_parts(subject: &Subject<'_>, rendering: Rendering) -> String {
    let mut text = String::new();
    for (id, used) in &subject.evaluation.plan.memories {
        let parts: Vec<String> = [
            ("activations", used.activations),
            ("scratch", used.scratch),
            ("runtime", used.runtime),
            ("constants", used.constants),
            ("code", used.code),
        ]
        .iter()
        .filter(|(_, bytes)| !bytes.is_zero())
        .map(|(name, bytes)| format!("{name} {}", bytes.human()))
        .collect();
        if parts.is_empty() {
            continue;
        }
        let mut line = format!("  {}: {}", subject.chip.memories[id.index()].id, parts.join(" + "));
        if !used.reserved.is_zero() {
            let _ = write!(line, "; {} reserved, already subtracted", used.reserved.human());
        }
        let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 4));
    }
    text
}

/// Time, energy and start-up, a line each.
pub fn cost_lines(subject: &Subject<'_>) -> String {
    time_line(subject) + &energy_line(subject) + &cold_start_line(subject)
}

/// Time, how it is known, and what binds.
fn time_line(subject: &Subject<'_>) -> String {
    let profile = &subject.evaluation.profile;
    let figure = latency_figure(profile);
    let mut text = String::from("time    ");
    if profile.accuracy.is_structural {
        text.push_str("uncalibrated, structural model only");
    } else {
        let _ = write!(text, "{}  {}", words::figure(&figure), figure.kind);
    }
    let _ = write!(text, "  {} cycles", units::grouped(profile.cycles.get()));
    let bound: Vec<String> = subject
        .evaluation
        .verdict
        .hotspots
        .iter()
        .map(|spot| {
            format!("L{} {} {}", spot.step.as_u32(), spot.cause, words::percent(spot.share))
        })
        .collect();
    if !bound.is_empty() {
        let _ = write!(text, "\nbound   {}", bound.join(", "));
    }
    text.push('\n');
    text
}

fn energy_line(subject: &Subject<'_>) -> String {
    let quantity = energy_quantity(&subject.evaluation.profile);
    let kind = quantity.figure().map_or("", |figure| figure.kind.name());
    format!("{}\n", format!("energy  {}  {kind}", words::quantity(&quantity)).trim_end())
}

fn cold_start_line(subject: &Subject<'_>) -> String {
    match &subject.evaluation.profile.cold_start {
        Ok(load) if load.bytes.is_zero() => String::new(),
        Ok(load) => format!(
            "start   {} to load {} before the first inference\n",
            load.time,
            load.bytes.human()
        ),
        Err(reason) => format!("start   unknown: {reason}\n"),
    }
}

/// Messages shown of a kind; the rest is counted.
const SHOWN: usize = 8;

/// What the chip refuses, each message once with the number of places.
fn refusals(subject: &Subject<'_>, rendering: Rendering) -> String {
    let messages = subject.evaluation.plan.refusals.iter().map(|refusal| &refusal.diagnostic);
    let mut text = String::new();
    let groups = grouped(messages);
    for group in groups.iter().take(SHOWN) {
        let first = group.first;
        text.push('\n');
        let line = format!("{} {}", first.code.id, first.message);
        let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 11));
        let line = format!("  at: {}", group.places());
        let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 6));
        let line = format!("  do: {}", first.cure());
        let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 6));
    }
    if groups.len() > SHOWN {
        let _ = writeln!(text, "and {} more; `--format json` lists them", groups.len() - SHOWN);
    }
    text
}

/// What the chip refuses, each message in one line.
pub fn reasons(subject: &Subject<'_>) -> Vec<String> {
    let messages = subject.evaluation.plan.refusals.iter().map(|refusal| &refusal.diagnostic);
    grouped(messages)
        .iter()
        .take(SHOWN)
        .map(|group| format!("{} {}; {}", group.first.code.id, group.first.message, group.places()))
        .collect()
}

/// What is worth knowing and refuses nothing, each message once with the number of places.
fn notes(subject: &Subject<'_>, rendering: Rendering) -> String {
    let mut text = String::new();
    let groups = grouped(subject.evaluation.plan.notes.iter());
    for group in groups.iter().take(SHOWN) {
        let first = group.first;
        let line = format!("note {} {}; {}", first.code.id, first.message, group.places());
        let _ = write!(text, "\n{}", words::wrapped(&line, rendering.width, 5));
    }
    if groups.len() > SHOWN {
        let _ = write!(text, "\nnote and {} more; `cofit plan` lists them", groups.len() - SHOWN);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Messages that say the same of several places.
struct Group<'a> {
    first: &'a Diagnostic,
    count: usize,
}

impl Group<'_> {
    /// The first place, and how many more there are.
    fn places(&self) -> String {
        let place = &self.first.place;
        let name = match (&place.operator, &place.tensor) {
            (Some(operator), _) => words::short_name(operator),
            (None, Some(tensor)) => words::short_name(tensor),
            (None, None) => "the network",
        };
        match self.count {
            1 => name.to_owned(),
            count => format!("{name} and {} more", count - 1),
        }
    }
}

/// Messages grouped by code and text, in the order of their first.
fn grouped<'a>(messages: impl Iterator<Item = &'a Diagnostic>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for message in messages {
        let same = |group: &&mut Group<'_>| {
            group.first.code == message.code && group.first.message == message.message
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.count += 1,
            None => groups.push(Group { first: message, count: 1 }),
        }
    }
    groups
}

/// Limits that are lists.
fn lists(subject: &Subject<'_>, rendering: Rendering) -> String {
    let mut text = String::new();
    for result in &subject.evaluation.verdict.constraints {
        if let Measure::Words(words) = &result.limit
            && words.contains(' ')
        {
            let line = format!("  {}: {words}", result.name);
            let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 4));
        }
    }
    text
}

/// What the result rests on that nobody stated.
pub fn assumptions(subject: &Subject<'_>, rendering: Rendering) -> String {
    let mut text = String::new();
    for assumption in subject.assumptions() {
        let line = format!("assumed {} = {}: {}", assumption.key, assumption.value, assumption.why);
        let _ = write!(text, "\n{}", words::wrapped(&line, rendering.width, 8));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The verdict in one line.
pub(crate) fn verdict_line(subject: &Subject<'_>) -> String {
    let verdict = &subject.evaluation.verdict;
    let named = |status: Status| -> Vec<&ConstraintResult> {
        verdict.constraints.iter().filter(|result| result.status == status).collect()
    };
    let list = |results: &[&ConstraintResult]| -> String {
        results.iter().map(|result| result.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    match verdict.status {
        Status::Pass => "FITS".to_owned(),
        Status::Unknown => format!("UNKNOWN ({})", list(&named(Status::Unknown))),
        Status::Fail => {
            let failed = named(Status::Fail);
            let rule = failed.iter().find_map(|result| result.rule);
            let explain = rule
                .map_or_else(String::new, |rule| format!("   explain: cofit explain {}", rule.id));
            format!("DOES NOT FIT ({}){explain}", list(&failed))
        }
    }
}

/// The constraints as CSV, with plain numbers in the unit of their row.
pub fn csv(subject: &Subject<'_>) -> String {
    let titles = ["CONSTRAINT", "STATUS", "NEED", "LIMIT", "HEADROOM", "UNIT", "KIND", "WHERE"];
    let columns: Vec<_> =
        titles.into_iter().chain(["RULE"]).map(|title| (title, ColumnKind::Word)).collect();
    let mut table = Table::new(&columns);
    let cell = |measure: &Measure| match measure {
        Measure::Figure(Quantity::Known(figure)) => figure.value.to_string(),
        Measure::Figure(Quantity::Unavailable(_)) => String::new(),
        Measure::Words(words) => words.clone(),
    };
    for result in &subject.evaluation.verdict.constraints {
        table.row(vec![
            result.name.clone(),
            result.status.name().to_owned(),
            cell(&result.need),
            cell(&result.limit),
            result.headroom.map_or_else(String::new, |headroom| headroom.to_string()),
            words::unit_of(&result.need).map_or("", Unit::symbol).to_owned(),
            result.kind.map_or("rule", FigureKind::name).to_owned(),
            result.place.clone(),
            result.rule.map_or("", |rule| rule.id).to_owned(),
        ]);
    }
    table.csv()
}

/// The verdict in Markdown.
pub fn markdown(subject: &Subject<'_>) -> String {
    format!("{}\n**{}**\n", table(subject).markdown(), verdict_line(subject))
}

/// Limit less need as a figure of the need's kind.
fn headroom(result: &ConstraintResult) -> Value {
    match (result.headroom, words::unit_of(&result.need), result.kind) {
        (Some(amount), Some(unit), Some(kind)) => json::figure(&Figure::point(amount, unit, kind)),
        _ => json!({ "unavailable": "the constraint is a rule, not a number" }),
    }
}

/// The verdict as the machine contract has it.
pub fn json_value(subject: &Subject<'_>) -> Value {
    let evaluation = subject.evaluation;
    let measure = |measure: &Measure| match measure {
        Measure::Figure(quantity) => json::quantity(quantity),
        Measure::Words(words) => json!(words),
    };
    let constraints: Vec<Value> = evaluation
        .verdict
        .constraints
        .iter()
        .map(|result| {
            let mut value = json!({
                "name": result.name,
                "need": measure(&result.need),
                "limit": measure(&result.limit),
                "headroom": headroom(result),
                "status": result.status.name(),
                "where": result.place,
            });
            if let Some(rule) = result.rule {
                value["rule"] = json!(rule.id);
            }
            value
        })
        .collect();
    let mut value = json::head(subject);
    value.insert("verdict".to_owned(), json!(evaluation.verdict.status.name()));
    value.insert("constraints".to_owned(), json!(constraints));
    let refusals: Vec<Value> = evaluation
        .plan
        .refusals
        .iter()
        .map(|refusal| json::diagnostic(&refusal.diagnostic))
        .collect();
    value.insert("refusals".to_owned(), json!(refusals));
    let notes: Vec<Value> = evaluation.plan.notes.iter().map(json::diagnostic).collect();
    value.insert("notes".to_owned(), json!(notes));
    value.insert("totals".to_owned(), json::totals(subject));
    value.insert("assumptions".to_owned(), json::assumptions(subject));
    Value::Object(value)
}
