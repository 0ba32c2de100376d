//! Which operators can walk over maps, and how.

use cofit_ir::ops::window::Window;
use cofit_ir::{Op, Padding, Tensor};

/// How an operator could walk over maps.
pub(crate) enum Walk {
    /// A window over operand 0; one without a kernel of its own takes it from the weights' shape.
    Window(Option<Window>, Padding),
    /// A constant border around the map.
    Border,
    /// Every element by itself.
    Elementwise,
    /// Operands side by side along an axis.
    Join(i64),
    /// The mean over axes.
    Average,
    /// Not at all.
    Whole,
}

/// How an operator could walk over maps, from its kind and attributes.
pub(crate) fn walk_of(op: &Op) -> Walk {
    match op {
        Op::Conv2d(conv) => Walk::Window(None, conv.padding),
        Op::DepthwiseConv2d(conv) => Walk::Window(None, conv.padding),
        Op::AveragePool2d(pool) => Walk::Window(Some(pool.window()), pool.padding),
        Op::MaxPool2d(pool) => Walk::Window(Some(pool.window()), pool.padding),
        Op::Pad(_) => Walk::Border,
        Op::Concatenation(join) => Walk::Join(join.axis.into()),
        Op::Mean(_) => Walk::Average,
        Op::Abs(_)
        | Op::Add(_)
        | Op::Dequantize(_)
        | Op::Elu(_)
        | Op::HardSwish(_)
        | Op::LeakyRelu(_)
        | Op::Logistic(_)
        | Op::Maximum(_)
        | Op::Minimum(_)
        | Op::Mul(_)
        | Op::Neg(_)
        | Op::Prelu(_)
        | Op::Quantize(_)
        | Op::Relu(_)
        | Op::Relu6(_)
        | Op::ReluN1To1(_)
        | Op::Sub(_)
        | Op::Tanh(_) => Walk::Elementwise,
        Op::ArgMax(_)
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
        | Op::Div(_)
        | Op::Equal(_)
        | Op::Erf(_)
        | Op::Exp(_)
        | Op::ExpandDims(_)
        | Op::Fill(_)
        | Op::Floor(_)
        | Op::FloorDiv(_)
        | Op::FloorMod(_)
        | Op::FullyConnected(_)
        | Op::Gather(_)
        | Op::GatherNd(_)
        | Op::Gelu(_)
        | Op::Greater(_)
        | Op::GreaterEqual(_)
        | Op::Gru(_)
        | Op::L2Normalization(_)
        | Op::Less(_)
        | Op::LessEqual(_)
        | Op::Log(_)
        | Op::LogSoftmax(_)
        | Op::LogicalAnd(_)
        | Op::LogicalNot(_)
        | Op::LogicalOr(_)
        | Op::MirrorPad(_)
        | Op::NotEqual(_)
        | Op::Pack(_)
        | Op::Pow(_)
        | Op::ReadVariable(_)
        | Op::ReduceMax(_)
        | Op::ReduceMin(_)
        | Op::ReduceProd(_)
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
        | Op::Svdf(_)
        | Op::Tile(_)
        | Op::Transpose(_)
        | Op::TransposeConv2d(_)
        | Op::UnidirectionalSequenceLstm(_)
        | Op::Unpack(_)
        | Op::VarHandle(_)
        | Op::While(_) => Walk::Whole,
    }
}

/// The window of a convolution, from its weights.
pub(crate) fn kernel_of(op: &Op, weights: Option<&Tensor>) -> Option<Window> {
    let weights = &weights?.shape;
    match op {
        Op::Conv2d(conv) => conv.window(weights),
        Op::DepthwiseConv2d(conv) => conv.window(weights),
        _ => None,
    }
}
