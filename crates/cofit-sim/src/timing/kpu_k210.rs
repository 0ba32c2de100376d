//! Tasks of a layer on the K210's KPU: array and weight stream beside each other.

use cofit_chip::KpuK210Timing;
use cofit_compile::layer::Extents;
use cofit_ir::Extent2d;
use cofit_vocab::OperatorKind;

use super::{Issuer, StepView};
use crate::causes::Cause;
use crate::kpu_k210::{FeatureMap, Grouping, Kernel, Layer, Parameters};

/// Set-up and array on the engine, and the weight stream on the memory that holds the weights.
pub(crate) fn issue(view: &StepView<'_>, timing: &KpuK210Timing, issuer: &mut Issuer<'_>) {
    let parameters = Parameters {
        macs_per_cycle: timing.macs_per_cycle.value,
        weight_stream: timing.weight_stream.value.get(),
        layer_setup: timing.layer_overhead.value,
        measured_at: timing.measured_at.value,
        kernel_chunk: timing.kernel_chunk.value,
        load_limit: u64::from(timing.max_loads.value),
    };
    let cost = parameters.cost(&layer_of(view));
    issuer.compute(cost.setup, Cause::TransferSetup);
    issuer.compute(cost.compute, Cause::Compute);
    let weights = view.moved.iter().max_by_key(|(_, moved)| moved.constants);
    if let Some((memory, moved)) = weights
        && !moved.constants.is_zero()
    {
        issuer.transfer(memory, cost.weight_stream, Cause::WeightFetch);
    }
}

fn layer_of(view: &StepView<'_>) -> Layer {
    let main = &view.layer.main;
    Layer {
        input: map(main.input),
        output: map(view.layer.output),
        kernel: if main.kernel == Extent2d::ONE { Kernel::One } else { Kernel::Three },
        grouping: if main.kind == OperatorKind::DepthwiseConv2d {
            Grouping::Depthwise
        } else {
            Grouping::Dense
        },
        weight_bytes: if view.step.precision.stored_weight_bits > 8 { 2 } else { 1 },
    }
}

const fn map(extents: Extents) -> FeatureMap {
    FeatureMap::new(extents.width, extents.height, extents.channels)
}
