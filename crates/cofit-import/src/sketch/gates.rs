//! Products of results: gates for channels, and the activation that gates often have.

use bytes::Bytes;
use cofit_ir::ops::{Add, Mul};
use cofit_ir::{Activation, Extent2d, Padding, Quantisation, Shape, Tensor, TensorId};
use cofit_vocab::ElementType;

use super::builder::{
    Bias, BuildError, Builder, Built, Convolution, Mixing, Nonlinearity, Normalisation, Pooling,
    Precision, fused_range,
};
use super::ranges::{ValueRange, weight_reach, weight_zero_point};
use super::seeded::half_bits;

impl Builder {
    /// The product of two or more results, each stretched along axes of length 1.
    pub(super) fn multiply(
        &mut self,
        operands: &[TensorId],
        nonlinearity: Nonlinearity,
        name: &str,
    ) -> Built {
        let (fused, own) = nonlinearity.split();
        let Some((&first, rest)) = operands.split_first() else {
            return Err(BuildError::Rule("a product needs operands".to_owned()));
        };
        if rest.is_empty() {
            return self.nonlinearity(first, nonlinearity, name);
        }
        let mut product = first;
        for (index, &operand) in rest.iter().enumerate() {
            let last = index + 1 == rest.len();
            let activation = if last { fused } else { Activation::None };
            let name = if last { name.to_owned() } else { format!("{name}/product{}", index + 1) };
            let range = fused_range(activation);
            product = self.emit_ranged(Mul { activation }, &[product, operand], name, range)?;
        }
        self.nonlinearity(product, own, name)
    }

    /// Squeeze and excitation (J. Hu et al., 2018): the average of every channel, two pointwise
    /// convolutions by way of `squeezed` channels, and the input times their gates.
    pub(super) fn squeeze_excite(
        &mut self,
        x: TensorId,
        squeezed: u32,
        between: Nonlinearity,
        gate: Nonlinearity,
        precision: Precision,
        name: &str,
    ) -> Built {
        let Some([_, height, width, channels]) = self.shape(x).as_nhwc() else {
            return Err(BuildError::Rule(format!("the input has shape {}", self.shape(x))));
        };
        let all = Extent2d::new(height, width);
        let part = |part: &str| format!("{name}/{part}");
        let average = self.pool(x, Pooling::Average, all, all, Padding::Valid, &part("average"))?;
        let pointwise = |channels, nonlinearity| Convolution {
            mixing: Mixing::Dense { channels, groups: 1 },
            kernel: Extent2d::ONE,
            stride: Extent2d::ONE,
            dilation: Extent2d::ONE,
            padding: Padding::Same,
            nonlinearity,
            bias: Bias::Present,
            normalisation: Normalisation::Folded,
        };
        let y = pointwise(squeezed, between);
        let y = self.convolution(average, &y, precision, &part("squeeze"))?;
        let gates = self.convolution(y, &pointwise(channels, gate), precision, &part("excite"))?;
        self.multiply(&[x, gates], Nonlinearity::None, name)
    }

    /// The hard sigmoid of MobileNetV3 (A. Howard et al., 2019, section 5.2), `relu6(x + 3) / 6`,
    /// as TFLite's converter leaves it: a sum and a product with constants.
    pub(super) fn hard_sigmoid(&mut self, x: TensorId, name: &str) -> Built {
        let element = self.element(x);
        let three = self.scalar(format!("{name}/three"), element, 3.0);
        let sixth = self.scalar(format!("{name}/sixth"), element, 1.0 / 6.0);
        let op = Add { activation: Activation::Relu6, ..Add::default() };
        let shifted = format!("{name}/shifted");
        let shifted = self.emit_ranged(op, &[x, three], shifted, ValueRange::Rectified)?;
        let op = Mul { activation: Activation::None };
        let range = ValueRange::Probability;
        self.emit_ranged(op, &[shifted, sixth], format!("{name}/hard_sigmoid"), range)
    }

    /// A constant of one positive value: among integers the largest one, with a scale to match.
    pub(super) fn scalar(&mut self, name: String, element: ElementType, value: f32) -> TensorId {
        let reach = weight_reach(element);
        let zero = weight_zero_point(element);
        let bytes = match element {
            ElementType::Float16 => half_bits(value).to_le_bytes().to_vec(),
            ElementType::Float32 | ElementType::Float64 => value.to_le_bytes().to_vec(),
            ElementType::Bool
            | ElementType::Int1
            | ElementType::Int2
            | ElementType::Int4
            | ElementType::Int8
            | ElementType::UInt8
            | ElementType::Int16
            | ElementType::UInt16
            | ElementType::Int32
            | ElementType::UInt32
            | ElementType::Int64 => {
                let width = element.bits().div_ceil(8) as usize;
                (reach + zero).to_le_bytes()[..width].to_vec()
            }
        };
        let mut tensor = Tensor::constant(name, element, Shape::new(&[1]), Bytes::from(bytes));
        if !element.is_float() {
            tensor.quantisation = Some(Quantisation::per_tensor(value / reach as f32, zero));
        }
        tensor.origin = self.origin;
        self.graph.tensor(tensor)
    }
}
