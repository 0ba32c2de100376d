//! From the accumulators of an operator with weights to its result.

use cofit_ir::{Activation, Tensor};
use cofit_vocab::ElementType;

use crate::arithmetic::activation::range_of;
use crate::arithmetic::{Multiplier, Rounding};
use crate::site::{Refusal, Site};

/// Scales accumulators by output channel, adds the result's zero point and applies the fused
/// activation.
pub(crate) struct Requantiser {
    /// One for all channels, or one each.
    multipliers: Vec<Multiplier>,
    zero_point: i32,
    least: i32,
    greatest: i32,
    rounding: Rounding,
}

impl Requantiser {
    /// For accumulators in steps of the input's scale times the scale of each of `channels` slices
    /// of the weights.
    ///
    /// The factor is computed as the reference does: in double precision where every channel may
    /// have a scale of its own, and with a product in single precision (`single_product`) where the
    /// whole tensor has one.
    pub fn new(
        site: &Site<'_>,
        input: &Tensor,
        weights: &Tensor,
        channels: usize,
        single_product: bool,
        activation: Activation,
    ) -> Result<Self, Refusal> {
        let output = site.output(0)?;
        let affine = site.affine(output)?;
        let input_scale = site.affine(input)?.scale;
        let is_per_axis =
            weights.quantisation.as_ref().is_some_and(cofit_ir::Quantisation::is_per_axis);
        let count = if is_per_axis { channels } else { 1 };
        let multipliers = (0..count)
            .map(|channel| {
                let weight_scale = site.scale_at(weights, channel)?;
                let product = if single_product && !is_per_axis {
                    f64::from(input_scale * weight_scale)
                } else {
                    f64::from(input_scale) * f64::from(weight_scale)
                };
                Ok(Multiplier::new(product / f64::from(affine.scale)))
            })
            .collect::<Result<_, Refusal>>()?;
        let (least, greatest) = range_of(site, activation, output.element, affine)?.into_inner();
        let zero_point = affine.zero_point;
        Ok(Self { multipliers, zero_point, least, greatest, rounding: site.rounding })
    }

    fn multiplier(&self, channel: usize) -> Multiplier {
        self.multipliers[if self.multipliers.len() == 1 { 0 } else { channel }]
    }

    fn bounded(&self, scaled: i32) -> i32 {
        scaled.wrapping_add(self.zero_point).max(self.least).min(self.greatest)
    }

    /// The result of an accumulator of 32 bits.
    #[inline]
    pub fn finish(&self, channel: usize, accumulator: i32) -> i32 {
        self.bounded(self.multiplier(channel).apply(accumulator, self.rounding))
    }

    /// The result of an accumulator of 48 bits.
    #[inline]
    pub fn finish_wide(&self, channel: usize, accumulator: i64) -> i32 {
        self.bounded(self.multiplier(channel).apply_wide(accumulator))
    }
}

/// A bias in accumulator steps.
pub(crate) enum Bias {
    /// Sums are kept in 32 bits.
    Narrow(Vec<i32>),
    /// Sums are kept in 64 bits.
    Wide(Vec<i64>),
}

impl Bias {
    /// Operand `index` of an operator with `channels` output channels, or zeros.
    ///
    /// The bias's type decides the width of the accumulators, as in TFLM; without a bias those of
    /// int16 activations are wide.
    pub fn new(site: &Site<'_>, index: usize, channels: usize) -> Result<Self, Refusal> {
        match site.optional(index) {
            None if site.output(0)?.element == ElementType::Int16 => {
                Ok(Self::Wide(vec![0; channels]))
            }
            None => Ok(Self::Narrow(vec![0; channels])),
            Some(bias) if !bias.is_constant() => Err(site.refuse(
                format!("the bias `{}` is computed", bias.name),
                "export the model with a constant bias",
            )),
            Some(bias) => match bias.element {
                ElementType::Int32 => {
                    site.take(index)?.map(Self::Narrow).ok_or_else(|| site.unsupported())
                }
                ElementType::Int64 => {
                    site.take(index)?.map(Self::Wide).ok_or_else(|| site.unsupported())
                }
                _ => Err(site.unsupported()),
            },
        }
    }

    /// The same in 64 bits, whatever the type.
    pub fn wide(site: &Site<'_>, index: usize, channels: usize) -> Result<Vec<i64>, Refusal> {
        if site.optional(index).is_some_and(|bias| bias.element == ElementType::Int16) {
            let values = site.take::<i16>(index)?.ok_or_else(|| site.unsupported())?;
            return Ok(values.into_iter().map(i64::from).collect());
        }
        Ok(match Self::new(site, index, channels)? {
            Self::Narrow(values) => values.into_iter().map(i64::from).collect(),
            Self::Wide(values) => values,
        })
    }
}
