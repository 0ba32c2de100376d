//! `prelu`: the rectifier with a learned slope.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `x` where positive, `alpha * x` elsewhere.
    ///
    /// Operands: input and slopes, which are stretched over the input, mostly `[1, 1, channels]`.
    pub struct Prelu {}
}

impl OperatorRules for Prelu {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::elementwise(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
