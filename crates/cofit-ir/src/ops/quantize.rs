//! `quantize`: to a quantised type, or from one quantisation to another.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The same real numbers in the result tensor's element type and quantisation.
    pub struct Quantize {}
}

impl OperatorRules for Quantize {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        Ok(vec![OutputFact::shape(operands.input(0)?.shape.clone())])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
