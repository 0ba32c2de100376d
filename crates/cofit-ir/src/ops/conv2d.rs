//! `conv2d`: two-dimensional convolution, dense or grouped.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::window::{Window, nhwc};
use super::{Activation, Extent2d, Operands, OperatorRules, OutputFact, Padding, RuleError};
use crate::Shape;

attributes! {
    /// Convolution over height and width.
    ///
    /// Operands: input `[batch, height, width, channels]`, weights
    /// `[output channels, height, width, channels per group]`, and an optional bias
    /// `[output channels]`. The number of groups is the input's channels over the weights'.
    /// Result: `[batch, output height, output width, output channels]`.
    pub struct Conv2d {
        /// Input positions from one output position to the next.
        pub stride: Extent2d = Extent2d::ONE,
        /// Input positions from one tap to the next.
        pub dilation: Extent2d = Extent2d::ONE,
        /// What surrounds the input.
        pub padding: Padding = Padding::Same,
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
    }
}

impl Conv2d {
    /// The window over the input, given the weights' shape.
    pub fn window(&self, weights: &Shape) -> Option<Window> {
        Some(Window {
            kernel: Extent2d::new(weights.get(1)?, weights.get(2)?),
            stride: self.stride,
            dilation: self.dilation,
        })
    }
}

impl OperatorRules for Conv2d {
    const OPERANDS: RangeInclusive<usize> = 2..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let [batch, height, width, channels] = nhwc(0, &input.shape)?;
        let weights = &operands.input(1)?.shape;
        let [outputs, kernel_height, kernel_width, depth] = nhwc(1, weights)?;
        if depth == 0 || !channels.is_multiple_of(depth) {
            return Err(RuleError::mismatch(format!(
                "{channels} input channels are no multiple of the weights' {depth}"
            )));
        }
        let groups = channels / depth;
        if groups == 0 || !outputs.is_multiple_of(groups) {
            return Err(RuleError::mismatch(format!(
                "{outputs} output channels do not divide into {groups} groups"
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
        let Some(weights) = operands.optional(1) else { return Macs::ZERO };
        let per_output: u64 =
            weights.shape.dimensions().iter().skip(1).fold(1, |product: u64, &length| {
                product.saturating_mul(u64::from(length))
            });
        Macs(operands.output_elements()) * per_output
    }
}
