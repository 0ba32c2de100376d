//! `tanh`.
//!
//! int8: the operand with four integer bits goes through gemmlowp's fixed-point function
//! (`reference/integer_ops/tanh.h` of TensorFlow Lite), the result has scale 1/128. int16: the
//! sigmoid's table is interpolated, for `tanh(x) = 2 * sigmoid(2 * x) - 1`; the result has scale
//! 1/32768. uint8, which TFLM does not have, follows LiteRT's table of the real function.

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
            expect_result(site, 1.0 / 128.0, 0)?;
            let scaled = FourBits::new(site, site.affine(site.input(0)?)?);
            bytes::<i8, i8>(site, |stored| match scaled.of(stored) {
                Ok(x) => i8::saturate(rounding_shift_right(arithmetic::tanh(x, 4), 24)),
                Err(end) => end,
            })
        }
        (ElementType::UInt8, ElementType::UInt8) => {
            expect_result(site, 1.0 / 128.0, 128)?;
            bytes_by_real::<u8>(site, f32::tanh)
        }
        (ElementType::Int16, ElementType::Int16) => {
            expect_result(site, 1.0 / 32768.0, 0)?;
            words(site)
        }
        (ElementType::Float32, ElementType::Float32) => map(site, f32::tanh),
        _ => Err(site.unsupported()),
    }
}

fn words(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let from = site.affine(site.input(0)?)?;
    if from.zero_point != 0 {
        return Err(site.refuse("its operand has a zero point", "quantise int16 symmetrically"));
    }
    let to_index = ToIndex::new(from.scale, 1);
    map(site, move |stored: i16| {
        let x = to_index.of(stored);
        let magnitude = interpolate(x.unsigned_abs(), 8).unwrap_or(0xffff << 8);
        let value = if x >= 0 {
            magnitude - (1 << 23) + (1 << 7)
        } else {
            (1 << 23) - magnitude + (1 << 7) - 1
        };
        (value >> 8) as i16
    })
}
