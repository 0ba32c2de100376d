//! `cumsum`: running sums.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::axis_of;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Sums of all elements up to each one along an axis.
    ///
    /// Operands: input and the axis as a constant, where a negative one counts from the end.
    pub struct Cumsum {
        /// Whether an element is left out of its own sum.
        pub exclusive: bool = false,
        /// Whether the sums run from the last element to the first.
        pub reverse: bool = false,
    }
}

impl OperatorRules for Cumsum {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        if let Some(axis) = operands.integer(1)? {
            axis_of(&input.shape, axis)?;
        }
        Ok(vec![OutputFact::new(input.element, input.shape.clone())])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
