//! How a tensor's axes relate to those of the file it came from.

use smallvec::SmallVec;

use crate::Shape;

/// For each axis of a tensor, the axis of the file's tensor that it holds.
///
/// A file may state its tensors in another order than this program stores them: ONNX has channels
/// before height and width. Axes of length 1 may be left out or inserted on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AxisOrder {
    file_rank: u8,
    rank: u8,
    axes: [u8; AxisOrder::MAX_RANK],
}

impl AxisOrder {
    /// The most axes on either side.
    pub const MAX_RANK: usize = 8;

    /// Stands for an axis of length 1 that the file does not have.
    const INSERTED: u8 = u8::MAX;

    /// The order in which axis `i` holds the file's axis `axes[i]`, or is an inserted one of length
    /// 1 where that is `None`. Axes of the file that are not named have length 1.
    ///
    /// `None` where a side has more than [`AxisOrder::MAX_RANK`] axes, or an axis is named twice or
    /// does not exist.
    pub fn new(axes: &[Option<usize>], file_rank: usize) -> Option<Self> {
        if axes.len() > Self::MAX_RANK || file_rank > Self::MAX_RANK {
            return None;
        }
        let mut order = Self {
            file_rank: u8::try_from(file_rank).ok()?,
            rank: u8::try_from(axes.len()).ok()?,
            axes: [Self::INSERTED; Self::MAX_RANK],
        };
        let mut named = [false; Self::MAX_RANK];
        for (place, &axis) in order.axes.iter_mut().zip(axes) {
            let Some(axis) = axis else { continue };
            if axis >= file_rank || std::mem::replace(&mut named[axis], true) {
                return None;
            }
            *place = u8::try_from(axis).ok()?;
        }
        Some(order)
    }

    /// Number of axes of the file's tensor.
    pub const fn file_rank(&self) -> usize {
        self.file_rank as usize
    }

    /// For each stored axis the file's axis, or `None` for an inserted one.
    pub fn axes(&self) -> impl Iterator<Item = Option<usize>> + use<'_> {
        let axes = self.axes.iter().take(usize::from(self.rank));
        axes.map(|&axis| (axis != Self::INSERTED).then_some(usize::from(axis)))
    }

    /// Whether every axis is where the file has it.
    pub fn is_identity(&self) -> bool {
        self.rank == self.file_rank
            && self.axes().enumerate().all(|(place, axis)| axis == Some(place))
    }

    /// The file's shape of a tensor that is stored with the shape `stored`.
    pub fn file_shape(&self, stored: &Shape) -> Shape {
        let mut lengths: SmallVec<[u32; Self::MAX_RANK]> = SmallVec::from_elem(1, self.file_rank());
        for (axis, &length) in self.axes().zip(stored.dimensions()) {
            if let Some(axis) = axis {
                lengths[axis] = length;
            }
        }
        lengths.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_shape_leads_back_to_the_files() {
        let image = AxisOrder::new(&[Some(0), Some(2), Some(3), Some(1)], 4).expect("an order");
        assert_eq!(image.file_shape(&Shape::new(&[1, 32, 24, 3])), Shape::new(&[1, 3, 32, 24]));
        assert!(!image.is_identity());
        let signal = AxisOrder::new(&[Some(0), None, Some(2), Some(1)], 3).expect("an order");
        assert_eq!(signal.file_shape(&Shape::new(&[1, 1, 100, 8])), Shape::new(&[1, 8, 100]));
        assert!(AxisOrder::new(&[Some(0), Some(1)], 2).is_some_and(|order| order.is_identity()));
    }

    #[test]
    fn orders_that_are_none_are_refused() {
        assert_eq!(AxisOrder::new(&[Some(0), Some(0)], 2), None);
        assert_eq!(AxisOrder::new(&[Some(2)], 2), None);
        assert_eq!(AxisOrder::new(&[None; 9], 2), None);
    }
}
