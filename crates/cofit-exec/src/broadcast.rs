//! Stepping through operands that are stretched along axes of length 1.

use cofit_ir::Shape;
use smallvec::SmallVec;

use crate::buffer::Element;
use crate::call::{Call, Fault};
use crate::site::{Refusal, Site};

/// How `N` operands are read while a result is written in its order.
///
/// Neighbouring axes along which every operand steps alike are one axis here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broadcast<const N: usize> {
    axes: SmallVec<[Axis<N>; 4]>,
    /// Elements of the result.
    count: usize,
    /// Elements of every operand.
    lengths: [usize; N],
}

/// One axis of the result, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis<const N: usize> {
    length: usize,
    /// By how many elements each operand advances; 0 where it is stretched.
    steps: [usize; N],
}

impl<const N: usize> Broadcast<N> {
    /// The first `N` operands of an operator, stretched to its result.
    pub fn of(site: &Site<'_>) -> Result<Self, Refusal> {
        let mut shapes = Vec::with_capacity(N);
        for index in 0..N {
            shapes.push(&site.input(index)?.shape);
        }
        let output = &site.output(0)?.shape;
        Self::new(&shapes, output).ok_or_else(|| {
            site.refuse(
                format!("the operands do not broadcast to {output}"),
                "export the model with static shapes",
            )
        })
    }

    /// `N` operands of these shapes, stretched to `output`; `None` where they cannot be.
    fn new(shapes: &[&Shape], output: &Shape) -> Option<Self> {
        let rank = output.rank();
        let count = usize::try_from(output.elements()).ok()?;
        let mut lengths = [0; N];
        let mut steps = vec![[0; N]; rank];
        for (operand, shape) in shapes.iter().enumerate().take(N) {
            lengths[operand] = usize::try_from(shape.elements()).ok()?;
            let missing = rank.checked_sub(shape.rank())?;
            let mut step = 1_usize;
            for axis in (0..shape.rank()).rev() {
                let (length, needed) = (shape[axis], output[missing + axis]);
                if length == needed && length != 1 {
                    steps[missing + axis][operand] = step;
                } else if length != 1 {
                    return None;
                }
                step = step.saturating_mul(length as usize);
            }
        }
        let mut axes: SmallVec<[Axis<N>; 4]> = SmallVec::new();
        for (axis, steps) in steps.into_iter().enumerate() {
            let length = output[axis] as usize;
            if length == 1 {
                continue;
            }
            let merges = |outer: &&mut Axis<N>| {
                (0..N).all(|operand| outer.steps[operand] == steps[operand].saturating_mul(length))
            };
            match axes.last_mut().filter(merges) {
                Some(outer) => *outer = Axis { length: outer.length.saturating_mul(length), steps },
                None => axes.push(Axis { length, steps }),
            }
        }
        Some(Self { axes, count, lengths })
    }

    /// Calls `visit` with a position in the result and those of the operands, as often as the
    /// result has elements.
    #[inline]
    fn for_each(&self, mut visit: impl FnMut(usize, [usize; N])) {
        if self.count == 0 {
            return;
        }
        let Some((inner, outer)) = self.axes.split_last() else {
            return visit(0, [0; N]);
        };
        let mut places: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer.len());
        let mut from = [0; N];
        let mut to = 0;
        loop {
            let mut at = from;
            for _ in 0..inner.length {
                visit(to, at);
                to += 1;
                for (at, step) in at.iter_mut().zip(inner.steps) {
                    *at += step;
                }
            }
            let mut axis = outer.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                let Axis { length, steps } = outer[axis];
                places[axis] += 1;
                if places[axis] < length {
                    (0..N).for_each(|operand| from[operand] += steps[operand]);
                    break;
                }
                places[axis] = 0;
                (0..N).for_each(|operand| from[operand] -= steps[operand] * (length - 1));
            }
        }
    }

    /// Whether operands and result have the lengths that their shapes say.
    fn check(&self, lengths: [usize; N], count: usize) -> Result<(), Fault> {
        match lengths == self.lengths && count == self.count {
            true => Ok(()),
            false => Err(Fault::new("an operand does not have its shape's length")),
        }
    }
}

impl Broadcast<2> {
    /// Writes `compute` of two operands into the result.
    pub fn apply<A: Element, B: Element, R: Element>(
        &self,
        call: &mut Call<'_>,
        compute: impl Fn(A, B) -> R,
    ) -> Result<(), Fault> {
        let (a, b) = (call.inputs.get::<A>(0)?, call.inputs.get::<B>(1)?);
        let result = call.outputs.get::<R>(0)?;
        self.check([a.len(), b.len()], result.len())?;
        self.for_each(|to, [i, j]| result[to] = compute(a[i], b[j]));
        Ok(())
    }
}

impl Broadcast<3> {
    /// Writes `compute` of three operands into the result.
    pub fn apply<A: Element, B: Element, C: Element, R: Element>(
        &self,
        call: &mut Call<'_>,
        compute: impl Fn(A, B, C) -> R,
    ) -> Result<(), Fault> {
        let (a, b) = (call.inputs.get::<A>(0)?, call.inputs.get::<B>(1)?);
        let c = call.inputs.get::<C>(2)?;
        let result = call.outputs.get::<R>(0)?;
        self.check([a.len(), b.len(), c.len()], result.len())?;
        self.for_each(|to, [i, j, k]| result[to] = compute(a[i], b[j], c[k]));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(a: &[u32], b: &[u32], output: &[u32]) -> Option<(usize, Vec<[usize; 2]>)> {
        let (a, b) = (Shape::new(a), Shape::new(b));
        let broadcast = Broadcast::<2>::new(&[&a, &b], &Shape::new(output))?;
        let mut found = Vec::new();
        broadcast.for_each(|to, at| {
            assert_eq!(to, found.len());
            found.push(at);
        });
        Some((broadcast.axes.len(), found))
    }

    #[test]
    fn operands_step_as_their_shapes_say() {
        let (axes, found) = visits(&[2, 1, 2], &[3, 1], &[2, 3, 2]).unwrap();
        assert_eq!(axes, 3);
        let (a, b): (Vec<_>, Vec<_>) = found.into_iter().map(|[a, b]| (a, b)).unzip();
        assert_eq!(a, [0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3]);
        assert_eq!(b, [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn axes_that_step_alike_are_merged() {
        assert_eq!(visits(&[2, 3, 4], &[2, 3, 4], &[2, 3, 4]).unwrap().0, 1);
        assert_eq!(visits(&[2, 3, 4], &[4], &[2, 3, 4]).unwrap().0, 2);
        assert_eq!(visits(&[2, 3, 4], &[], &[2, 3, 4]).unwrap().0, 1);
        assert_eq!(visits(&[], &[], &[]).unwrap().1, [[0, 0]]);
        assert_eq!(visits(&[2, 0], &[1, 1], &[2, 0]).unwrap().1, Vec::<[usize; 2]>::new());
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_refused() {
        assert_eq!(visits(&[2], &[3], &[3]), None);
        assert_eq!(visits(&[2, 3], &[3], &[3]), None);
        assert_eq!(visits(&[3], &[3], &[2]), None);
    }
}
