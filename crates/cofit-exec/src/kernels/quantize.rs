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

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    /// 1 times 0.375 is rounded to 0.75, to 1, to 0.5 and to 1 by the one, and to 0 by the other.
    #[test]
    fn requantisation_rounds_as_it_is_told() {
        let graph = "input t0\n output t1\n tensor t0 \"a\" int16[4] scale=0.375\n\
                     tensor t1 \"b\" int16[4] scale=1.0\n t1 = quantize(t0)";
        let inputs = [Buffer::I16(vec![1, 2, -1, 8])];
        let found = |rounding| run(graph, &inputs, rounding);
        assert_eq!(found(Rounding::Double), Ok(Buffer::I16(vec![1, 1, -1, 3])));
        assert_eq!(found(Rounding::Single), Ok(Buffer::I16(vec![0, 1, 0, 3])));
    }

    #[test]
    fn reals_saturate() {
        let graph = "input t0\n output t1\n tensor t0 \"a\" float32[5]\n\
                     tensor t1 \"b\" int8[5] scale=0.5 zero=3\n t1 = quantize(t0)";
        let inputs = [Buffer::F32(vec![0.25, -0.25, f32::INFINITY, -1e30, 62.0])];
        let expected = Buffer::I8(vec![4, 2, 127, -128, 127]);
        assert_eq!(run(graph, &inputs, Rounding::Double), Ok(expected));
    }
}
