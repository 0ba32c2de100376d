//! `select`: element-wise choice.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::expect_truth;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// For each element the second operand where the first is true, the third elsewhere.
    ///
    /// Operands: truth values and two tensors of one type, all stretched along axes of length 1.
    pub struct Select {}
}

impl OperatorRules for Select {
    const OPERANDS: RangeInclusive<usize> = 3..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let (condition, a, b) = (operands.input(0)?, operands.input(1)?, operands.input(2)?);
        expect_truth(operands, 0)?;
        let shape = a.shape.broadcast(&b.shape).and_then(|both| both.broadcast(&condition.shape));
        let shape = shape.ok_or_else(|| {
            RuleError::mismatch(format!(
                "shapes {}, {} and {} do not broadcast",
                condition.shape, a.shape, b.shape
            ))
        })?;
        Ok(vec![OutputFact::new(a.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
