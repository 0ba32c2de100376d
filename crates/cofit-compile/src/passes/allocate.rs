//! Gives every activation a memory and an address.
//!
//! A value's buffer is live from the step that writes it to the last that reads it. Where all
//! buffers fit the card's preferred memory they go there. Where they do not, a runtime that places
//! buffers one by one distributes them so that the slower memories see the least traffic
//! ([`distribute`]), which a note says; a runtime with a single arena takes the first memory that
//! holds all of it. What fits nowhere is packed all the same, in the preferred memory, so that a
//! verdict can say by how much it is over and what is alive at the peak.

mod choices;
mod distribute;
mod kernel_scratch;

use cofit_chip::{Content, Memory, Placement as RuntimePlacement, Planner, TilingMode, Timing};
use cofit_pack::{Budget, Problem, Solution};
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Bytes, Diagnostic, Place};
use cranelift_entity::PrimaryMap;

use crate::context::Context;
use crate::layout;
use crate::links;
use crate::plan::{
    Buffer, BufferId, BufferRole, Constraint, EngineId, MemoryId, MemoryUse, Plan, Refusal, StepId,
    StepSchedule,
};
use crate::tflm;
use crate::values::Values;

pub(super) use distribute::order_transfers;

/// Allocates every buffer.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    plan.memories = context.memories().map(|(_, memory)| room(memory, context)).collect();
    place_runtime(plan, context);
    let values = Values::of(plan);
    let mut groups: Vec<(Vec<MemoryId>, Vec<BufferId>)> = Vec::new();
    plan.buffers = buffers(plan, context, &values);
    stage_weights(plan);
    kernel_scratch::add(plan, context);
    for id in plan.buffers.keys() {
        let candidates = candidates(plan, context, id);
        match groups.iter_mut().find(|(memories, _)| *memories == candidates) {
            Some((_, members)) => members.push(id),
            None => groups.push((candidates, vec![id])),
        }
    }
    for (candidates, members) in groups {
        place_group(plan, context, &candidates, &members);
    }
    refuse_overflows(plan, context);
    note_own_planner(plan, context);
}

/// Says where the runtime's own planner takes more than the plan: the arena that a board reports is
/// its planner's.
fn note_own_planner(plan: &mut Plan, context: &Context<'_>) {
    match context.chip.runtime.planner {
        Planner::Lowest => return,
        Planner::Tflm => {}
    }
    let planned = plan.memories.values().map(|used| used.activations + used.scratch).max();
    let Some(planned) = planned else { return };
    let Some(alone) = tflm::unplanned_head(&plan.graph).filter(|alone| *alone > planned) else {
        return;
    };
    let message = format!(
        "the runtime lays activations out in {} by itself; {} are enough",
        alone.human(),
        planned.human()
    );
    plan.notes.push(Diagnostic::note(&code::OWN_PLANNER, message, Place::default()));
}

/// Height of what an engine's first memory for activations would hold, packed by itself. Leaves
/// the plan as it was before allocation.
pub(super) fn height(plan: &mut Plan, context: &Context<'_>, engine: EngineId) -> Bytes {
    let Some(memory) = arena_of(context, engine) else { return Bytes::ZERO };
    let values = Values::of(plan);
    plan.buffers = buffers(plan, context, &values);
    stage_weights(plan);
    let members: Vec<BufferId> = plan
        .buffers
        .keys()
        .filter(|&id| candidates(plan, context, id).first() == Some(&memory))
        .collect();
    let packing = pack(plan, context, memory, &members);
    plan.buffers = PrimaryMap::new();
    Bytes(packing.height)
}

/// The first memory of an engine for activations.
pub(super) fn arena_of(context: &Context<'_>, engine: EngineId) -> Option<MemoryId> {
    let wanted = context.chip.memories_of(context.engine(engine), Content::Activation);
    let first = wanted.first()?;
    context.memories().find(|(_, memory)| memory.id == first.id).map(|(id, _)| id)
}

/// What addresses in an engine's first memory for activations are multiples of.
pub(super) fn arena_alignment(context: &Context<'_>, engine: EngineId) -> u64 {
    arena_of(context, engine).map_or(1, |memory| alignment(context, memory))
}

/// Places buffers that may lie in the same memories.
fn place_group(plan: &mut Plan, context: &Context<'_>, candidates: &[MemoryId], all: &[BufferId]) {
    let Some(&preferred) = candidates.first() else {
        let message = "no memory of the chip holds activations".to_owned();
        refuse(plan, None, Diagnostic::error(&code::MEMORY_EXCEEDED, message, Place::default()));
        return;
    };
    let spills = context.chip.runtime.placement == RuntimePlacement::PerBuffer
        && context.chip.tiling.mode == TilingMode::Spill;
    if spills {
        distribute::run(plan, context, candidates, all);
    } else {
        let packings = candidates.iter().map(|&id| (id, pack(plan, context, id, all)));
        let chosen = packings
            .into_iter()
            .find(|(id, packing)| fits(plan, context, *id, all, packing.height))
            .unwrap_or_else(|| (preferred, pack(plan, context, preferred, all)));
        settle(plan, context, chosen.0, all, &chosen.1);
    }
}

/// The memories that a buffer may lie in: those of the first engine, in the card's order, that
/// touches it. Accelerators come before hosts there, and see only memories of their own.
fn candidates(plan: &Plan, context: &Context<'_>, id: BufferId) -> Vec<MemoryId> {
    let buffer = &plan.buffers[id];
    let engine = match &buffer.role {
        BufferRole::Activation(tensors) => plan
            .steps
            .values()
            .filter(|step| step.placement != crate::plan::Placement::View)
            .filter(|step| {
                step.inputs.iter().chain(&step.outputs).any(|tensor| tensors.contains(tensor))
            })
            .map(|step| step.engine)
            .min(),
        BufferRole::ResidentWeights(step) => Some(plan.steps[*step].engine),
        BufferRole::Stream(_)
        | BufferRole::Spilled(_)
        | BufferRole::WeightStaging
        | BufferRole::Scratch => Some(plan.steps[buffer.last_step].engine),
    };
    let engine = engine.unwrap_or_else(|| EngineId::from_u32(0));
    let reached = links::reached(context, engine, Content::Activation);
    let is_cached = matches!(context.engine(engine).timing, Timing::EthosU(_));
    let Some(staged) = plan.staged.as_ref().filter(|_| is_cached && reached.len() > 1) else {
        return reached;
    };
    // The SRAM comes first; what was not chosen for it lies in the other memories.
    let is_staged = match &buffer.role {
        BufferRole::Activation(tensors) => tensors.iter().any(|tensor| staged.contains(*tensor)),
        BufferRole::ResidentWeights(_)
        | BufferRole::Stream(_)
        | BufferRole::Spilled(_)
        | BufferRole::WeightStaging
        | BufferRole::Scratch => true,
    };
    if is_staged { reached[..1].to_vec() } else { reached[1..].to_vec() }
}

/// Adds the weight buffers that an Ethos-U's compiler wants beside the activations. The first is
/// filled in the second half of the step before where there is slack for it; all but the one of
/// the last slice are free in the second half of their own. Those of a cascade last as long as it.
/// Source: Vela 5.2.0, `compiler/live_range.cpp` `ExtractLiveRangesFromCascades`.
fn stage_weights(plan: &mut Plan) {
    let Some(schedule) = &plan.ethos_u else { return };
    let mut staged = Vec::new();
    let mut before = None;
    for (id, step) in &plan.steps {
        let StepSchedule::EthosU { first, count, .. } = step.schedule else {
            continue;
        };
        let range = first as usize..(first + count) as usize;
        let cascade = schedule.cascades.iter().map(|cascade| plan.steps_of(cascade));
        let (begin, end) =
            cascade.into_iter().find(|(a, b)| (*a..=*b).contains(&id)).unwrap_or((id, id));
        for operation in schedule.operations.get(range).unwrap_or_default() {
            // The first buffer is filled while the step before still runs.
            let ahead = before.filter(|_| operation.weights.pre_buffered);
            let buffers = operation.weights.buffers;
            let count = buffers.iter().filter(|bytes| !bytes.is_zero()).count();
            let slices = operation.weights.depths.len().saturating_sub(1);
            let last = slices.saturating_sub(1) % count.max(1);
            for (at, &bytes) in buffers.iter().enumerate().take(count) {
                let ahead = ahead.filter(|_| at == 0);
                staged.push(Buffer {
                    role: BufferRole::WeightStaging,
                    memory: None,
                    address: None,
                    bytes,
                    alignment: 1,
                    first_step: ahead.unwrap_or(begin),
                    last_step: end,
                    begins_late: ahead.is_some(),
                    ends_early: at != last,
                });
            }
        }
        before = Some(id);
    }
    for buffer in staged {
        plan.buffers.push(buffer);
    }
}

/// What a memory has for the model.
fn room(memory: &Memory, context: &Context<'_>) -> MemoryUse {
    MemoryUse {
        available: Some(memory.usable(context.operators)),
        reserved: memory.reserve.total(context.operators),
        ..MemoryUse::default()
    }
}

/// Puts the runtime's persistent state where the card wants it, or beside the activations.
fn place_runtime(plan: &mut Plan, context: &Context<'_>) {
    let bytes = context.runtime_ram();
    let named = context.chip.runtime.ram.memory.as_deref();
    let memory = context
        .memories()
        .find(|(_, memory)| named.is_some_and(|id| memory.id == id))
        .or_else(|| context.memories().find(|(_, memory)| memory.may_hold(Content::Runtime)))
        .or_else(|| context.memories().find(|(_, memory)| memory.may_hold(Content::Activation)));
    if let Some((id, _)) = memory {
        plan.memories[id].runtime = bytes;
    }
}

/// Bytes of every value: the largest that any engine touching it needs in its layout.
pub(super) fn value_bytes(plan: &Plan, context: &Context<'_>, values: &Values) -> Vec<Bytes> {
    let mut bytes: Vec<Bytes> = values
        .tensors
        .iter()
        .map(|tensors| {
            tensors
                .iter()
                .map(|&tensor| plan.graph.tensors[tensor].bytes())
                .max()
                .unwrap_or_default()
        })
        .collect();
    // An Ethos-U reads and writes what crosses to the outside, or is seen in several shapes,
    // densely packed. Other engines with a layout know no other.
    let is_dense = |value: usize| {
        values.is_viewed[value]
            || values.is_live_in(&plan.graph, value)
            || values.is_live_out(&plan.graph, value)
            || values.tensors[value].iter().any(|&tensor| plan.dense.contains(tensor))
    };
    for step in plan.steps.values() {
        if step.placement == crate::plan::Placement::View {
            continue;
        }
        let engine = context.engine(step.engine);
        let takes_dense = matches!(engine.timing, Timing::EthosU(_));
        for &tensor in step.inputs.iter().chain(&step.outputs) {
            if let Some(value) = values.of[tensor].filter(|&it| !takes_dense || !is_dense(it)) {
                let needed = layout::bytes(context.chip, engine, &plan.graph.tensors[tensor]);
                bytes[value] = bytes[value].max(needed);
            }
        }
    }
    bytes
}

/// A buffer for every value, without an address yet.
fn buffers(plan: &Plan, context: &Context<'_>, values: &Values) -> PrimaryMap<BufferId, Buffer> {
    let bytes = value_bytes(plan, context, values);
    let mut first: Vec<Option<StepId>> = vec![None; bytes.len()];
    let mut last: Vec<Option<StepId>> = vec![None; bytes.len()];
    let mut is_streamed = vec![false; bytes.len()];
    for (id, step) in &plan.steps {
        for &tensor in step.inputs.iter().chain(&step.outputs) {
            if let Some(value) = values.of[tensor] {
                first[value].get_or_insert(id);
                last[value] = Some(id);
            }
        }
        if let (StepSchedule::Streaming, Some(&input)) = (&step.schedule, step.inputs.first())
            && let Some(value) = values.of[input]
            && !values.is_viewed[value]
        {
            is_streamed[value] = true;
        }
    }
    let start = plan.steps.keys().next();
    let end = plan.steps.keys().next_back();
    let cascades = plan.ethos_u.as_ref().map_or(&[][..], |schedule| &schedule.cascades);
    let mut buffers = PrimaryMap::new();
    for (value, tensors) in values.tensors.iter().enumerate() {
        let (Some(mut first_step), Some(mut last_step)) = (first[value], last[value]) else {
            continue;
        };
        if values.is_live_in(&plan.graph, value) {
            first_step = start.unwrap_or(first_step);
        }
        if values.is_live_out(&plan.graph, value) {
            last_step = end.unwrap_or(last_step);
        }
        // The steps of a cascade take turns, so that what one of them needs is needed by all.
        let mut rolling = None;
        for cascade in cascades {
            let (first, last) = plan.steps_of(cascade);
            if first_step <= last && first <= last_step {
                (first_step, last_step) = (first_step.min(first), last_step.max(last));
                rolling = rolling.or(plan.rolling(cascade, tensors));
            }
        }
        let (role, bytes) = if let Some((tensor, bytes)) = rolling {
            (BufferRole::Stream(tensor), bytes)
        } else if is_streamed[value] {
            let tensor = tensors[0];
            (BufferRole::Stream(tensor), stream_bytes(plan, tensor))
        } else {
            (BufferRole::Activation(tensors.clone()), bytes[value])
        };
        buffers.push(Buffer {
            role,
            memory: None,
            address: None,
            bytes,
            alignment: 1,
            first_step,
            last_step,
            begins_late: false,
            ends_early: false,
        });
    }
    buffers
}

/// Bytes of a streamed map that are in the data memory at once: the engine's queue passes rows on,
/// so that only one row of the map is held.
fn stream_bytes(plan: &Plan, tensor: cofit_ir::TensorId) -> Bytes {
    let tensor = &plan.graph.tensors[tensor];
    let extents = crate::layer::Extents::of(&tensor.shape);
    let row = u64::from(extents.width).saturating_mul(extents.channels.into());
    tensor.element.bytes_for(row)
}

/// The lowest packing of `members` in `memory`.
fn pack(plan: &Plan, context: &Context<'_>, memory: MemoryId, members: &[BufferId]) -> Solution {
    let buffers: Vec<&Buffer> = members.iter().map(|&id| &plan.buffers[id]).collect();
    // Only fixed offsets and addresses beyond 2^64 fail; then everything lies beside the other.
    cofit_pack::solve_minimise(&problem(context, memory, &buffers), Budget::STANDARD)
        .unwrap_or_else(|_| Solution {
            offsets: vec![0; members.len()],
            height: u64::MAX,
            lower_bound: 0,
            proven_optimal: false,
            nodes: 0,
        })
}

/// The question of how low `buffers` can be packed in `memory`.
pub(super) fn problem(context: &Context<'_>, memory: MemoryId, buffers: &[&Buffer]) -> Problem {
    let alignment = alignment(context, memory);
    let buffers = buffers
        .iter()
        .map(|buffer| {
            let (begin, end) = buffer.halves();
            cofit_pack::Buffer::new(begin, end + 1, buffer.bytes.get()).aligned(alignment)
        })
        .collect();
    Problem { buffers, capacity: None }
}

/// Bytes of a memory that buffers may take together.
pub(super) fn capacity(plan: &Plan, context: &Context<'_>, memory: MemoryId) -> Bytes {
    let used = &plan.memories[memory];
    let others = used.need() - used.activations - used.scratch;
    used.available.map_or(context.memory(memory).size.value, |available| available - others)
}

/// Packs everything in `memory` anew, after buffers were added.
pub(super) fn pack_again(plan: &mut Plan, context: &Context<'_>, memory: MemoryId) {
    let here = |(id, buffer): (BufferId, &Buffer)| (buffer.memory == Some(memory)).then_some(id);
    let all: Vec<BufferId> = plan.buffers.iter().filter_map(here).collect();
    let used = &mut plan.memories[memory];
    used.activations = Bytes::ZERO;
    used.scratch = Bytes::ZERO;
    used.lower_bound = Bytes::ZERO;
    let packing = pack(plan, context, memory, &all);
    settle(plan, context, memory, &all, &packing);
}

/// Alignment of buffers in `memory`.
fn alignment(context: &Context<'_>, memory: MemoryId) -> u64 {
    context.chip.runtime.alignment.unwrap_or(context.memory(memory).alignment).get().max(1)
}

/// Whether a packing of `members` with this height fits beside what the memory holds already.
fn fits(
    plan: &Plan,
    context: &Context<'_>,
    memory: MemoryId,
    members: &[BufferId],
    height: u64,
) -> bool {
    let used = &plan.memories[memory];
    let block = context.memory(memory).largest_block();
    used.available.is_none_or(|available| used.need() + Bytes(height) <= available)
        && members.iter().all(|&id| plan.buffers[id].bytes <= block)
}

/// Writes a packing into the plan.
fn settle(
    plan: &mut Plan,
    context: &Context<'_>,
    memory: MemoryId,
    members: &[BufferId],
    packing: &Solution,
) {
    // A second group of one memory lies above the first.
    let alignment = alignment(context, memory);
    let base = base(plan, context, memory);
    let is_activation = |id: &BufferId| match plan.buffers[*id].role {
        BufferRole::Activation(_) | BufferRole::Spilled(_) => true,
        BufferRole::Stream(_)
        | BufferRole::WeightStaging
        | BufferRole::ResidentWeights(_)
        | BufferRole::Scratch => false,
    };
    let activations: Vec<BufferId> = members.iter().copied().filter(is_activation).collect();
    // What staging and scratch areas add is what the packing needs beyond the activations.
    let height = Bytes(packing.height);
    let own = if activations.len() == members.len() {
        height
    } else {
        Bytes(live_peak(plan, &activations)).min(height)
    };
    for (&id, &offset) in members.iter().zip(&packing.offsets) {
        let buffer = &mut plan.buffers[id];
        buffer.memory = Some(memory);
        buffer.address = Some(base + Bytes(offset));
        buffer.alignment = alignment;
    }
    let used = &mut plan.memories[memory];
    used.activations += own;
    used.scratch = base + height - used.activations;
    used.lower_bound = used.lower_bound.max(Bytes(packing.lower_bound));
    used.is_optimal = base.is_zero() && packing.proven_optimal;
    let peak_step = busiest_step(plan, memory);
    plan.memories[memory].peak_step = peak_step;
}

/// Where the next group of buffers of `memory` begins: above those that are placed.
fn base(plan: &Plan, context: &Context<'_>, memory: MemoryId) -> Bytes {
    let below = &plan.memories[memory];
    (below.activations + below.scratch).round_up_to(alignment(context, memory))
}

/// The step at which most bytes of `memory` are live.
fn busiest_step(plan: &Plan, memory: MemoryId) -> Option<StepId> {
    let live = |step: &StepId| -> Bytes {
        plan.live_at(*step)
            .filter(|(_, buffer)| buffer.memory == Some(memory))
            .map(|(_, buffer)| buffer.bytes)
            .sum()
    };
    // The first of equals, so that a report points at where the peak begins.
    plan.steps.keys().rev().max_by_key(live)
}

/// Most bytes of `members` that are live at once.
fn live_peak(plan: &Plan, members: &[BufferId]) -> u64 {
    members
        .iter()
        .map(|&at| {
            let step = plan.buffers[at].first_step;
            members
                .iter()
                .map(|&id| &plan.buffers[id])
                .filter(|buffer| buffer.first_step <= step && step <= buffer.last_step)
                .map(|buffer| buffer.bytes)
                .sum::<Bytes>()
                .get()
        })
        .max()
        .unwrap_or(0)
}

/// Refuses every memory that is over its size, naming the step and what is alive there.
fn refuse_overflows(plan: &mut Plan, context: &Context<'_>) {
    for (id, memory) in context.memories() {
        let used = plan.memories[id].clone();
        let block = memory.largest_block();
        // A block as large as the memory says nothing that the memory's size does not.
        if block < memory.size.value
            && let Some((_, buffer)) = plan
                .buffers
                .iter()
                .find(|(_, buffer)| buffer.memory == Some(id) && buffer.bytes > block)
        {
            let message = format!(
                "a buffer of {} is larger than the largest block of {}, {}",
                buffer.bytes.human(),
                memory.id,
                block.human()
            );
            let step = buffer.first_step;
            let diagnostic = Diagnostic::error(&code::BLOCK_EXCEEDED, message, place(plan, step));
            refuse(plan, Some(step), diagnostic);
        }
        if used.fits() {
            continue;
        }
        let available = used.available.unwrap_or(Bytes::MAX);
        let mut message =
            format!("{} needs {} and has {}", memory.id, used.need().human(), available.human());
        if let Some(step) = used.peak_step {
            message.push_str(&format!("; alive at the peak: {}", plan.alive_at(step, id)));
        }
        let place = used.peak_step.map_or_else(Place::default, |step| place(plan, step));
        let mut diagnostic = Diagnostic::error(&code::MEMORY_EXCEEDED, message, place);
        if context.chip.tiling.mode == TilingMode::Auto {
            let why = if plan.ethos_u.is_some() {
                "the need is that of the lowest schedule found, cascades of layers included."
            } else {
                "the need is that of whole layers; the chip's own tools may cascade layers to \
                 need less, which is not planned here."
            };
            let cure = code::MEMORY_EXCEEDED.cure;
            diagnostic = diagnostic.with_help(format!("{why} {cure}"));
        }
        refuse(plan, used.peak_step, diagnostic);
    }
}

/// A step as a place.
fn place(plan: &Plan, step: StepId) -> Place {
    Place::operator(plan.step_name(step))
}

/// Records a refusal about memory.
fn refuse(plan: &mut Plan, step: Option<StepId>, diagnostic: Diagnostic) {
    plan.refusals.push(Refusal { constraint: Constraint::Memory, step, diagnostic });
}
