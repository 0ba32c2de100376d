//! Taking out the mean error that coarse weights make.
//!
//! Rounded weights shift the mean of every output channel by `E[(Wq - W) x] = (Wq - W) E[x]`, which
//! a bias can take back (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
//! Correction", 2019, section 4.2). `E[x]` is measured: the mean of every element of the layer's
//! input over the calibration samples, zeros of the padding included, in the float model. The
//! expectation is linear, so that this equals the mean difference of the two layers' sums over
//! those samples, before any activation.

use cofit_ir::ops::window::Window;
use cofit_ir::{Op, Padding, Shape};

/// The mean of `(Wq - W) x` of every output channel.
///
/// `difference` is `Wq - W` in the layout of the layer's weights of shape `weights`; `means` are the
/// means of the elements of its input of shape `input`; `output` is the shape of its result. `None`
/// for operators without weights and for shapes that do not fit.
pub fn mean_shift(
    op: &Op,
    difference: &[f32],
    weights: &Shape,
    means: &[f64],
    input: &Shape,
    output: &Shape,
) -> Option<Vec<f64>> {
    if means.len() as u64 != input.elements() || difference.len() as u64 != weights.elements() {
        return None;
    }
    match op {
        Op::FullyConnected(_) => Some(dense(difference, weights, means)?),
        Op::Conv2d(conv) => {
            let taps = tap_means(conv.window(weights)?, conv.padding, means, input, output)?;
            convolution(difference, weights, &taps, input)
        }
        Op::DepthwiseConv2d(conv) => {
            let taps = tap_means(conv.window(weights)?, conv.padding, means, input, output)?;
            depthwise(difference, weights, &taps, input)
        }
        Op::TransposeConv2d(_) => transposed(difference, weights, means, input, output),
        _ => None,
    }
}

fn dense(difference: &[f32], weights: &Shape, means: &[f64]) -> Option<Vec<f64>> {
    let depth = weights.get(1).filter(|&depth| depth > 0)? as usize;
    let rows = means.len() / depth;
    let mut mean = vec![0.0; depth];
    for (at, value) in means.iter().enumerate() {
        mean[at % depth] += value / rows as f64;
    }
    let channel = |row: &[f32]| row.iter().zip(&mean).map(|(&d, m)| f64::from(d) * m).sum();
    Some(difference.chunks_exact(depth).map(channel).collect())
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
    difference: &[f32],
    weights: &Shape,
    taps: &[f64],
    input: &Shape,
) -> Option<Vec<f64>> {
    let outputs = weights.get(0)? as usize;
    let depth = weights.get(3).filter(|&depth| depth > 0)? as usize;
    let channels = input.last() as usize;
    let groups = (channels / depth).max(1);
    let per_group = (outputs / groups).max(1);
    let filter = difference.len() / outputs.max(1);
    let shift = |(output, filter): (usize, &[f32])| {
        let first = output / per_group * depth;
        let terms = filter.iter().enumerate().map(|(at, &d)| {
            f64::from(d) * taps.get(at / depth * channels + first + at % depth).unwrap_or(&0.0)
        });
        terms.sum()
    };
    Some(difference.chunks_exact(filter.max(1)).enumerate().map(shift).collect())
}

fn depthwise(
    difference: &[f32],
    weights: &Shape,
    taps: &[f64],
    input: &Shape,
) -> Option<Vec<f64>> {
    let outputs = weights.get(3).filter(|&outputs| outputs > 0)? as usize;
    let channels = (input.last() as usize).max(1);
    let multiplier = (outputs / channels).max(1);
    let mut shifts = vec![0.0; outputs];
    for (at, &d) in difference.iter().enumerate() {
        let (tap, output) = (at / outputs, at % outputs);
        shifts[output] +=
            f64::from(d) * taps.get(tap * channels + output / multiplier).unwrap_or(&0.0);
    }
    Some(shifts)
}

/// Every input element meets every tap once; what falls outside the result is counted too.
fn transposed(
    difference: &[f32],
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
        terms.map(|(at, &d)| f64::from(d) * sums.get(at % depth).unwrap_or(&0.0)).sum()
    };
    Some(difference.chunks_exact((difference.len() / outputs).max(1)).map(shift).collect())
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
        let shift = |op: &Op, weights: Shape, difference: &[f32]| {
            mean_shift(op, difference, &weights, &[1.0; 3], &input, &output).unwrap()
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
            mean_shift(&op, &[1.0, 0.5], &Shape::new(&[2, 1, 1, 1]), &means, &input, &output);
        assert_eq!(found, Some(vec![2.0, 10.0]));
    }
}
