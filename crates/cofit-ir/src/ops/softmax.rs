//! `softmax`: normalised exponentials.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `exp(beta * x)` over its sum along the innermost axis.
    pub struct Softmax {
        /// Factor on the input.
        pub beta: f32 = 1.0,
    }
}

impl OperatorRules for Softmax {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        // Quantised softmax may write another integer type than it reads.
        Ok(vec![OutputFact::shape(input.shape.clone())])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
