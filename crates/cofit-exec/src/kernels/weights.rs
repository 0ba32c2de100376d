//! Weights in the form in which inner products take them.

use std::borrow::Cow;

use cofit_vocab::ElementType;

use crate::buffer::{Buffer, Slice};
use crate::call::{Fault, Inputs};
use crate::site::{Refusal, Site};

/// Integer weights of at most eight bits, or int16 ones, less their zero point and widened to 16.
pub(crate) enum IntegerWeights {
    /// Constant ones, prepared once.
    Kept(Vec<i16>),
    /// Computed ones at an operand's position, prepared at every call.
    Read {
        /// The operand.
        index: usize,
        /// What the stored value of zero is.
        zero_point: i16,
    },
}

impl IntegerWeights {
    /// Operand `index`.
    pub fn new(site: &Site<'_>, index: usize) -> Result<Self, Refusal> {
        let tensor = site.input(index)?;
        let zero_point =
            tensor.quantisation.as_ref().and_then(|found| found.at(0)).map_or(0, |(_, zero)| zero);
        let zero_point = i16::try_from(zero_point).map_err(|_| site.unsupported())?;
        match tensor.element {
            ElementType::Int1 | ElementType::Int2 | ElementType::Int4 | ElementType::Int8 => {
                Ok(match site.take::<i8>(index)? {
                    Some(values) => Self::Kept(widened(Slice::I8(&values), zero_point)),
                    None => Self::Read { index, zero_point },
                })
            }
            ElementType::UInt8 => Ok(match site.take::<u8>(index)? {
                Some(values) => Self::Kept(widened(Slice::U8(&values), zero_point)),
                None => Self::Read { index, zero_point },
            }),
            _ => Err(site.unsupported()),
        }
    }

    /// The weights of this call.
    pub fn get(&self, inputs: &Inputs<'_>) -> Result<Cow<'_, [i16]>, Fault> {
        match self {
            Self::Kept(values) => Ok(Cow::Borrowed(values)),
            Self::Read { index, zero_point } => {
                Ok(Cow::Owned(widened(inputs.any(*index)?, *zero_point)))
            }
        }
    }
}

/// Integers of at most 16 bits less their zero point, in 16 bits.
pub(crate) fn widened(values: Slice<'_>, zero_point: i16) -> Vec<i16> {
    let less = |value: i16| value.wrapping_sub(zero_point);
    match values {
        Slice::I8(values) => values.iter().map(|&value| less(i16::from(value))).collect(),
        Slice::U8(values) => values.iter().map(|&value| less(i16::from(value))).collect(),
        Slice::I16(values) => values.iter().map(|&value| less(value)).collect(),
        Slice::I32(_) | Slice::I64(_) | Slice::F32(_) => Vec::new(),
    }
}

/// Float weights; integer ones of a model whose activations are float are scaled back to reals.
pub(crate) enum FloatWeights {
    /// Constant ones.
    Kept(Vec<f32>),
    /// Computed ones at an operand's position.
    Read(usize),
}

impl FloatWeights {
    /// Operand `index`, whose slices along `axis` may have scales of their own.
    pub fn new(site: &Site<'_>, index: usize) -> Result<Self, Refusal> {
        let tensor = site.input(index)?;
        if matches!(tensor.element, ElementType::Float32 | ElementType::Float16) {
            return Ok(site.take(index)?.map_or(Self::Read(index), Self::Kept));
        }
        if !tensor.is_constant() {
            return Err(site.unsupported());
        }
        let quantisation = tensor.quantisation.as_ref().filter(|found| found.is_quantised());
        let quantisation = quantisation.ok_or_else(|| site.unsupported())?;
        let Buffer::I8(values) = site.constant(tensor)? else { return Err(site.unsupported()) };
        site.take::<i8>(index)?;
        let axis = quantisation.axis as usize;
        let inner = tensor.shape.dimensions().get(axis + 1..).unwrap_or_default();
        let inner: usize = inner.iter().map(|&length| length as usize).product();
        let slices = tensor.shape.get(axis).unwrap_or(1).max(1) as usize;
        let real = |(at, &value): (usize, &i8)| {
            let (scale, zero_point) =
                quantisation.at(at / inner.max(1) % slices).unwrap_or((0.0, 0));
            (f32::from(value) - zero_point as f32) * scale
        };
        Ok(Self::Kept(values.iter().enumerate().map(real).collect()))
    }

    /// The weights of this call.
    pub fn get<'a>(&'a self, inputs: &'a Inputs<'_>) -> Result<&'a [f32], Fault> {
        match self {
            Self::Kept(values) => Ok(values),
            Self::Read(index) => inputs.get(*index),
        }
    }
}

/// Float bias at operand `index`, or zeros.
pub(crate) fn float_bias(
    site: &Site<'_>,
    index: usize,
    channels: usize,
) -> Result<Vec<f32>, Refusal> {
    match site.optional(index) {
        None => Ok(vec![0.0; channels]),
        Some(bias) if bias.is_constant() => site.take(index)?.ok_or_else(|| site.unsupported()),
        Some(bias) => Err(site.refuse(
            format!("the bias `{}` is computed", bias.name),
            "export the model with a constant bias",
        )),
    }
}
