//! Inputs that can be made again anywhere, and hashes to compare what became of them.
//!
//! `checks/tflm_goldens.py` makes the same inputs for the official interpreter.

use cofit_ir::{Graph, Op, TensorId};
use cofit_vocab::ElementType;

use crate::buffer::{Buffer, Slice};

/// Random inputs for the main graph, in its order: input `i` is drawn from a SplitMix64 generator
/// whose state is `seed * 0x9e3779b97f4a7c15 + i`.
///
/// Integers of up to 16 bits take the low bits of a draw, wider ones its remainder by 16, so that
/// they can be indices; floats are uniform in `[-1, 1)` in steps of `2^-23`. An input that a
/// transposed convolution takes as its output's shape holds that shape. `None` for an input of a
/// type that nothing computes in.
pub fn inputs(graph: &Graph, seed: u64) -> Vec<Option<Buffer>> {
    let fill = |(position, &id): (usize, &TensorId)| {
        let tensor = &graph.tensors[id];
        let count = tensor.shape.elements() as usize;
        if let Some(shape) = stated_shape(graph, id) {
            return Some(Buffer::I32(shape));
        }
        let mut draws =
            SplitMix64(seed.wrapping_mul(SplitMix64::STEP).wrapping_add(position as u64));
        let mut buffer = Buffer::zeros(tensor.element, count)?;
        match &mut buffer {
            Buffer::I8(values) => values.fill_with(|| draws.next() as i8),
            Buffer::U8(values) if tensor.element == ElementType::Bool => {
                values.fill_with(|| (draws.next() & 1) as u8);
            }
            Buffer::U8(values) => values.fill_with(|| draws.next() as u8),
            Buffer::I16(values) => values.fill_with(|| draws.next() as i16),
            Buffer::I32(values) => values.fill_with(|| (draws.next() % 16) as i32),
            Buffer::I64(values) => values.fill_with(|| (draws.next() % 16) as i64),
            Buffer::F32(values) => {
                values.fill_with(|| (draws.next() >> 40) as f32 / (1 << 23) as f32 - 1.0);
            }
        }
        Some(buffer)
    };
    graph.inputs.iter().enumerate().map(fill).collect()
}

/// The output's shape, where a transposed convolution takes `id` for it.
fn stated_shape(graph: &Graph, id: TensorId) -> Option<Vec<i32>> {
    graph.operators.values().find_map(|operator| match &operator.op {
        Op::TransposeConv2d(_) if operator.input(0) == Some(id) => {
            let shape = &graph.tensors[*operator.outputs.first()?].shape;
            Some(shape.dimensions().iter().map(|&length| length as i32).collect())
        }
        _ => None,
    })
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
#[derive(Clone, Debug)]
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The next 64 bits.
    #[allow(clippy::should_implement_trait, reason = "a generator without an end is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// FNV-1a of 64 bits over the little-endian bytes.
pub fn hash(values: Slice<'_>) -> u64 {
    values.to_le_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_and_the_hash_are_the_published_ones() {
        let mut draws = SplitMix64(1_234_567);
        assert_eq!(draws.next(), 6_457_827_717_110_365_317);
        assert_eq!(draws.next(), 3_203_168_211_198_807_973);
        assert_eq!(hash(Slice::U8(b"a")), 0xaf63_dc4c_8601_ec8c);
    }
}
