//! `arg_min`: index of the smallest element along an axis.

use std::ops::RangeInclusive;

use cofit_vocab::{ElementType, Macs};

use super::attributes::{attribute_text, attributes};
use super::operands::{axis_of, without_axis};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Index of the smallest element along an axis; the first one where several are smallest.
    ///
    /// Operands: input and the axis as a constant. Result: the input's shape without the axis.
    pub struct ArgMin {
        /// Element type of the indices.
        pub output: ElementType = ElementType::Int64,
    }
}

impl OperatorRules for ArgMin {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let Some(axis) = operands.integer(1)? else {
            return Ok(vec![OutputFact { element: Some(self.output), shape: None }]);
        };
        let axis = axis_of(&input.shape, axis)?;
        Ok(vec![OutputFact::new(self.output, without_axis(&input.shape, axis))])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
