//! `logistic`.
//!
//! int8: the operand with four integer bits goes through gemmlowp's fixed-point sigmoid
//! (`reference/integer_ops/logistic.h` of TensorFlow Lite), the result has scale 1/256 and zero point
//! -128. int16: a table is interpolated, the result has scale 1/32768. uint8, which TFLM does not
//! have, follows LiteRT's table of the real function.

use cofit_vocab::ElementType;

use crate::arithmetic::four_bits::FourBits;
use crate::arithmetic::sigmoid_table::{ToIndex, interpolate};
use crate::arithmetic::{self, rounding_shift_right};
use crate::call::Kernel;
use crate::elementwise::{expect_result, map};
use crate::integer::Integer;
use crate::lookup::{bytes, bytes_by_real};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => {
            expect_result(site, 1.0 / 256.0, -128)?;
            let scaled = FourBits::new(site, site.affine(site.input(0)?)?);
            bytes::<i8, i8>(site, |stored| match scaled.of(stored) {
                Ok(x) => {
                    let steps = rounding_shift_right(arithmetic::logistic(x, 4), 23);
                    i8::saturate(steps - 128)
                }
                Err(end) => end,
            })
        }
        (ElementType::UInt8, ElementType::UInt8) => {
            expect_result(site, 1.0 / 256.0, 0)?;
            bytes_by_real::<u8>(site, real)
        }
        (ElementType::Int16, ElementType::Int16) => {
            expect_result(site, 1.0 / 32768.0, 0)?;
            words(site)
        }
        (ElementType::Float32, ElementType::Float32) => map(site, real),
        _ => Err(site.unsupported()),
    }
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn real(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn words(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let from = site.affine(site.input(0)?)?;
    if from.zero_point != 0 {
        return Err(site.refuse("its operand has a zero point", "quantise int16 symmetrically"));
    }
    let to_index = ToIndex::new(from.scale, 0);
    map(site, move |stored: i16| {
        let x = to_index.of(stored);
        let magnitude = interpolate(x.unsigned_abs(), 9).unwrap_or(0x7fff << 10);
        // The function of -x is one less that of x.
        let value =
            if x >= 0 { magnitude + (1 << 9) } else { (1 << 25) - magnitude + (1 << 9) - 1 };
        (value >> 10) as i16
    })
}
