//! `log`: the natural logarithm.
//!
//! TFLM has float32 alone. int8 and int16 follow LiteRT's tables (`kernels/elementwise.cc`), uint8
//! alike: an operand that is not positive gives the smallest result.

use cofit_vocab::ElementType;

use crate::call::Kernel;
use crate::elementwise::map;
use crate::integer::Integer;
use crate::lookup::{Words, by_real};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => quantised::<i8>(site),
        (ElementType::UInt8, ElementType::UInt8) => quantised::<u8>(site),
        (ElementType::Int16, ElementType::Int16) => quantised::<i16>(site),
        (ElementType::Float32, ElementType::Float32) => map(site, f32::ln),
        _ => Err(site.unsupported()),
    }
}

fn quantised<T: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let to = site.affine(site.output(0)?)?;
    let lowest = T::LOWEST.wrapping_sub(to.zero_point) as f32 * to.scale;
    by_real(site, Words::Segments, move |x| if x <= 0.0 { lowest } else { x.ln() })
}
