//! Which engine and which chip for a model: three answers, a ranking, a reason for each.

use std::fmt::Write as _;

use cofit_chip::Chip;
use cofit_explore::Status;
use cofit_explore::choose::{Candidate, Choice, Criterion, Engines, Power, Reason, Sleep};
use cofit_explore::verdict::{energy_quantity, latency_figure};
use cofit_ir::Model;
use cofit_vocab::{Bytes, Figure, FigureKind, Quantity, Unit, units};
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, Subject, check, json, words};

/// Candidates of which the text gives the reason, unless there are fewer.
const REASONS: usize = 12;

/// Engines that the text names as built for the dominant operators.
const BUILT_FOR: usize = 5;

/// The ways in which a candidate's engines are named.
fn engines(candidate: &Candidate) -> String {
    match &candidate.engines {
        Engines::Only(engine) => engine.clone(),
        Engines::All => {
            let ids: Vec<&str> =
                candidate.shares.iter().map(|share| share.engine.as_str()).collect();
            if ids.is_empty() { "-".to_owned() } else { ids.join("+") }
        }
    }
}

fn fits(candidate: &Candidate) -> &'static str {
    match candidate.evaluation.verdict.status {
        Status::Pass => "yes",
        Status::Unknown => "?",
        Status::Fail => "no",
    }
}

fn time(candidate: &Candidate) -> Option<Figure> {
    let profile = &candidate.evaluation.profile;
    (!profile.accuracy.is_structural).then(|| latency_figure(profile))
}

fn power(candidate: &Candidate) -> Option<&Power> {
    candidate.power.as_ref().ok()
}

/// The average with sleep where the card knows it.
fn average(power: &Power) -> f64 {
    power.active.value
        + match power.sleep {
            Sleep::Known(watts) => watts,
            Sleep::Unknown => 0.0,
        }
}

fn known(quantity: &Quantity) -> String {
    quantity
        .figure()
        .map_or_else(|| "-".to_owned(), |figure| words::value(figure.value, figure.unit))
}

fn table(choice: &Choice) -> Table {
    let mut columns = vec![
        ("#", ColumnKind::Number),
        ("CHIP", ColumnKind::Word),
        ("ENGINES", ColumnKind::Term),
        ("FITS", ColumnKind::Word),
        ("TIME", ColumnKind::Number),
        ("KIND", ColumnKind::Term),
        ("ENERGY", ColumnKind::Number),
        ("1ST TIME", ColumnKind::Number),
        ("1ST ENERGY", ColumnKind::Number),
    ];
    if choice.duty.is_some() {
        columns.push(("POWER", ColumnKind::Number));
    }
    let mut table = Table::new(&columns);
    for (at, candidate) in choice.candidates.iter().enumerate() {
        let profile = &candidate.evaluation.profile;
        let time = time(candidate);
        let mut row = vec![
            (at + 1).to_string(),
            candidate.tried.id().to_owned(),
            engines(candidate),
            fits(candidate).to_owned(),
            time.map_or_else(|| "-".to_owned(), |time| words::value(time.value, time.unit)),
            time.map_or("structural", |time| time.kind.name()).to_owned(),
            known(&energy_quantity(profile)),
            known(&candidate.wake.time),
            known(&candidate.wake.energy),
        ];
        if choice.duty.is_some() {
            row.push(power(candidate).map_or_else(
                || "-".to_owned(),
                |power| {
                    let more = match power.sleep {
                        Sleep::Known(_) => "",
                        Sleep::Unknown => ">",
                    };
                    format!("{more}{}", words::value(average(power), Unit::Watts))
                },
            ));
        }
        table.row(row);
    }
    table
}

/// Three answers, the ranking, and what decides about each.
pub fn text(model: &Model, choice: &Choice, rendering: Rendering) -> String {
    let mut text = format!(
        "{}: {} multiply-accumulates, {} of weights\n\n",
        model.name,
        units::grouped(choice.character.macs.get()),
        choice.character.weights.human()
    );
    for (question, answer) in answers(choice) {
        let line = format!("{question:<11}{answer}");
        text.push_str(&words::wrapped(&line, rendering.width, 11));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&table(choice).text(rendering.width));
    text.push('\n');
    for at in 0..choice.candidates.len().min(REASONS) {
        let line = format!("{:>2}  {}", at + 1, sentence(model, choice, at));
        text.push_str(&words::wrapped(&line, rendering.width, 4));
        text.push('\n');
    }
    if let Some(more) = choice.candidates.len().checked_sub(REASONS).filter(|&more| more > 0) {
        let _ = writeln!(text, "    and {more} more: --format json or csv has the reasons of all");
    }
    if choice.duty.is_some()
        && choice
            .candidates
            .iter()
            .any(|one| power(one).is_some_and(|power| power.sleep == Sleep::Unknown))
    {
        text.push_str("\n>  the card states no power between inferences: it comes on top\n");
    }
    text
}

/// The three questions with their answers.
fn answers(choice: &Choice) -> [(&'static str, String); 3] {
    [("Operators", operators(choice)), ("Control", control(choice)), ("Weights", weights(choice))]
}

/// Candidates that fit, one of each chip.
fn fitting(choice: &Choice) -> impl Iterator<Item = &Candidate> {
    choice.candidates.iter().enumerate().filter_map(|(at, candidate)| {
        let is_first = choice.candidates[..at].iter().all(|other| other.chip != candidate.chip);
        let is_fitting = candidate.evaluation.verdict.status == Status::Pass;
        (is_first && is_fitting).then_some(candidate)
    })
}

fn operators(choice: &Choice) -> String {
    let dominant = choice.character.dominant();
    if dominant.is_empty() {
        return "Nothing multiplies: every engine spends its time on moving bytes.".to_owned();
    }
    let classes: Vec<String> = dominant
        .iter()
        .map(|one| format!("{} {}", one.class.name(), words::percent(one.share)))
        .collect();
    let mut text = format!("{} of the multiply-accumulates.", classes.join(", "));
    let mut built: Vec<(f64, String)> = fitting(choice)
        .filter(|candidate| !candidate.evaluation.profile.accuracy.is_structural)
        .filter_map(|candidate| {
            let share = candidate.shares.iter().max_by_key(|share| share.macs)?;
            let part = share.macs.as_f64() / choice.character.macs.as_f64().max(1.0);
            let text = format!(
                "{} on {} ({} of them, at {} of its peak)",
                share.engine,
                candidate.tried.id(),
                words::percent(part),
                words::percent(share.utilisation)
            );
            Some((share.utilisation * part, text))
        })
        .collect();
    built.sort_by(|one, other| other.0.total_cmp(&one.0));
    let built: Vec<String> = built.into_iter().take(BUILT_FOR).map(|(_, text)| text).collect();
    if !built.is_empty() {
        let _ = write!(text, " Best used: {}.", built.join(", "));
    }
    text
}

fn control(choice: &Choice) -> String {
    let recurrence = &choice.character.recurrence;
    if recurrence.is_empty() {
        return "No loop, no call, no state: no operator needs a core for control.".to_owned();
    }
    let kinds: Vec<String> = recurrence
        .iter()
        .map(|one| match one.count {
            1 => one.kind.name().to_owned(),
            count => format!("{count} {}", one.kind.name()),
        })
        .collect();
    let mut text = format!("{}, the first at {}.", kinds.join(", "), recurrence[0].name);
    let split: Vec<String> = fitting(choice)
        .filter(|candidate| candidate.shares.len() > 1)
        .take(BUILT_FOR)
        .map(|candidate| {
            let cycles = candidate.evaluation.profile.cycles.as_f64().max(1.0);
            let parts: Vec<String> = candidate
                .shares
                .iter()
                .map(|share| {
                    format!("{} {}", share.engine, words::percent(share.cycles.as_f64() / cycles))
                })
                .collect();
            format!("{} ({} of the cycles)", candidate.tried.id(), parts.join(", "))
        })
        .collect();
    match split.is_empty() {
        true => text.push_str(" Where it fits, one engine runs all of it."),
        false => {
            let _ = write!(text, " Split between engines on {}.", split.join(", "));
        }
    }
    text
}

fn weights(choice: &Choice) -> String {
    let mut text = format!("{}.", choice.character.weights.human());
    for candidate in fitting(choice).take(BUILT_FOR) {
        let residence = &candidate.residence;
        let places: Vec<String> = residence
            .memories
            .iter()
            .map(|&(at, bytes, is_near)| {
                let memory = &candidate.tried.memories[at].id;
                let how = if is_near { "resident in" } else { "read from" };
                format!("{} {how} {memory}", bytes.human())
            })
            .collect();
        let _ = write!(text, " {}: {}", candidate.tried.id(), places.join(", "));
        if !residence.streamed.is_zero() {
            let _ =
                write!(text, ", {} of them copied for every inference", residence.streamed.human());
        }
        if let (Some(first), Some(steady)) = (candidate.wake.time.figure(), time(candidate)) {
            let _ = write!(
                text,
                "; first result after {}, then {} each",
                words::value(first.value, Unit::Seconds),
                words::value(steady.value, Unit::Seconds)
            );
        }
        text.push('.');
    }
    text
}

/// What decides about a candidate, in one sentence.
pub fn sentence(model: &Model, choice: &Choice, at: usize) -> String {
    let candidate = &choice.candidates[at];
    let name = match &candidate.engines {
        Engines::All => candidate.tried.id().to_owned(),
        Engines::Only(engine) => format!("{} with {engine} alone", candidate.tried.id()),
    };
    let constraint = |position: usize| &candidate.evaluation.verdict.constraints[position];
    let criterion = noun(choice.criterion);
    match choice.reason(at) {
        Reason::Violates(position) => {
            let subject =
                Subject { model, chip: &candidate.tried, evaluation: &candidate.evaluation };
            let broken = constraint(position);
            let why = check::reasons(&subject).into_iter().next().unwrap_or_else(|| {
                format!(
                    "{} needs {}, there is {}",
                    broken.name,
                    words::measure(&broken.need),
                    words::measure(&broken.limit)
                )
            });
            format!("{name} does not fit: {why}.")
        }
        Reason::Untold(_) if candidate.evaluation.profile.accuracy.is_structural => {
            format!("{name} cannot be told: its card has no costs, and so no time.")
        }
        Reason::Untold(position) => {
            let open = constraint(position);
            format!(
                "{name} cannot be told: {} needs {}, there is {}.",
                open.name,
                words::measure(&open.need),
                words::measure(&open.limit)
            )
        }
        Reason::Unranked => format!("{name} fits, and its {criterion} is not known."),
        Reason::Best(Some(ratio)) => format!(
            "{name} fits with the least {criterion}, {} times less than the next chip.{}",
            words::significant(ratio),
            bound(candidate)
        ),
        Reason::Best(None) => {
            format!("{name} fits, and its {criterion} is the least.{}", bound(candidate))
        }
        Reason::Behind(ratio) => format!(
            "{name} fits and takes {} times the {criterion} of the best.{}",
            words::significant(ratio),
            bound(candidate)
        ),
        Reason::BehindOwn { ratio, .. } if ratio < 1.005 => {
            format!("{name} does as well, and leaves the other engines out.")
        }
        Reason::BehindOwn { engines: Engines::All, ratio } => format!(
            "{name} takes {} times the {criterion} of the chip's engines together.",
            words::significant(ratio)
        ),
        Reason::BehindOwn { engines: Engines::Only(engine), ratio } => format!(
            "{name} takes {} times the {criterion} of {engine} alone.",
            words::significant(ratio)
        ),
    }
}

const fn noun(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::Latency => "time",
        Criterion::Energy => "energy",
        Criterion::WakeUp => "energy to the first result",
        Criterion::Power => "power",
    }
}

/// What most of its cycles go to.
fn bound(candidate: &Candidate) -> String {
    let profile = &candidate.evaluation.profile;
    let (Some(hottest), Some((cause, cycles))) = (&candidate.hottest, profile.causes.dominant())
    else {
        return String::new();
    };
    format!(
        " {} of its cycles are {} on {}; {} are {}.",
        words::percent(hottest.share),
        hottest.class.name(),
        hottest.engine,
        words::percent(cycles.as_f64() / profile.cycles.as_f64().max(1.0)),
        cause.name()
    )
}

/// One row a candidate, with plain numbers.
pub fn csv(model: &Model, choice: &Choice) -> String {
    let titles = [
        "rank",
        "chip",
        "runtime",
        "engines",
        "verdict",
        "seconds",
        "kind",
        "joules",
        "first_seconds",
        "first_joules",
        "active_watts",
        "sleep_watts",
        "handovers",
        "reason",
    ];
    let columns: Vec<_> = titles.into_iter().map(|title| (title, ColumnKind::Word)).collect();
    let mut table = Table::new(&columns);
    let plain = |quantity: &Quantity| {
        quantity.figure().map_or_else(String::new, |figure| figure.value.to_string())
    };
    for (at, candidate) in choice.candidates.iter().enumerate() {
        let sleep = power(candidate).and_then(|power| match power.sleep {
            Sleep::Known(watts) => Some(watts.to_string()),
            Sleep::Unknown => None,
        });
        table.row(vec![
            (at + 1).to_string(),
            candidate.tried.id().to_owned(),
            candidate.tried.runtime.id.clone(),
            engines(candidate),
            candidate.evaluation.verdict.status.name().to_owned(),
            time(candidate).map_or_else(String::new, |time| time.value.to_string()),
            candidate.evaluation.profile.accuracy.kind.name().to_owned(),
            plain(&energy_quantity(&candidate.evaluation.profile)),
            plain(&candidate.wake.time),
            plain(&candidate.wake.energy),
            power(candidate).map_or_else(String::new, |power| power.active.value.to_string()),
            sleep.unwrap_or_default(),
            candidate.handovers.to_string(),
            sentence(model, choice, at),
        ]);
    }
    table.csv()
}

/// The ranking in Markdown, with the reasons.
pub fn markdown(model: &Model, choice: &Choice) -> String {
    let mut text = String::new();
    for (question, answer) in answers(choice) {
        let _ = writeln!(text, "- **{question}**: {answer}");
    }
    text.push('\n');
    text.push_str(&table(choice).markdown());
    text.push('\n');
    for at in 0..choice.candidates.len() {
        let _ = writeln!(text, "{}. {}", at + 1, sentence(model, choice, at));
    }
    text
}

/// Everything, as the machine contract has it.
pub fn json_value(model: &Model, choice: &Choice) -> Value {
    let mut value = Map::new();
    value.insert("schema".to_owned(), json!(json::SCHEMA));
    value.insert("tool".to_owned(), json::tool());
    value.insert("model".to_owned(), json::model(model));
    let exact = |amount: f64, unit| json::figure(&Figure::point(amount, unit, FigureKind::Exact));
    let classes: Vec<Value> = choice
        .character
        .classes
        .iter()
        .map(|one| {
            json!({
                "class": one.class.name(),
                "operators": one.operators,
                "macs": exact(one.macs.as_f64(), Unit::One),
                "share": exact(one.share, Unit::One),
            })
        })
        .collect();
    let recurrence: Vec<Value> = choice
        .character
        .recurrence
        .iter()
        .map(|one| json!({ "op": one.kind.name(), "count": one.count, "first": one.name }))
        .collect();
    let answered: Map<String, Value> = answers(choice)
        .into_iter()
        .map(|(question, answer)| (question.to_lowercase(), json!(answer)))
        .collect();
    value.insert(
        "character".to_owned(),
        json!({
            "classes": classes,
            "recurrence": recurrence,
            "weights": json::bytes(choice.character.weights, FigureKind::Exact),
        }),
    );
    value.insert("answers".to_owned(), Value::Object(answered));
    value.insert("criterion".to_owned(), json!(choice.criterion.name()));
    value.insert("rate_hz".to_owned(), json!(choice.duty.map(|duty| duty.rate.get())));
    let candidates: Vec<Value> = choice
        .candidates
        .iter()
        .enumerate()
        .map(|(at, one)| candidate(model, choice, at, one))
        .collect();
    value.insert("candidates".to_owned(), json!(candidates));
    Value::Object(value)
}

fn candidate(model: &Model, choice: &Choice, at: usize, one: &Candidate) -> Value {
    let profile = &one.evaluation.profile;
    let kind = profile.accuracy.kind;
    let engines: Vec<Value> = one
        .shares
        .iter()
        .map(|share| {
            json!({
                "id": share.engine,
                "steps": share.steps,
                "macs": json::figure(&Figure::point(share.macs.as_f64(), Unit::One, FigureKind::Exact)),
                "cycles": json::cycles(share.cycles, profile),
                "utilisation": json::figure(&Figure::point(share.utilisation, Unit::One, kind)),
            })
        })
        .collect();
    let place = |chip: &Chip, at: usize| chip.memories[at].id.clone();
    let residence: Vec<Value> = one
        .residence
        .memories
        .iter()
        .map(|&(at, bytes, is_near): &(usize, Bytes, bool)| {
            json!({
                "memory": place(&one.tried, at),
                "bytes": json::bytes(bytes, FigureKind::Planned),
                "resident": is_near,
            })
        })
        .collect();
    let power = match &one.power {
        Ok(power) => json!({
            "active": json::figure(&power.active),
            "busy": json::figure(&Figure::point(power.busy, Unit::One, kind)),
            "sleep": match power.sleep {
                Sleep::Known(watts) => {
                    json::figure(&Figure::point(watts, Unit::Watts, FigureKind::Simulated))
                }
                Sleep::Unknown => json!({ "unavailable": "the card states no idle power" }),
            },
        }),
        Err(reason) => json!({ "unavailable": reason }),
    };
    json!({
        "rank": at + 1,
        "chip": json::chip(&one.tried),
        "engines": match &one.engines {
            Engines::All => json!("all"),
            Engines::Only(engine) => json!([engine]),
        },
        "verdict": one.evaluation.verdict.status.name(),
        "latency": json::latency(profile),
        "energy": json::quantity(&energy_quantity(profile)),
        "wake_up": {
            "latency": json::quantity(&one.wake.time),
            "energy": json::quantity(&one.wake.energy),
        },
        "power": power,
        "placement": engines,
        "handovers": one.handovers,
        "weights": {
            "places": residence,
            "streamed": json::bytes(one.residence.streamed, FigureKind::Planned),
        },
        "reason": sentence(model, choice, at),
    })
}
