//! Cascades of an Ethos-U: stripes played row by row through the rolling buffers of the plan.

use cofit_ethos_u::Cascade;
use cofit_ir::TensorId;
use cofit_vocab::diagnostic::plan as rule;

use super::Checker;
use crate::plan::{Buffer, BufferRole, Placement, Plan, StepId, StepSchedule};
use crate::step_layer::StepLayer;

/// Channels of a brick (Vela 5.2.0, format `NHCWB16`).
const BRICK: u64 = 16;

impl Checker<'_> {
    /// Checks every cascade of the plan.
    pub(super) fn cascades(&mut self) {
        let plan = self.plan;
        let cascades = plan.ethos_u.as_ref().map_or(&[][..], |schedule| &schedule.cascades);
        let mut before = None;
        for cascade in cascades {
            if before.is_some_and(|before| cascade.first <= before) {
                let message = format!("two cascades share stage {}", cascade.first);
                self.report(&rule::ORDER, message);
            }
            before = Some(cascade.last);
            if let Err(message) = check(plan, cascade) {
                let stages = format!("the cascade of s{} to s{}", cascade.first, cascade.last);
                self.report(&rule::BUFFER, format!("{stages}: {message}"));
            }
        }
    }
}

/// Checks one cascade.
fn check(plan: &Plan, cascade: &Cascade) -> Result<(), String> {
    let stages = cascade.last.checked_sub(cascade.first).map(|stages| stages + 1);
    if stages != Some(cascade.stripes.len()) || cascade.rolling.len() + 1 != cascade.stripes.len() {
        return Err("a stage has no stripe or no buffer".to_owned());
    }
    let (first, last) = plan.steps_of(cascade);
    for at in cascade.first..=cascade.last {
        let id = StepId::from_u32(u32::try_from(at).unwrap_or(u32::MAX));
        let Some(step) = plan.steps.get(id) else {
            return Err(format!("there is no step {at}"));
        };
        let is_npu =
            matches!(step.schedule, StepSchedule::EthosU { count: 1, overwrites: None, .. });
        if step.placement != Placement::Native || !is_npu {
            return Err(format!("step {at} is not one operation of the NPU"));
        }
        for &tensor in step.inputs.iter().chain(&step.outputs) {
            let buffer = buffer_of(plan, tensor);
            if buffer.is_some_and(|it| it.first_step > first || it.last_step < last) {
                let name = &plan.graph.tensors[tensor].name;
                return Err(format!("`{name}` is not live throughout"));
            }
        }
    }
    let ids = (cascade.first..).map(|at| StepId::from_u32(u32::try_from(at).unwrap_or(u32::MAX)));
    let ids: Vec<StepId> = ids.take(cascade.stripes.len()).collect();
    for (pair, stripes) in ids.windows(2).zip(cascade.stripes.windows(2)) {
        let tensor = plan.steps[pair[0]].outputs.first().copied().ok_or("a step has no result")?;
        let name = &plan.graph.tensors[tensor].name;
        let readers = plan.steps.values().filter(|step| step.inputs.contains(&tensor)).count();
        if readers != 1 || !plan.steps[pair[1]].inputs.contains(&tensor) {
            return Err(format!("`{name}` rolls, and not the next step alone reads it"));
        }
        let buffer = buffer_of(plan, tensor).ok_or_else(|| format!("`{name}` has no buffer"))?;
        if !matches!(buffer.role, BufferRole::Stream(_)) {
            return Err(format!("`{name}` does not roll"));
        }
        play(plan, tensor, buffer, pair[1], (stripes[0], stripes[1]))?;
    }
    Ok(())
}

/// Writes and reads the rows of `tensor` as both stages take turns: a row that is read must be the
/// one that lies in its place.
fn play(
    plan: &Plan,
    tensor: TensorId,
    buffer: &Buffer,
    reader: StepId,
    (written, read): (u32, u32),
) -> Result<(), String> {
    let map = &plan.graph.tensors[tensor];
    let layer = StepLayer::of(&plan.graph, &plan.steps[reader]);
    let extents = crate::layer::Extents::of(&map.shape);
    let channels = u64::from(extents.channels).next_multiple_of(BRICK);
    let row = map.element.bytes_for(channels.saturating_mul(extents.width.into())).get().max(1);
    let height = i64::from(extents.height);
    let places = (buffer.bytes.get() / row).min(u64::from(extents.height));
    let places = usize::try_from(places).unwrap_or(usize::MAX);
    if places == 0 || written == 0 || read == 0 {
        return Err(format!("`{}` has no row in its buffer", map.name));
    }
    let top = layer.main.padding.map_or(0, |padding| i64::from(padding.amounts.top));
    let (stride, dilation) =
        (i64::from(layer.main.stride.height), i64::from(layer.main.dilation.height));
    let mut held: Vec<Option<i64>> = vec![None; places];
    let mut made = 0i64;
    let mut output = 0i64;
    while output < i64::from(layer.output.height) {
        let stripe = output..(output + i64::from(read)).min(layer.output.height.into());
        let taps = |output: i64| {
            (0..i64::from(layer.main.kernel.height))
                .map(move |tap| output * stride - top + tap * dilation)
                .filter(|row| (0..height).contains(row))
        };
        let last = stripe.clone().flat_map(taps).max().unwrap_or(-1);
        while made <= last {
            for row in made..(made + i64::from(written)).min(height) {
                held[row as usize % places] = Some(row);
            }
            made += i64::from(written);
        }
        if let Some(row) =
            stripe.clone().flat_map(taps).find(|&row| held[row as usize % places] != Some(row))
        {
            return Err(format!("row {row} of `{}` is overwritten before it is read", map.name));
        }
        output = stripe.end;
    }
    Ok(())
}

/// The buffer that a tensor lies in.
fn buffer_of(plan: &Plan, tensor: TensorId) -> Option<&Buffer> {
    plan.buffers.values().find(|buffer| match &buffer.role {
        BufferRole::Activation(tensors) => tensors.contains(&tensor),
        BufferRole::Stream(own) => *own == tensor,
        BufferRole::Spilled(_)
        | BufferRole::ResidentWeights(_)
        | BufferRole::WeightStaging
        | BufferRole::Scratch => false,
    })
}
