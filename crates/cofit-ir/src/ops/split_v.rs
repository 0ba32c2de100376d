//! `split_v`: cutting a tensor into parts of given lengths.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::operands::axis_of;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Parts of the input along an axis.
    ///
    /// Operands: input, the parts' lengths as a constant, where one may be -1 and takes what is
    /// left, and the axis as a constant. Results: one for each length.
    pub struct SplitV {
        /// Number of parts.
        pub num_splits: u32 = 1,
    }
}

impl OperatorRules for SplitV {
    const OPERANDS: RangeInclusive<usize> = 3..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        operands.expect_outputs(self.num_splits)?;
        let (Some(sizes), Some(axis)) = (operands.integers(1)?, operands.integer(2)?) else {
            let fact = OutputFact { element: Some(input.element), shape: None };
            return Ok(vec![fact; operands.output_count()]);
        };
        let axis = axis_of(&input.shape, axis)?;
        let length = input.shape[axis];
        let parts = lengths(&sizes, length)
            .filter(|parts| parts.len() == operands.output_count())
            .ok_or_else(|| {
                RuleError::mismatch(format!(
                    "axis {axis} of {} does not divide into {sizes:?}",
                    input.shape
                ))
            })?;
        Ok(parts
            .into_iter()
            .map(|part| {
                let mut shape = input.shape.clone();
                shape.dimensions_mut()[axis] = part;
                OutputFact::new(input.element, shape)
            })
            .collect())
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}

/// The lengths of parts that make up `total`, where one may be left open as -1.
fn lengths(sizes: &[i64], total: u32) -> Option<Vec<u32>> {
    let open = sizes.iter().filter(|&&size| size == -1).count();
    let mut left = total;
    for &size in sizes.iter().filter(|&&size| size != -1) {
        left = left.checked_sub(u32::try_from(size).ok()?)?;
    }
    if open > 1 || (open == 0 && left > 0) {
        return None;
    }
    sizes.iter().map(|&size| if size == -1 { Some(left) } else { size.try_into().ok() }).collect()
}

#[cfg(test)]
mod tests {
    use super::lengths;

    #[test]
    fn parts_make_up_the_whole() {
        assert_eq!(lengths(&[2, -1, 3], 9), Some(vec![2, 4, 3]));
        assert_eq!(lengths(&[2, 7], 9), Some(vec![2, 7]));
        assert_eq!(lengths(&[2, 6], 9), None);
        assert_eq!(lengths(&[-1, -1], 9), None);
        assert_eq!(lengths(&[i64::MAX], 9), None);
    }
}
