//! `slice`: a contiguous box out of a tensor.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// A box of the input.
    ///
    /// Operands: input, the box's first position, and its lengths, where -1 takes what is left;
    /// both `[rank]`.
    pub struct Slice {}
}

impl OperatorRules for Slice {
    const OPERANDS: RangeInclusive<usize> = 3..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let (Some(begin), Some(size)) = (operands.integers(1)?, operands.integers(2)?) else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        let rank = input.shape.rank();
        let lengths = input.shape.dimensions().iter().zip(begin.iter().zip(&size));
        let shape = lengths
            .map(|(&length, (&begin, &size))| {
                let left = length.checked_sub(u32::try_from(begin).ok()?)?;
                let size = if size == -1 { left } else { u32::try_from(size).ok()? };
                (size <= left).then_some(size)
            })
            .collect::<Option<Shape>>()
            .filter(|_| begin.len() == rank && size.len() == rank);
        let shape = shape.ok_or_else(|| {
            RuleError::mismatch(format!("no box of {size:?} at {begin:?} in {}", input.shape))
        })?;
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
