//! `l2_normalization`, along the innermost axis.
//!
//! int8 and uint8 (`reference/integer_ops/l2normalization.h` of TensorFlow Lite): the fixed-point
//! inverse root of the sum of squares times 128 scales each element; the result has scale 1/128 and
//! zero point 0. uint8 (`reference/l2normalization.h`) multiplies the elements by the 128 and has zero
//! point 128. In float32 a length below `1e-6` counts as that.

use cofit_ir::{Activation, Op};
use cofit_vocab::ElementType;

use crate::arithmetic::activation::activate;
use crate::arithmetic::inverse_root::inverse_root;
use crate::arithmetic::{Multiplier, Rounding};
use crate::call::Kernel;
use crate::elementwise::{check_lengths, expect_result, row_length};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

/// The least length that a vector counts as.
const LEAST_LENGTH: f32 = 1e-6;

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let activation = match &site.operator().op {
        Op::L2Normalization(op) => op.activation,
        _ => return Err(site.unsupported()),
    };
    check_lengths(site)?;
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => {
            bytes::<i8>(site, activation, 0, |root, x, rounding| {
                Multiplier { exponent: root.exponent + 7, ..root }.apply(x, rounding)
            })
        }
        (ElementType::UInt8, ElementType::UInt8) => {
            bytes::<u8>(site, activation, 128, |root, x, rounding| {
                root.apply(x.wrapping_mul(128), rounding)
            })
        }
        (ElementType::Float32, ElementType::Float32) => reals(site, activation),
        _ => Err(site.unsupported()),
    }
}

fn bytes<T: Integer>(
    site: &Site<'_>,
    activation: Activation,
    zero_point: i32,
    scale: fn(Multiplier, i32, Rounding) -> i32,
) -> Result<Kernel, Refusal> {
    if activation != Activation::None {
        return Err(site.refuse(
            "a fused activation is not defined for integers here",
            "export the activation as an operator of its own",
        ));
    }
    expect_result(site, 1.0 / 128.0, zero_point)?;
    let from = site.affine(site.input(0)?)?;
    let rounding = site.rounding;
    let length = row_length(site)?;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        for (row, results) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
            let distance = |x: &T| x.widen().wrapping_sub(from.zero_point);
            let sum = row
                .iter()
                .map(|x| distance(x).wrapping_mul(distance(x)))
                .fold(0, |sum: i32, square| sum.wrapping_add(square));
            let root = inverse_root(sum);
            for (result, x) in results.iter_mut().zip(row) {
                let scaled = scale(root, distance(x), rounding);
                *result = T::saturate(scaled.wrapping_add(zero_point));
            }
        }
        Ok(())
    }))
}

fn reals(site: &Site<'_>, activation: Activation) -> Result<Kernel, Refusal> {
    let length = row_length(site)?;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<f32>(0)?;
        let output = call.outputs.get::<f32>(0)?;
        for (row, results) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
            let sum: f32 = row.iter().map(|x| x * x).sum();
            let norm = sum.sqrt().max(LEAST_LENGTH);
            for (result, x) in results.iter_mut().zip(row) {
                *result = activate(activation, x / norm);
            }
        }
        Ok(())
    }))
}
