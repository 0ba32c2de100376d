//! `expand_dims`: insertion of an axis of length one.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::with_axis;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The same elements with one more axis of length 1.
    ///
    /// Operands: input and, as a constant, the axis of the result; negative ones count from the
    /// end of the result.
    pub struct ExpandDims {}
}

impl OperatorRules for ExpandDims {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let Some(axis) = operands.integer(1)? else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        Ok(vec![OutputFact::new(input.element, with_axis(&input.shape, axis, 1)?)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
