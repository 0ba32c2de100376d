//! Shapes of tensors.

use std::fmt;
use std::ops::Index;

use smallvec::SmallVec;

/// The lengths of a tensor's axes, outermost first. A scalar has no axes.
///
/// Lengths are `u32`: a file may claim any 32-bit value, so products are taken with
/// [`Shape::elements`], which saturates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape(SmallVec<[u32; 4]>);

impl Shape {
    /// The most axes that a well-formed model's tensor has. TFLite's kernels handle at most 8
    /// (`tensorflow/lite/kernels/broadcast_to.cc`); the bound keeps hostile files from making every
    /// shape a long list.
    pub const MAX_RANK: usize = 16;

    /// The shape with these axis lengths.
    pub fn new(dimensions: &[u32]) -> Self {
        Self(SmallVec::from_slice(dimensions))
    }

    /// The shape without axes.
    pub fn scalar() -> Self {
        Self::default()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The axis lengths.
    pub fn dimensions(&self) -> &[u32] {
        &self.0
    }

    /// The axis lengths, to change.
    pub fn dimensions_mut(&mut self) -> &mut [u32] {
        &mut self.0
    }

    /// The length of axis `axis`, or `None` beyond the rank.
    pub fn get(&self, axis: usize) -> Option<u32> {
        self.0.get(axis).copied()
    }

    /// The length of the innermost axis; 1 for a scalar.
    pub fn last(&self) -> u32 {
        self.0.last().copied().unwrap_or(1)
    }

    /// Number of elements, saturating at `u64::MAX`; 1 for a scalar.
    pub fn elements(&self) -> u64 {
        // A zero anywhere makes the tensor empty even where the other factors overflow.
        if self.0.contains(&0) {
            return 0;
        }
        self.0.iter().fold(1u64, |product, &length| product.saturating_mul(u64::from(length)))
    }

    /// Batch, height, width, channels, with missing outer axes read as 1; `None` above rank 4.
    pub fn as_nhwc(&self) -> Option<[u32; 4]> {
        let missing = 4usize.checked_sub(self.rank())?;
        let mut nhwc = [1; 4];
        nhwc[missing..].copy_from_slice(&self.0);
        Some(nhwc)
    }

    /// The axis that `axis` names, where negative values count from the end.
    pub fn resolve_axis(&self, axis: i64) -> Option<usize> {
        let rank = i64::try_from(self.rank()).ok()?;
        let resolved = if axis < 0 { axis.checked_add(rank)? } else { axis };
        (0..rank).contains(&resolved).then_some(resolved as usize)
    }

    /// The shape of an element-wise result: axes are aligned at the innermost, and a length of 1
    /// stretches. `None` where two lengths differ and neither is 1.
    pub fn broadcast(&self, other: &Self) -> Option<Self> {
        let rank = self.rank().max(other.rank());
        let length = |shape: &Self, axis: usize| {
            (axis + shape.rank()).checked_sub(rank).and_then(|axis| shape.get(axis)).unwrap_or(1)
        };
        let mut result = SmallVec::with_capacity(rank);
        for axis in 0..rank {
            result.push(match (length(self, axis), length(other, axis)) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            });
        }
        Some(Self(result))
    }
}

impl Index<usize> for Shape {
    type Output = u32;

    fn index(&self, axis: usize) -> &u32 {
        &self.0[axis]
    }
}

impl FromIterator<u32> for Shape {
    fn from_iter<I: IntoIterator<Item = u32>>(lengths: I) -> Self {
        Self(lengths.into_iter().collect())
    }
}

/// Prints as `[1,96,96,3]`; a scalar as `[]`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, length) in self.0.iter().enumerate() {
            if axis > 0 {
                f.write_str(",")?;
            }
            write!(f, "{length}")?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_counts_saturate_and_empty_axes_win() {
        assert_eq!(Shape::new(&[u32::MAX; 4]).elements(), u64::MAX);
        assert_eq!(Shape::new(&[u32::MAX, u32::MAX, u32::MAX, 0]).elements(), 0);
        assert_eq!(Shape::scalar().elements(), 1);
    }

    #[test]
    fn broadcasting_aligns_at_the_innermost_axis() {
        let a = Shape::new(&[1, 8, 8, 16]);
        assert_eq!(a.broadcast(&Shape::new(&[16])), Some(a.clone()));
        assert_eq!(a.broadcast(&Shape::scalar()), Some(a.clone()));
        assert_eq!(a.broadcast(&Shape::new(&[3])), None);
    }

    #[test]
    fn axes_count_from_either_end() {
        let shape = Shape::new(&[2, 3, 4]);
        assert_eq!(shape.resolve_axis(-1), Some(2));
        assert_eq!(shape.resolve_axis(2), Some(2));
        assert_eq!(shape.resolve_axis(3), None);
        assert_eq!(shape.resolve_axis(i64::MIN), None);
    }

    #[test]
    fn missing_outer_axes_are_one() {
        assert_eq!(Shape::new(&[49, 10]).as_nhwc(), Some([1, 1, 49, 10]));
        assert_eq!(Shape::new(&[1; 5]).as_nhwc(), None);
    }
}
