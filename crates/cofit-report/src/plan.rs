//! The memory plan: every buffer's address, size and lifetime.

use std::fmt::Write as _;

use cofit_compile::plan::{Buffer, BufferRole, ConstantRole, Placement};
use cofit_vocab::FigureKind;
use cranelift_entity::EntityRef;
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, Subject, check, json, sim, transfers, words};

fn table(subject: &Subject<'_>, numbers: Numbers) -> Table {
    let mut table = Table::new(&[
        ("MEMORY", ColumnKind::Word),
        ("ADDRESS", ColumnKind::Number),
        ("BYTES", ColumnKind::Number),
        ("STEPS", ColumnKind::Number),
        ("ROLE", ColumnKind::Word),
        ("TENSOR", ColumnKind::Name),
    ]);
    for buffer in subject.evaluation.plan.buffers.values() {
        table.row(vec![
            memory(subject, buffer).unwrap_or_else(|| "nowhere".to_owned()),
            buffer.address.map_or_else(|| "-".to_owned(), |address| numbers.count(address.get())),
            numbers.count(buffer.bytes.get()),
            format!("{}-{}", buffer.first_step.as_u32(), buffer.last_step.as_u32()),
            role(buffer).to_owned(),
            words::short_name(&subject.evaluation.plan.buffer_name(buffer)).to_owned(),
        ]);
    }
    table
}

fn memory(subject: &Subject<'_>, buffer: &Buffer) -> Option<String> {
    buffer.memory.map(|id| subject.chip.memories[id.index()].id.clone())
}

const fn role(buffer: &Buffer) -> &'static str {
    match buffer.role {
        BufferRole::Activation(_) => "activation",
        BufferRole::Stream(_) => "stream",
        BufferRole::Spilled(_) => "spilled",
        BufferRole::WeightStaging => "staging",
        BufferRole::ResidentWeights(_) => "weights",
        BufferRole::Scratch => "scratch",
    }
}

/// Buffers, then how good order and packing are.
pub fn text(subject: &Subject<'_>, rendering: Rendering) -> String {
    let plan = &subject.evaluation.plan;
    let mut text = check::heading(subject);
    text.push('\n');
    text.push_str(&table(subject, Numbers::Grouped).text(rendering.width));
    text.push('\n');
    for (id, used) in &plan.memories {
        if used.need().is_zero() {
            continue;
        }
        let mut line = format!("{}: needs {}", subject.chip.memories[id.index()].id, used.need());
        if let Some(available) = used.available {
            let _ = write!(line, " of {available}");
        }
        let packed = used.activations + used.scratch;
        if !packed.is_zero() {
            let proof = if used.is_optimal { "proved lowest" } else { "not proved lowest" };
            let _ = write!(line, "; packed {packed}, bound {}, {proof}", used.lower_bound);
        }
        if let Some(step) = used.peak_step {
            let name = plan.step_name(step);
            let name = words::short_name(&name);
            let _ = write!(line, "; peak at step {} ({name})", step.as_u32());
        }
        let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 2));
    }
    text.push_str(&transfers::plan_text(subject, rendering));
    let proof = if plan.order.is_optimal { "no order is lower" } else { "not proved best" };
    let _ = writeln!(text, "order: {} live at once at most; {proof}", plan.order.peak);
    for refusal in &plan.refusals {
        let _ = writeln!(text, "{}", refusal.diagnostic);
    }
    for note in &plan.notes {
        let _ = writeln!(text, "note {note}");
    }
    text
}

/// One row a buffer.
pub fn csv(subject: &Subject<'_>) -> String {
    table(subject, Numbers::Plain).csv()
}

/// One row a buffer, in Markdown.
pub fn markdown(subject: &Subject<'_>) -> String {
    table(subject, Numbers::Grouped).markdown()
}

/// The plan as the machine contract has it.
pub fn json_value(subject: &Subject<'_>) -> Value {
    let plan = &subject.evaluation.plan;
    let planned = |bytes| json::bytes(bytes, FigureKind::Planned);
    let mut value = json::head(subject);
    let buffers: Vec<Value> = plan
        .buffers
        .iter()
        .map(|(id, buffer)| {
            let mut entry = json!({
                "id": id.as_u32(),
                "tensor": plan.buffer_name(buffer),
                "role": role(buffer),
                "memory": memory(subject, buffer),
                "address": buffer.address.map(|address| address.get()),
                "bytes": buffer.bytes.get(),
                "alignment": buffer.alignment,
                "first_step": buffer.first_step.as_u32(),
                "last_step": buffer.last_step.as_u32(),
            });
            // Two buffers may share bytes within one step where the one is read out before the
            // other is filled. Halves keep `first_step <= last_step` tests of overlap right.
            if buffer.begins_late {
                entry["first_step"] = json!(f64::from(buffer.first_step.as_u32()) + 0.5);
            }
            if buffer.ends_early {
                entry["ends_early"] = json!(true);
            }
            entry
        })
        .collect();
    value.insert("buffers".to_owned(), json!(buffers));
    let constants: Vec<Value> = plan
        .constants
        .iter()
        .map(|placement| {
            json!({
                "step": placement.step.as_u32(),
                "role": match placement.role {
                    ConstantRole::Weights => "weights",
                    ConstantRole::Bias => "bias",
                },
                "memory": placement.memory.map(|id| subject.chip.memories[id.index()].id.as_str()),
                "bytes": placement.bytes.get(),
                "original_bytes": placement.original_bytes.get(),
            })
        })
        .collect();
    value.insert("constants".to_owned(), json!(constants));
    value.insert("transfers".to_owned(), transfers::plan_json(subject));
    value.insert("distribution".to_owned(), transfers::distribution_json(subject));
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|(id, step)| {
            json!({
                "id": id.as_u32(),
                "name": plan.step_name(id),
                "op": sim::operator_names(subject, step),
                "engine": subject.chip.engines.get(step.engine.index()).map(|e| e.id.as_str()),
                "placement": match step.placement {
                    Placement::Native => "native",
                    Placement::Fallback(_) => "fallback",
                    Placement::View => "view",
                    Placement::Refused => "refused",
                },
            })
        })
        .collect();
    value.insert("steps".to_owned(), json!(steps));
    value.insert(
        "order_proof".to_owned(),
        json!({
            "peak": planned(plan.order.peak),
            "lower_bound": planned(plan.order.lower_bound),
            "optimal": plan.order.is_optimal,
        }),
    );
    let packing: Map<String, Value> = plan
        .memories
        .iter()
        .map(|(id, used)| {
            let entry = json!({
                "bytes": planned(used.activations + used.scratch),
                "lower_bound": planned(used.lower_bound),
                "optimal": used.is_optimal,
                "need": planned(used.need()),
                "available": used.available.map(|available| json::bytes(available, FigureKind::Exact)),
            });
            (subject.chip.memories[id.index()].id.clone(), entry)
        })
        .collect();
    value.insert("packing".to_owned(), Value::Object(packing));
    let refusals: Vec<Value> =
        plan.refusals.iter().map(|refusal| json::diagnostic(&refusal.diagnostic)).collect();
    value.insert("refusals".to_owned(), json!(refusals));
    Value::Object(value)
}
