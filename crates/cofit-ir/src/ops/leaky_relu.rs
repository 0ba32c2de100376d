//! `leaky_relu`: the rectifier with a slope.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `x` where positive, `alpha * x` elsewhere, element by element.
    pub struct LeakyRelu {
        /// Slope of the negative side.
        pub alpha: f32 = 0.0,
    }
}

impl OperatorRules for LeakyRelu {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::unary(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
