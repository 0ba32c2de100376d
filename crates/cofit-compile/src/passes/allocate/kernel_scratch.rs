//! Working space of kernels, which a library asks for per call and an arena gives it for one step.
//!
//! The sizes are CMSIS-NN's (ARM-software/CMSIS-NN at 098d54a6, `Source/*/arm_*_get_buffer_sizes_s8.c`,
//! built with GCC): columns of the input that a convolution gathers, sums of the weights of a dense
//! layer on Helium, sums of an average. Only 8-bit activations are counted; transposed convolutions
//! and recurrent operators are not.

use cofit_chip::{KernelScratch, OperatorClass};
use cofit_ir::Extent2d;
use cofit_vocab::{Bytes, ElementType};

use crate::context::Context;
use crate::layer::Layer;
use crate::plan::{Buffer, BufferRole, Placement, Plan, StepId};
use crate::step_layer::StepLayer;

/// Adds a buffer for every step whose kernel asks for one.
pub(super) fn add(plan: &mut Plan, context: &Context<'_>) {
    let rule = context.chip.runtime.ram.scratch;
    let wanted: Vec<(StepId, Bytes)> = plan
        .steps
        .iter()
        .filter(|(_, step)| step.placement != Placement::View)
        .map(|(id, step)| (id, bytes(rule, &StepLayer::of(&plan.graph, step).main)))
        .filter(|(_, bytes)| !bytes.is_zero())
        .collect();
    for (step, bytes) in wanted {
        plan.buffers.push(Buffer {
            role: BufferRole::Scratch,
            memory: None,
            address: None,
            bytes,
            alignment: 1,
            first_step: step,
            last_step: step,
            begins_late: false,
            ends_early: false,
        });
    }
}

/// Bytes that the kernel of `layer` asks for.
fn bytes(rule: KernelScratch, layer: &Layer) -> Bytes {
    if layer.element != ElementType::Int8 {
        return Bytes::ZERO;
    }
    let build = match rule {
        KernelScratch::None => return Bytes::ZERO,
        KernelScratch::CmsisNnC => Build::C,
        KernelScratch::CmsisNnDsp => Build::Dsp,
        KernelScratch::CmsisNnMve => Build::Mve,
    };
    match OperatorClass::of(layer.kind) {
        OperatorClass::Convolution => convolution(build, layer),
        OperatorClass::Depthwise => depthwise(build, layer),
        OperatorClass::Dense => dense(build, layer),
        OperatorClass::Pooling => pooling(build, layer),
        OperatorClass::Pointwise
        | OperatorClass::Shallow
        | OperatorClass::Transposed
        | OperatorClass::MatrixProduct
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
        | OperatorClass::Control => Bytes::ZERO,
    }
}

/// How CMSIS-NN was compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    C,
    Dsp,
    Mve,
}

/// Elements under one position of the window.
fn window(layer: &Layer) -> u64 {
    u64::from(layer.kernel.height) * u64::from(layer.kernel.width)
}

/// Zeros above and to the left of the map.
fn leading_zeros(layer: &Layer) -> (u64, u64) {
    layer
        .padding
        .map_or((0, 0), |padding| (padding.amounts.top.into(), padding.amounts.left.into()))
}

/// Nothing for a 1x1 window, which reads the map as it lies; else two columns of 16-bit elements,
/// or on Helium four of 8 bits and whole vectors.
fn convolution(build: Build, layer: &Layer) -> Bytes {
    let channels = u64::from(layer.input.channels);
    if layer.kernel == Extent2d::ONE && leading_zeros(layer) == (0, 0) {
        return Bytes::ZERO;
    }
    let column = window(layer).saturating_mul(channels);
    match build {
        Build::C | Build::Dsp => Bytes(column.saturating_add(3) / 4) * (4 * 2 * 2),
        Build::Mve => {
            let whole = Bytes(column.div_ceil(16)) * (4 * 16);
            row(layer, channels).map_or(whole, Bytes)
        }
    }
}

/// What a convolution along one row takes on Helium: the longest of its padded ends, where there
/// are positions enough beside them.
fn row(layer: &Layer, channels: u64) -> Option<u64> {
    let is_row = layer.input.height == 1
        && layer.kernel.height == 1
        && layer.dilation.width == 1
        && layer.groups == 1
        && u64::from(layer.stride.width).saturating_mul(channels).is_multiple_of(4);
    if !is_row {
        return None;
    }
    let stride = u64::from(layer.stride.width.max(1));
    let (taps, outputs) = (u64::from(layer.kernel.width), u64::from(layer.output.width));
    let (_, left) = leading_zeros(layer);
    let reach = outputs.saturating_sub(1).saturating_mul(stride).saturating_add(taps);
    let odd = reach.saturating_sub(layer.input.width.into()) % 2;
    let padded = |zeros: u64| if zeros == 0 { 0 } else { zeros.div_ceil(stride).max(1) };
    let (at_left, at_right) = (padded(left), padded(left + odd));
    if at_left + at_right > outputs {
        return None;
    }
    let zeros = left.saturating_mul(channels);
    let behind = if odd == 0 { zeros } else { at_right.saturating_mul(channels) };
    let first = taps.saturating_mul(channels);
    Some(first.saturating_add(zeros).max((first - channels).saturating_add(behind)))
}

/// Nothing for the window of 3x3 with at most one zero on a side, or where channels multiply; else
/// the window of every channel in 16 bits, or on Helium four windows of a block of channels.
fn depthwise(build: Build, layer: &Layer) -> Bytes {
    /// Channels that the Helium kernel takes at once (`CH_IN_BLOCK_MVE`).
    const BLOCK: u64 = 124;
    let (top, left) = leading_zeros(layer);
    let is_plain = layer.multiplier == 1 && layer.batch == 1 && layer.dilation == Extent2d::ONE;
    let is_three = layer.kernel == Extent2d { height: 3, width: 3 } && top <= 1 && left <= 1;
    match build {
        Build::Mve if is_plain => Bytes(window(layer)) * (4 * BLOCK),
        Build::Dsp if is_plain && !is_three => {
            Bytes(window(layer)) * (2 * u64::from(layer.input.channels))
        }
        Build::C | Build::Dsp | Build::Mve => Bytes::ZERO,
    }
}

/// A 32-bit sum of the weights of every output on Helium. A build for speed keeps them for good,
/// one for size asks for them at every call.
fn dense(build: Build, layer: &Layer) -> Bytes {
    match build {
        Build::C | Build::Dsp => Bytes::ZERO,
        Build::Mve => Bytes(layer.output.channels.into()) * (4),
    }
}

/// A 32-bit sum of every channel of an average with the DSP extension.
fn pooling(build: Build, layer: &Layer) -> Bytes {
    match (build, layer.kind) {
        (Build::Dsp, cofit_vocab::OperatorKind::AveragePool2d) => {
            Bytes(layer.input.channels.into()) * (4)
        }
        (Build::C | Build::Dsp | Build::Mve, _) => Bytes::ZERO,
    }
}
