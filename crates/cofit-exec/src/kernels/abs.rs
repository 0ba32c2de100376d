//! `abs`.
//!
//! int8 and int16: the distance from the zero point, requantised where the scales differ
//! (`kernels/elementwise.cc` of TFLM); uint8 alike. int16 without a scale, int32 and int64 wrap.

use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::call::Kernel;
use crate::elementwise::map;
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let is_quantised = site.input(0)?.quantisation.as_ref().is_some_and(|q| q.is_quantised());
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => quantised::<i8>(site),
        (ElementType::UInt8, ElementType::UInt8) => quantised::<u8>(site),
        (ElementType::Int16, ElementType::Int16) if is_quantised => quantised::<i16>(site),
        (ElementType::Int16, ElementType::Int16) => map(site, i16::wrapping_abs),
        (ElementType::Int32, ElementType::Int32) => map(site, i32::wrapping_abs),
        (ElementType::Int64, ElementType::Int64) => map(site, i64::wrapping_abs),
        (ElementType::Float32, ElementType::Float32) => map(site, f32::abs),
        _ => Err(site.unsupported()),
    }
}

fn quantised<T: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    let multiplier = (from.scale != to.scale)
        .then(|| Multiplier::new(f64::from(from.scale) / f64::from(to.scale)));
    let rounding = site.rounding;
    map(site, move |stored: T| {
        let distance = stored.widen().wrapping_sub(from.zero_point).wrapping_abs();
        let scaled = multiplier.map_or(distance, |factor| factor.apply(distance, rounding));
        T::saturate(scaled.wrapping_add(to.zero_point))
    })
}
