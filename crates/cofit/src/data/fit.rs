//! Numbers of the user's, as the reals or indices that an input of the model takes.

use cofit_exec::{Buffer, Slice, file_order};
use cofit_ir::Tensor;
use cofit_vocab::{Code, Diagnostic, ElementType, Place};

use crate::failure::Failure;

/// What one input of the model takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The input's name.
    pub name: String,
    element: ElementType,
    /// Lengths of all axes, the batch included.
    dimensions: Vec<u64>,
    /// Scale and zero point.
    affine: Option<(f32, i64)>,
    /// The input without its values, which knows the file's order of axes.
    tensor: Tensor,
}

/// Why something does not suit an input, and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// What is wrong.
    pub message: String,
    /// The cure, where it can be told better than in general.
    help: Option<String>,
}

impl Mistake {
    fn new(message: String) -> Self {
        Self { message, help: None }
    }

    /// The mistake as a message about a file.
    pub fn in_file(self, code: &'static Code, file: &str) -> Failure {
        let place = Place::default().with_file(file);
        let diagnostic = Diagnostic::error(code, self.message, place);
        match self.help {
            Some(help) => diagnostic.with_help(help).into(),
            None => diagnostic.into(),
        }
    }
}

/// An axis that is not of length 1.
fn is_long(length: &&u64) -> bool {
    **length != 1
}

impl Need {
    /// What the input `tensor` takes.
    pub fn of(tensor: &Tensor) -> Self {
        let dimensions = tensor.shape.dimensions().iter().map(|&length| length.into()).collect();
        let found = tensor.quantisation.as_ref().filter(|found| !found.is_per_axis());
        let affine = found.and_then(|found| found.at(0));
        Self {
            name: tensor.name.clone(),
            element: tensor.element,
            dimensions,
            affine: affine.filter(|(scale, _)| scale.is_normal() && *scale > 0.0),
            tensor: tensor.clone(),
        }
    }

    /// The lengths of all axes but the batch.
    pub fn sample_shape(&self) -> &[u64] {
        match self.dimensions.split_first() {
            Some((1, sample)) => sample,
            Some(_) | None => &self.dimensions,
        }
    }

    /// Number of elements of one sample.
    pub fn elements(&self) -> usize {
        let count = self.dimensions.iter().fold(1_u64, |count, &n| count.saturating_mul(n));
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Bytes of one sample as [`Need::fit`] gives it.
    pub fn bytes(&self) -> u64 {
        let each = if self.affine.is_some() { 32 } else { self.element.bits().max(8) };
        (self.elements() as u64).saturating_mul(u64::from(each / 8))
    }

    /// Whether samples of this shape have the axes in the order of the model's file, where that is
    /// not the order in which the input is stored. A shape that could be either is the file's.
    fn is_in_file_order(&self, sample: &[u64]) -> bool {
        let file = file_order::shape(&self.tensor);
        self.tensor.origin.axes.is_some()
            && sample.iter().filter(is_long).eq(file.iter().filter(is_long))
    }

    /// The elements of a sample of this shape in the order in which the input is stored.
    pub fn stored(&self, sample: &[u64], fitted: Buffer) -> Buffer {
        match self.is_in_file_order(sample) {
            true => file_order::from_file(&self.tensor, fitted),
            false => fitted,
        }
    }

    /// Whether `count` samples of shape `sample` suit the input.
    ///
    /// # Errors
    /// What was found and what is expected.
    pub fn check_shape(&self, sample: &[u64], count: u64) -> Result<(), Mistake> {
        let is_stored = sample.iter().filter(is_long).eq(self.dimensions.iter().filter(is_long));
        if is_stored || self.is_in_file_order(sample) {
            return Ok(());
        }
        let message = format!(
            "a sample has the shape {}, and `{}` takes {}",
            shape_text(sample),
            self.name,
            shape_text(self.sample_shape())
        );
        Err(Mistake { message, help: self.shape_help(sample, count) })
    }

    /// What to do about a shape that nearly fits.
    fn shape_help(&self, sample: &[u64], count: u64) -> Option<String> {
        let long = |shape: &[u64]| -> Vec<u64> { shape.iter().filter(is_long).copied().collect() };
        let (found, needed) = (long(sample), long(&self.dimensions));
        let sorted = |mut shape: Vec<u64>| {
            shape.sort_unstable();
            shape
        };
        if let Some((batch, rest)) = self.dimensions.split_first()
            && *batch > 1
            && long(rest) == found
        {
            return Some(format!(
                "the model takes {batch} samples at once; export it with a batch of 1"
            ));
        }
        if sorted(found.clone()) == sorted(needed.clone()) {
            return Some(
                "the axes are in another order: transpose the array, for images to height, width, \
                 channels with numpy.transpose(x, (0, 2, 3, 1))"
                    .to_owned(),
            );
        }
        let whole: Vec<u64> = std::iter::once(count).chain(sample.iter().copied()).collect();
        if long(&whole) == needed {
            return Some(
                "the array is a single sample; give it an axis of samples with x[numpy.newaxis]"
                    .to_owned(),
            );
        }
        let product = |shape: &[u64]| shape.iter().fold(1_u64, |count, &n| count.saturating_mul(n));
        (product(&found) == product(&needed)).then(|| {
            let shape: Vec<String> = self.sample_shape().iter().map(u64::to_string).collect();
            format!("reshape the array with x.reshape(-1, {})", shape.join(", "))
        })
    }

    /// The real numbers that a quantised input can tell apart.
    fn reach(&self) -> Option<(f32, f32)> {
        let (scale, zero_point) = self.affine?;
        let (low, high) = limits(self.element)?;
        let real = |stored: i64| (stored.saturating_sub(zero_point)) as f32 * scale;
        Some((real(low), real(high)))
    }

    /// The range of the real numbers that stored ones mean; `None` where they are taken as they are.
    pub fn real_range(&self, values: Slice<'_>, scale: Option<f32>) -> Option<(f32, f32)> {
        if scale.is_none() && self.is_stored_as(values) {
            return None;
        }
        let factor = scale.unwrap_or(1.0);
        floats(values).fold(None, |range: Option<(f32, f32)>, value| {
            let real = value * factor;
            let (low, high) = range.unwrap_or((real, real));
            Some((low.min(real), high.max(real)))
        })
    }

    /// Says so if `range` is no range that the input was calibrated for.
    pub fn odd_range(&self, range: (f32, f32)) -> Option<String> {
        /// How far beyond an end is odd, in extents of the whole range.
        const BEYOND: f32 = 0.9;
        /// How small a part of the whole range is odd.
        const PART: f32 = 0.04;
        let reach = self.reach()?;
        let extent = |(low, high): (f32, f32)| high - low;
        let margin = BEYOND * extent(reach);
        let is_beyond = range.0 < reach.0 - margin || range.1 > reach.1 + margin;
        let is_small = extent(range) < PART * extent(reach);
        // Half of -1 to 1 is 0 to 1: the likeliest mistake of all, and one that fits inside.
        let is_half = reach.0 < -0.9 * reach.1 && range == (0.0, 1.0);
        (is_beyond || is_small || is_half && extent(reach) < 2.5).then(|| {
            format!(
                "the data reaches from {} to {}, and `{}` was calibrated for {} to {}",
                range.0, range.1, self.name, reach.0, reach.1
            )
        })
    }

    /// Whether numbers of this type may be the input's own codes.
    fn is_stored_as(&self, values: Slice<'_>) -> bool {
        matches!(
            (self.element, values),
            (ElementType::Int8, Slice::I8(_))
                | (ElementType::UInt8 | ElementType::Bool, Slice::U8(_))
                | (ElementType::Int16, Slice::I16(_))
                | (ElementType::Int32, Slice::I32(_))
                | (ElementType::Int64, Slice::I64(_))
        )
    }

    /// The elements of one sample: reals for float and quantised inputs, integers for others.
    ///
    /// # Errors
    /// Too few elements, or a value that the input cannot hold.
    pub fn fit(&self, values: Slice<'_>, scale: Option<f32>) -> Result<Buffer, Mistake> {
        if values.len() != self.elements() {
            let message = format!(
                "{} elements are there, and `{}` takes {}",
                values.len(),
                self.name,
                self.elements()
            );
            return Err(Mistake::new(message));
        }
        let factor = scale.unwrap_or(1.0);
        let fitted = match (limits(self.element), self.affine) {
            (Some(_), Some((step, zero_point))) if scale.is_none() && self.is_stored_as(values) => {
                let real = |code: f64| ((code - zero_point as f64) * f64::from(step)) as f32;
                Buffer::F32(reals(values).map(real).collect())
            }
            (None, _) | (Some(_), Some(_)) => {
                Buffer::F32(floats(values).map(|value| value * factor).collect())
            }
            (Some(limits), None) => self.whole(values, factor, limits)?,
        };
        match fitted.get::<f32>().and_then(|reals| reals.iter().find(|real| !real.is_finite())) {
            Some(bad) => Err(Mistake::new(format!("it holds {bad}, which is no finite number"))),
            None => Ok(fitted),
        }
    }

    /// Whole numbers for an input of integers that mean themselves.
    fn whole(
        &self,
        values: Slice<'_>,
        factor: f32,
        (low, high): (i64, i64),
    ) -> Result<Buffer, Mistake> {
        let mut stored = Vec::with_capacity(values.len());
        for value in reals(values) {
            let real = value * f64::from(factor);
            let whole = real as i64;
            if real.fract() != 0.0 || whole < low || whole > high || !real.is_finite() {
                let message = format!(
                    "it holds {real}, and `{}` takes whole numbers from {low} to {high}",
                    self.name
                );
                return Err(Mistake::new(message));
            }
            stored.push(whole);
        }
        Ok(integers(self.element, stored.into_iter()))
    }
}

/// A shape as the user writes it: `32 x 32 x 1`.
pub fn shape_text(shape: &[u64]) -> String {
    if shape.is_empty() {
        return "of a single number".to_owned();
    }
    let lengths: Vec<String> = shape.iter().map(u64::to_string).collect();
    lengths.join(" x ")
}

/// The elements, as real numbers.
pub fn reals(values: Slice<'_>) -> Box<dyn Iterator<Item = f64> + '_> {
    match values {
        Slice::I8(values) => Box::new(values.iter().map(|&value| value.into())),
        Slice::U8(values) => Box::new(values.iter().map(|&value| value.into())),
        Slice::I16(values) => Box::new(values.iter().map(|&value| value.into())),
        Slice::I32(values) => Box::new(values.iter().map(|&value| value.into())),
        Slice::I64(values) => Box::new(values.iter().map(|&value| value as f64)),
        Slice::F32(values) => Box::new(values.iter().map(|&value| value.into())),
    }
}

/// The elements, as floats.
fn floats(values: Slice<'_>) -> impl Iterator<Item = f32> {
    reals(values).map(|value| value as f32)
}

/// The least and the greatest integer of a type; `None` for floats.
fn limits(element: ElementType) -> Option<(i64, i64)> {
    match element {
        ElementType::Bool => Some((0, 1)),
        ElementType::Int1 => Some((-1, 1)),
        ElementType::Int2 => Some((-2, 1)),
        ElementType::Int4 => Some((-8, 7)),
        ElementType::Int8 => Some((i8::MIN.into(), i8::MAX.into())),
        ElementType::UInt8 => Some((0, u8::MAX.into())),
        ElementType::Int16 => Some((i16::MIN.into(), i16::MAX.into())),
        ElementType::UInt16 => Some((0, u16::MAX.into())),
        ElementType::Int32 => Some((i32::MIN.into(), i32::MAX.into())),
        ElementType::UInt32 => Some((0, u32::MAX.into())),
        ElementType::Int64 => Some((i64::MIN, i64::MAX)),
        ElementType::Float16 | ElementType::Float32 | ElementType::Float64 => None,
    }
}

/// Integers within the limits of `element`, in its buffer.
fn integers(element: ElementType, values: impl Iterator<Item = i64>) -> Buffer {
    match element {
        ElementType::Int1 | ElementType::Int2 | ElementType::Int4 | ElementType::Int8 => {
            Buffer::I8(values.map(|value| value as i8).collect())
        }
        ElementType::Bool | ElementType::UInt8 => {
            Buffer::U8(values.map(|value| value as u8).collect())
        }
        ElementType::Int16 => Buffer::I16(values.map(|value| value as i16).collect()),
        ElementType::UInt16 | ElementType::Int32 => {
            Buffer::I32(values.map(|value| value as i32).collect())
        }
        ElementType::UInt32 | ElementType::Int64 => Buffer::I64(values.collect()),
        ElementType::Float16 | ElementType::Float32 | ElementType::Float64 => {
            Buffer::F32(values.map(|value| value as f32).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use cofit_ir::{AxisOrder, Quantisation, Shape};

    use super::*;

    fn need(element: ElementType, affine: Option<(f32, i64)>, shape: &[u32]) -> Need {
        let mut tensor = Tensor::activation("in", element, Shape::new(shape));
        tensor.quantisation = affine.map(|(scale, zero)| Quantisation::per_tensor(scale, zero));
        Need::of(&tensor)
    }

    #[test]
    fn arrays_may_have_the_axes_of_the_models_file() {
        let mut tensor =
            Tensor::activation("image", ElementType::Float32, Shape::new(&[1, 1, 2, 3]));
        tensor.origin.axes = AxisOrder::new(&[Some(0), Some(2), Some(3), Some(1)], 4);
        let need = Need::of(&tensor);
        let values = Buffer::F32(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(need.check_shape(&[3, 1, 2], 5), Ok(()));
        let stored = need.stored(&[3, 1, 2], values.clone());
        assert_eq!(stored, Buffer::F32(vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0]));
        assert_eq!(need.check_shape(&[1, 2, 3], 5), Ok(()));
        assert_eq!(need.stored(&[1, 2, 3], values.clone()), values);
    }

    #[test]
    fn numbers_become_the_reals_that_they_mean() {
        let int8 = need(ElementType::Int8, Some((0.5, -1)), &[1, 3]);
        let fitted = int8.fit(Slice::F32(&[0.25, -0.25, 1000.0]), None);
        assert_eq!(fitted, Ok(Buffer::F32(vec![0.25, -0.25, 1000.0])));
        let codes = int8.fit(Slice::I8(&[1, 2, 3]), None);
        assert_eq!(codes, Ok(Buffer::F32(vec![1.0, 1.5, 2.0])), "codes of the input's own");
        let scaled = int8.fit(Slice::I8(&[1, 2, 3]), Some(0.5));
        assert_eq!(scaled, Ok(Buffer::F32(vec![0.5, 1.0, 1.5])));
        let float = need(ElementType::Float32, None, &[1, 3]);
        let halves = float.fit(Slice::U8(&[1, 2, 255]), Some(0.5));
        assert_eq!(halves, Ok(Buffer::F32(vec![0.5, 1.0, 127.5])));
    }

    #[test]
    fn what_an_input_cannot_hold_is_refused() {
        let index = need(ElementType::Int32, None, &[1, 1]);
        assert_eq!(index.fit(Slice::F32(&[7.0]), None), Ok(Buffer::I32(vec![7])));
        assert!(index.fit(Slice::F32(&[7.5]), None).is_err());
        assert!(index.fit(Slice::I64(&[1 << 40]), None).is_err());
        let float = need(ElementType::Float32, None, &[1, 1]);
        assert!(float.fit(Slice::F32(&[f32::NAN]), None).is_err());
        assert!(float.fit(Slice::F32(&[]), None).is_err(), "too few elements");
    }

    #[test]
    fn shapes_may_differ_in_axes_of_length_one() {
        let image = need(ElementType::Float32, None, &[1, 4, 6, 3]);
        for good in [vec![4, 6, 3], vec![1, 4, 6, 3], vec![4, 1, 6, 3]] {
            assert_eq!(image.check_shape(&good, 5), Ok(()), "{good:?}");
        }
        let help = |need: &Need, sample: &[u64], count| {
            need.check_shape(sample, count).unwrap_err().help.unwrap_or_default()
        };
        assert!(help(&image, &[3, 4, 6], 5).contains("transpose"));
        assert!(help(&image, &[6, 3], 4).contains("newaxis"));
        assert!(help(&image, &[72], 5).contains("reshape(-1, 4, 6, 3)"));
        assert_eq!(help(&image, &[5], 5), "");
        let batch = need(ElementType::Float32, None, &[8, 10]);
        assert!(help(&batch, &[10], 5).contains("batch of 1"));
    }

    #[test]
    fn data_of_another_scale_is_noticed() {
        let unit = need(ElementType::Int8, Some((1.0 / 255.0, -128)), &[1, 4]);
        assert_eq!(unit.odd_range((0.0, 1.0)), None);
        assert_eq!(unit.odd_range((0.0, 0.3)), None);
        assert!(unit.odd_range((-1.0, 1.0)).is_some());
        assert!(unit.odd_range((0.0, 255.0)).is_some());
        assert!(unit.odd_range((0.0, 0.004)).is_some());
        let both = need(ElementType::Int8, Some((1.0 / 127.5, 0)), &[1, 4]);
        assert!(both.odd_range((0.0, 1.0)).is_some());
        assert_eq!(both.odd_range((-1.0, 1.0)), None);
        assert_eq!(both.real_range(Slice::I8(&[1]), None), None, "own codes mean what they mean");
        let float = need(ElementType::Float32, None, &[1, 4]);
        assert_eq!(float.odd_range((0.0, 255.0)), None, "a float input states no range");
    }
}
