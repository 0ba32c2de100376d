//! `log_softmax`: logarithms of normalised exponentials.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// `x` less the logarithm of the sum of `exp(x)` along the innermost axis.
    pub struct LogSoftmax {}
}

impl OperatorRules for LogSoftmax {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        // Like softmax, it may write another integer type than it reads.
        Ok(vec![OutputFact::shape(input.shape.clone())])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
