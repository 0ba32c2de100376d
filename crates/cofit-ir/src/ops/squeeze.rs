//! `squeeze`: removal of axes of length one.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::axis_of;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The same elements without axes of length 1.
    pub struct Squeeze {
        /// The axes to remove, negative ones counted from the end; all of length 1 where empty.
        pub axes: Vec<i32> = Vec::new(),
    }
}

impl OperatorRules for Squeeze {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let mut gone: Vec<bool> =
            input.shape.dimensions().iter().map(|&length| length == 1).collect();
        if !self.axes.is_empty() {
            let mut named = vec![false; gone.len()];
            for &axis in &self.axes {
                let axis = axis_of(&input.shape, i64::from(axis))?;
                if !gone[axis] {
                    return Err(RuleError::mismatch(format!(
                        "axis {axis} of {} is not of length 1",
                        input.shape
                    )));
                }
                named[axis] = true;
            }
            gone = named;
        }
        let kept = input.shape.dimensions().iter().zip(&gone).filter(|(_, gone)| !**gone);
        let shape = kept.map(|(&length, _)| length).collect();
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
