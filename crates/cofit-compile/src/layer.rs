//! One operator in plain numbers: what rules are checked on and timing formulas are fed with.

use cofit_ir::ops::window::PaddingAmounts;
use cofit_ir::{Activation, Extent2d, Graph, Op, OperatorId, Padding, Shape, Tensor, TensorId};
use cofit_vocab::{Bytes, ElementType, Macs, OperatorKind};

/// Height, width and channels of a feature map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extents {
    /// Rows; the product of all outer axes but the batch where the tensor has more than four.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Channels.
    pub channels: u32,
}

impl Extents {
    /// The extents of a shape read as `[batch, height, width, channels]`. Of two axes the outer
    /// one is the batch, as in a dense layer.
    pub fn of(shape: &Shape) -> Self {
        match shape.dimensions() {
            [] => Self { height: 1, width: 1, channels: 1 },
            &[channels] | &[_, channels] => Self { height: 1, width: 1, channels },
            &[_, width, channels] => Self { height: 1, width, channels },
            &[_, height, width, channels] => Self { height, width, channels },
            [_, outer @ .., width, channels] => Self {
                height: outer.iter().fold(1u32, |product, &length| product.saturating_mul(length)),
                width: *width,
                channels: *channels,
            },
        }
    }

    /// Elements, saturating.
    pub const fn elements(self) -> u64 {
        (self.height as u64 * self.width as u64).saturating_mul(self.channels as u64)
    }

    /// Positions: rows times columns.
    pub const fn pixels(self) -> u64 {
        self.height as u64 * self.width as u64
    }
}

/// How an operator pads, with the zeros that this amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerPadding {
    /// As the model states it.
    pub mode: Padding,
    /// Zeros on each side.
    pub amounts: PaddingAmounts,
}

/// One operator in plain numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// What it does.
    pub kind: OperatorKind,
    /// The outermost axis of the first operand.
    pub batch: u32,
    /// Extents of the first activation operand.
    pub input: Extents,
    /// Extents of the first result.
    pub output: Extents,
    /// Taps of the window; 1x1 where there is none.
    pub kernel: Extent2d,
    /// Stride; 1x1 where there is none.
    pub stride: Extent2d,
    /// Dilation; 1x1 where there is none.
    pub dilation: Extent2d,
    /// Padding of windowed operators.
    pub padding: Option<LayerPadding>,
    /// Groups of a convolution; 1 elsewhere.
    pub groups: u32,
    /// Output channels per input channel of a depthwise convolution; 1 elsewhere.
    pub multiplier: u32,
    /// The activation inside the operator.
    pub activation: Activation,
    /// Element type of the first activation operand.
    pub element: ElementType,
    /// Element type of the weights.
    pub weight_element: Option<ElementType>,
    /// Scales of the weights: one, or one for each channel; none of floats.
    pub weight_scales: usize,
    /// Number of activation operands.
    pub activations: u32,
    /// The weights, which may be computed at run time.
    pub weights: Option<TensorId>,
    /// The bias.
    pub bias: Option<TensorId>,
    /// The largest rank of any operand or result.
    pub rank: usize,
    /// The largest axis length of any activation.
    pub dimension: u32,
    /// Multiply-accumulates as written.
    pub macs: Macs,
    /// Bytes of the constants, as the model stores them.
    pub constant_bytes: Bytes,
}

impl Layer {
    /// Whether the operator computes with shapes and indices rather than with features: wide
    /// integers and no weights. Quantisation says nothing about it.
    pub fn is_bookkeeping(&self) -> bool {
        self.weights.is_none()
            && matches!(
                self.element,
                ElementType::Bool | ElementType::Int32 | ElementType::UInt32 | ElementType::Int64
            )
    }

    /// The numbers of one operator. Shapes that break the operator's own rules, which the verifier
    /// reports, read as 1.
    pub fn of(graph: &Graph, id: OperatorId) -> Self {
        let operator = &graph.operators[id];
        let tensor = |index: usize| operator.input(index).map(|id| &graph.tensors[id]);
        let (weights, bias) = match operator.kind() {
            OperatorKind::Conv2d | OperatorKind::DepthwiseConv2d | OperatorKind::FullyConnected => {
                (operator.input(1), operator.input(2))
            }
            OperatorKind::TransposeConv2d => (operator.input(1), operator.input(3)),
            _ => (None, None),
        };
        let activations: Vec<&Tensor> = operator
            .inputs
            .iter()
            .flatten()
            .map(|&id| &graph.tensors[id])
            .filter(|tensor| !tensor.is_constant())
            .collect();
        let first = activations.first().copied().or_else(|| tensor(0));
        let result = operator.outputs.first().map(|&id| &graph.tensors[id]);
        let weight_shape = weights.map(|id| &graph.tensors[id].shape);

        let input = first.map_or(Extents::default(), |tensor| Extents::of(&tensor.shape));
        let output = result.map_or(Extents::default(), |tensor| Extents::of(&tensor.shape));
        let geometry = Geometry::of(&operator.op, weight_shape);
        let padding = geometry.padding.map(|mode| LayerPadding {
            mode,
            amounts: geometry
                .window()
                .padding_amounts(input.height, input.width, mode)
                .unwrap_or_default(),
        });
        let groups = match (operator.kind(), weight_shape) {
            (OperatorKind::Conv2d, Some(shape)) => {
                input.channels.checked_div(shape.last()).unwrap_or(1).max(1)
            }
            (OperatorKind::DepthwiseConv2d, _) => input.channels.max(1),
            _ => 1,
        };
        let multiplier = match operator.kind() {
            OperatorKind::DepthwiseConv2d => {
                output.channels.checked_div(input.channels).unwrap_or(1).max(1)
            }
            _ => 1,
        };
        let all = operator.inputs.iter().flatten().chain(&operator.outputs);
        Self {
            kind: operator.kind(),
            batch: first.and_then(|tensor| tensor.shape.get(0)).unwrap_or(1),
            input,
            output,
            kernel: geometry.kernel,
            stride: geometry.stride,
            dilation: geometry.dilation,
            padding,
            groups,
            multiplier,
            activation: geometry.activation,
            element: first.map_or(ElementType::Int8, |tensor| tensor.element),
            weight_element: weights.map(|id| graph.tensors[id].element),
            weight_scales: weights
                .and_then(|id| graph.tensors[id].quantisation.as_ref())
                .map_or(0, |quantisation| quantisation.scales.len()),
            activations: activations.len() as u32,
            weights,
            bias,
            rank: all.map(|&id| graph.tensors[id].shape.rank()).max().unwrap_or(0),
            dimension: activations
                .iter()
                .copied()
                .chain(result)
                .flat_map(|tensor| tensor.shape.dimensions().iter().copied())
                .max()
                .unwrap_or(1),
            macs: graph.macs(id),
            constant_bytes: operator
                .inputs
                .iter()
                .flatten()
                .map(|&id| &graph.tensors[id])
                .filter(|tensor| tensor.is_constant())
                .map(Tensor::bytes)
                .sum(),
        }
    }
}

/// The window of an operator, or 1x1.
struct Geometry {
    kernel: Extent2d,
    stride: Extent2d,
    dilation: Extent2d,
    padding: Option<Padding>,
    activation: Activation,
}

impl Geometry {
    /// An operator without a window.
    const fn point(activation: Activation) -> Self {
        Self {
            kernel: Extent2d::ONE,
            stride: Extent2d::ONE,
            dilation: Extent2d::ONE,
            padding: None,
            activation,
        }
    }

    /// The window of `op`, whose weights have the shape `weights`.
    fn of(op: &Op, weights: Option<&Shape>) -> Self {
        let taps = || {
            let length = |axis| weights.and_then(|shape| shape.get(axis)).unwrap_or(1);
            Extent2d::new(length(1), length(2))
        };
        match op {
            Op::Conv2d(conv) => Self {
                kernel: taps(),
                stride: conv.stride,
                dilation: conv.dilation,
                padding: Some(conv.padding),
                activation: conv.activation,
            },
            Op::DepthwiseConv2d(conv) => Self {
                kernel: taps(),
                stride: conv.stride,
                dilation: conv.dilation,
                padding: Some(conv.padding),
                activation: conv.activation,
            },
            Op::TransposeConv2d(conv) => Self {
                kernel: taps(),
                stride: conv.stride,
                dilation: Extent2d::ONE,
                padding: Some(conv.padding),
                activation: conv.activation,
            },
            Op::AveragePool2d(pool) => Self {
                kernel: pool.filter,
                stride: pool.stride,
                dilation: Extent2d::ONE,
                padding: Some(pool.padding),
                activation: pool.activation,
            },
            Op::MaxPool2d(pool) => Self {
                kernel: pool.filter,
                stride: pool.stride,
                dilation: Extent2d::ONE,
                padding: Some(pool.padding),
                activation: pool.activation,
            },
            Op::FullyConnected(op) => Self::point(op.activation),
            Op::Add(op) => Self::point(op.activation),
            Op::Sub(op) => Self::point(op.activation),
            Op::Mul(op) => Self::point(op.activation),
            Op::Div(op) => Self::point(op.activation),
            Op::L2Normalization(op) => Self::point(op.activation),
            Op::Concatenation(op) => Self::point(op.activation),
            Op::Svdf(op) => Self::point(op.activation),
            Op::UnidirectionalSequenceLstm(op) => Self::point(op.activation),
            Op::Abs(_)
            | Op::ArgMax(_)
            | Op::ArgMin(_)
            | Op::AssignVariable(_)
            | Op::BatchMatMul(_)
            | Op::BatchNormalization(_)
            | Op::BatchToSpaceNd(_)
            | Op::BroadcastTo(_)
            | Op::CallOnce(_)
            | Op::Cast(_)
            | Op::Ceil(_)
            | Op::Cos(_)
            | Op::Cumsum(_)
            | Op::Custom(_)
            | Op::DepthToSpace(_)
            | Op::Dequantize(_)
            | Op::Elu(_)
            | Op::Equal(_)
            | Op::Erf(_)
            | Op::Exp(_)
            | Op::ExpandDims(_)
            | Op::Fill(_)
            | Op::Floor(_)
            | Op::FloorDiv(_)
            | Op::FloorMod(_)
            | Op::Gather(_)
            | Op::GatherNd(_)
            | Op::Gelu(_)
            | Op::Greater(_)
            | Op::GreaterEqual(_)
            | Op::Gru(_)
            | Op::HardSwish(_)
            | Op::LeakyRelu(_)
            | Op::Less(_)
            | Op::LessEqual(_)
            | Op::Log(_)
            | Op::LogSoftmax(_)
            | Op::LogicalAnd(_)
            | Op::LogicalNot(_)
            | Op::LogicalOr(_)
            | Op::Logistic(_)
            | Op::Maximum(_)
            | Op::Mean(_)
            | Op::Minimum(_)
            | Op::MirrorPad(_)
            | Op::Neg(_)
            | Op::NotEqual(_)
            | Op::Pack(_)
            | Op::Pad(_)
            | Op::Pow(_)
            | Op::Prelu(_)
            | Op::Quantize(_)
            | Op::ReadVariable(_)
            | Op::ReduceMax(_)
            | Op::ReduceMin(_)
            | Op::ReduceProd(_)
            | Op::Relu(_)
            | Op::Relu6(_)
            | Op::ReluN1To1(_)
            | Op::Reshape(_)
            | Op::ResizeBilinear(_)
            | Op::ResizeNearestNeighbor(_)
            | Op::Reverse(_)
            | Op::Round(_)
            | Op::Rsqrt(_)
            | Op::Select(_)
            | Op::Shape(_)
            | Op::Sign(_)
            | Op::Sin(_)
            | Op::Slice(_)
            | Op::Softmax(_)
            | Op::SpaceToBatchNd(_)
            | Op::SpaceToDepth(_)
            | Op::Split(_)
            | Op::SplitV(_)
            | Op::Sqrt(_)
            | Op::Square(_)
            | Op::SquaredDifference(_)
            | Op::Squeeze(_)
            | Op::StridedSlice(_)
            | Op::Sum(_)
            | Op::Tanh(_)
            | Op::Tile(_)
            | Op::Transpose(_)
            | Op::Unpack(_)
            | Op::VarHandle(_)
            | Op::While(_) => Self::point(Activation::None),
        }
    }

    const fn window(&self) -> cofit_ir::ops::window::Window {
        cofit_ir::ops::window::Window {
            kernel: self.kernel,
            stride: self.stride,
            dilation: self.dilation,
        }
    }
}
