//! `pow`.
//!
//! int32 wraps, and a negative exponent is a fault, as in LiteRT.

use cofit_vocab::ElementType;

use crate::broadcast::Broadcast;
use crate::call::{Fault, Kernel};
use crate::elementwise::{binary_types, zip};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match binary_types(site)? {
        Some((ElementType::Float32, ElementType::Float32)) => zip(site, f32::powf),
        Some((ElementType::Int32, ElementType::Int32)) => {
            let broadcast = Broadcast::<2>::of(site)?;
            Ok(Box::new(move |call| {
                if call.inputs.get::<i32>(1)?.iter().any(|&exponent| exponent < 0) {
                    return Err(Fault::new("an integer has a negative exponent"));
                }
                broadcast.apply(call, |a: i32, b: i32| a.wrapping_pow(b.unsigned_abs()))
            }))
        }
        _ => Err(site.unsupported()),
    }
}
