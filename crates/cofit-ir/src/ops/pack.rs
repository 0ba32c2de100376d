//! `pack`: stacking tensors along a new axis.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::with_axis;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Operands of one shape side by side along a new axis.
    pub struct Pack {
        /// The axis of the result; negative ones count from the end of the result.
        pub axis: i32 = 0,
        /// Number of operands.
        pub values_count: u32 = 1,
    }
}

impl OperatorRules for Pack {
    const OPERANDS: RangeInclusive<usize> = 1..=usize::MAX;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let first = operands.input(0)?;
        if operands.count() as u64 != u64::from(self.values_count) {
            return Err(RuleError::mismatch(format!(
                "{} operands where the attribute says {}",
                operands.count(),
                self.values_count
            )));
        }
        for index in 1..operands.count() {
            let next = &operands.input(index)?.shape;
            if *next != first.shape {
                return Err(RuleError::mismatch(format!(
                    "operand {index} of shape {next} does not stack on {}",
                    first.shape
                )));
            }
        }
        let shape = with_axis(&first.shape, i64::from(self.axis), self.values_count)?;
        Ok(vec![OutputFact::new(first.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
