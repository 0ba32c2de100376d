//! `exp`: the exponential function.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `e` to the power of `x`, element by element.
    pub struct Exp {}
}

impl OperatorRules for Exp {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::unary(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
