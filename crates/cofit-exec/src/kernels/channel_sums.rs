//! A pointwise `conv2d` whose input channels come a few at a time.
//!
//! Products are added to 32-bit sums, one for each element of the result. Sums wrap around, so that
//! their order does not matter and the result is that of [`super::conv2d`] to the bit.

use std::ops::Range;

use cofit_ir::ops::Conv2d;
use cofit_vocab::ElementType;

use super::dot::dot;
use super::requantiser::{Bias, Requantiser};
use super::weights::{IntegerWeights, widened};
use crate::buffer::Slice;
use crate::call::Fault;
use crate::site::{Refusal, Site};

/// What turns slices of channels into sums and sums into a result.
pub(crate) struct ChannelSums {
    requantiser: Requantiser,
    bias: Vec<i32>,
    /// Those of one output channel after the other.
    weights: Vec<i16>,
    /// Input channels.
    depth: usize,
    /// The stored value that means zero in the input.
    zero_point: i16,
}

impl ChannelSums {
    /// For a pointwise convolution of int8 or uint8 with constant weights.
    pub fn new(op: &Conv2d, site: &Site<'_>) -> Result<Self, Refusal> {
        let (input, weights, output) = (site.input(0)?, site.input(1)?, site.output(0)?);
        let is_byte = matches!(input.element, ElementType::Int8 | ElementType::UInt8);
        let (channels, depth) = (output.shape.last() as usize, input.shape.last() as usize);
        if !is_byte || channels == 0 || depth == 0 {
            return Err(site.unsupported());
        }
        let single_product = input.element == ElementType::UInt8;
        let requantiser =
            Requantiser::new(site, input, weights, channels, single_product, op.activation)?;
        let zero_point = site.affine(input)?.zero_point as i16;
        let IntegerWeights::Kept(weights) = IntegerWeights::new(site, 1)? else {
            return Err(site.unsupported());
        };
        let Bias::Narrow(bias) = Bias::new(site, 2, channels)? else {
            return Err(site.unsupported());
        };
        if weights.len() != channels * depth || bias.len() != channels {
            return Err(site.refuse("its weights do not fit its result", "check the exporter"));
        }
        Ok(Self { requantiser, bias, weights, depth, zero_point })
    }

    /// Adds the products of some input channels of all pixels to all sums.
    pub fn add(
        &self,
        sums: &mut [i32],
        input: Slice<'_>,
        channels: Range<usize>,
    ) -> Result<(), Fault> {
        let input = widened(input, self.zero_point);
        let outputs = self.bias.len();
        let fits = channels.start < channels.end
            && channels.end <= self.depth
            && input.len() / channels.len() * outputs == sums.len();
        if !fits {
            return Err(Fault::new("its slices do not have the lengths that it was prepared for"));
        }
        for (patch, sums) in input.chunks_exact(channels.len()).zip(sums.chunks_exact_mut(outputs))
        {
            for (sum, weights) in sums.iter_mut().zip(self.weights.chunks_exact(self.depth)) {
                *sum = sum.wrapping_add(dot(&weights[channels.clone()], patch));
            }
        }
        Ok(())
    }

    /// Element `at` of the result, in the range of its type.
    pub fn finish(&self, at: usize, sum: i32) -> i32 {
        let channel = at % self.bias.len();
        self.requantiser.finish(channel, sum.wrapping_add(self.bias[channel]))
    }
}
