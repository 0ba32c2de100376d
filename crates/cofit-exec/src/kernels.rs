//! Every operator's kernel, one file each.

mod abs;
mod add;
mod arg_extremum;
mod average_pool2d;
mod batch_mat_mul;
mod batch_normalization;
mod broadcast_to;
mod cast;
pub(crate) mod channel_sums;
mod comparison;
mod concatenation;
mod conv2d;
mod cumsum;
mod custom;
mod depth_to_space;
mod depthwise_conv2d;
mod dequantize;
mod div;
mod dot;
mod dynamic_range;
mod elu;
mod fill;
mod floor_div;
mod fully_connected;
mod gather;
mod gather_nd;
mod gru;
mod hard_swish;
mod l2_normalization;
mod leaky_relu;
mod log;
mod log_softmax;
mod logical;
mod logistic;
mod max_pool2d;
mod maximum;
mod mean;
mod mirror_pad;
mod mul;
mod neg;
mod pack;
mod pad;
mod pool;
mod pow;
mod prelu;
mod quantize;
mod real_functions;
mod reduce_extremum;
mod reduce_prod;
mod relu;
mod requantiser;
mod reshape;
mod resize_bilinear;
mod resize_nearest_neighbor;
mod reverse;
mod rsqrt;
mod select;
mod shape;
mod slice;
mod softmax;
mod space_to_batch_nd;
mod space_to_depth;
mod split;
mod sqrt;
mod squared_difference;
mod strided_slice;
mod sub;
pub(crate) mod sums;
mod svdf;
mod tanh;
mod tile;
mod transpose;
mod transpose_conv2d;
mod unidirectional_sequence_lstm;
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
        Op::Abs(_) => abs::prepare(site),
        Op::Add(_) => add::prepare(site),
        Op::ArgMax(_) => arg_extremum::prepare(site, arg_extremum::Kind::Largest),
        Op::ArgMin(_) => arg_extremum::prepare(site, arg_extremum::Kind::Smallest),
        Op::AveragePool2d(op) => average_pool2d::prepare(op, site),
        Op::BatchMatMul(op) => batch_mat_mul::prepare(op, site),
        Op::BatchNormalization(_) => batch_normalization::prepare(site),
        Op::BatchToSpaceNd(_) => space_to_batch_nd::prepare_to_space(site),
        Op::BroadcastTo(_) => broadcast_to::prepare(site),
        Op::Cast(_) => cast::prepare(site),
        Op::Ceil(_) => real_functions::prepare(site),
        Op::Concatenation(op) => concatenation::prepare(site, op),
        Op::Conv2d(op) => conv2d::prepare(op, site),
        Op::Cos(_) => real_functions::prepare(site),
        Op::Cumsum(op) => cumsum::prepare(site, op),
        Op::Custom(op) => custom::prepare(site, op),
        Op::DepthToSpace(op) => depth_to_space::prepare(site, op),
        Op::DepthwiseConv2d(op) => depthwise_conv2d::prepare(op, site),
        Op::Dequantize(_) => dequantize::prepare(site),
        Op::Div(_) => div::prepare(site),
        Op::Elu(_) => elu::prepare(site),
        Op::Equal(_) => comparison::prepare(site),
        Op::Erf(_) => real_functions::prepare(site),
        Op::Exp(_) => real_functions::prepare(site),
        Op::Fill(_) => fill::prepare(site),
        Op::Floor(_) => real_functions::prepare(site),
        Op::FloorDiv(_) => floor_div::prepare(site),
        Op::FloorMod(_) => floor_div::prepare(site),
        Op::FullyConnected(op) => fully_connected::prepare(op, site),
        Op::Gather(op) => gather::prepare(site, op),
        Op::GatherNd(_) => gather_nd::prepare(site),
        Op::Gelu(_) => real_functions::prepare(site),
        Op::Greater(_) => comparison::prepare(site),
        Op::GreaterEqual(_) => comparison::prepare(site),
        Op::Gru(op) => gru::prepare(site, op),
        Op::HardSwish(_) => hard_swish::prepare(site),
        Op::L2Normalization(_) => l2_normalization::prepare(site),
        Op::LeakyRelu(_) => leaky_relu::prepare(site),
        Op::Less(_) => comparison::prepare(site),
        Op::LessEqual(_) => comparison::prepare(site),
        Op::Log(_) => log::prepare(site),
        Op::LogSoftmax(_) => log_softmax::prepare(site),
        Op::LogicalAnd(_) => logical::prepare(site),
        Op::LogicalNot(_) => logical::prepare(site),
        Op::LogicalOr(_) => logical::prepare(site),
        Op::Logistic(_) => logistic::prepare(site),
        Op::MaxPool2d(op) => max_pool2d::prepare(op, site),
        Op::Maximum(_) => maximum::prepare(site),
        Op::Mean(_) => mean::prepare(site, mean::Kind::Mean),
        Op::Minimum(_) => maximum::prepare(site),
        Op::MirrorPad(op) => mirror_pad::prepare(site, op),
        Op::Mul(_) => mul::prepare(site),
        Op::Neg(_) => neg::prepare(site),
        Op::NotEqual(_) => comparison::prepare(site),
        Op::Pack(op) => pack::prepare(site, op),
        Op::Pad(_) => pad::prepare(site),
        Op::Pow(_) => pow::prepare(site),
        Op::Prelu(_) => prelu::prepare(site),
        Op::Quantize(_) => quantize::prepare(site),
        Op::ReduceMax(_) => reduce_extremum::prepare(site, reduce_extremum::Kind::Largest),
        Op::ReduceMin(_) => reduce_extremum::prepare(site, reduce_extremum::Kind::Smallest),
        Op::ReduceProd(_) => reduce_prod::prepare(site),
        Op::Relu(_) => relu::prepare(site),
        Op::Relu6(_) => relu::prepare(site),
        Op::ReluN1To1(_) => relu::prepare(site),
        Op::ResizeBilinear(op) => resize_bilinear::prepare(site, op),
        Op::ResizeNearestNeighbor(op) => resize_nearest_neighbor::prepare(site, op),
        Op::Reverse(_) => reverse::prepare(site),
        Op::Round(_) => real_functions::prepare(site),
        Op::Rsqrt(_) => rsqrt::prepare(site),
        Op::Select(_) => select::prepare(site),
        Op::Shape(_) => shape::prepare(site),
        Op::Sign(_) => real_functions::prepare(site),
        Op::Sin(_) => real_functions::prepare(site),
        Op::Slice(_) => slice::prepare(site),
        Op::Softmax(_) => softmax::prepare(site),
        Op::SpaceToBatchNd(_) => space_to_batch_nd::prepare_to_batch(site),
        Op::SpaceToDepth(op) => space_to_depth::prepare(site, op),
        Op::Split(_) => split::prepare(site, 1, 0),
        Op::SplitV(_) => split::prepare(site, 0, 2),
        Op::Sqrt(_) => sqrt::prepare(site),
        Op::Square(_) => real_functions::prepare(site),
        Op::SquaredDifference(_) => squared_difference::prepare(site),
        Op::StridedSlice(op) => strided_slice::prepare(site, op),
        Op::Sub(_) => sub::prepare(site),
        Op::Sum(_) => mean::prepare(site, mean::Kind::Sum),
        Op::Svdf(op) => svdf::prepare(site, op),
        Op::Tanh(_) => tanh::prepare(site),
        Op::Tile(_) => tile::prepare(site),
        Op::Transpose(_) => transpose::prepare(site),
        Op::TransposeConv2d(op) => transpose_conv2d::prepare(op, site),
        Op::UnidirectionalSequenceLstm(op) => unidirectional_sequence_lstm::prepare(site, op),
        Op::Unpack(op) => unpack::prepare(site, op),
        Op::VarHandle(_) => Err(site.unsupported()),
        Op::AssignVariable(_) => Err(site.unsupported()),
        Op::ReadVariable(_) => Err(site.unsupported()),
        Op::CallOnce(_) => Err(site.unsupported()),
        Op::While(_) => Err(site.unsupported()),
    }
}
