//! `rsqrt`: the reciprocal square root.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `1 / sqrt(x)`, element by element.
    pub struct Rsqrt {}
}

impl OperatorRules for Rsqrt {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::unary(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
