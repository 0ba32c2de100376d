//! `average_pool2d`: sums over the taps that fall inside, divided by their number.

use cofit_ir::ops::AveragePool2d;
use cofit_vocab::ElementType;

use super::pool::{Pool, bounds};
use super::sums::FinishSums;
use crate::arithmetic::activation::activate;
use crate::call::{Call, Kernel};
use crate::site::{Refusal, Site};

/// int8, uint8 and int16 with the same scale on both sides, and float32.
///
/// Signed sums round to nearest with ties away from zero, unsigned ones half upwards.
pub(crate) fn prepare(op: &AveragePool2d, site: &Site<'_>) -> Result<Kernel, Refusal> {
    let pool = Pool::new(site, op.window(), op.padding)?;
    let activation = op.activation;
    Ok(match site.elements()? {
        (ElementType::Float32, ElementType::Float32) => Box::new(move |call: &mut Call<'_>| {
            let average = |sum: f32, count: i32| activate(activation, sum / count as f32);
            pool.run(call.inputs.get(0)?, call.outputs.get(0)?, 0.0, |sum, x: f32| sum + x, average)
        }),
        (ElementType::Int8, ElementType::Int8) => {
            let (least, greatest) = bounds(site, activation)?;
            Box::new(move |call: &mut Call<'_>| {
                let add = |sum: i32, x: i8| sum.wrapping_add(i32::from(x));
                let average = |sum, count| signed(sum, count).max(least).min(greatest) as i8;
                pool.run(call.inputs.get(0)?, call.outputs.get(0)?, 0, add, average)
            })
        }
        (ElementType::Int16, ElementType::Int16) => {
            let (least, greatest) = bounds(site, activation)?;
            Box::new(move |call: &mut Call<'_>| {
                let add = |sum: i32, x: i16| sum.wrapping_add(i32::from(x));
                let average = |sum, count| signed(sum, count).max(least).min(greatest) as i16;
                pool.run(call.inputs.get(0)?, call.outputs.get(0)?, 0, add, average)
            })
        }
        (ElementType::UInt8, ElementType::UInt8) => {
            let (least, greatest) = bounds(site, activation)?;
            Box::new(move |call: &mut Call<'_>| {
                let add = |sum: i32, x: u8| sum.wrapping_add(i32::from(x));
                let average = |sum, count| unsigned(sum, count).max(least).min(greatest) as u8;
                pool.run(call.inputs.get(0)?, call.outputs.get(0)?, 0, add, average)
            })
        }
        _ => return Err(site.unsupported()),
    })
}

/// What becomes of sums over a whole map that are made piece by piece.
pub(crate) fn finish_sums(
    op: &AveragePool2d,
    site: &Site<'_>,
    count: usize,
) -> Result<FinishSums, Refusal> {
    let divide = match site.elements()? {
        (ElementType::Int8, ElementType::Int8) | (ElementType::Int16, ElementType::Int16) => signed,
        (ElementType::UInt8, ElementType::UInt8) => unsigned,
        _ => return Err(site.unsupported()),
    };
    let (least, greatest) = bounds(site, op.activation)?;
    let count = i32::try_from(count).map_err(|_| site.unsupported())?.max(1);
    Ok(Box::new(move |sum| divide(sum, count).max(least).min(greatest)))
}

/// The nearest integer to `sum / count`, ties away from zero.
const fn signed(sum: i32, count: i32) -> i32 {
    sum.wrapping_add(if sum > 0 { count / 2 } else { -count / 2 }).wrapping_div(count)
}

/// The nearest integer to `sum / count`, ties upwards.
const fn unsigned(sum: i32, count: i32) -> i32 {
    sum.wrapping_add(count / 2).wrapping_div(count)
}
