//! Tasks of a step on a CPU or DSP with a kernel library, by the `simd` cost table.

use cofit_chip::{NumberKind, OperatorClass, SimdCost, SimdTiming};
use cofit_compile::layer::Layer;
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
    let row = row_of(view, timing);
    let speed_up = speed_up(view, timing);
    let mut kernel = row.map_or_else(|| Kernel::named("missing"), |row| kernel_of(row, speed_up));
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

/// How many times faster the step's arithmetic is on the threads of the run than on one.
pub(crate) fn speed_up(view: &StepView<'_>, timing: &SimdTiming) -> f64 {
    timing.speed_up(class_of(&view.layer.main), view.chip.threads_of(view.engine))
}

/// The card's cost row for the step. A width without a row of its own runs the 8-bit kernel, and the
/// card says at what factor.
pub(crate) fn row_of<'a>(view: &StepView<'_>, timing: &'a SimdTiming) -> Option<&'a SimdCost> {
    let number =
        if view.layer.main.element.is_float() { NumberKind::Float } else { NumberKind::Integer };
    let bits = view.layer.main.element.bits();
    let class = class_of(&view.layer.main);
    let find = |class, weights, activations| timing.cost_of(class, weights, activations, number);
    let weights = view.step.precision.weight_bits;
    find(class, weights, bits)
        .or_else(|| find(class, weights.map(|_| 8), 8))
        .or_else(|| find(general(class), weights, bits))
        .or_else(|| find(general(class), weights.map(|_| 8), 8))
}

/// The class of a layer's operator, with what only its window tells.
pub fn class_of(layer: &Layer) -> OperatorClass {
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

/// The kernel of a row whose arithmetic is so many times faster than one core's.
fn kernel_of(row: &SimdCost, speed_up: f64) -> Kernel {
    Kernel {
        name: row.id.clone(),
        per_call: row.per_call.value,
        per_mac: row.per_mac.value / speed_up,
        per_output: row.per_output.value / speed_up,
        per_input: row.per_input.value / speed_up,
        per_weight: row.per_weight.value,
        imitates: None,
    }
}
