//! `slice`: a box out of a tensor.

use cofit_ir::Tensor;

use crate::call::{Fault, Kernel};
use crate::copy_box::{self, CopyBox, Move, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Copies the box. Its first position and its lengths may be computed, but the lengths must come out
/// as the result's.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    if site.is_constant(1) && site.is_constant(2) {
        let (begin, size) = (site.integers(1)?, site.integers(2)?);
        let part = part(site.input(0)?, site.output(0)?, &begin, &size);
        let part = found(site, part)?;
        return copy_box::kernel(site, vec![Move { input: 0, output: 0, part }]);
    }
    copy_box::same_type(site, 0, 0)?;
    let (input, output) = (site.input(0)?.clone(), site.output(0)?.clone());
    Ok(Box::new(move |call| {
        let (begin, size) = (call.inputs.integers(1)?, call.inputs.integers(2)?);
        let part = part(&input, &output, &begin, &size).ok_or_else(|| {
            Fault::new(format!(
                "the box of {size:?} at {begin:?} in {} is none of {}",
                input.shape, output.shape
            ))
        })?;
        Move { input: 0, output: 0, part }.run(call)
    }))
}

/// The box of `size` at `begin`, if it is of the result's shape.
fn part(input: &Tensor, output: &Tensor, begin: &[i64], size: &[i64]) -> Option<CopyBox> {
    let (from, to) = (lengths(input), lengths(output));
    if [begin.len(), size.len(), to.len()] != [from.len(); 3] {
        return None;
    }
    let steps = dense_steps(&from);
    let mut start = 0_i64;
    for axis in 0..from.len() {
        let room = from[axis].checked_sub(begin[axis])?;
        let wanted = if size[axis] == -1 { room } else { size[axis] };
        if begin[axis] < 0 || wanted != to[axis] || wanted > room {
            return None;
        }
        start = start.checked_add(begin[axis].checked_mul(steps[axis])?)?;
    }
    CopyBox::gather(&to, &steps, (start, elements(input)), elements(output))
}
