//! Values for constants that suggestions left without any, so that the model can be written and run
//! before anybody trains it.

use cofit_ir::verify::Verified;
use cofit_ir::{ConstantData, Tensor, TensorRole};
use cofit_vocab::ElementType;

/// Bytes of all constants that are made up, at most: absent values make any size cheap.
const MOST_BYTES: u64 = 256 << 20;

/// The model with random values where constants have none, and how many constants those are; `None`
/// where they are too large. The values are the same for the same model.
pub fn with_random_values(model: &Verified) -> Option<(Verified, usize)> {
    let mut changed = model.clone().into_model();
    let mut state = 0u64;
    let mut count = 0;
    let mut left = MOST_BYTES;
    for graph in changed.graphs.values_mut() {
        for tensor in graph.tensors.values_mut().filter(|it| it.is_constant()) {
            if tensor.data().is_none() {
                left = left.checked_sub(tensor.bytes().get())?;
                tensor.role =
                    TensorRole::Constant(ConstantData::Present(values(tensor, &mut state).into()));
                count += 1;
            }
        }
    }
    Some((Verified::new(changed).ok()?, count))
}

/// Random weights: bytes of integers, floats around zero that keep the range of what they are summed
/// over. Biases, which are wide integers, are zero.
fn values(tensor: &Tensor, state: &mut u64) -> Vec<u8> {
    let bytes = usize::try_from(tensor.bytes().get()).unwrap_or(0);
    let summed = tensor.shape.elements() / u64::from(tensor.shape.get(0).unwrap_or(1).max(1));
    let range = 1.0 / (summed.max(1) as f64).sqrt();
    match tensor.element {
        ElementType::Float32 => (0..bytes / 4)
            .flat_map(|_| {
                let unit = (next(state) >> 11) as f64 / (1u64 << 53) as f64;
                (((2.0 * unit - 1.0) * range) as f32).to_le_bytes()
            })
            .collect(),
        // -128 is outside the symmetric range of weights.
        ElementType::Int8 => {
            (0..bytes).map(|_| ((next(state) % 255) as i16 - 127) as i8 as u8).collect()
        }
        ElementType::Int4 | ElementType::Int2 | ElementType::Int1 | ElementType::UInt8 => {
            (0..bytes).map(|_| next(state) as u8).collect()
        }
        ElementType::Bool
        | ElementType::Float16
        | ElementType::Float64
        | ElementType::Int16
        | ElementType::Int32
        | ElementType::Int64
        | ElementType::UInt16
        | ElementType::UInt32 => vec![0; bytes],
    }
}

/// SplitMix64 (G. Steele et al., "Fast splittable pseudorandom number generators", 2014).
const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
