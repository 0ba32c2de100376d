//! `assign_variable`: store into a variable.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Stores a value into the variable that a handle names. It has no result.
    ///
    /// Operands: handle and value.
    pub struct AssignVariable {}
}

impl OperatorRules for AssignVariable {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        operands.input(0)?;
        operands.input(1)?;
        Ok(Vec::new())
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
