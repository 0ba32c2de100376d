//! `depthwise_conv2d`: each input channel convolved by itself.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::window::{Window, nhwc};
use super::{Activation, Extent2d, Operands, OperatorRules, OutputFact, Padding, RuleError};
use crate::Shape;

attributes! {
    /// Convolution over height and width that does not mix channels.
    ///
    /// Operands: input `[batch, height, width, channels]`, weights
    /// `[1, height, width, output channels]`, and an optional bias `[output channels]`. Output
    /// channel `c * multiplier + m` is made from input channel `c`.
    /// Result: `[batch, output height, output width, output channels]`.
    pub struct DepthwiseConv2d {
        /// Input positions from one output position to the next.
        pub stride: Extent2d = Extent2d::ONE,
        /// Input positions from one tap to the next.
        pub dilation: Extent2d = Extent2d::ONE,
        /// What surrounds the input.
        pub padding: Padding = Padding::Same,
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
        /// Output channels per input channel, as the file states it; 0 where it leaves it open.
        /// The shapes decide.
        pub multiplier: u32 = 1,
    }
}

impl DepthwiseConv2d {
    /// The window over the input, given the weights' shape.
    pub fn window(&self, weights: &Shape) -> Option<Window> {
        Some(Window {
            kernel: Extent2d::new(weights.get(1)?, weights.get(2)?),
            stride: self.stride,
            dilation: self.dilation,
        })
    }
}

impl OperatorRules for DepthwiseConv2d {
    const OPERANDS: RangeInclusive<usize> = 2..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let [batch, height, width, channels] = nhwc(0, &input.shape)?;
        let [one, kernel_height, kernel_width, outputs] = nhwc(1, &operands.input(1)?.shape)?;
        if one != 1 || channels == 0 || !outputs.is_multiple_of(channels) {
            return Err(RuleError::mismatch(format!(
                "weights for {outputs} output channels do not spread over {channels} input channels"
            )));
        }
        operands.expect_elements(2, u64::from(outputs))?;
        let window = Window {
            kernel: Extent2d::new(kernel_height, kernel_width),
            stride: self.stride,
            dilation: self.dilation,
        };
        let (rows, columns) = window.output(height, width, self.padding)?;
        Ok(vec![OutputFact::new(input.element, Shape::new(&[batch, rows, columns, outputs]))])
    }

    fn macs(&self, operands: &Operands<'_>) -> Macs {
        let taps = operands
            .optional(1)
            .and_then(|weights| self.window(&weights.shape))
            .map_or(0, |window| window.kernel.area());
        Macs(operands.output_elements()) * taps
    }
}
