//! Element types of tensors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Bytes;

macro_rules! element_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $bits:literal, $class:ident;)*) => {
        /// The type of one element of a tensor.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum ElementType {
            $($(#[$doc])* $variant,)*
        }

        impl ElementType {
            /// Every element type, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in text, cards and JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Bits that one element occupies.
            pub const fn bits(self) -> u32 {
                match self { $(Self::$variant => $bits,)* }
            }

            /// Signed or unsigned integer, float, or boolean.
            pub const fn class(self) -> ElementClass {
                match self { $(Self::$variant => ElementClass::$class,)* }
            }
        }
    };
}

/// What kind of number an element type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementClass {
    /// Two's complement integer.
    Signed,
    /// Unsigned integer.
    Unsigned,
    /// IEEE 754 binary float.
    Float,
    /// True or false, a byte each.
    Boolean,
}

element_types! {
    /// Truth value, stored in a byte.
    Bool = "bool", 8, Boolean;
    /// One-bit weights; the chip's card says which two values the bit stands for.
    Int1 = "int1", 1, Signed;
    /// Two-bit weights, -2 to 1.
    Int2 = "int2", 2, Signed;
    /// Four-bit integer, two to a byte, low nibble first.
    Int4 = "int4", 4, Signed;
    /// Eight-bit integer.
    Int8 = "int8", 8, Signed;
    /// Eight-bit unsigned integer, the activation type of first-generation quantised models.
    UInt8 = "uint8", 8, Unsigned;
    /// Sixteen-bit integer.
    Int16 = "int16", 16, Signed;
    /// Sixteen-bit unsigned integer.
    UInt16 = "uint16", 16, Unsigned;
    /// Thirty-two-bit integer: biases, shapes, indices.
    Int32 = "int32", 32, Signed;
    /// Thirty-two-bit unsigned integer.
    UInt32 = "uint32", 32, Unsigned;
    /// Sixty-four-bit integer: biases of int16 models, indices.
    Int64 = "int64", 64, Signed;
    /// Half-precision float.
    Float16 = "float16", 16, Float;
    /// Single-precision float.
    Float32 = "float32", 32, Float;
    /// Double-precision float.
    Float64 = "float64", 64, Float;
}

impl ElementType {
    /// Whether the type is a float.
    pub const fn is_float(self) -> bool {
        matches!(self.class(), ElementClass::Float)
    }

    /// Bytes that `elements` densely packed elements occupy, rounded up to a whole byte.
    ///
    /// ```
    /// # use cofit_vocab::{Bytes, ElementType};
    /// assert_eq!(ElementType::Int4.bytes_for(5), Bytes(3));
    /// assert_eq!(ElementType::Int16.bytes_for(5), Bytes(10));
    /// ```
    pub const fn bytes_for(self, elements: u64) -> Bytes {
        let bits = elements as u128 * self.bits() as u128;
        let bytes = bits.div_ceil(8);
        if bytes > u64::MAX as u128 { Bytes::MAX } else { Bytes(bytes as u64) }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ElementType {
    type Err = UnknownElementType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|element| element.name() == name)
            .ok_or_else(|| UnknownElementType(name.to_owned()))
    }
}

/// A name that is no element type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownElementType(pub String);

impl fmt::Display for UnknownElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no element type; known are", self.0)?;
        for element in ElementType::ALL {
            write!(f, " {element}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownElementType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for element in ElementType::ALL {
            assert_eq!(element.name().parse(), Ok(*element));
        }
        assert!("int7".parse::<ElementType>().is_err());
    }

    #[test]
    fn byte_counts_saturate() {
        assert_eq!(ElementType::Float64.bytes_for(u64::MAX), Bytes::MAX);
    }
}
