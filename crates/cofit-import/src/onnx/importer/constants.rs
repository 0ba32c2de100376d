//! Constants of the file as tensors.

use std::rc::Rc;

use bytes::Bytes as SharedBytes;
use cofit_ir::{Shape, Tensor, TensorId};
use cofit_vocab::ElementType;

use super::Importer;
use crate::onnx::constant::Constant;
use crate::onnx::refusal::{Imported, Refusal};

impl Importer {
    /// The constant as reals in single precision, where it is quantised.
    pub fn real(&mut self, constant: &Rc<Constant>) -> Imported<Rc<Constant>> {
        if constant.quantisation.is_none() {
            return Ok(Rc::clone(constant));
        }
        self.spend(constant.shape.elements().saturating_mul(4))?;
        let data = constant.reals(u64::MAX).map(|reals| {
            reals.iter().flat_map(|&real| (real as f32).to_le_bytes()).collect::<Vec<u8>>().into()
        });
        Ok(Rc::new(Constant {
            element: ElementType::Float32,
            data,
            quantisation: None,
            ..(**constant).clone()
        }))
    }

    /// Stores a constant as a tensor of the given shape: its memory is divided into `lengths`,
    /// these are put into `order`. Integers of 64 bits are stored as they are. In float mode a
    /// quantised constant is stored as reals.
    ///
    /// # Errors
    /// The copies of constants outgrow the file by far.
    pub fn store(
        &mut self,
        constant: &Rc<Constant>,
        lengths: &[u32],
        order: &[usize],
        shape: Shape,
    ) -> Imported<TensorId> {
        let integers = self.target.is_some();
        let key = (constant.id, format!("{lengths:?}{order:?}{shape}{integers}"));
        if constant.id != 0
            && let Some(&tensor) = self.stored.get(&key)
        {
            return Ok(tensor);
        }
        let constant = if integers { Rc::clone(constant) } else { self.real(constant)? };
        let data = match &constant.data {
            Some(data) => Some(self.permuted(data, constant.width(), lengths, order)?),
            None => None,
        };
        let name = constant.name.clone();
        let mut tensor = match data {
            Some(data) => Tensor::constant(name, constant.element, shape, data),
            None => Tensor::weightless(name, constant.element, shape),
        };
        tensor.quantisation.clone_from(&constant.quantisation);
        let tensor = self.graph.tensor(tensor);
        if constant.id != 0 {
            self.stored.insert(key, tensor);
        }
        Ok(tensor)
    }

    /// Elements of `width` bytes, whose memory is divided into `lengths`, with these in `order`.
    pub fn permuted(
        &mut self,
        data: &SharedBytes,
        width: usize,
        lengths: &[u32],
        order: &[usize],
    ) -> Imported<SharedBytes> {
        let real = order.iter().filter(|&&axis| lengths[axis] != 1);
        if real.is_sorted() {
            return Ok(data.clone());
        }
        self.spend(data.len() as u64)?;
        let mut strides = vec![width; lengths.len()];
        for axis in (1..lengths.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(lengths[axis] as usize);
        }
        let mut result = Vec::with_capacity(data.len());
        let mut position = vec![0u32; order.len()];
        let mut offset = 0usize;
        while result.len() < data.len() {
            result.extend_from_slice(data.get(offset..offset + width).unwrap_or_default());
            for place in (0..order.len()).rev() {
                let axis = order[place];
                position[place] += 1;
                offset += strides[axis];
                if position[place] < lengths[axis] {
                    break;
                }
                offset -= strides[axis] * lengths[axis] as usize;
                position[place] = 0;
            }
        }
        Ok(result.into())
    }

    /// A small constant tensor of 32-bit integers: axes, borders, shapes.
    ///
    /// # Errors
    /// A number that needs more bits.
    pub fn integers(&mut self, name: &str, values: &[i64], shape: &[u32]) -> Imported<TensorId> {
        let mut data = Vec::new();
        for &value in values {
            let narrow = i32::try_from(value).map_err(|_| {
                Refusal::node(format!("{value} where a number of 32 bits is needed"))
            })?;
            data.extend_from_slice(&narrow.to_le_bytes());
        }
        let tensor = Tensor::constant(name, ElementType::Int32, Shape::new(shape), data);
        Ok(self.graph.tensor(tensor))
    }

    /// A constant tensor of floats.
    pub fn floats(&mut self, name: &str, values: &[f32], shape: &[u32]) -> TensorId {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.graph.tensor(Tensor::constant(name, ElementType::Float32, Shape::new(shape), data))
    }

    /// A scalar float as a tensor.
    pub fn scalar(&mut self, name: &str, value: f64) -> TensorId {
        self.floats(name, &[value as f32], &[])
    }
}
