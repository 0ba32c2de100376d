//! `fill`: a tensor of one value.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::shape_of;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// A tensor that repeats one value.
    ///
    /// Operands: the shape as a constant, and the value as a scalar.
    pub struct Fill {}
}

impl OperatorRules for Fill {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let value = operands.input(1)?;
        operands.expect_elements(1, 1)?;
        let Some(wanted) = operands.integers(0)? else {
            return Ok(vec![OutputFact { element: Some(value.element), shape: None }]);
        };
        Ok(vec![OutputFact::new(value.element, shape_of(&wanted)?)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
