//! Copies of boxes of elements, on which every operator rests that only moves data.
//!
//! A box has an axis for each loop of the copy. Along an axis, the place that is read and the place
//! that is written advance by a step each: a permutation of axes is other steps, a reversal a
//! negative one, a repetition a step of zero.

use cofit_ir::{Shape, Tensor};

use crate::buffer::{Slice, SliceMut};
use crate::call::{Call, Fault, Kernel};
use crate::site::{Refusal, Site};

/// One loop of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Rounds.
    pub length: i64,
    /// Elements from one place that is read to the next.
    pub from: i64,
    /// Elements from one place that is written to the next.
    pub to: i64,
}

impl Axis {
    pub const fn new(length: i64, from: i64, to: i64) -> Self {
        Self { length, from, to }
    }
}

/// A copy whose places are known to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyBox {
    axes: Vec<Axis>,
    from_start: i64,
    to_start: i64,
    /// Elements that the source must have.
    from_length: i64,
    /// Elements that the target must have.
    to_length: i64,
}

impl CopyBox {
    /// The copy that starts at `from_start` of `from_length` elements and at `to_start` of
    /// `to_length`; `None` where it leaves either.
    pub fn new(
        axes: &[Axis],
        (from_start, from_length): (i64, i64),
        (to_start, to_length): (i64, i64),
    ) -> Option<Self> {
        let mut copy =
            Self { axes: Vec::new(), from_start, to_start, from_length: 0, to_length: 0 };
        if axes.iter().any(|axis| axis.length <= 0) {
            copy.axes.push(Axis::new(0, 0, 0));
            return Some(copy);
        }
        let lies_within = |start: i64, length: i64, step: fn(&Axis) -> i64| {
            let (mut lowest, mut highest) = (start, start);
            for axis in axes {
                let reach = (axis.length - 1).checked_mul(step(axis))?;
                lowest = lowest.checked_add(reach.min(0))?;
                highest = highest.checked_add(reach.max(0))?;
            }
            (lowest >= 0 && highest < length).then_some(())
        };
        lies_within(from_start, from_length, |axis| axis.from)?;
        lies_within(to_start, to_length, |axis| axis.to)?;
        (copy.from_length, copy.to_length) = (from_length, to_length);
        // Loops that go on where the one inside them ends are one loop.
        for &axis in axes.iter().filter(|axis| axis.length > 1) {
            match copy.axes.last_mut() {
                Some(outer)
                    if axis.length.checked_mul(axis.from) == Some(outer.from)
                        && axis.length.checked_mul(axis.to) == Some(outer.to) =>
                {
                    *outer = Axis::new(outer.length * axis.length, axis.from, axis.to);
                }
                Some(_) | None => copy.axes.push(axis),
            }
        }
        Some(copy)
    }

    /// The copy of places with `steps` and `lengths` into all of a dense target.
    pub fn gather(
        lengths: &[i64],
        steps: &[i64],
        from: (i64, i64),
        to_length: i64,
    ) -> Option<Self> {
        let axes: Vec<Axis> = lengths
            .iter()
            .zip(steps)
            .zip(dense_steps(lengths))
            .map(|((&length, &from), to)| Axis::new(length, from, to))
            .collect();
        let covered = lengths.iter().try_fold(1_i64, |product, &length| {
            product.checked_mul(length).filter(|&product| product >= 0)
        });
        if covered != Some(to_length) {
            return None;
        }
        Self::new(&axes, from, (0, to_length))
    }

    /// Copies elements of any type.
    pub fn copy(&self, from: Slice<'_>, to: &mut SliceMut<'_>) -> Result<(), Fault> {
        match (from, to) {
            (Slice::I8(from), SliceMut::I8(to)) => self.copy_elements(from, to),
            (Slice::U8(from), SliceMut::U8(to)) => self.copy_elements(from, to),
            (Slice::I16(from), SliceMut::I16(to)) => self.copy_elements(from, to),
            (Slice::I32(from), SliceMut::I32(to)) => self.copy_elements(from, to),
            (Slice::I64(from), SliceMut::I64(to)) => self.copy_elements(from, to),
            (Slice::F32(from), SliceMut::F32(to)) => self.copy_elements(from, to),
            _ => Err(Fault::new("elements change their type on the way")),
        }
    }

    /// Copies elements.
    pub fn copy_elements<T: Copy>(&self, from: &[T], to: &mut [T]) -> Result<(), Fault> {
        if (from.len() as i64) < self.from_length || (to.len() as i64) < self.to_length {
            return Err(Fault::new("a tensor has fewer elements than its shape says"));
        }
        copy_axes(&self.axes, from, self.from_start, to, self.to_start);
        Ok(())
    }
}

/// The places lie within both slices: [`CopyBox::new`] has seen to that.
fn copy_axes<T: Copy>(axes: &[Axis], from: &[T], from_at: i64, to: &mut [T], to_at: i64) {
    match axes {
        [] => to[to_at as usize] = from[from_at as usize],
        [Axis { length, from: 1, to: 1 }] => {
            let (read, write, length) = (from_at as usize, to_at as usize, *length as usize);
            to[write..write + length].copy_from_slice(&from[read..read + length]);
        }
        [axis] => {
            for at in 0..axis.length {
                to[(to_at + at * axis.to) as usize] = from[(from_at + at * axis.from) as usize];
            }
        }
        [axis, inner @ ..] => {
            for at in 0..axis.length {
                copy_axes(inner, from, from_at + at * axis.from, to, to_at + at * axis.to);
            }
        }
    }
}

/// One copy of an operator.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    /// The operand that is read.
    pub input: usize,
    /// The result that is written.
    pub output: usize,
    pub part: CopyBox,
}

impl Move {
    /// Makes the copy.
    pub fn run(&self, call: &mut Call<'_>) -> Result<(), Fault> {
        let from = call.inputs.any(self.input)?;
        self.part.copy(from, call.outputs.any(self.output)?)
    }
}

/// The kernel that makes copies and nothing else. The results are of the operands' types.
pub(crate) fn kernel(site: &Site<'_>, moves: Vec<Move>) -> Result<Kernel, Refusal> {
    for part in &moves {
        same_type(site, part.input, part.output)?;
    }
    Ok(Box::new(move |call| moves.iter().try_for_each(|part| part.run(call))))
}

/// Refuses an operator that would have to convert operand `input` for result `output`.
pub(crate) fn same_type(site: &Site<'_>, input: usize, output: usize) -> Result<(), Refusal> {
    match site.input(input)?.element == site.output(output)?.element {
        true => Ok(()),
        false => Err(site.unsupported()),
    }
}

/// Refuses a copy that leaves its tensors, which rules of shapes let through only where values that
/// they would need are not known to them.
pub(crate) fn found(site: &Site<'_>, part: Option<CopyBox>) -> Result<CopyBox, Refusal> {
    part.ok_or_else(|| {
        site.refuse("it reads or writes beyond its tensors", "export the model with static shapes")
    })
}

/// Axis lengths of a tensor.
pub(crate) fn lengths(tensor: &Tensor) -> Vec<i64> {
    tensor.shape.dimensions().iter().map(|&length| i64::from(length)).collect()
}

/// Number of elements of a tensor.
pub(crate) fn elements(tensor: &Tensor) -> i64 {
    i64::try_from(tensor.shape.elements()).unwrap_or(i64::MAX)
}

/// Product of axis lengths, saturating where a shape without elements has huge axes.
pub(crate) fn product(lengths: &[i64]) -> usize {
    let product = lengths.iter().fold(1_i64, |product, &length| product.saturating_mul(length));
    usize::try_from(product).unwrap_or(0)
}

/// Elements from one position of an axis to the next in a dense tensor.
pub(crate) fn dense_steps(lengths: &[i64]) -> Vec<i64> {
    let mut steps = vec![1; lengths.len()];
    for axis in (1..lengths.len()).rev() {
        steps[axis - 1] = lengths[axis].saturating_mul(steps[axis]);
    }
    steps
}

/// The axis of `shape` that `axis` names, where negative values count from the end.
pub(crate) fn axis_of(site: &Site<'_>, shape: &Shape, axis: i64) -> Result<usize, Refusal> {
    shape
        .resolve_axis(axis)
        .ok_or_else(|| site.refuse(format!("{shape} has no axis {axis}"), "check the exporter"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outside_are_found_before_the_copy() {
        let axes = [Axis::new(2, 3, 3), Axis::new(3, 1, 1)];
        assert!(CopyBox::new(&axes, (0, 6), (0, 6)).is_some());
        assert!(CopyBox::new(&axes, (0, 5), (0, 6)).is_none());
        assert!(CopyBox::new(&axes, (1, 6), (0, 6)).is_none());
        assert!(CopyBox::new(&[Axis::new(2, -1, 1)], (0, 6), (0, 6)).is_none());
        assert!(CopyBox::new(&[Axis::new(i64::MAX, i64::MAX, 1)], (0, 6), (0, 6)).is_none());
        let nothing = CopyBox::new(&[Axis::new(0, 9, 9)], (99, 6), (0, 6)).unwrap();
        assert_eq!(nothing.copy_elements::<u8>(&[], &mut []), Ok(()));
    }

    #[test]
    fn dense_loops_become_one() {
        let dense = CopyBox::gather(&[2, 3, 4], &[12, 4, 1], (0, 24), 24).unwrap();
        assert_eq!(dense.axes, [Axis::new(24, 1, 1)]);
        let turned = CopyBox::gather(&[3, 2], &[1, 3], (0, 6), 6).unwrap();
        let mut result = [0; 6];
        turned.copy_elements(&[1, 2, 3, 4, 5, 6], &mut result).unwrap();
        assert_eq!(result, [1, 4, 2, 5, 3, 6]);
        let scalar = CopyBox::gather(&[], &[], (2, 3), 1).unwrap();
        let mut result = [0];
        scalar.copy_elements(&[7, 8, 9], &mut result).unwrap();
        assert_eq!(result, [9]);
    }
}
