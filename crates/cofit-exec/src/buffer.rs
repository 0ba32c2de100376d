//! Typed memory for tensors.

use cofit_vocab::ElementType;

/// A type that tensors are computed in.
pub trait Element: Copy + Default + PartialOrd + Send + Sync + 'static {
    /// The elements, where they are of this type.
    fn of<'a>(slice: &Slice<'a>) -> Option<&'a [Self]>;
    /// The elements to write, where they are of this type.
    fn of_mut<'a>(slice: &'a mut SliceMut<'_>) -> Option<&'a mut [Self]>;
    /// A buffer of these elements.
    fn buffer(values: Vec<Self>) -> Buffer;
    /// The elements of a buffer to write, where they are of this type.
    fn vec_mut(buffer: &mut Buffer) -> Option<&mut Vec<Self>>;
}

macro_rules! buffers {
    ($($(#[$doc:meta])* $variant:ident = $type:ty;)*) => {
        /// The elements of one tensor.
        ///
        /// Truth values are bytes of 0 and 1; integers of less than a byte are unpacked, one to a
        /// byte; half-precision floats are widened.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Buffer {
            $($(#[$doc])* $variant(Vec<$type>),)*
        }

        /// Elements to read.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Slice<'a> {
            $($(#[$doc])* $variant(&'a [$type]),)*
        }

        /// Elements to write.
        #[derive(Debug)]
        pub enum SliceMut<'a> {
            $($(#[$doc])* $variant(&'a mut [$type]),)*
        }

        impl Buffer {
            /// The elements, to read.
            pub fn as_slice(&self) -> Slice<'_> {
                match self { $(Self::$variant(values) => Slice::$variant(values),)* }
            }

            /// `count` times the first element; `None` where there is none.
            pub fn repeated(&self, count: usize) -> Option<Self> {
                Some(match self {
                    $(Self::$variant(values) => Self::$variant(vec![*values.first()?; count]),)*
                })
            }

            /// The elements, to write.
            pub fn as_mut_slice(&mut self) -> SliceMut<'_> {
                match self { $(Self::$variant(values) => SliceMut::$variant(values),)* }
            }
        }

        impl<'a> Slice<'a> {
            /// Number of elements.
            pub const fn len(&self) -> usize {
                match self { $(Self::$variant(values) => values.len(),)* }
            }

            /// Whether there are no elements.
            pub const fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// A copy of the elements.
            pub fn to_buffer(&self) -> Buffer {
                match self { $(Self::$variant(values) => Buffer::$variant(values.to_vec()),)* }
            }

            /// The elements from `start` to `end`; none where the range is not there.
            #[must_use]
            pub fn range(&self, start: usize, end: usize) -> Slice<'a> {
                match self {
                    $(Self::$variant(values) => {
                        Slice::$variant(values.get(start..end).unwrap_or_default())
                    })*
                }
            }

            /// Little-endian bytes, integers of less than a byte unpacked.
            pub fn to_le_bytes(&self) -> Vec<u8> {
                match self {
                    $(Self::$variant(values) => {
                        values.iter().flat_map(|value| value.to_le_bytes()).collect()
                    })*
                }
            }
        }

        impl SliceMut<'_> {
            /// Number of elements.
            pub const fn len(&self) -> usize {
                match self { $(Self::$variant(values) => values.len(),)* }
            }

            /// Whether there are no elements.
            pub const fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Copies elements of the same type and number; says whether they were.
            pub fn copy_from(&mut self, source: Slice<'_>) -> bool {
                match (self, source) {
                    $((Self::$variant(to), Slice::$variant(from)) if to.len() == from.len() => {
                        to.copy_from_slice(from);
                        true
                    })*
                    _ => false,
                }
            }
        }

        $(
            impl Element for $type {
                fn of<'a>(slice: &Slice<'a>) -> Option<&'a [Self]> {
                    match slice {
                        Slice::$variant(values) => Some(values),
                        _ => None,
                    }
                }

                fn of_mut<'a>(slice: &'a mut SliceMut<'_>) -> Option<&'a mut [Self]> {
                    match slice {
                        SliceMut::$variant(values) => Some(values),
                        _ => None,
                    }
                }

                fn buffer(values: Vec<Self>) -> Buffer {
                    Buffer::$variant(values)
                }

                fn vec_mut(buffer: &mut Buffer) -> Option<&mut Vec<Self>> {
                    match buffer {
                        Buffer::$variant(values) => Some(values),
                        _ => None,
                    }
                }
            }
        )*
    };
}

buffers! {
    /// int8, and int4, int2 and int1 unpacked.
    I8 = i8;
    /// uint8 and truth values.
    U8 = u8;
    /// int16.
    I16 = i16;
    /// int32.
    I32 = i32;
    /// int64.
    I64 = i64;
    /// float32, and float16 widened.
    F32 = f32;
}

impl Buffer {
    /// `count` zeros of a type that tensors are computed in; `None` for the other types.
    pub fn zeros(element: ElementType, count: usize) -> Option<Self> {
        Some(match element {
            ElementType::Int1 | ElementType::Int2 | ElementType::Int4 | ElementType::Int8 => {
                Self::I8(vec![0; count])
            }
            ElementType::Bool | ElementType::UInt8 => Self::U8(vec![0; count]),
            ElementType::Int16 => Self::I16(vec![0; count]),
            ElementType::Int32 => Self::I32(vec![0; count]),
            ElementType::Int64 => Self::I64(vec![0; count]),
            ElementType::Float16 | ElementType::Float32 => Self::F32(vec![0.0; count]),
            ElementType::UInt16 | ElementType::UInt32 | ElementType::Float64 => return None,
        })
    }

    /// `count` elements from a constant's densely packed little-endian bytes; `None` where the bytes
    /// are too few or the type is not computed in.
    ///
    /// One-bit weights stand for +1 (bit clear) and -1 (bit set).
    pub fn from_packed(element: ElementType, count: usize, bytes: &[u8]) -> Option<Self> {
        let bits = element.bits() as usize;
        let needed = count.checked_mul(bits)?.div_ceil(8);
        let bytes = bytes.get(..needed)?;
        let packed = |bits: usize| {
            let per_byte = 8 / bits;
            (0..count).map(move |at| {
                let shifted = bytes[at / per_byte] << (8 - bits - at % per_byte * bits);
                (shifted as i8) >> (8 - bits)
            })
        };
        Some(match element {
            ElementType::Int1 => Self::I8(packed(1).map(|bit| 2 * bit + 1).collect()),
            ElementType::Int2 => Self::I8(packed(2).collect()),
            ElementType::Int4 => Self::I8(packed(4).collect()),
            ElementType::Int8 => Self::I8(bytes.iter().map(|&byte| byte as i8).collect()),
            ElementType::Bool => Self::U8(bytes.iter().map(|&byte| u8::from(byte != 0)).collect()),
            ElementType::UInt8 => Self::U8(bytes.to_vec()),
            ElementType::Int16 => Self::I16(wide(bytes, i16::from_le_bytes)),
            ElementType::Int32 => Self::I32(wide(bytes, i32::from_le_bytes)),
            ElementType::Int64 => Self::I64(wide(bytes, i64::from_le_bytes)),
            ElementType::Float32 => Self::F32(wide(bytes, f32::from_le_bytes)),
            ElementType::Float16 => {
                Self::F32(wide(bytes, |pair| half_to_float(u16::from_le_bytes(pair))))
            }
            ElementType::UInt16 | ElementType::UInt32 | ElementType::Float64 => return None,
        })
    }

    /// The densely packed little-endian bytes of a constant of `element`; `None` where the elements
    /// are of another type.
    pub fn to_packed(&self, element: ElementType) -> Option<Vec<u8>> {
        let pack = |values: &[i8], bits: usize, code: fn(i8) -> u8| {
            let per_byte = 8 / bits;
            let mask = (1_u8 << bits) - 1;
            values
                .chunks(per_byte)
                .map(|chunk| {
                    chunk
                        .iter()
                        .enumerate()
                        .fold(0, |byte, (at, &value)| byte | (code(value) & mask) << (at * bits))
                })
                .collect()
        };
        Some(match (element, self) {
            (ElementType::Int1, Self::I8(values)) => pack(values, 1, |value| u8::from(value < 0)),
            (ElementType::Int2, Self::I8(values)) => pack(values, 2, |value| value as u8),
            (ElementType::Int4, Self::I8(values)) => pack(values, 4, |value| value as u8),
            (ElementType::Int8, Self::I8(_))
            | (ElementType::Bool | ElementType::UInt8, Self::U8(_))
            | (ElementType::Int16, Self::I16(_))
            | (ElementType::Int32, Self::I32(_))
            | (ElementType::Int64, Self::I64(_))
            | (ElementType::Float32, Self::F32(_)) => self.as_slice().to_le_bytes(),
            _ => return None,
        })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, where they are of type `T`.
    pub fn get<T: Element>(&self) -> Option<&[T]> {
        T::of(&self.as_slice())
    }
}

fn wide<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| read(chunk)).collect()
}

/// An IEEE 754 binary16 number, widened without loss.
fn half_to_float(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let fraction = f32::from(bits & 0x3ff);
    match i32::from(bits >> 10 & 0x1f) {
        0 => sign * fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        exponent => sign * (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_integers_round_trip() {
        for (element, values) in [
            (ElementType::Int4, vec![-8, 7, 3, -1, 0]),
            (ElementType::Int2, vec![-2, 1, 0, -1, 1]),
            (ElementType::Int1, vec![1, -1, -1, 1, 1, 1, -1, 1, -1]),
        ] {
            let buffer = Buffer::I8(values);
            let bytes = buffer.to_packed(element).unwrap();
            assert_eq!(Buffer::from_packed(element, buffer.len(), &bytes), Some(buffer));
        }
        assert_eq!(Buffer::I8(vec![1, -2]).to_packed(ElementType::Int4), Some(vec![0xe1]));
        assert_eq!(Buffer::from_packed(ElementType::Int32, 2, &[0; 7]), None, "too few bytes");
    }

    #[test]
    fn half_precision_is_widened_exactly() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x8000, -0.0),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half_to_float(bits).to_bits(), f32::to_bits(value), "{bits:#x}");
        }
        assert!(half_to_float(0x7e00).is_nan());
    }
}
