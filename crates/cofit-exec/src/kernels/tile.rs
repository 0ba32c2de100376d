//! `tile`: a tensor repeated whole along each axis.

use crate::call::Kernel;
use crate::copy_box::{self, CopyBox, Move, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Each axis is two: the repetitions, which read the same places again, and the axis itself.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (input, output) = (site.input(0)?, site.output(0)?);
    let times = site.integers(1)?;
    let from = lengths(input);
    let (mut both, mut steps) = (Vec::new(), Vec::new());
    for ((&times, &length), step) in times.iter().zip(&from).zip(dense_steps(&from)) {
        both.extend([times, length]);
        steps.extend([0, step]);
    }
    let part = CopyBox::gather(&both, &steps, (0, elements(input)), elements(output));
    let part = found(site, part.filter(|_| times.len() == from.len()))?;
    copy_box::kernel(site, vec![Move { input: 0, output: 0, part }])
}
