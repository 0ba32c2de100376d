//! `quantize`: reals to integers, or integers of one scale to those of another.
//!
//! A real is divided by the scale in single precision and rounded to nearest, ties away from zero.
//! Integers are requantised by the ratio of the scales, computed in double precision
//! (`kernels/quantize_common.cc` and `reference/requantize.h` of TFLM); every pair of int8, uint8,
//! int16 and int32 is computed alike, though TFLM lacks some.

use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::call::Kernel;
use crate::elementwise::map;
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (from, to) = site.elements()?;
    match to {
        ElementType::Int8 => from_any::<i8>(site, from),
        ElementType::UInt8 => from_any::<u8>(site, from),
        ElementType::Int16 => from_any::<i16>(site, from),
        ElementType::Int32 => from_any::<i32>(site, from),
        _ => Err(site.unsupported()),
    }
}

fn from_any<R: Integer>(site: &Site<'_>, from: ElementType) -> Result<Kernel, Refusal> {
    match from {
        ElementType::Float16 | ElementType::Float32 => from_real::<R>(site),
        ElementType::Int8 => requantise::<i8, R>(site),
        ElementType::UInt8 => requantise::<u8, R>(site),
        ElementType::Int16 => requantise::<i16, R>(site),
        ElementType::Int32 => requantise::<i32, R>(site),
        _ => Err(site.unsupported()),
    }
}

fn from_real<R: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let to = site.affine(site.output(0)?)?;
    map(site, move |x: f32| {
        let steps = (x / to.scale).round() as i32;
        R::saturate(steps.saturating_add(to.zero_point))
    })
}

fn requantise<T: Integer, R: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    let multiplier = Multiplier::new(f64::from(from.scale) / f64::from(to.scale));
    let rounding = site.rounding;
    map(site, move |x: T| {
        let scaled = multiplier.apply(x.widen().wrapping_sub(from.zero_point), rounding);
        R::saturate(scaled.wrapping_add(to.zero_point))
    })
}
