//! Tasks of a step on a CPU or DSP with a kernel library, by the `simd` cost table.

use cofit_chip::{NumberKind, OperatorClass, SimdCost, SimdTiming};
use cofit_ir::Extent2d;

use super::{Issuer, StepView, tiles};
use crate::causes::Causes;
use crate::simd::{Costs, Kernel, Wait};
use crate::work::Work;

/// One kernel call after another on the core. Nothing overlaps, but where tensors pass through a
/// small memory in tiles.
pub(crate) fn issue(view: &StepView<'_>, timing: &SimdTiming, issuer: &mut Issuer<'_>) {
    if let Some(causes) = cost(view, timing, &view.work(), 1) {
        match &timing.tiles {
            Some(tiles) => tiles::issue(view, tiles, &causes, issuer),
            None => issuer.compute_all(&causes),
        }
    }
}

/// What `work` costs in so many calls of the step's kernel.
pub(crate) fn cost(
    view: &StepView<'_>,
    timing: &SimdTiming,
    work: &Work,
    calls: u64,
) -> Option<Causes> {
    let number =
        if view.layer.main.element.is_float() { NumberKind::Float } else { NumberKind::Integer };
    let bits = view.layer.main.element.bits();
    let class = class_of(view);
    let find = |class, weights, activations| timing.cost_of(class, weights, activations, number);
    let weights = view.step.precision.weight_bits;
    // A width without a row of its own runs the 8-bit kernel, and the card says at what factor.
    let row = find(class, weights, bits)
        .or_else(|| find(class, weights.map(|_| 8), 8))
        .or_else(|| find(general(class), weights, bits))
        .or_else(|| find(general(class), weights.map(|_| 8), 8));
    let mut kernel = row.map_or_else(|| Kernel::named("missing"), kernel_of);
    let factor = view.step.precision.cycle_factor;
    let mut kernels = vec![kernel.clone()];
    if factor > 1.0 {
        kernel.imitates = Some(0);
        kernel.per_mac *= factor;
        kernels.push(kernel);
    }
    let costs = Costs {
        per_inference: 0.0,
        per_operator: timing.per_operator.value,
        waits: view
            .chip
            .memories
            .iter()
            .map(|memory| match timing.access_to(&memory.id) {
                Some(access) => Wait {
                    name: memory.id.clone(),
                    weight_read: access.weight_read.value,
                    read: access.read.value,
                    write: access.write.value,
                },
                None => Wait::none(&memory.id),
            })
            .collect(),
        kernels,
    };
    costs.cost_of_calls(costs.kernels.len() - 1, work, calls)
}

/// The class of the step's main operator, with what only its window tells.
fn class_of(view: &StepView<'_>) -> OperatorClass {
    let layer = &view.layer.main;
    match OperatorClass::of(layer.kind) {
        OperatorClass::Convolution
            if layer.kernel == Extent2d::ONE && layer.stride == Extent2d::ONE =>
        {
            OperatorClass::Pointwise
        }
        OperatorClass::Convolution if layer.input.channels < 4 => OperatorClass::Shallow,
        class => class,
    }
}

/// The class whose row serves where a card has none for the narrower one.
const fn general(class: OperatorClass) -> OperatorClass {
    match class {
        OperatorClass::Pointwise | OperatorClass::Shallow | OperatorClass::Transposed => {
            OperatorClass::Convolution
        }
        OperatorClass::Clamp => OperatorClass::Elementwise,
        OperatorClass::Nonlinear => OperatorClass::Exponential,
        OperatorClass::Reduction => OperatorClass::Pooling,
        OperatorClass::MatrixProduct | OperatorClass::Recurrent => OperatorClass::Dense,
        OperatorClass::Resampling | OperatorClass::Requantisation => OperatorClass::Elementwise,
        other => other,
    }
}

fn kernel_of(row: &SimdCost) -> Kernel {
    Kernel {
        name: row.id.clone(),
        per_call: row.per_call.value,
        per_mac: row.per_mac.value,
        per_output: row.per_output.value,
        per_input: row.per_input.value,
        per_weight: row.per_weight.value,
        imitates: None,
    }
}
