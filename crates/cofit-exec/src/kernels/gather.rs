//! `gather`: slices of a tensor along an axis, chosen by index.

use cofit_ir::ops::Gather;

use crate::buffer::{Slice, SliceMut};
use crate::call::{Fault, Kernel};
use crate::copy_box::{axis_of, lengths, product, same_type};
use crate::site::{Refusal, Site};

/// Where slices lie: `[shared axes, axes before, the axis, axes after]`.
struct Layout {
    shared: usize,
    outer: usize,
    axis: usize,
    inner: usize,
}

/// Selects at run time: indices are mostly computed.
pub(crate) fn prepare(site: &Site<'_>, op: &Gather) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let (input, indices) = (site.input(0)?, site.input(1)?);
    let axis = axis_of(site, &input.shape, i64::from(op.axis))?;
    let rank = indices.shape.rank() as i64;
    let shared = i64::from(op.batch_dims);
    let shared = if shared < 0 { shared + rank } else { shared };
    let shared =
        usize::try_from(shared).ok().filter(|&shared| shared <= axis).ok_or_else(|| {
            site.refuse(format!("{} axes cannot be shared", op.batch_dims), "check the exporter")
        })?;
    let lengths = lengths(input);
    if indices.shape.dimensions().get(..shared) != input.shape.dimensions().get(..shared) {
        return Err(site.refuse(
            format!("{} and {} share no {shared} axes", input.shape, indices.shape),
            "check the exporter",
        ));
    }
    let layout = Layout {
        shared: product(&lengths[..shared]),
        outer: product(&lengths[shared..axis]),
        axis: lengths[axis] as usize,
        inner: product(&lengths[axis + 1..]),
    };
    Ok(Box::new(move |call| {
        let indices = call.inputs.integers(1)?;
        match (call.inputs.any(0)?, call.outputs.any(0)?) {
            (Slice::I8(from), SliceMut::I8(to)) => layout.select(&indices, from, to),
            (Slice::U8(from), SliceMut::U8(to)) => layout.select(&indices, from, to),
            (Slice::I16(from), SliceMut::I16(to)) => layout.select(&indices, from, to),
            (Slice::I32(from), SliceMut::I32(to)) => layout.select(&indices, from, to),
            (Slice::I64(from), SliceMut::I64(to)) => layout.select(&indices, from, to),
            (Slice::F32(from), SliceMut::F32(to)) => layout.select(&indices, from, to),
            _ => Err(Fault::new("elements change their type on the way")),
        }
    }))
}

impl Layout {
    fn select<T: Copy>(&self, indices: &[i64], from: &[T], to: &mut [T]) -> Result<(), Fault> {
        if from.is_empty() || to.is_empty() {
            return Ok(());
        }
        let mut slices = to.chunks_exact_mut(self.inner);
        for shared in 0..self.shared {
            let each = indices.len() / self.shared;
            for outer in 0..self.outer {
                for &index in &indices[shared * each..(shared + 1) * each] {
                    let at = usize::try_from(index).ok().filter(|&at| at < self.axis);
                    let at = at.ok_or_else(|| {
                        Fault::new(format!("index {index} into an axis of {}", self.axis))
                    })?;
                    let start = ((shared * self.outer + outer) * self.axis + at) * self.inner;
                    let slice = from.get(start..start + self.inner);
                    if let (Some(slice), Some(to)) = (slice, slices.next()) {
                        to.copy_from_slice(slice);
                    }
                }
            }
        }
        Ok(())
    }
}
