//! `transpose`: permutation of axes.

use crate::call::Kernel;
use crate::copy_box::{self, CopyBox, Move, axis_of, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Axis `i` of the result steps through the input as the input's axis `order[i]` does.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (input, output) = (site.input(0)?, site.output(0)?);
    let steps = dense_steps(&lengths(input));
    let order = site.integers(1)?;
    let steps = order
        .into_iter()
        .map(|axis| Ok(steps[axis_of(site, &input.shape, axis)?]))
        .collect::<Result<Vec<_>, Refusal>>()?;
    let lengths = lengths(output);
    let part = CopyBox::gather(&lengths, &steps, (0, elements(input)), elements(output));
    let part = found(site, part.filter(|_| lengths.len() == steps.len()))?;
    copy_box::kernel(site, vec![Move { input: 0, output: 0, part }])
}
