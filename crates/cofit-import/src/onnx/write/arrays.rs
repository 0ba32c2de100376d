//! Constants of a file, and bytes in another order of axes.

use bytes::Bytes;
use cofit_vocab::ElementType;

use crate::onnx::proto::{TensorProto, data_type};

/// The file's number of an element type; `None` for types that are not written.
pub(super) const fn element_type(element: ElementType) -> Option<i32> {
    Some(match element {
        ElementType::Float32 => data_type::FLOAT,
        ElementType::Float16 => data_type::FLOAT16,
        ElementType::Float64 => data_type::DOUBLE,
        ElementType::Int8 => data_type::INT8,
        ElementType::UInt8 => data_type::UINT8,
        ElementType::Int16 => data_type::INT16,
        ElementType::UInt16 => data_type::UINT16,
        ElementType::Int32 => data_type::INT32,
        ElementType::UInt32 => data_type::UINT32,
        ElementType::Int64 => data_type::INT64,
        ElementType::Bool => data_type::BOOL,
        ElementType::Int1 | ElementType::Int2 | ElementType::Int4 => return None,
    })
}

/// A constant of these bytes.
pub(super) fn tensor(name: String, data_type: i32, dims: &[u32], raw_data: Bytes) -> TensorProto {
    TensorProto {
        dims: dims.iter().map(|&length| i64::from(length)).collect(),
        data_type,
        name,
        raw_data,
        ..TensorProto::default()
    }
}

/// A list of whole numbers.
pub(super) fn integers(name: String, values: &[i64]) -> TensorProto {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let length = u32::try_from(values.len()).unwrap_or(u32::MAX);
    tensor(name, data_type::INT64, &[length], bytes.into())
}

/// Floats of a shape.
pub(super) fn floats(name: String, dims: &[u32], values: &[f32]) -> TensorProto {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, data_type::FLOAT, dims, bytes.into())
}

/// `data`, elements of `width` bytes over axes of `lengths`, with the axes in `order`. `None` where the
/// bytes are not those of the lengths.
pub(super) fn turned(
    data: &[u8],
    width: usize,
    lengths: &[u32],
    order: &[usize],
) -> Option<Vec<u8>> {
    let mut strides = vec![width; lengths.len()];
    for axis in (1..lengths.len()).rev() {
        strides[axis - 1] = strides[axis].checked_mul(lengths[axis] as usize)?;
    }
    let whole = strides.first()?.checked_mul(*lengths.first()? as usize)?;
    if data.len() != whole {
        return None;
    }
    let mut bytes = Vec::with_capacity(whole);
    let mut position = vec![0u32; order.len()];
    for _ in 0..whole / width {
        let at: usize =
            order.iter().zip(&position).map(|(&axis, &index)| strides[axis] * index as usize).sum();
        bytes.extend_from_slice(&data[at..at + width]);
        for (index, &axis) in position.iter_mut().zip(order).rev() {
            *index += 1;
            if *index < lengths[axis] {
                break;
            }
            *index = 0;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::turned;

    #[test]
    fn axes_are_turned() {
        let data = [0, 1, 2, 3, 4, 5];
        assert_eq!(turned(&data, 1, &[2, 3], &[1, 0]), Some(vec![0, 3, 1, 4, 2, 5]));
        assert_eq!(turned(&data, 2, &[3, 1], &[1, 0]), Some(data.to_vec()));
        assert_eq!(turned(&data, 1, &[2, 2], &[1, 0]), None);
    }
}
