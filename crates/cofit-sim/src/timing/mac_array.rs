//! Tasks of a layer on an array of multipliers that its card describes.

use cofit_chip::{Dataflow as CardDataflow, MacArrayTiming, OperatorClass};
use cofit_compile::plan::MemoryId;
use cofit_vocab::Cycles;
use cranelift_entity::PrimaryMap;

use super::{Issuer, Moved, StepView};
use crate::causes::Cause;
use crate::mac_array::{Dataflow, Layer, Parameters, Pooling, Unroll};
use crate::profile::Traffic;

/// Waiting for inputs, the array, waiting for weights, and the rest, one after the other.
pub(crate) fn issue(view: &StepView<'_>, timing: &MacArrayTiming, issuer: &mut Issuer<'_>) {
    let parameters = parameters(timing);
    let main = &view.layer.main;
    let input = view.layer.main.input;
    match OperatorClass::of(main.kind) {
        OperatorClass::Convolution
        | OperatorClass::Pointwise
        | OperatorClass::Shallow
        | OperatorClass::Transposed
        | OperatorClass::Depthwise
        | OperatorClass::Dense
        | OperatorClass::MatrixProduct => {
            let cost = parameters.cost(&layer_of(view));
            issuer.compute(cost.input_wait, Cause::ActivationTraffic);
            issuer.compute(cost.array, Cause::Compute);
            issuer.compute(cost.weight_wait, Cause::WeightFetch);
            issuer.compute(cost.rest, Cause::TransferSetup);
        }
        OperatorClass::Pooling | OperatorClass::Reduction if timing.pooling.is_some() => {
            let Some(unit) = &timing.pooling else { return };
            let unit = Pooling {
                elements_per_cycle: unit.elements_per_cycle.value,
                layer: unit.layer_cycles.value.get(),
                group: unit.group_cycles.value.get(),
            };
            let height = input.height.saturating_mul(main.batch.max(1));
            let cycles = parameters.pooling(height, input.width, input.channels, &unit);
            issuer.compute(cycles, Cause::Compute);
        }
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
        | OperatorClass::Control => {
            // Without products only what comes and leaves counts, at the ports' rates.
            let work = view.work();
            let leaving = work.outputs as f64 / parameters.write_rate;
            let coming = work.inputs as f64 / parameters.read_rate;
            issuer.compute(Cycles::ceil_from(leaving.max(coming)), Cause::ActivationTraffic);
            issuer.compute(Cycles(parameters.layer), Cause::TransferSetup);
        }
    }
}

/// Bytes between the step and each memory. A layer that the buffer's size cuts into jobs reads its
/// weights again for each.
pub(crate) fn traffic(
    view: &StepView<'_>,
    timing: &MacArrayTiming,
) -> PrimaryMap<MemoryId, Traffic> {
    let jobs = match OperatorClass::of(view.layer.main.kind) {
        OperatorClass::Convolution
        | OperatorClass::Pointwise
        | OperatorClass::Shallow
        | OperatorClass::Transposed
        | OperatorClass::Depthwise
        | OperatorClass::Dense
        | OperatorClass::MatrixProduct => parameters(timing).cost(&layer_of(view)).jobs,
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
        | OperatorClass::Control => 1,
    };
    let of = |moved: &Moved| Moved { constants: moved.constants * jobs, ..*moved }.traffic();
    view.moved.values().map(of).collect()
}

fn parameters(timing: &MacArrayTiming) -> Parameters {
    let unroll = &timing.unroll;
    Parameters {
        unroll: Unroll {
            inputs: unroll.inputs.value,
            outputs: unroll.outputs.value,
            positions: unroll.positions.value,
            taps: unroll.taps.value,
            joined: unroll.joined,
        },
        dataflow: match timing.dataflow {
            CardDataflow::WeightStationary => Dataflow::Weight,
            CardDataflow::OutputStationary => Dataflow::Output,
            CardDataflow::InputStationary => Dataflow::Input,
        },
        stripe: timing.stripe.value,
        fold: timing.fold_cycles.value.get(),
        granule: timing.channel_granule.value,
        read_rate: timing.read_rate.value,
        buffer: timing.buffer.value,
        write_rate: timing.write_rate.as_ref().map_or(f64::INFINITY, |rate| rate.value),
        write_latency: timing.write_latency.value.get(),
        layer: timing.layer_cycles.value.get(),
    }
}

fn layer_of(view: &StepView<'_>) -> Layer {
    let main = &view.layer.main;
    let batch = main.batch.max(1);
    let precision = &view.step.precision;
    let (input, output) = (main.input, main.output);
    let layer = Layer {
        input_height: input.height.saturating_mul(batch),
        input_width: input.width,
        inputs: input.channels,
        height: output.height.saturating_mul(batch),
        width: output.width,
        outputs: output.channels,
        kernel_height: main.kernel.height,
        kernel_width: main.kernel.width,
        stride: main.stride.height,
        dilation: main.dilation.height,
        groups: main.groups,
        input_bytes: main.element.bits().div_ceil(8),
        weight_bits: precision.weight_bits.unwrap_or(8),
    };
    match OperatorClass::of(main.kind) {
        OperatorClass::Dense | OperatorClass::MatrixProduct => {
            // A dense layer may read a whole map: what is summed for one output is its input.
            let sums = u64::from(layer.height)
                .saturating_mul(u64::from(layer.width))
                .saturating_mul(u64::from(layer.outputs));
            let inputs = main.macs.get().checked_div(sums).unwrap_or(1);
            Layer {
                input_height: layer.height,
                input_width: layer.width,
                inputs: u32::try_from(inputs).unwrap_or(u32::MAX),
                ..layer
            }
        }
        OperatorClass::Convolution
        | OperatorClass::Pointwise
        | OperatorClass::Shallow
        | OperatorClass::Transposed
        | OperatorClass::Depthwise
        | OperatorClass::Pooling
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
        | OperatorClass::Control => layer,
    }
}
