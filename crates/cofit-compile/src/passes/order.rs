//! Finds the order of steps that needs the fewest bytes, where the runtime leaves it free.

use cofit_chip::Ordering;
use cranelift_entity::PrimaryMap;
use smallvec::SmallVec;

use crate::context::Context;
use crate::plan::{OrderProof, Plan, Step};
use crate::step_order::{self, Problem, StepValues};
use crate::values::Values;

/// Orders the steps, and records how good the order is.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let values = Values::of(plan);
    let problem = problem(plan, context, &values);
    let best = step_order::solve(&problem);
    let is_free = context.chip.runtime.ordering == Ordering::Free;
    let given: Vec<usize> = (0..plan.steps.len()).collect();
    if best.order == given || !is_free {
        let peak = step_order::peak_of(&problem, &given);
        plan.order = OrderProof {
            peak,
            lower_bound: best.proof.lower_bound,
            is_optimal: best.proof.is_optimal && peak == best.proof.peak,
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
    Problem {
        steps: plan
            .steps
            .values()
            .map(|step| StepValues {
                reads: value_of(&step.inputs),
                writes: value_of(&step.outputs).into_iter().collect(),
            })
            .collect(),
        live_in: (0..bytes.len()).filter(|&v| values.is_live_in(&plan.graph, v)).collect(),
        live_out: (0..bytes.len()).filter(|&v| values.is_live_out(&plan.graph, v)).collect(),
        bytes,
    }
}
