//! A file's tensors as TensorFlow Lite for Microcontrollers is to place them.

use std::fmt::Write as _;

use cofit_compile::joint_order::Shown;
use cofit_compile::tflm::{ALIGNMENT, OfflinePlan};
use cofit_ir::{Graph, Model};
use cofit_vocab::{Bytes, FigureKind};
use cranelift_entity::EntityRef;
use serde_json::{Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, json, words};

/// What a report on an offline plan is about.
#[derive(Clone, Copy)]
pub struct Offline<'a> {
    /// The file's model.
    pub model: &'a Model,
    /// Its main graph.
    pub graph: &'a Graph,
    /// The plan.
    pub plan: &'a OfflinePlan,
    /// The bytes that the head may have, where there is a limit.
    pub cap: Option<Bytes>,
}

/// What the head holds beside the planned tensors.
const SCRATCH: &str = "the head holds tensors and the scratch of TFLM's reference kernels for SVDF, \
                       transposed convolution, mean and sum; TFLM places scratch around the planned \
                       tensors when it starts, other kernels may ask for more, and TFLM's own \
                       structures lie behind the head";

fn table(offline: &Offline<'_>, numbers: Numbers) -> Table {
    let mut table = Table::new(&[
        ("NUMBER", ColumnKind::Number),
        ("OFFSET", ColumnKind::Number),
        ("BYTES", ColumnKind::Number),
        ("TENSOR", ColumnKind::Name),
    ]);
    for (id, tensor) in &offline.graph.tensors {
        if let Some(offset) = offline.plan.offsets[id.index()] {
            table.row(vec![
                id.index().to_string(),
                numbers.count(offset),
                numbers.count(tensor.bytes().get()),
                words::short_name(&tensor.name).to_owned(),
            ]);
        }
    }
    table
}

/// How the head's size was shown to be the lowest.
const fn proof(shown: Shown) -> &'static str {
    match shown {
        Shown::ByOrderBound => "no order and no layout is lower",
        Shown::ByExhaustion => "no order and no layout is lower, all of them tried",
        Shown::Open => "not proved lowest",
    }
}

/// The head with the plan, without it, and what was proved.
pub fn text(offline: &Offline<'_>, rendering: Rendering) -> String {
    let plan = offline.plan;
    let mut text = format!("model {}\n", offline.model.name);
    let mut line = |words: &str| {
        let _ = writeln!(text, "{}", words::wrapped(words, rendering.width, 2));
    };
    let mut head = format!("head: {}; {}", plan.head, proof(plan.joint.shown));
    if plan.joint.shown == Shown::Open {
        let _ = write!(head, ", bound {}", plan.joint.lower_bound);
    }
    line(&head);
    if let Some(alone) = plan.unplanned_head {
        let more = alone.saturating_sub(plan.head);
        let share = more.as_f64() / plan.head.as_f64().max(1.0);
        line(&if more.is_zero() {
            "without the plan: the same".to_owned()
        } else {
            format!("without the plan: {alone}, {more} more ({})", words::percent(share))
        });
    }
    if plan.is_reordered() {
        let order: Vec<String> = plan.order.iter().map(ToString::to_string).collect();
        line(&format!("in the file's own order: {}", plan.head_in_file_order));
        line(&format!("order of the file's operators: {}", order.join(" ")));
    } else {
        line("order: the file's own");
    }
    if let Some(cap) = offline.cap {
        line(&cap_words(plan.head, cap));
    }
    line(SCRATCH);
    text
}

/// How a number of bytes stands to its cap.
pub fn cap_words(bytes: Bytes, cap: Bytes) -> String {
    if bytes <= cap {
        format!("cap: {bytes} of {cap}, {} to spare", cap - bytes)
    } else {
        format!("cap: {bytes} of {cap}, over by {}", bytes - cap)
    }
}

/// The plan for machines.
pub fn json_value(offline: &Offline<'_>) -> Value {
    let plan = offline.plan;
    let planned = |bytes| json::bytes(bytes, FigureKind::Planned);
    let tensors: Vec<Value> = offline
        .graph
        .tensors
        .iter()
        .map(|(id, tensor)| {
            json!({
                "tensor": tensor.name,
                "bytes": tensor.bytes().get(),
                "offset": plan.offsets[id.index()],
            })
        })
        .collect();
    let unplanned = plan.unplanned_head.map_or_else(
        || json!({ "unavailable": "the file has too many tensors to follow TFLM's own planner" }),
        planned,
    );
    json!({
        "schema": json::SCHEMA,
        "tool": json::tool(),
        "model": json::model(offline.model),
        "head": planned(plan.head),
        "head_in_file_order": planned(plan.head_in_file_order),
        "head_without_plan": unplanned,
        "alignment": ALIGNMENT,
        "order": plan.order,
        "reordered": plan.is_reordered(),
        "joint": {
            "lower_bound": planned(plan.joint.lower_bound),
            "optimal": plan.joint.shown != Shown::Open,
            "shown": shown_name(plan.joint.shown),
            "states": plan.joint.proof.states,
            "orders": plan.joint.orders,
            "nodes": plan.joint.nodes,
        },
        "cap": offline.cap.map(|cap| json::bytes(cap, FigureKind::Exact)),
        "fits": offline.cap.is_none_or(|cap| plan.head <= cap),
        "tensors": tensors,
        "assumptions": [SCRATCH],
    })
}

/// The contract's name of how a joint optimum was shown.
pub const fn shown_name(shown: Shown) -> &'static str {
    match shown {
        Shown::ByOrderBound => "order_bound",
        Shown::ByExhaustion => "exhaustion",
        Shown::Open => "open",
    }
}

/// One row a tensor.
pub fn csv(offline: &Offline<'_>) -> String {
    table(offline, Numbers::Plain).csv()
}

/// One row a tensor, in Markdown.
pub fn markdown(offline: &Offline<'_>) -> String {
    table(offline, Numbers::Grouped).markdown()
}
