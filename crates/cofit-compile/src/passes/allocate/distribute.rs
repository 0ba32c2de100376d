//! Distributes the buffers of a group over the memories that they may lie in.
//!
//! What fits the preferred memory altogether lies there. Else the search of
//! [`crate::memory_search`] finds the distribution in which the bytes that move, each at the cost
//! of its memory, cost least: which buffers lie in a slower memory for all of their life, which
//! wait there between two uses, and which weights move up into what is left of a faster one. The
//! search starts from the result of a simple rule, so it is never worse than that; its proof, or
//! the gap that it leaves, stands in [`Plan::distribution`].

use cofit_chip::{Content, Residency, Staging, Timing};
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Bytes, Diagnostic, Place};
use cranelift_entity::SecondaryMap;
use smallvec::{SmallVec, smallvec};

use super::choices::{Uses, Way, ways};
use super::{base, fits, live_peak, pack, settle};
use crate::context::Context;
use crate::layer::Layer;
use crate::links;
use crate::memory_search::{Choice, Extent, Item, Question, Region, solve};
use crate::passes::place_constants;
use crate::plan::{
    Buffer, BufferId, BufferRole, ConstantRole, EngineId, MemoryId, Plan, StepId, Transfer,
    TransferRole,
};

/// Nodes that the search visits at most where every node looks at a hundred buffers; fewer for
/// more, so that the time stays bounded.
const NODES: u64 = 20_000;

/// Distributes `all` over `candidates`.
pub(super) fn run(
    plan: &mut Plan,
    context: &Context<'_>,
    candidates: &[MemoryId],
    all: &[BufferId],
) {
    let weights = promotable(plan, context, candidates, all);
    let costs = links::costs(context, candidates);
    let mut members: Vec<Vec<(Way, Choice)>> = Vec::with_capacity(all.len() + weights.len());
    members
        .extend(all.iter().map(|&id| ways(plan, context, candidates, &costs, &plan.buffers[id])));
    members.extend(weights.iter().map(|weights| weights.ways(plan, &costs)));
    let reserved = reserved(plan, context, candidates, all);
    members.extend(reserved);
    let packing = pack(plan, context, candidates[0], all);
    let is_simple = members.len() == all.len();
    let chosen = if is_simple && fits(plan, context, candidates[0], all, packing.height) {
        vec![0; all.len()]
    } else {
        match search(plan, context, candidates, all, &members) {
            Some(chosen) => chosen,
            None => return place_one_by_one(plan, context, candidates, all),
        }
    };
    let mut contents: Vec<Vec<BufferId>> = vec![Vec::new(); candidates.len()];
    for (at, &choice) in chosen.iter().enumerate() {
        let way = &members[at][choice].0;
        match (way, all.get(at)) {
            (&Way::Whole(region), Some(&id)) => contents[region].push(id),
            (&Way::Whole(region), None) => {
                let Some(weights) = weights.get(at - all.len()) else { continue };
                let copy = weights.copy(plan);
                contents[region].push(plan.buffers.push(copy));
            }
            (Way::FetchedBack { fast, slow, gaps }, Some(&id)) => {
                let regions = [(candidates[*fast], *fast), (candidates[*slow], *slow)];
                fetch_back(plan, context, id, regions, gaps, &mut contents);
            }
            (Way::FetchedBack { .. }, None) | (Way::Stored, _) => {}
        }
    }
    for (at, &memory) in candidates.iter().enumerate() {
        contents[at].sort_unstable();
        if !contents[at].is_empty() {
            let packing = pack(plan, context, memory, &contents[at]);
            settle(plan, context, memory, &contents[at], &packing);
        }
    }
    order_transfers(plan);
    record_traffic(plan, candidates, all);
    note_spills(plan, context, candidates);
}

/// The best choice for every member; `None` where no distribution fits.
fn search(
    plan: &mut Plan,
    context: &Context<'_>,
    candidates: &[MemoryId],
    all: &[BufferId],
    members: &[Vec<(Way, Choice)>],
) -> Option<Vec<usize>> {
    let constants = kept_for_constants(plan, context);
    let region = |&id: &MemoryId| {
        let used = &plan.memories[id];
        // A second group lies above the first, from the next aligned address on.
        let lost = base(plan, context, id) - (used.activations + used.scratch);
        let left = |available: Bytes| available - used.need() - lost - constants[id];
        Region {
            capacity: used.available.map_or(u64::MAX >> 1, |available| left(available).get()),
            block: context.memory(id).largest_block().get(),
            alignment: super::alignment(context, id),
        }
    };
    let question = Question {
        regions: candidates.iter().map(region).collect(),
        items: members
            .iter()
            .map(|ways| Item { choices: ways.iter().map(|(_, choice)| choice.clone()).collect() })
            .collect(),
        nodes: NODES * 100 / (members.len() as u64).max(100),
    };
    // Buffers come first among the members, and their choices begin with the whole ones.
    let mut known = by_density(plan, context, candidates, all);
    if let Some(known) = &mut known {
        known.resize(members.len(), 0);
    }
    let answer = solve(&question, known.as_deref()).ok()?;
    let proof = &mut plan.distribution;
    proof.cost = proof.cost.saturating_add(answer.cost);
    proof.lower_bound = proof.lower_bound.saturating_add(answer.lower_bound);
    proof.nodes = proof.nodes.saturating_add(answer.nodes);
    Some(answer.chosen)
}

/// Bytes of every memory that biases will take, where copies of weights could take them first.
fn kept_for_constants(plan: &Plan, context: &Context<'_>) -> SecondaryMap<MemoryId, Bytes> {
    let mut kept = SecondaryMap::new();
    let policy = &context.chip.weights;
    if !policy.promote && policy.staging == Staging::None {
        return kept;
    }
    for one in place_constants::wanted(plan, context) {
        let engine = plan.steps[one.step].engine;
        let first = place_constants::candidates(context, engine, Content::Bias).first().copied();
        if let Some(id) = first.filter(|_| one.role == ConstantRole::Bias) {
            kept[id] += one.bytes;
        }
    }
    kept
}

/// The weights of a step that may have a copy in faster memory.
struct Promotable {
    step: StepId,
    bytes: Bytes,
    /// What reading them where they are stored costs.
    stored_cost: u128,
    /// Candidates that may hold the copy.
    regions: SmallVec<[usize; 4]>,
}

impl Promotable {
    fn ways(&self, plan: &Plan, costs: &[u64]) -> Vec<(Way, Choice)> {
        let stored = Choice { extents: SmallVec::new(), cost: self.stored_cost };
        let mut ways = vec![(Way::Stored, stored)];
        let (begin, end) = self.copy(plan).halves();
        for &region in &self.regions {
            let cost = u128::from(self.bytes.get()) * u128::from(costs[region]);
            if cost < self.stored_cost {
                let extent = Extent { region, begin, end, bytes: self.bytes.get() };
                ways.push((Way::Whole(region), Choice { extents: smallvec![extent], cost }));
            }
        }
        ways
    }

    /// The copy as a buffer without an address: it is there all the time.
    fn copy(&self, plan: &Plan) -> Buffer {
        Buffer {
            role: BufferRole::ResidentWeights(self.step),
            memory: None,
            address: None,
            bytes: self.bytes,
            alignment: 1,
            first_step: plan.steps.keys().next().unwrap_or(self.step),
            last_step: plan.steps.keys().next_back().unwrap_or(self.step),
            begins_late: false,
            ends_early: false,
        }
    }
}

/// The weights that may move up beside the buffers of this group: those of the engines whose
/// buffers these are, where the card says that weights are promoted.
fn promotable(
    plan: &Plan,
    context: &Context<'_>,
    candidates: &[MemoryId],
    all: &[BufferId],
) -> Vec<Promotable> {
    if !context.chip.weights.promote {
        return Vec::new();
    }
    let done =
        |step| plan.buffers.values().any(|buffer| buffer.role == BufferRole::ResidentWeights(step));
    let wanted = place_constants::wanted(plan, context);
    let total: Bytes = wanted.iter().map(|one| one.bytes).sum();
    let mut found = Vec::new();
    for one in wanted {
        let step = &plan.steps[one.step];
        let engine = step.engine;
        let buffers_itself = matches!(context.engine(engine).timing, Timing::EthosU(_));
        let is_here = all.iter().any(|&id| super::candidates(plan, context, id) == candidates)
            && links::reached(context, engine, Content::Activation) == candidates;
        if one.role != ConstantRole::Weights || buffers_itself || !is_here || done(one.step) {
            continue;
        }
        let Some(home) = home(plan, context, engine, total) else { continue };
        let read = links::reached(context, engine, Content::Weight);
        let order: Vec<MemoryId> = candidates.iter().copied().chain([home]).collect();
        let cost = links::costs(context, &order).last().copied().unwrap_or_default();
        let regions = (0..candidates.len())
            .filter(|&at| candidates[at] != home && read.contains(&candidates[at]))
            .collect();
        found.push(Promotable {
            step: one.step,
            bytes: one.bytes,
            stored_cost: u128::from(one.bytes.get()) * u128::from(cost),
            regions,
        });
    }
    found
}

/// Where the weights of an engine are stored: in the first memory that takes all of them, as the
/// placement of constants will find, or else in the farthest.
fn home(plan: &Plan, context: &Context<'_>, engine: EngineId, total: Bytes) -> Option<MemoryId> {
    let held = place_constants::candidates(context, engine, Content::Weight);
    let takes_all = |id: &MemoryId| {
        let used = &plan.memories[*id];
        used.available.is_none_or(|available| total <= available - used.need())
    };
    let farthest = |id: &MemoryId| links::rate_cost(context, context.memory(*id));
    held.iter().copied().find(takes_all).or_else(|| held.iter().copied().max_by_key(farthest))
}

/// The least room that weights need on their way to an engine that streams them: those of one
/// output channel, at their own step. Buffers that take it come later; here it is only kept free.
fn reserved(
    plan: &Plan,
    context: &Context<'_>,
    candidates: &[MemoryId],
    all: &[BufferId],
) -> Vec<Vec<(Way, Choice)>> {
    let policy = &context.chip.weights;
    if policy.staging == Staging::None || policy.residency != Residency::StreamPerLayer {
        return Vec::new();
    }
    let mut found = Vec::new();
    for one in place_constants::wanted(plan, context) {
        let engine = plan.steps[one.step].engine;
        let is_here = all.iter().any(|&id| super::candidates(plan, context, id) == candidates)
            && links::reached(context, engine, Content::Activation) == candidates;
        let buffers_itself = matches!(context.engine(engine).timing, Timing::EthosU(_));
        if one.role != ConstantRole::Weights || buffers_itself || !is_here {
            continue;
        }
        let layer = Layer::of(&plan.graph, plan.steps[one.step].main);
        let channels = if layer.weights.is_some() { layer.output.channels.max(1) } else { 1 };
        let bytes = one.bytes.get().div_ceil(u64::from(channels));
        let read = links::reached(context, engine, Content::Weight);
        let step = u64::from(one.step.as_u32());
        let ways: Vec<(Way, Choice)> = (0..candidates.len())
            .filter(|&at| {
                let target = &context.memory(candidates[at]).id;
                read.contains(&candidates[at])
                    && context.chip.links.iter().any(|link| link.to == *target)
            })
            .map(|region| {
                let extent = Extent { region, begin: 2 * step, end: 2 * step + 1, bytes };
                let choice = Choice { extents: smallvec![extent], cost: 0 };
                (Way::Whole(region), choice)
            })
            .collect();
        if !ways.is_empty() {
            found.push(ways);
        }
    }
    found
}

/// Cuts a buffer into parts: in the fast memory around its uses, in the slow one in between.
/// `regions` are the two memories with their positions in `contents`.
fn fetch_back(
    plan: &mut Plan,
    context: &Context<'_>,
    id: BufferId,
    regions: [(MemoryId, usize); 2],
    gaps: &[(StepId, StepId)],
    contents: &mut [Vec<BufferId>],
) {
    let [(near, fast), (far, slow)] = regions;
    let whole = plan.buffers[id].clone();
    let BufferRole::Activation(tensors) = whole.role.clone() else { return };
    let number = |from, to| links::link(context, from, to).map_or(0, |(at, _)| at);
    let (out, back) = (number(near, far), number(far, near));
    contents[fast].push(id);
    let mut part = id;
    for &(left, needed) in gaps {
        plan.buffers[part].last_step = left;
        plan.buffers[part].ends_early = false;
        let waiting = plan.buffers.push(Buffer {
            role: BufferRole::Spilled(tensors.clone()),
            first_step: left,
            last_step: needed,
            begins_late: true,
            ends_early: true,
            ..whole.clone()
        });
        let next =
            plan.buffers.push(Buffer { first_step: needed, begins_late: false, ..whole.clone() });
        contents[slow].push(waiting);
        contents[fast].push(next);
        plan.transfers.push(Transfer {
            role: TransferRole::Spill,
            from: near,
            to: far,
            bytes: whole.bytes,
            link: out,
            source: Some(part),
            target: waiting,
            after: Some(left),
            step: StepId::from_u32(left.as_u32() + 1),
        });
        plan.transfers.push(Transfer {
            role: TransferRole::FetchBack,
            from: far,
            to: near,
            bytes: whole.bytes,
            link: back,
            source: Some(waiting),
            target: next,
            after: Some(StepId::from_u32(needed.as_u32() - 1)),
            step: needed,
        });
        part = next;
    }
}

/// Brings transfers into the order in which they begin: what makes room before what takes it.
pub(in crate::passes) fn order_transfers(plan: &mut Plan) {
    let mut sorted: Vec<Transfer> = plan.transfers.values().cloned().collect();
    let rank = |role: TransferRole| match role {
        TransferRole::Spill => 0,
        TransferRole::FetchBack => 1,
        TransferRole::Weights { .. } => 2,
    };
    let slice = |role: TransferRole| match role {
        TransferRole::Weights { slice, .. } => slice,
        TransferRole::Spill | TransferRole::FetchBack => 0,
    };
    sorted.sort_by_key(|one| (one.after, rank(one.role), one.step, slice(one.role), one.target));
    plan.transfers = sorted.into_iter().collect();
}

/// Bytes that the buffers move in other memories than the preferred one.
fn record_traffic(plan: &mut Plan, candidates: &[MemoryId], all: &[BufferId]) {
    let is_slow = |memory: Option<MemoryId>| memory != candidates.first().copied();
    let mut slow = Bytes::ZERO;
    for &id in all {
        let buffer = &plan.buffers[id];
        if is_slow(buffer.memory) {
            slow += buffer.bytes * Uses::of(plan, buffer).count;
        }
    }
    for transfer in plan.transfers.values() {
        if transfer.source.is_some() {
            slow += transfer.bytes;
        }
    }
    plan.distribution.slow_traffic += slow;
}

/// The simple rule: buffers with most traffic per byte first, each to the first memory that still
/// has room at every step of its life; the position of its memory for every buffer.
fn by_density(
    plan: &Plan,
    context: &Context<'_>,
    candidates: &[MemoryId],
    all: &[BufferId],
) -> Option<Vec<usize>> {
    let (members, homeless) = densest_first(plan, context, candidates, all);
    let place = |id: &BufferId| members.iter().position(|own| own.contains(id));
    homeless.is_empty().then(|| all.iter().map(place).collect())?
}

/// The members of every memory by the simple rule, and what found no room.
fn densest_first(
    plan: &Plan,
    context: &Context<'_>,
    candidates: &[MemoryId],
    all: &[BufferId],
) -> (Vec<Vec<BufferId>>, Vec<BufferId>) {
    let mut by_density: Vec<(std::cmp::Reverse<u64>, Bytes, BufferId)> = all
        .iter()
        .map(|&id| {
            let buffer = &plan.buffers[id];
            // Every touch moves the whole buffer once, so traffic per byte is the number of
            // touches; of equals the smaller first, since more of them fit.
            (std::cmp::Reverse(Uses::of(plan, buffer).count), buffer.bytes, id)
        })
        .collect();
    by_density.sort_unstable();
    let mut members: Vec<Vec<BufferId>> = vec![Vec::new(); candidates.len()];
    let mut homeless = Vec::new();
    for (_, _, id) in by_density {
        let home = candidates.iter().enumerate().find(|(at, memory)| {
            let mut with: SmallVec<[BufferId; 16]> = SmallVec::from_slice(&members[*at]);
            with.push(id);
            let height = live_peak(plan, &with);
            fits(plan, context, **memory, &with, height)
        });
        match home {
            Some((at, _)) => members[at].push(id),
            None => homeless.push(id),
        }
    }
    // Live bytes fitted, yet the packing may not: the largest buffers move on.
    for at in 0..candidates.len().saturating_sub(1) {
        members[at].sort_unstable();
        while homeless.is_empty() && !members[at].is_empty() {
            let packing = pack(plan, context, candidates[at], &members[at]);
            if fits(plan, context, candidates[at], &members[at], packing.height) {
                break;
            }
            let largest = (0..members[at].len())
                .max_by_key(|&index| plan.buffers[members[at][index]].bytes)
                .unwrap_or(0);
            let moved = members[at].remove(largest);
            members[at + 1].push(moved);
        }
    }
    (members, homeless)
}

/// Places what no distribution fits: by the simple rule, and the rest over the top of the preferred
/// memory, so that the excess has a figure.
fn place_one_by_one(
    plan: &mut Plan,
    context: &Context<'_>,
    candidates: &[MemoryId],
    all: &[BufferId],
) {
    let (mut members, homeless) = densest_first(plan, context, candidates, all);
    members[0].extend(&homeless);
    for (own, &memory) in members.iter_mut().zip(candidates) {
        own.sort_unstable();
        if !own.is_empty() {
            let packing = pack(plan, context, memory, own);
            settle(plan, context, memory, own, &packing);
        }
    }
    note_spills(plan, context, candidates);
}

/// Says which buffers lie in a slower memory than the preferred one.
fn note_spills(plan: &mut Plan, context: &Context<'_>, candidates: &[MemoryId]) {
    let preferred = candidates.first().copied();
    let fast = preferred.map(|id| context.memory(id).tier);
    for buffer in plan.buffers.values() {
        let Some(memory) = buffer.memory.filter(|id| Some(context.memory(*id).tier) != fast) else {
            continue;
        };
        let (tensors, when) = match &buffer.role {
            BufferRole::Activation(tensors) => (tensors, String::new()),
            BufferRole::Spilled(tensors) => {
                let (from, to) = (buffer.first_step, buffer.last_step);
                (tensors, format!(" from step {} to {}", from.as_u32(), to.as_u32()))
            }
            BufferRole::Stream(_)
            | BufferRole::WeightStaging
            | BufferRole::ResidentWeights(_)
            | BufferRole::Scratch => continue,
        };
        let Some(&tensor) = tensors.first() else { continue };
        let name = &plan.graph.tensors[tensor].name;
        let memory = &context.memory(memory).id;
        let message = format!("{} lie in {memory}{when}", buffer.bytes.human());
        plan.notes.push(Diagnostic::note(&code::SPILLED, message, Place::tensor(name)));
    }
}
