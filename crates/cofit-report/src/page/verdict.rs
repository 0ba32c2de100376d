//! The verdict: whether it fits, the figures that matter, every constraint, and what is refused.

use cofit_compile::plan::MemoryUse;
use cofit_explore::verdict::{energy_quantity, latency_figure};
use cofit_explore::{ConstraintResult, Measure, Status};
use cofit_vocab::{Diagnostic, Figure, FigureKind, Quantity, units};

use super::table;
use crate::markup::{escaped, put, tail};
use crate::{Subject, words};

/// Messages shown of a kind; the rest is counted.
const SHOWN: usize = 12;

/// The first thing on the page.
pub(super) fn html(subject: &Subject<'_>) -> String {
    banner(subject) + &tiles(subject) + &constraints(subject) + &messages(subject)
}

/// A status as class, mark and word: none of them is told by colour alone.
pub(super) fn status_words(status: Status) -> (&'static str, &'static str, &'static str) {
    match status {
        Status::Pass => ("good", "✓", "holds"),
        Status::Unknown => ("warn", "?", "unknown"),
        Status::Fail => ("bad", "✕", "violated"),
    }
}

fn banner(subject: &Subject<'_>) -> String {
    let verdict = &subject.evaluation.verdict;
    let (class, mark, _) = status_words(verdict.status);
    let named = |status: Status| -> String {
        let names = verdict.constraints.iter().filter(|result| result.status == status);
        names.map(|result| result.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (word, why) = match verdict.status {
        Status::Pass => ("Fits", "every constraint holds".to_owned()),
        Status::Unknown => ("Cannot be told", named(Status::Unknown)),
        Status::Fail => ("Does not fit", named(Status::Fail)),
    };
    format!(
        "<p class=\"banner {class}\"><span aria-hidden=\"true\">{mark}</span> <strong>{word}</strong> \
         <span>{}</span></p>",
        escaped(&why, 300)
    )
}

/// One figure with its kind and interval.
fn tile(name: &str, value: &str, kind: &str, more: &str) -> String {
    let badge = match kind {
        "" => String::new(),
        kind => format!("<span class=\"kind\">{}</span>", escaped(kind, 40)),
    };
    format!(
        "<div class=\"tile\"><dt>{}</dt><dd><b>{}</b>{badge}<small>{}</small></dd></div>",
        escaped(name, 60),
        escaped(value, 120),
        escaped(more, 200)
    )
}

fn interval(figure: &Figure) -> String {
    if figure.low == figure.high {
        return String::new();
    }
    let end = |value: f64| words::value(value, figure.unit);
    format!("between {} and {}", end(figure.low), end(figure.high))
}

fn tiles(subject: &Subject<'_>) -> String {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let mut html = String::from("<dl class=\"tiles\">");
    let kind = profile.accuracy.kind.name();
    let cycles = units::grouped(profile.cycles.get());
    if profile.accuracy.is_structural {
        let more = "no time: uncalibrated, the structural model only ranks layers";
        html += &tile("cycles", &cycles, kind, more);
    } else {
        let latency = latency_figure(profile);
        let value = words::value(latency.value, latency.unit);
        let apart = match interval(&latency).as_str() {
            "" => format!("{cycles} cycles"),
            between => format!("{between}; {cycles} cycles"),
        };
        html += &tile("one inference", &value, latency.kind.name(), &apart);
    }
    match energy_quantity(profile) {
        Quantity::Known(energy) => {
            let value = words::value(energy.value, energy.unit);
            html += &tile("energy", &value, energy.kind.name(), &interval(&energy));
        }
        Quantity::Unavailable(reason) => html += &tile("energy", "unknown", "", &reason),
    }
    for (id, used) in &plan.memories {
        if used.need().is_zero() {
            continue;
        }
        let more = match used.available {
            Some(available) => {
                let share = used.need().as_f64() / available.as_f64().max(1.0);
                format!("{} of {}: {}", words::percent(share), available.human(), made_of(used))
            }
            None => format!("of unknown size: {}", made_of(used)),
        };
        let name = super::rows::memory(subject, id);
        html += &tile(name, &used.need().human(), FigureKind::Planned.name(), &more);
    }
    match &profile.cold_start {
        Ok(load) if load.bytes.is_zero() => {}
        Ok(load) => {
            let more = format!("to load {} before the first inference", load.bytes.human());
            html += &tile("cold start", &load.time.to_string(), "simulated", &more);
        }
        Err(reason) => html += &tile("cold start", "unknown", "", reason),
    }
    html + "</dl>\n"
}

/// What a need is made of.
pub(super) fn made_of(used: &MemoryUse) -> String {
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
    parts.join(" + ")
}

fn constraints(subject: &Subject<'_>) -> String {
    let mut rows = String::new();
    let results = &subject.evaluation.verdict.constraints;
    // Where no rule is broken, there is no column for it.
    let has_rules = results.iter().any(|result| result.rule.is_some());
    for result in results {
        rows += &constraint(result, has_rules);
    }
    let columns = [
        ("constraint", false),
        ("status", false),
        ("need", true),
        ("limit", true),
        ("headroom", true),
        ("need against limit", false),
        ("known how", false),
        ("where it binds", false),
        ("rule", false),
    ];
    let shown = if has_rules { &columns[..] } else { &columns[..columns.len() - 1] };
    table::table("constraints", shown, &rows, "constraints")
}

fn constraint(result: &ConstraintResult, has_rules: bool) -> String {
    let (class, mark, word) = status_words(result.status);
    let unit = words::unit_of(&result.need);
    let rule = match (has_rules, result.rule) {
        (false, _) => String::new(),
        (true, None) => "<td></td>".to_owned(),
        (true, Some(rule)) => {
            format!("<td><code title=\"cofit explain {0}\">{0}</code></td>", escaped(rule.id, 40))
        }
    };
    // Numbers stay with their unit; lists may be broken.
    let limit = match &result.limit {
        Measure::Figure(_) => words::measure(&result.limit).replace(' ', "\u{a0}"),
        Measure::Words(words) => words.clone(),
    };
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"{class}\"><span aria-hidden=\"true\">{mark}</span> \
         {word}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>{rule}</tr>",
        escaped(&result.name, 60),
        escaped(&words::measure(&result.need), 60),
        escaped(&limit, 200),
        escaped(&words::headroom(result.headroom, unit, result.status), 60),
        headroom_bar(result),
        result.kind.map_or("rule", FigureKind::name),
        escaped(&tail(words::short_name(&result.place), 40), 60),
    )
}

/// Need over limit, with the limit's end marked and what is beyond it in another fill.
fn headroom_bar(result: &ConstraintResult) -> String {
    let value = |measure: &Measure| match measure {
        Measure::Figure(quantity) => quantity.figure().map(|figure| figure.value),
        Measure::Words(_) => None,
    };
    let (Some(need), Some(limit)) = (value(&result.need), value(&result.limit)) else {
        return String::new();
    };
    let whole = need.max(limit);
    if !(whole.is_finite() && whole > 0.0) {
        return String::new();
    }
    let (within, beyond) = (need.min(limit) / whole, (need - limit).max(0.0) / whole);
    let limit_at = (limit / whole).clamp(0.0, 0.995);
    format!(
        "<svg class=\"bar wide\" role=\"img\" aria-label=\"{}\">\
         <rect class=\"plain\" width=\"100%\" height=\"100%\"/>{}{}{}</svg>",
        words::percent(need / limit.max(f64::MIN_POSITIVE)),
        table::part("k0", 0.0, within),
        table::part("k6", within, beyond),
        table::part("limit-tick", limit_at, 0.005),
    )
}

/// What the chip refuses, and what else is worth knowing; each message once with its places.
fn messages(subject: &Subject<'_>) -> String {
    let plan = &subject.evaluation.plan;
    let refusals = list(plan.refusals.iter().map(|refusal| &refusal.diagnostic));
    let notes = list(plan.notes.iter());
    let mut html = String::new();
    if !refusals.is_empty() {
        put(&mut html, format_args!("<h3>What the chip refuses</h3>{refusals}"));
    }
    if !notes.is_empty() {
        put(
            &mut html,
            format_args!("<details><summary>Notes that refuse nothing</summary>{notes}</details>"),
        );
    }
    html
}

fn list<'a>(messages: impl Iterator<Item = &'a Diagnostic>) -> String {
    let mut groups: Vec<(&Diagnostic, usize)> = Vec::new();
    for message in messages {
        let same = |group: &&mut (&Diagnostic, usize)| {
            group.0.code == message.code && group.0.message == message.message
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.1 += 1,
            None => groups.push((message, 1)),
        }
    }
    if groups.is_empty() {
        return String::new();
    }
    let mut html = String::from("<ul class=\"messages\">");
    for (message, count) in groups.iter().take(SHOWN) {
        let place = &message.place;
        let name = match (&place.operator, &place.tensor) {
            (Some(name), _) | (None, Some(name)) => words::short_name(name),
            (None, None) => "the network",
        };
        let more = match count {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        put(
            &mut html,
            format_args!(
                "<li><code>{}</code> {} <span class=\"note\">at {}{more}.</span> {}</li>",
                escaped(message.code.id, 40),
                escaped(&message.message, 400),
                escaped(name, 120),
                escaped(message.cure(), 400)
            ),
        );
    }
    let rest = groups.len().saturating_sub(SHOWN);
    if rest > 0 {
        put(&mut html, format_args!("<li>and {rest} more, which the JSON of `check` lists</li>"));
    }
    html + "</ul>"
}
