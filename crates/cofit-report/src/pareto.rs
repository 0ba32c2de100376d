//! Every trade of memory for work and time below the tensor.

use std::fmt::Write as _;

use cofit_explore::{StreamingFront, StreamingPoint};
use cofit_stream::{Effort, Manner, Pieces, Side, Storage, Uses, ValueId, Witness};
use cofit_vocab::{Bytes, Figure, FigureKind, Unit};
use cranelift_entity::EntityRef;
use serde_json::{Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, Subject, check, json, words};

/// What a report on a front is about.
#[derive(Clone, Copy)]
pub struct Front<'a> {
    /// The model on the chip, whole layer by whole layer.
    pub subject: Subject<'a>,
    /// The front.
    pub front: &'a StreamingFront,
    /// The bytes that the arena may have, where there is a limit.
    pub cap: Option<Bytes>,
}

/// What every figure of a point rests on.
const ASSUMPTION: &str = "a call that computes one piece costs what a call of the runtime's kernel \
                          costs, and reads the operator's constants once, of channels their own \
                          ones; no listed runtime streams below the tensor, so that generated code \
                          has to";

fn table(front: &Front<'_>, numbers: Numbers) -> Table {
    let mut table = Table::new(&[
        ("ARENA", ColumnKind::Number),
        ("MEMORY", ColumnKind::Word),
        ("MACS", ColumnKind::Number),
        ("FACTOR", ColumnKind::Number),
        ("CONSTANTS", ColumnKind::Number),
        ("CYCLES", ColumnKind::Number),
        ("GROUPS", ColumnKind::Name),
    ]);
    for point in &front.front.points {
        let effort = point.point.effort();
        table.row(vec![
            numbers.bytes(point.point.schedule.arena),
            memory(front, point).unwrap_or("-").to_owned(),
            numbers.count(effort.macs),
            format!("{:.3}", factor(front.front, point)),
            numbers.bytes(Bytes(effort.constant_bytes)),
            point.cycles.map_or_else(|| "-".to_owned(), |cycles| numbers.count(cycles.get())),
            groups(point),
        ]);
    }
    table
}

/// The memory that cycles count on for the arena.
fn memory<'a>(front: &Front<'a>, point: &StreamingPoint) -> Option<&'a str> {
    let at = point.memory?;
    front.subject.chip.memories.get(at.index()).map(|memory| memory.id.as_str())
}

/// Multiply-accumulates over those of the model as written.
fn factor(front: &StreamingFront, point: &StreamingPoint) -> f64 {
    let whole = front.whole.macs.max(1) as f64;
    point.point.effort().macs as f64 / whole
}

/// Groups of more than one stage or piece, in short: `0-5 rows` for stages 0 to 5, `0-5 rows x3` in
/// three strips.
fn groups(point: &StreamingPoint) -> String {
    let of = |group: &cofit_stream::Group| {
        let (first, last) = (group.first.as_u32(), group.last.as_u32());
        let mut text = if first == last { format!("{first}") } else { format!("{first}-{last}") };
        let _ = match group.pieces {
            Pieces::Pixels(count) if count > 1 => write!(text, " {count} pixels"),
            Pieces::Channels(count) => write!(text, " {count} channels"),
            pieces => write!(text, " {}", pieces.name()),
        };
        if group.strips.len() > 1 {
            let _ = write!(text, " x{}", group.strips.len());
        }
        text
    };
    let streamed = point.point.schedule.groups.iter().filter(|it| it.pieces != Pieces::Whole);
    let texts: Vec<String> = streamed.map(of).collect();
    if texts.is_empty() { "layer by layer".to_owned() } else { texts.join(", ") }
}

/// The front, then what bounds it, then the way that a cap chooses.
pub fn text(front: &Front<'_>, rendering: Rendering) -> String {
    let mut text = check::heading(&front.subject);
    let question = front.front.question;
    let side = |side: Side| match side {
        Side::Arena => "in the arena",
        Side::Outside => "outside the arena",
    };
    let _ = writeln!(text, "inputs {}, outputs {}", side(question.inputs), side(question.outputs));
    text.push('\n');
    text.push_str(&table(front, Numbers::Grouped).text(rendering.width));
    text.push('\n');
    let _ = writeln!(text, "{}", words::wrapped(&bound(front), rendering.width, 2));
    match &front.front.whole_cycles {
        Ok(cycles) => {
            let cycles = Numbers::Grouped.count(cycles.get());
            let _ = writeln!(text, "layer by layer: {cycles} cycles");
        }
        Err(reason) => {
            let _ = writeln!(text, "cycles are unknown: {reason}");
        }
    }
    let line = format!("assumed: {ASSUMPTION}");
    let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 2));
    if let Some(cap) = front.cap {
        text.push('\n');
        match front.front.within(cap.get()) {
            Some(point) => text.push_str(&chosen(front, point, cap, rendering)),
            None => {
                let least = front.front.points.first().map(|it| it.point.schedule.arena);
                let least = least.unwrap_or_default();
                let _ = writeln!(text, "no way fits {cap}: the least is {least}");
            }
        }
    }
    text
}

/// What bounds the ways that compute nothing twice.
fn bound(front: &Front<'_>) -> String {
    let bound = &front.front.bound;
    let because = match bound.witness {
        Witness::Stage(stage) => format!("{} is done at once", stage_name(front, stage)),
        Witness::Outputs => "the outputs are all there in the end".to_owned(),
        Witness::Frontier(stage, value) => format!(
            "the window of {} leaves so many bytes of {} between what is done and what is not",
            stage_name(front, stage),
            value_name(front, value)
        ),
    };
    format!(
        "bound: in pixels, computing nothing twice, no order needs less than {}: {because}",
        Bytes(bound.bytes)
    )
}

fn stage_name(front: &Front<'_>, stage: cofit_stream::StageId) -> String {
    let plan = &front.subject.evaluation.plan;
    let name = plan.graph.operator_name(front.front.network.stages[stage].operator);
    words::short_name(&name).to_owned()
}

fn value_name(front: &Front<'_>, value: ValueId) -> String {
    let tensors = &front.subject.evaluation.plan.graph.tensors;
    let first = front.front.network.values[value].tensors.first();
    first.map_or_else(String::new, |&id| words::short_name(&tensors[id].name).to_owned())
}

/// The way that a cap chooses, with every address.
fn chosen(front: &Front<'_>, point: &StreamingPoint, cap: Bytes, rendering: Rendering) -> String {
    let mut text = String::new();
    let arena = point.point.schedule.arena;
    let _ = writeln!(text, "within {cap}: {arena}, {}", groups(point));
    let mut table = Table::new(&[
        ("ADDRESS", ColumnKind::Number),
        ("BYTES", ColumnKind::Number),
        ("OF", ColumnKind::Number),
        ("KIND", ColumnKind::Word),
        ("TENSOR", ColumnKind::Name),
    ]);
    for row in places(front, point) {
        table.row(vec![
            row.start.to_string(),
            row.capacity.to_string(),
            row.whole.to_string(),
            row.kind.to_owned(),
            row.name,
        ]);
    }
    text.push_str(&table.text(rendering.width));
    text
}

/// A place in the arena.
struct Place {
    start: u64,
    /// Bytes of the place.
    capacity: u64,
    /// Bytes of everything that passes through it.
    whole: u64,
    kind: &'static str,
    name: String,
    /// The first and the last group in which it is needed.
    groups: (usize, usize),
}

/// Every place of a schedule, in the order of its stages.
fn places(front: &Front<'_>, point: &StreamingPoint) -> Vec<Place> {
    let network = &front.front.network;
    let schedule = &point.point.schedule;
    let uses = Uses::of(network);
    let group_of = |stage: cofit_stream::StageId| {
        schedule.groups.iter().position(|group| group.contains(stage)).unwrap_or(0)
    };
    let mut places = Vec::new();
    for (value, it) in &network.values {
        let Storage::Arena { start, capacity } = schedule.values[value] else { continue };
        let first = uses.writer[value].map_or(0, group_of);
        let last = uses.readers[value].last().map_or(first, |&reader| group_of(reader));
        let last = if it.is_output { schedule.groups.len().saturating_sub(1) } else { last };
        places.push(Place {
            start,
            capacity,
            whole: it.bytes(),
            kind: if capacity < it.bytes() { "ring" } else { "map" },
            name: value_name(front, value),
            groups: (first, last),
        });
    }
    for (stage, it) in &network.stages {
        let Storage::Arena { start, capacity } = schedule.sums[stage] else { continue };
        if matches!(it.manner, Manner::Accumulated { .. }) {
            let group = group_of(stage);
            places.push(Place {
                start,
                capacity,
                whole: capacity,
                kind: "sums",
                name: stage_name(front, stage),
                groups: (group, group),
            });
        }
    }
    places
}

/// One row a point.
pub fn csv(front: &Front<'_>) -> String {
    table(front, Numbers::Plain).csv()
}

/// One row a point, in Markdown.
pub fn markdown(front: &Front<'_>) -> String {
    table(front, Numbers::Grouped).markdown()
}

/// The front with every point's groups and addresses.
pub fn json_value(front: &Front<'_>) -> Value {
    let mut value = json::head(&front.subject);
    let question = front.front.question;
    let side = |side: Side| match side {
        Side::Arena => "arena",
        Side::Outside => "outside",
    };
    value.insert("inputs".to_owned(), json!(side(question.inputs)));
    value.insert("outputs".to_owned(), json!(side(question.outputs)));
    value.insert("may_recompute".to_owned(), json!(question.may_recompute));
    let planned = |bytes: u64| json::bytes(Bytes(bytes), FigureKind::Planned);
    let points: Vec<Value> = front.front.points.iter().map(|it| point_value(front, it)).collect();
    value.insert("front".to_owned(), json!(points));
    let cap = front.cap.map(|cap| {
        let at = front.front.within(cap.get());
        let at =
            at.and_then(|chosen| front.front.points.iter().position(|it| std::ptr::eq(it, chosen)));
        json!({ "bytes": json::bytes(cap, FigureKind::Exact), "point": at })
    });
    value.insert("cap".to_owned(), cap.unwrap_or(Value::Null));
    value.insert(
        "lower_bound".to_owned(),
        json!({
            "bytes": planned(front.front.bound.bytes),
            "scope": "pixels computed whole and once, in any order",
            "reason": bound(front),
        }),
    );
    value.insert("assumptions".to_owned(), {
        let mut all = json::assumptions(&front.subject);
        if let Some(list) = all.as_array_mut() {
            list.push(json!({ "key": "streaming.calls", "reason": ASSUMPTION }));
        }
        all
    });
    Value::Object(value)
}

fn point_value(front: &Front<'_>, point: &StreamingPoint) -> Value {
    let profile = &front.subject.evaluation.profile;
    let schedule = &point.point.schedule;
    let effort = point.point.effort();
    let network = &front.front.network;
    let cycles = match (point.cycles, &front.front.whole_cycles) {
        (Some(cycles), _) => json::cycles(cycles, profile),
        (None, Err(reason)) => json!({ "unavailable": reason }),
        (None, Ok(_)) => json!({ "unavailable": "not simulated" }),
    };
    let groups: Vec<Value> = schedule
        .groups
        .iter()
        .map(|group| {
            let operators: Vec<String> = group.stages().map(|id| stage_name(front, id)).collect();
            let efforts = group.stages().map(|id| point.point.efforts[id]);
            let effort = efforts.fold(Effort::default(), Effort::plus);
            json!({
                "operators": operators,
                "pieces": group.pieces.name(),
                "pixels": match group.pieces {
                    Pieces::Pixels(count) => json!(count),
                    Pieces::Whole | Pieces::Rows | Pieces::Channels(_) => Value::Null,
                },
                "channels": match group.pieces {
                    Pieces::Channels(count) => json!(count),
                    Pieces::Whole | Pieces::Rows | Pieces::Pixels(_) => Value::Null,
                },
                "strips": group.strips.iter().map(|it| json!([it.start, it.end])).collect::<Vec<_>>(),
                "macs": effort.macs,
                "calls": effort.calls,
                "constants_read": effort.constant_bytes,
            })
        })
        .collect();
    let buffers: Vec<Value> = places(front, point)
        .into_iter()
        .map(|place| {
            json!({
                "tensor": place.name,
                "kind": place.kind,
                "address": place.start,
                "bytes": place.capacity,
                "tensor_bytes": place.whole,
                "first_group": place.groups.0,
                "last_group": place.groups.1,
            })
        })
        .collect();
    let factor = factor(front.front, point);
    json!({
        "arena": json::bytes(schedule.arena, FigureKind::Planned),
        "memory": memory(front, point),
        "macs": effort.macs,
        "mac_factor": json::figure(&Figure {
            value: factor,
            unit: Unit::One,
            kind: FigureKind::Planned,
            low: factor,
            high: factor,
        }),
        "calls": effort.calls,
        "constants_read": json::bytes(Bytes(effort.constant_bytes), FigureKind::Planned),
        "cycles": cycles,
        "stages": network.stages.len(),
        "groups": groups,
        "buffers": buffers,
    })
}
