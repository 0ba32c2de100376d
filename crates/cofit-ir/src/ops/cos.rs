//! `cos`: the cosine.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The cosine of `x` in radians, element by element.
    pub struct Cos {}
}

impl OperatorRules for Cos {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::unary(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
