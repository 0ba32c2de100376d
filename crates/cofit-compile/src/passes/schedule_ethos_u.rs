//! Cuts the steps of an Ethos-U into operations, blocks and weight buffers, as Vela does.
//!
//! A layer can be one operation of the NPU or dozens (a softmax is about thirty). What each
//! operation is follows from shapes; in which layout a tensor lies follows from who sees it in
//! which shape. So steps are lowered twice: once to learn the shapes, once with the layouts.

use cofit_chip::{Content, Timing};
use cofit_ethos_u::lowering::{Visibility, tensor_format};
use cofit_ethos_u::operation::{Format, NpuOperation, OperationKind, Shape};
use cofit_ethos_u::{Options, schedule};
use cofit_ir::{TensorId, TensorRole};
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Bytes, Diagnostic, Place};

use crate::context::Context;
use crate::ethos_u::lower::lower;
use crate::ethos_u::machine::config;
use crate::plan::{Constraint, EngineId, Placement, Plan, Refusal, StepId, StepSchedule};
use crate::values::Values;

/// Schedules the steps of the chip's Ethos-U, if it has one.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let npu = context.engines().find_map(|(id, engine)| match &engine.timing {
        Timing::EthosU(timing) => Some((id, engine, timing)),
        Timing::Max7800x(_) | Timing::KpuK210(_) | Timing::Simd(_) | Timing::Roofline(_) => None,
    });
    let Some((id, engine, timing)) = npu else { return };
    let config = config(context.chip, engine, timing);
    turn_down(plan, context, id);
    let steps = native_steps(plan, id);
    let values = Values::of(plan);
    let formats = formats(plan, &steps, id, &values);
    for (tensors, _) in
        values.tensors.iter().zip(&formats).filter(|(_, format)| **format == Format::Nhwc)
    {
        plan.dense.extend(tensors.iter().copied());
    }
    let mut ranges: Vec<(StepId, u32, u32, Option<TensorId>)> = Vec::new();
    let mut after_cpu: Vec<usize> = Vec::new();
    let mut free: Vec<Bytes> = Vec::new();
    let scheduled = {
        let mut operations: Vec<NpuOperation<'_>> = Vec::new();
        let free_at = free_memory(plan, context, id, &values);
        for &step_id in &steps {
            let look = |tensor: TensorId| values.of[tensor].map_or(Format::Nhwc, |v| formats[v]);
            // The layout refuses nothing, so what was lowered once is lowered again.
            let Ok(list) = lower(&plan.graph, &plan.steps[step_id], &look) else { continue };
            let overwrites = overwritten(plan, step_id, &list, &values, &formats);
            if follows_host(plan, step_id, id) {
                after_cpu.push(operations.len());
            }
            ranges.push((step_id, operations.len() as u32, list.len() as u32, overwrites));
            free.resize(free.len() + list.len(), free_at[step_id.as_u32() as usize]);
            operations.extend(list);
        }
        let options = Options { free_sram: free, after_cpu, ..Options::default() };
        schedule(&operations, &config, &options)
    };
    for (step, first, count, overwrites) in ranges {
        plan.steps[step].schedule = StepSchedule::EthosU { first, count, overwrites };
    }
    match scheduled {
        Ok(scheduled) => plan.ethos_u = Some(scheduled),
        Err(diagnostic) => plan.refusals.push(Refusal {
            constraint: Constraint::Operators,
            step: steps.first().copied(),
            diagnostic: *diagnostic,
        }),
    }
}

/// The steps that the NPU runs.
fn native_steps(plan: &Plan, npu: EngineId) -> Vec<StepId> {
    plan.steps
        .iter()
        .filter(|(_, step)| step.engine == npu && step.placement == Placement::Native)
        .map(|(step, _)| step)
        .collect()
}

/// Leaves to the host what the machine model cannot lower, with the reason, or refuses it.
fn turn_down(plan: &mut Plan, context: &Context<'_>, npu: EngineId) {
    for id in native_steps(plan, npu) {
        let Err(mut reason) = lower(&plan.graph, &plan.steps[id], &|_| Format::Nhcwb16) else {
            continue;
        };
        let main = plan.steps[id].main;
        let place = Place::operator(plan.graph.operator_name(main));
        let kind = plan.graph.operators[main].kind();
        // The vendor's compiler may well lower it; the model here does not.
        let message =
            format!("{kind} is costed on the host: {} ({})", reason.message, reason.code.id);
        let note = Diagnostic::note(&code::FALLBACK, message, place.clone());
        if super::place::move_to_host(plan, context, id, note.with_help(reason.cure())) {
            continue;
        }
        reason.place = place;
        plan.steps[id].placement = Placement::Refused;
        plan.refusals.push(Refusal {
            constraint: Constraint::Operators,
            step: Some(id),
            diagnostic: *reason,
        });
    }
}

/// Whether the last step before `id` that runs anything runs elsewhere than on the NPU.
fn follows_host(plan: &Plan, id: StepId, npu: EngineId) -> bool {
    (0..id.as_u32())
        .rev()
        .map(|before| &plan.steps[StepId::from_u32(before)])
        .find(|step| step.placement != Placement::View)
        .is_some_and(|step| step.engine != npu)
}

/// The input that a step's result may take the place of: each element of the result depends on the
/// same element of the input, nothing else reads the input, and both lie alike.
/// Source: Vela 5.2.0, `compiler/live_range.cpp` `ReusableIFM`.
fn overwritten(
    plan: &Plan,
    id: StepId,
    operations: &[NpuOperation<'_>],
    values: &Values,
    formats: &[Format],
) -> Option<TensorId> {
    let step = &plan.steps[id];
    let ([operation], &[result]) = (operations, step.outputs.as_slice()) else { return None };
    let is_one_to_one = match operation.kind {
        OperationKind::Elementwise(_) => true,
        OperationKind::MaxPool | OperationKind::AveragePool => operation.kernel.size == (1, 1),
        OperationKind::Convolution
        | OperationKind::VectorProduct
        | OperationKind::Depthwise
        | OperationKind::ReduceSum
        | OperationKind::Transpose => false,
    };
    let result_value = values.of[result]?;
    let is_free = |tensor: TensorId| -> Option<bool> {
        let value = values.of[tensor]?;
        let (from, to) = (&plan.graph.tensors[tensor], &plan.graph.tensors[result]);
        let readers = plan
            .steps
            .values()
            .filter(|step| step.inputs.iter().any(|&input| values.of[input] == Some(value)))
            .count();
        Some(
            value != result_value
                && readers == 1
                && !values.is_live_out(&plan.graph, value)
                && from.role != TensorRole::Variable
                && to.role != TensorRole::Variable
                && from.shape == to.shape
                && from.element == to.element
                && formats[value] == formats[result_value],
        )
    };
    step.inputs.iter().copied().find(|&input| is_one_to_one && is_free(input) == Some(true))
}

/// The layout of every value: bricks where only the NPU touches it and all see the same width and
/// channels.
fn formats(plan: &Plan, steps: &[StepId], npu: EngineId, values: &Values) -> Vec<Format> {
    let mut seen: Vec<Vec<Shape>> = vec![Vec::new(); values.tensors.len()];
    let mut is_external: Vec<bool> = (0..values.tensors.len())
        .map(|value| {
            values.is_live_in(&plan.graph, value) || values.is_live_out(&plan.graph, value)
        })
        .collect();
    for step in plan.steps.values() {
        if step.engine == npu || step.placement == Placement::View {
            continue;
        }
        for &tensor in step.inputs.iter().chain(&step.outputs) {
            if let Some(value) = values.of[tensor] {
                is_external[value] = true;
            }
        }
    }
    for &id in steps {
        let step = &plan.steps[id];
        let Ok(operations) = lower(&plan.graph, step, &|_| Format::Nhcwb16) else { continue };
        let (Some(first), Some(last)) = (operations.first(), operations.last()) else { continue };
        let maps = [Some(first.ifm), first.ifm2];
        for (&tensor, map) in step.inputs.iter().zip(maps) {
            if let (Some(value), Some(map)) = (values.of[tensor], map) {
                seen[value].push(map.shape);
            }
        }
        if let Some(value) = step.outputs.first().and_then(|&tensor| values.of[tensor]) {
            seen[value].push(last.ofm.shape);
        }
    }
    seen.iter()
        .zip(&is_external)
        .map(|(shapes, &is_external)| {
            let visibility = if is_external { Visibility::External } else { Visibility::Internal };
            tensor_format(visibility, shapes)
        })
        .collect()
}

/// Bytes of the arena's memory that live activations leave free, for every step.
fn free_memory(plan: &Plan, context: &Context<'_>, npu: EngineId, values: &Values) -> Vec<Bytes> {
    let bytes = super::allocate::value_bytes(plan, context, values);
    let available = context
        .chip
        .memories_of(context.engine(npu), Content::Activation)
        .first()
        .map_or(Bytes::MAX, |memory| memory.usable(context.operators));
    let mut first = vec![usize::MAX; bytes.len()];
    let mut last = vec![0usize; bytes.len()];
    let end = plan.steps.len().saturating_sub(1);
    for (id, step) in &plan.steps {
        let at = id.as_u32() as usize;
        for &tensor in step.inputs.iter().chain(&step.outputs) {
            if let Some(value) = values.of[tensor] {
                first[value] = first[value].min(at);
                last[value] = last[value].max(at);
            }
        }
    }
    let mut change = vec![(Bytes::ZERO, Bytes::ZERO); plan.steps.len() + 1];
    for value in 0..bytes.len() {
        if first[value] == usize::MAX {
            continue;
        }
        let from = if values.is_live_in(&plan.graph, value) { 0 } else { first[value] };
        let to = if values.is_live_out(&plan.graph, value) { end } else { last[value] };
        change[from].0 += bytes[value];
        change[to + 1].1 += bytes[value];
    }
    let mut live = Bytes::ZERO;
    change
        .iter()
        .map(|&(born, dead)| {
            live = live - dead + born;
            available - live
        })
        .collect()
}
