//! Every operator's kernel, one file each.

mod abs;
mod add;
mod batch_normalization;
mod cast;
mod comparison;
mod dequantize;
mod div;
mod elu;
mod floor_div;
mod hard_swish;
mod l2_normalization;
mod leaky_relu;
mod log;
mod log_softmax;
mod logical;
mod logistic;
mod maximum;
mod mul;
mod neg;
mod pow;
mod prelu;
mod quantize;
mod real_functions;
mod relu;
mod reshape;
mod rsqrt;
mod select;
mod softmax;
mod sqrt;
mod squared_difference;
mod sub;
mod tanh;

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
        Op::ArgMax(_) => Err(site.unsupported()),
        Op::ArgMin(_) => Err(site.unsupported()),
        Op::AveragePool2d(_) => Err(site.unsupported()),
        Op::BatchMatMul(_) => Err(site.unsupported()),
        Op::BatchNormalization(_) => batch_normalization::prepare(site),
        Op::BatchToSpaceNd(_) => Err(site.unsupported()),
        Op::BroadcastTo(_) => Err(site.unsupported()),
        Op::Cast(_) => cast::prepare(site),
        Op::Ceil(_) => real_functions::prepare(site),
        Op::Concatenation(_) => Err(site.unsupported()),
        Op::Conv2d(_) => Err(site.unsupported()),
        Op::Cos(_) => real_functions::prepare(site),
        Op::Cumsum(_) => Err(site.unsupported()),
        Op::Custom(_) => Err(site.unsupported()),
        Op::DepthToSpace(_) => Err(site.unsupported()),
        Op::DepthwiseConv2d(_) => Err(site.unsupported()),
        Op::Dequantize(_) => dequantize::prepare(site),
        Op::Div(_) => div::prepare(site),
        Op::Elu(_) => elu::prepare(site),
        Op::Equal(_) => comparison::prepare(site),
        Op::Erf(_) => real_functions::prepare(site),
        Op::Exp(_) => real_functions::prepare(site),
        Op::Fill(_) => Err(site.unsupported()),
        Op::Floor(_) => real_functions::prepare(site),
        Op::FloorDiv(_) => floor_div::prepare(site),
        Op::FloorMod(_) => floor_div::prepare(site),
        Op::FullyConnected(_) => Err(site.unsupported()),
        Op::Gather(_) => Err(site.unsupported()),
        Op::GatherNd(_) => Err(site.unsupported()),
        Op::Gelu(_) => real_functions::prepare(site),
        Op::Greater(_) => comparison::prepare(site),
        Op::GreaterEqual(_) => comparison::prepare(site),
        Op::Gru(_) => Err(site.unsupported()),
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
        Op::MaxPool2d(_) => Err(site.unsupported()),
        Op::Maximum(_) => maximum::prepare(site),
        Op::Mean(_) => Err(site.unsupported()),
        Op::Minimum(_) => maximum::prepare(site),
        Op::MirrorPad(_) => Err(site.unsupported()),
        Op::Mul(_) => mul::prepare(site),
        Op::Neg(_) => neg::prepare(site),
        Op::NotEqual(_) => comparison::prepare(site),
        Op::Pack(_) => Err(site.unsupported()),
        Op::Pad(_) => Err(site.unsupported()),
        Op::Pow(_) => pow::prepare(site),
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
        Op::Reverse(_) => Err(site.unsupported()),
        Op::Round(_) => real_functions::prepare(site),
        Op::Rsqrt(_) => rsqrt::prepare(site),
        Op::Select(_) => select::prepare(site),
        Op::Shape(_) => Err(site.unsupported()),
        Op::Sign(_) => real_functions::prepare(site),
        Op::Sin(_) => real_functions::prepare(site),
        Op::Slice(_) => Err(site.unsupported()),
        Op::Softmax(_) => softmax::prepare(site),
        Op::SpaceToBatchNd(_) => Err(site.unsupported()),
        Op::SpaceToDepth(_) => Err(site.unsupported()),
        Op::Split(_) => Err(site.unsupported()),
        Op::SplitV(_) => Err(site.unsupported()),
        Op::Sqrt(_) => sqrt::prepare(site),
        Op::Square(_) => real_functions::prepare(site),
        Op::SquaredDifference(_) => squared_difference::prepare(site),
        Op::StridedSlice(_) => Err(site.unsupported()),
        Op::Sub(_) => sub::prepare(site),
        Op::Sum(_) => Err(site.unsupported()),
        Op::Svdf(_) => Err(site.unsupported()),
        Op::Tanh(_) => tanh::prepare(site),
        Op::Tile(_) => Err(site.unsupported()),
        Op::Transpose(_) => Err(site.unsupported()),
        Op::TransposeConv2d(_) => Err(site.unsupported()),
        Op::UnidirectionalSequenceLstm(_) => Err(site.unsupported()),
        Op::Unpack(_) => Err(site.unsupported()),
        Op::VarHandle(_) => Err(site.unsupported()),
        Op::AssignVariable(_) => Err(site.unsupported()),
        Op::ReadVariable(_) => Err(site.unsupported()),
        Op::CallOnce(_) => Err(site.unsupported()),
        Op::While(_) => Err(site.unsupported()),
    }
}
