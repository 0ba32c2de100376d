//! One inference as a trace that Chrome, Perfetto and Speedscope open.
//!
//! The format is the JSON of Chrome's Trace Event Format (Google, "Trace Event Format", 2016):
//! complete events `X`, counters `C`, names as metadata `M`. Its times are microseconds; here a
//! nanosecond is a cycle of the reference clock, so that every cycle is seen, and `otherData` holds
//! the clock. Tracks are the layers, the engines, the ports of the memories and the DMA channels, and
//! for every memory two counters: bytes of live buffers, and bytes moved by the layer that runs.

use std::fmt::Write as _;

use cofit_compile::plan::{MemoryId, Placement, StepId, Transfer, TransferRole};
use cofit_sim::profile::ResourceKind;
use cofit_vocab::Cycles;
use cranelift_entity::EntityRef;
use serde_json::{Value, json};

use crate::page::live_bytes;
use crate::{Subject, sim, words};

/// Slices of one trace at most; what comes later is left out, and `otherData` says how much.
const SLICES: usize = 1_000_000;

/// The process of every event.
const PROCESS: u32 = 1;

/// Events as they are written.
struct Events {
    text: String,
    slices: usize,
    left_out: usize,
}

impl Events {
    fn event(&mut self, event: &Value) {
        if !self.text.is_empty() {
            self.text += ",\n";
        }
        let _ = write!(self.text, "{event}");
    }

    /// A slice; what takes no cycle is none.
    fn slice(
        &mut self,
        track: usize,
        name: &str,
        category: &str,
        from: Cycles,
        to: Cycles,
        args: &Value,
    ) {
        if to <= from {
            return;
        }
        if self.slices >= SLICES {
            self.left_out += 1;
            return;
        }
        self.slices += 1;
        let separator = if self.text.is_empty() { "" } else { ",\n" };
        let _ = write!(
            self.text,
            "{separator}{{\"ph\":\"X\",\"pid\":{PROCESS},\"tid\":{track},\"ts\":{},\"dur\":{},\
             \"name\":{},\"cat\":{},\"args\":{args}}}",
            microseconds(from),
            microseconds(to.saturating_sub(from)),
            json!(name),
            json!(category),
        );
    }

    fn counter(&mut self, name: &str, at: Cycles, values: &Value) {
        let separator = if self.text.is_empty() { "" } else { ",\n" };
        let _ = write!(
            self.text,
            "{separator}{{\"ph\":\"C\",\"pid\":{PROCESS},\"ts\":{},\"name\":{},\"args\":{values}}}",
            microseconds(at),
            json!(name),
        );
    }

    fn track(&mut self, track: usize, name: &str) {
        for (key, args) in [
            ("thread_name", json!({ "name": name })),
            ("thread_sort_index", json!({ "sort_index": track })),
        ] {
            let event =
                json!({ "ph": "M", "pid": PROCESS, "tid": track, "name": key, "args": args });
            self.event(&event);
        }
    }
}

/// Cycles as the format's microseconds, to the cycle.
fn microseconds(cycles: Cycles) -> String {
    format!("{}.{:03}", cycles.get() / 1000, cycles.get() % 1000)
}

/// The trace.
pub fn text(subject: &Subject<'_>) -> String {
    let profile = &subject.evaluation.profile;
    let mut events = Events { text: String::new(), slices: 0, left_out: 0 };
    let process = format!("{} on {}", subject.model.name, subject.chip.id());
    events.event(&json!({
        "ph": "M", "pid": PROCESS, "name": "process_name", "args": { "name": process },
    }));
    layers(subject, &mut events);
    resources(subject, &mut events);
    counters(subject, &mut events);
    let other = json!({
        "tool": concat!("cofit ", env!("CARGO_PKG_VERSION")),
        "model": subject.model.name,
        "model_sha256": subject.model.source.sha256,
        "chip": subject.chip.id(),
        "card_sha256": subject.chip.sha256,
        "runtime": subject.chip.runtime.id,
        "clock_hz": profile.clock.get(),
        "time_unit": "1 ns is 1 cycle",
        "cycles": profile.cycles.get(),
        "kind": profile.accuracy.kind.name(),
        "slices_left_out": events.left_out,
    });
    format!(
        "{{\"displayTimeUnit\":\"ns\",\"otherData\":{other},\"traceEvents\":[\n{}\n]}}\n",
        events.text
    )
}

/// When each step begins and ends.
fn spans(subject: &Subject<'_>) -> Vec<(StepId, Cycles, Cycles)> {
    let mut from = Cycles::ZERO;
    let ends = subject.evaluation.profile.step_ends();
    ends.iter()
        .map(|(id, &end)| {
            let span = (id, from, end);
            from = end;
            span
        })
        .collect()
}

/// The track of the layers: each from the end of the one before to its own.
fn layers(subject: &Subject<'_>, events: &mut Events) {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    events.track(1, "layers");
    for (id, from, to) in spans(subject) {
        let step = &plan.steps[id];
        if step.placement == Placement::View {
            continue;
        }
        let cost = &profile.steps[id];
        let mut args = json!({
            "step": id.as_u32(),
            "name": plan.step_name(id),
            "operators": sim::operator_names(subject, step),
            "engine": sim::engine(subject, step),
            "macs": sim::macs(subject, step),
            "cycles_charged": cost.cycles().get(),
        });
        for (cause, cycles) in cost.causes.iter().filter(|(_, cycles)| !cycles.is_zero()) {
            args[cause.name()] = json!(cycles.get());
        }
        let name = plan.step_name(id);
        events.slice(1, words::short_name(&name), "layer", from, to, &args);
    }
}

/// A track for every engine, port and channel that has anything to do.
fn resources(subject: &Subject<'_>, events: &mut Events) {
    const FIRST: usize = 2;
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let names = profile.schedule.resources();
    for (at, name) in names.iter().enumerate() {
        let kind = profile.resources.get(at).copied().unwrap_or(ResourceKind::Port);
        if profile.timeline.busy.get(at).is_some_and(|busy| !busy.is_zero()) {
            events.track(FIRST + at, &format!("{}: {name}", kind.name()));
        }
    }
    // Pieces of one layer and cause that follow each other are one slice.
    let mut open: Vec<Option<(u32, cofit_sim::Cause, Cycles, Cycles)>> = vec![None; names.len()];
    let close = |events: &mut Events, at: usize, piece: (u32, cofit_sim::Cause, Cycles, Cycles)| {
        let (step, cause, from, to) = piece;
        let id = StepId::from_u32(step);
        let name = plan.steps.get(id).map_or_else(String::new, |_| plan.step_name(id));
        let name = words::short_name(&name).to_owned();
        events.slice(
            FIRST + at,
            &name,
            cause.name(),
            from,
            to,
            &json!({ "step": step, "cause": cause.name() }),
        );
    };
    for (task, span) in profile.schedule.tasks().iter().zip(&profile.timeline.spans) {
        for resource in &task.resources {
            let at = resource.index();
            if profile.resources.get(at) == Some(&ResourceKind::Link) {
                continue;
            }
            let piece = (task.step.0, task.cause, span.start, span.end);
            let Some(slot) = open.get_mut(at) else { continue };
            match slot {
                Some(old) if (old.0, old.1, old.3) == (piece.0, piece.1, piece.2) => {
                    old.3 = piece.3
                }
                _ => {
                    if let Some(old) = slot.replace(piece) {
                        close(events, at, old);
                    }
                }
            }
        }
    }
    for (at, slot) in open.into_iter().enumerate() {
        if let Some(piece) = slot {
            close(events, at, piece);
        }
    }
    // Channels carry the plan's transfers, which have names of their own.
    let links =
        (0..names.len()).filter(|&at| profile.resources.get(at) == Some(&ResourceKind::Link));
    let links: Vec<usize> = links.collect();
    let spare = FIRST + names.len();
    let mut uses_spare = false;
    for (id, transfer) in &plan.transfers {
        let Some(ran) = profile.transfers.get(id) else { continue };
        let track = match links.get(transfer.link as usize) {
            Some(at) => FIRST + at,
            None => spare,
        };
        if track == spare && ran.start < ran.end && !uses_spare {
            uses_spare = true;
            events.track(spare, "copies without a channel");
        }
        let memory = |id: MemoryId| subject.chip.memories.get(id.index()).map_or("-", |it| &it.id);
        let args = json!({
            "from": memory(transfer.from),
            "to": memory(transfer.to),
            "bytes": transfer.bytes.get(),
            "for_step": transfer.step.as_u32(),
            "waited_for": ran.unhidden.get(),
        });
        let name = transfer_name(subject, transfer);
        events.slice(track, &name, transfer.role.name(), ran.start, ran.end, &args);
    }
}

/// What a transfer copies, in words.
pub(crate) fn transfer_name(subject: &Subject<'_>, transfer: &Transfer) -> String {
    let plan = &subject.evaluation.plan;
    let step = plan.step_name(transfer.step);
    let layer = words::short_name(&step);
    match transfer.role {
        TransferRole::Weights { slices: 1, .. } => format!("weights of {layer}"),
        TransferRole::Weights { slice, slices, .. } => {
            format!("weights {}/{slices} of {layer}", slice.saturating_add(1))
        }
        TransferRole::Spill | TransferRole::FetchBack => {
            let word = if transfer.role == TransferRole::Spill { "spill" } else { "fetch back" };
            let buffer = plan.buffers.get(transfer.target);
            let name = buffer.map_or_else(String::new, |buffer| plan.buffer_name(buffer));
            format!("{word} {}", words::short_name(&name))
        }
    }
}

/// Bytes that lie in each memory and bytes that move there, layer by layer.
fn counters(subject: &Subject<'_>, events: &mut Events) {
    let profile = &subject.evaluation.profile;
    let live = live_bytes(subject);
    let spans = spans(subject);
    for (at, memory) in subject.chip.memories.iter().enumerate() {
        if live.get(at).is_some_and(|live| live.iter().any(|bytes| !bytes.is_zero())) {
            let name = format!("{} live", memory.id);
            for (id, from, to) in spans.iter().filter(|(_, from, to)| from < to) {
                let _ = to;
                let bytes = live[at].get(id.index()).map_or(0, |bytes| bytes.get());
                events.counter(&name, *from, &json!({ "bytes": bytes }));
            }
            events.counter(&name, profile.cycles, &json!({ "bytes": 0 }));
        }
        let id = MemoryId::new(at);
        if profile.traffic.get(id).is_some_and(|moved| !moved.total().is_zero()) {
            let name = format!("{} moved by the layer", memory.id);
            for (step, from, _) in spans.iter().filter(|(_, from, to)| from < to) {
                let moved = profile.steps[*step].traffic.get(id).copied().unwrap_or_default();
                let values = json!({ "read": moved.read.get(), "written": moved.written.get() });
                events.counter(&name, *from, &values);
            }
            events.counter(&name, profile.cycles, &json!({ "read": 0, "written": 0 }));
        }
    }
}
