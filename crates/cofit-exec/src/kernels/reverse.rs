//! `reverse`: order turned round along axes.

use crate::call::Kernel;
use crate::copy_box::{self, CopyBox, Move, axis_of, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// A reversed axis is read from its last position with a negative step.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (input, output) = (site.input(0)?, site.output(0)?);
    let lengths = lengths(input);
    let mut turned = vec![false; lengths.len()];
    for axis in site.integers(1)? {
        turned[axis_of(site, &input.shape, axis)?] = true;
    }
    let (mut steps, mut start) = (dense_steps(&lengths), 0_i64);
    for axis in (0..lengths.len()).filter(|&axis| turned[axis]) {
        start = start.saturating_add((lengths[axis] - 1).saturating_mul(steps[axis]));
        steps[axis] = -steps[axis];
    }
    let part = CopyBox::gather(&lengths, &steps, (start, elements(input)), elements(output));
    copy_box::kernel(site, vec![Move { input: 0, output: 0, part: found(site, part)? }])
}
