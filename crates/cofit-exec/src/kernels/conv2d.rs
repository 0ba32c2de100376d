//! `conv2d`: as inner products of every output channel's weights with a patch of the input.

use cofit_ir::ops::Conv2d;
use cofit_vocab::ElementType;

use super::dot::{dot, dot_float, dot_wide};
use super::dynamic_range::DynamicRange;
use super::requantiser::{Bias, Requantiser};
use super::weights::{FloatWeights, IntegerWeights, float_bias, widened};
use super::window::Sliding;
use crate::arithmetic::activation::activate;
use crate::call::{Call, Fault, Kernel};
use crate::site::{Refusal, Site};

/// int8 and uint8 with accumulators of 32 bits, int16 with those of its bias's width, and float32,
/// whose input is quantised on the fly where weights are integers.
pub(crate) fn prepare(op: &Conv2d, site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (input, weights, output) = (site.input(0)?, site.input(1)?, site.output(0)?);
    let window = op.window(&weights.shape).ok_or_else(|| site.unsupported())?;
    let sliding = Sliding::new(site, window, op.padding, &input.shape, &output.shape)?;
    let depth = weights.shape.last() as usize;
    let channels = sliding.output[2];
    if depth == 0 || weights.shape.get(0) != Some(channels as u32) {
        return Err(site.refuse("its weights do not fit its result", "check the exporter"));
    }
    let shape = Patches { sliding, depth, groups: (sliding.input[2] / depth).max(1) };
    let activation = op.activation;
    match (input.element, output.element) {
        (ElementType::Float32, ElementType::Float32)
            if let Some(scaled) = DynamicRange::new(site, channels)? =>
        {
            let bias = float_bias(site, 2, channels)?;
            let image = Patches { sliding: sliding.of_one_image(), ..shape };
            let lengths = sliding.image_lengths();
            Ok(Box::new(move |call: &mut Call<'_>| {
                scaled.for_each(call, lengths, |measured, weights, output| {
                    image.convolve(&measured.codes, weights, 0, output, |channel, w, patch| {
                        let sum = scaled.real(channel, dot(w, patch), measured);
                        activate(activation, sum + bias[channel])
                    })
                })
            }))
        }
        (ElementType::Float32, ElementType::Float32) => {
            let weights = FloatWeights::new(site, 1)?;
            let bias = float_bias(site, 2, channels)?;
            Ok(Box::new(move |call: &mut Call<'_>| {
                let weights = weights.get(&call.inputs)?;
                let input = call.inputs.get::<f32>(0)?;
                shape.convolve(input, weights, 0.0, call.outputs.get(0)?, |channel, w, patch| {
                    activate(activation, dot_float(w, patch) + bias[channel])
                })
            }))
        }
        (ElementType::Int8 | ElementType::UInt8 | ElementType::Int16, element)
            if element == input.element =>
        {
            let single_product = input.element == ElementType::UInt8;
            let requantiser =
                Requantiser::new(site, input, weights, channels, single_product, activation)?;
            let zero_point = site.affine(input)?.zero_point as i16;
            let weights = IntegerWeights::new(site, 1)?;
            let bias = Bias::new(site, 2, channels)?;
            Ok(Box::new(move |call: &mut Call<'_>| {
                let weights = weights.get(&call.inputs)?;
                let input = widened(call.inputs.any(0)?, zero_point);
                let narrow = |bias: &[i32], channel: usize, w: &[i16], patch: &[i16]| {
                    requantiser.finish(channel, dot(w, patch).wrapping_add(bias[channel]))
                };
                match (&bias, element) {
                    (Bias::Narrow(bias), ElementType::Int8) => {
                        let output = call.outputs.get::<i8>(0)?;
                        shape.convolve(&input, &weights, 0, output, |channel, w, patch| {
                            narrow(bias, channel, w, patch) as i8
                        })
                    }
                    (Bias::Narrow(bias), ElementType::UInt8) => {
                        let output = call.outputs.get::<u8>(0)?;
                        shape.convolve(&input, &weights, 0, output, |channel, w, patch| {
                            narrow(bias, channel, w, patch) as u8
                        })
                    }
                    (Bias::Narrow(bias), _) => {
                        let output = call.outputs.get::<i16>(0)?;
                        shape.convolve(&input, &weights, 0, output, |channel, w, patch| {
                            narrow(bias, channel, w, patch) as i16
                        })
                    }
                    (Bias::Wide(bias), ElementType::Int16) => {
                        let output = call.outputs.get::<i16>(0)?;
                        shape.convolve(&input, &weights, 0, output, |channel, w, patch| {
                            let sum = dot_wide(w, patch).wrapping_add(bias[channel]);
                            requantiser.finish_wide(channel, sum) as i16
                        })
                    }
                    (Bias::Wide(_), _) => Err(Fault::new("a 64-bit bias needs int16 activations")),
                }
            }))
        }
        _ => Err(site.unsupported()),
    }
}

/// A convolution as patches of the input, one an output position and group.
#[derive(Clone, Copy)]
struct Patches {
    sliding: Sliding,
    /// Input channels of a group.
    depth: usize,
    groups: usize,
}

impl Patches {
    /// Calls `product` with every output channel, its weights, and the patch of every position.
    fn convolve<T: Copy, O>(
        &self,
        input: &[T],
        weights: &[T],
        zero: T,
        output: &mut [O],
        product: impl Fn(usize, &[T], &[T]) -> O,
    ) -> Result<(), Fault> {
        let [height, width, input_channels] = self.sliding.input;
        let [rows, columns, channels] = self.sliding.output;
        let length = self.sliding.taps() * self.depth;
        let per_group = channels / self.groups;
        let image = height * width * input_channels;
        let fits = input.len() == self.sliding.batch * image
            && weights.len() == channels * length
            && output.len() == self.sliding.batch * rows * columns * channels;
        if !fits || length == 0 {
            return Err(Fault::new("its tensors do not have the lengths that it was prepared for"));
        }
        let is_contiguous = self.sliding.is_pointwise() && self.groups == 1;
        let mut gathered = vec![zero; if is_contiguous { 0 } else { columns * length }];
        let row_length = columns * channels;
        for (image_at, output) in output.chunks_exact_mut(rows * row_length).enumerate() {
            let input = &input[image_at * image..][..image];
            for (row, output) in output.chunks_exact_mut(row_length).enumerate() {
                for group in 0..self.groups {
                    let patches = if is_contiguous {
                        &input[row * columns * length..][..columns * length]
                    } else {
                        self.gather(input, row, group, zero, &mut gathered);
                        &gathered
                    };
                    let first = group * per_group;
                    let group_weights = &weights[first * length..][..per_group * length];
                    for (at, weights) in group_weights.chunks_exact(length).enumerate() {
                        let channel = first + at;
                        let results = output[channel..].iter_mut().step_by(channels);
                        for (result, patch) in results.zip(patches.chunks_exact(length)) {
                            *result = product(channel, weights, patch);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The patches of one output row and group, one behind the other.
    fn gather<T: Copy>(&self, input: &[T], row: usize, group: usize, zero: T, patches: &mut [T]) {
        let length = self.sliding.taps() * self.depth;
        patches.fill(zero);
        for (column, patch) in patches.chunks_exact_mut(length).enumerate() {
            for (tap, start) in self.sliding.taps_at(row, column) {
                let from = start + group * self.depth;
                patch[tap * self.depth..][..self.depth]
                    .copy_from_slice(&input[from..][..self.depth]);
            }
        }
    }
}
