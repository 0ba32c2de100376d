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

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn slices_have_scales_of_their_own() {
        let graph = "input t0\n output t1\n\
                     tensor t0 \"a\" int8[2,3,1] axis=1 scale=[0.5,0.25,2.0] zero=[0,1,-1]\n\
                     tensor t1 \"b\" float32[2,3,1]\n t1 = dequantize(t0)";
        let inputs = [Buffer::I8(vec![2, 3, 4, -2, -3, -4])];
        let expected = Buffer::F32(vec![1.0, 0.5, 10.0, -1.0, -1.0, -6.0]);
        assert_eq!(run(graph, &inputs, Rounding::Double), Ok(expected));
    }
}
