//! Constants of the file: initialisers and what import computes from them.

use bytes::Bytes as SharedBytes;
use cofit_ir::{Quantisation, Shape};
use cofit_vocab::ElementType;
use cofit_vocab::diagnostic::onnx as code;

use super::External;
use super::proto::{TensorProto, data_type};
use super::refusal::Refusal;

/// A constant whose elements may be absent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Constant {
    /// Tells constants apart, so that one that is used twice becomes one tensor.
    pub id: u32,
    /// The file's name.
    pub name: String,
    /// Element type.
    pub element: ElementType,
    /// Axis lengths in the file's order.
    pub shape: Shape,
    /// Elements, little-endian and densely packed, as many as the shape has.
    pub data: Option<SharedBytes>,
    /// Where `DequantizeLinear` read it: the elements then stand for these reals.
    pub quantisation: Option<Quantisation>,
}

/// The most elements of a constant that import computes with.
pub(crate) const MOST_FOLDED: u64 = 4096;

impl Constant {
    /// The elements as integers, where it is an integer constant of at most [`MOST_FOLDED`].
    pub fn integers(&self) -> Option<Vec<i64>> {
        if self.shape.elements() > MOST_FOLDED || self.quantisation.is_some() {
            return None;
        }
        let data = self.data.clone()?;
        let values = integers(self.element, &data)?;
        Some(values.collect())
    }

    /// The reals that the elements stand for, of at most `most` elements.
    pub fn reals(&self, most: u64) -> Option<Vec<f64>> {
        if self.shape.elements() > most {
            return None;
        }
        let data = self.data.clone()?;
        if self.element == ElementType::Float32 {
            let read = |chunk: &[u8]| {
                f64::from(f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))
            };
            return Some(data.chunks_exact(4).map(read).collect());
        }
        let values = integers(self.element, &data)?;
        let Some(quantisation) = &self.quantisation else {
            return Some(values.map(|value| value as f64).collect());
        };
        // Elements from one slice of the quantised axis to the next, and slices.
        let axis = usize::try_from(quantisation.axis).ok()?;
        let inner = self.shape.dimensions().iter().skip(axis + 1);
        let inner: usize = inner.map(|&length| length as usize).product();
        let length = self.shape.get(axis).map_or(1, |length| length as usize).max(1);
        values
            .enumerate()
            .map(|(index, value)| {
                let slice = (index / inner.max(1)) % length;
                let (scale, zero_point) = quantisation.at(slice)?;
                Some((value - zero_point) as f64 * f64::from(scale))
            })
            .collect()
    }

    /// The only element as a real.
    pub fn scalar(&self) -> Option<f64> {
        match self.reals(1)?.as_slice() {
            &[value] => Some(value),
            _ => None,
        }
    }

    /// Bytes of an element.
    pub fn width(&self) -> usize {
        (self.element.bits() / 8) as usize
    }

    /// A run of elements as a constant of its own, from element `first` on. A scale for each slice
    /// of an axis stays only where the run has that axis whole.
    pub fn part(&self, first: u64, shape: Shape, name: &str) -> Self {
        let width = self.width() as u64;
        let data = self.data.as_ref().and_then(|data| {
            let begin = usize::try_from(first.saturating_mul(width)).ok()?;
            let length = usize::try_from(shape.elements().saturating_mul(width)).ok()?;
            let end = begin.checked_add(length)?;
            (end <= data.len()).then(|| data.slice(begin..end))
        });
        let quantisation = self.quantisation.clone();
        Self { id: 0, name: name.to_owned(), element: self.element, shape, data, quantisation }
    }

    /// A constant of integers.
    pub fn of_integers(values: &[i64], shape: Shape) -> Self {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        Self::anonymous(ElementType::Int64, shape, Some(data.into()))
    }

    /// A constant of floats.
    pub fn of_floats(values: &[f32], shape: Shape) -> Self {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        Self::anonymous(ElementType::Float32, shape, Some(data.into()))
    }

    /// A constant without a name yet.
    pub fn anonymous(element: ElementType, shape: Shape, data: Option<SharedBytes>) -> Self {
        Self { id: 0, name: String::new(), element, shape, data, quantisation: None }
    }
}

/// Little-endian integers of an element type.
pub(crate) fn integers(
    element: ElementType,
    data: &SharedBytes,
) -> Option<impl Iterator<Item = i64> + use<>> {
    let (width, is_signed) = match element {
        ElementType::Bool | ElementType::UInt8 => (1, false),
        ElementType::Int8 => (1, true),
        ElementType::UInt16 => (2, false),
        ElementType::Int16 => (2, true),
        ElementType::UInt32 => (4, false),
        ElementType::Int32 => (4, true),
        ElementType::Int64 => (8, true),
        ElementType::Int1
        | ElementType::Int2
        | ElementType::Int4
        | ElementType::Float16
        | ElementType::Float32
        | ElementType::Float64 => return None,
    };
    let data = data.clone();
    let count = data.len() / width;
    Some((0..count).map(move |index| {
        let chunk = &data[index * width..(index + 1) * width];
        let fill = if is_signed && chunk[width - 1] >= 0x80 { 0xff } else { 0 };
        let mut wide = [fill; 8];
        wide[..width].copy_from_slice(chunk);
        i64::from_le_bytes(wide)
    }))
}

/// A constant read from the file, and whether its floats were converted to single precision.
pub(crate) struct Decoded {
    /// The constant.
    pub constant: Constant,
    /// The type that the file has them in, where it is another.
    pub converted_from: Option<&'static str>,
}

/// Reads a constant. `external` finds the bytes of one that is kept in another file.
///
/// # Errors
/// An element type that cofit does not know, or data that do not fit the shape.
pub(crate) fn decode(tensor: &TensorProto, external: &External<'_>) -> Result<Decoded, Refusal> {
    let shape = shape(&tensor.dims)?;
    let count = shape.elements();
    let (element, width, converted_from) = match tensor.data_type {
        data_type::FLOAT => (ElementType::Float32, 4, None),
        data_type::UINT8 => (ElementType::UInt8, 1, None),
        data_type::INT8 => (ElementType::Int8, 1, None),
        data_type::UINT16 => (ElementType::UInt16, 2, None),
        data_type::INT16 => (ElementType::Int16, 2, None),
        data_type::INT32 => (ElementType::Int32, 4, None),
        data_type::INT64 => (ElementType::Int64, 8, None),
        data_type::BOOL => (ElementType::Bool, 1, None),
        data_type::FLOAT16 => (ElementType::Float32, 2, Some("float16")),
        data_type::DOUBLE => (ElementType::Float32, 8, Some("float64")),
        data_type::UINT32 => (ElementType::UInt32, 4, None),
        data_type::BFLOAT16 => (ElementType::Float32, 2, Some("bfloat16")),
        data_type::INT4 => (ElementType::Int4, 0, None),
        other => return Err(unsupported_element(other)),
    };
    let constant = |data| Constant {
        id: 0,
        name: tensor.name.clone(),
        element,
        shape: shape.clone(),
        data,
        quantisation: None,
    };
    let is_elsewhere = tensor.data_location == 1;
    if element == ElementType::Int4 {
        return Err(unsupported_element(tensor.data_type));
    }
    let needed = count.saturating_mul(width);
    let raw = if is_elsewhere {
        match located(tensor, needed, external)? {
            Some(bytes) => bytes,
            None => return Ok(Decoded { constant: constant(None), converted_from }),
        }
    } else if tensor.raw_data.is_empty() {
        typed(tensor)
    } else {
        tensor.raw_data.clone()
    };
    if raw.len() as u64 != needed {
        return Err(Refusal::new(
            &code::BAD_TENSOR,
            format!("the constant has {} bytes where {shape} needs {needed}", raw.len()),
        ));
    }
    let data = match converted_from {
        None => raw,
        Some(_) => singles(tensor.data_type, &raw),
    };
    Ok(Decoded { constant: constant(Some(data)), converted_from })
}

/// The refusal of an element type.
pub(crate) fn unsupported_element(number: i32) -> Refusal {
    let message = match data_type::name(number) {
        Some(name) => format!("elements of type {name}"),
        None if number == data_type::INT4 => "elements of type int4".to_owned(),
        None => format!("elements of the unknown type {number}"),
    };
    Refusal::new(&code::UNSUPPORTED_ELEMENT_TYPE, message)
}

/// The axis lengths of a constant.
fn shape(dims: &[i64]) -> Result<Shape, Refusal> {
    let refuse = || Refusal::new(&code::BAD_TENSOR, "a constant with impossible axis lengths");
    if dims.len() > Shape::MAX_RANK {
        return Err(refuse());
    }
    let shape: Option<Shape> = dims.iter().map(|&length| u32::try_from(length).ok()).collect();
    shape.filter(|shape| shape.elements() <= i64::MAX as u64).ok_or_else(refuse)
}

/// The bytes of a constant in another file, which may not be at hand.
fn located(
    tensor: &TensorProto,
    needed: u64,
    external: &External<'_>,
) -> Result<Option<SharedBytes>, Refusal> {
    let entry = |key: &str| {
        let entry = tensor.external_data.iter().find(|entry| entry.key == key);
        entry.map(|entry| entry.value.as_str())
    };
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| {
            Refusal::new(&code::BAD_TENSOR, format!("external data with `{key}` of no number"))
        }),
    };
    let Some(location) = entry("location") else {
        return Err(Refusal::new(&code::BAD_TENSOR, "external data without a location"));
    };
    let length = number("length")?.unwrap_or(needed);
    let offset = number("offset")?.unwrap_or(0);
    Ok(external(location, offset, length))
}

/// The bytes of elements that are kept in a list of their own type.
fn typed(tensor: &TensorProto) -> SharedBytes {
    let narrow = |width: usize| -> Vec<u8> {
        tensor
            .int32_data
            .iter()
            .flat_map(|value| value.to_le_bytes().into_iter().take(width))
            .collect()
    };
    let bytes: Vec<u8> = match tensor.data_type {
        data_type::FLOAT => tensor.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        data_type::UINT8 | data_type::INT8 | data_type::BOOL => narrow(1),
        data_type::UINT16 | data_type::INT16 | data_type::FLOAT16 | data_type::BFLOAT16 => {
            narrow(2)
        }
        data_type::INT32 => narrow(4),
        data_type::INT64 => tensor.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        data_type::DOUBLE => tensor.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        data_type::UINT32 => {
            let words = tensor.uint64_data.iter();
            words.flat_map(|value| value.to_le_bytes().into_iter().take(4)).collect()
        }
        _ => Vec::new(),
    };
    bytes.into()
}

/// Floats of another width in single precision.
fn singles(from: i32, raw: &[u8]) -> SharedBytes {
    let mut bytes = Vec::new();
    let mut push = |value: f32| bytes.extend_from_slice(&value.to_le_bytes());
    match from {
        data_type::DOUBLE => {
            for chunk in raw.chunks_exact(8) {
                let mut wide = [0; 8];
                wide.copy_from_slice(chunk);
                push(f64::from_le_bytes(wide) as f32);
            }
        }
        data_type::BFLOAT16 => {
            for chunk in raw.chunks_exact(2) {
                push(f32::from_le_bytes([0, 0, chunk[0], chunk[1]]));
            }
        }
        _ => {
            for chunk in raw.chunks_exact(2) {
                push(half(u16::from_le_bytes([chunk[0], chunk[1]])));
            }
        }
    }
    bytes.into()
}

/// The value of a half-precision float (IEEE 754-2019, 3.4: 5 bits of exponent, 10 of fraction).
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_exact() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn every_list_of_elements_is_read() {
        let nothing = |_: &str, _: u64, _: u64| None;
        let base = TensorProto { dims: vec![2], ..TensorProto::default() };
        let read = |tensor: TensorProto| {
            decode(&tensor, &nothing).ok().and_then(|read| read.constant.reals(16))
        };
        let with = |data_type| TensorProto { data_type, ..base.clone() };
        let int32_data = vec![-1, 3];
        assert_eq!(
            read(TensorProto { int32_data, ..with(data_type::INT8) }),
            Some(vec![-1.0, 3.0])
        );
        let double_data = vec![0.5, 2.0];
        assert_eq!(
            read(TensorProto { double_data, ..with(data_type::DOUBLE) }),
            Some(vec![0.5, 2.0])
        );
        let raw_data = SharedBytes::from_static(&[0x80, 0x3f, 0, 0x40]);
        assert_eq!(
            read(TensorProto { raw_data, ..with(data_type::BFLOAT16) }),
            Some(vec![1.0, 2.0])
        );
        let raw_data = SharedBytes::from_static(&[0x80]);
        assert_eq!(read(TensorProto { raw_data, ..with(data_type::FLOAT) }), None, "too short");
    }
}
