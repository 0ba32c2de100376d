//! `sqrt`.
//!
//! TFLM has float32 alone. int8 and int16 follow LiteRT: the root of the real that the operand stands
//! for, over the result's scale, is cut to an integer and not rounded; uint8 alike. The root of a
//! negative number is a fault in integers.

use cofit_vocab::ElementType;

use crate::call::{Fault, Kernel};
use crate::elementwise::{check_lengths, map};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => quantised::<i8>(site),
        (ElementType::UInt8, ElementType::UInt8) => quantised::<u8>(site),
        (ElementType::Int16, ElementType::Int16) => quantised::<i16>(site),
        (ElementType::Float32, ElementType::Float32) => map(site, f32::sqrt),
        _ => Err(site.unsupported()),
    }
}

fn quantised<T: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    check_lengths(site)?;
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        for (result, stored) in output.iter_mut().zip(input) {
            let x = stored.widen().wrapping_sub(from.zero_point);
            if x < 0 {
                return Err(Fault::new("the root of a negative number is not defined"));
            }
            let steps = (from.scale * x as f32).sqrt() / to.scale;
            *result = T::saturate((steps as i32).saturating_add(to.zero_point));
        }
        Ok(())
    }))
}
