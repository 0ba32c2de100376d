//! Cuts the steps of an Ethos-U into operations, blocks and weight buffers, as Vela does.
//!
//! A layer can be one operation of the NPU or dozens (a softmax is about thirty). What each
//! operation is follows from shapes; in which layout a tensor lies follows from who sees it in
//! which shape. So steps are lowered twice: once to learn the shapes, once with the layouts.

use cofit_chip::{Content, TilingMode, Timing};
use cofit_ethos_u::cascade::search::Search;
use cofit_ethos_u::lowering::{Visibility, tensor_format};
use cofit_ethos_u::operation::{Format, NpuOperation, OperationKind, Shape};
use cofit_ethos_u::{
    Config, Generation, MemoryMode, Network, Options, Schedule, WeightEncoding, schedule,
};
use cofit_ir::{TensorId, TensorRole};
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Bytes, Diagnostic, Place};
use cranelift_entity::EntitySet;

use crate::context::Context;
use crate::ethos_u::lower::lower;
use crate::ethos_u::machine::config;
use crate::ethos_u::network::{Lowered, network};
use crate::ethos_u::staging::Staging;
use crate::passes::allocate::height;
use crate::plan::{Constraint, EngineId, Placement, Plan, Refusal, StepId, StepSchedule};
use crate::values::Values;

/// Schedules the steps of the chip's Ethos-U, if it has one.
///
/// Layers run whole where they fit, as Vela's do without an arena size. Where they do not, and the
/// card's tools tile by themselves, the fewest cycles in the arena's memory are looked for among
/// schedules with cascades. Where none fits, the one of fewest bytes is taken, so that the refusal
/// says how far off the network is.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let Some(npu) = prepare(plan, context) else { return };
    if npu.config.memories.mode == MemoryMode::DedicatedSram {
        npu.stage(plan, context);
        return;
    }
    match npu.whole(plan, context) {
        Ok(schedule) => npu.apply(plan, schedule),
        Err(diagnostic) => {
            let step = npu.steps.first().copied();
            let constraint = Constraint::Operators;
            plan.refusals.push(Refusal { constraint, step, diagnostic: *diagnostic });
            return;
        }
    }
    let Some(limit) = arena(plan, context, npu.engine) else { return };
    if context.chip.tiling.mode == TilingMode::Auto && height(plan, context, npu.engine) > limit {
        npu.fit(plan, context, limit);
    }
}

/// Lowers the steps of the chip's Ethos-U without scheduling them; none where it has none.
pub(crate) fn prepare(plan: &mut Plan, context: &Context<'_>) -> Option<Npu> {
    let (engine, config) = context.engines().find_map(|(id, engine)| match &engine.timing {
        Timing::EthosU(timing) => Some((id, config(context.chip, engine, timing))),
        Timing::EdgeTpu(_)
        | Timing::Max7800x(_)
        | Timing::KpuK210(_)
        | Timing::Ne16(_)
        | Timing::MacArray(_)
        | Timing::Simd(_)
        | Timing::Roofline(_) => None,
    })?;
    turn_down(plan, context, engine);
    let steps = native_steps(plan, engine);
    let values = Values::of(plan);
    let formats = formats(plan, &steps, engine, &values);
    for (tensors, _) in
        values.tensors.iter().zip(&formats).filter(|(_, format)| **format == Format::Nhwc)
    {
        plan.dense.extend(tensors.iter().copied());
    }
    Some(Npu { engine, config, steps, values, formats })
}

/// The chip's Ethos-U and the steps that it runs.
pub(crate) struct Npu {
    engine: EngineId,
    config: Config,
    steps: Vec<StepId>,
    /// The values of the plan before any overwrites another.
    values: Values,
    /// The layout of each.
    formats: Vec<Format>,
}

impl Npu {
    /// The steps as operations.
    fn lowered<'g>(&self, plan: &'g Plan) -> Vec<Lowered<'g>> {
        let look =
            |tensor: TensorId| self.values.of[tensor].map_or(Format::Nhwc, |v| self.formats[v]);
        let mut all = Vec::with_capacity(self.steps.len());
        for &step in &self.steps {
            // The layout refuses nothing, so what was lowered once is lowered again.
            let Ok(operations) = lower(&plan.graph, &plan.steps[step], &look) else { continue };
            let overwrites = overwritten(plan, step, &operations, &self.values, &self.formats);
            let after_cpu = follows_host(plan, step, self.engine);
            all.push(Lowered { step, operations, after_cpu, overwrites });
        }
        if let Generation::Separate(_) = self.config.generation {
            crate::ethos_u::chain::join(plan, &mut all, &self.values);
        }
        all
    }

    /// Layers one after the other, as Vela schedules them without an arena size.
    fn whole(&self, plan: &Plan, context: &Context<'_>) -> Result<Schedule, Box<Diagnostic>> {
        let mut options = Options::default();
        let mut operations: Vec<NpuOperation<'_>> = Vec::new();
        let free_at = free_memory(plan, context, self.engine, &self.values);
        for one in self.lowered(plan) {
            if one.after_cpu {
                options.after_cpu.push(operations.len());
            }
            operations.extend(one.operations);
            options.free_sram.resize(operations.len(), free_at[one.step.as_u32() as usize]);
        }
        schedule(&operations, &self.config, &options)
    }

    /// Feature maps in external memory and, where there is room, in SRAM.
    fn stage(&self, plan: &mut Plan, context: &Context<'_>) {
        let limit = context
            .chip
            .memories_of(context.engine(self.engine), Content::Activation)
            .first()
            .map_or(Bytes::ZERO, |memory| memory.usable(context.operators));
        let is_external = external(plan, self.engine, &self.values);
        let staging = Staging {
            values: &self.values,
            is_external: &is_external,
            config: &self.config,
            limit,
        };
        let before = plan.clone();
        let network = self.network(&before, context);
        match staging.run(&before, self.lowered(&before), &network) {
            Ok((schedule, is_staged)) => {
                self.apply(plan, schedule);
                let staged = (0..is_staged.len()).filter(|&value| is_staged[value]);
                let mut tensors = EntitySet::new();
                tensors.extend(staged.flat_map(|value| self.values.tensors[value].iter().copied()));
                plan.staged = Some(tensors);
            }
            Err(diagnostic) => {
                let step = self.steps.first().copied();
                let constraint = Constraint::Operators;
                plan.refusals.push(Refusal { constraint, step, diagnostic: *diagnostic });
            }
        }
    }

    /// Writes a schedule into the plan.
    pub(crate) fn apply(&self, plan: &mut Plan, schedule: Schedule) {
        let mut schedules = Vec::with_capacity(self.steps.len());
        let mut first = 0u32;
        for one in self.lowered(plan) {
            let at = one.step.as_u32() as usize;
            let is_cascaded = schedule.cascades.iter().any(|it| (it.first..=it.last).contains(&at));
            let count = one.operations.len() as u32;
            let overwrites = one.overwrites.filter(|_| !is_cascaded);
            schedules.push((one.step, StepSchedule::EthosU { first, count, overwrites }));
            first += count;
        }
        for (step, schedule) in schedules {
            plan.steps[step].schedule = schedule;
        }
        plan.ethos_u = Some(schedule);
    }

    /// Takes the schedules that a search finds, the best one first, until one can be laid out in
    /// `limit` bytes.
    fn fit(&self, plan: &mut Plan, context: &Context<'_>, limit: Bytes) {
        /// Layouts that are tried. The bytes alive at once are nearly always enough.
        const TRIALS: usize = 8;
        let before = plan.clone();
        let network = self.network(&before, context);
        let Ok(search) = Search::new(&network, &self.config, WeightEncoding::default()) else {
            return;
        };
        let mut target = limit;
        for _ in 0..TRIALS {
            let Some(point) = search.within(target) else { break };
            self.apply(plan, point.schedule);
            let height = height(plan, context, self.engine);
            if height <= limit {
                return;
            }
            target = point.bytes.min(target) - (height - limit).min(Bytes(256)).max(Bytes(1));
        }
        if let Some(least) = search.least() {
            self.apply(plan, least.schedule);
        }
    }

    /// The steps as the search sees them.
    pub(crate) fn network<'g>(&self, plan: &'g Plan, context: &Context<'_>) -> Network<'g> {
        let bytes = super::allocate::value_bytes(plan, context, &self.values);
        let alignment = super::allocate::arena_alignment(context, self.engine);
        network(plan, self.lowered(plan), &self.values, &bytes, &self.formats, alignment)
    }

    /// Whether the NPU runs nothing.
    pub(crate) const fn is_idle(&self) -> bool {
        self.steps.is_empty()
    }

    /// Height of the packed buffers in the arena's memory of an allocated plan.
    pub(crate) fn arena_bytes(&self, plan: &Plan, context: &Context<'_>) -> Bytes {
        super::allocate::arena_of(context, self.engine)
            .and_then(|memory| plan.memories.get(memory))
            .map_or(Bytes::ZERO, |used| used.activations + used.scratch)
    }

    /// The machine.
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }
}

/// What the arena's memory has for activations and weight buffers; none where there is no such memory,
/// or nothing left of it.
fn arena(plan: &Plan, context: &Context<'_>, npu: EngineId) -> Option<Bytes> {
    let engine = context.engine(npu);
    let memory = *context.chip.memories_of(engine, Content::Activation).first()?;
    let is_here = |content: Content| {
        let first = context.chip.memories_of(engine, content).first().copied();
        first.is_some_and(|first| first.id == memory.id)
    };
    let mut others = Bytes::ZERO;
    if memory.may_hold(Content::Runtime) {
        others += context.runtime_ram();
    }
    if is_here(Content::Weight)
        && let Some(schedule) = &plan.ethos_u
    {
        let stored = schedule.operations.iter().map(|it| Bytes(it.weights.encoded.stored()));
        others += stored.sum();
    }
    // Where the weights alone are too many for the memory, no cascade helps.
    let usable = memory.usable(context.operators);
    (others < usable).then(|| usable - others)
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
    let is_external = external(plan, npu, values);
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

/// Whether each value comes from or goes to the outside, or another engine than the NPU touches it.
fn external(plan: &Plan, npu: EngineId, values: &Values) -> Vec<bool> {
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
    is_external
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
