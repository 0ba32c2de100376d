//! The ways in which a buffer may lie in the memories, and what each costs.
//!
//! A buffer lies in one memory for all of its life, or, where the card lets a link move it, in a
//! fast one around its uses and in a slow one in between. Every use moves the buffer's bytes once,
//! and so does each end of a transfer; a byte costs what its memory costs.

use cofit_ir::TensorRole;
use smallvec::{SmallVec, smallvec};

use crate::context::Context;
use crate::links;
use crate::memory_search::{Choice, Extent};
use crate::plan::{Buffer, BufferRole, MemoryId, Placement, Plan, StepId};

/// Gaps between uses that are tried one by one, the longest first. All together are tried as well.
const GAPS_TRIED: usize = 4;

/// One way to place a buffer, in the plan's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In one memory: a position among the candidates.
    Whole(usize),
    /// In `fast` around the uses, and in `slow` during the gaps, which are pairs of uses.
    FetchedBack { fast: usize, slow: usize, gaps: Vec<(StepId, StepId)> },
    /// Weights that stay where they are stored.
    Stored,
}

/// When a buffer is used, ascending, and how often it is read or written in all.
pub(super) struct Uses {
    /// Steps that name one of its tensors, views included, and the ends of its life.
    pub(super) steps: Vec<StepId>,
    /// How often its bytes move.
    pub(super) count: u64,
}

impl Uses {
    pub(super) fn of(plan: &Plan, buffer: &Buffer) -> Self {
        let mut steps = vec![buffer.first_step, buffer.last_step];
        let mut count = 0;
        if let BufferRole::Activation(tensors) = &buffer.role {
            for (id, step) in &plan.steps {
                let all = step.inputs.iter().chain(&step.outputs);
                let touches = all.filter(|tensor| tensors.contains(tensor)).count() as u64;
                if touches > 0 {
                    steps.push(id);
                }
                if step.placement != Placement::View {
                    count += touches;
                }
            }
        }
        steps.sort_unstable();
        steps.dedup();
        Self { steps, count }
    }

    /// Pairs of neighbouring uses with a step between, the longest first.
    fn gaps(&self) -> Vec<(StepId, StepId)> {
        let mut gaps: Vec<(StepId, StepId)> = self
            .steps
            .windows(2)
            .map(|pair| (pair[0], pair[1]))
            .filter(|(from, to)| to.as_u32() - from.as_u32() > 1)
            .collect();
        gaps.sort_by_key(|(from, to)| (std::cmp::Reverse(to.as_u32() - from.as_u32()), *from));
        gaps
    }
}

/// Every way in which a buffer may lie in `candidates`, with the choice that it is to the search.
pub(super) fn ways(
    plan: &Plan,
    context: &Context<'_>,
    candidates: &[MemoryId],
    costs: &[u64],
    buffer: &Buffer,
) -> Vec<(Way, Choice)> {
    let uses = Uses::of(plan, buffer);
    let bytes = u128::from(buffer.bytes.get());
    let (begin, end) = buffer.halves();
    let moved = bytes * u128::from(uses.count.max(1));
    let extent = |region, begin, end| Extent { region, begin, end, bytes: buffer.bytes.get() };
    let mut ways: Vec<(Way, Choice)> = costs
        .iter()
        .enumerate()
        .map(|(region, &cost)| {
            let extents = smallvec![extent(region, begin, end)];
            (Way::Whole(region), Choice { extents, cost: moved.saturating_mul(cost.into()) })
        })
        .collect();
    if !context.chip.tiling.fetch_back || keeps_state(plan, buffer) {
        return ways;
    }
    let gaps = uses.gaps();
    let mut sets: Vec<Vec<(StepId, StepId)>> =
        gaps.iter().take(GAPS_TRIED).map(|&gap| vec![gap]).collect();
    if gaps.len() > 1 {
        let mut all = gaps;
        all.sort_unstable();
        sets.push(all);
    }
    for fast in 0..candidates.len() {
        for slow in fast + 1..candidates.len() {
            let (near, far) = (candidates[fast], candidates[slow]);
            let is_joined = links::link(context, near, far).is_some()
                && links::link(context, far, near).is_some();
            if !is_joined {
                continue;
            }
            for gaps in &sets {
                let mut extents: SmallVec<[Extent; 1]> = SmallVec::new();
                let mut from = begin;
                for &(left, back) in gaps {
                    let (left, back) = (u64::from(left.as_u32()), u64::from(back.as_u32()));
                    extents.push(extent(fast, from, 2 * left + 1));
                    extents.push(extent(slow, 2 * left + 1, 2 * back));
                    from = 2 * back;
                }
                extents.push(extent(fast, from, end));
                let transfers = bytes * 2 * gaps.len() as u128;
                let near = (moved + transfers).saturating_mul(costs[fast].into());
                let cost = transfers.saturating_mul(costs[slow].into()).saturating_add(near);
                let way = Way::FetchedBack { fast, slow, gaps: gaps.clone() };
                ways.push((way, Choice { extents, cost }));
            }
        }
    }
    ways
}

/// Whether a buffer outlives the inference, so that its bytes must stay where they are.
fn keeps_state(plan: &Plan, buffer: &Buffer) -> bool {
    match &buffer.role {
        BufferRole::Activation(tensors) => {
            tensors.iter().any(|&tensor| plan.graph.tensors[tensor].role == TensorRole::Variable)
        }
        BufferRole::Stream(_)
        | BufferRole::Spilled(_)
        | BufferRole::WeightStaging
        | BufferRole::ResidentWeights(_)
        | BufferRole::Scratch => true,
    }
}
