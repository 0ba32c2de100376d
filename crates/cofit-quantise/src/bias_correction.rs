//! Taking out the mean error that coarse weights make.
//!
//! Rounded weights and activations shift the mean of every output channel, which a bias can take
//! back: empirical bias correction (Nagel et al., "Data-Free Quantization Through Weight Equalization
//! and Bias Correction", 2019, appendix D). Layer after layer, in the order of the model, the mean of
//! the quantised layer's sums, with all layers before it corrected, is brought to that of the float
//! layer's, before any activation.
//!
//! The mean of a sum of products with constant weights is the sum of the products with the mean
//! input, so that only the mean of every element of a layer's input has to be measured. Zeros of the
//! padding count.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use cofit_exec::{Buffer, Observer, Slice};
use cofit_ir::ops::window::Window;
use cofit_ir::{Graph, Op, OperatorId, Padding, Shape, Tensor, TensorId, Verified};
use cofit_vocab::Diagnostics;

use crate::calibration::constant_floats;
use crate::evaluate::{Runner, to_reals};
use crate::operator_rules::{Treatment, treatment};
use crate::quantise::{Quantised, Settings};
use crate::weights::ChannelLayout;
use crate::{Calibration, Progress, Scheme, advance, quantise};

/// What to take from the bias of every layer with weights, by output channel and by the operator of
/// the float model: for [`Settings::bias_shifts`].
///
/// Runs the quantised model on all samples once for every layer, each time up to that layer.
///
/// # Errors
/// What quantisation and execution refuse, and the watcher's wish to stop.
pub fn bias_shifts(
    model: &Verified,
    calibration: &Calibration,
    scheme: &Scheme,
    settings: &Settings,
    samples: &[Vec<Buffer>],
    progress: &mut Progress<'_>,
) -> Result<BTreeMap<OperatorId, Vec<f64>>, Diagnostics> {
    let mut settings = Settings { bias_shifts: BTreeMap::new(), ..settings.clone() };
    let mut quantised = quantise(model, calibration, scheme, &settings)?;
    let layers = quantised.layers.len();
    for at in 0..layers {
        let layer = &quantised.layers[at];
        let (source, operator) = (layer.source, layer.operator);
        let all = layers * samples.len();
        let means = input_means(&quantised, operator, samples, settings.execution.clone(), &mut |done| {
            advance(progress, at * samples.len() + done, all)
        })?;
        let wanted = float_means(model.main_graph(), source, calibration);
        let found = means.and_then(|means| {
            layer_means(quantised.model.main_graph(), operator, &means)
        });
        if let (Some(wanted), Some(found)) = (wanted, found) {
            let shift = found.iter().zip(&wanted).map(|(found, wanted)| found - wanted).collect();
            settings.bias_shifts.insert(source, shift);
            quantised = quantise(model, calibration, scheme, &settings)?;
        }
    }
    advance(progress, layers * samples.len(), layers * samples.len())?;
    Ok(settings.bias_shifts)
}

/// The means of a float layer's sums without its bias.
fn float_means(graph: &Graph, id: OperatorId, calibration: &Calibration) -> Option<Vec<f64>> {
    let Treatment::Weighted(operands) = treatment(&graph.operators[id].op) else { return None };
    let input = graph.operators[id].input(operands.input)?;
    layer_means(graph, id, &calibration.means(input)?)
}

/// The means of a layer's sums without its bias, from the means of its input.
fn layer_means(graph: &Graph, id: OperatorId, means: &[f64]) -> Option<Vec<f64>> {
    let operator = &graph.operators[id];
    let Treatment::Weighted(operands) = treatment(&operator.op) else { return None };
    let weights = &graph.tensors[operator.input(operands.weights)?];
    let input = &graph.tensors[operator.input(operands.input)?].shape;
    let output = &graph.tensors[*operator.outputs.first()?].shape;
    let values = real_weights(weights, operands.axis)?;
    mean_products(&operator.op, &values, &weights.shape, means, input, output)
}

/// The real weights of a float or integer constant.
fn real_weights(weights: &Tensor, axis: usize) -> Option<Vec<f32>> {
    if let Some(values) = constant_floats(weights) {
        return Some(values);
    }
    let count = usize::try_from(weights.shape.elements()).ok()?;
    let Buffer::I8(stored) = Buffer::from_packed(weights.element, count, weights.data()?)? else {
        return None;
    };
    let quantisation = weights.quantisation.as_ref()?;
    let layout = ChannelLayout::along(weights.shape.dimensions(), axis);
    let real = |(at, &stored): (usize, &i8)| {
        quantisation.at(layout.channel(at)).map(|(scale, _)| f32::from(stored) * scale)
    };
    stored.iter().enumerate().map(real).collect()
}

/// The mean of every element of a layer's input over all samples.
fn input_means(
    quantised: &Quantised,
    operator: OperatorId,
    samples: &[Vec<Buffer>],
    options: cofit_exec::Options,
    advance: &mut dyn FnMut(usize) -> Result<(), Diagnostics>,
) -> Result<Option<Vec<f64>>, Diagnostics> {
    let graph = quantised.model.main_graph();
    let Treatment::Weighted(operands) = treatment(&graph.operators[operator].op) else {
        return Ok(None);
    };
    let Some(input) = graph.operators[operator].input(operands.input) else { return Ok(None) };
    let runner = Runner::new(&quantised.model, &options)?;
    let mut sums = Sums { input, tensor: &graph.tensors[input], sums: Vec::new() };
    let position = graph.inputs.iter().position(|&id| id == input);
    for (done, sample) in samples.iter().enumerate() {
        advance(done)?;
        let stored = runner.quantised(sample);
        match position.and_then(|at| stored.get(at)) {
            Some(values) => sums.add(values),
            None => {
                runner.network().run(&mut runner.state(), &stored, &mut sums)?;
            }
        }
    }
    let count = samples.len() as f64;
    Ok(Some(sums.sums.iter().map(|sum| sum / count).collect()))
}

/// Sums up one tensor, and ends the run behind it.
struct Sums<'a> {
    input: TensorId,
    tensor: &'a Tensor,
    sums: Vec<f64>,
}

impl Sums<'_> {
    fn add(&mut self, values: &Buffer) {
        let reals = to_reals(self.tensor, values);
        self.sums.resize(reals.len(), 0.0);
        for (sum, &real) in self.sums.iter_mut().zip(&reals) {
            *sum += f64::from(real);
        }
    }
}

impl Observer for Sums<'_> {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        if id != self.input {
            return ControlFlow::Continue(());
        }
        self.add(&values.to_buffer());
        ControlFlow::Break(())
    }
}

/// The mean of every output channel of a layer without bias.
///
/// `values` are the layer's weights, of shape `weights`; `means` are the means of the elements of
/// its input of shape `input`; `output` is the shape of its result. `None` for operators without
/// weights and for shapes that do not fit.
pub fn mean_products(
    op: &Op,
    values: &[f32],
    weights: &Shape,
    means: &[f64],
    input: &Shape,
    output: &Shape,
) -> Option<Vec<f64>> {
    if means.len() as u64 != input.elements() || values.len() as u64 != weights.elements() {
        return None;
    }
    match op {
        Op::FullyConnected(_) => dense(values, weights, means),
        Op::Conv2d(conv) => {
            let taps = tap_means(conv.window(weights)?, conv.padding, means, input, output)?;
            convolution(values, weights, &taps, input)
        }
        Op::DepthwiseConv2d(conv) => {
            let taps = tap_means(conv.window(weights)?, conv.padding, means, input, output)?;
            depthwise(values, weights, &taps, input)
        }
        Op::TransposeConv2d(_) => transposed(values, weights, means, input, output),
        _ => None,
    }
}

fn dense(values: &[f32], weights: &Shape, means: &[f64]) -> Option<Vec<f64>> {
    let depth = weights.get(1).filter(|&depth| depth > 0)? as usize;
    let rows = means.len() / depth;
    let mut mean = vec![0.0; depth];
    for (at, value) in means.iter().enumerate() {
        mean[at % depth] += value / rows as f64;
    }
    let channel = |row: &[f32]| row.iter().zip(&mean).map(|(&w, m)| f64::from(w) * m).sum();
    Some(values.chunks_exact(depth).map(channel).collect())
}

/// The mean over batch and output positions of the input element under every tap, as
/// `[kernel height, kernel width, input channels]`.
fn tap_means(
    window: Window,
    padding: Padding,
    means: &[f64],
    input: &Shape,
    output: &Shape,
) -> Option<Vec<f64>> {
    let [batch, height, width, channels] = input.as_nhwc()?.map(|length| length as usize);
    let [_, rows, columns, _] = output.as_nhwc()?.map(|length| length as usize);
    let amounts = window
        .padding_amounts(u32::try_from(height).ok()?, u32::try_from(width).ok()?, padding)
        .ok()?;
    let (kernel_height, kernel_width) =
        (window.kernel.height as usize, window.kernel.width as usize);
    let mut taps = vec![0.0; kernel_height * kernel_width * channels];
    let share = 1.0 / (batch * rows * columns).max(1) as f64;
    // Where a tap lies in the input, if it does.
    let place = |out: usize, stride: u32, tap: usize, dilation: u32, before: u32, length: usize| {
        (out * stride as usize + tap * dilation as usize)
            .checked_sub(before as usize)
            .filter(|&at| at < length)
    };
    for tap_row in 0..kernel_height {
        for tap_column in 0..kernel_width {
            let sums = &mut taps[(tap_row * kernel_width + tap_column) * channels..][..channels];
            for row in 0..rows {
                let (stride, dilation) = (window.stride.height, window.dilation.height);
                let Some(y) = place(row, stride, tap_row, dilation, amounts.top, height) else {
                    continue;
                };
                for column in 0..columns {
                    let (stride, dilation) = (window.stride.width, window.dilation.width);
                    let Some(x) = place(column, stride, tap_column, dilation, amounts.left, width)
                    else {
                        continue;
                    };
                    for image in 0..batch {
                        let at = ((image * height + y) * width + x) * channels;
                        for (sum, mean) in sums.iter_mut().zip(&means[at..][..channels]) {
                            *sum += mean * share;
                        }
                    }
                }
            }
        }
    }
    Some(taps)
}

fn convolution(
    values: &[f32],
    weights: &Shape,
    taps: &[f64],
    input: &Shape,
) -> Option<Vec<f64>> {
    let outputs = weights.get(0)? as usize;
    let depth = weights.get(3).filter(|&depth| depth > 0)? as usize;
    let channels = input.last() as usize;
    let groups = (channels / depth).max(1);
    let per_group = (outputs / groups).max(1);
    let filter = values.len() / outputs.max(1);
    let shift = |(output, filter): (usize, &[f32])| {
        let first = output / per_group * depth;
        let terms = filter.iter().enumerate().map(|(at, &w)| {
            f64::from(w) * taps.get(at / depth * channels + first + at % depth).unwrap_or(&0.0)
        });
        terms.sum()
    };
    Some(values.chunks_exact(filter.max(1)).enumerate().map(shift).collect())
}

fn depthwise(
    values: &[f32],
    weights: &Shape,
    taps: &[f64],
    input: &Shape,
) -> Option<Vec<f64>> {
    let outputs = weights.get(3).filter(|&outputs| outputs > 0)? as usize;
    let channels = (input.last() as usize).max(1);
    let multiplier = (outputs / channels).max(1);
    let mut shifts = vec![0.0; outputs];
    for (at, &w) in values.iter().enumerate() {
        let (tap, output) = (at / outputs, at % outputs);
        shifts[output] +=
            f64::from(w) * taps.get(tap * channels + output / multiplier).unwrap_or(&0.0);
    }
    Some(shifts)
}

/// Every input element meets every tap once; what falls outside the result is counted too.
fn transposed(
    values: &[f32],
    weights: &Shape,
    means: &[f64],
    input: &Shape,
    output: &Shape,
) -> Option<Vec<f64>> {
    let depth = weights.get(3).filter(|&depth| depth > 0)? as usize;
    let outputs = weights.get(0).filter(|&outputs| outputs > 0)? as usize;
    let positions = (output.elements() / u64::from(output.last().max(1))).max(1) as f64;
    let mut sums = vec![0.0; input.last() as usize];
    for (at, mean) in means.iter().enumerate() {
        let channels = sums.len().max(1);
        sums[at % channels] += mean / positions;
    }
    let shift = |filter: &[f32]| {
        let terms = filter.iter().enumerate();
        terms.map(|(at, &w)| f64::from(w) * sums.get(at % depth).unwrap_or(&0.0)).sum()
    };
    Some(values.chunks_exact((values.len() / outputs).max(1)).map(shift).collect())
}

#[cfg(test)]
mod tests {
    use cofit_ir::Extent2d;
    use cofit_ir::ops::{Conv2d, DepthwiseConv2d};

    use super::*;

    #[test]
    fn padding_counts_as_zeros() {
        // One row of three ones, a kernel of three: the middle tap sees 3 of 3 positions, the
        // outer ones 2 of 3.
        let (input, output) = (Shape::new(&[1, 1, 3, 1]), Shape::new(&[1, 1, 3, 1]));
        let shift = |op: &Op, weights: Shape, values: &[f32]| {
            mean_products(op, values, &weights, &[1.0; 3], &input, &output).unwrap()
        };
        let conv: Op = Conv2d::default().into();
        let found = shift(&conv, Shape::new(&[1, 1, 3, 1]), &[0.3, 0.5, -0.6]);
        assert!((found[0] - (0.2 + 0.5 - 0.4)).abs() < 1e-6, "{found:?}");
        let depthwise: Op = DepthwiseConv2d::default().into();
        let found = shift(&depthwise, Shape::new(&[1, 1, 3, 1]), &[0.3, 0.5, -0.6]);
        assert!((found[0] - 0.3).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn strides_and_groups_pick_their_inputs() {
        let op: Op = Conv2d { stride: Extent2d::new(1, 2), ..Conv2d::default() }.into();
        let (input, output) = (Shape::new(&[1, 1, 4, 2]), Shape::new(&[1, 1, 2, 2]));
        // Two groups of one channel; a 1x1 kernel with stride 2 sees columns 0 and 2.
        let means = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0];
        let found =
            mean_products(&op, &[1.0, 0.5], &Shape::new(&[2, 1, 1, 1]), &means, &input, &output);
        assert_eq!(found, Some(vec![2.0, 10.0]));
    }
}
