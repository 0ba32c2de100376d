//! `maximum` and `minimum`, of stored values: operands and result have one scale.
//!
//! Of two operands that compare neither way (a NaN) the second one results, as in TensorFlow Lite.

use cofit_ir::Op;
use cofit_vocab::ElementType;

use crate::buffer::Element;
use crate::call::Kernel;
use crate::elementwise::{binary_types, zip};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match binary_types(site)? {
        Some((ElementType::Int8, ElementType::Int8)) => of_type::<i8>(site),
        Some((ElementType::UInt8, ElementType::UInt8)) => of_type::<u8>(site),
        Some((ElementType::Int16, ElementType::Int16)) => of_type::<i16>(site),
        Some((ElementType::Int32, ElementType::Int32)) => of_type::<i32>(site),
        Some((ElementType::Int64, ElementType::Int64)) => of_type::<i64>(site),
        Some((ElementType::Float32, ElementType::Float32)) => of_type::<f32>(site),
        _ => Err(site.unsupported()),
    }
}

fn of_type<T: Element>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match &site.operator().op {
        Op::Maximum(_) => zip(site, |a: T, b: T| if a > b { a } else { b }),
        Op::Minimum(_) => zip(site, |a: T, b: T| if a < b { a } else { b }),
        _ => Err(site.unsupported()),
    }
}
