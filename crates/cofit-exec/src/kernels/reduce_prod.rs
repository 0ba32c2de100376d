//! `reduce_prod`: product over axes.
//!
//! TFLM has no kernel. int8 and int16 follow TensorFlow Lite (`QuantizedReduceProd` in
//! `kernels/internal/reference/reduce.h`): so that the product stays within 32 bits, each of its `n`
//! factors is scaled by `input scale / output scale^(1/n)`, with a significand of 16 bits.

use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::buffer::Element;
use crate::call::Kernel;
use crate::copy_box::same_type;
use crate::reduction::Reduction;
use crate::site::{Refusal, Site};

/// Chooses the arithmetic by the element type.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let reduction = Reduction::of(site)?;
    match site.input(0)?.element {
        ElementType::Float32 => Ok(Box::new(move |call| {
            let input = call.inputs.get::<f32>(0)?;
            let output = call.outputs.get::<f32>(0)?;
            reduction.fold(input, output, 1.0, |product, value| value * product, |product| product)
        })),
        ElementType::Int32 => Ok(Box::new(move |call| {
            let input = call.inputs.get::<i32>(0)?;
            let output = call.outputs.get::<i32>(0)?;
            reduction.fold(input, output, 1, i32::wrapping_mul, |product| product)
        })),
        ElementType::Int64 => Ok(Box::new(move |call| {
            let input = call.inputs.get::<i64>(0)?;
            let output = call.outputs.get::<i64>(0)?;
            reduction.fold(input, output, 1, i64::wrapping_mul, |product| product)
        })),
        ElementType::Int8 => quantised::<i8>(site, reduction, (-128, 127), |x| x as i8),
        ElementType::Int16 => quantised::<i16>(site, reduction, (-32768, 32767), |x| x as i16),
        // A product of truth values says whether all of them hold.
        ElementType::Bool => Ok(Box::new(move |call| {
            let input = call.inputs.get::<u8>(0)?;
            reduction.fold(
                input,
                call.outputs.get::<u8>(0)?,
                1,
                |all, value| all & value,
                |all| all,
            )
        })),
        _ => Err(site.unsupported()),
    }
}

fn quantised<T: Element + Into<i32>>(
    site: &Site<'_>,
    reduction: Reduction,
    (lowest, highest): (i32, i32),
    narrow: fn(i32) -> T,
) -> Result<Kernel, Refusal> {
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    let root = f64::from(to.scale).powf(1.0 / reduction.count.max(1) as f64);
    let factor = Multiplier::new(f64::from(from.scale) / root);
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        let next = |product: Option<i32>, value: T| {
            let value = value.into().wrapping_sub(from.zero_point);
            Some(match product {
                // The scale of the last factor is that of the whole.
                None => value,
                Some(product) => factor.apply_wide(i64::from(product) * i64::from(value)),
            })
        };
        reduction.fold(input, output, None, next, |product| {
            let scaled = product.map_or(0, |product| factor.apply_wide(i64::from(product)));
            narrow(scaled.wrapping_add(to.zero_point).clamp(lowest, highest))
        })
    }))
}
