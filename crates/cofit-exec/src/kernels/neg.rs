//! `neg`.
//!
//! Integers wrap. TFLM has float32 alone; LiteRT, which is followed, negates stored int8 and int16
//! whatever their zero points and scales. uint8, which nobody defines, is computed on the reals that
//! it stands for and rounded to nearest.

use cofit_vocab::ElementType;

use crate::call::Kernel;
use crate::elementwise::map;
use crate::lookup::bytes_by_real;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => map(site, i8::wrapping_neg),
        (ElementType::UInt8, ElementType::UInt8) => bytes_by_real::<u8>(site, |x| -x),
        (ElementType::Int16, ElementType::Int16) => map(site, i16::wrapping_neg),
        (ElementType::Int32, ElementType::Int32) => map(site, i32::wrapping_neg),
        (ElementType::Int64, ElementType::Int64) => map(site, i64::wrapping_neg),
        (ElementType::Float32, ElementType::Float32) => map(site, |x: f32| -x),
        _ => Err(site.unsupported()),
    }
}
