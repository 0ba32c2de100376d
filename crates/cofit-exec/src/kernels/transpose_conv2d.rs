//! `transpose_conv2d`: every input position spreads its products over a window of the result.

use cofit_ir::ops::TransposeConv2d;
use cofit_vocab::ElementType;

use super::dot::{dot, dot_float, dot_wide};
use super::requantiser::{Bias, Requantiser};
use super::weights::{FloatWeights, IntegerWeights, float_bias, widened};
use super::window::Sliding;
use crate::arithmetic::activation::activate;
use crate::call::{Call, Fault, Kernel};
use crate::site::{Refusal, Site};

/// int8 and uint8 with sums of 32 bits, int16 with 64 whatever the bias, and float32.
pub(crate) fn prepare(op: &TransposeConv2d, site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (weights, input, output) = (site.input(1)?, site.input(2)?, site.output(0)?);
    let window = op.window(&weights.shape).ok_or_else(|| site.unsupported())?;
    // The window slides over the result, so the roles of input and output are exchanged.
    let sliding = Sliding::new(site, window, op.padding, &output.shape, &input.shape)?;
    let channels = sliding.input[2];
    let depth = sliding.output[2];
    if depth == 0 || channels == 0 || weights.shape.last() as usize != depth {
        return Err(site.refuse("its weights do not fit its input", "check the exporter"));
    }
    let spread = Spread(sliding);
    let activation = op.activation;
    match (input.element, output.element) {
        (ElementType::Float32, ElementType::Float32) => {
            let weights = FloatWeights::new(site, 1)?;
            let bias = float_bias(site, 3, channels)?;
            Ok(Box::new(move |call: &mut Call<'_>| {
                let weights = weights.get(&call.inputs)?;
                let input = call.inputs.get::<f32>(2)?;
                let sums = spread.sums(input, weights, 0.0, |a, b| a + b, dot_float)?;
                finish(&sums, call.outputs.get(0)?, channels, |channel, sum| {
                    activate(activation, sum + bias[channel])
                })
            }))
        }
        (ElementType::Int8 | ElementType::UInt8, element) if element == input.element => {
            let single_product = element == ElementType::UInt8;
            let requantiser =
                Requantiser::new(site, input, weights, channels, single_product, activation)?;
            let zero_point = site.affine(input)?.zero_point as i16;
            let weights = IntegerWeights::new(site, 1)?;
            let Bias::Narrow(bias) = Bias::new(site, 3, channels)? else {
                return Err(site.unsupported());
            };
            Ok(Box::new(move |call: &mut Call<'_>| {
                let weights = weights.get(&call.inputs)?;
                let input = widened(call.inputs.any(2)?, zero_point);
                let sums = spread.sums(&input, &weights, 0, i32::wrapping_add, dot)?;
                let value = |channel: usize, sum: i32| {
                    requantiser.finish(channel, sum.wrapping_add(bias[channel]))
                };
                if element == ElementType::Int8 {
                    let output = call.outputs.get::<i8>(0)?;
                    finish(&sums, output, channels, |channel, sum| value(channel, sum) as i8)
                } else {
                    let output = call.outputs.get::<u8>(0)?;
                    finish(&sums, output, channels, |channel, sum| value(channel, sum) as u8)
                }
            }))
        }
        (ElementType::Int16, ElementType::Int16) => {
            let requantiser = Requantiser::new(site, input, weights, channels, false, activation)?;
            let weights = IntegerWeights::new(site, 1)?;
            let bias = Bias::wide(site, 3, channels)?;
            Ok(Box::new(move |call: &mut Call<'_>| {
                let weights = weights.get(&call.inputs)?;
                let input = call.inputs.get::<i16>(2)?;
                let sums = spread.sums(input, &weights, 0, i64::wrapping_add, dot_wide)?;
                finish(&sums, call.outputs.get::<i16>(0)?, channels, |channel, sum| {
                    requantiser.finish_wide(channel, sum.wrapping_add(bias[channel])) as i16
                })
            }))
        }
        _ => Err(site.unsupported()),
    }
}

/// A window over the result.
#[derive(Clone, Copy)]
struct Spread(Sliding);

impl Spread {
    /// The sum of products at every element of the result.
    fn sums<T: Copy, S: Copy>(
        &self,
        input: &[T],
        weights: &[T],
        zero: S,
        add: impl Fn(S, S) -> S,
        product: impl Fn(&[T], &[T]) -> S,
    ) -> Result<Vec<S>, Fault> {
        let [height, width, channels] = self.0.input;
        let [rows, columns, depth] = self.0.output;
        let taps = self.0.taps();
        let image = height * width * channels;
        let fits = input.len() == self.0.batch * rows * columns * depth
            && weights.len() == channels * taps * depth;
        if !fits {
            return Err(Fault::new("its tensors do not have the lengths that it was prepared for"));
        }
        let mut sums = vec![zero; self.0.batch * image];
        for (position, values) in input.chunks_exact(depth).enumerate() {
            let (image_at, inside) = (position / (rows * columns), position % (rows * columns));
            let sums = &mut sums[image_at * image..][..image];
            for (tap, start) in self.0.taps_at(inside / columns, inside % columns) {
                for (channel, sum) in sums[start..][..channels].iter_mut().enumerate() {
                    let weights = &weights[(channel * taps + tap) * depth..][..depth];
                    *sum = add(*sum, product(values, weights));
                }
            }
        }
        Ok(sums)
    }
}

/// Turns sums into results, channels innermost.
fn finish<S: Copy, O>(
    sums: &[S],
    output: &mut [O],
    channels: usize,
    value: impl Fn(usize, S) -> O,
) -> Result<(), Fault> {
    if sums.len() != output.len() {
        return Err(Fault::new("its result does not have the length that it was prepared for"));
    }
    for (sums, output) in sums.chunks_exact(channels).zip(output.chunks_exact_mut(channels)) {
        for (channel, (result, &sum)) in output.iter_mut().zip(sums).enumerate() {
            *result = value(channel, sum);
        }
    }
    Ok(())
}
