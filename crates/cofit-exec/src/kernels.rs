//! Every operator's kernel, one file each.

mod average_pool2d;
mod batch_mat_mul;
mod conv2d;
mod depthwise_conv2d;
mod dot;
mod fully_connected;
mod max_pool2d;
mod pool;
mod requantiser;
mod reshape;
mod transpose_conv2d;
mod weights;
mod window;

use cofit_ir::Op;

use crate::call::Kernel;
use crate::site::{Refusal, Site};

/// The kernel of an operator.
///
/// Operators that call graphs or name variables have none: the network runs them itself.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match &site.operator().op {
        Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_) => reshape::prepare(site),
        Op::Abs(_) => Err(site.unsupported()),
        Op::Add(_) => Err(site.unsupported()),
        Op::ArgMax(_) => Err(site.unsupported()),
        Op::ArgMin(_) => Err(site.unsupported()),
        Op::AveragePool2d(op) => average_pool2d::prepare(op, site),
        Op::BatchMatMul(op) => batch_mat_mul::prepare(op, site),
        Op::BatchNormalization(_) => Err(site.unsupported()),
        Op::BatchToSpaceNd(_) => Err(site.unsupported()),
        Op::BroadcastTo(_) => Err(site.unsupported()),
        Op::Cast(_) => Err(site.unsupported()),
        Op::Ceil(_) => Err(site.unsupported()),
        Op::Concatenation(_) => Err(site.unsupported()),
        Op::Conv2d(op) => conv2d::prepare(op, site),
        Op::Cos(_) => Err(site.unsupported()),
        Op::Cumsum(_) => Err(site.unsupported()),
        Op::Custom(_) => Err(site.unsupported()),
        Op::DepthToSpace(_) => Err(site.unsupported()),
        Op::DepthwiseConv2d(op) => depthwise_conv2d::prepare(op, site),
        Op::Dequantize(_) => Err(site.unsupported()),
        Op::Div(_) => Err(site.unsupported()),
        Op::Elu(_) => Err(site.unsupported()),
        Op::Equal(_) => Err(site.unsupported()),
        Op::Erf(_) => Err(site.unsupported()),
        Op::Exp(_) => Err(site.unsupported()),
        Op::Fill(_) => Err(site.unsupported()),
        Op::Floor(_) => Err(site.unsupported()),
        Op::FloorDiv(_) => Err(site.unsupported()),
        Op::FloorMod(_) => Err(site.unsupported()),
        Op::FullyConnected(op) => fully_connected::prepare(op, site),
        Op::Gather(_) => Err(site.unsupported()),
        Op::GatherNd(_) => Err(site.unsupported()),
        Op::Gelu(_) => Err(site.unsupported()),
        Op::Greater(_) => Err(site.unsupported()),
        Op::GreaterEqual(_) => Err(site.unsupported()),
        Op::Gru(_) => Err(site.unsupported()),
        Op::HardSwish(_) => Err(site.unsupported()),
        Op::L2Normalization(_) => Err(site.unsupported()),
        Op::LeakyRelu(_) => Err(site.unsupported()),
        Op::Less(_) => Err(site.unsupported()),
        Op::LessEqual(_) => Err(site.unsupported()),
        Op::Log(_) => Err(site.unsupported()),
        Op::LogSoftmax(_) => Err(site.unsupported()),
        Op::LogicalAnd(_) => Err(site.unsupported()),
        Op::LogicalNot(_) => Err(site.unsupported()),
        Op::LogicalOr(_) => Err(site.unsupported()),
        Op::Logistic(_) => Err(site.unsupported()),
        Op::MaxPool2d(op) => max_pool2d::prepare(op, site),
        Op::Maximum(_) => Err(site.unsupported()),
        Op::Mean(_) => Err(site.unsupported()),
        Op::Minimum(_) => Err(site.unsupported()),
        Op::MirrorPad(_) => Err(site.unsupported()),
        Op::Mul(_) => Err(site.unsupported()),
        Op::Neg(_) => Err(site.unsupported()),
        Op::NotEqual(_) => Err(site.unsupported()),
        Op::Pack(_) => Err(site.unsupported()),
        Op::Pad(_) => Err(site.unsupported()),
        Op::Pow(_) => Err(site.unsupported()),
        Op::Prelu(_) => Err(site.unsupported()),
        Op::Quantize(_) => Err(site.unsupported()),
        Op::ReduceMax(_) => Err(site.unsupported()),
        Op::ReduceMin(_) => Err(site.unsupported()),
        Op::ReduceProd(_) => Err(site.unsupported()),
        Op::Relu(_) => Err(site.unsupported()),
        Op::Relu6(_) => Err(site.unsupported()),
        Op::ReluN1To1(_) => Err(site.unsupported()),
        Op::ResizeBilinear(_) => Err(site.unsupported()),
        Op::ResizeNearestNeighbor(_) => Err(site.unsupported()),
        Op::Reverse(_) => Err(site.unsupported()),
        Op::Round(_) => Err(site.unsupported()),
        Op::Rsqrt(_) => Err(site.unsupported()),
        Op::Select(_) => Err(site.unsupported()),
        Op::Shape(_) => Err(site.unsupported()),
        Op::Sign(_) => Err(site.unsupported()),
        Op::Sin(_) => Err(site.unsupported()),
        Op::Slice(_) => Err(site.unsupported()),
        Op::Softmax(_) => Err(site.unsupported()),
        Op::SpaceToBatchNd(_) => Err(site.unsupported()),
        Op::SpaceToDepth(_) => Err(site.unsupported()),
        Op::Split(_) => Err(site.unsupported()),
        Op::SplitV(_) => Err(site.unsupported()),
        Op::Sqrt(_) => Err(site.unsupported()),
        Op::Square(_) => Err(site.unsupported()),
        Op::SquaredDifference(_) => Err(site.unsupported()),
        Op::StridedSlice(_) => Err(site.unsupported()),
        Op::Sub(_) => Err(site.unsupported()),
        Op::Sum(_) => Err(site.unsupported()),
        Op::Svdf(_) => Err(site.unsupported()),
        Op::Tanh(_) => Err(site.unsupported()),
        Op::Tile(_) => Err(site.unsupported()),
        Op::Transpose(_) => Err(site.unsupported()),
        Op::TransposeConv2d(op) => transpose_conv2d::prepare(op, site),
        Op::UnidirectionalSequenceLstm(_) => Err(site.unsupported()),
        Op::Unpack(_) => Err(site.unsupported()),
        Op::VarHandle(_) => Err(site.unsupported()),
        Op::AssignVariable(_) => Err(site.unsupported()),
        Op::ReadVariable(_) => Err(site.unsupported()),
        Op::CallOnce(_) => Err(site.unsupported()),
        Op::While(_) => Err(site.unsupported()),
    }
}
