//! What every amount of SRAM gets on an Ethos-U.

use std::fmt::Write as _;

use cofit_compile::ethos_u::{Front, Point};
use cofit_vocab::{Bytes, FigureKind};
use serde_json::{Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, Subject, check, json, words};

fn table(front: &Front, subject: &Subject<'_>, numbers: Numbers) -> Table {
    let mut table = Table::new(&[
        ("ARENA", ColumnKind::Number),
        ("CYCLES", ColumnKind::Number),
        ("NPU TIME", ColumnKind::Number),
        ("CASCADES", ColumnKind::Name),
    ]);
    for point in &front.points {
        let time = point.cycles.at(subject.evaluation.profile.clock);
        table.row(vec![
            numbers.bytes(point.bytes),
            numbers.count(point.cycles.get()),
            time.to_string(),
            cascades(point),
        ]);
    }
    table
}

/// Runs of steps that are executed stripe by stripe.
fn cascades_of(point: &Point) -> &[cofit_ethos_u::Cascade] {
    point.plan.ethos_u.as_ref().map_or(&[], |schedule| &schedule.cascades)
}

/// The steps that run stripe by stripe, in short.
fn cascades(point: &Point) -> String {
    let texts: Vec<String> = cascades_of(point)
        .iter()
        .map(|cascade| {
            let mut text = format!("{}-{} by", cascade.first, cascade.last);
            for rows in &cascade.stripes {
                let _ = write!(text, " {rows}");
            }
            text
        })
        .collect();
    if texts.is_empty() { "layer by layer".to_owned() } else { texts.join(", ") }
}

/// The position of the fastest schedule within so many bytes.
pub fn within(front: &Front, cap: Bytes) -> Option<usize> {
    let fitting = front.points.iter().enumerate().filter(|(_, point)| point.bytes <= cap);
    fitting.min_by_key(|(_, point)| (point.cycles, point.bytes)).map(|(at, _)| at)
}

/// The front, or that there is none, then the schedule that a cap chooses.
pub fn text(
    front: &Front,
    subject: &Subject<'_>,
    cap: Option<Bytes>,
    rendering: Rendering,
) -> String {
    let mut text = check::heading(subject);
    text.push('\n');
    if front.points.is_empty() {
        text.push_str("the NPU runs none of the steps: there is nothing to schedule\n");
        return text;
    }
    text.push_str(&table(front, subject, Numbers::Grouped).text(rendering.width));
    text.push('\n');
    let line = "cascades: steps that run stripe by stripe, with the rows of each step's stripe; \
                cycles by Vela's formulas for the schedule";
    let _ = writeln!(text, "{}", words::wrapped(line, rendering.width, 2));
    if let Some(cap) = cap {
        let chosen = within(front, cap).map(|at| &front.points[at]);
        let line = match chosen {
            Some(point) => format!(
                "within {cap}: {} and {} cycles, {}",
                point.bytes,
                Numbers::Grouped.count(point.cycles.get()),
                cascades(point)
            ),
            None => {
                let least = front.points.iter().map(|point| point.bytes).min();
                format!("no schedule fits {cap}: the least is {}", least.unwrap_or_default())
            }
        };
        let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 2));
    }
    text
}

/// One row a point.
pub fn csv(front: &Front, subject: &Subject<'_>) -> String {
    table(front, subject, Numbers::Plain).csv()
}

/// One row a point, in Markdown.
pub fn markdown(front: &Front, subject: &Subject<'_>) -> String {
    table(front, subject, Numbers::Grouped).markdown()
}

/// The front with the stripes of every cascade and the address of every buffer.
pub fn json_value(front: &Front, subject: &Subject<'_>, cap: Option<Bytes>) -> Value {
    let mut value = json::head(subject);
    let profile = &subject.evaluation.profile;
    let points: Vec<Value> = front
        .points
        .iter()
        .map(|point| {
            let cascades: Vec<Value> = cascades_of(point)
                .iter()
                .map(|cascade| {
                    json!({
                        "first_step": cascade.first,
                        "last_step": cascade.last,
                        "stripe_rows": cascade.stripes,
                    })
                })
                .collect();
            let buffers: Vec<Value> = point
                .plan
                .buffers
                .values()
                .map(|buffer| {
                    json!({
                        "tensor": point.plan.buffer_name(buffer),
                        "address": buffer.address.map(|address| address.get()),
                        "bytes": buffer.bytes.get(),
                        "first_step": buffer.first_step.as_u32(),
                        "last_step": buffer.last_step.as_u32(),
                    })
                })
                .collect();
            json!({
                "arena": json::bytes(point.bytes, FigureKind::Planned),
                "cycles": json::cycles(point.cycles, profile),
                "cascades": cascades,
                "buffers": buffers,
            })
        })
        .collect();
    value.insert("front".to_owned(), json!(points));
    let cap = cap.map(
        |cap| json!({ "bytes": json::bytes(cap, FigureKind::Exact), "point": within(front, cap) }),
    );
    value.insert("cap".to_owned(), cap.unwrap_or(Value::Null));
    value.insert("assumptions".to_owned(), json::assumptions(subject));
    Value::Object(value)
}
