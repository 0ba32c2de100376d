//! Borders around a tensor.

use super::{Operands, OutputFact, RuleError};
use crate::Shape;

/// The result of giving operand 0 the border of constant operand 1, `[rank, 2]` of lengths before
/// and after along each axis. `allowed` says whether a border fits beside so many elements.
pub(crate) fn bordered(
    operands: &Operands<'_>,
    allowed: impl Fn(u32, u32) -> bool,
) -> Result<Vec<OutputFact>, RuleError> {
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
    let lengths = input.shape.dimensions().iter().zip(border.chunks_exact(2));
    let shape = lengths
        .map(|(&length, border)| {
            let before = u32::try_from(border[0]).ok()?;
            let after = u32::try_from(border[1]).ok()?;
            let fits = allowed(length, before) && allowed(length, after);
            length.checked_add(before)?.checked_add(after).filter(|_| fits)
        })
        .collect::<Option<Shape>>();
    let shape = shape.ok_or_else(|| {
        RuleError::mismatch(format!("a border of {border:?} does not fit {}", input.shape))
    })?;
    Ok(vec![OutputFact::new(input.element, shape)])
}
