//! `shape`: the shape of a tensor, as a tensor.

use std::ops::RangeInclusive;

use cofit_vocab::{ElementType, Macs};

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The operand's axis lengths. Result: `[rank of the operand]`.
    pub struct Shape {
        /// Element type of the lengths.
        pub output: ElementType = ElementType::Int32,
    }
}

impl OperatorRules for Shape {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let rank = u32::try_from(operands.input(0)?.shape.rank())
            .map_err(|_| RuleError::mismatch("the operand has too many axes"))?;
        Ok(vec![OutputFact::new(self.output, crate::Shape::new(&[rank]))])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
