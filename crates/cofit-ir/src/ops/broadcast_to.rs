//! `broadcast_to`: stretching to a shape.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::shape_of;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The input repeated along axes of length 1 and along new outer axes.
    ///
    /// Operands: input and the new shape as a constant.
    pub struct BroadcastTo {}
}

impl OperatorRules for BroadcastTo {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let Some(wanted) = operands.integers(1)? else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        let shape = shape_of(&wanted)?;
        if input.shape.broadcast(&shape).as_ref() != Some(&shape) {
            return Err(RuleError::mismatch(format!(
                "shape {} does not stretch to {shape}",
                input.shape
            )));
        }
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
