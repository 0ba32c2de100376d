//! NumPy arrays: what users have and what a run writes.

use std::io::Cursor;

use cofit_exec::{Buffer, Slice};
use cofit_vocab::ElementType;
use npyz::{DType, NpyFile, Order, TypeChar, WriterBuilder};

/// An array as a file holds it, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Lengths of the axes, outermost first.
    pub shape: Vec<u64>,
    /// The elements; numbers of types that no tensor has are converted to the nearest one that has
    /// all their values, float64 to float32.
    pub values: Buffer,
}

/// Reads a `.npy` file.
///
/// # Errors
/// What is wrong with the file, in one sentence: it is no array, it holds objects or records, or it
/// is shorter than its header says.
pub fn read_npy(bytes: &[u8]) -> Result<Array, String> {
    let file = NpyFile::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let shape = file.shape().to_vec();
    let DType::Plain(element) = file.dtype() else {
        return Err("it holds records, not numbers".to_owned());
    };
    let size = element.num_bytes().filter(|&size| size > 0).ok_or("it holds no numbers")?;
    // The header is believed only as far as the file reaches.
    let count = shape.iter().try_fold(1_u64, |count, &length| count.checked_mul(length));
    let count = count.and_then(|count| usize::try_from(count).ok()).ok_or("its shape overflows")?;
    if count.checked_mul(size).is_none_or(|needed| needed > bytes.len()) {
        return Err(format!("its shape {shape:?} needs more bytes than the file has"));
    }
    let order = file.order();
    let fault = |error: std::io::Error| error.to_string();
    let values = match (element.type_char(), size) {
        (TypeChar::Bool, 1) => {
            let values = file.into_vec::<bool>().map_err(fault)?;
            Buffer::U8(values.into_iter().map(u8::from).collect())
        }
        (TypeChar::Int, 1) => Buffer::I8(file.into_vec().map_err(fault)?),
        (TypeChar::Uint, 1) => Buffer::U8(file.into_vec().map_err(fault)?),
        (TypeChar::Int, 2) => Buffer::I16(file.into_vec().map_err(fault)?),
        (TypeChar::Uint, 2) => {
            let values = file.into_vec::<u16>().map_err(fault)?;
            Buffer::I32(values.into_iter().map(i32::from).collect())
        }
        (TypeChar::Int, 4) => Buffer::I32(file.into_vec().map_err(fault)?),
        (TypeChar::Uint, 4) => {
            let values = file.into_vec::<u32>().map_err(fault)?;
            Buffer::I64(values.into_iter().map(i64::from).collect())
        }
        (TypeChar::Int, 8) => Buffer::I64(file.into_vec().map_err(fault)?),
        (TypeChar::Float, 2) => {
            let values = file.into_vec::<half::f16>().map_err(fault)?;
            Buffer::F32(values.into_iter().map(half::f16::to_f32).collect())
        }
        (TypeChar::Float, 4) => Buffer::F32(file.into_vec().map_err(fault)?),
        (TypeChar::Float, 8) => {
            let values = file.into_vec::<f64>().map_err(fault)?;
            Buffer::F32(values.into_iter().map(|value| value as f32).collect())
        }
        _ => return Err(format!("its element type `{element}` is no number that tensors have")),
    };
    let array = Array { shape, values };
    Ok(match order {
        Order::C => array,
        Order::Fortran => array.into_row_major(),
    })
}

impl Array {
    /// The same array, whose elements lie with the first axis innermost, in row-major order.
    fn into_row_major(self) -> Self {
        let lengths: Vec<usize> = self.shape.iter().map(|&length| length as usize).collect();
        let mut strides = vec![1; lengths.len()];
        for axis in 1..lengths.len() {
            strides[axis] = strides[axis - 1] * lengths[axis - 1];
        }
        let source = |at: usize| {
            let mut rest = at;
            let mut found = 0;
            for (length, stride) in lengths.iter().zip(&strides).rev() {
                found += rest % length.max(&1) * stride;
                rest /= length.max(&1);
            }
            found
        };
        fn picked<T: Copy>(values: &[T], source: impl Fn(usize) -> usize) -> Vec<T> {
            (0..values.len()).map(|at| values[source(at)]).collect()
        }
        let values = match &self.values {
            Buffer::I8(values) => Buffer::I8(picked(values, source)),
            Buffer::U8(values) => Buffer::U8(picked(values, source)),
            Buffer::I16(values) => Buffer::I16(picked(values, source)),
            Buffer::I32(values) => Buffer::I32(picked(values, source)),
            Buffer::I64(values) => Buffer::I64(picked(values, source)),
            Buffer::F32(values) => Buffer::F32(picked(values, source)),
        };
        Self { shape: self.shape, values }
    }
}

/// The bytes of a `.npy` file with the elements of a tensor of type `element`.
///
/// # Errors
/// The shape has another number of elements.
pub fn write_npy(
    element: ElementType,
    shape: &[u64],
    values: Slice<'_>,
) -> Result<Vec<u8>, std::io::Error> {
    fn write<T: npyz::AutoSerialize>(
        bytes: &mut Vec<u8>,
        shape: &[u64],
        values: impl Iterator<Item = T>,
    ) -> Result<(), std::io::Error> {
        let options = npyz::WriteOptions::new().default_dtype().shape(shape);
        let mut writer = options.writer(bytes).begin_nd()?;
        writer.extend(values)?;
        writer.finish()
    }
    let mut bytes = Vec::new();
    match values {
        Slice::U8(values) if element == ElementType::Bool => {
            write(&mut bytes, shape, values.iter().map(|&value| value != 0))
        }
        Slice::U8(values) => write(&mut bytes, shape, values.iter().copied()),
        Slice::I8(values) => write(&mut bytes, shape, values.iter().copied()),
        Slice::I16(values) => write(&mut bytes, shape, values.iter().copied()),
        Slice::I32(values) => write(&mut bytes, shape, values.iter().copied()),
        Slice::I64(values) => write(&mut bytes, shape, values.iter().copied()),
        Slice::F32(values) => write(&mut bytes, shape, values.iter().copied()),
    }?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_round_trip() {
        for (element, values) in [
            (ElementType::Int8, Buffer::I8(vec![-1, 2, 3, -4, 5, 6])),
            (ElementType::UInt8, Buffer::U8(vec![1, 2, 3, 250, 5, 6])),
            (ElementType::Bool, Buffer::U8(vec![1, 0, 0, 1, 1, 1])),
            (ElementType::Int16, Buffer::I16(vec![-300, 2, 3, 4, 5, 6])),
            (ElementType::Int64, Buffer::I64(vec![-1 << 40, 2, 3, 4, 5, 6])),
            (ElementType::Float32, Buffer::F32(vec![0.5, -2.25, 3.0, 4.0, 5.0, 6.0])),
        ] {
            let bytes = write_npy(element, &[2, 3], values.as_slice()).unwrap();
            assert_eq!(read_npy(&bytes), Ok(Array { shape: vec![2, 3], values }));
        }
    }

    #[test]
    fn column_major_arrays_are_turned() {
        let mut bytes =
            write_npy(ElementType::UInt8, &[2, 3], Slice::U8(&[0, 1, 2, 3, 4, 5])).unwrap();
        let at = bytes.windows(5).position(|window| window == b"False").unwrap();
        bytes[at..at + 5].copy_from_slice(b"True ");
        assert_eq!(read_npy(&bytes).unwrap().values, Buffer::U8(vec![0, 2, 4, 1, 3, 5]));
    }

    #[test]
    fn a_lying_header_is_refused() {
        let bytes = write_npy(ElementType::UInt8, &[2, 3], Slice::U8(&[0; 6])).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let huge = text.replace("(2, 3)", "(9999999999, 3)");
        assert!(read_npy(huge.as_bytes()).is_err());
        assert!(read_npy(&bytes[..bytes.len() - 1]).is_err());
        assert!(read_npy(b"no array").is_err());
    }
}
