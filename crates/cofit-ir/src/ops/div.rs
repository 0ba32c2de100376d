//! `div`: element-wise quotient.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Activation, Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Element-wise quotient of the first operand by the second, each stretched along axes of
    /// length 1.
    pub struct Div {
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
    }
}

impl OperatorRules for Div {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::elementwise(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
