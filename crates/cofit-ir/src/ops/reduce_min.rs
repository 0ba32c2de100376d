//! `reduce_min`: smallest element over axes.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::reduction::reduce;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Smallest element over axes.
    ///
    /// Operands: input and the axes as a constant, where negative ones count from the end.
    /// Result: the input's shape without the axes, or with length 1 there.
    pub struct ReduceMin {
        /// Whether reduced axes stay with length 1.
        pub keep_dims: bool = false,
    }
}

impl OperatorRules for ReduceMin {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        reduce(operands, self.keep_dims)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
