//! Plausible quantisation: what a calibrated network of the same layers might have.
//!
//! A sketch has no data to calibrate with, so every activation is given the range that its
//! producer's definition bounds it to, or one of a few units about zero, which is what batch
//! normalisation leaves. Scales matter to results only where a chip treats special ones apart, but
//! every quantised tensor needs them.

use cofit_ir::{Quantisation, Shape};
use cofit_vocab::ElementType;
use cofit_vocab::element::ElementClass;
use smallvec::SmallVec;

use super::random::mix;

/// What values an activation takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ValueRange {
    /// Zero to one, as an image scaled by its exporter.
    Input,
    /// Zero to six: what `relu6` leaves, and what a rectifier after normalisation rarely exceeds.
    Rectified,
    /// Minus six to six: six standard deviations of a normalised activation.
    Linear,
    /// `hard_swish` and `swish`: from just below their minimum of about -0.38 to six.
    Swish,
    /// Minus one to one.
    Unit,
    /// The scale that TFLite prescribes for `tanh`: 1/128, or 1/32768 in 16 bits.
    Tanh,
    /// The scale that TFLite prescribes for `softmax` and the logistic function: 1/256 from the
    /// least integer on, or 1/32768 in 16 bits.
    Probability,
}

impl ValueRange {
    const fn ends(self) -> (f32, f32) {
        match self {
            Self::Input | Self::Probability => (0.0, 1.0),
            Self::Rectified => (0.0, 6.0),
            Self::Linear => (-6.0, 6.0),
            Self::Swish => (-0.375, 6.0),
            Self::Unit | Self::Tanh => (-1.0, 1.0),
        }
    }

    /// The quantisation of an activation of type `element` in this range; `None` for floats.
    ///
    /// Sixteen-bit activations are symmetric, as the TFLite quantisation specification demands.
    pub(crate) fn quantisation(self, element: ElementType) -> Option<Quantisation> {
        let (least, most) = integer_ends(element)?;
        let (low, high) = self.ends();
        let (scale, zero_point) = match (self, element) {
            (Self::Tanh | Self::Probability, ElementType::Int16) => (1.0 / 32768.0, 0),
            (_, ElementType::Int16) => (high.max(-low) / 32767.0, 0),
            (Self::Tanh, _) => (2.0 / (most - least + 1) as f32, (most + least + 1) / 2),
            (Self::Probability, _) => (1.0 / (most - least + 1) as f32, least),
            (Self::Input | Self::Rectified | Self::Linear | Self::Swish | Self::Unit, _) => {
                let scale = (high - low) / (most - least) as f32;
                (scale, least - (low / scale).round() as i64)
            }
        };
        Some(Quantisation::per_tensor(scale, zero_point))
    }
}

/// The least and the largest value of an integer type that activations may have.
fn integer_ends(element: ElementType) -> Option<(i64, i64)> {
    match element.class() {
        ElementClass::Signed => {
            let half = 1i64 << (element.bits().min(32) - 1);
            Some((-half, half - 1))
        }
        ElementClass::Unsigned => Some((0, (1i64 << element.bits().min(32)) - 1)),
        ElementClass::Float | ElementClass::Boolean => None,
    }
}

/// The largest magnitude of a symmetric weight: 127 in eight bits, 1 in two bits and in one.
pub(crate) const fn weight_reach(element: ElementType) -> i64 {
    match element.bits() {
        1 | 2 => 1,
        bits => (1i64 << (bits - 1)) - 1,
    }
}

/// The real magnitude that the farthest weight of a bell of seeded ones stands for, so that their
/// standard deviation is that of K. He et al., "Delving Deep into Rectifiers" (2015): the square
/// root of 2 over the number of inputs to a sum. The bell's reach is the square root of 12
/// standard deviations.
pub(crate) fn weight_extent(fan_in: u64) -> f32 {
    (24.0 / fan_in.max(1) as f32).sqrt()
}

/// Scales of symmetric weights: one for each length of `axis`, or one for all.
///
/// Scales along an axis lie within a quarter of their middle, spread by the channel's number:
/// those of a trained network differ, and equal ones would hide a mistake that mixes channels.
pub(crate) fn weight_quantisation(
    element: ElementType,
    shape: &Shape,
    axis: Option<usize>,
    fan_in: u64,
) -> Option<Quantisation> {
    if element.is_float() {
        return None;
    }
    let middle = weight_extent(fan_in) / weight_reach(element) as f32;
    if element.class() == ElementClass::Unsigned {
        return Some(Quantisation::per_tensor(middle, weight_zero_point(element)));
    }
    let Some(axis) = axis else { return Some(Quantisation::per_tensor(middle, 0)) };
    let scales: SmallVec<[f32; 1]> = (0..u64::from(shape.get(axis).unwrap_or(1)))
        .map(|channel| {
            let eighth = (mix(channel + 1) >> 61) as f32;
            middle * (0.75 + eighth / 16.0)
        })
        .collect();
    Some(Quantisation::per_axis(u32::try_from(axis).unwrap_or(0), &scales))
}

/// The stored value of a weight of zero: 128 for unsigned bytes, the middle of their range.
pub(crate) const fn weight_zero_point(element: ElementType) -> i64 {
    match element.class() {
        ElementClass::Unsigned => 1i64 << (element.bits() - 1),
        ElementClass::Signed | ElementClass::Float | ElementClass::Boolean => 0,
    }
}

/// The type of a bias: what the TFLite quantisation specification adds to products of these
/// activations.
pub(crate) const fn bias_element(activations: ElementType) -> ElementType {
    match activations {
        ElementType::Int16 | ElementType::UInt16 => ElementType::Int64,
        ElementType::Float16 | ElementType::Float32 | ElementType::Float64 => activations,
        ElementType::Bool
        | ElementType::Int1
        | ElementType::Int2
        | ElementType::Int4
        | ElementType::Int8
        | ElementType::UInt8
        | ElementType::Int32
        | ElementType::UInt32
        | ElementType::Int64 => ElementType::Int32,
    }
}

/// The scales of a bias: the input's times the weights', so that it adds to their products.
pub(crate) fn bias_quantisation(input: &Quantisation, weights: &Quantisation) -> Quantisation {
    let input_scale = input.scales.first().copied().unwrap_or(1.0);
    let scales: SmallVec<[f32; 1]> =
        weights.scales.iter().map(|scale| scale * input_scale).collect();
    Quantisation::per_axis(0, &scales)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: ValueRange, element: ElementType, scale: f32, zero_point: i64) {
        assert_eq!(
            range.quantisation(element),
            Some(Quantisation::per_tensor(scale, zero_point)),
            "{range:?} {element}"
        );
    }

    /// The prescribed scales are those of "TensorFlow Lite 8-bit quantization specification".
    #[test]
    fn ranges_become_scales() {
        check(ValueRange::Input, ElementType::Int8, 1.0 / 255.0, -128);
        check(ValueRange::Input, ElementType::UInt8, 1.0 / 255.0, 0);
        check(ValueRange::Rectified, ElementType::Int8, 6.0 / 255.0, -128);
        check(ValueRange::Rectified, ElementType::Int16, 6.0 / 32767.0, 0);
        check(ValueRange::Probability, ElementType::Int8, 1.0 / 256.0, -128);
        check(ValueRange::Probability, ElementType::Int16, 1.0 / 32768.0, 0);
        check(ValueRange::Tanh, ElementType::Int8, 1.0 / 128.0, 0);
        check(ValueRange::Tanh, ElementType::UInt8, 1.0 / 128.0, 128);
        assert_eq!(ValueRange::Linear.quantisation(ElementType::Float32), None);
    }

    #[test]
    fn weights_have_a_scale_for_each_channel_and_biases_the_product() {
        let shape = Shape::new(&[8, 3, 3, 3]);
        let weights =
            weight_quantisation(ElementType::Int8, &shape, Some(0), 27).expect("integers");
        assert_eq!((weights.scales.len(), weights.axis), (8, 0));
        let bias = bias_quantisation(&Quantisation::per_tensor(0.5, -128), &weights);
        assert_eq!(bias.scales[3], weights.scales[3] * 0.5);
        assert!(weights.scales.iter().any(|scale| *scale != weights.scales[0]));
    }
}
