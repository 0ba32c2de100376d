//! Tasks of a layer on the MAX78000 and MAX78002: the vendor's formula.

use cofit_chip::{Max7800xTiming, OperatorClass};
use cofit_compile::plan::StepSchedule;
use cofit_ir::Extent2d;
use cofit_vocab::Cycles;

use super::{Issuer, StepView};
use crate::causes::Cause;
use crate::max7800x::{Arrival, Extent, Flatten, Layer, Operator, Pool, passes};

/// One hardware layer.
pub(crate) fn issue(view: &StepView<'_>, _: &Max7800xTiming, issuer: &mut Issuer<'_>) {
    let cycles = layer_of(view).cycles();
    issuer.compute(cycles, Cause::Compute);
    // The vendor's formula knows no widths; a card that is told otherwise states a factor.
    let more = cycles.as_f64() * (view.step.precision.cycle_factor.max(1.0) - 1.0);
    issuer.compute(Cycles::ceil_from(more), Cause::Emulation);
}

/// The step as the vendor's tools see it: pooling, joining and convolution of one layer.
fn layer_of(view: &StepView<'_>) -> Layer {
    let main = &view.layer.main;
    let input = view.layer.before_flatten.unwrap_or(view.layer.input);
    let padding = main.padding.map(|padding| padding.amounts).unwrap_or_default();
    // The formula pads both sides alike; the card's rules refuse what is not.
    let padding = Extent::new(
        narrow(padding.top.max(padding.bottom)),
        narrow(padding.left.max(padding.right)),
    );
    let kernel = extent(main.kernel);
    let outputs = narrow(main.output.channels);
    let operator = match OperatorClass::of(main.kind) {
        OperatorClass::Convolution | OperatorClass::Depthwise | OperatorClass::Pointwise => {
            Operator::Convolution { kernel, padding, output_channels: outputs }
        }
        OperatorClass::Transposed => {
            Operator::TransposedConvolution { kernel, padding, output_channels: outputs }
        }
        OperatorClass::Dense => Operator::Convolution {
            kernel: Extent::square(1),
            padding: Extent::square(0),
            output_channels: outputs,
        },
        OperatorClass::MatrixProduct
        | OperatorClass::Pooling
        | OperatorClass::Elementwise
        | OperatorClass::Shallow
        | OperatorClass::Clamp
        | OperatorClass::Nonlinear
        | OperatorClass::Exponential
        | OperatorClass::Reduction
        | OperatorClass::Movement
        | OperatorClass::View
        | OperatorClass::Resampling
        | OperatorClass::Requantisation
        | OperatorClass::Recurrent
        | OperatorClass::Control => Operator::Passthrough { time_slots: 1 },
    };
    let mut layer = Layer::new(
        Extent::new(narrow(input.height), narrow(input.width)),
        narrow(input.channels),
        operator,
    );
    layer.passes = passes(narrow(input.channels)).max(1);
    let is_pool = OperatorClass::of(main.kind) == OperatorClass::Pooling;
    if let Some(pool) = view.layer.pool_before.as_ref().or(is_pool.then_some(main)) {
        layer.pool = Pool { window: extent(pool.kernel), stride: extent(pool.stride) };
    }
    let joined = view
        .layer
        .elementwise
        .as_ref()
        .or((OperatorClass::of(main.kind) == OperatorClass::Elementwise).then_some(main));
    if let Some(joined) = joined {
        layer.operands = u16::try_from(joined.activations).unwrap_or(u16::MAX).max(1);
    }
    if OperatorClass::of(main.kind) == OperatorClass::Dense && input.pixels() > 1 {
        layer.flatten = Flatten::Flatten;
    }
    if matches!(view.step.schedule, StepSchedule::Streaming) {
        layer.arrival = Arrival::Streaming;
    }
    layer
}

fn extent(extent: Extent2d) -> Extent {
    Extent::new(narrow(extent.height), narrow(extent.width))
}

/// A length as the formula counts it; the card's limits keep real ones far below the end.
fn narrow(length: u32) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
