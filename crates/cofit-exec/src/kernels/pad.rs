//! `pad`: a tensor with a constant border.
//!
//! Without a value, the border means real zero: the zero point of 8-bit integers, and zero of other
//! types (TFLM, `kernels/pad_common.cc`).

use cofit_ir::Tensor;

use crate::buffer::{Buffer, SliceMut};
use crate::call::{Fault, Kernel};
use crate::copy_box::{Axis, CopyBox, Move, dense_steps, elements, found, lengths, same_type};
use crate::site::{Refusal, Site};

/// Fills the result with the border's value and copies the input into it.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let (input, output) = (site.input(0)?, site.output(0)?);
    let border = site.integers(1)?;
    let part = found(site, inside(input, output, &border))?;
    let part = Move { input: 0, output: 0, part };
    if site.optional(2).is_some() {
        if site.input(2)?.element != input.element {
            return Err(site.unsupported());
        }
        return Ok(Box::new(move |call| {
            let value = call.inputs.any(2)?.to_buffer();
            fill(call.outputs.any(0)?, &value)?;
            part.run(call)
        }));
    }
    let value = zero(site, output)?;
    Ok(Box::new(move |call| {
        fill(call.outputs.any(0)?, &value)?;
        part.run(call)
    }))
}

/// What means real zero in `tensor`.
pub(crate) fn zero(site: &Site<'_>, tensor: &Tensor) -> Result<Buffer, Refusal> {
    let zero = tensor.quantisation.as_ref().and_then(|found| found.at(0));
    let zero = zero.map_or(0, |(_, zero_point)| zero_point);
    match Buffer::zeros(tensor.element, 1) {
        Some(Buffer::I8(_)) => Ok(Buffer::I8(vec![zero as i8])),
        Some(Buffer::U8(_)) => Ok(Buffer::U8(vec![zero as u8])),
        Some(other) => Ok(other),
        None => Err(site.unsupported()),
    }
}

/// The input inside its border.
fn inside(input: &Tensor, output: &Tensor, border: &[i64]) -> Option<CopyBox> {
    let (from, to) = (lengths(input), lengths(output));
    if to.len() != from.len() || border.len() != from.len() * 2 {
        return None;
    }
    let mut start = 0_i64;
    let mut axes = Vec::with_capacity(from.len());
    for (axis, (read, write)) in dense_steps(&from).into_iter().zip(dense_steps(&to)).enumerate() {
        let before = border[axis * 2];
        if before < 0 || before.checked_add(from[axis])? > to[axis] {
            return None;
        }
        start = start.checked_add(before.checked_mul(write)?)?;
        axes.push(Axis::new(from[axis], read, write));
    }
    CopyBox::new(&axes, (0, elements(input)), (start, elements(output)))
}

/// Sets every element to the first one of `value`.
pub(crate) fn fill(to: &mut SliceMut<'_>, value: &Buffer) -> Result<(), Fault> {
    let filled = match (to, value) {
        (SliceMut::I8(to), Buffer::I8(value)) => fill_elements(to, value),
        (SliceMut::U8(to), Buffer::U8(value)) => fill_elements(to, value),
        (SliceMut::I16(to), Buffer::I16(value)) => fill_elements(to, value),
        (SliceMut::I32(to), Buffer::I32(value)) => fill_elements(to, value),
        (SliceMut::I64(to), Buffer::I64(value)) => fill_elements(to, value),
        (SliceMut::F32(to), Buffer::F32(value)) => fill_elements(to, value),
        _ => None,
    };
    filled.ok_or_else(|| Fault::new("the value is not there or of another type"))
}

fn fill_elements<T: Copy>(to: &mut [T], value: &[T]) -> Option<()> {
    to.fill(*value.first()?);
    Some(())
}
