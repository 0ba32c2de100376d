//! `split`: cutting a tensor into equal parts.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::axis_of;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Equal parts of the input along an axis.
    ///
    /// Operands: the axis as a constant, then the input. Results: `num_splits` of one shape.
    pub struct Split {
        /// Number of parts.
        pub num_splits: u32 = 1,
    }
}

impl OperatorRules for Split {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(1)?;
        operands.expect_outputs(self.num_splits)?;
        let Some(axis) = operands.integer(0)? else {
            let fact = OutputFact { element: Some(input.element), shape: None };
            return Ok(vec![fact; operands.output_count()]);
        };
        let axis = axis_of(&input.shape, axis)?;
        let length = input.shape[axis];
        if self.num_splits == 0 || !length.is_multiple_of(self.num_splits) {
            return Err(RuleError::mismatch(format!(
                "axis {axis} of {} does not divide into {}",
                input.shape, self.num_splits
            )));
        }
        let mut shape = input.shape.clone();
        shape.dimensions_mut()[axis] = length / self.num_splits;
        Ok(vec![OutputFact::new(input.element, shape); operands.output_count()])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
