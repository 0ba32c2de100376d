//! `unpack`: unstacking a tensor along an axis.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::{axis_of, without_axis};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The slices of the input along an axis, each without that axis.
    ///
    /// Results: `num`, which is the axis' length.
    pub struct Unpack {
        /// The axis; negative ones count from the end.
        pub axis: i32 = 0,
        /// Number of slices.
        pub num: u32 = 1,
    }
}

impl OperatorRules for Unpack {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let axis = axis_of(&input.shape, i64::from(self.axis))?;
        if input.shape[axis] != self.num {
            return Err(RuleError::mismatch(format!(
                "axis {axis} of {} does not unstack into {}",
                input.shape, self.num
            )));
        }
        operands.expect_outputs(self.num)?;
        let fact = OutputFact::new(input.element, without_axis(&input.shape, axis));
        Ok(vec![fact; operands.output_count()])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
