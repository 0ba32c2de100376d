//! How far two results lie apart.

use crate::buffer::Slice;

/// The difference of two tensors of the same type and length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// Elements compared.
    pub elements: usize,
    /// Elements that differ at all; floats that differ in their bits, NaN equal to NaN.
    pub differing: usize,
    /// The largest difference: steps of integers, absolute for floats.
    pub largest: f64,
    /// The largest difference over the largest magnitude of the second tensor; 0 for integers.
    pub relative: f64,
}

impl Difference {
    /// Compares element by element; `None` where types or lengths differ.
    pub fn between(ours: Slice<'_>, theirs: Slice<'_>) -> Option<Self> {
        if ours.len() != theirs.len() {
            return None;
        }
        match (ours, theirs) {
            (Slice::I8(a), Slice::I8(b)) => Some(Self::of_integers(a, b)),
            (Slice::U8(a), Slice::U8(b)) => Some(Self::of_integers(a, b)),
            (Slice::I16(a), Slice::I16(b)) => Some(Self::of_integers(a, b)),
            (Slice::I32(a), Slice::I32(b)) => Some(Self::of_integers(a, b)),
            (Slice::I64(a), Slice::I64(b)) => Some(Self::of_integers(a, b)),
            (Slice::F32(a), Slice::F32(b)) => Some(Self::of_floats(a, b)),
            _ => None,
        }
    }

    fn of_integers<T: Copy + Into<i128>>(ours: &[T], theirs: &[T]) -> Self {
        let mut difference = Self { elements: ours.len(), ..Self::default() };
        for (&a, &b) in ours.iter().zip(theirs) {
            let steps = (a.into() - b.into()).unsigned_abs();
            difference.differing += usize::from(steps > 0);
            difference.largest = difference.largest.max(steps as f64);
        }
        difference
    }

    fn of_floats(ours: &[f32], theirs: &[f32]) -> Self {
        let mut difference = Self { elements: ours.len(), ..Self::default() };
        let mut magnitude = 0.0_f64;
        for (&a, &b) in ours.iter().zip(theirs) {
            if a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan() {
                magnitude = magnitude.max(if b.is_finite() { f64::from(b).abs() } else { 0.0 });
                continue;
            }
            let apart = (f64::from(a) - f64::from(b)).abs();
            difference.differing += usize::from(a != b);
            // A number against NaN or infinity is as far apart as can be.
            difference.largest =
                difference.largest.max(if apart.is_nan() { f64::INFINITY } else { apart });
            magnitude = magnitude.max(if b.is_finite() { f64::from(b).abs() } else { 0.0 });
        }
        difference.relative = match (difference.largest, magnitude) {
            (0.0, _) => 0.0,
            (largest, 0.0) => largest,
            (largest, magnitude) => largest / magnitude,
        };
        difference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_differ_in_steps_and_floats_relatively() {
        let steps = Difference::between(Slice::I8(&[1, 2, -128]), Slice::I8(&[1, 3, 127])).unwrap();
        assert_eq!((steps.differing, steps.largest, steps.relative), (2, 255.0, 0.0));
        let floats = Difference::between(Slice::F32(&[1.0, 4.0]), Slice::F32(&[1.5, 4.0])).unwrap();
        assert_eq!((floats.differing, floats.largest, floats.relative), (1, 0.5, 0.125));
        let same = Difference::between(Slice::F32(&[f32::NAN]), Slice::F32(&[f32::NAN])).unwrap();
        assert_eq!(same.differing, 0);
        let lost = Difference::between(Slice::F32(&[f32::NAN]), Slice::F32(&[1.0])).unwrap();
        assert_eq!(lost.largest, f64::INFINITY);
        assert_eq!(Difference::between(Slice::I8(&[1]), Slice::U8(&[1])), None);
    }
}
