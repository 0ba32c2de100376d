//! `resize_nearest_neighbor`: change of resolution by the nearest neighbour.
//!
//! Positions are float32 numbers, as in TensorFlow Lite's
//! `kernels/internal/reference/resize_nearest_neighbor.h`: rounded to nearest with `align_corners`,
//! downwards without.

use cofit_ir::ops::ResizeNearestNeighbor;

use crate::axis_tables::AxisTables;
use crate::call::Kernel;
use crate::copy_box::{lengths, same_type};
use crate::site::{Refusal, Site};

/// Each row and column of the result reads one of the input.
pub(crate) fn prepare(site: &Site<'_>, op: &ResizeNearestNeighbor) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let (from, to) = (lengths(site.input(0)?), lengths(site.output(0)?));
    if !super::resize_bilinear::check_size(site)? {
        return Ok(Box::new(|_| Ok(())));
    }
    let nearest = |axis: usize| {
        let (length, wanted) = (from[axis], to[axis]);
        (0..wanted).map(|at| nearest(op, at, length, wanted)).collect::<Vec<_>>()
    };
    let all = |axis: usize| (0..from[axis] as usize).collect::<Vec<_>>();
    let positions = [all(0), nearest(1), nearest(2), all(3)];
    let tables = AxisTables::new(&positions, &from);
    let tables = tables.ok_or_else(|| {
        site.refuse("an image without pixels has no neighbours", "check the exporter")
    })?;
    Ok(Box::new(move |call| tables.copy(call.inputs.any(0)?, call.outputs.any(0)?)))
}

/// The position, of `length`, that position `at` of `wanted` reads.
fn nearest(op: &ResizeNearestNeighbor, at: i64, length: i64, wanted: i64) -> usize {
    let scale = if op.align_corners && wanted > 1 {
        (length - 1) as f32 / (wanted - 1) as f32
    } else {
        length as f32 / wanted as f32
    };
    let offset = if op.half_pixel_centers { 0.5 } else { 0.0 };
    let position = (at as f32 + offset) * scale;
    let position = if op.align_corners { position.round() } else { position.floor() };
    (position as i64).clamp(0, (length - 1).max(0)) as usize
}
