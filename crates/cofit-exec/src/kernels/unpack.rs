//! `unpack`: the slices of a tensor along an axis.

use cofit_ir::ops::Unpack;

use crate::call::Kernel;
use crate::copy_box::{self, CopyBox, Move, axis_of, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Each result is one position of the axis.
pub(crate) fn prepare(site: &Site<'_>, op: &Unpack) -> Result<Kernel, Refusal> {
    let input = site.input(0)?;
    let axis = axis_of(site, &input.shape, i64::from(op.axis))?;
    let (mut kept, mut steps) = (lengths(input), dense_steps(&lengths(input)));
    kept.remove(axis);
    let step = steps.remove(axis);
    let mut moves = Vec::with_capacity(site.operator().outputs.len());
    for output in 0..site.operator().outputs.len() {
        let from = (output as i64).saturating_mul(step);
        let count = elements(site.output(output)?);
        let part = CopyBox::gather(&kept, &steps, (from, elements(input)), count);
        moves.push(Move { input: 0, output, part: found(site, part)? });
    }
    copy_box::kernel(site, moves)
}
