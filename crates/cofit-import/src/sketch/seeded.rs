//! The bytes of seeded constants.

use cofit_ir::Quantisation;
use cofit_vocab::ElementType;

use super::random::{BELL_REACH, SplitMix64};
use super::ranges::{weight_extent, weight_reach, weight_zero_point};

/// `count` weights of type `element`, packed as the model stores them: little-endian, and types of
/// fewer than eight bits from the low end of each byte up.
///
/// Integers fill the range of their type like a bell; what they stand for is the scales' affair.
/// Floats have the standard deviation that He's rule gives for `fan_in` inputs.
pub(super) fn weights(
    element: ElementType,
    count: usize,
    fan_in: u64,
    mut stream: SplitMix64,
) -> Vec<u8> {
    let extent = weight_extent(fan_in);
    match element {
        ElementType::Float32 => floats(count, || extent * unit(&mut stream)),
        ElementType::Float16 => halves(count, || extent * unit(&mut stream)),
        ElementType::Float64 => {
            (0..count).flat_map(|_| f64::from(extent * unit(&mut stream)).to_le_bytes()).collect()
        }
        ElementType::Int1 => packed(1, count, || stream.next() as i64 & 1),
        ElementType::Int2 | ElementType::Int4 => {
            let reach = weight_reach(element);
            packed(element.bits(), count, || integer(reach, &mut stream))
        }
        // Most weights are bytes, and a network has millions of them.
        ElementType::Int8 | ElementType::UInt8 => {
            let (reach, zero) = (weight_reach(element), weight_zero_point(element));
            let mut bytes = vec![0; count];
            for byte in &mut bytes {
                // Both types hold reach and zero point, so the lowest byte is all there is.
                *byte = (integer(reach, &mut stream) + zero) as u8;
            }
            bytes
        }
        ElementType::Bool
        | ElementType::Int16
        | ElementType::UInt16
        | ElementType::Int32
        | ElementType::UInt32
        | ElementType::Int64 => {
            let width = (element.bits() / 8) as usize;
            let (reach, zero) = (weight_reach(element), weight_zero_point(element));
            let mut bytes = Vec::with_capacity(count.saturating_mul(width));
            for _ in 0..count {
                let stored = integer(reach, &mut stream) + zero;
                bytes.extend_from_slice(&stored.to_le_bytes()[..width]);
            }
            bytes
        }
    }
}

/// Biases of up to a tenth in magnitude, in steps of `quantisation` where they are integers.
pub(super) fn biases(
    element: ElementType,
    count: usize,
    quantisation: Option<&Quantisation>,
    mut stream: SplitMix64,
) -> Vec<u8> {
    const EXTENT: f32 = 0.1;
    match quantisation {
        None if element == ElementType::Float16 => halves(count, || EXTENT * unit(&mut stream)),
        None => floats(count, || EXTENT * unit(&mut stream)),
        Some(quantisation) => {
            let width = (element.bits() / 8) as usize;
            let mut bytes = Vec::with_capacity(count.saturating_mul(width));
            for channel in 0..count {
                let (scale, _) = quantisation.at(channel).unwrap_or((1.0, 0));
                // The cast saturates, so that the narrowest scale cannot wrap.
                let stored = (EXTENT * unit(&mut stream) / scale).round() as i32;
                bytes.extend_from_slice(&i64::from(stored).to_le_bytes()[..width]);
            }
            bytes
        }
    }
}

/// Statistics of batch normalisation: `middle`, give or take `extent`.
pub(super) fn statistics(
    count: usize,
    middle: f32,
    extent: f32,
    mut stream: SplitMix64,
) -> Vec<u8> {
    floats(count, || middle + extent * unit(&mut stream))
}

/// A bell between -1 and 1.
fn unit(stream: &mut SplitMix64) -> f32 {
    stream.bell() as f32 / BELL_REACH as f32
}

/// A bell over the symmetric range of a weight type, which ends at `reach`, rounded to the nearest
/// with halves away from zero.
fn integer(reach: i64, stream: &mut SplitMix64) -> i64 {
    let scaled = stream.bell() * reach;
    let half = BELL_REACH / 2;
    if scaled < 0 { (scaled - half) / BELL_REACH } else { (scaled + half) / BELL_REACH }
}

fn floats(count: usize, mut next: impl FnMut() -> f32) -> Vec<u8> {
    (0..count).flat_map(|_| next().to_le_bytes()).collect()
}

fn halves(count: usize, mut next: impl FnMut() -> f32) -> Vec<u8> {
    (0..count).flat_map(|_| half_bits(next()).to_le_bytes()).collect()
}

fn packed(bits: u32, count: usize, mut next: impl FnMut() -> i64) -> Vec<u8> {
    let per_byte = (8 / bits) as usize;
    let mask = (1u8 << bits) - 1;
    let mut bytes = vec![0u8; count.div_ceil(per_byte)];
    for index in 0..count {
        let shift = (index % per_byte) as u32 * bits;
        bytes[index / per_byte] |= (next() as u8 & mask) << shift;
    }
    bytes
}

/// The IEEE 754 half-precision number nearest to `value`, halves to even, for magnitudes below
/// the largest half.
pub(super) fn half_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = value.abs();
    // Adding and taking away 2^k leaves a multiple of the half's last place, rounded to even by
    // the addition itself: the last place of a half is 2^-10 of its leading power of two, and
    // 2^-24 below 2^-14.
    let exponent = ((magnitude.to_bits() >> 23) as i32 - 127).max(-14);
    let anchor = f32::from_bits(((exponent + 13 + 127) as u32) << 23);
    let rounded = (magnitude + anchor) - anchor;
    let exponent = ((rounded.to_bits() >> 23) as i32 - 127).max(-15);
    if exponent < -14 {
        return sign | (rounded * f32::from_bits((24 + 127) << 23)) as u16;
    }
    sign | (((exponent + 15) as u16) << 10) | (rounded.to_bits() >> 13 & 0x3ff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values and their encodings as IEEE 754-2019 section 3.4 defines binary16.
    #[test]
    fn halves_are_rounded_to_even() {
        for (value, bits) in [
            (0.0f32, 0x0000),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (0.1, 0x2e66),
            (1.0 + 1.0 / 2048.0, 0x3c00),
            (1.0 + 3.0 / 2048.0, 0x3c02),
            (2.0f32.powi(-14), 0x0400),
            (2.0f32.powi(-24), 0x0001),
            (2.0f32.powi(-25), 0x0000),
            (1023.0 * 2.0f32.powi(-24), 0x03ff),
        ] {
            assert_eq!(half_bits(value), bits, "{value}");
        }
    }

    #[test]
    fn narrow_weights_fill_bytes_from_the_low_end() {
        let mut values = [1, -1, 0, 1, -2].into_iter();
        assert_eq!(packed(2, 5, || values.next().unwrap_or(0)), [0b01_00_11_01, 0b10]);
        let mut values = [7, -8, -1].into_iter();
        assert_eq!(packed(4, 3, || values.next().unwrap_or(0)), [0x87, 0x0f]);
    }

    #[test]
    fn a_seed_names_the_same_bytes_and_another_seed_others() {
        let draw = |seed, ordinal| {
            weights(ElementType::Int8, 64, 9, SplitMix64::for_constant(seed, ordinal))
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
    }

    #[test]
    fn integers_stay_in_their_symmetric_range() {
        for element in [ElementType::Int2, ElementType::Int4, ElementType::Int8, ElementType::Int16]
        {
            let mut stream = SplitMix64::new(5);
            let reach = weight_reach(element);
            assert!(
                (0..10_000).all(|_| integer(weight_reach(element), &mut stream).abs() <= reach)
            );
        }
    }
}
