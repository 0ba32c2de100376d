//! `broadcast_to`: a tensor repeated along axes of length 1 and new outer axes.

use crate::call::Kernel;
use crate::copy_box::{self, CopyBox, Move, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Axes that stretch are read with a step of zero.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (input, output) = (site.input(0)?, site.output(0)?);
    // The result's shape holds all that the operand says.
    site.integers(1)?;
    let (from, to) = (lengths(input), lengths(output));
    let mut steps = vec![0; to.len().saturating_sub(from.len())];
    steps.extend(dense_steps(&from));
    let lengths = [vec![1; to.len().saturating_sub(from.len())], from].concat();
    let mut fits = lengths.len() == to.len();
    for ((&length, &wanted), step) in lengths.iter().zip(&to).zip(&mut steps) {
        if length == 1 {
            *step = 0;
        } else {
            fits &= length == wanted;
        }
    }
    let part = CopyBox::gather(&to, &steps, (0, elements(input)), elements(output));
    let part = found(site, part.filter(|_| fits))?;
    copy_box::kernel(site, vec![Move { input: 0, output: 0, part }])
}
