//! `elu`: the exponential linear unit.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `x` where positive, `exp(x) - 1` elsewhere, element by element.
    pub struct Elu {}
}

impl OperatorRules for Elu {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::unary(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
