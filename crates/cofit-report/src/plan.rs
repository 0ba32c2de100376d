//! The memory plan: every buffer's address, size and lifetime.

use std::fmt::Write as _;

use cofit_compile::certificate::PlanCertificate;
use cofit_compile::joint_order::Shown;
use cofit_compile::plan::{Buffer, BufferId, BufferRole, ConstantRole, MemoryUse, Placement};
use cofit_vocab::{Bytes, FigureKind};
use cranelift_entity::EntityRef;
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, Subject, check, json, plan_map, sim, tflm, transfers, words};

/// What a report on a plan is about.
#[derive(Clone, Copy)]
pub struct Planned<'a> {
    /// The model on the chip.
    pub subject: Subject<'a>,
    /// The bytes that activations and scratch areas may have, where there is a limit.
    pub cap: Option<Bytes>,
    /// What shows the bounds, where it is asked for.
    pub certificate: Option<&'a PlanCertificate>,
}

impl Planned<'_> {
    /// Bytes of activations, staging and scratch areas over all memories.
    pub fn arena(&self) -> Bytes {
        let memories = self.subject.evaluation.plan.memories.values();
        memories.map(|used| used.activations + used.scratch).sum()
    }

    /// Whether no order that the runtime may run has a lower layout. Nothing is said where several
    /// memories share the buffers.
    fn is_joint_optimal(&self) -> bool {
        let plan = &self.subject.evaluation.plan;
        let is_used = |used: &&MemoryUse| !(used.activations + used.scratch).is_zero();
        plan.joint.shown != Shown::Open
            && self.arena() == plan.joint.lower_bound
            && plan.memories.values().filter(is_used).count() == 1
    }

    /// Whether the arena keeps to its cap.
    pub fn fits(&self) -> bool {
        self.cap.is_none_or(|cap| self.arena() <= cap)
    }
}

fn table(subject: &Subject<'_>, numbers: Numbers) -> Table {
    let mut table = Table::new(&[
        ("MAP", ColumnKind::Word),
        ("MEMORY", ColumnKind::Word),
        ("ADDRESS", ColumnKind::Number),
        ("BYTES", ColumnKind::Number),
        ("STEPS", ColumnKind::Number),
        ("ROLE", ColumnKind::Word),
        ("TENSOR", ColumnKind::Name),
    ]);
    let plan = &subject.evaluation.plan;
    for (buffer, letter) in plan.buffers.values().zip(plan_map::letters(plan)) {
        table.row(vec![
            letter.to_string(),
            memory(subject, buffer).unwrap_or_else(|| "nowhere".to_owned()),
            buffer.address.map_or_else(|| "-".to_owned(), |address| numbers.count(address.get())),
            numbers.count(buffer.bytes.get()),
            format!("{}-{}", buffer.first_step.as_u32(), buffer.last_step.as_u32()),
            role(buffer).to_owned(),
            words::short_name(&plan.buffer_name(buffer)).to_owned(),
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

/// Buffers, the map of every memory, then how good order and packing are.
pub fn text(planned: &Planned<'_>, rendering: Rendering) -> String {
    let subject = &planned.subject;
    let plan = &subject.evaluation.plan;
    let mut text = check::heading(subject);
    text.push('\n');
    text.push_str(&table(subject, Numbers::Grouped).text(rendering.width));
    for id in plan.memories.keys() {
        let map = plan_map::text(plan, id, rendering.width);
        if !map.is_empty() {
            let _ = write!(text, "\n{}\n{map}", subject.chip.memories[id.index()].id);
        }
    }
    text.push('\n');
    let mut line = |words: &str| {
        let _ = writeln!(text, "{}", words::wrapped(words, rendering.width, 2));
    };
    for (id, used) in &plan.memories {
        if used.need().is_zero() {
            continue;
        }
        let mut words = format!("{}: needs {}", subject.chip.memories[id.index()].id, used.need());
        if let Some(available) = used.available {
            let _ = write!(words, " of {available}");
        }
        let packed = used.activations + used.scratch;
        if !packed.is_zero() {
            let proof = if used.is_optimal { "proved lowest" } else { "not proved lowest" };
            let _ = write!(words, "; packed {packed}, bound {}, {proof}", used.lower_bound);
        }
        if let Some(step) = used.peak_step {
            let name = plan.step_name(step);
            let name = words::short_name(&name);
            let _ = write!(words, "; peak at step {} ({name})", step.as_u32());
        }
        line(&words);
    }
    text.push_str(&transfers::plan_text(subject, rendering));
    let mut line = |words: &str| {
        let _ = writeln!(text, "{}", words::wrapped(words, rendering.width, 2));
    };
    let proof = if plan.order.is_optimal { "no order is lower" } else { "not proved best" };
    line(&format!("order: {} live at once at most; {proof}", plan.order.peak));
    line(&format!("order and packing together: {}", joint_words(planned)));
    if let Some(cap) = planned.cap {
        line(&cap_words(planned, cap));
    }
    if let Some(certificate) = planned.certificate {
        certificate_text(subject, certificate, &mut line);
    }
    for refusal in &plan.refusals {
        let _ = writeln!(text, "{}", refusal.diagnostic);
    }
    for note in &plan.notes {
        let _ = writeln!(text, "note {note}");
    }
    text
}

/// What is proved about order and packing together.
fn joint_words(planned: &Planned<'_>) -> String {
    let joint = &planned.subject.evaluation.plan.joint;
    let scope = if joint.is_order_given {
        "in the model's order, which the runtime keeps"
    } else {
        "in any order"
    };
    let (arena, bound) = (planned.arena(), joint.lower_bound);
    if planned.is_joint_optimal() {
        format!("{arena}, proved lowest {scope}")
    } else if arena < bound {
        // Layers that stream, or overwrite their operands, need less than whole tensors.
        format!("{arena}, below the {bound} that whole tensors side by side need {scope}")
    } else {
        format!("{arena}; bound {bound} {scope}")
    }
}

/// How the arena stands to its cap, and what is alive at the peak where it is over.
fn cap_words(planned: &Planned<'_>, cap: Bytes) -> String {
    let plan = &planned.subject.evaluation.plan;
    let mut words = tflm::cap_words(planned.arena(), cap);
    if !planned.fits() {
        let fullest = plan.memories.iter().max_by_key(|(_, used)| used.activations + used.scratch);
        if let Some((id, step)) = fullest.and_then(|(id, used)| Some((id, used.peak_step?))) {
            let alive = plan.alive_at(step, id);
            let _ = write!(words, "; alive at step {}: {alive}", step.as_u32());
        }
    }
    words
}

/// What shows the bounds.
fn certificate_text(
    subject: &Subject<'_>,
    certificate: &PlanCertificate,
    line: &mut impl FnMut(&str),
) {
    let plan = &subject.evaluation.plan;
    for packing in &certificate.packings {
        let live: Vec<String> = packing
            .live
            .iter()
            .map(|&id| {
                let buffer = &plan.buffers[id];
                let name = plan.buffer_name(buffer);
                format!("{} ({})", words::short_name(&name), buffer.bytes)
            })
            .collect();
        let step = packing.instant / 2;
        let memory = &subject.chip.memories[packing.memory.index()].id;
        line(&format!(
            "certificate of {memory}: at step {step} these are live and take {}: {}",
            packing.bytes,
            live.join(", ")
        ));
    }
    line(&match certificate.hungriest {
        Some(step) => format!(
            "certificate of the order: step {} ({}) takes {} by its own operands and results",
            step.as_u32(),
            words::short_name(&plan.step_name(step)),
            plan.order.peak
        ),
        None => format!(
            "certificate of the order: a search over {} sets of executed steps; the JSON form \
             holds what each step reads and writes, to search again",
            plan.order.states
        ),
    });
}

/// One row a buffer, in minimalloc's columns: instants count half steps, and a buffer is live from
/// `lower` to before `upper`.
pub fn csv(planned: &Planned<'_>) -> String {
    let subject = &planned.subject;
    let plan = &subject.evaluation.plan;
    let columns =
        ["id", "lower", "upper", "size", "alignment", "offset", "memory", "role", "tensor"];
    let mut table = Table::new(&columns.map(|name| (name, ColumnKind::Word)));
    for (id, buffer) in &plan.buffers {
        let (begin, end) = buffer.halves();
        table.row(vec![
            id.to_string(),
            begin.to_string(),
            (end + 1).to_string(),
            buffer.bytes.get().to_string(),
            buffer.alignment.to_string(),
            // minimalloc's mark of an open offset.
            buffer.address.map_or_else(|| "-1".to_owned(), |address| address.get().to_string()),
            memory(subject, buffer).unwrap_or_else(|| "nowhere".to_owned()),
            role(buffer).to_owned(),
            // Readers of the format split at every comma.
            plan.buffer_name(buffer).replace([',', '"', '\n', '\r'], ";"),
        ]);
    }
    table.csv()
}

/// One row a buffer, in Markdown.
pub fn markdown(planned: &Planned<'_>) -> String {
    table(&planned.subject, Numbers::Grouped).markdown()
}

/// The plan as the machine contract has it.
pub fn json_value(asked: &Planned<'_>) -> Value {
    let subject = &asked.subject;
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
            "states": plan.order.states,
        }),
    );
    let joint = &plan.joint;
    value.insert(
        "joint".to_owned(),
        json!({
            "bytes": planned(asked.arena()),
            "lower_bound": planned(joint.lower_bound),
            "optimal": asked.is_joint_optimal(),
            "shown": tflm::shown_name(joint.shown),
            "orders": joint.orders,
            "order_given": joint.is_order_given,
        }),
    );
    if let Some(cap) = asked.cap {
        value.insert("cap".to_owned(), json::bytes(cap, FigureKind::Exact));
        value.insert("fits_cap".to_owned(), json!(asked.fits()));
    }
    if let Some(certificate) = asked.certificate {
        value.insert("certificate".to_owned(), certificate_json(subject, certificate));
    }
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

/// The certificate for machines: buffers and steps by their ids.
fn certificate_json(subject: &Subject<'_>, certificate: &PlanCertificate) -> Value {
    let buffers = |list: &[BufferId]| list.iter().map(|id| id.as_u32()).collect::<Vec<_>>();
    let packings: Map<String, Value> = certificate
        .packings
        .iter()
        .map(|packing| {
            let entry = json!({
                "instant": packing.instant,
                "live": buffers(&packing.live),
                "bytes": json::bytes(packing.bytes, FigureKind::Exact),
            });
            (subject.chip.memories[packing.memory.index()].id.clone(), entry)
        })
        .collect();
    let steps: Vec<Value> = certificate
        .steps
        .iter()
        .map(|step| {
            json!({
                "reads": buffers(&step.reads),
                "writes": buffers(&step.writes),
                "after": step.after.iter().map(|id| id.as_u32()).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "packing": packings,
        "order": {
            "step": certificate.hungriest.map(|id| id.as_u32()),
            "live_in": buffers(&certificate.live_in),
            "live_out": buffers(&certificate.live_out),
            "steps": steps,
        },
    })
}
