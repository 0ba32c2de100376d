//! `split` and `split_v`: parts of a tensor along an axis.

use crate::call::Kernel;
use crate::copy_box::{self, Axis, CopyBox, Move, axis_of, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Each result is a box of operand `input`; operand `axis` names the axis.
pub(crate) fn prepare(site: &Site<'_>, input: usize, axis: usize) -> Result<Kernel, Refusal> {
    let whole = site.input(input)?;
    let axis = site.integers(axis)?.first().copied().unwrap_or(0);
    let axis = axis_of(site, &whole.shape, axis)?;
    let steps = dense_steps(&lengths(whole));
    let mut moves = Vec::with_capacity(site.operator().outputs.len());
    let mut start = 0_i64;
    for index in 0..site.operator().outputs.len() {
        let part = site.output(index)?;
        let axes: Vec<Axis> = lengths(part)
            .iter()
            .zip(&steps)
            .zip(dense_steps(&lengths(part)))
            .map(|((&length, &from), to)| Axis::new(length, from, to))
            .collect();
        let from = start.saturating_mul(steps[axis]);
        let copied = CopyBox::new(&axes, (from, elements(whole)), (0, elements(part)));
        let copied = copied.filter(|_| part.shape.rank() == steps.len());
        moves.push(Move { input, output: index, part: found(site, copied)? });
        start = start.saturating_add(i64::from(part.shape[axis]));
    }
    copy_box::kernel(site, moves)
}
