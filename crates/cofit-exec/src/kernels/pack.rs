//! `pack`: tensors of one shape side by side along a new axis.

use cofit_ir::ops::Pack;

use crate::call::Kernel;
use crate::copy_box::{self, Axis, CopyBox, Move, axis_of, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Each operand fills one position of the new axis.
pub(crate) fn prepare(site: &Site<'_>, op: &Pack) -> Result<Kernel, Refusal> {
    let output = site.output(0)?;
    let axis = axis_of(site, &output.shape, i64::from(op.axis))?;
    let mut steps = dense_steps(&lengths(output));
    let step = steps.remove(axis);
    let mut moves = Vec::with_capacity(site.operator().inputs.len());
    for input in 0..site.operator().inputs.len() {
        let tensor = site.input(input)?;
        let axes: Vec<Axis> = lengths(tensor)
            .iter()
            .zip(dense_steps(&lengths(tensor)))
            .zip(&steps)
            .map(|((&length, from), &to)| Axis::new(length, from, to))
            .collect();
        let to = (input as i64).saturating_mul(step);
        let part = CopyBox::new(&axes, (0, elements(tensor)), (to, elements(output)));
        moves.push(Move { input, output: 0, part: found(site, part)? });
    }
    copy_box::kernel(site, moves)
}
