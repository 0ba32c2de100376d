//! `reshape`: a new shape over the same elements.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// The same elements in the same order under another shape.
    ///
    /// Operands: input and, in most files, the new shape as a constant, which then counts and not
    /// the attribute. One length may be -1 and takes what is left.
    pub struct Reshape {
        /// The new shape where no operand gives it.
        pub shape: Vec<i32> = Vec::new(),
    }
}

impl OperatorRules for Reshape {
    const OPERANDS: RangeInclusive<usize> = 1..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let wanted: Option<Vec<i64>> = match operands.optional(1) {
            Some(_) => operands.integers(1)?,
            None => Some(self.shape.iter().copied().map(i64::from).collect()),
        };
        let Some(wanted) = wanted else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        let shape = resolve(&wanted, input.shape.elements())?;
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}

/// The shape that `wanted` stands for over `elements` elements.
fn resolve(wanted: &[i64], elements: u64) -> Result<Shape, RuleError> {
    let refuse = || RuleError::mismatch(format!("{elements} elements do not reshape to {wanted:?}"));
    let mut known = 1u64;
    let mut open = None;
    let mut lengths = Vec::with_capacity(wanted.len());
    for (axis, &length) in wanted.iter().enumerate() {
        match u32::try_from(length) {
            Ok(length) => {
                known = known.saturating_mul(u64::from(length));
                lengths.push(length);
            }
            Err(_) if length == -1 && open.is_none() => {
                open = Some(axis);
                lengths.push(1);
            }
            Err(_) => return Err(refuse()),
        }
    }
    if let Some(axis) = open {
        if known == 0 || !elements.is_multiple_of(known) {
            return Err(refuse());
        }
        lengths[axis] = u32::try_from(elements / known).map_err(|_| refuse())?;
    } else if known != elements {
        return Err(refuse());
    }
    Ok(lengths.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_length_may_be_left_open() {
        assert_eq!(resolve(&[1, -1], 12), Ok(Shape::new(&[1, 12])));
        assert_eq!(resolve(&[3, 4], 12), Ok(Shape::new(&[3, 4])));
        assert!(resolve(&[-1, -1], 12).is_err());
        assert!(resolve(&[5, -1], 12).is_err());
        assert!(resolve(&[0, -1], 12).is_err());
    }
}
