//! `cumsum`: running sums along an axis.
//!
//! int8 follows `kernels/internal/reference/cumsum.h` of TensorFlow Lite, which TFLM runs: elements
//! are shifted left by 20 bits and halved, so that sums have room, and each sum is requantised. The
//! reference starts from the stored zero, which means `-zero_point * scale`, and not from real zero.

use cofit_ir::ops::Cumsum;
use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::buffer::Element;
use crate::call::{Fault, Kernel};
use crate::copy_box::{axis_of, lengths, product, same_type};
use crate::site::{Refusal, Site};

/// Bits that sums of int8 are shifted by.
const SHIFT: u32 = 20;

/// An axis, with elements from one position to the next, and in which order it is summed.
#[derive(Clone, Debug)]
struct Along {
    length: usize,
    step: usize,
    exclusive: bool,
    reverse: bool,
}

/// Chooses the arithmetic by the element type.
pub(crate) fn prepare(site: &Site<'_>, op: &Cumsum) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let input = site.input(0)?;
    let axis = site.integers(1)?.first().copied().unwrap_or(0);
    let axis = axis_of(site, &input.shape, axis)?;
    let lengths = lengths(input);
    let along = Along {
        length: lengths[axis] as usize,
        step: product(&lengths[axis + 1..]),
        exclusive: op.exclusive,
        reverse: op.reverse,
    };
    match input.element {
        ElementType::Float32 => Ok(kernel::<f32, f32>(along, 0.0, |a, b| a + b, |sum| sum)),
        ElementType::Int32 => Ok(kernel::<i32, i32>(along, 0, i32::wrapping_add, |sum| sum)),
        ElementType::Int64 => Ok(kernel::<i64, i64>(along, 0, i64::wrapping_add, |sum| sum)),
        ElementType::Int8 => {
            let (from, to) = (site.affine(input)?, site.affine(site.output(0)?)?);
            let rounding = site.rounding;
            let twice = 2.0 * f64::from(from.scale);
            let inward = Multiplier::new(f64::from(from.scale) / twice);
            let outward = Multiplier::new(twice / (f64::from(1 << SHIFT) * f64::from(to.scale)));
            let scaled = move |stored: i32| {
                let shifted = stored.wrapping_sub(from.zero_point).wrapping_shl(SHIFT);
                inward.apply(shifted, rounding)
            };
            Ok(kernel::<i8, i32>(
                along,
                scaled(0),
                move |sum, value| sum.wrapping_add(scaled(i32::from(value))),
                move |sum| {
                    let sum = outward.apply(sum, rounding).wrapping_add(to.zero_point);
                    sum.clamp(-128, 127) as i8
                },
            ))
        }
        _ => Err(site.unsupported()),
    }
}

fn kernel<T: Element, A: Copy + Send + Sync + 'static>(
    along: Along,
    first: A,
    next: impl Fn(A, T) -> A + Send + Sync + 'static,
    last: impl Fn(A) -> T + Send + Sync + 'static,
) -> Kernel {
    Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        if input.is_empty() || input.len() != output.len() {
            return Ok(());
        }
        let block = along.length * along.step;
        for (from, to) in input.chunks_exact(block).zip(output.chunks_exact_mut(block)) {
            for column in 0..along.step {
                let mut sum = first;
                for round in 0..along.length {
                    let position = if along.reverse { along.length - 1 - round } else { round };
                    let at = position * along.step + column;
                    let with = next(sum, from[at]);
                    to[at] = last(if along.exclusive { sum } else { with });
                    sum = with;
                }
            }
        }
        Ok::<(), Fault>(())
    })
}
