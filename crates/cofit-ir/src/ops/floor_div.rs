//! `floor_div`: element-wise quotient, rounded down.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Element-wise quotient of the first operand by the second, rounded towards negative infinity;
    /// each stretched along axes of length 1.
    pub struct FloorDiv {}
}

impl OperatorRules for FloorDiv {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::elementwise(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
