//! Tensors.

use bytes::Bytes as SharedBytes;
use cofit_vocab::{Bytes, ElementType};

use crate::{AxisOrder, Quantisation, Shape};

/// Where something stands in the user's file. Carried for messages, never interpreted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its index in the file's own list.
    pub index: Option<u32>,
    /// Its byte offset in the file.
    pub offset: Option<u64>,
    /// How a tensor's axes relate to the file's, where they are not the same.
    pub axes: Option<AxisOrder>,
}

/// The bytes of a constant: a window into the file, bytes of our own, or not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstantData {
    /// The values are unknown: a sketch, or a file without its external data.
    Absent,
    /// The values, little-endian and densely packed. Cheap to clone.
    Present(SharedBytes),
}

/// What part a tensor plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorRole {
    /// Computed or fed at run time.
    Activation,
    /// Fixed when the model was made.
    Constant(ConstantData),
    /// State that outlives an inference, such as the cell of an LSTM.
    Variable,
}

/// A value of the graph: its type, shape, quantisation and part.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The user's own name; unique names are not required.
    pub name: String,
    /// Type of one element.
    pub element: ElementType,
    /// Axis lengths; an axis that the file leaves open is held at 1.
    pub shape: Shape,
    /// How integers map to reals.
    pub quantisation: Option<Quantisation>,
    /// Activation, constant or variable.
    pub role: TensorRole,
    /// Where the file has it.
    pub origin: Origin,
}

impl Tensor {
    /// The longest constant that [`Tensor::integers`] and [`Tensor::floats`] read. A file may hand
    /// one long constant to every operator, so that reading it takes as much time as the limit
    /// allows.
    pub const MOST_VALUES: usize = 4096;

    /// An activation without quantisation.
    pub fn activation(name: impl Into<String>, element: ElementType, shape: Shape) -> Self {
        Self {
            name: name.into(),
            element,
            shape,
            quantisation: None,
            role: TensorRole::Activation,
            origin: Origin::default(),
        }
    }

    /// A constant with its bytes.
    pub fn constant(
        name: impl Into<String>,
        element: ElementType,
        shape: Shape,
        data: impl Into<SharedBytes>,
    ) -> Self {
        Self {
            role: TensorRole::Constant(ConstantData::Present(data.into())),
            ..Self::activation(name, element, shape)
        }
    }

    /// A constant whose values are unknown.
    pub fn weightless(name: impl Into<String>, element: ElementType, shape: Shape) -> Self {
        Self {
            role: TensorRole::Constant(ConstantData::Absent),
            ..Self::activation(name, element, shape)
        }
    }

    /// The same tensor, quantised.
    #[must_use]
    pub fn quantised(mut self, quantisation: Quantisation) -> Self {
        self.quantisation = Some(quantisation);
        self
    }

    /// Size of the densely packed elements.
    pub fn bytes(&self) -> Bytes {
        self.element.bytes_for(self.shape.elements())
    }

    /// Whether it is a constant, with or without its bytes.
    pub const fn is_constant(&self) -> bool {
        matches!(self.role, TensorRole::Constant(_))
    }

    /// The bytes of a constant that are there.
    pub const fn data(&self) -> Option<&SharedBytes> {
        match &self.role {
            TensorRole::Constant(ConstantData::Present(data)) => Some(data),
            TensorRole::Constant(ConstantData::Absent)
            | TensorRole::Activation
            | TensorRole::Variable => None,
        }
    }

    /// The elements of an integer constant of 8, 16, 32 or 64 bits.
    ///
    /// `None` where the tensor is no such constant, its bytes are absent, or they are too few.
    /// Meant for shapes, axes and paddings, which are short: at most [`Tensor::MOST_VALUES`]
    /// elements are read.
    pub fn integers(&self) -> Option<Vec<i64>> {
        let data = self.data()?;
        let count =
            usize::try_from(self.shape.elements()).ok().filter(|&n| n <= Self::MOST_VALUES)?;
        let width = match self.element {
            ElementType::Bool | ElementType::Int8 | ElementType::UInt8 => 1,
            ElementType::Int16 | ElementType::UInt16 => 2,
            ElementType::Int32 | ElementType::UInt32 => 4,
            ElementType::Int64 => 8,
            ElementType::Int1
            | ElementType::Int2
            | ElementType::Int4
            | ElementType::Float16
            | ElementType::Float32
            | ElementType::Float64 => return None,
        };
        let bytes = data.get(..count.checked_mul(width)?)?;
        let signed = self.element.class() == cofit_vocab::element::ElementClass::Signed;
        Some(
            bytes
                .chunks_exact(width)
                .map(|chunk| {
                    let fill = if signed && chunk[width - 1] >= 0x80 { 0xff } else { 0 };
                    let mut wide = [fill; 8];
                    wide[..width].copy_from_slice(chunk);
                    i64::from_le_bytes(wide)
                })
                .collect(),
        )
    }

    /// The elements of a float32 constant, at most [`Tensor::MOST_VALUES`].
    pub fn floats(&self) -> Option<Vec<f32>> {
        let data = self.data().filter(|_| self.element == ElementType::Float32)?;
        let count =
            usize::try_from(self.shape.elements()).ok().filter(|&n| n <= Self::MOST_VALUES)?;
        let bytes = data.get(..count.checked_mul(4)?)?;
        Some(
            bytes
                .chunks_exact(4)
                .map(|chunk| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))
                .collect(),
        )
    }
}

/// A name in the length that a message has room for. Converters join the names of everything that
/// they folded into a tensor with semicolons; the first is the one that a reader knows.
pub fn short_name(name: &str) -> &str {
    match name.split(';').next() {
        Some(first) if !first.is_empty() => first,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_constants_keep_their_sign() {
        let shape = Shape::new(&[2]);
        let read = |element, bytes: &'static [u8]| {
            Tensor::constant("c", element, shape.clone(), bytes).integers()
        };
        assert_eq!(read(ElementType::Int8, &[0xff, 1]), Some(vec![-1, 1]));
        assert_eq!(read(ElementType::UInt8, &[0xff, 1]), Some(vec![255, 1]));
        assert_eq!(read(ElementType::Int16, &[0, 0x80, 1, 0]), Some(vec![-32768, 1]));
        assert_eq!(read(ElementType::Int32, &[1, 0]), None, "too few bytes");
    }

    #[test]
    fn folded_names_are_cut_at_the_first() {
        assert_eq!(short_name("conv/Relu;conv/BiasAdd;bias"), "conv/Relu");
        assert_eq!(short_name(";odd"), ";odd");
    }

    #[test]
    fn a_weightless_constant_has_a_size_and_no_bytes() {
        let weights = Tensor::weightless("w", ElementType::Int4, Shape::new(&[3, 3]));
        assert_eq!(weights.bytes(), Bytes(5));
        assert!(weights.is_constant() && weights.data().is_none());
    }
}
