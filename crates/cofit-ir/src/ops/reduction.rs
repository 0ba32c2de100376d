//! Reductions over axes.

use super::operands::axis_of;
use super::{Operands, OutputFact, RuleError};

/// The result of a reduction of operand 0 over the axes that constant operand 1 lists.
pub(crate) fn reduce(
    operands: &Operands<'_>,
    keep_dims: bool,
) -> Result<Vec<OutputFact>, RuleError> {
    let input = operands.input(0)?;
    let Some(axes) = operands.integers(1)? else {
        return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
    };
    let mut reduced = vec![false; input.shape.rank()];
    for axis in axes {
        reduced[axis_of(&input.shape, axis)?] = true;
    }
    let lengths = input.shape.dimensions().iter().zip(reduced);
    let shape = lengths
        .filter_map(|(&length, reduced)| match (reduced, keep_dims) {
            (false, _) => Some(length),
            (true, true) => Some(1),
            (true, false) => None,
        })
        .collect();
    Ok(vec![OutputFact::new(input.element, shape)])
}
