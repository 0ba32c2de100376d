//! Finds the order of steps that needs the fewest bytes, where the runtime leaves it free.

use cofit_chip::{Content, Ordering};
use cranelift_entity::{PrimaryMap, SecondaryMap};
use smallvec::SmallVec;

use crate::context::Context;
use crate::effects::keeps_its_turn;
use crate::joint_order;
use crate::plan::{JointProof, OrderProof, Plan, Step};
use crate::step_order::{self, Problem, StepValues};
use crate::values::Values;

/// Orders the steps, and records how good the order is.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let values = Values::of(plan);
    let problem = problem(plan, context, &values);
    let is_free = context.chip.runtime.ordering == Ordering::Free;
    let given: Vec<usize> = (0..plan.steps.len()).collect();
    let joint =
        if is_free { joint_order::solve(&problem) } else { joint_order::solve_as_given(&problem) };
    let best = match &joint {
        Some(joint) if is_free => {
            step_order::Solution { order: joint.order.clone(), proof: joint.proof }
        }
        Some(_) | None => step_order::solve(&problem),
    };
    plan.joint = joint.map_or_else(JointProof::default, |joint| JointProof {
        lower_bound: joint.lower_bound,
        height: joint.height,
        shown: joint.shown,
        orders: joint.orders,
        is_order_given: !is_free,
    });
    if best.order == given || !is_free {
        let peak = step_order::peak_of(&problem, &given);
        plan.order = OrderProof {
            peak,
            is_optimal: best.proof.is_optimal && peak == best.proof.lower_bound,
            ..best.proof
        };
        return;
    }
    let mut steps: Vec<Option<Step>> =
        std::mem::take(&mut plan.steps).into_iter().map(|(_, step)| Some(step)).collect();
    // Refusals point at steps by position.
    let mut position = vec![0u32; best.order.len()];
    plan.steps = best
        .order
        .iter()
        .enumerate()
        .filter_map(|(to, &from)| {
            position[from] = to as u32;
            steps[from].take()
        })
        .collect::<PrimaryMap<_, _>>();
    for refusal in &mut plan.refusals {
        if let Some(step) = &mut refusal.step {
            *step = crate::plan::StepId::from_u32(position[step.as_u32() as usize]);
        }
    }
    plan.order = best.proof;
}

/// The steps as an ordering problem over values, in bytes of their engines' layouts.
fn problem(plan: &Plan, context: &Context<'_>, values: &Values) -> Problem {
    let bytes = super::allocate::value_bytes(plan, context, values);
    let value_of = |tensors: &[cofit_ir::TensorId]| -> SmallVec<[usize; 2]> {
        let mut list: SmallVec<[usize; 2]> =
            tensors.iter().filter_map(|&tensor| values.of[tensor]).collect();
        list.sort_unstable();
        list.dedup();
        list
    };
    let after = before(plan);
    Problem {
        steps: plan
            .steps
            .values()
            .zip(after)
            .map(|(step, after)| StepValues {
                reads: value_of(&step.inputs),
                writes: value_of(&step.outputs).into_iter().collect(),
                after,
            })
            .collect(),
        live_in: (0..bytes.len()).filter(|&v| values.is_live_in(&plan.graph, v)).collect(),
        live_out: (0..bytes.len()).filter(|&v| values.is_live_out(&plan.graph, v)).collect(),
        bytes,
        alignment: alignment(context),
    }
}

/// For every step the steps that must run before it: those that write its operands, and for one
/// with an effect the one with an effect before it.
fn before(plan: &Plan) -> Vec<SmallVec<[usize; 2]>> {
    let mut writer: SecondaryMap<cofit_ir::TensorId, Option<usize>> = SecondaryMap::new();
    let mut last_effect = None;
    let mut all = Vec::with_capacity(plan.steps.len());
    for (at, step) in plan.steps.values().enumerate() {
        let mut after: SmallVec<[usize; 2]> =
            step.inputs.iter().filter_map(|&tensor| writer[tensor]).collect();
        let has_effect =
            step.operators.iter().any(|&id| keeps_its_turn(&plan.graph, &plan.graph.operators[id]));
        if has_effect {
            after.extend(last_effect.replace(at));
        }
        after.sort_unstable();
        after.dedup();
        all.push(after);
        step.outputs.iter().for_each(|&tensor| writer[tensor] = Some(at));
    }
    all
}

/// Alignment of activations: the runtime's, or the smallest of the memories that hold them, so that
/// bounds hold in each.
fn alignment(context: &Context<'_>) -> u64 {
    let memories = || {
        let memories = context.memories().map(|(_, memory)| memory);
        let holding = memories.filter(|memory| memory.may_hold(Content::Activation));
        holding.map(|memory| memory.alignment).min()
    };
    context.chip.runtime.alignment.or_else(memories).map_or(1, |it| it.get().max(1))
}
