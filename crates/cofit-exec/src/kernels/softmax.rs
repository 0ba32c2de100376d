//! `softmax`, along the innermost axis.
//!
//! int8 and uint8 (`reference/softmax.h` of TensorFlow Lite): differences from the row's largest value
//! become numbers with five integer bits, their exponentials are added with twelve, and the sum's
//! reciprocal scales each exponential. The result is of the operand's type or int16. int16 takes two
//! tables of 513 entries instead, of `exp` on [-10, 0] and of `1 / (1 + x)` on [0, 1]. The scale and
//! zero point of a result are fixed: 1/256 with the type's lowest value for 8 bits, and for int16
//! 1/65536 with the lowest value from 8 bits and 1/32768 with 0 from int16.

use cofit_ir::Op;
use cofit_vocab::ElementType;

use crate::arithmetic::exponentials::{DIFFERENCE_BITS, Differences, SUM_BITS};
use crate::arithmetic::{
    Multiplier, doubling_high_product, exp_of_negative, reciprocal_of_one_plus,
    rounding_shift_right,
};
use crate::call::Kernel;
use crate::elementwise::{check_lengths, expect_result, row_length};
use crate::integer::Integer;
use crate::lookup::Segments;
use crate::site::{Affine, Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let beta = match &site.operator().op {
        Op::Softmax(op) => op.beta,
        _ => return Err(site.unsupported()),
    };
    check_lengths(site)?;
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => {
            expect_result(site, 1.0 / 256.0, -128)?;
            bytes::<i8, i8>(site, beta)
        }
        (ElementType::Int8, ElementType::Int16) => {
            expect_result(site, 1.0 / 65536.0, -32768)?;
            bytes::<i8, i16>(site, beta)
        }
        (ElementType::UInt8, ElementType::UInt8) => {
            expect_result(site, 1.0 / 256.0, 0)?;
            bytes::<u8, u8>(site, beta)
        }
        (ElementType::UInt8, ElementType::Int16) => {
            expect_result(site, 1.0 / 65536.0, -32768)?;
            bytes::<u8, i16>(site, beta)
        }
        (ElementType::Int16, ElementType::Int16) => {
            expect_result(site, 1.0 / 32768.0, 0)?;
            words(site, beta)
        }
        (ElementType::Float32, ElementType::Float32) => reals(site, beta),
        _ => Err(site.unsupported()),
    }
}

fn bytes<T: Integer, R: Integer>(site: &Site<'_>, beta: f32) -> Result<Kernel, Refusal> {
    let differences = Differences::new(site, site.affine(site.input(0)?)?, beta)?;
    let length = row_length(site)?;
    let result_bits = 8 * size_of::<R>() as i32;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<R>(0)?;
        for (row, results) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
            let largest = row.iter().map(|x| x.widen()).fold(T::LOWEST, i32::max);
            let sum = differences.sum(row, largest);
            // The sum as 2^over * (1 + fraction).
            let headroom = sum.leading_zeros();
            let over = SUM_BITS - headroom as i32;
            let fraction = sum.checked_shl(headroom).unwrap_or(0) ^ i32::MIN;
            let reciprocal = reciprocal_of_one_plus(fraction);
            let exponent = (over + 31 - result_bits).clamp(0, 31);
            for (result, x) in results.iter_mut().zip(row) {
                let difference = x.widen() - largest;
                *result = R::saturate(R::LOWEST);
                if difference >= differences.least {
                    let exp = exp_of_negative(differences.scale(difference), DIFFERENCE_BITS);
                    let scaled =
                        rounding_shift_right(doubling_high_product(reciprocal, exp), exponent);
                    *result = R::saturate(scaled.saturating_add(R::LOWEST));
                }
            }
        }
        Ok(())
    }))
}

fn words(site: &Site<'_>, beta: f32) -> Result<Kernel, Refusal> {
    let from = site.affine(site.input(0)?)?;
    // Differences of [-65535, 0] stand for [-10, 0] in the table.
    let span = 10.0 / 65535.0;
    let multiplier = Multiplier::new(f64::from(from.scale) * f64::from(beta) / span);
    let symmetric = Affine { scale: 2.0 / 65535.0, zero_point: 0 };
    let exponentials =
        Segments::new(Affine { scale: 10.0 / 65535.0, zero_point: 32767 }, symmetric, |x| {
            f64::from(x).exp() as f32
        });
    let reciprocals =
        Segments::new(Affine { scale: 1.0 / 65535.0, zero_point: -32768 }, symmetric, |x| {
            1.0 / (1.0 + x)
        });
    let rounding = site.rounding;
    let length = row_length(site)?;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<i16>(0)?;
        let output = call.outputs.get::<i16>(0)?;
        for (row, results) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
            let largest = row.iter().copied().fold(i16::MIN, i16::max);
            let mut sum = 0_i32;
            for (result, &x) in results.iter_mut().zip(row) {
                let difference = i32::from(x) - i32::from(largest);
                let scaled = multiplier.apply(difference, rounding);
                *result = exponentials.at(i16::saturate(scaled.saturating_add(32767)));
                sum = sum.wrapping_add(i32::from(*result));
            }
            // The sum as 2^(31 - headroom) * (1 + x), with x as the table takes it.
            let headroom = sum.leading_zeros();
            let normal = ((i64::from(sum) << headroom.saturating_sub(1)) + (1 << 13)) >> 14;
            let reciprocal = reciprocals.at(i16::saturate(normal as i32 - (3 << 15)));
            let shift = 31 - headroom.min(30);
            for result in results {
                let product = i64::from(*result) * i64::from(reciprocal);
                let scaled = (product + (1 << (shift - 1))) >> shift;
                *result = scaled.clamp(0, 32767) as i16;
            }
        }
        Ok(())
    }))
}

fn reals(site: &Site<'_>, beta: f32) -> Result<Kernel, Refusal> {
    let length = row_length(site)?;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<f32>(0)?;
        let output = call.outputs.get::<f32>(0)?;
        for (row, results) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
            let largest = row.iter().copied().fold(f32::MIN, f32::max);
            let mut sum = 0.0;
            for (result, x) in results.iter_mut().zip(row) {
                *result = ((x - largest) * beta).exp();
                sum += *result;
            }
            results.iter_mut().for_each(|result| *result /= sum);
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
    fn a_result_of_another_scale_is_refused() {
        let graph = "input t0\n output t1\n tensor t0 \"a\" int8[1,4] scale=0.1\n\
                     tensor t1 \"b\" int8[1,4] scale=0.5 zero=-128\n t1 = softmax(t0)";
        let refused = run(graph, &[Buffer::I8(vec![0; 4])], Rounding::Double).unwrap_err();
        assert_eq!(
            refused,
            "CF-EXE-001: its result has scale 0.5 and zero point -128 where 0.00390625 and -128 are \
             defined (operator `b`)"
        );
    }

    #[test]
    fn equal_inputs_share_one() {
        let graph = "input t0\n output t1\n tensor t0 \"a\" float32[1,4]\n\
                     tensor t1 \"b\" float32[1,4]\n t1 = softmax(t0) beta=3.0";
        let inputs = [Buffer::F32(vec![1e30; 4])];
        assert_eq!(run(graph, &inputs, Rounding::Double), Ok(Buffer::F32(vec![0.25; 4])));
    }
}
