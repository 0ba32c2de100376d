//! Lets activations come back from slow memory while the step before their use computes.
//!
//! The allocation brings them back between two steps, which needs the least room. Where there is
//! room for them one step earlier, and the link works beside the engine, they come earlier.

use cofit_pack::Budget;

use super::allocate::{self, order_transfers};
use crate::context::Context;
use crate::plan::{BufferId, Placement, Plan, StepId, TransferId, TransferRole};

/// Widens the window of every return for which there is room, in the order of their use.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let returns: Vec<TransferId> = plan
        .transfers
        .iter()
        .filter(|(_, one)| one.role == TransferRole::FetchBack)
        .filter(|(_, one)| context.chip.links.get(one.link as usize).is_some_and(|it| it.overlap))
        .map(|(id, _)| id)
        .collect();
    let mut changed = Vec::new();
    for id in returns {
        let transfer = plan.transfers[id].clone();
        let spilled = transfer.source.map(|source| plan.buffers[source].first_step);
        let earlier = (0..transfer.step.as_u32())
            .rev()
            .map(StepId::from_u32)
            .find(|&step| plan.steps[step].placement != Placement::View);
        // It cannot come back before it has left.
        let Some(earlier) = earlier.filter(|&step| spilled.is_some_and(|left| step > left)) else {
            continue;
        };
        let first = plan.buffers[transfer.target].first_step;
        plan.buffers[transfer.target].first_step = earlier;
        if has_room(plan, context, transfer.target) {
            plan.transfers[id].after = Some(StepId::from_u32(earlier.as_u32() - 1));
            changed.push(transfer.to);
        } else {
            plan.buffers[transfer.target].first_step = first;
        }
    }
    changed.sort_unstable();
    changed.dedup();
    for memory in changed {
        allocate::pack_again(plan, context, memory);
    }
    order_transfers(plan);
}

/// Whether the memory of a buffer still holds everything in it.
fn has_room(plan: &Plan, context: &Context<'_>, id: BufferId) -> bool {
    let Some(memory) = plan.buffers[id].memory else { return false };
    let own = plan.buffers.values().filter(|buffer| buffer.memory == Some(memory));
    let problem = allocate::problem(context, memory, &own.collect::<Vec<_>>());
    let height = cofit_pack::solve_minimise(&problem, Budget::HEURISTIC).map(|it| it.height);
    height.is_ok_and(|height| height <= allocate::capacity(plan, context, memory).get())
}
