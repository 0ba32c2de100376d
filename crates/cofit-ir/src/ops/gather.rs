//! `gather`: selection of slices by index.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::axis_of;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Slices of the input along an axis, in the order of the indices.
    ///
    /// Operands: input and integer indices, whose first `batch_dims` axes are also the input's.
    /// Result: the input's shape with the axis replaced by the remaining axes of the indices.
    pub struct Gather {
        /// The axis to select from; negative ones count from the end.
        pub axis: i32 = 0,
        /// Leading axes that input and indices share.
        pub batch_dims: i32 = 0,
    }
}

impl OperatorRules for Gather {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let (input, indices) = (operands.input(0)?, operands.input(1)?);
        let axis = axis_of(&input.shape, i64::from(self.axis))?;
        let rank = i64::try_from(indices.shape.rank()).unwrap_or(i64::MAX);
        let shared = i64::from(self.batch_dims);
        let shared = if shared < 0 { shared + rank } else { shared };
        let shared = usize::try_from(shared)
            .ok()
            .filter(|&shared| shared <= indices.shape.rank() && shared <= axis)
            .ok_or_else(|| {
                RuleError::mismatch(format!(
                    "{} shared axes do not fit axis {axis} and indices {}",
                    self.batch_dims, indices.shape
                ))
            })?;
        let (outer, inner) = input.shape.dimensions().split_at(axis);
        let selected = &indices.shape.dimensions()[shared..];
        let shape = [outer, selected, &inner[1..]].concat().into_iter().collect();
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
