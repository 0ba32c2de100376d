//! `resize_bilinear`: change of resolution by bilinear interpolation.
//!
//! Source of the equations: TensorFlow Lite's `kernels/internal/reference/resize_bilinear.h`. int8
//! and int16 interpolate in integers with ten fractional bits in each direction; float32 and uint8 in
//! float32, where uint8 rounds by adding a half and cutting.

use cofit_ir::ops::ResizeBilinear;
use cofit_vocab::ElementType;

use crate::arithmetic::Rounding;
use crate::buffer::Element;
use crate::call::{Call, Fault, Kernel};
use crate::copy_box::{lengths, same_type};
use crate::site::{Refusal, Site};

/// Fractional bits of an integer position.
const FRACTION: i64 = 10;

/// Two neighbours along an axis, and how far the result lies from the first towards the second.
#[derive(Clone, Copy, Debug)]
struct Between<W> {
    lower: usize,
    upper: usize,
    weight: W,
}

/// Batch, height, width and channels of the input, and the neighbours of every row and column.
struct Grid<W> {
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
    rows: Vec<Between<W>>,
    columns: Vec<Between<W>>,
}

/// Chooses the arithmetic by the element type.
pub(crate) fn prepare(site: &Site<'_>, op: &ResizeBilinear) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    if !check_size(site)? {
        return Ok(Box::new(|_| Ok(())));
    }
    let rounding = site.rounding;
    match site.input(0)?.element {
        ElementType::Float32 => {
            let grid = grid(site, |at, length, wanted| between_floats(op, at, length, wanted))?;
            Ok(Box::new(move |call| in_floats::<f32>(&grid, call, |sum| sum)))
        }
        ElementType::UInt8 => {
            let grid = grid(site, |at, length, wanted| between_floats(op, at, length, wanted))?;
            Ok(Box::new(move |call| in_floats::<u8>(&grid, call, |sum| (sum + 0.5) as u8)))
        }
        ElementType::Int8 => {
            let grid = grid(site, |at, length, wanted| between_integers(op, at, length, wanted))?;
            Ok(Box::new(move |call| in_integers(&grid, call, rounding, |sum| sum as i8)))
        }
        ElementType::Int16 => {
            let grid = grid(site, |at, length, wanted| between_integers(op, at, length, wanted))?;
            Ok(Box::new(move |call| in_integers(&grid, call, rounding, |sum| sum as i16)))
        }
        _ => Err(site.unsupported()),
    }
}

/// Whether the result has any pixels. Refuses images that are not `[batch, height, width, channels]`
/// of at least one pixel, and a size that is computed: the result's shape is the one that the file
/// states.
pub(crate) fn check_size(site: &Site<'_>) -> Result<bool, Refusal> {
    let (from, to) = (lengths(site.input(0)?), lengths(site.output(0)?));
    let is_empty = site.output(0)?.shape.elements() == 0;
    let size = site.integers(1)?;
    let fits = from.len() == 4
        && to.len() == 4
        && size.as_slice() == &to[1..3]
        && (from[0], from[3]) == (to[0], to[3])
        && (is_empty || site.input(0)?.shape.elements() > 0);
    match fits {
        true => Ok(!is_empty),
        false => Err(site
            .refuse(format!("an image of {from:?} is not resized to {to:?}"), "check the shapes")),
    }
}

fn grid<W>(
    site: &Site<'_>,
    between: impl Fn(i64, i64, i64) -> Between<W>,
) -> Result<Grid<W>, Refusal> {
    let (from, to) = (lengths(site.input(0)?), lengths(site.output(0)?));
    let along = |axis: usize| (0..to[axis]).map(|at| between(at, from[axis], to[axis])).collect();
    Ok(Grid {
        batch: from[0] as usize,
        height: from[1] as usize,
        width: from[2] as usize,
        channels: from[3] as usize,
        rows: along(1),
        columns: along(2),
    })
}

/// Neighbours in float32.
fn between_floats(op: &ResizeBilinear, at: i64, length: i64, wanted: i64) -> Between<f32> {
    let scale = if op.align_corners && wanted > 1 {
        (length - 1) as f32 / (wanted - 1) as f32
    } else {
        length as f32 / wanted as f32
    };
    let position = match op.half_pixel_centers {
        true => (at as f32 + 0.5) * scale - 0.5,
        false => at as f32 * scale,
    };
    let last = (length - 1).max(0);
    let lower = (position.floor() as i64).clamp(0, last);
    let upper = (position.ceil() as i64).clamp(0, last);
    let weight = position - lower as f32;
    Between { lower: lower as usize, upper: upper as usize, weight }
}

/// Neighbours with [`FRACTION`] bits.
fn between_integers(op: &ResizeBilinear, at: i64, length: i64, wanted: i64) -> Between<i64> {
    let (steps, span) = match op.align_corners && wanted > 1 {
        true => (wanted - 1, length - 1),
        false => (wanted, length),
    };
    let scale = ((span << FRACTION) + steps / 2) / steps.max(1);
    let position = match op.half_pixel_centers {
        true => at * scale + scale / 2 - (1 << (FRACTION - 1)),
        false => at * scale,
    };
    let last = (length - 1).max(0);
    let lower = (position / (1 << FRACTION)).clamp(0, last);
    let upper = ((position + (1 << FRACTION) - 1) / (1 << FRACTION)).clamp(0, last);
    let weight = position - (lower << FRACTION);
    Between { lower: lower as usize, upper: upper as usize, weight }
}

impl<W: Copy> Grid<W> {
    /// Calls `compute` with the four neighbours of every element of the result, in the order upper
    /// left, lower left, upper right, lower right, and with the weights of its row and column.
    fn each<T: Element, U: Element>(
        &self,
        input: &[T],
        output: &mut [U],
        compute: impl Fn([T; 4], W, W) -> U,
    ) -> Result<(), Fault> {
        let Self { batch, height, width, channels, rows, columns } = self;
        let mut output = output.iter_mut();
        for image in 0..*batch {
            let at = |y: usize, x: usize| ((image * height + y) * width + x) * channels;
            let pixel = |y: usize, x: usize| input.get(at(y, x)..at(y, x) + channels);
            for row in rows {
                for column in columns {
                    let corners = [
                        pixel(row.lower, column.lower),
                        pixel(row.upper, column.lower),
                        pixel(row.lower, column.upper),
                        pixel(row.upper, column.upper),
                    ];
                    let [Some(a), Some(b), Some(c), Some(d)] = corners else {
                        return Err(Fault::new("the input has fewer elements than its shape says"));
                    };
                    for (channel, to) in output.by_ref().take(*channels).enumerate() {
                        let values = [a[channel], b[channel], c[channel], d[channel]];
                        *to = compute(values, row.weight, column.weight);
                    }
                }
            }
        }
        Ok(())
    }
}

fn in_floats<T: Element + Into<f32>>(
    grid: &Grid<f32>,
    call: &mut Call<'_>,
    finish: fn(f32) -> T,
) -> Result<(), Fault> {
    let input = call.inputs.get::<T>(0)?;
    grid.each(input, call.outputs.get::<T>(0)?, |values, y, x| {
        let [a, b, c, d] = values.map(Into::into);
        finish(a * (1.0 - y) * (1.0 - x) + b * y * (1.0 - x) + c * (1.0 - y) * x + d * y * x)
    })
}

fn in_integers<T: Element + Into<i64>>(
    grid: &Grid<i64>,
    call: &mut Call<'_>,
    rounding: Rounding,
    finish: fn(i64) -> T,
) -> Result<(), Fault> {
    const ONE: i64 = 1 << FRACTION;
    const HALF: i64 = 1 << (2 * FRACTION - 1);
    let input = call.inputs.get::<T>(0)?;
    grid.each(input, call.outputs.get::<T>(0)?, |values, y, x| {
        let [a, b, c, d] = values.map(Into::into);
        let sum = a * (ONE - y) * (ONE - x) + b * y * (ONE - x) + c * (ONE - y) * x + d * y * x;
        finish(match rounding {
            Rounding::Single => (sum + HALF) >> (2 * FRACTION),
            Rounding::Double if sum > 0 => (sum + HALF) / (1 << (2 * FRACTION)),
            Rounding::Double => (sum - HALF) / (1 << (2 * FRACTION)),
        })
    })
}
