//! `add`: element-wise sum.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Activation, Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Element-wise sum of two operands, each stretched along axes of length 1.
    pub struct Add {
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
        /// Whether an int16 result uses power-of-two scales, as the first int16 models do.
        pub pot_scale_int16: bool = true,
    }
}

impl OperatorRules for Add {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::elementwise(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
