//! Operators, one file a group: what each becomes.
//!
//! To add one, write a function that takes the importer and the node in the file of its group, name
//! it in [`import`], and add a case to `tests/onnx_operators.rs`.

pub(crate) mod activation;
mod blocks;
mod border;
mod convolution;
mod dense;
mod elementwise;
mod learned;
pub(crate) mod movement;
mod normalization;
mod pattern;
mod pooling;
mod quantized;
mod recurrent;
mod reduction;
mod resize;
pub(crate) mod selection;
mod transposed_convolution;

use cofit_vocab::diagnostic::onnx as code;

use super::importer::Importer;
use super::node::Node;
use super::refusal::{Imported, Refusal};

/// Makes operators of a node and gives its results their values.
///
/// # Errors
/// The operator or its form has no counterpart, or the node is mistaken.
pub(crate) fn import(importer: &mut Importer, node: &Node<'_>) -> Imported {
    match node.proto.domain.as_str() {
        "" | "ai.onnx" => standard(importer, node),
        "ai.onnx.ml" => learned::import(importer, node),
        "com.microsoft" => contributed(importer, node),
        domain => Err(unknown(&format!("{domain}.{}", node.kind()))),
    }
}

fn unknown(kind: &str) -> Refusal {
    let kind = &kind[..kind.floor_char_boundary(100)];
    Refusal::new(&code::UNSUPPORTED_OPERATOR, format!("{kind} is not read"))
}

fn standard(importer: &mut Importer, node: &Node<'_>) -> Imported {
    match node.kind() {
        "Conv" => convolution::convolution(importer, node),
        "ConvTranspose" => transposed_convolution::convolution(importer, node),
        "Gemm" => dense::gemm(importer, node),
        "MatMul" => dense::matmul(importer, node, 1.0),
        "Einsum" => dense::einsum(importer, node),
        "MaxPool" | "AveragePool" => pooling::window(importer, node),
        "GlobalAveragePool" | "GlobalMaxPool" => pooling::global(importer, node),
        "BatchNormalization" => normalization::batch(importer, node),
        "InstanceNormalization" => normalization::instance(importer, node),
        "GroupNormalization" => normalization::group(importer, node),
        "LayerNormalization" => normalization::layer(importer, node),
        "MeanVarianceNormalization" => normalization::mean_variance(importer, node),
        "LpNormalization" => normalization::length(importer, node),
        "Relu" | "LeakyRelu" | "PRelu" | "Elu" | "Selu" | "Celu" | "Sigmoid" | "HardSigmoid"
        | "HardSwish" | "Tanh" | "Softplus" | "Softsign" | "Mish" | "Gelu" | "Clip"
        | "ThresholdedRelu" | "Swish" => activation::import(importer, node),
        "Softmax" | "LogSoftmax" => activation::softmax(importer, node),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Sum" | "Mean" | "Mod"
        | "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or"
        | "Xor" => elementwise::binary(importer, node),
        "Abs" | "Ceil" | "Cos" | "Erf" | "Exp" | "Floor" | "Log" | "Neg" | "Not" | "Reciprocal"
        | "Round" | "Sign" | "Sin" | "Sqrt" => elementwise::unary(importer, node),
        "Where" => elementwise::select(importer, node),
        "Cast" | "CastLike" => elementwise::cast(importer, node),
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1"
        | "ReduceL2" | "ReduceSumSquare" | "ReduceLogSumExp" | "ReduceLogSum" => {
            reduction::reduce(importer, node)
        }
        "ArgMax" | "ArgMin" => reduction::position(importer, node),
        "CumSum" => reduction::running_sum(importer, node),
        "Resize" | "Upsample" => resize::import(importer, node),
        "Pad" => border::pad(importer, node),
        "Expand" => border::expand(importer, node),
        "Tile" => border::tile(importer, node),
        "Identity" | "Dropout" => movement::identity(importer, node),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => movement::reshape(importer, node),
        "Transpose" => movement::transpose(importer, node),
        "Slice" => movement::slice(importer, node),
        "Split" => movement::split(importer, node),
        "Concat" => movement::concat(importer, node),
        "Gather" => movement::gather(importer, node),
        "GatherND" => selection::coordinates(importer, node),
        "GatherElements" => selection::elements(importer, node),
        "OneHot" => selection::one_hot(importer, node),
        "Trilu" => selection::triangle(importer, node),
        "DepthToSpace" | "SpaceToDepth" => blocks::import(importer, node),
        "LSTM" => recurrent::lstm(importer, node),
        "GRU" => recurrent::gru(importer, node),
        "QuantizeLinear" => quantized::quantize(importer, node),
        "DequantizeLinear" => quantized::dequantize(importer, node),
        "QLinearConv" => quantized::convolution(importer, node),
        "QLinearMatMul" => quantized::matmul(importer, node),
        kind => Err(unread(kind)),
    }
}

/// Operators that are refused, with advice where there is some.
fn unread(kind: &str) -> Refusal {
    let refusal = unknown(kind);
    match kind {
        "If" | "Loop" | "Scan" => refusal.with_help(
            "Export the model with fixed input shapes, so that the exporter can decide the branch \
             or unroll the loop, or simplify it with onnxsim.",
        ),
        "DynamicQuantizeLinear" | "MatMulInteger" | "ConvInteger" => refusal.with_help(
            "The model was quantised dynamically: activations get their scale at run time, which \
             no integer kernel of the described runtimes does. Quantise it statically, for example \
             with onnxruntime.quantization.quantize_static.",
        ),
        "RNN" => refusal.with_help("Replace the recurrent layer by a GRU or an LSTM."),
        "LRN" => refusal.with_help("Train with batch normalisation, which folds into the layers."),
        "NonMaxSuppression" | "TopK" | "NonZero" | "Unique" => refusal.with_help(
            "The result's size or order depends on data; cut the model before this step and run it \
             outside.",
        ),
        _ => refusal,
    }
}

/// The operators of ONNX Runtime that its graph optimisations and quantisation write.
fn contributed(importer: &mut Importer, node: &Node<'_>) -> Imported {
    match node.kind() {
        "Gelu" | "FastGelu" | "QuickGelu" => activation::import(importer, node),
        "FusedConv" => convolution::fused(importer, node),
        "FusedGemm" => dense::gemm(importer, node),
        "FusedMatMul" => dense::fused_matmul(importer, node),
        "QLinearAdd" | "QLinearMul" => quantized::binary(importer, node),
        "QLinearSigmoid" | "QLinearSoftmax" | "QLinearLeakyRelu" => {
            quantized::unary(importer, node)
        }
        "QLinearConcat" => quantized::concat(importer, node),
        "QLinearGlobalAveragePool" | "QLinearAveragePool" => quantized::pool(importer, node),
        "QGemm" => quantized::gemm(importer, node),
        "QuantizeLinear" => quantized::quantize(importer, node),
        "DequantizeLinear" => quantized::dequantize(importer, node),
        kind => Err(unread(&format!("com.microsoft.{kind}"))),
    }
}
