//! From a step to tasks: what occupies which resource for how long, and why.
//!
//! Each timing model turns a step into tasks of the event simulator. A step's tasks begin when
//! every task of the step before has ended: no engine of the catalogue starts a layer before its
//! input is complete. Within a step, tasks on different resources run beside each other unless one
//! waits for another.

mod ethos_u;
mod kpu_k210;
mod max7800x;
pub(crate) mod processor;
mod roofline;

use cofit_chip::{Chip, Engine, Timing};
use cofit_compile::plan::{BufferRole, EngineId, MemoryId, Placement, Plan, Step, StepId};
use cofit_compile::step_layer::StepLayer;
use cofit_vocab::{Bytes, Cycles, Hertz};
use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};
use smallvec::SmallVec;

use crate::causes::{Cause, Causes};
use crate::clock;
use crate::event::{ResourceId, Schedule, StepIndex, Task, TaskId};
use crate::profile::Traffic;
use crate::work::{Access, Work};

/// A step with everything that timing models ask about it.
pub(crate) struct StepView<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) chip: &'a Chip,
    pub(crate) step: &'a Step,
    pub(crate) engine: &'a Engine,
    pub(crate) layer: StepLayer,
    /// Bytes between the step and each memory.
    pub(crate) moved: PrimaryMap<MemoryId, Moved>,
}

/// Bytes between a step and one memory, by what they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// Weights and biases read.
    pub(crate) constants: Bytes,
    /// Activations read.
    pub(crate) read: Bytes,
    /// Activations written.
    pub(crate) written: Bytes,
}

impl Moved {
    pub(crate) fn traffic(self) -> Traffic {
        Traffic { read: self.constants + self.read, written: self.written }
    }
}

/// Where every tensor and every step's constants lie, looked up once for the whole plan.
pub(crate) struct Whereabouts {
    tensors: SecondaryMap<cofit_ir::TensorId, Option<MemoryId>>,
    constants: SecondaryMap<StepId, SmallVec<[(MemoryId, Bytes); 2]>>,
}

impl Whereabouts {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut tensors = SecondaryMap::new();
        for buffer in plan.buffers.values() {
            if let BufferRole::Activation(list) = &buffer.role {
                for &tensor in list {
                    tensors[tensor] = buffer.memory;
                }
            }
        }
        let mut constants: SecondaryMap<StepId, SmallVec<[(MemoryId, Bytes); 2]>> =
            SecondaryMap::new();
        for placement in &plan.constants {
            if let Some(memory) = placement.memory {
                constants[placement.step].push((memory, placement.bytes));
            }
        }
        Self { tensors, constants }
    }
}

impl<'a> StepView<'a> {
    pub(crate) fn new(plan: &'a Plan, chip: &'a Chip, id: StepId, places: &Whereabouts) -> Self {
        let step = &plan.steps[id];
        let mut moved: PrimaryMap<MemoryId, Moved> =
            chip.memories.iter().map(|_| Moved::default()).collect();
        if step.placement != Placement::View {
            let factor = step.precision.weight_traffic_factor;
            for &(memory, bytes) in &places.constants[id] {
                let read = Bytes((bytes.as_f64() * factor).round() as u64);
                moved[memory].constants += read;
            }
            for &tensor in &step.inputs {
                if let Some(memory) = places.tensors[tensor] {
                    moved[memory].read += plan.graph.tensors[tensor].bytes();
                }
            }
            for &tensor in &step.outputs {
                if let Some(memory) = places.tensors[tensor] {
                    moved[memory].written += plan.graph.tensors[tensor].bytes();
                }
            }
        }
        Self {
            plan,
            chip,
            step,
            engine: &chip.engines[step.engine.index()],
            layer: StepLayer::of(&plan.graph, step),
            moved,
        }
    }

    /// The step as counts, for models that know no geometry.
    pub(crate) fn work(&self) -> Work {
        let elements = |tensors: &[cofit_ir::TensorId]| -> u64 {
            tensors
                .iter()
                .map(|&tensor| self.plan.graph.tensors[tensor].shape.elements())
                .fold(0, u64::saturating_add)
        };
        let mut work = Work {
            macs: self.layer.macs,
            inputs: elements(&self.step.inputs),
            outputs: elements(&self.step.outputs),
            weights: elements(&self.step.constants),
            ..Work::default()
        };
        for (memory, moved) in &self.moved {
            let parts = [
                (Access::WeightRead, moved.constants),
                (Access::Read, moved.read),
                (Access::Write, moved.written),
            ];
            for (access, bytes) in parts {
                if !bytes.is_zero() {
                    work = work.with(memory.index(), access, bytes);
                }
            }
        }
        work
    }
}

/// Issues tasks for one step after another.
pub(crate) struct Issuer {
    schedule: Schedule,
    engines: Vec<ResourceId>,
    ports: Vec<ResourceId>,
    /// Tasks of the step before.
    before: SmallVec<[TaskId; 4]>,
    /// Tasks of this step.
    now: SmallVec<[TaskId; 4]>,
    step: StepIndex,
    engine: usize,
    own_clock: Hertz,
    reference: Hertz,
    is_fallback: bool,
}

impl Issuer {
    pub(crate) fn new(chip: &Chip, reference: Hertz) -> Self {
        let mut schedule = Schedule::new();
        let engines = chip.engines.iter().map(|engine| schedule.resource(&engine.id)).collect();
        let ports = chip.memories.iter().map(|memory| schedule.resource(&memory.id)).collect();
        Self {
            schedule,
            engines,
            ports,
            before: SmallVec::new(),
            now: SmallVec::new(),
            step: StepIndex(0),
            engine: 0,
            own_clock: reference,
            reference,
            is_fallback: false,
        }
    }

    /// Occupies the first engine before the first step.
    pub(crate) fn start(&mut self, cycles: Cycles) {
        if !self.engines.is_empty() {
            self.compute(cycles, Cause::TransferSetup);
        }
    }

    /// Begins a step: its tasks wait for everything issued before.
    fn begin(&mut self, id: StepId, engine: EngineId, own_clock: Hertz, placement: &Placement) {
        self.barrier();
        self.step = StepIndex(id.as_u32());
        self.engine = engine.index();
        self.own_clock = own_clock;
        self.is_fallback = matches!(placement, Placement::Fallback(_));
    }

    /// Makes everything issued from here on wait for everything issued so far.
    pub(crate) fn barrier(&mut self) {
        if !self.now.is_empty() {
            self.before = std::mem::take(&mut self.now);
        }
    }

    /// Occupies the step's engine for cycles of its own clock.
    pub(crate) fn compute(&mut self, cycles: Cycles, cause: Cause) {
        let cycles = clock::convert(cycles, self.own_clock, self.reference);
        // Whatever a fallback does is a cost of falling back.
        let cause = if self.is_fallback { Cause::Fallback } else { cause };
        self.issue(self.engines[self.engine], cycles, cause);
    }

    /// Occupies the step's engine by cause, one after the other.
    pub(crate) fn compute_all(&mut self, causes: &Causes) {
        for (cause, cycles) in causes.iter() {
            self.compute(cycles, cause);
        }
    }

    /// Occupies a memory's port for cycles of the engine's own clock.
    pub(crate) fn transfer(&mut self, memory: MemoryId, cycles: Cycles, cause: Cause) {
        let cycles = clock::convert(cycles, self.own_clock, self.reference);
        self.issue(self.ports[memory.index()], cycles, cause);
    }

    fn issue(&mut self, resource: ResourceId, cycles: Cycles, cause: Cause) {
        if cycles.is_zero() {
            return;
        }
        let task =
            Task::new(resource, cycles, cause, self.step).after_all(self.before.iter().copied());
        // Only schedules of millions of tasks are refused; their tail then counts as nothing.
        if let Ok(id) = self.schedule.issue(task) {
            self.now.push(id);
        }
    }

    pub(crate) fn finish(self) -> Schedule {
        self.schedule
    }
}

/// Issues the tasks of one step.
pub(crate) fn issue(view: &StepView<'_>, id: StepId, issuer: &mut Issuer) {
    let own_clock =
        view.chip.clock(view.engine.clock_domain()).map_or(issuer.reference, |clock| clock.value);
    issuer.begin(id, view.step.engine, own_clock, &view.step.placement);
    if view.step.placement == Placement::View {
        return;
    }
    match &view.engine.timing {
        Timing::EthosU(_) => ethos_u::issue(view, issuer),
        Timing::Max7800x(timing) => max7800x::issue(view, timing, issuer),
        Timing::KpuK210(timing) => kpu_k210::issue(view, timing, issuer),
        Timing::Simd(timing) => processor::issue(view, timing, issuer),
        Timing::Roofline(timing) => roofline::issue(view, timing, issuer),
    }
}

/// Bytes that a step moves, by memory.
pub(crate) fn traffic(view: &StepView<'_>) -> PrimaryMap<MemoryId, Traffic> {
    match &view.engine.timing {
        Timing::EthosU(_) => ethos_u::traffic(view),
        Timing::Max7800x(_) | Timing::KpuK210(_) | Timing::Simd(_) | Timing::Roofline(_) => {
            view.moved.values().map(|moved| moved.traffic()).collect()
        }
    }
}
