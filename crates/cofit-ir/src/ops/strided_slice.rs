//! `strided_slice`: a strided box out of a tensor.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// A box of the input with a stride along each axis.
    ///
    /// Operands: input, and as constants of one length the box's first position, the position
    /// behind its last, and its strides. An entry stands for one axis of the input, unless a bit of
    /// a mask at the entry's position says otherwise. Negative positions count from the end.
    pub struct StridedSlice {
        /// Entries whose first position is the axis' own first (or last, with a negative stride).
        pub begin_mask: u32 = 0,
        /// Entries whose end is the axis' own.
        pub end_mask: u32 = 0,
        /// The entry that stands for all axes that the others leave.
        pub ellipsis_mask: u32 = 0,
        /// Entries that insert an axis of length 1.
        pub new_axis_mask: u32 = 0,
        /// Entries that take one position and drop the axis.
        pub shrink_axis_mask: u32 = 0,
        /// Whether the end is counted from the first position.
        pub offset: bool = false,
    }
}

impl OperatorRules for StridedSlice {
    const OPERANDS: RangeInclusive<usize> = 4..=4;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let (Some(begin), Some(end), Some(strides)) =
            (operands.integers(1)?, operands.integers(2)?, operands.integers(3)?)
        else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        if begin.len() != end.len() || begin.len() != strides.len() {
            return Err(RuleError::mismatch(format!(
                "{} first positions, {} ends and {} strides",
                begin.len(),
                end.len(),
                strides.len()
            )));
        }
        let shape = self.shape(&input.shape, &begin, &end, &strides).ok_or_else(|| {
            RuleError::mismatch(format!(
                "no box from {begin:?} to {end:?} with strides {strides:?} in {}",
                input.shape
            ))
        })?;
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}

impl StridedSlice {
    /// The shape of the box.
    fn shape(&self, input: &Shape, begin: &[i64], end: &[i64], strides: &[i64]) -> Option<Shape> {
        let bit = |mask: u32, entry: usize| {
            u32::try_from(entry).ok().and_then(|entry| mask.checked_shr(entry)).unwrap_or(0) & 1 == 1
        };
        let entries = begin.len();
        let is_ellipsis = |entry| bit(self.ellipsis_mask, entry);
        let is_new = |entry| !is_ellipsis(entry) && bit(self.new_axis_mask, entry);
        if (0..entries).filter(|&entry| is_ellipsis(entry)).count() > 1 {
            return None;
        }
        let named = (0..entries).filter(|&entry| !is_ellipsis(entry) && !is_new(entry)).count();
        let unnamed = input.rank().checked_sub(named)?;
        let mut axes = input.dimensions().iter().copied();
        let mut shape = Vec::new();
        for entry in 0..entries {
            if is_ellipsis(entry) {
                shape.extend(axes.by_ref().take(unnamed));
                continue;
            }
            if is_new(entry) {
                shape.push(1);
                continue;
            }
            let length = i64::from(axes.next()?);
            let stride = strides[entry];
            if bit(self.shrink_axis_mask, entry) {
                let position = from_start(begin[entry], length)?;
                // A masked first position is the axis' own, whatever the entry says.
                let inside = (0..length).contains(&position) || bit(self.begin_mask, entry);
                if !inside || length == 0 || stride <= 0 {
                    return None;
                }
                continue;
            }
            let stop = if self.offset { begin[entry].checked_add(end[entry])? } else { end[entry] };
            let begin = (!bit(self.begin_mask, entry)).then_some(begin[entry]);
            let stop = (!bit(self.end_mask, entry)).then_some(stop);
            shape.push(positions(length, begin, stop, stride)?);
        }
        shape.extend(axes);
        Some(shape.into_iter().collect())
    }
}

/// A position counted from the start of an axis.
fn from_start(position: i64, length: i64) -> Option<i64> {
    if position < 0 { position.checked_add(length) } else { Some(position) }
}

/// How many positions of an axis lie from `begin` to before `end`; `None` means the axis' own.
fn positions(length: i64, begin: Option<i64>, end: Option<i64>, stride: i64) -> Option<u32> {
    // Walking backwards, the position before the first one is a valid end.
    let (low, high) = if stride > 0 { (0, length) } else { (-1, length - 1) };
    let (first, last) = if stride > 0 { (low, high) } else { (high, low) };
    let clamp = |position, own| match position {
        Some(position) => Some(from_start(position, length)?.clamp(low, high.max(low))),
        None => Some(own),
    };
    let (begin, end) = (clamp(begin, first)?, clamp(end, last)?);
    let span = if stride > 0 { end - begin } else { begin - end };
    let step = stride.unsigned_abs();
    if step == 0 {
        return None;
    }
    u32::try_from(u64::try_from(span).unwrap_or(0).div_ceil(step)).ok()
}

#[cfg(test)]
mod tests {
    use super::positions;

    #[test]
    fn positions_clamp_to_the_axis() {
        assert_eq!(positions(10, Some(2), Some(-1), 3), Some(3));
        assert_eq!(positions(10, None, None, -1), Some(10));
        assert_eq!(positions(10, Some(20), Some(-20), -4), Some(3));
        assert_eq!(positions(10, Some(5), Some(5), 1), Some(0));
        assert_eq!(positions(0, None, None, -1), Some(0));
        assert_eq!(positions(10, None, None, 0), None);
        assert_eq!(positions(10, Some(i64::MIN), Some(i64::MAX), i64::MIN), Some(0));
    }
}
