//! `max_pool2d`: the largest of the taps that fall inside.

use cofit_ir::ops::MaxPool2d;
use cofit_vocab::ElementType;

use super::pool::{Pool, bounds};
use crate::arithmetic::activation::activate;
use crate::call::{Call, Kernel};
use crate::site::{Refusal, Site};

/// int8, uint8 and int16 with the same scale on both sides, and float32.
pub(crate) fn prepare(op: &MaxPool2d, site: &Site<'_>) -> Result<Kernel, Refusal> {
    let pool = Pool::new(site, op.window(), op.padding)?;
    let activation = op.activation;
    Ok(match site.elements()? {
        (ElementType::Float32, ElementType::Float32) => Box::new(move |call: &mut Call<'_>| {
            let finish = |most: f32, _| activate(activation, most);
            pool.run(call.inputs.get(0)?, call.outputs.get(0)?, f32::MIN, f32::max, finish)
        }),
        (ElementType::Int8, ElementType::Int8) => {
            let (least, greatest) = bounds(site, activation)?;
            let finish = move |most: i8, _| i32::from(most).max(least).min(greatest) as i8;
            Box::new(move |call: &mut Call<'_>| {
                pool.run(call.inputs.get(0)?, call.outputs.get(0)?, i8::MIN, i8::max, finish)
            })
        }
        (ElementType::Int16, ElementType::Int16) => {
            let (least, greatest) = bounds(site, activation)?;
            let finish = move |most: i16, _| i32::from(most).max(least).min(greatest) as i16;
            Box::new(move |call: &mut Call<'_>| {
                pool.run(call.inputs.get(0)?, call.outputs.get(0)?, i16::MIN, i16::max, finish)
            })
        }
        (ElementType::UInt8, ElementType::UInt8) => {
            let (least, greatest) = bounds(site, activation)?;
            let finish = move |most: u8, _| i32::from(most).max(least).min(greatest) as u8;
            Box::new(move |call: &mut Call<'_>| {
                pool.run(call.inputs.get(0)?, call.outputs.get(0)?, u8::MIN, u8::max, finish)
            })
        }
        _ => return Err(site.unsupported()),
    })
}
