//! `gather_nd`: slices of a tensor, each chosen by several indices.

use crate::buffer::{Slice, SliceMut};
use crate::call::{Fault, Kernel};
use crate::copy_box::{dense_steps, lengths, product, same_type};
use crate::site::{Refusal, Site};

/// The input's axes that indices name, and the elements of a slice.
struct Layout {
    lengths: Vec<i64>,
    steps: Vec<i64>,
    inner: usize,
}

/// Selects at run time: indices are mostly computed.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let (input, indices) = (site.input(0)?, site.input(1)?);
    let depth = indices.shape.last() as usize;
    let mut all = lengths(input);
    if indices.shape.rank() == 0 || depth > all.len() {
        return Err(site.refuse(
            format!("indices {} do not select from {}", indices.shape, input.shape),
            "check the exporter",
        ));
    }
    let mut steps = dense_steps(&all);
    let inner = product(&all[depth..]);
    all.truncate(depth);
    steps.truncate(depth);
    let layout = Layout { lengths: all, steps, inner };
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
        let depth = self.lengths.len();
        for (slice, to) in to.chunks_exact_mut(self.inner).enumerate() {
            let indices = indices.get(slice * depth..(slice + 1) * depth).unwrap_or_default();
            let mut start = 0_usize;
            for ((&index, &length), &step) in indices.iter().zip(&self.lengths).zip(&self.steps) {
                if !(0..length).contains(&index) {
                    return Err(Fault::new(format!("index {index} into an axis of {length}")));
                }
                start += (index * step) as usize;
            }
            if let Some(slice) = from.get(start..start + self.inner) {
                to.copy_from_slice(slice);
            }
        }
        Ok(())
    }
}
