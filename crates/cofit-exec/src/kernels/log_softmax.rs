//! `log_softmax`, along the innermost axis.
//!
//! int8 and uint8 (`reference/log_softmax.h` of TensorFlow Lite): exponentials are added as softmax adds
//! them, and the fixed-point logarithm of the sum is subtracted from each difference. The result has
//! scale 1/16 and the type's largest value as zero point.

use cofit_vocab::ElementType;

use crate::arithmetic::exponentials::{DIFFERENCE_BITS, Differences, SUM_BITS};
use crate::arithmetic::logarithm::natural_logarithm;
use crate::arithmetic::{Multiplier, rounding_shift_right};
use crate::call::Kernel;
use crate::elementwise::{check_lengths, expect_result, row_length};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

/// Integer bits of the result.
const RESULT_BITS: i32 = 4;

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    check_lengths(site)?;
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => bytes::<i8>(site),
        (ElementType::UInt8, ElementType::UInt8) => bytes::<u8>(site),
        (ElementType::Float32, ElementType::Float32) => reals(site),
        _ => Err(site.unsupported()),
    }
}

fn bytes<T: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    expect_result(site, 1.0 / 16.0, T::HIGHEST)?;
    let differences = Differences::new(site, site.affine(site.input(0)?)?, 1.0)?;
    let Multiplier { significand, exponent } = differences.multiplier;
    let back = Multiplier::new(2_f64.powi(31 - exponent) / f64::from(significand));
    let rounding = site.rounding;
    let length = row_length(site)?;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        for (row, results) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
            let largest = row.iter().map(|x| x.widen()).fold(T::LOWEST, i32::max);
            let logarithm = natural_logarithm(differences.sum(row, largest), SUM_BITS);
            // The least difference from which the logarithm can be subtracted.
            let least = back.apply(i32::MIN.wrapping_add(logarithm), rounding);
            let least = least.max(differences.least.saturating_sub(1));
            for (result, x) in results.iter_mut().zip(row) {
                let difference = x.widen() - largest;
                *result = T::saturate(T::LOWEST);
                if difference > least {
                    let real = differences.scale(difference).wrapping_sub(logarithm);
                    let steps = rounding_shift_right(real, 31 - DIFFERENCE_BITS - RESULT_BITS);
                    *result = T::saturate(steps.saturating_add(T::HIGHEST));
                }
            }
        }
        Ok(())
    }))
}

fn reals(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let length = row_length(site)?;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<f32>(0)?;
        let output = call.outputs.get::<f32>(0)?;
        for (row, results) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
            let largest = row.iter().copied().fold(f32::MIN, f32::max);
            let sum: f32 = row.iter().map(|x| (x - largest).exp()).sum();
            let logarithm = sum.ln();
            for (result, x) in results.iter_mut().zip(row) {
                *result = x - largest - logarithm;
            }
        }
        Ok(())
    }))
}
