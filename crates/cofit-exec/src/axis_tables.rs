//! Copies that find their place in the source axis by axis, in tables.
//!
//! They serve where the places along an axis follow no fixed step: mirrored borders and resized
//! images.

use crate::buffer::{Slice, SliceMut};
use crate::call::Fault;

/// For every axis of the target, and every position along it, elements from the start of the source.
/// The place that is read is the sum over the axes.
#[derive(Clone, Debug)]
pub(crate) struct AxisTables(Vec<Vec<usize>>);

impl AxisTables {
    /// Tables from the position along each axis of the source that each position of the target reads,
    /// and the source's axis lengths; `None` where a position is not there.
    pub fn new(positions: &[Vec<usize>], lengths: &[i64]) -> Option<Self> {
        if positions.len() != lengths.len() {
            return None;
        }
        let steps = crate::copy_box::dense_steps(lengths);
        let mut tables = Vec::with_capacity(positions.len());
        for ((positions, &length), step) in positions.iter().zip(lengths).zip(steps) {
            let (length, step) = (usize::try_from(length).ok()?, usize::try_from(step).ok()?);
            let table = positions.iter().map(|&at| (at < length).then_some(at * step));
            tables.push(table.collect::<Option<Vec<_>>>()?);
        }
        Some(Self(tables))
    }

    /// Copies elements of any type into all of the target.
    pub fn copy(&self, from: Slice<'_>, to: &mut SliceMut<'_>) -> Result<(), Fault> {
        match (from, to) {
            (Slice::I8(from), SliceMut::I8(to)) => self.copy_elements(from, to),
            (Slice::U8(from), SliceMut::U8(to)) => self.copy_elements(from, to),
            (Slice::I16(from), SliceMut::I16(to)) => self.copy_elements(from, to),
            (Slice::I32(from), SliceMut::I32(to)) => self.copy_elements(from, to),
            (Slice::I64(from), SliceMut::I64(to)) => self.copy_elements(from, to),
            (Slice::F32(from), SliceMut::F32(to)) => self.copy_elements(from, to),
            _ => Err(Fault::new("elements change their type on the way")),
        }
    }

    fn copy_elements<T: Copy>(&self, from: &[T], to: &mut [T]) -> Result<(), Fault> {
        let mut to = to.iter_mut();
        match copy_axes(&self.0, from, 0, &mut to) {
            Some(()) if to.len() == 0 => Ok(()),
            Some(()) | None => Err(Fault::new("a tensor is shorter or longer than its shape says")),
        }
    }
}

fn copy_axes<T: Copy>(
    tables: &[Vec<usize>],
    from: &[T],
    at: usize,
    to: &mut std::slice::IterMut<'_, T>,
) -> Option<()> {
    match tables {
        [] => *to.next()? = *from.get(at)?,
        [table] => {
            for &offset in table {
                *to.next()? = *from.get(at + offset)?;
            }
        }
        [table, inner @ ..] => {
            for &offset in table {
                copy_axes(inner, from, at + offset, to)?;
            }
        }
    }
    Some(())
}
