//! `tile`: repetition.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// The input repeated whole along each axis.
    ///
    /// Operands: input and, as a constant `[rank]`, how often along each axis.
    pub struct Tile {}
}

impl OperatorRules for Tile {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        operands.expect_elements(1, input.shape.rank() as u64)?;
        let Some(multiples) = operands.integers(1)? else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        let lengths = input.shape.dimensions().iter().zip(&multiples);
        let shape = lengths
            .map(|(&length, &times)| length.checked_mul(u32::try_from(times).ok()?))
            .collect::<Option<Shape>>();
        let shape = shape.ok_or_else(|| {
            RuleError::mismatch(format!("{} cannot be repeated {multiples:?} times", input.shape))
        })?;
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
