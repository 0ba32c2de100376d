//! `sub`.
//!
//! int8, uint8 and int16 as `add`, with the second operand subtracted (`kernels/sub_common.cc` of
//! TFLM). int32 and int64 wrap before the activation.

use cofit_ir::Op;
use cofit_vocab::ElementType;

use super::add::quantised;
use crate::arithmetic::activation::{activate, integer_range};
use crate::call::Kernel;
use crate::elementwise::{binary_types, zip};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let activation = match &site.operator().op {
        Op::Sub(op) => op.activation,
        _ => return Err(site.unsupported()),
    };
    match binary_types(site)? {
        Some((ElementType::Int8, ElementType::Int8)) => {
            quantised::<i8>(site, activation, 20, i32::wrapping_sub)
        }
        Some((ElementType::UInt8, ElementType::UInt8)) => {
            quantised::<u8>(site, activation, 20, i32::wrapping_sub)
        }
        Some((ElementType::Int16, ElementType::Int16)) => {
            quantised::<i16>(site, activation, 15, i32::wrapping_sub)
        }
        Some((ElementType::Int32, ElementType::Int32)) => {
            let range = integer_range(site, activation)?;
            zip(site, move |a: i32, b: i32| {
                i64::from(a.wrapping_sub(b)).clamp(*range.start(), *range.end()) as i32
            })
        }
        Some((ElementType::Int64, ElementType::Int64)) => {
            let range = integer_range(site, activation)?;
            zip(site, move |a: i64, b: i64| a.wrapping_sub(b).clamp(*range.start(), *range.end()))
        }
        Some((ElementType::Float32, ElementType::Float32)) => {
            zip(site, move |a: f32, b: f32| activate(activation, a - b))
        }
        _ => Err(site.unsupported()),
    }
}
