//! `reverse`: order turned round along axes.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::axis_of;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The input with its elements in the opposite order along axes.
    ///
    /// Operands: input and the axes as a constant, where negative ones count from the end.
    pub struct Reverse {}
}

impl OperatorRules for Reverse {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        for axis in operands.integers(1)?.into_iter().flatten() {
            axis_of(&input.shape, axis)?;
        }
        Ok(vec![OutputFact::new(input.element, input.shape.clone())])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
