//! `space_to_batch_nd` and `batch_to_space_nd`: positions and batch entries change places by blocks.
//!
//! Each axis of position is two: blocks, and places within a block. Places become the outermost part
//! of the batch. The border is put on before that, and the crop taken off after it.
//!
//! The border means real zero. TFLM's kernel for int8 leaves its value to chance, so int8 follows
//! TensorFlow Lite here.

use crate::buffer::Buffer;
use crate::call::{Fault, Kernel};
use crate::copy_box::{Axis, CopyBox, dense_steps, elements, lengths, same_type};
use crate::site::{Refusal, Site};

/// `space_to_batch_nd`.
pub(crate) fn prepare_to_batch(site: &Site<'_>) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let (input, output) = (site.input(0)?, site.output(0)?);
    let (sides, margins) = (site.integers(1)?, site.integers(2)?);
    let count = elements(output);
    let copies = bordered(&lengths(input), &margins).and_then(|whole| {
        let axes = margin_axes(&lengths(input), &lengths(input), &whole);
        let border = CopyBox::new(&axes, (0, elements(input)), (start(&margins, &whole)?, count))?;
        Some((border, parted(&whole, &sides, count)?))
    });
    let (border, parted) = copies.ok_or_else(|| misfit(site))?;
    let zero = super::pad::zero(site, output)?;
    Ok(Box::new(move |call| {
        let mut whole = filled(&zero, count)?;
        border.copy(call.inputs.any(0)?, &mut whole.as_mut_slice())?;
        parted.copy(whole.as_slice(), call.outputs.any(0)?)
    }))
}

/// `batch_to_space_nd`.
pub(crate) fn prepare_to_space(site: &Site<'_>) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let (input, output) = (site.input(0)?, site.output(0)?);
    let (sides, margins) = (site.integers(1)?, site.integers(2)?);
    let count = elements(input);
    let copies = bordered(&lengths(output), &margins).and_then(|whole| {
        let axes = margin_axes(&lengths(output), &whole, &lengths(output));
        let crop = CopyBox::new(&axes, (start(&margins, &whole)?, count), (0, elements(output)))?;
        Some((joined(&whole, &sides, count)?, crop))
    });
    let (joined, crop) = copies.ok_or_else(|| misfit(site))?;
    let zero = super::pad::zero(site, output)?;
    Ok(Box::new(move |call| {
        let mut whole = filled(&zero, count)?;
        joined.copy(call.inputs.any(0)?, &mut whole.as_mut_slice())?;
        crop.copy(whole.as_slice(), call.outputs.any(0)?)
    }))
}

fn misfit(site: &Site<'_>) -> Refusal {
    site.refuse("its blocks do not fit its tensors", "check the exporter")
}

fn filled(value: &Buffer, count: i64) -> Result<Buffer, Fault> {
    value
        .repeated(usize::try_from(count).unwrap_or(0))
        .ok_or_else(|| Fault::new("there is no zero"))
}

/// `[batch, positions.., channels]` with the margins added to the positions.
fn bordered(inside: &[i64], margins: &[i64]) -> Option<Vec<i64>> {
    let positions = inside.len().checked_sub(2)?;
    if margins.len() != positions * 2 || margins.iter().any(|&margin| margin < 0) {
        return None;
    }
    let mut whole = inside.to_vec();
    for (length, margin) in whole[1..].iter_mut().zip(margins.chunks_exact(2)) {
        *length = length.checked_add(margin[0])?.checked_add(margin[1])?;
    }
    Some(whole)
}

/// Loops over what lies inside the margins, in tensors of the shapes `from` and `to`.
fn margin_axes(inside: &[i64], from: &[i64], to: &[i64]) -> Vec<Axis> {
    let steps = dense_steps(from).into_iter().zip(dense_steps(to));
    inside.iter().zip(steps).map(|(&length, (from, to))| Axis::new(length, from, to)).collect()
}

/// Where the inside of the margins begins.
fn start(margins: &[i64], whole: &[i64]) -> Option<i64> {
    let steps = dense_steps(whole);
    margins
        .chunks_exact(2)
        .zip(&steps[1..])
        .try_fold(0_i64, |start, (margin, &step)| start.checked_add(margin[0].checked_mul(step)?))
}

/// Blocks along every axis of position.
fn blocks(whole: &[i64], sides: &[i64]) -> Option<Vec<i64>> {
    let positions = whole.get(1..whole.len().checked_sub(1)?)?;
    if positions.len() != sides.len() {
        return None;
    }
    let pairs = positions.iter().zip(sides);
    pairs.map(|(&length, &side)| (side > 0 && length % side == 0).then(|| length / side)).collect()
}

/// Reads the whole in the order `[places.., batch, blocks.., channels]`.
fn parted(whole: &[i64], sides: &[i64], count: i64) -> Option<CopyBox> {
    let blocks = blocks(whole, sides)?;
    let steps = dense_steps(whole);
    let positions = &steps[1..=sides.len()];
    let mut lengths = sides.to_vec();
    let mut order = positions.to_vec();
    lengths.push(whole[0]);
    order.push(steps[0]);
    lengths.extend(blocks);
    order.extend(positions.iter().zip(sides).map(|(step, side)| step.saturating_mul(*side)));
    lengths.push(*whole.last()?);
    order.push(1);
    CopyBox::gather(&lengths, &order, (0, count), count)
}

/// Reads `[places.., batch, blocks.., channels]` in the order of the whole.
fn joined(whole: &[i64], sides: &[i64], count: i64) -> Option<CopyBox> {
    let blocks = blocks(whole, sides)?;
    let channels = *whole.last()?;
    let parted = [sides, &[whole[0]], &blocks, &[channels]].concat();
    let steps = dense_steps(&parted);
    let (mut lengths, mut order) = (vec![whole[0]], vec![steps[sides.len()]]);
    for (axis, (&block, &side)) in blocks.iter().zip(sides).enumerate() {
        lengths.extend([block, side]);
        order.extend([steps[sides.len() + 1 + axis], steps[axis]]);
    }
    lengths.push(channels);
    order.push(1);
    CopyBox::gather(&lengths, &order, (0, count), count)
}
