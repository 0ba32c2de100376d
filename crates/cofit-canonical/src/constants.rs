//! What passes read of constants, and how they make new ones.

use cofit_exec::Buffer;
use cofit_ir::{ConstantData, Graph, Shape, Tensor, TensorId, TensorRole};
use cofit_vocab::{Bytes, ElementType};

/// Bytes of constants that a pass may still write. A file may hand one long constant to every
/// operator, and each rewrite makes a copy.
#[derive(Clone, Copy, Debug)]
pub struct Allowance(u64);

impl Allowance {
    /// Well above the weights of any network for an edge chip.
    pub const fn new() -> Self {
        Self(1 << 30)
    }

    /// Takes so many bytes; says whether they were left.
    pub fn take(&mut self, bytes: Bytes) -> bool {
        let left = self.0.checked_sub(bytes.get());
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// The elements of a float32 constant of any length; `None` where it is none or its values are
/// absent.
pub fn floats(tensor: &Tensor) -> Option<Vec<f32>> {
    let data = tensor.data().filter(|_| tensor.element == ElementType::Float32)?;
    let count = usize::try_from(tensor.shape.elements()).ok()?;
    match Buffer::from_packed(tensor.element, count, data)? {
        Buffer::F32(values) => Some(values),
        _ => None,
    }
}

/// The value of a float32 constant of one element.
pub fn scalar(graph: &Graph, id: TensorId) -> Option<f32> {
    let tensor = &graph.tensors[id];
    if tensor.shape.elements() != 1 {
        return None;
    }
    floats(tensor)?.first().copied()
}

/// A constant of int32.
pub fn integer_constant(name: String, shape: Shape, values: &[i32]) -> Tensor {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor::constant(name, ElementType::Int32, shape, data)
}

/// Gives a float32 constant other values; `None` makes them absent.
pub fn set_floats(tensor: &mut Tensor, values: Option<&[f32]>) {
    tensor.role = TensorRole::Constant(match values {
        Some(values) => ConstantData::Present(
            values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into(),
        ),
        None => ConstantData::Absent,
    });
}
