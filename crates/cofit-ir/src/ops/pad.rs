//! `pad`: extending a tensor with a constant border.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// The input with a border.
    ///
    /// Operands: input, the border as a constant `[rank, 2]` of lengths before and after along
    /// each axis, and, in the second version of the TFLite operator, the border's value. Without
    /// the value the border means real zero.
    pub struct Pad {}
}

impl OperatorRules for Pad {
    const OPERANDS: RangeInclusive<usize> = 2..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let border = operands.input(1)?;
        let rank = input.shape.rank();
        if border.shape.elements() != (rank as u64).saturating_mul(2) {
            return Err(RuleError::Rank {
                index: 1,
                expected: "[rank of the input,2]",
                shape: border.shape.clone(),
            });
        }
        let Some(border) = operands.integers(1)? else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        let shape = input
            .shape
            .dimensions()
            .iter()
            .zip(border.chunks_exact(2))
            .map(|(&length, border)| {
                let before = u32::try_from(border[0]).ok()?;
                let after = u32::try_from(border[1]).ok()?;
                length.checked_add(before)?.checked_add(after)
            })
            .collect::<Option<Shape>>();
        let shape = shape.ok_or_else(|| {
            RuleError::mismatch(format!("a border of {border:?} does not fit {}", input.shape))
        })?;
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
