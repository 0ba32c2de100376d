//! Layers of float activations and integer weights: the range of every image or row is measured when it
//! arrives.
//!
//! LiteRT quantises each of them to eight bits, multiplies integers, and scales the sums back. Weights
//! with a scale by channel go with a zero point (`AsymmetricQuantizeFloats` in
//! `portable_tensor_utils.cc`), those with a single scale without (`SymmetricQuantizeFloats`). TFLM
//! refuses such layers.

use cofit_vocab::ElementType;

use super::weights::IntegerWeights;
use crate::call::{Call, Fault};
use crate::site::{Refusal, Site};

/// Constant int8 weights for float activations.
pub(crate) struct DynamicRange {
    /// The integers.
    weights: IntegerWeights,
    /// Real size of one step of the weights, for all or by output channel.
    scales: Vec<f32>,
}

/// A measured image or row.
pub(crate) struct Measured {
    /// Its elements less their zero point.
    pub codes: Vec<i16>,
    /// Real size of one step of them.
    step: f32,
}

impl DynamicRange {
    /// The weights that are operand 1, where they are int8 with one scale or with one for every output
    /// channel; `None` for all others.
    pub fn new(site: &Site<'_>, channels: usize) -> Result<Option<Self>, Refusal> {
        let tensor = site.input(1)?;
        let found = tensor.quantisation.as_ref().map_or(&[][..], |found| &found.scales);
        let is_scaled = found.len() == 1 || found.len() == channels;
        if !tensor.is_constant() || tensor.element != ElementType::Int8 || !is_scaled {
            return Ok(None);
        }
        let scales = found.to_vec();
        Ok(Some(Self { weights: IntegerWeights::new(site, 1)?, scales }))
    }

    /// Measures every image or row of operand 0 by itself and has `run` compute its part of the result
    /// from it and the weights. One has as many elements as `lengths` say, of the operand and of the
    /// result, neither of them zero.
    pub fn for_each(
        &self,
        call: &mut Call<'_>,
        lengths: [usize; 2],
        run: impl Fn(&Measured, &[i16], &mut [f32]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let weights = self.weights.get(&call.inputs)?;
        let inputs = call.inputs.get::<f32>(0)?.chunks_exact(lengths[0]);
        let outputs = call.outputs.get::<f32>(0)?.chunks_exact_mut(lengths[1]);
        for (input, output) in inputs.zip(outputs) {
            run(&self.measure(input), &weights, output)?;
        }
        Ok(())
    }

    /// Measures an image or a row.
    fn measure(&self, values: &[f32]) -> Measured {
        match self.scales.len() {
            1 => symmetric(values),
            _ => asymmetric(values),
        }
    }

    /// The real value of a sum of products.
    #[inline]
    pub fn real(&self, channel: usize, sum: i32, measured: &Measured) -> f32 {
        match self.scales.as_slice() {
            [scale] => sum as f32 * (measured.step * scale),
            scales => sum as f32 * scales[channel] * measured.step,
        }
    }
}

/// Eight bits without a zero point, -127 to 127.
fn symmetric(values: &[f32]) -> Measured {
    let magnitude = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    if magnitude == 0.0 {
        return Measured { codes: vec![0; values.len()], step: 1.0 };
    }
    let inverse = 127.0 / magnitude;
    let code = |&value: &f32| (value * inverse).round().clamp(-127.0, 127.0) as i16;
    Measured { codes: values.iter().map(code).collect(), step: magnitude / 127.0 }
}

/// Eight bits with a zero point.
fn asymmetric(values: &[f32]) -> Measured {
    let least = f64::from(values.iter().copied().fold(0.0_f32, f32::min));
    let greatest = f64::from(values.iter().copied().fold(0.0_f32, f32::max));
    if least == greatest {
        return Measured { codes: vec![0; values.len()], step: 1.0 };
    }
    let scale = (greatest - least) / 255.0;
    let of_least = -128.0 - least / scale;
    let of_greatest = 127.0 - greatest / scale;
    // The end whose zero point is the smaller sum of magnitudes is the more precise one.
    let least_error = 128.0 + (least / scale).abs();
    let greatest_error = 127.0 + (greatest / scale).abs();
    let zero_point = if least_error < greatest_error { of_least } else { of_greatest };
    let zero_point = zero_point.round().clamp(-128.0, 127.0) as f32;
    let scale = scale as f32;
    let inverse = 1.0 / scale;
    let stored = |&value: &f32| {
        let code = (zero_point + value * inverse).round().clamp(-128.0, 127.0);
        code as i16 - zero_point as i16
    };
    Measured { codes: values.iter().map(stored).collect(), step: scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_becomes_eight_bits() {
        let image = asymmetric(&[-1.0, 0.0, 1.55]);
        assert_eq!((image.codes, image.step), (vec![-100, 0, 155], 0.01));
        let row = symmetric(&[-1.27, 0.5, 0.004]);
        assert_eq!((row.codes, row.step), (vec![-127, 50, 0], 0.01));
        assert_eq!(symmetric(&[0.0]).codes, [0]);
        assert_eq!(asymmetric(&[0.0]).codes, [0]);
    }
}
