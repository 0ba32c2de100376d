//! Tasks of a step on an Edge TPU: the array beside the stream of its weights, and the link before
//! and after the partition.

use cofit_chip::{Chip, Content, EdgeTpuTiming, OperatorClass, Timing};
use cofit_compile::plan::{ConstantRole, EngineId, MemoryId, Placement, Plan, StepId};
use cofit_ir::{Extent2d, TensorId};
use cofit_vocab::{Bytes, Cycles, OperatorKind, Seconds};
use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};

use super::{Issuer, StepView};
use crate::causes::Cause;
use crate::clock;
use crate::edge_tpu::{Cost, Lanes, streamed};
use crate::profile::Traffic;

/// What crosses the link for one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// Weights and biases that are not in the cache.
    pub(crate) streamed: Bytes,
    /// Weights and biases that are.
    pub(crate) cached: Bytes,
    /// Activations from the host.
    pub(crate) received: Bytes,
    /// Transfers of them.
    pub(crate) receptions: u64,
    /// Activations that the host reads.
    pub(crate) returned: Bytes,
    /// Transfers of them.
    pub(crate) returns: u64,
}

/// The exchanges of every step on an Edge TPU; nothing where the chip has none.
pub(crate) fn exchanges(plan: &Plan, chip: &Chip) -> SecondaryMap<StepId, Exchange> {
    let mut exchanges: SecondaryMap<StepId, Exchange> = SecondaryMap::new();
    for (index, engine) in chip.engines.iter().enumerate() {
        if let Timing::EdgeTpu(timing) = &engine.timing {
            let device = EngineId::new(index);
            fill_cache(plan, device, timing, &mut exchanges);
            cross(plan, device, &mut exchanges);
        }
    }
    exchanges
}

/// Which steps' constants stay in the cache.
fn fill_cache(
    plan: &Plan,
    device: EngineId,
    timing: &EdgeTpuTiming,
    exchanges: &mut SecondaryMap<StepId, Exchange>,
) {
    let mut constants: SecondaryMap<StepId, Bytes> = SecondaryMap::new();
    for placement in &plan.constants {
        match placement.role {
            ConstantRole::Weights | ConstantRole::Bias => {
                constants[placement.step] += placement.bytes;
            }
        }
    }
    let steps: Vec<StepId> = on(plan, device).collect();
    let executable =
        timing.executable.value + timing.executable_per_step.value * steps.len() as u64;
    let room = timing.cache.value - executable;
    let left = streamed(steps.iter().map(|&id| constants[id]), room);
    for (&id, bytes) in steps.iter().zip(left) {
        exchanges[id].streamed = bytes;
        exchanges[id].cached = constants[id] - bytes;
    }
}

/// Which activations cross the link. Each crosses once in either direction.
fn cross(plan: &Plan, device: EngineId, exchanges: &mut SecondaryMap<StepId, Exchange>) {
    // Where a tensor was made: by which step on the device, behind any number of views.
    let mut maker: SecondaryMap<TensorId, Option<StepId>> = SecondaryMap::new();
    let mut there: SecondaryMap<TensorId, bool> = SecondaryMap::new();
    let mut back: SecondaryMap<TensorId, bool> = SecondaryMap::new();
    for (id, step) in &plan.steps {
        if step.placement == Placement::View {
            for (&input, &output) in step.inputs.iter().zip(&step.outputs) {
                maker[output] = maker[input];
                there[output] = there[input];
                back[output] = back[input];
            }
        } else if step.engine == device {
            for &input in &step.inputs {
                if !std::mem::replace(&mut there[input], true) {
                    exchanges[id].received += plan.graph.tensors[input].bytes();
                    exchanges[id].receptions += 1;
                }
            }
            for &output in &step.outputs {
                maker[output] = Some(id);
                there[output] = true;
            }
        } else {
            for &input in &step.inputs {
                give_back(plan, input, &maker, &mut back, exchanges);
            }
        }
    }
    for &output in &plan.graph.outputs {
        give_back(plan, output, &maker, &mut back, exchanges);
    }
}

/// Sends a tensor of the device to the host, once.
fn give_back(
    plan: &Plan,
    tensor: TensorId,
    maker: &SecondaryMap<TensorId, Option<StepId>>,
    back: &mut SecondaryMap<TensorId, bool>,
    exchanges: &mut SecondaryMap<StepId, Exchange>,
) {
    if let Some(step) = maker[tensor]
        && !std::mem::replace(&mut back[tensor], true)
    {
        exchanges[step].returned += plan.graph.tensors[tensor].bytes();
        exchanges[step].returns += 1;
    }
}

/// The steps that run on the device.
fn on(plan: &Plan, device: EngineId) -> impl Iterator<Item = StepId> {
    plan.steps
        .iter()
        .filter(move |(_, step)| step.engine == device && step.placement != Placement::View)
        .map(|(id, _)| id)
}

/// Inputs over the link, the array beside the stream of weights, outputs over the link.
pub(crate) fn issue(view: &StepView<'_>, timing: &EdgeTpuTiming, issuer: &mut Issuer<'_>) {
    let array = view.chip.clock(view.engine.clock_domain()).map(|clock| clock.value);
    let array = array.unwrap_or(issuer.reference());
    let over_link = |bytes: Bytes, rate: f64| clock::transfer(bytes, rate, array);
    let setup = |transfers: u64| {
        let time = timing.transfer_setup.value.get() * transfers as f64;
        clock::cycles_of(Seconds(time), array)
    };
    let exchange = &view.exchange;
    let host = host_memory(view.chip);
    issuer.compute(setup(exchange.receptions), Cause::TransferSetup);
    issuer.barrier();
    if let Some(host) = host {
        let cycles = over_link(exchange.received, timing.to_device.value.get());
        issuer.transfer(host, cycles, Cause::ActivationTraffic);
        issuer.barrier();
        let cycles = over_link(exchange.streamed, timing.to_device.value.get());
        issuer.transfer(host, cycles, Cause::WeightFetch);
    }
    issuer.compute(array_cycles(view, timing), Cause::Compute);
    issuer.barrier();
    issuer.compute(setup(exchange.returns), Cause::TransferSetup);
    issuer.barrier();
    if let Some(host) = host {
        let cycles = over_link(exchange.returned, timing.from_device.value.get());
        issuer.transfer(host, cycles, Cause::ActivationTraffic);
    }
}

/// Cycles of the array for the step's layer.
fn array_cycles(view: &StepView<'_>, timing: &EdgeTpuTiming) -> Cycles {
    let layer = &view.layer.main;
    let class = match OperatorClass::of(layer.kind) {
        OperatorClass::Convolution if layer.kernel == Extent2d::ONE => OperatorClass::Pointwise,
        class => class,
    };
    let row = timing.cost_of(class).or_else(|| timing.cost_of(OperatorClass::of(layer.kind)));
    let cost = row.map_or_else(Cost::default, |row| Cost {
        per_mac: row.per_mac.value,
        per_output: row.per_output.value,
        per_call: row.per_call.value,
    });
    let lanes = Lanes { input: timing.input_channels.value, output: timing.output_channels.value };
    // A depthwise convolution has one input channel to each product, and fills no input lanes.
    let lanes = if layer.kind == OperatorKind::DepthwiseConv2d {
        Lanes { input: 1, ..lanes }
    } else {
        lanes
    };
    let macs = lanes.occupied(view.layer.macs, layer.input.channels, layer.output.channels);
    Cycles::ceil_from(cost.cycles(macs, view.layer.output.elements()))
}

/// The host's memory, on the other side of the link: the first that holds activations.
fn host_memory(chip: &Chip) -> Option<MemoryId> {
    let at = chip.memories.iter().position(|memory| memory.may_hold(Content::Activation))?;
    Some(MemoryId::new(at))
}

/// Bytes that cross the link for the step: between two steps of the partition, maps stay in the
/// array's own memory.
pub(crate) fn traffic(view: &StepView<'_>) -> PrimaryMap<MemoryId, Traffic> {
    let mut traffic: PrimaryMap<MemoryId, Traffic> =
        view.chip.memories.iter().map(|_| Traffic::default()).collect();
    if let Some(host) = host_memory(view.chip) {
        let exchange = &view.exchange;
        traffic[host] +=
            Traffic { read: exchange.streamed + exchange.received, written: exchange.returned };
    }
    traffic
}
