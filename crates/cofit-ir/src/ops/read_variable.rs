//! `read_variable`: load from a variable.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The value of the variable that a handle names, with the type and shape that the result
    /// tensor states.
    ///
    /// Operand: handle.
    pub struct ReadVariable {}
}

impl OperatorRules for ReadVariable {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        operands.input(0)?;
        Ok(vec![OutputFact::unknown()])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
