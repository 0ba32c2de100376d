//! `strided_slice`: a strided box out of a tensor.

use cofit_ir::Tensor;
use cofit_ir::ops::StridedSlice;

use crate::call::{Fault, Kernel};
use crate::copy_box::{self, CopyBox, Move, dense_steps, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Copies the box. Its ends may be computed, but the box must come out in the result's shape.
pub(crate) fn prepare(site: &Site<'_>, op: &StridedSlice) -> Result<Kernel, Refusal> {
    if (1..4).all(|index| site.is_constant(index)) {
        let (begin, end, strides) = (site.integers(1)?, site.integers(2)?, site.integers(3)?);
        let part = part(op, site.input(0)?, site.output(0)?, &begin, &end, &strides);
        let part = found(site, part)?;
        return copy_box::kernel(site, vec![Move { input: 0, output: 0, part }]);
    }
    copy_box::same_type(site, 0, 0)?;
    let (input, output, op) = (site.input(0)?.clone(), site.output(0)?.clone(), op.clone());
    Ok(Box::new(move |call| {
        let (begin, end) = (call.inputs.integers(1)?, call.inputs.integers(2)?);
        let strides = call.inputs.integers(3)?;
        let part = part(&op, &input, &output, &begin, &end, &strides).ok_or_else(|| {
            Fault::new(format!(
                "the box from {begin:?} to {end:?} with strides {strides:?} in {} is none of {}",
                input.shape, output.shape
            ))
        })?;
        Move { input: 0, output: 0, part }.run(call)
    }))
}

/// The box that the entries describe, if it is of the result's shape.
fn part(
    op: &StridedSlice,
    input: &Tensor,
    output: &Tensor,
    begin: &[i64],
    end: &[i64],
    strides: &[i64],
) -> Option<CopyBox> {
    let entries = begin.len();
    if end.len() != entries || strides.len() != entries || entries > 32 {
        return None;
    }
    let bit = |mask: u32, entry: usize| mask >> entry & 1 == 1;
    let is_ellipsis = |entry: usize| bit(op.ellipsis_mask, entry);
    let is_new = |entry: usize| !is_ellipsis(entry) && bit(op.new_axis_mask, entry);
    let named = (0..entries).filter(|&entry| !is_ellipsis(entry) && !is_new(entry)).count();
    let unnamed = lengths(input).len().checked_sub(named)?;
    let all = lengths(input);
    let mut axes = all.iter().copied().zip(dense_steps(&all));
    let (mut start, mut taken, mut steps) = (0_i64, Vec::new(), Vec::new());
    for entry in 0..entries {
        if is_ellipsis(entry) {
            for (length, step) in axes.by_ref().take(unnamed) {
                taken.push(length);
                steps.push(step);
            }
            continue;
        }
        if is_new(entry) {
            taken.push(1);
            steps.push(0);
            continue;
        }
        let (length, step) = axes.next()?;
        let masked = |mask: u32, position: i64| (!bit(mask, entry)).then_some(position);
        let first = masked(op.begin_mask, begin[entry]);
        if bit(op.shrink_axis_mask, entry) {
            let position = from_start(first.unwrap_or(0), length)?;
            let inside = (0..length).contains(&position);
            start = start.checked_add(position.checked_mul(step)?).filter(|_| inside)?;
            continue;
        }
        let stop = if op.offset { begin[entry].checked_add(end[entry])? } else { end[entry] };
        let stop = masked(op.end_mask, stop);
        let (position, count) = positions(length, first, stop, strides[entry])?;
        start = start.checked_add(position.checked_mul(step)?)?;
        taken.push(count);
        steps.push(if count > 1 { strides[entry].checked_mul(step)? } else { 0 });
    }
    for (length, step) in axes {
        taken.push(length);
        steps.push(step);
    }
    // `[]` and `[1]` are one shape.
    let same = taken == lengths(output) || (elements(output) == 1 && taken.len() <= 1);
    CopyBox::gather(&taken, &steps, (start, elements(input)), elements(output)).filter(|_| same)
}

/// A position counted from the start of an axis.
fn from_start(position: i64, length: i64) -> Option<i64> {
    if position < 0 { position.checked_add(length) } else { Some(position) }
}

/// The first position and the number of positions from `begin` to before `end`; `None` for either
/// means the axis' own.
fn positions(length: i64, begin: Option<i64>, end: Option<i64>, stride: i64) -> Option<(i64, i64)> {
    // Walking backwards, the position before the first one is a valid end.
    let (low, high) = if stride > 0 { (0, length) } else { (-1, length - 1) };
    let (first, last) = if stride > 0 { (low, high) } else { (high, low) };
    let clamp = |position, own| match position {
        Some(position) => Some(from_start(position, length)?.clamp(low, high.max(low))),
        None => Some(own),
    };
    let (begin, end) = (clamp(begin, first)?, clamp(end, last)?);
    let span = if stride > 0 { end - begin } else { begin - end };
    let step = stride.unsigned_abs();
    if step == 0 {
        return None;
    }
    let count = u64::try_from(span).unwrap_or(0).div_ceil(step);
    Some((begin, i64::try_from(count).ok()?))
}
