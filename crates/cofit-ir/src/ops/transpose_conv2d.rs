//! `transpose_conv2d`: transposed two-dimensional convolution.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::window::{Window, nhwc};
use super::{Activation, Extent2d, Operands, OperatorRules, OutputFact, Padding, RuleError};
use crate::Shape;

attributes! {
    /// The transposed map of a convolution: every input element spreads over a window of the
    /// result.
    ///
    /// Operands: the result's shape as a constant `[4]`, weights
    /// `[output channels, height, width, input channels]`, input
    /// `[batch, height, width, input channels]`, and an optional bias `[output channels]`.
    pub struct TransposeConv2d {
        /// Output positions from one input position to the next.
        pub stride: Extent2d = Extent2d::ONE,
        /// What surrounds the result, which is the input of the convolution that this transposes.
        pub padding: Padding = Padding::Same,
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
    }
}

impl OperatorRules for TransposeConv2d {
    const OPERANDS: RangeInclusive<usize> = 3..=4;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let wanted = operands.integers(0)?;
        let weights = &operands.input(1)?.shape;
        let input = operands.input(2)?;
        let [outputs, _, _, depth] = nhwc(1, weights)?;
        let [batch, height, width, channels] = nhwc(2, &input.shape)?;
        if depth != channels {
            return Err(RuleError::mismatch(format!(
                "{channels} input channels where the weights have {depth}"
            )));
        }
        operands.expect_elements(3, u64::from(outputs))?;
        let Some(wanted) = wanted else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        let shape = wanted
            .iter()
            .map(|&length| u32::try_from(length).ok())
            .collect::<Option<Shape>>()
            .filter(|shape| {
                matches!(shape.dimensions(), &[n, _, _, c] if n == batch && c == outputs)
            });
        let Some((shape, window)) = shape.zip(self.window(weights)) else {
            return Err(RuleError::mismatch(format!(
                "a result of {wanted:?} has not the batch {batch} and the channels {outputs}"
            )));
        };
        if window.output(shape[1], shape[2], self.padding)? != (height, width) {
            return Err(RuleError::mismatch(format!(
                "a result of {shape} does not come from a {height}x{width} input"
            )));
        }
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, operands: &Operands<'_>) -> Macs {
        // Products that fall outside the result count too: the definition takes every one.
        let (Some(weights), Some(input)) = (operands.optional(1), operands.optional(2)) else {
            return Macs::ZERO;
        };
        let per_input = weights.shape.dimensions().iter().take(3);
        Macs(input.shape.elements())
            * per_input.fold(1, |product: u64, &length| product.saturating_mul(u64::from(length)))
    }
}

impl TransposeConv2d {
    /// The window over the result, given the weights' shape.
    pub fn window(&self, weights: &Shape) -> Option<Window> {
        Some(Window {
            kernel: Extent2d::new(weights.get(1)?, weights.get(2)?),
            stride: self.stride,
            dilation: Extent2d::ONE,
        })
    }
}
