//! `batch_normalization`: scale and offset with learned statistics.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, channel by channel.
    ///
    /// Operands: input with channels innermost, then gamma, beta, mean and variance, each
    /// `[channels]`.
    pub struct BatchNormalization {
        /// Keeps the root away from zero.
        pub epsilon: f32 = 1e-3,
    }
}

impl OperatorRules for BatchNormalization {
    const OPERANDS: RangeInclusive<usize> = 5..=5;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let channels = input.shape.last();
        for index in 1..=4 {
            operands.input(index)?;
            operands.expect_elements(index, u64::from(channels))?;
        }
        super::operands::unary(operands)
    }

    fn macs(&self, operands: &Operands<'_>) -> Macs {
        // One product and one sum an element, once the statistics are folded into a scale.
        Macs(operands.output_elements())
    }
}
