//! `fully_connected`: a dense layer.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Activation, Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// A matrix-vector product for every row of the input.
    ///
    /// Operands: input whose elements divide into rows of the weights' depth, weights
    /// `[outputs, depth]`, and an optional bias `[outputs]`.
    /// Result: `[rows, outputs]`, or the input's outer axes and `outputs` with `keep_axes`.
    pub struct FullyConnected {
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
        /// Whether the result keeps the input's outer axes instead of flattening them.
        pub keep_axes: bool = false,
    }
}

impl OperatorRules for FullyConnected {
    const OPERANDS: RangeInclusive<usize> = 2..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let weights = operands.input(1)?;
        let &[outputs, depth] = weights.shape.dimensions() else {
            return Err(RuleError::Rank {
                index: 1,
                expected: "[outputs,depth]",
                shape: weights.shape.clone(),
            });
        };
        operands.expect_elements(2, u64::from(outputs))?;
        let elements = input.shape.elements();
        if depth == 0 || !elements.is_multiple_of(u64::from(depth)) {
            return Err(RuleError::mismatch(format!(
                "{elements} input elements do not divide into rows of {depth}"
            )));
        }
        let shape = if self.keep_axes {
            if input.shape.last() != depth {
                return Err(RuleError::mismatch(format!(
                    "the input's innermost axis is {} where the weights have {depth}",
                    input.shape.last()
                )));
            }
            let outer = input.shape.dimensions().split_last().map_or(&[][..], |(_, outer)| outer);
            outer.iter().copied().chain([outputs]).collect()
        } else {
            let rows = u32::try_from(elements / u64::from(depth))
                .map_err(|_| RuleError::mismatch("the input has too many rows"))?;
            Shape::new(&[rows, outputs])
        };
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, operands: &Operands<'_>) -> Macs {
        let depth = operands.optional(1).and_then(|weights| weights.shape.get(1)).unwrap_or(0);
        Macs(operands.output_elements()) * u64::from(depth)
    }
}
