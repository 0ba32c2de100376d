//! From a step to tasks: what occupies which resource for how long, and why.
//!
//! Each timing model turns a step into tasks of the event simulator. A step's tasks begin when
//! every task of the step before has ended: no engine of the catalogue starts a layer before its
//! input is complete. Within a step, tasks on different resources run beside each other unless one
//! waits for another. The plan's transfers run beside them on links and ports ([`crate::issuer`]).

mod edge_tpu;
mod ethos_u;
mod kpu_k210;
mod mac_array;
mod max7800x;
mod ne16;
pub(crate) mod processor;
mod roofline;
mod tiles;

use cofit_chip::{Chip, Engine, Memory, Tier, Timing};
use cofit_compile::layer::Layer;
use cofit_compile::plan::{
    BufferRole, ConstantRole, MemoryId, Placement, Plan, Step, StepId, TransferRole,
};
use cofit_compile::step_layer::StepLayer;
use cofit_vocab::{Bytes, OperatorKind};
use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};
use smallvec::SmallVec;

pub(crate) use crate::issuer::Issuer;
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
    /// What crosses the link of an Edge TPU for the step.
    pub(crate) exchange: edge_tpu::Exchange,
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

/// The memories of a tensor, each for the steps from the first to the last of the triple.
type Parts = SmallVec<[(StepId, StepId, MemoryId); 1]>;

/// Where every tensor and every step's constants lie, looked up once for the whole plan.
pub(crate) struct Whereabouts {
    tensors: SecondaryMap<cofit_ir::TensorId, Parts>,
    constants: SecondaryMap<StepId, SmallVec<[(MemoryId, Bytes); 2]>>,
    /// What crosses the link of an Edge TPU.
    exchanges: SecondaryMap<StepId, edge_tpu::Exchange>,
}

impl Whereabouts {
    pub(crate) fn of(plan: &Plan, chip: &Chip) -> Self {
        let mut tensors: SecondaryMap<_, Parts> = SecondaryMap::new();
        // Steps whose weights are read from a copy: where that lies.
        let mut copies: SecondaryMap<StepId, Option<MemoryId>> = SecondaryMap::new();
        for buffer in plan.buffers.values() {
            let Some(memory) = buffer.memory else { continue };
            match &buffer.role {
                BufferRole::Activation(list) => {
                    for &tensor in list {
                        tensors[tensor].push((buffer.first_step, buffer.last_step, memory));
                    }
                }
                BufferRole::ResidentWeights(step) => copies[*step] = Some(memory),
                BufferRole::Stream(_)
                | BufferRole::Spilled(_)
                | BufferRole::WeightStaging
                | BufferRole::Scratch => {}
            }
        }
        for transfer in plan.transfers.values() {
            match transfer.role {
                TransferRole::Weights { .. } => copies[transfer.step] = Some(transfer.to),
                TransferRole::Spill | TransferRole::FetchBack => {}
            }
        }
        let mut constants: SecondaryMap<StepId, SmallVec<[(MemoryId, Bytes); 2]>> =
            SecondaryMap::new();
        for placement in &plan.constants {
            let copy = match placement.role {
                ConstantRole::Weights => copies[placement.step],
                ConstantRole::Bias => None,
            };
            if let Some(memory) = copy.or(placement.memory) {
                constants[placement.step].push((memory, placement.bytes));
            }
        }
        Self { tensors, constants, exchanges: edge_tpu::exchanges(plan, chip) }
    }

    /// Weights and biases that an Edge TPU keeps; nothing where the plan uses none.
    pub(crate) fn cached(&self) -> Option<Bytes> {
        let mut used = self.exchanges.values().filter(|one| **one != edge_tpu::Exchange::default());
        let first = used.next()?.cached;
        Some(used.map(|one| one.cached).fold(first, |sum, bytes| sum + bytes))
    }

    /// The memory in which a step finds a tensor.
    fn memory(&self, tensor: cofit_ir::TensorId, step: StepId) -> Option<MemoryId> {
        let mut parts = self.tensors[tensor].iter();
        let part = parts.find(|(first, last, _)| *first <= step && step <= *last);
        part.map(|&(_, _, memory)| memory)
    }
}

impl<'a> StepView<'a> {
    pub(crate) fn new(plan: &'a Plan, chip: &'a Chip, id: StepId, places: &Whereabouts) -> Self {
        let step = &plan.steps[id];
        let engine = &chip.engines[step.engine.index()];
        let layer = StepLayer::of(&plan.graph, step);
        let mut moved: PrimaryMap<MemoryId, Moved> =
            chip.memories.iter().map(|_| Moved::default()).collect();
        if step.placement != Placement::View {
            let factor = step.precision.weight_traffic_factor;
            for &(memory, bytes) in &places.constants[id] {
                let passes = passes(&layer.main, engine, &chip.memories[memory.index()], bytes);
                let read = Bytes((bytes.as_f64() * factor * passes).round() as u64);
                moved[memory].constants += read;
            }
            for &tensor in &step.inputs {
                if let Some(memory) = places.memory(tensor, id) {
                    moved[memory].read += plan.graph.tensors[tensor].bytes();
                }
            }
            for &tensor in &step.outputs {
                if let Some(memory) = places.memory(tensor, id) {
                    moved[memory].written += plan.graph.tensors[tensor].bytes();
                }
            }
        }
        Self { plan, chip, step, engine, layer, moved, exchange: places.exchanges[id] }
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

/// Output pixels that a convolution computes from one reading of its weights: CMSIS-NN and what follows
/// its scheme gather two columns and multiply both with each row of weights
/// (ARM-software/CMSIS-NN, Source/ConvolutionFunctions/arm_convolve_s8.c).
const PIXELS_PER_PASS: f64 = 2.0;

/// How often a processor reads `bytes` of a layer's weights in place from a flash memory. Once where
/// its cache holds them, where there is none, and where each weight is used once; otherwise once for
/// every pass over the output. Libraries for processors with DRAM cut their products to their caches.
fn passes(layer: &Layer, engine: &Engine, memory: &Memory, bytes: Bytes) -> f64 {
    let reuses = matches!(engine.timing, Timing::Simd(_))
        && layer.kind == OperatorKind::Conv2d
        && memory.tier == Tier::Flash;
    match &memory.cache {
        Some(cache) if reuses && bytes > cache.size.value => {
            (layer.output.pixels() as f64 / PIXELS_PER_PASS).max(1.0)
        }
        Some(_) | None => 1.0,
    }
}

/// Issues the tasks of one step.
pub(crate) fn issue(view: &StepView<'_>, id: StepId, issuer: &mut Issuer<'_>) {
    let own_clock =
        view.chip.clock(view.engine.clock_domain()).map_or(issuer.reference(), |clock| clock.value);
    issuer.begin(id, view.step.engine, own_clock, &view.step.placement);
    if view.step.placement != Placement::View {
        issue_work(view, issuer);
    }
    issuer.end();
}

/// Hands the step's work to the issuer.
fn issue_work(view: &StepView<'_>, issuer: &mut Issuer<'_>) {
    match &view.engine.timing {
        Timing::EdgeTpu(timing) => edge_tpu::issue(view, timing, issuer),
        Timing::EthosU(_) => ethos_u::issue(view, issuer),
        Timing::Max7800x(timing) => max7800x::issue(view, timing, issuer),
        Timing::KpuK210(timing) => kpu_k210::issue(view, timing, issuer),
        Timing::Ne16(timing) => ne16::issue(view, timing, issuer),
        Timing::MacArray(timing) => mac_array::issue(view, timing, issuer),
        Timing::Simd(timing) => processor::issue(view, timing, issuer),
        Timing::Roofline(timing) => roofline::issue(view, timing, issuer),
    }
}

/// Bytes that a step moves, by memory, with those of the transfers that serve it.
pub(crate) fn traffic(view: &StepView<'_>, id: StepId) -> PrimaryMap<MemoryId, Traffic> {
    let mut traffic = match &view.engine.timing {
        Timing::EdgeTpu(_) => edge_tpu::traffic(view),
        Timing::EthosU(_) => ethos_u::traffic(view),
        Timing::MacArray(timing) => mac_array::traffic(view, timing),
        Timing::Max7800x(_)
        | Timing::KpuK210(_)
        | Timing::Ne16(_)
        | Timing::Simd(_)
        | Timing::Roofline(_) => view.moved.values().map(|moved| moved.traffic()).collect(),
    };
    for transfer in view.plan.transfers.values().filter(|transfer| transfer.step == id) {
        traffic[transfer.from] += Traffic { read: transfer.bytes, written: Bytes::ZERO };
        traffic[transfer.to] += Traffic { read: Bytes::ZERO, written: transfer.bytes };
    }
    traffic
}
