//! The memory map: a lane a memory, steps to the right, addresses upwards, a rectangle a buffer.

use cofit_compile::plan::{Buffer, BufferId, BufferRole, MemoryId, Plan, StepId};
use cofit_vocab::{Bytes, units};
use cranelift_entity::EntityRef;

use super::figure::{self, Details, LEFT, Mark, PLOT, Picture, RIGHT, WIDTH};
use super::rows;
use crate::markup::tail;
use crate::{Subject, words};

/// Height of a lane's plot.
const HEIGHT: f64 = 240.0;

/// Rectangles with details in a lane; the smallest beyond them are drawn without.
const DETAILED: usize = 400;

/// Rectangles drawn in a lane at all.
const DRAWN: usize = 3000;

/// A limit so many times higher than everything in a memory would flatten its map; words say it then.
const FARTHEST_LIMIT: f64 = 2.5;

/// One picture for every memory in which buffers lie.
pub(super) fn pictures(subject: &Subject<'_>) -> Vec<Picture> {
    let plan = &subject.evaluation.plan;
    plan.memories.keys().filter_map(|id| lane(subject, id)).collect()
}

/// The class that fills a role.
pub(super) fn role_class(role: &BufferRole) -> &'static str {
    match role {
        BufferRole::Activation(_) => "r0",
        BufferRole::Stream(_) => "r2",
        BufferRole::Spilled(_) => "r3",
        BufferRole::WeightStaging => "r1",
        BufferRole::ResidentWeights(_) => "r6",
        BufferRole::Scratch => "r4",
    }
}

/// What a role is called.
pub(super) fn role_words(role: &BufferRole) -> &'static str {
    match role {
        BufferRole::Activation(_) => "activation",
        BufferRole::Stream(_) => "rows on their way",
        BufferRole::Spilled(_) => "activation, spilled",
        BufferRole::WeightStaging => "weights, staged for a layer",
        BufferRole::ResidentWeights(_) => "weights that stay",
        BufferRole::Scratch => "working space of a kernel",
    }
}

/// Where addresses and steps lie in a lane.
struct Scale {
    steps: f64,
    top: f64,
}

impl Scale {
    fn x(&self, step: f64) -> f64 {
        LEFT + step / self.steps.max(1.0) * PLOT
    }

    fn y(&self, address: f64) -> f64 {
        HEIGHT - address / self.top.max(1.0) * HEIGHT + 8.0
    }

    fn place(&self, buffer: &Buffer, address: Bytes) -> (f64, f64, f64, f64) {
        let (begin, end) = buffer.halves();
        let (left, right) = (self.x(begin as f64 / 2.0), self.x(end as f64 / 2.0));
        let top = self.y((address + buffer.bytes).as_f64());
        (left, top, (right - left).max(0.5), (self.y(address.as_f64()) - top).max(0.5))
    }
}

fn lane(subject: &Subject<'_>, memory: MemoryId) -> Option<Picture> {
    let plan = &subject.evaluation.plan;
    let mut placed: Vec<(BufferId, &Buffer, Bytes)> = plan
        .buffers
        .iter()
        .filter(|(_, buffer)| buffer.memory == Some(memory) && !buffer.bytes.is_zero())
        .filter_map(|(id, buffer)| Some((id, buffer, buffer.address?)))
        .collect();
    let packed = placed.iter().map(|(_, buffer, at)| *at + buffer.bytes).max()?;
    let used = plan.memories.get(memory)?;
    let id = rows::memory(subject, memory);
    let above = used.runtime + used.constants + used.code;
    let need = packed.as_f64() + above.as_f64();
    let limit = used.available.map(Bytes::as_f64);
    let shown_limit = limit.filter(|&limit| limit <= need * FARTHEST_LIMIT);
    let scale =
        Scale { steps: plan.steps.len() as f64, top: need.max(shown_limit.unwrap_or(0.0)) * 1.08 };

    let mut body = axes(plan, &scale);
    // What the model takes above the packed buffers has bytes and no address.
    let mut height = packed.as_f64();
    for (words, bytes) in
        [("runtime", used.runtime), ("constants", used.constants), ("code", used.code)]
    {
        if bytes.is_zero() {
            continue;
        }
        let (top, bottom) = (scale.y(height + bytes.as_f64()), scale.y(height));
        body += &Mark {
            class: "r5 buffer",
            place: (LEFT, top, PLOT, (bottom - top).max(0.5)),
            steps: "",
            details: Details::of(&format!("{words} in {id}"))
                .with("bytes", &figure::exact_bytes(bytes))
                .with("life", "the whole inference; the plan gives it no address"),
        }
        .svg();
        if bottom - top > 13.0 {
            let label = format!("{words} {}", bytes.human());
            body += &figure::text("dim", LEFT + 6.0, (top + bottom) / 2.0 + 4.0, &label);
        }
        height += bytes.as_f64();
    }
    // The largest first, so that those with details are the ones worth asking about.
    let area = |buffer: &Buffer| {
        let (begin, end) = buffer.halves();
        u128::from(buffer.bytes.get()) * u128::from(end - begin)
    };
    placed.sort_by_key(|(id, buffer, _)| (std::cmp::Reverse(area(buffer)), *id));
    let count = placed.len();
    let undrawn = count.saturating_sub(DRAWN);
    placed.truncate(DRAWN);
    for (_, buffer, address) in placed.iter().skip(DETAILED) {
        body += &figure::bar(role_class(&buffer.role), scale.place(buffer, *address));
    }
    let mut detailed: Vec<_> = placed.iter().take(DETAILED).collect();
    detailed.sort_by_key(|(id, buffer, _)| (buffer.first_step, *id));
    for (_, buffer, address) in detailed {
        body += &rectangle(plan, buffer, *address, &scale);
    }
    body += &lines(plan, memory, &scale, need, limit, shown_limit);
    let bottom = HEIGHT + 8.0;
    body += &figure::text("note", LEFT, bottom + 30.0, "step of the plan, in execution order");
    let shown = plan.buffers.values().filter(|buffer| buffer.memory == Some(memory));
    let (legend, legend_height) = legend(shown, !above.is_zero(), bottom + 42.0);
    body += &legend;
    let mut note = String::new();
    if placed.len() > DETAILED {
        note = format!(
            " Details of the {DETAILED} largest buffers; {} smaller ones are drawn without{}.",
            placed.len() - DETAILED,
            if undrawn > 0 { format!(", {undrawn} not at all") } else { String::new() },
        );
    }
    let available = used.available.map_or_else(
        || "of unknown size".to_owned(),
        |available| format!("{} available", available.human()),
    );
    Some(Picture {
        title: format!("{id}: {} needed, {available}", used.need().human()),
        description: format!(
            "Addresses of {} in {id} over the {} of the plan.{note}",
            figure::counted(count, "buffer"),
            figure::counted(plan.steps.len(), "step"),
        ),
        width: WIDTH,
        height: bottom + 42.0 + legend_height,
        body,
        role: "zoom",
    })
}

/// Grid, addresses and step numbers.
fn axes(plan: &Plan, scale: &Scale) -> String {
    let mut body = String::new();
    for tick in figure::byte_ticks(scale.top, 6) {
        let y = scale.y(tick);
        body += &figure::line("grid", (LEFT, y), (WIDTH - RIGHT, y));
        body += &figure::text("end", LEFT - 8.0, y + 4.0, &figure::brief_bytes(tick));
    }
    let bottom = HEIGHT + 8.0;
    for tick in figure::ticks(plan.steps.len() as f64, 12) {
        if tick.fract() == 0.0 && tick < scale.steps {
            let x = scale.x(tick + 0.5);
            body += &figure::text("mid", x, bottom + 15.0, &units::grouped(tick as u64));
        }
    }
    body + &figure::line("axis", (LEFT, bottom), (WIDTH - RIGHT, bottom))
}

/// The peak's step and height, and the limit.
fn lines(
    plan: &Plan,
    memory: MemoryId,
    scale: &Scale,
    need: f64,
    limit: Option<f64>,
    shown: Option<f64>,
) -> String {
    let mut body = String::new();
    if let Some(peak) = plan.memories[memory].peak_step {
        let x = scale.x(f64::from(peak.as_u32()));
        let width = (PLOT / scale.steps.max(1.0)).max(1.0);
        body += &figure::bar("at-peak", (x, 8.0, width, HEIGHT));
    }
    let y = scale.y(need);
    body += &figure::line("peak", (LEFT, y), (WIDTH - RIGHT, y));
    let word = format!("need {}", Bytes(need as u64).human());
    // Two words at one height would hide each other.
    let word_y = match shown {
        Some(limit) if limit >= need && y - scale.y(limit) < 16.0 => y + 14.0,
        Some(limit) if limit < need && scale.y(limit) - y < 16.0 => y - 5.0,
        _ => y - 5.0,
    };
    body += &figure::text("end peak-word", WIDTH - RIGHT - 4.0, word_y, &word);
    match (shown, limit) {
        (Some(limit), _) => {
            let at = scale.y(limit);
            if need > limit {
                body += &figure::bar("over", (LEFT, y, PLOT, at - y));
            }
            body += &figure::line("limit", (LEFT, at), (WIDTH - RIGHT, at));
            let word = format!("limit {}", Bytes(limit as u64).human());
            let at = if need > limit { at + 14.0 } else { at - 5.0 };
            body += &figure::text("limit-word", LEFT + 6.0, at, &word);
        }
        (None, Some(limit)) => {
            let share = words::percent(need / limit.max(1.0));
            let word =
                format!("↑ limit {}, far above the map: {share} used", Bytes(limit as u64).human());
            body += &figure::text("limit-word", LEFT + 6.0, 18.0, &word);
        }
        (None, None) => {}
    }
    body
}

fn rectangle(plan: &Plan, buffer: &Buffer, address: Bytes, scale: &Scale) -> String {
    let name = plan.buffer_name(buffer);
    let related = related(plan, buffer);
    let mut steps: Vec<u32> =
        related.maker.iter().chain(&related.takers).map(|id| id.as_u32()).collect();
    steps.sort_unstable();
    steps.dedup();
    let steps: Vec<String> = steps.iter().take(32).map(ToString::to_string).collect();
    let named = |id: StepId| format!("{} {}", id.as_u32(), words::short_name(&plan.step_name(id)));
    let takers = match related.takers.as_slice() {
        [] => None,
        [one] => Some(named(*one)),
        [one, more @ ..] => Some(format!("{} and {} more", named(*one), more.len())),
    };
    let end = address + buffer.bytes;
    let place = scale.place(buffer, address);
    let mut svg = Mark {
        class: &format!("{} buffer", role_class(&buffer.role)),
        place,
        steps: &steps.join(" "),
        details: Details::of(words::short_name(&name))
            .with("holds", role_words(&buffer.role))
            .with("bytes", &figure::exact_bytes(buffer.bytes))
            .with(
                "address",
                &format!("{} to {}", units::grouped(address.get()), units::grouped(end.get())),
            )
            .with(
                "steps",
                &format!("{} to {}", buffer.first_step.as_u32(), buffer.last_step.as_u32()),
            )
            .with_some("produced by", related.maker.map(named))
            .with_some("read by", takers)
            .with_some("also holds", related.others),
    }
    .svg();
    let short = words::short_name(&name);
    let (x, y, width, height) = place;
    if height > 14.0 && figure::room(width) >= short.chars().count().min(6) {
        let short = tail(short, figure::room(width));
        let class = if role_class(&buffer.role) == "r0" { "in" } else { "dim" };
        svg += &figure::text(class, x + 4.0, y + height / 2.0 + 4.0, &short);
    }
    svg
}

/// Who makes and who reads what lies in a buffer.
struct Related {
    maker: Option<StepId>,
    takers: Vec<StepId>,
    /// Other tensors in the same bytes.
    others: Option<String>,
}

fn related(plan: &Plan, buffer: &Buffer) -> Related {
    let tensors: &[cofit_ir::TensorId] = match &buffer.role {
        BufferRole::Activation(tensors) | BufferRole::Spilled(tensors) => tensors,
        BufferRole::Stream(tensor) => std::slice::from_ref(tensor),
        BufferRole::WeightStaging | BufferRole::Scratch => {
            return Related { maker: None, takers: vec![buffer.last_step], others: None };
        }
        BufferRole::ResidentWeights(step) => {
            return Related { maker: None, takers: vec![*step], others: None };
        }
    };
    // Only steps of the buffer's life touch it.
    let life = buffer.first_step.index()..=buffer.last_step.index();
    let mut maker = None;
    let mut takers = Vec::new();
    for at in life {
        let id = StepId::new(at);
        let Some(step) = plan.steps.get(id) else { break };
        if maker.is_none() && step.outputs.iter().any(|tensor| tensors.contains(tensor)) {
            maker = Some(id);
        }
        if step.inputs.iter().any(|tensor| tensors.contains(tensor)) {
            takers.push(id);
        }
    }
    let others = (tensors.len() > 1).then(|| {
        let names = tensors.iter().skip(1).take(3);
        let names: Vec<&str> =
            names.map(|&tensor| words::short_name(&plan.graph.tensors[tensor].name)).collect();
        let more = tensors.len().saturating_sub(4);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        names.join(", ") + &rest
    });
    Related { maker, takers, others }
}

fn legend<'a>(buffers: impl Iterator<Item = &'a Buffer>, has_fixed: bool, y: f64) -> (String, f64) {
    let mut entries: Vec<(&str, &str)> = Vec::new();
    for buffer in buffers {
        let entry = (role_class(&buffer.role), role_words(&buffer.role));
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries.sort_unstable();
    if has_fixed {
        entries.push(("r5", "runtime, constants and code, without address"));
    }
    figure::legend(&entries, y)
}
