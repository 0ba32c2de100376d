//! `gelu`: the Gaussian error linear unit.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `x` times the standard normal distribution function at `x`, element by element.
    pub struct Gelu {
        /// Whether the distribution function is `(1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3))) / 2`.
        pub approximate: bool = false,
    }
}

impl OperatorRules for Gelu {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::unary(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
