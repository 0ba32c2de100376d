//! `l2_normalization`: vectors brought to length one.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Activation, Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `x` over the Euclidean length of its vector along the innermost axis.
    pub struct L2Normalization {
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
    }
}

impl OperatorRules for L2Normalization {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        super::operands::unary(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
