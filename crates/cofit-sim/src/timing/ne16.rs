//! Tasks of a layer on PULP NE16.

use cofit_chip::{Ne16Timing, OperatorClass};
use cofit_ir::Extent2d;
use cofit_vocab::Cycles;

use super::{Issuer, StepView, tiles};
use crate::causes::{Cause, Causes};
use crate::ne16::{Cost, Layer, Mode, Parameters};

/// Loading inputs, passes, and what tiles take beside them, one after the other.
pub(crate) fn issue(view: &StepView<'_>, timing: &Ne16Timing, issuer: &mut Issuer<'_>) {
    let cost = cost(view, timing);
    let mut causes = Causes::of(Cause::Compute, cost.passes);
    causes.charge(Cause::ActivationTraffic, cost.traffic);
    causes.charge(Cause::TransferSetup, cost.tiles);
    match &timing.tiles {
        Some(tiles) => tiles::issue(view, tiles, &causes, issuer),
        None => issuer.compute_all(&causes),
    }
}

/// What the step costs in cycles of the engine.
pub(crate) fn cost(view: &StepView<'_>, timing: &Ne16Timing) -> Cost {
    let parameters = Parameters {
        tile: timing.tile.value,
        tile_channels: timing.tile_channels.value,
        pass_channels: timing.pass_channels.value,
        linear_channels: timing.linear_channels.value,
        load: timing.load_cycles.value,
        pass: timing.pass_cycles.value,
        tile_cycles: timing.tile_cycles.value,
        store: timing.store_cycles.value,
        scales: timing.scales_per_cycle.value,
        biases: timing.biases_per_cycle.value,
        job: timing.job_cycles.value,
    };
    let Some((layer, times)) = layer_of(view) else {
        // A card that gives the engine other operators says nothing about their time: an element
        // a cycle.
        let elements = view.layer.output.elements().max(view.layer.input.elements());
        let [passes, tiles] = [Cycles::ZERO, Cycles(parameters.job)];
        return Cost { passes, traffic: Cycles(elements), tiles, jobs: 1 };
    };
    let one = parameters.cost(&layer);
    let all = |cycles: Cycles| Cycles(cycles.get().saturating_mul(times));
    Cost {
        passes: all(one.passes),
        traffic: all(one.traffic),
        tiles: all(one.tiles),
        jobs: one.jobs.saturating_mul(times),
    }
}

/// The layer as the engine sees it, and how many of it: kernels of more than 3x3 taps are summed
/// from several of 3x3, groups are layers of their own.
fn layer_of(view: &StepView<'_>) -> Option<(Layer, u64)> {
    let main = &view.layer.main;
    let (mode, groups) = match OperatorClass::of(main.kind) {
        OperatorClass::Convolution
        | OperatorClass::Pointwise
        | OperatorClass::Shallow
        | OperatorClass::Transposed => {
            let mode = if main.kernel == Extent2d::ONE { Mode::One } else { Mode::Three };
            (mode, main.groups.max(1))
        }
        OperatorClass::Depthwise => (Mode::Depthwise, 1),
        OperatorClass::Dense | OperatorClass::MatrixProduct => (Mode::Linear, 1),
        OperatorClass::Pooling
        | OperatorClass::Elementwise
        | OperatorClass::Clamp
        | OperatorClass::Nonlinear
        | OperatorClass::Exponential
        | OperatorClass::Reduction
        | OperatorClass::Movement
        | OperatorClass::View
        | OperatorClass::Resampling
        | OperatorClass::Requantisation
        | OperatorClass::Recurrent
        | OperatorClass::Control => return None,
    };
    let output = main.output;
    let height = output.height.saturating_mul(main.batch.max(1));
    // A dense layer may read a whole map: what is summed for one output is its input.
    let sums = u64::from(height)
        .saturating_mul(u64::from(output.width))
        .saturating_mul(u64::from(output.channels));
    let inputs = match mode {
        Mode::Linear => {
            u32::try_from(main.macs.get().checked_div(sums).unwrap_or(1)).unwrap_or(u32::MAX)
        }
        Mode::Three | Mode::One | Mode::Depthwise => main.input.channels / groups,
    };
    let taps = match mode {
        Mode::Three | Mode::Depthwise => {
            u64::from(main.kernel.height.div_ceil(3)) * u64::from(main.kernel.width.div_ceil(3))
        }
        Mode::One | Mode::Linear => 1,
    };
    let layer = Layer {
        mode,
        height,
        width: output.width,
        inputs,
        outputs: output.channels / groups,
        weight_bits: view.step.precision.weight_bits.unwrap_or(8),
        is_wide: main.element.bits() > 8,
        is_strided: main.stride != Extent2d::ONE,
    };
    Some((layer, taps.saturating_mul(u64::from(groups)).max(1)))
}
