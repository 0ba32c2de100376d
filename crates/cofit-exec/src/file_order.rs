//! Tensors in the order of axes in which the user's file has them.
//!
//! Networks store channels innermost. A file that states another order (ONNX) gets and gives arrays
//! in its own.

use cofit_ir::Tensor;

use crate::Buffer;

/// The file's shape of a tensor, and its elements in the file's order.
pub fn to_file(tensor: &Tensor, stored: &Buffer) -> (Vec<u64>, Buffer) {
    let Some(map) = Map::of(tensor) else { return (shape(tensor), stored.clone()) };
    (map.file_shape.iter().map(|&length| length as u64).collect(), map.picked(stored, true))
}

/// Elements in the order in which the network stores them, from the file's.
pub fn from_file(tensor: &Tensor, given: Buffer) -> Buffer {
    match Map::of(tensor) {
        Some(map) if given.len() == map.sources.len() => map.picked(&given, false),
        Some(_) | None => given,
    }
}

/// The file's shape of a tensor.
pub fn shape(tensor: &Tensor) -> Vec<u64> {
    let lengths = match tensor.origin.axes {
        Some(order) => order.file_shape(&tensor.shape),
        None => tensor.shape.clone(),
    };
    lengths.dimensions().iter().map(|&length| length.into()).collect()
}

/// Where the elements of the file's array are in the stored one.
struct Map {
    file_shape: Vec<usize>,
    /// For every element in the file's order, its place in the stored order.
    sources: Vec<usize>,
}

impl Map {
    /// The map of a tensor whose orders differ.
    fn of(tensor: &Tensor) -> Option<Self> {
        let order = tensor.origin.axes.filter(|order| !order.is_identity())?;
        let file_shape = order.file_shape(&tensor.shape);
        let file_shape: Vec<usize> =
            file_shape.dimensions().iter().map(|&length| length as usize).collect();
        // The stride in the stored order of every axis of the file.
        let mut strides = vec![0; file_shape.len()];
        let mut stride = 1;
        let stored: Vec<_> = order.axes().zip(tensor.shape.dimensions()).collect();
        for (axis, &length) in stored.into_iter().rev() {
            if let Some(axis) = axis {
                strides[axis] = stride;
            }
            stride *= length as usize;
        }
        let count: usize = file_shape.iter().product();
        let sources = (0..count).map(|at| {
            let mut rest = at;
            let mut source = 0;
            for (&length, &stride) in file_shape.iter().zip(&strides).rev() {
                source += rest % length * stride;
                rest /= length;
            }
            source
        });
        Some(Self { sources: sources.collect(), file_shape })
    }

    fn picked(&self, buffer: &Buffer, to_file: bool) -> Buffer {
        fn of<T: Copy + Default>(sources: &[usize], values: &[T], to_file: bool) -> Vec<T> {
            let mut result = vec![T::default(); values.len()];
            for (at, &source) in sources.iter().enumerate() {
                let (to, from) = if to_file { (at, source) } else { (source, at) };
                if let (Some(to), Some(&from)) = (result.get_mut(to), values.get(from)) {
                    *to = from;
                }
            }
            result
        }
        let sources = &self.sources;
        match buffer {
            Buffer::I8(values) => Buffer::I8(of(sources, values, to_file)),
            Buffer::U8(values) => Buffer::U8(of(sources, values, to_file)),
            Buffer::I16(values) => Buffer::I16(of(sources, values, to_file)),
            Buffer::I32(values) => Buffer::I32(of(sources, values, to_file)),
            Buffer::I64(values) => Buffer::I64(of(sources, values, to_file)),
            Buffer::F32(values) => Buffer::F32(of(sources, values, to_file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use cofit_ir::{AxisOrder, Shape};
    use cofit_vocab::ElementType;

    use super::*;

    #[test]
    fn orders_are_exchanged_both_ways() {
        let mut tensor = Tensor::activation("t", ElementType::Int8, Shape::new(&[1, 2, 1, 3]));
        tensor.origin.axes = AxisOrder::new(&[Some(0), Some(2), Some(3), Some(1)], 4);
        let stored = Buffer::I8(vec![0, 1, 2, 10, 11, 12]);
        let (shape, file) = to_file(&tensor, &stored);
        assert_eq!(shape, [1, 3, 2, 1]);
        assert_eq!(file, Buffer::I8(vec![0, 10, 1, 11, 2, 12]));
        assert_eq!(from_file(&tensor, file), stored);
    }

    #[test]
    fn an_inserted_axis_is_taken_out_again() {
        let mut tensor = Tensor::activation("t", ElementType::Int8, Shape::new(&[1, 1, 2, 3]));
        tensor.origin.axes = AxisOrder::new(&[Some(0), None, Some(2), Some(1)], 3);
        let (shape, file) = to_file(&tensor, &Buffer::I8(vec![0, 1, 2, 10, 11, 12]));
        assert_eq!((shape, file), (vec![1, 3, 2], Buffer::I8(vec![0, 10, 1, 11, 2, 12])));
    }
}
