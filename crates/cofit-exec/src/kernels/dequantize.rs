//! `dequantize`: integers to the reals that they stand for.
//!
//! `scale * (stored - zero_point)` in double precision, rounded once (`reference/dequantize.h` of
//! TensorFlow Lite). A tensor with scales along an axis is widened slice by slice; float16 is widened.

use cofit_ir::Tensor;
use cofit_vocab::ElementType;

use crate::call::Kernel;
use crate::elementwise::{check_lengths, map};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.elements()? {
        (ElementType::Float16 | ElementType::Float32, ElementType::Float32) => {
            map(site, |x: f32| x)
        }
        (
            ElementType::Int1 | ElementType::Int2 | ElementType::Int4 | ElementType::Int8,
            ElementType::Float32,
        ) => from_integers::<i8>(site),
        (ElementType::UInt8, ElementType::Float32) => from_integers::<u8>(site),
        (ElementType::Int16, ElementType::Float32) => from_integers::<i16>(site),
        (ElementType::Int32, ElementType::Float32) => from_integers::<i32>(site),
        _ => Err(site.unsupported()),
    }
}

fn from_integers<T: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let input = site.input(0)?;
    let is_per_axis = input.quantisation.as_ref().is_some_and(|found| found.is_per_axis());
    if is_per_axis {
        return by_slice::<T>(site, input);
    }
    let from = site.affine(input)?;
    let scale = f64::from(from.scale);
    map(site, move |x: T| (scale * (f64::from(x.widen()) - f64::from(from.zero_point))) as f32)
}

fn by_slice<T: Integer>(site: &Site<'_>, input: &Tensor) -> Result<Kernel, Refusal> {
    check_lengths(site)?;
    let found = input.quantisation.as_ref();
    let axis = found.map_or(0, |found| found.axis as usize);
    let slices = input.shape.get(axis).unwrap_or(0) as usize;
    let pairs: Option<Vec<(f64, f64)>> = (0..slices)
        .map(|slice| found?.at(slice).map(|(scale, zero)| (f64::from(scale), zero as f64)))
        .collect();
    let pairs = pairs.filter(|pairs| !pairs.is_empty()).ok_or_else(|| {
        site.refuse(
            format!("`{}` has not as many scales as slices", input.name),
            "quantise the tensor anew",
        )
    })?;
    let inner: usize =
        input.shape.dimensions().iter().skip(axis + 1).map(|&length| length as usize).product();
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<f32>(0)?;
        let slices = pairs.iter().cycle();
        let runs = input.chunks(inner.max(1)).zip(output.chunks_mut(inner.max(1)));
        for ((run, results), &(scale, zero_point)) in runs.zip(slices) {
            for (result, &x) in results.iter_mut().zip(run) {
                *result = (scale * (f64::from(x.widen()) - zero_point)) as f32;
            }
        }
        Ok(())
    }))
}
