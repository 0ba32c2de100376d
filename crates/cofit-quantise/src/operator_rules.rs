//! What each operator demands of the mappings of its tensors.
//!
//! Source: TensorFlow's `lite/tools/optimize/operator_property.cc`, and the integer kernels of
//! TensorFlow Lite for Microcontrollers for what has one at all.

use cofit_ir::Op;

use crate::mapping::{Mapping, Width};

/// How an operator is quantised. Its data are those of its tensors that are float32 in the float
/// model; indices, shapes and truth values stay as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Treatment {
    /// A layer with constant weights and an optional bias; every result has a mapping of its own.
    Weighted(WeightedOperands),
    /// Every tensor has a mapping of its own.
    Own,
    /// All tensors share one mapping, since the kernel moves or compares integers.
    Shared,
    /// The kernel writes results in a mapping that is fixed.
    Fixed(FixedMapping),
    /// A long short-term memory.
    Lstm,
    /// There is no integer kernel.
    Float,
}

/// Where a layer's operands are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WeightedOperands {
    /// The activation.
    pub input: usize,
    /// The weights.
    pub weights: usize,
    /// The bias.
    pub bias: usize,
    /// The axis of the weights that output channels run along.
    pub axis: usize,
}

/// A mapping that a kernel has built in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FixedMapping {
    eight: (f32, i64),
    /// `None` where there is no kernel of 16 bits.
    sixteen: Option<f32>,
}

impl FixedMapping {
    /// The mapping at `width`, if there is a kernel.
    pub fn at(self, width: Width) -> Option<Mapping> {
        match width {
            Width::Eight => Some(Mapping { scale: self.eight.0, zero_point: self.eight.1 }),
            Width::Sixteen => self.sixteen.map(|scale| Mapping { scale, zero_point: 0 }),
        }
    }
}

const fn weighted(input: usize, weights: usize, bias: usize, axis: usize) -> Treatment {
    Treatment::Weighted(WeightedOperands { input, weights, bias, axis })
}

const fn fixed(scale: f32, zero_point: i64, sixteen: Option<f32>) -> Treatment {
    Treatment::Fixed(FixedMapping { eight: (scale, zero_point), sixteen })
}

/// How `op` is quantised.
pub(crate) const fn treatment(op: &Op) -> Treatment {
    const FINE: Option<f32> = Some(1.0 / 32768.0);
    match op {
        Op::Conv2d(_) => weighted(0, 1, 2, 0),
        Op::DepthwiseConv2d(_) => weighted(0, 1, 2, 3),
        Op::FullyConnected(_) => weighted(0, 1, 2, 0),
        Op::TransposeConv2d(_) => weighted(2, 1, 3, 0),
        Op::UnidirectionalSequenceLstm(_) => Treatment::Lstm,
        Op::Softmax(_) | Op::Logistic(_) => fixed(1.0 / 256.0, -128, FINE),
        Op::Tanh(_) => fixed(1.0 / 128.0, 0, FINE),
        Op::L2Normalization(_) => fixed(1.0 / 128.0, 0, None),
        Op::LogSoftmax(_) => fixed(16.0 / 256.0, 127, None),
        Op::Abs(_)
        | Op::Add(_)
        | Op::ArgMax(_)
        | Op::ArgMin(_)
        | Op::BatchMatMul(_)
        | Op::Cumsum(_)
        | Op::Elu(_)
        | Op::Equal(_)
        | Op::Greater(_)
        | Op::GreaterEqual(_)
        | Op::HardSwish(_)
        | Op::LeakyRelu(_)
        | Op::Less(_)
        | Op::LessEqual(_)
        | Op::Mean(_)
        | Op::Mul(_)
        | Op::NotEqual(_)
        | Op::Prelu(_)
        | Op::Relu(_)
        | Op::Relu6(_)
        | Op::Rsqrt(_)
        | Op::Shape(_)
        | Op::SquaredDifference(_)
        | Op::Sub(_)
        | Op::Sum(_) => Treatment::Own,
        Op::AveragePool2d(_)
        | Op::BatchToSpaceNd(_)
        | Op::BroadcastTo(_)
        | Op::Concatenation(_)
        | Op::DepthToSpace(_)
        | Op::ExpandDims(_)
        | Op::Fill(_)
        | Op::Gather(_)
        | Op::GatherNd(_)
        | Op::MaxPool2d(_)
        | Op::Maximum(_)
        | Op::Minimum(_)
        | Op::MirrorPad(_)
        | Op::Pack(_)
        | Op::Pad(_)
        | Op::ReduceMax(_)
        | Op::ReduceMin(_)
        | Op::Reshape(_)
        | Op::ResizeBilinear(_)
        | Op::ResizeNearestNeighbor(_)
        | Op::Reverse(_)
        | Op::Select(_)
        | Op::Slice(_)
        | Op::SpaceToBatchNd(_)
        | Op::SpaceToDepth(_)
        | Op::Split(_)
        | Op::SplitV(_)
        | Op::Squeeze(_)
        | Op::StridedSlice(_)
        | Op::Tile(_)
        | Op::Transpose(_)
        | Op::Unpack(_) => Treatment::Shared,
        Op::AssignVariable(_)
        | Op::BatchNormalization(_)
        | Op::CallOnce(_)
        | Op::Cast(_)
        | Op::Ceil(_)
        | Op::Cos(_)
        | Op::Custom(_)
        | Op::Dequantize(_)
        | Op::Div(_)
        | Op::Erf(_)
        | Op::Exp(_)
        | Op::Floor(_)
        | Op::FloorDiv(_)
        | Op::FloorMod(_)
        | Op::Gelu(_)
        | Op::Gru(_)
        | Op::Log(_)
        | Op::LogicalAnd(_)
        | Op::LogicalNot(_)
        | Op::LogicalOr(_)
        | Op::Neg(_)
        | Op::Pow(_)
        | Op::Quantize(_)
        | Op::ReadVariable(_)
        | Op::ReduceProd(_)
        | Op::ReluN1To1(_)
        | Op::Round(_)
        | Op::Sign(_)
        | Op::Sin(_)
        | Op::Sqrt(_)
        | Op::Square(_)
        | Op::Svdf(_)
        | Op::VarHandle(_)
        | Op::While(_) => Treatment::Float,
    }
}

/// Whether TensorFlow Lite for Microcontrollers has a kernel of 16-bit activations for an operator
/// that it has one of 8 bits for. Sources: `quantizable_int16` of `operator_property.cc`, and the
/// kernels themselves.
pub(crate) const fn has_sixteen_bits(op: &Op) -> bool {
    !matches!(
        op,
        Op::ArgMax(_)
            | Op::ArgMin(_)
            | Op::BatchToSpaceNd(_)
            | Op::Cumsum(_)
            | Op::DepthToSpace(_)
            | Op::Elu(_)
            | Op::Equal(_)
            | Op::Gather(_)
            | Op::GatherNd(_)
            | Op::Greater(_)
            | Op::GreaterEqual(_)
            | Op::HardSwish(_)
            | Op::Less(_)
            | Op::LessEqual(_)
            | Op::MirrorPad(_)
            | Op::NotEqual(_)
            | Op::Prelu(_)
            | Op::ResizeBilinear(_)
            | Op::SpaceToBatchNd(_)
            | Op::SpaceToDepth(_)
    )
}
