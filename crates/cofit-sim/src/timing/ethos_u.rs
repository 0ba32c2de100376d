//! Tasks of a step on an Ethos-U: its operations as the compiler scheduled them.

use cofit_chip::Content;
use cofit_compile::plan::{MemoryId, StepSchedule};
use cofit_ethos_u::{Port, ScheduledOperation};
use cofit_vocab::Cycles;
use cranelift_entity::{EntityRef, PrimaryMap};

use super::{Issuer, StepView};
use crate::causes::Cause;
use crate::profile::Traffic;

/// The operations of one step, one after the other. Within each the array runs beside the memory
/// ports, and waits for weights that nothing hid.
pub(crate) fn issue(view: &StepView<'_>, issuer: &mut Issuer<'_>) {
    let ports = ports(view);
    // Widths that the card calls emulated pass through the array several times.
    let passes = view.step.precision.cycle_factor.max(1.0);
    for operation in operations(view) {
        issuer.compute(operation.visible_transfer(), Cause::WeightFetch);
        issuer.compute(operation.compute.total, Cause::Compute);
        let more = operation.compute.total.as_f64() * (passes - 1.0);
        issuer.compute(Cycles::ceil_from(more), Cause::Emulation);
        for (port, cause) in
            [(Port::Axi0, Cause::ActivationTraffic), (Port::Axi1, Cause::WeightFetch)]
        {
            if let Some(memory) = ports[port.index()] {
                issuer.transfer(memory, operation.ports[port.index()].cycles, cause);
            }
        }
        issuer.barrier();
    }
}

/// Bytes that the step's operations move, by memory.
pub(crate) fn traffic(view: &StepView<'_>) -> PrimaryMap<MemoryId, Traffic> {
    let mut traffic: PrimaryMap<MemoryId, Traffic> =
        view.chip.memories.iter().map(|_| Traffic::default()).collect();
    let ports = ports(view);
    for operation in operations(view) {
        for (port, memory) in operation.ports.iter().zip(ports) {
            if let Some(memory) = memory {
                traffic[memory] += Traffic { read: port.read, written: port.written };
            }
        }
    }
    traffic
}

/// The operations of the step.
fn operations<'a>(view: &StepView<'a>) -> &'a [ScheduledOperation] {
    let (StepSchedule::EthosU { first, count, .. }, Some(schedule)) =
        (&view.step.schedule, &view.plan.ethos_u)
    else {
        return &[];
    };
    let first = *first as usize;
    schedule.operations.get(first..first + *count as usize).unwrap_or_default()
}

/// The memories behind AXI0 and AXI1. Where everything is in one memory, AXI1 is idle.
fn ports(view: &StepView<'_>) -> [Option<MemoryId>; 2] {
    let memory = |content: Content| {
        let wanted =
            view.chip.memories_of(view.engine, content).first().map(|memory| &memory.id)?;
        let at = view.chip.memories.iter().position(|memory| memory.id == *wanted)?;
        Some(MemoryId::new(at))
    };
    [memory(Content::Activation), memory(Content::Weight)]
}
