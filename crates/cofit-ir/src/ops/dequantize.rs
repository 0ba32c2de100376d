//! `dequantize`: quantised or half-precision to float.

use std::ops::RangeInclusive;

use cofit_vocab::{ElementType, Macs};

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The real numbers that the operand's integers stand for, or half-precision floats widened.
    /// The result is float32.
    pub struct Dequantize {}
}

impl OperatorRules for Dequantize {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        Ok(vec![OutputFact::new(ElementType::Float32, operands.input(0)?.shape.clone())])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
