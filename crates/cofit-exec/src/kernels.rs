//! Every operator's kernel, one file each.

mod arg_extremum;
mod broadcast_to;
mod concatenation;
mod cumsum;
mod custom;
mod depth_to_space;
mod fill;
mod gather;
mod gather_nd;
mod gru;
mod mean;
mod mirror_pad;
mod pack;
mod pad;
mod reduce_extremum;
mod reduce_prod;
mod reshape;
mod resize_bilinear;
mod resize_nearest_neighbor;
mod reverse;
mod shape;
mod slice;
mod space_to_batch_nd;
mod space_to_depth;
mod split;
mod strided_slice;
mod svdf;
mod tile;
mod transpose;
mod unidirectional_sequence_lstm;
mod unpack;

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
        Op::ArgMax(_) => arg_extremum::prepare(site, arg_extremum::Kind::Largest),
        Op::ArgMin(_) => arg_extremum::prepare(site, arg_extremum::Kind::Smallest),
        Op::AveragePool2d(_) => Err(site.unsupported()),
        Op::BatchMatMul(_) => Err(site.unsupported()),
        Op::BatchNormalization(_) => Err(site.unsupported()),
        Op::BatchToSpaceNd(_) => space_to_batch_nd::prepare_to_space(site),
        Op::BroadcastTo(_) => broadcast_to::prepare(site),
        Op::Cast(_) => Err(site.unsupported()),
        Op::Ceil(_) => Err(site.unsupported()),
        Op::Concatenation(op) => concatenation::prepare(site, op),
        Op::Conv2d(_) => Err(site.unsupported()),
        Op::Cos(_) => Err(site.unsupported()),
        Op::Cumsum(op) => cumsum::prepare(site, op),
        Op::Custom(op) => custom::prepare(site, op),
        Op::DepthToSpace(op) => depth_to_space::prepare(site, op),
        Op::DepthwiseConv2d(_) => Err(site.unsupported()),
        Op::Dequantize(_) => Err(site.unsupported()),
        Op::Div(_) => Err(site.unsupported()),
        Op::Elu(_) => Err(site.unsupported()),
        Op::Equal(_) => Err(site.unsupported()),
        Op::Erf(_) => Err(site.unsupported()),
        Op::Exp(_) => Err(site.unsupported()),
        Op::Fill(_) => fill::prepare(site),
        Op::Floor(_) => Err(site.unsupported()),
        Op::FloorDiv(_) => Err(site.unsupported()),
        Op::FloorMod(_) => Err(site.unsupported()),
        Op::FullyConnected(_) => Err(site.unsupported()),
        Op::Gather(op) => gather::prepare(site, op),
        Op::GatherNd(_) => gather_nd::prepare(site),
        Op::Gelu(_) => Err(site.unsupported()),
        Op::Greater(_) => Err(site.unsupported()),
        Op::GreaterEqual(_) => Err(site.unsupported()),
        Op::Gru(op) => gru::prepare(site, op),
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
        Op::MaxPool2d(_) => Err(site.unsupported()),
        Op::Maximum(_) => Err(site.unsupported()),
        Op::Mean(_) => mean::prepare(site, mean::Kind::Mean),
        Op::Minimum(_) => Err(site.unsupported()),
        Op::MirrorPad(op) => mirror_pad::prepare(site, op),
        Op::Mul(_) => Err(site.unsupported()),
        Op::Neg(_) => Err(site.unsupported()),
        Op::NotEqual(_) => Err(site.unsupported()),
        Op::Pack(op) => pack::prepare(site, op),
        Op::Pad(_) => pad::prepare(site),
        Op::Pow(_) => Err(site.unsupported()),
        Op::Prelu(_) => Err(site.unsupported()),
        Op::Quantize(_) => Err(site.unsupported()),
        Op::ReduceMax(_) => reduce_extremum::prepare(site, reduce_extremum::Kind::Largest),
        Op::ReduceMin(_) => reduce_extremum::prepare(site, reduce_extremum::Kind::Smallest),
        Op::ReduceProd(_) => reduce_prod::prepare(site),
        Op::Relu(_) => Err(site.unsupported()),
        Op::Relu6(_) => Err(site.unsupported()),
        Op::ReluN1To1(_) => Err(site.unsupported()),
        Op::ResizeBilinear(op) => resize_bilinear::prepare(site, op),
        Op::ResizeNearestNeighbor(op) => resize_nearest_neighbor::prepare(site, op),
        Op::Reverse(_) => reverse::prepare(site),
        Op::Round(_) => Err(site.unsupported()),
        Op::Rsqrt(_) => Err(site.unsupported()),
        Op::Select(_) => Err(site.unsupported()),
        Op::Shape(_) => shape::prepare(site),
        Op::Sign(_) => Err(site.unsupported()),
        Op::Sin(_) => Err(site.unsupported()),
        Op::Slice(_) => slice::prepare(site),
        Op::Softmax(_) => Err(site.unsupported()),
        Op::SpaceToBatchNd(_) => space_to_batch_nd::prepare_to_batch(site),
        Op::SpaceToDepth(op) => space_to_depth::prepare(site, op),
        Op::Split(_) => split::prepare(site, 1, 0),
        Op::SplitV(_) => split::prepare(site, 0, 2),
        Op::Sqrt(_) => Err(site.unsupported()),
        Op::Square(_) => Err(site.unsupported()),
        Op::SquaredDifference(_) => Err(site.unsupported()),
        Op::StridedSlice(op) => strided_slice::prepare(site, op),
        Op::Sub(_) => Err(site.unsupported()),
        Op::Sum(_) => mean::prepare(site, mean::Kind::Sum),
        Op::Svdf(op) => svdf::prepare(site, op),
        Op::Tanh(_) => Err(site.unsupported()),
        Op::Tile(_) => tile::prepare(site),
        Op::Transpose(_) => transpose::prepare(site),
        Op::TransposeConv2d(_) => Err(site.unsupported()),
        Op::UnidirectionalSequenceLstm(op) => unidirectional_sequence_lstm::prepare(site, op),
        Op::Unpack(op) => unpack::prepare(site, op),
        Op::VarHandle(_) => Err(site.unsupported()),
        Op::AssignVariable(_) => Err(site.unsupported()),
        Op::ReadVariable(_) => Err(site.unsupported()),
        Op::CallOnce(_) => Err(site.unsupported()),
        Op::While(_) => Err(site.unsupported()),
    }
}
