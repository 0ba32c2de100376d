//! Means of whole maps made piece by piece: sums of 32 bits that pixels are added to, and what becomes
//! of them.
//!
//! Sums wrap, so that their order does not matter; what is made of them is the arithmetic of the
//! whole operator's kernel.

use cofit_ir::Op;

use super::{average_pool2d, mean};
use crate::buffer::{Buffer, Slice};
use crate::call::Fault;
use crate::site::{Refusal, Site};

/// The element of the result that a sum becomes.
pub(crate) type FinishSums = Box<dyn Fn(i32) -> i32 + Send + Sync>;

/// Sums over a map, one a channel.
pub(crate) struct Sums {
    finish: FinishSums,
}

impl Sums {
    /// Those of an operator that averages the `count` pixels of its operand.
    pub fn new(site: &Site<'_>, count: usize) -> Result<Self, Refusal> {
        let finish = match &site.operator().op {
            Op::Mean(_) => mean::finish_sums(site, count)?,
            Op::AveragePool2d(op) => average_pool2d::finish_sums(op, site, count)?,
            _ => return Err(site.refuse("it makes no sums", "run it at once")),
        };
        Ok(Self { finish })
    }

    /// Adds pixels, channels innermost, to the sums of the channels.
    pub fn add(sums: &mut [i32], pixels: Slice<'_>) -> Result<(), Fault> {
        match pixels {
            Slice::I8(pixels) => add_elements(sums, pixels),
            Slice::U8(pixels) => add_elements(sums, pixels),
            Slice::I16(pixels) => add_elements(sums, pixels),
            Slice::I32(_) | Slice::I64(_) | Slice::F32(_) => {
                return Err(Fault::new("only integers of 8 or 16 bits are summed in pieces"));
            }
        }
        Ok(())
    }

    /// Writes what the sums become.
    pub fn finish(&self, sums: &[i32], result: &mut Buffer) -> Result<(), Fault> {
        if sums.len() != result.len() {
            return Err(Fault::new("there are not as many sums as results"));
        }
        let finished = sums.iter().map(|&sum| (self.finish)(sum));
        match result {
            Buffer::I8(result) => result.iter_mut().zip(finished).for_each(|(to, x)| *to = x as i8),
            Buffer::U8(result) => result.iter_mut().zip(finished).for_each(|(to, x)| *to = x as u8),
            Buffer::I16(result) => {
                result.iter_mut().zip(finished).for_each(|(to, x)| *to = x as i16);
            }
            Buffer::I32(_) | Buffer::I64(_) | Buffer::F32(_) => {
                return Err(Fault::new("only integers of 8 or 16 bits are averaged in pieces"));
            }
        }
        Ok(())
    }
}

fn add_elements<T: Copy + Into<i32>>(sums: &mut [i32], pixels: &[T]) {
    for pixel in pixels.chunks_exact(sums.len().max(1)) {
        for (sum, &x) in sums.iter_mut().zip(pixel) {
            *sum = sum.wrapping_add(x.into());
        }
    }
}
