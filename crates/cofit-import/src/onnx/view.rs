//! Values as views of stored tensors.
//!
//! ONNX states activations with channels before height and width, this program stores them with
//! channels innermost. No transpose is inserted to go from one to the other. Instead a value of the
//! file is a *view*: a stored tensor, the lengths that its memory divides into (*factors*, outermost
//! first), and for each axis of the file's tensor the factors that make it up. `Transpose`,
//! `Reshape`, `Flatten`, `Squeeze` and `Unsqueeze` only change the view. An operator asks for the
//! *arrangement* that it needs, and only where that is another order of the memory does a transpose
//! appear. Axes of length 1 have no factors: they cost nothing wherever they stand.

use cofit_ir::{Shape, TensorId};
use smallvec::SmallVec;

/// For each axis to store, the file's axis that it holds, or `None` for one of length 1.
pub(crate) type Arrangement = SmallVec<[Option<usize>; 4]>;

/// A value of the file as a view of a stored tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    /// The stored tensor.
    pub tensor: TensorId,
    /// What its memory divides into, outermost first; none is 1.
    pub factors: SmallVec<[u32; 6]>,
    /// For each axis of the file's tensor, its factors, outermost first.
    pub axes: Vec<SmallVec<[usize; 2]>>,
    /// What the numbers in memory mean to the file.
    pub reading: Reading,
}

/// What the numbers in memory mean to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What they are.
    Plain,
    /// Integers that the file states without sign and that are stored less 128.
    Shifted,
    /// Integers of which the file reads the reals that they stand for.
    Dequantised,
}

impl View {
    /// The view of a tensor that is stored in the file's order.
    pub fn of(tensor: TensorId, shape: &Shape) -> Self {
        let order: Arrangement = (0..shape.rank()).map(Some).collect();
        Self::arranged(tensor, shape, &order, shape.rank())
    }

    /// The view of a tensor that is stored in an arrangement of `rank` axes.
    pub fn arranged(
        tensor: TensorId,
        stored: &Shape,
        order: &[Option<usize>],
        rank: usize,
    ) -> Self {
        let mut view = Self {
            tensor,
            factors: SmallVec::new(),
            axes: vec![SmallVec::new(); rank],
            reading: Reading::Plain,
        };
        for (&length, &axis) in stored.dimensions().iter().zip(order) {
            if length == 1 {
                continue;
            }
            if let Some(axes) = axis.and_then(|axis| view.axes.get_mut(axis)) {
                axes.push(view.factors.len());
            }
            view.factors.push(length);
        }
        view
    }

    /// Number of the file's axes.
    pub fn rank(&self) -> usize {
        self.axes.len()
    }

    /// The length of an axis of the file.
    pub fn length(&self, axis: usize) -> u32 {
        let factors = self.axes.get(axis).into_iter().flatten();
        factors.fold(1, |product: u32, &factor| product.saturating_mul(self.factors[factor]))
    }

    /// The file's shape.
    pub fn shape(&self) -> Shape {
        (0..self.rank()).map(|axis| self.length(axis)).collect()
    }

    /// The same memory with the file's axes in another order: axis `i` of the result is axis
    /// `order[i]`. The caller has checked the order.
    pub fn transposed(&self, order: &[usize]) -> Self {
        let axes = order.iter().map(|&axis| self.axes[axis].clone()).collect();
        Self { axes, ..self.clone() }
    }

    /// The same elements in the file's order under another shape, where that needs no movement of
    /// memory; the caller has checked the number of elements.
    pub fn reshaped(&self, shape: &Shape) -> Option<Self> {
        let mut view = Self { axes: Vec::new(), ..self.clone() };
        let mut rest: Vec<usize> = self.axes.iter().flatten().copied().rev().collect();
        for &length in shape.dimensions() {
            let mut axis = SmallVec::new();
            let mut open = length;
            while open != 1 {
                let factor = rest.pop()?;
                let factor_length = view.factors[factor];
                if factor_length == 0 || open == 0 {
                    // Nothing is stored; any view of nothing will do.
                    return None;
                }
                if open.is_multiple_of(factor_length) {
                    open /= factor_length;
                } else if factor_length.is_multiple_of(open) {
                    view.split(factor, open);
                    for later in &mut rest {
                        *later += usize::from(*later > factor);
                    }
                    for earlier in view.axes.iter_mut().flatten().chain(&mut axis) {
                        *earlier += usize::from(*earlier > factor);
                    }
                    rest.push(factor + 1);
                    open = 1;
                } else {
                    return None;
                }
                axis.push(factor);
            }
            view.axes.push(axis);
        }
        rest.is_empty().then_some(view)
    }

    /// The same elements as one axis for every run of memory that the file's order leaves whole.
    /// Reshaping such a view works wherever reshaping needs no movement.
    pub fn coalesced(&self) -> Self {
        let mut runs: Vec<(usize, u32)> = Vec::new();
        let mut last = None;
        for &factor in self.axes.iter().flatten() {
            let length = self.factors[factor];
            match runs.last_mut() {
                Some((_, run)) if last == factor.checked_sub(1) => {
                    *run = run.saturating_mul(length)
                }
                _ => runs.push((factor, length)),
            }
            last = Some(factor);
        }
        let mut places: Vec<usize> = (0..runs.len()).collect();
        places.sort_by_key(|&run| runs[run].0);
        let mut axes = vec![SmallVec::new(); runs.len()];
        for (place, &run) in places.iter().enumerate() {
            axes[run].push(place);
        }
        let factors = places.iter().map(|&run| runs[run].1).collect();
        Self { tensor: self.tensor, factors, axes, reading: self.reading }
    }

    /// Cuts a factor into an outer one of `length` and what is left.
    fn split(&mut self, factor: usize, length: u32) {
        let rest = self.factors[factor] / length;
        self.factors[factor] = length;
        self.factors.insert(factor + 1, rest);
    }

    /// The factors of an arrangement, outermost first.
    pub fn sequence(&self, order: &[Option<usize>]) -> Vec<usize> {
        order.iter().flatten().flat_map(|&axis| self.axes[axis].iter().copied()).collect()
    }

    /// The stored shape of an arrangement.
    pub fn stored_shape(&self, order: &[Option<usize>]) -> Shape {
        order.iter().map(|axis| axis.map_or(1, |axis| self.length(axis))).collect()
    }

    /// Whether the memory has this arrangement already, but for its shape.
    pub fn lies_in(&self, order: &[Option<usize>]) -> bool {
        let sequence = self.sequence(order);
        sequence.len() == self.factors.len() && sequence.is_sorted()
    }

    /// An arrangement in which every axis of the file is one stored axis and no memory moves;
    /// `None` where there is none. `stored` is the tensor's own shape, which is kept if it can be.
    pub fn natural(&self, stored: &Shape) -> Option<Arrangement> {
        let is_whole =
            |axis: &SmallVec<[usize; 2]>| axis.windows(2).all(|pair| pair[1] == pair[0] + 1);
        if !self.axes.iter().all(is_whole) {
            return None;
        }
        let common = [in_order(self.rank()), channels_innermost(self.rank())];
        let fits = |order: &&Arrangement| self.lies_in(order);
        let exact = |order: &&Arrangement| self.stored_shape(order) == *stored;
        if let Some(order) = common.iter().filter(fits).find(exact) {
            return Some(order.clone());
        }
        // The axes that have memory, in its order.
        let mut real: Vec<usize> =
            (0..self.rank()).filter(|&axis| !self.axes[axis].is_empty()).collect();
        real.sort_by_key(|&axis| self.axes[axis].first().copied());
        let lengths = real.iter().map(|&axis| self.length(axis));
        let kept = stored.dimensions().iter().copied().filter(|&length| length != 1);
        if lengths.eq(kept) {
            let mut real = real.iter().copied();
            let mut units = (0..self.rank()).filter(|&axis| self.axes[axis].is_empty());
            let order = stored.dimensions().iter();
            return Some(
                order.map(|&length| if length == 1 { units.next() } else { real.next() }).collect(),
            );
        }
        if let Some(order) = common.iter().find(fits) {
            return Some(order.clone());
        }
        let units = (0..self.rank()).filter(|&axis| self.axes[axis].is_empty());
        Some(units.chain(real.iter().copied()).map(Some).collect())
    }
}

/// The file's own order of `rank` axes.
pub(crate) fn in_order(rank: usize) -> Arrangement {
    (0..rank).map(Some).collect()
}

/// The order in which convolutions and pools take `rank` axes: channels innermost, and a height of
/// 1 where the file has only one axis of space.
pub(crate) fn channels_innermost(rank: usize) -> Arrangement {
    match rank {
        0..=2 => in_order(rank),
        3 => [Some(0), None, Some(2), Some(1)].into_iter().collect(),
        _ => [0].into_iter().chain(2..rank).chain([1]).map(Some).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> View {
        let tensor = TensorId::from_u32(0);
        View::arranged(tensor, &Shape::new(&[1, 4, 6, 8]), &channels_innermost(4), 4)
    }

    #[test]
    fn flattening_an_image_moves_nothing() {
        let image = image();
        assert_eq!(image.shape(), Shape::new(&[1, 8, 4, 6]));
        let flat = image.reshaped(&Shape::new(&[1, 192])).expect("a view");
        assert_eq!(flat.sequence(&in_order(2)), [2, 0, 1], "channels come first in the file");
        assert!(!flat.lies_in(&in_order(2)));
        let back = flat.reshaped(&Shape::new(&[1, 8, 4, 6])).expect("a view");
        assert_eq!(back, image);
    }

    #[test]
    fn a_transpose_to_channels_last_lies_in_order() {
        let last = image().transposed(&[0, 2, 3, 1]);
        assert!(last.lies_in(&in_order(4)));
        assert_eq!(last.natural(&Shape::new(&[1, 4, 6, 8])), Some(in_order(4)));
    }

    #[test]
    fn a_shuffle_of_channels_is_one_transpose() {
        let grouped = image().reshaped(&Shape::new(&[1, 2, 4, 4, 6])).expect("a view");
        assert_eq!(grouped.factors.as_slice(), [4, 6, 2, 4]);
        let shuffled = grouped.transposed(&[0, 2, 1, 3, 4]);
        let joined = shuffled.reshaped(&Shape::new(&[1, 8, 4, 6])).expect("a view");
        assert_eq!(joined.sequence(&channels_innermost(4)), [0, 1, 3, 2]);
        assert_eq!(joined.natural(&Shape::new(&[1, 4, 6, 8])), None);
    }

    #[test]
    fn axes_of_length_one_cost_nothing() {
        let tensor = TensorId::from_u32(0);
        let stored = Shape::new(&[1, 49, 10, 1]);
        let view = View::of(tensor, &stored);
        let image = view.reshaped(&Shape::new(&[1, 1, 49, 10])).expect("a view");
        assert!(image.lies_in(&channels_innermost(4)));
        assert_eq!(image.natural(&stored), Some(channels_innermost(4)));
    }

    #[test]
    fn lengths_that_do_not_divide_need_the_files_order() {
        let view = View::of(TensorId::from_u32(0), &Shape::new(&[2, 3]));
        assert_eq!(view.reshaped(&Shape::new(&[3, 2])), None);
        let whole = view.coalesced().reshaped(&Shape::new(&[3, 2])).expect("one run");
        assert_eq!(whole.shape(), Shape::new(&[3, 2]));
        let turned = view.transposed(&[1, 0]).coalesced();
        assert_eq!(turned.reshaped(&Shape::new(&[2, 3])), None);
    }
}
