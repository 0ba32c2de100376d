//! `concatenation`: joining tensors along an axis.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::axis_of;
use super::{Activation, Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Operands one after another along an axis; all other axes agree.
    ///
    /// Operands: one or more. Result: the operands' shape with the sum of their lengths.
    pub struct Concatenation {
        /// The axis; negative ones count from the end.
        pub axis: i32 = 0,
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
    }
}

impl OperatorRules for Concatenation {
    const OPERANDS: RangeInclusive<usize> = 1..=usize::MAX;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let first = operands.input(0)?;
        let axis = axis_of(&first.shape, i64::from(self.axis))?;
        let mut shape = first.shape.clone();
        for index in 1..operands.count() {
            let next = &operands.input(index)?.shape;
            let agrees = next.rank() == shape.rank()
                && (0..shape.rank()).all(|other| other == axis || next[other] == shape[other]);
            let length = agrees.then(|| shape[axis].checked_add(next[axis])).flatten();
            let Some(length) = length else {
                return Err(RuleError::mismatch(format!(
                    "operand {index} of shape {next} does not join {} along axis {axis}",
                    first.shape
                )));
            };
            shape.dimensions_mut()[axis] = length;
        }
        Ok(vec![OutputFact::new(first.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
