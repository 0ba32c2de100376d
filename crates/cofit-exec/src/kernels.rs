//! Every operator's kernel, one file each.

mod add;
mod average_pool2d;
mod batch_mat_mul;
mod broadcast_to;
mod concatenation;
mod conv2d;
mod custom;
mod depth_to_space;
mod depthwise_conv2d;
mod dequantize;
mod dot;
mod elu;
mod fill;
mod fully_connected;
mod hard_swish;
mod leaky_relu;
mod logistic;
mod max_pool2d;
mod maximum;
mod mul;
mod pack;
mod pad;
mod pool;
mod prelu;
mod quantize;
mod relu;
mod requantiser;
mod reshape;
mod reverse;
mod shape;
mod slice;
mod softmax;
mod space_to_depth;
mod split;
mod strided_slice;
mod sub;
mod tanh;
mod tile;
mod transpose;
mod transpose_conv2d;
mod unpack;
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
        Op::Add(_) => add::prepare(site),
        Op::ArgMax(_) => Err(site.unsupported()),
        Op::ArgMin(_) => Err(site.unsupported()),
        Op::AveragePool2d(op) => average_pool2d::prepare(op, site),
        Op::BatchMatMul(op) => batch_mat_mul::prepare(op, site),
        Op::BatchNormalization(_) => Err(site.unsupported()),
        Op::BatchToSpaceNd(_) => Err(site.unsupported()),
        Op::BroadcastTo(_) => broadcast_to::prepare(site),
        Op::Cast(_) => Err(site.unsupported()),
        Op::Ceil(_) => Err(site.unsupported()),
        Op::Concatenation(op) => concatenation::prepare(site, op),
        Op::Conv2d(op) => conv2d::prepare(op, site),
        Op::Cos(_) => Err(site.unsupported()),
        Op::Cumsum(_) => Err(site.unsupported()),
        Op::Custom(op) => custom::prepare(site, op),
        Op::DepthToSpace(op) => depth_to_space::prepare(site, op),
        Op::DepthwiseConv2d(op) => depthwise_conv2d::prepare(op, site),
        Op::Dequantize(_) => dequantize::prepare(site),
        Op::Div(_) => Err(site.unsupported()),
        Op::Elu(_) => elu::prepare(site),
        Op::Equal(_) => Err(site.unsupported()),
        Op::Erf(_) => Err(site.unsupported()),
        Op::Exp(_) => Err(site.unsupported()),
        Op::Fill(_) => fill::prepare(site),
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
        Op::HardSwish(_) => hard_swish::prepare(site),
        Op::L2Normalization(_) => Err(site.unsupported()),
        Op::LeakyRelu(_) => leaky_relu::prepare(site),
        Op::Less(_) => Err(site.unsupported()),
        Op::LessEqual(_) => Err(site.unsupported()),
        Op::Log(_) => Err(site.unsupported()),
        Op::LogSoftmax(_) => Err(site.unsupported()),
        Op::LogicalAnd(_) => Err(site.unsupported()),
        Op::LogicalNot(_) => Err(site.unsupported()),
        Op::LogicalOr(_) => Err(site.unsupported()),
        Op::Logistic(_) => logistic::prepare(site),
        Op::MaxPool2d(op) => max_pool2d::prepare(op, site),
        Op::Maximum(_) => maximum::prepare(site),
        Op::Mean(_) => Err(site.unsupported()),
        Op::Minimum(_) => maximum::prepare(site),
        Op::MirrorPad(_) => Err(site.unsupported()),
        Op::Mul(_) => mul::prepare(site),
        Op::Neg(_) => Err(site.unsupported()),
        Op::NotEqual(_) => Err(site.unsupported()),
        Op::Pack(op) => pack::prepare(site, op),
        Op::Pad(_) => pad::prepare(site),
        Op::Pow(_) => Err(site.unsupported()),
        Op::Prelu(_) => prelu::prepare(site),
        Op::Quantize(_) => quantize::prepare(site),
        Op::ReduceMax(_) => Err(site.unsupported()),
        Op::ReduceMin(_) => Err(site.unsupported()),
        Op::ReduceProd(_) => Err(site.unsupported()),
        Op::Relu(_) => relu::prepare(site),
        Op::Relu6(_) => relu::prepare(site),
        Op::ReluN1To1(_) => relu::prepare(site),
        Op::ResizeBilinear(_) => Err(site.unsupported()),
        Op::ResizeNearestNeighbor(_) => Err(site.unsupported()),
        Op::Reverse(_) => reverse::prepare(site),
        Op::Round(_) => Err(site.unsupported()),
        Op::Rsqrt(_) => Err(site.unsupported()),
        Op::Select(_) => Err(site.unsupported()),
        Op::Shape(_) => shape::prepare(site),
        Op::Sign(_) => Err(site.unsupported()),
        Op::Sin(_) => Err(site.unsupported()),
        Op::Slice(_) => slice::prepare(site),
        Op::Softmax(_) => softmax::prepare(site),
        Op::SpaceToBatchNd(_) => Err(site.unsupported()),
        Op::SpaceToDepth(op) => space_to_depth::prepare(site, op),
        Op::Split(_) => split::prepare(site, 1, 0),
        Op::SplitV(_) => split::prepare(site, 0, 2),
        Op::Sqrt(_) => Err(site.unsupported()),
        Op::Square(_) => Err(site.unsupported()),
        Op::SquaredDifference(_) => Err(site.unsupported()),
        Op::StridedSlice(op) => strided_slice::prepare(site, op),
        Op::Sub(_) => sub::prepare(site),
        Op::Sum(_) => Err(site.unsupported()),
        Op::Svdf(_) => Err(site.unsupported()),
        Op::Tanh(_) => tanh::prepare(site),
        Op::Tile(_) => tile::prepare(site),
        Op::Transpose(_) => transpose::prepare(site),
        Op::TransposeConv2d(op) => transpose_conv2d::prepare(op, site),
        Op::UnidirectionalSequenceLstm(_) => Err(site.unsupported()),
        Op::Unpack(op) => unpack::prepare(site, op),
        Op::VarHandle(_) => Err(site.unsupported()),
        Op::AssignVariable(_) => Err(site.unsupported()),
        Op::ReadVariable(_) => Err(site.unsupported()),
        Op::CallOnce(_) => Err(site.unsupported()),
        Op::While(_) => Err(site.unsupported()),
    }
}
