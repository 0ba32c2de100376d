//! A dummy that fits a chip, or why there is none.

use std::fmt::Write as _;

use cofit_chip::Chip;
use cofit_explore::Measure;
use cofit_explore::sketching::{Answer, Dummy, Obstacle, Proof, Question};
use cofit_vocab::{Figure, FigureKind, Unit};
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, Subject, check, json, words};

/// A question with its answer.
pub struct Sketched<'a> {
    /// What was wanted.
    pub question: &'a Question,
    /// Of which chip.
    pub chip: &'a Chip,
    /// What was found.
    pub answer: &'a Answer,
}

impl Sketched<'_> {
    /// The dummy on the chip.
    fn subject<'s>(&'s self, dummy: &'s Dummy) -> Subject<'s> {
        Subject { model: dummy.model.model(), chip: self.chip, evaluation: &dummy.evaluation }
    }

    /// The task, the input and the classes in one line.
    fn wanted(&self) -> String {
        let [rows, columns, channels] = self.question.input;
        format!(
            "task  {}  input {rows}x{columns}x{channels}  {} classes",
            self.question.task.name(),
            self.question.classes
        )
    }
}

/// Needs and limits of an obstacle, or its rule.
fn reason(obstacle: &Obstacle) -> String {
    match (&obstacle.need, &obstacle.limit) {
        (Measure::Figure(need), Measure::Figure(_)) => format!(
            "{}: needs {}, has {}",
            obstacle.name,
            words::quantity(need),
            words::measure(&obstacle.limit)
        ),
        _ => {
            let rule = obstacle.rule.map_or("", |rule| rule.id);
            let text = format!("{}: {rule} {}", obstacle.name, obstacle.message);
            let place = words::short_name(&obstacle.place);
            match place {
                "" => text.trim_end().to_owned(),
                place => format!("{} at {place}", text.trim_end()),
            }
        }
    }
}

/// Parameters, their values, and what refuses one step more.
fn table(dummy: &Dummy) -> Table {
    let mut table = Table::new(&[
        ("PARAMETER", ColumnKind::Word),
        ("VALUE", ColumnKind::Number),
        ("NEXT", ColumnKind::Number),
        ("REFUSED BY", ColumnKind::Name),
    ]);
    for (name, value) in &dummy.member.values {
        let wall = dummy.walls.iter().find(|wall| wall.parameter == name);
        let (next, refused) = match wall {
            Some(wall) => match wall.value {
                Some(next) => {
                    let first = wall.obstacles.first().map_or_else(String::new, reason);
                    (next.to_string(), first)
                }
                None => ("-".to_owned(), "end of the form's range".to_owned()),
            },
            None => (String::new(), String::new()),
        };
        table.row(vec![name.clone(), value.clone(), next, refused]);
    }
    table
}

/// Which constraints refused how many combinations.
fn tally(proof: &Proof) -> String {
    let entries: Vec<String> =
        proof.tally.iter().map(|(name, count)| format!("{name} {count}")).collect();
    entries.join(", ")
}

/// Values of a member's parameters that are neither input nor classes.
fn values(values: &[(String, String)]) -> String {
    let pairs: Vec<String> = values
        .iter()
        .filter(|(name, _)| !["rows", "columns", "channels", "classes"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(" ")
}

/// What was found, in lines.
pub fn text(sketched: &Sketched<'_>, rendering: Rendering) -> String {
    match sketched.answer {
        Answer::Dummy(dummy) => found(sketched, dummy, rendering),
        Answer::Impossible(proof) => refused(sketched, proof, true, rendering),
        Answer::Unsettled(proof) => refused(sketched, proof, false, rendering),
    }
}

fn found(sketched: &Sketched<'_>, dummy: &Dummy, rendering: Rendering) -> String {
    let subject = sketched.subject(dummy);
    let mut text = check::heading(&subject);
    let _ = writeln!(text, "{}  form {}", sketched.wanted(), dummy.member.template.name);
    if dummy.refused.combinations > 0 {
        let line = format!(
            "before it {} combinations were refused: {}",
            dummy.refused.combinations,
            tally(&dummy.refused)
        );
        let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 2));
    }
    text.push('\n');
    text.push_str(&table(dummy).text(rendering.width));
    text.push('\n');
    text.push_str(&check::constraints(&subject, rendering));
    text.push('\n');
    text.push_str(&check::cost_lines(&subject));
    text.push_str(&check::assumptions(&subject, rendering));
    let _ = writeln!(text, "\n{}", check::verdict_line(&subject));
    text
}

fn refused(
    sketched: &Sketched<'_>,
    proof: &Proof,
    is_settled: bool,
    rendering: Rendering,
) -> String {
    let chip = sketched.chip;
    let mut text =
        format!("chip  {}  {}  {}\n", chip.id(), chip.runtime.id, chip.operating_point.id);
    let _ = writeln!(text, "{}\n", sketched.wanted());
    let line = match is_settled {
        true => format!(
            "The least network of every form was evaluated in each of {} combinations of precision, \
             activation and construction, and each was refused: {}",
            proof.combinations,
            tally(proof)
        ),
        false => format!(
            "{} least networks were refused before the evaluations were spent: {}",
            proof.combinations,
            tally(proof)
        ),
    };
    let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 0));
    if let Some((member, obstacles)) = &proof.nearest {
        let line = format!("nearest  {} with {}", member.template.name, values(&member.values));
        let _ = writeln!(text, "\n{}", words::wrapped(&line, rendering.width, 9));
        for obstacle in obstacles {
            let line = format!("  {}", reason(obstacle));
            let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 4));
        }
    }
    let _ = writeln!(text, "\n{}", if is_settled { "NONE FITS" } else { "NOT SETTLED" });
    text
}

/// The parameters of a dummy, or the constraints that refuse the nearest network, as CSV.
pub fn csv(sketched: &Sketched<'_>) -> String {
    lines(sketched).csv()
}

/// The same in Markdown.
pub fn markdown(sketched: &Sketched<'_>) -> String {
    let verdict = match sketched.answer {
        Answer::Dummy(dummy) => check::verdict_line(&sketched.subject(dummy)),
        Answer::Impossible(_) => "NONE FITS".to_owned(),
        Answer::Unsettled(_) => "NOT SETTLED".to_owned(),
    };
    format!("{}\n**{verdict}**\n", lines(sketched).markdown())
}

fn lines(sketched: &Sketched<'_>) -> Table {
    let proof = match sketched.answer {
        Answer::Dummy(dummy) => return table(dummy),
        Answer::Impossible(proof) | Answer::Unsettled(proof) => proof,
    };
    let mut table = Table::new(&[
        ("CONSTRAINT", ColumnKind::Word),
        ("NEED", ColumnKind::Number),
        ("LIMIT", ColumnKind::Number),
        ("RULE", ColumnKind::Word),
        ("WHERE", ColumnKind::Name),
    ]);
    for obstacle in proof.nearest.iter().flat_map(|(_, obstacles)| obstacles) {
        table.row(vec![
            obstacle.name.clone(),
            words::measure(&obstacle.need),
            words::measure(&obstacle.limit),
            obstacle.rule.map_or("", |rule| rule.id).to_owned(),
            obstacle.place.clone(),
        ]);
    }
    table
}

/// The answer as the machine contract has it.
pub fn json_value(sketched: &Sketched<'_>) -> Value {
    let question = sketched.question;
    let (mut value, answer) = match sketched.answer {
        Answer::Dummy(dummy) => (check::json_value(&sketched.subject(dummy)), "dummy"),
        Answer::Impossible(_) => (head(sketched), "impossible"),
        Answer::Unsettled(_) => (head(sketched), "unsettled"),
    };
    value["task"] = json!(question.task.name());
    value["input"] = json!(question.input);
    value["classes"] = json!(question.classes);
    value["answer"] = json!(answer);
    let refused = match sketched.answer {
        Answer::Dummy(dummy) => {
            value["form"] = json!(dummy.member.template.name);
            value["parameters"] = parameters(&dummy.member.values);
            value["walls"] = dummy
                .walls
                .iter()
                .map(|wall| {
                    json!({
                        "parameter": wall.parameter,
                        "next": wall.value,
                        "refused_by": wall.obstacles.iter().map(obstacle).collect::<Vec<_>>(),
                    })
                })
                .collect();
            &dummy.refused
        }
        Answer::Impossible(proof) | Answer::Unsettled(proof) => proof,
    };
    let counted =
        |count: u32| json::figure(&Figure::point(f64::from(count), Unit::One, FigureKind::Exact));
    let tally: Map<String, Value> =
        refused.tally.iter().map(|(name, count)| (name.clone(), counted(*count))).collect();
    value["refused"] = json!({
        "combinations": counted(refused.combinations),
        "by": tally,
        "nearest": refused.nearest.as_ref().map(|(member, obstacles)| json!({
            "form": member.template.name,
            "parameters": parameters(&member.values),
            "refused_by": obstacles.iter().map(obstacle).collect::<Vec<_>>(),
        })),
    });
    value
}

/// The head of an answer without a model.
fn head(sketched: &Sketched<'_>) -> Value {
    json!({
        "schema": json::SCHEMA,
        "tool": json::tool(),
        "chip": json::chip(sketched.chip),
    })
}

/// Values by name: numbers where they are some.
fn parameters(values: &[(String, String)]) -> Value {
    let entries: Map<String, Value> = values
        .iter()
        .map(|(name, value)| {
            let value = value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number));
            (name.clone(), value)
        })
        .collect();
    Value::Object(entries)
}

fn obstacle(obstacle: &Obstacle) -> Value {
    let measure = |measure: &Measure| match measure {
        Measure::Figure(quantity) => json::quantity(quantity),
        Measure::Words(words) => json!(words),
    };
    let mut value = json!({
        "name": obstacle.name,
        "need": measure(&obstacle.need),
        "limit": measure(&obstacle.limit),
        "where": obstacle.place,
    });
    if let Some(rule) = obstacle.rule {
        value["rule"] = json!(rule.id);
    }
    if !obstacle.message.is_empty() {
        value["message"] = json!(obstacle.message);
    }
    value
}
