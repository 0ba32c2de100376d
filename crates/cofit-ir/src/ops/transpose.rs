//! `transpose`: permutation of axes.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The input with its axes in another order.
    ///
    /// Operands: input and, as a constant `[rank]`, the input's axis for each axis of the result.
    pub struct Transpose {}
}

impl OperatorRules for Transpose {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let Some(order) = operands.integers(1)? else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        let refuse = || {
            RuleError::mismatch(format!("{order:?} is no order of the axes of {}", input.shape))
        };
        if order.len() != input.shape.rank() {
            return Err(refuse());
        }
        let mut taken = vec![false; order.len()];
        let mut shape = input.shape.clone();
        for (position, &axis) in order.iter().enumerate() {
            let axis = input.shape.resolve_axis(axis).ok_or_else(refuse)?;
            if std::mem::replace(&mut taken[axis], true) {
                return Err(refuse());
            }
            shape.dimensions_mut()[position] = input.shape[axis];
        }
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
