//! `depthwise_conv2d`: all channels of one output position side by side.

use cofit_ir::ops::DepthwiseConv2d;
use cofit_vocab::ElementType;

use super::dynamic_range::DynamicRange;
use super::requantiser::{Bias, Requantiser};
use super::weights::{FloatWeights, IntegerWeights, float_bias, widened};
use super::window::Sliding;
use crate::arithmetic::activation::activate;
use crate::call::{Call, Fault, Kernel};
use crate::site::{Refusal, Site};

/// int8 and uint8 with accumulators of 32 bits, int16 with those of its bias's width, and float32,
/// whose input is quantised on the fly where weights are integers.
pub(crate) fn prepare(op: &DepthwiseConv2d, site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (input, weights, output) = (site.input(0)?, site.input(1)?, site.output(0)?);
    let window = op.window(&weights.shape).ok_or_else(|| site.unsupported())?;
    let sliding = Sliding::new(site, window, op.padding, &input.shape, &output.shape)?;
    let channels = sliding.output[2];
    let is_sound = sliding.input[2] > 0
        && channels.is_multiple_of(sliding.input[2])
        && weights.shape.last() as usize == channels;
    if !is_sound {
        return Err(site.refuse("its weights do not fit its input", "check the exporter"));
    }
    let channelwise = Channelwise { sliding, multiplier: channels / sliding.input[2] };
    let activation = op.activation;
    match (input.element, output.element) {
        (ElementType::Float32, ElementType::Float32)
            if let Some(scaled) = DynamicRange::new(site, channels)? =>
        {
            let bias = float_bias(site, 2, channels)?;
            let image = Channelwise { sliding: sliding.of_one_image(), ..channelwise };
            let lengths = sliding.image_lengths();
            Ok(Box::new(move |call: &mut Call<'_>| {
                scaled.for_each(call, lengths, |measured, weights, output| {
                    image.convolve(
                        &measured.codes,
                        weights,
                        output,
                        &vec![0; channels],
                        |sum: &mut i32, x, w| *sum += i32::from(x) * i32::from(w),
                        |channel, sum| {
                            let sum = scaled.real(channel, sum, measured);
                            activate(activation, sum + bias[channel])
                        },
                    )
                })
            }))
        }
        (ElementType::Float32, ElementType::Float32) => {
            let weights = FloatWeights::new(site, 1)?;
            let bias = float_bias(site, 2, channels)?;
            Ok(Box::new(move |call: &mut Call<'_>| {
                let weights = weights.get(&call.inputs)?;
                channelwise.convolve(
                    call.inputs.get::<f32>(0)?,
                    weights,
                    call.outputs.get::<f32>(0)?,
                    &bias,
                    |sum, x, w| *sum += x * w,
                    |_, sum| activate(activation, sum),
                )
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
                let narrow = |sum: &mut i32, x: i16, w: i16| {
                    *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
                };
                match (&bias, element) {
                    (Bias::Narrow(bias), ElementType::Int8) => channelwise.convolve(
                        &input,
                        &weights,
                        call.outputs.get::<i8>(0)?,
                        bias,
                        narrow,
                        |channel, sum| requantiser.finish(channel, sum) as i8,
                    ),
                    (Bias::Narrow(bias), ElementType::UInt8) => channelwise.convolve(
                        &input,
                        &weights,
                        call.outputs.get::<u8>(0)?,
                        bias,
                        narrow,
                        |channel, sum| requantiser.finish(channel, sum) as u8,
                    ),
                    (Bias::Narrow(bias), _) => {
                        // The depthwise kernel of TFLM keeps 64 bits whatever the bias.
                        let bias: Vec<i64> = bias.iter().map(|&bias| i64::from(bias)).collect();
                        wide(&channelwise, &input, &weights, call, &bias, &requantiser)
                    }
                    (Bias::Wide(bias), ElementType::Int16) => {
                        wide(&channelwise, &input, &weights, call, bias, &requantiser)
                    }
                    (Bias::Wide(_), _) => Err(Fault::new("a 64-bit bias needs int16 activations")),
                }
            }))
        }
        _ => Err(site.unsupported()),
    }
}

/// int16 activations with accumulators of 64 bits.
fn wide(
    channelwise: &Channelwise,
    input: &[i16],
    weights: &[i16],
    call: &mut Call<'_>,
    bias: &[i64],
    requantiser: &Requantiser,
) -> Result<(), Fault> {
    channelwise.convolve(
        input,
        weights,
        call.outputs.get::<i16>(0)?,
        bias,
        |sum, x, w| *sum = sum.wrapping_add(i64::from(i32::from(x) * i32::from(w))),
        |channel, sum| requantiser.finish_wide(channel, sum) as i16,
    )
}

/// A convolution that keeps channels apart.
#[derive(Clone, Copy)]
struct Channelwise {
    sliding: Sliding,
    /// Output channels of every input channel.
    multiplier: usize,
}

impl Channelwise {
    /// Adds a product to every channel's sum, tap by tap, and finishes the sums.
    fn convolve<T: Copy, S: Copy + Default, O>(
        &self,
        input: &[T],
        weights: &[T],
        output: &mut [O],
        bias: &[S],
        add: impl Fn(&mut S, T, T),
        finish: impl Fn(usize, S) -> O,
    ) -> Result<(), Fault> {
        let [height, width, input_channels] = self.sliding.input;
        let [rows, columns, channels] = self.sliding.output;
        let image = height * width * input_channels;
        let fits = input.len() == self.sliding.batch * image
            && weights.len() == channels * self.sliding.taps()
            && bias.len() == channels
            && output.len() == self.sliding.batch * rows * columns * channels;
        if !fits {
            return Err(Fault::new("its tensors do not have the lengths that it was prepared for"));
        }
        let mut sums = vec![S::default(); channels];
        for (position, output) in output.chunks_exact_mut(channels).enumerate() {
            let (image_at, inside) = (position / (rows * columns), position % (rows * columns));
            let input = &input[image_at * image..][..image];
            sums.copy_from_slice(bias);
            for (tap, start) in self.sliding.taps_at(inside / columns, inside % columns) {
                let inputs = &input[start..][..input_channels];
                let weights = &weights[tap * channels..][..channels];
                if self.multiplier == 1 {
                    for ((sum, &x), &w) in sums.iter_mut().zip(inputs).zip(weights) {
                        add(sum, x, w);
                    }
                } else {
                    let groups = sums.chunks_exact_mut(self.multiplier);
                    let weights = weights.chunks_exact(self.multiplier);
                    for ((sums, &x), weights) in groups.zip(inputs).zip(weights) {
                        for (sum, &w) in sums.iter_mut().zip(weights) {
                            add(sum, x, w);
                        }
                    }
                }
            }
            for (channel, (result, &sum)) in output.iter_mut().zip(&sums).enumerate() {
                *result = finish(channel, sum);
            }
        }
        Ok(())
    }
}
