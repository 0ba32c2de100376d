//! `floor_mod`: element-wise remainder.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Element-wise remainder of [`FloorDiv`](super::FloorDiv), which has the sign of the second
    /// operand; each stretched along axes of length 1.
    pub struct FloorMod {}
}

impl OperatorRules for FloorMod {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::elementwise(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
