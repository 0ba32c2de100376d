//! Tasks of a step on an engine of which little is known.

use cofit_chip::{OperatorClass, RooflineTiming};
use cofit_vocab::Cycles;
use cranelift_entity::EntityRef;

use super::{Issuer, StepView};
use crate::causes::Cause;

/// Set-up, then arithmetic beside the traffic of every memory.
pub(crate) fn issue(view: &StepView<'_>, timing: &RooflineTiming, issuer: &mut Issuer<'_>) {
    issuer.compute(timing.step_overhead.value, Cause::TransferSetup);
    issuer.barrier();
    let peak = view.engine.peak_macs_per_cycle.value;
    let class = OperatorClass::of(view.layer.main.kind);
    let rate = timing.macs_per_cycle(peak, class);
    let macs = view.layer.macs.as_f64() * view.step.precision.cycle_factor;
    let arithmetic = if view.layer.macs.is_zero() {
        let elements = view.layer.output.elements().max(view.layer.input.elements());
        elements as f64 / timing.elements_per_cycle.value
    } else {
        macs / rate
    };
    let native = arithmetic / view.step.precision.cycle_factor.max(1.0);
    issuer.compute(Cycles::ceil_from(native), Cause::Compute);
    issuer.compute(Cycles::ceil_from(arithmetic - native), Cause::Emulation);
    for (memory, moved) in &view.moved {
        let card = &view.chip.memories[memory.index()];
        let Some(rate) = view.chip.bytes_per_cycle(card) else { continue };
        let weights = Cycles::ceil_from(moved.constants.as_f64() / rate);
        let activations = Cycles::ceil_from((moved.read + moved.written).as_f64() / rate);
        issuer.transfer(memory, weights, Cause::WeightFetch);
        issuer.transfer(memory, activations, Cause::ActivationTraffic);
    }
}
