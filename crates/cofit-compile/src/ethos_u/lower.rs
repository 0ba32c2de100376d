//! From a step to the operations of an Ethos-U.

use cofit_ethos_u::lowering::{self, MeanOver, Rescaling};
use cofit_ethos_u::operation::{
    Activation as NpuActivation, Element, ElementwiseOperator, FeatureMap, Format, Kernel, Shape,
    WeightShape, Weights,
};
use cofit_ethos_u::weight_stream::{
    TYPICAL_BYTES_PER_WEIGHT, WeightLayout, WeightSign, WeightValues,
};
use cofit_ir::{Activation, Graph, Op, Tensor, TensorId};
use cofit_vocab::{Diagnostic, ElementType, OperatorKind, Place};

use crate::plan::Step;
use crate::step_layer::StepLayer;

pub(crate) type Lowered<'a> = lowering::Lowered<'a>;

/// The operations of one step. `format` gives the layout of a tensor.
pub(crate) fn lower<'a>(
    graph: &'a Graph,
    step: &Step,
    format: &dyn Fn(TensorId) -> Format,
) -> Lowered<'a> {
    let layer = StepLayer::of(graph, step);
    let operator = &graph.operators[step.main];
    let map = |tensor: TensorId| -> Result<FeatureMap, Box<Diagnostic>> {
        feature_map(&graph.tensors[tensor], format(tensor))
    };
    let operand = |index: usize| -> Result<FeatureMap, Box<Diagnostic>> {
        let id = operator.input(index).ok_or_else(|| refuse("an operand is missing"))?;
        if graph.tensors[id].is_constant() {
            let tensor = &graph.tensors[id];
            Ok(FeatureMap::constant(shape(tensor)?, element(tensor.element)?))
        } else {
            map(id)
        }
    };
    // A fused pad reads the pad's own input; a fused function writes the function's own result.
    let input = || step.inputs.first().map_or_else(|| operand(0), |&tensor| map(tensor));
    let output = step.outputs.first().copied().or_else(|| operator.outputs.first().copied());
    let ofm = map(output.ok_or_else(|| refuse("the operator has no result"))?)?;
    let activation = match layer.function {
        Some(OperatorKind::Logistic | OperatorKind::Tanh) => NpuActivation::Curve,
        Some(_) => NpuActivation::FusedTable,
        None => activation(layer.main.activation),
    };
    let kernel = Kernel {
        size: (layer.main.kernel.height, layer.main.kernel.width),
        stride: (layer.main.stride.height, layer.main.stride.width),
        dilation: (layer.main.dilation.height, layer.main.dilation.width),
    };
    let weights = || -> Result<Weights<'a>, Box<Diagnostic>> {
        let id = layer.main.weights.ok_or_else(|| refuse("the operator has no weights"))?;
        weights(&graph.tensors[id], operator.kind())
    };
    let table = |curve| {
        let ifm = input()?;
        lowering::activation(&ifm, &ofm, curve)
    };
    match &operator.op {
        Op::Conv2d(_) => lowering::convolution(&input()?, &ofm, kernel, weights()?, activation),
        Op::DepthwiseConv2d(_) => {
            lowering::depthwise(&input()?, &ofm, kernel, weights()?, activation)
        }
        Op::TransposeConv2d(_) => {
            // The input is spread out with zeros between its elements and convolved at stride one.
            let ifm = map(step.inputs.first().copied().ok_or_else(|| refuse("no input"))?)?;
            let spread =
                FeatureMap { shape: Shape { h: ofm.shape.h, w: ofm.shape.w, ..ifm.shape }, ..ifm };
            lowering::convolution(
                &spread,
                &ofm,
                Kernel::new(kernel.size, (1, 1)),
                weights()?,
                activation,
            )
        }
        Op::FullyConnected(_) => lowering::fully_connected(&input()?, &ofm, weights()?, activation),
        Op::AveragePool2d(_) => lowering::average_pool(&input()?, &ofm, kernel, activation),
        Op::MaxPool2d(_) => lowering::max_pool(&input()?, &ofm, kernel, activation),
        Op::Add(_) => {
            binary(ElementwiseOperator::Add, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Sub(_) => {
            binary(ElementwiseOperator::Sub, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Mul(_) => {
            binary(ElementwiseOperator::Mul, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Minimum(_) => {
            binary(ElementwiseOperator::Minimum, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Maximum(_) => {
            binary(ElementwiseOperator::Maximum, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Relu(_) | Op::Relu6(_) | Op::ReluN1To1(_) => table(NpuActivation::Clamp),
        Op::Logistic(_) | Op::Tanh(_) | Op::HardSwish(_) => table(NpuActivation::FusedTable),
        Op::LeakyRelu(_) => {
            let ids = [operator.input(0), operator.outputs.first().copied()];
            let mapping =
                |id: Option<TensorId>| id.and_then(|id| graph.tensors[id].quantisation.as_ref());
            let is_same = match (mapping(ids[0]), mapping(ids[1])) {
                (Some(a), Some(b)) => a.same_mapping(b),
                _ => true,
            };
            let rescaling = if is_same { Rescaling::Unneeded } else { Rescaling::Needed };
            lowering::leaky_relu(&input()?, &ofm, rescaling)
        }
        Op::Prelu(_) => {
            // A product with the slopes where negative, and the choice between both.
            let ifm = input()?;
            let slopes = operand(1)?;
            let mut operations = lowering::binary(
                ElementwiseOperator::Mul,
                &ifm,
                &slopes,
                &ofm,
                NpuActivation::None,
            )?;
            operations.extend(lowering::binary(
                ElementwiseOperator::Maximum,
                &ifm,
                &ofm,
                &ofm,
                activation,
            )?);
            Ok(operations)
        }
        Op::Softmax(_) => lowering::softmax(&input()?, &ofm),
        Op::Mean(_) => lowering::mean(&input()?, &ofm, mean_axes(graph, step)?),
        Op::Quantize(_) => lowering::quantize(&input()?, &ofm),
        Op::Pad(_) => {
            let ifm = input()?;
            let [top, bottom, left, right] = crate::passes::pad_amounts(graph, step.main)
                .ok_or_else(|| refuse("a pad of batch or channels, or of unknown amounts"))?;
            let padding = lowering::Padding { h: (top, bottom), w: (left, right), c: (0, 0) };
            lowering::pad(&ifm, &ofm, &padding)
        }
        Op::Concatenation(_) | Op::Pack(_) => {
            let mut operations = Vec::new();
            for &tensor in &step.inputs {
                let ifm = map(tensor)?;
                let part = FeatureMap { shape: ifm.shape, ..ofm };
                operations.extend(lowering::copy(&ifm, &part)?);
            }
            Ok(operations)
        }
        Op::Slice(_) | Op::Split(_) | Op::SplitV(_) | Op::StridedSlice(_) | Op::Unpack(_) => {
            let ifm = input()?;
            let mut operations = Vec::new();
            for &tensor in &operator.outputs {
                let part = map(tensor)?;
                let slice = FeatureMap { shape: part.shape, ..ifm };
                operations.extend(lowering::copy(&slice, &part)?);
            }
            Ok(operations)
        }
        Op::Transpose(_) => lowering::transpose(&input()?, &ofm),
        Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_) => lowering::copy(&input()?, &ofm),
        Op::ResizeBilinear(_) | Op::ResizeNearestNeighbor(_) => {
            // One pass over the result with a window of two by two; Vela doubles step by step.
            lowering::average_pool(&input()?, &ofm, Kernel::new((2, 2), (1, 1)), activation)
        }
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
        | Op::Div(_)
        | Op::Elu(_)
        | Op::Equal(_)
        | Op::Erf(_)
        | Op::Exp(_)
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
        | Op::L2Normalization(_)
        | Op::Less(_)
        | Op::LessEqual(_)
        | Op::Log(_)
        | Op::LogSoftmax(_)
        | Op::LogicalAnd(_)
        | Op::LogicalNot(_)
        | Op::LogicalOr(_)
        | Op::MirrorPad(_)
        | Op::Neg(_)
        | Op::NotEqual(_)
        | Op::Pow(_)
        | Op::ReadVariable(_)
        | Op::ReduceMax(_)
        | Op::ReduceMin(_)
        | Op::ReduceProd(_)
        | Op::Reverse(_)
        | Op::Round(_)
        | Op::Rsqrt(_)
        | Op::Select(_)
        | Op::Shape(_)
        | Op::Sign(_)
        | Op::Sin(_)
        | Op::SpaceToBatchNd(_)
        | Op::SpaceToDepth(_)
        | Op::Sqrt(_)
        | Op::Square(_)
        | Op::SquaredDifference(_)
        | Op::Sum(_)
        | Op::Svdf(_)
        | Op::Tile(_)
        | Op::UnidirectionalSequenceLstm(_)
        | Op::VarHandle(_)
        | Op::While(_) => {
            Err(refuse(&format!("{} on the NPU is not modelled yet", operator.kind())))
        }
    }
}

fn binary<'a>(
    operator: ElementwiseOperator,
    a: &FeatureMap,
    b: &FeatureMap,
    ofm: &FeatureMap,
    activation: NpuActivation,
) -> Lowered<'a> {
    lowering::binary(operator, a, b, ofm, activation)
}

fn refuse(why: &str) -> Box<Diagnostic> {
    let code = &cofit_vocab::diagnostic::npu::NOT_LOWERABLE;
    Box::new(Diagnostic::error(code, why, Place::default()))
}

const fn activation(activation: Activation) -> NpuActivation {
    match activation {
        Activation::None => NpuActivation::None,
        Activation::Relu | Activation::ReluN1To1 | Activation::Relu6 => NpuActivation::Clamp,
        Activation::Tanh | Activation::SignBit => NpuActivation::Curve,
    }
}

fn feature_map(tensor: &Tensor, format: Format) -> Result<FeatureMap, Box<Diagnostic>> {
    let (shape, element) = (shape(tensor)?, element(tensor.element)?);
    Ok(match format {
        Format::Nhcwb16 => FeatureMap::activation(shape, element),
        Format::Nhwc => FeatureMap::linear(shape, element),
    })
}

fn shape(tensor: &Tensor) -> Result<Shape, Box<Diagnostic>> {
    let [n, h, w, c] =
        tensor.shape.as_nhwc().ok_or_else(|| refuse("a tensor of more than four axes"))?;
    // Of two axes the outer one counts vectors, which lie side by side.
    Ok(Shape::new(n, h, w, c))
}

fn element(element: ElementType) -> Result<Element, Box<Diagnostic>> {
    match element {
        ElementType::Int8 => Ok(Element::Int8),
        ElementType::UInt8 => Ok(Element::UInt8),
        ElementType::Int16 => Ok(Element::Int16),
        ElementType::Int32 => Ok(Element::Int32),
        ElementType::Bool
        | ElementType::Int1
        | ElementType::Int2
        | ElementType::Int4
        | ElementType::UInt16
        | ElementType::UInt32
        | ElementType::Int64
        | ElementType::Float16
        | ElementType::Float32
        | ElementType::Float64 => Err(refuse(&format!("elements of type {element}"))),
    }
}

/// The weights of a layer, with their values where the model has them.
fn weights<'a>(tensor: &'a Tensor, kind: OperatorKind) -> Result<Weights<'a>, Box<Diagnostic>> {
    let length = |axis: usize| tensor.shape.get(axis).unwrap_or(1);
    let is_depthwise = kind == OperatorKind::DepthwiseConv2d;
    let shape = match tensor.shape.rank() {
        2 => WeightShape { o: length(0), h: 1, w: 1, i: length(1) },
        4 if is_depthwise => WeightShape { o: length(3), h: length(1), w: length(2), i: 1 },
        4 => WeightShape { o: length(0), h: length(1), w: length(2), i: length(3) },
        _ => return Err(refuse("weights that are neither a matrix nor of four axes")),
    };
    let sign = match tensor.element {
        ElementType::UInt8 => WeightSign::Unsigned,
        _ => WeightSign::Signed,
    };
    let zero_point = tensor
        .quantisation
        .as_ref()
        .and_then(|quantisation| quantisation.at(0))
        .map_or(0, |(_, zero)| i16::try_from(zero).unwrap_or(0));
    let values = match tensor.data() {
        Some(bytes) if tensor.element.bits() == 8 => WeightValues::Known {
            bytes,
            sign,
            layout: if is_depthwise { WeightLayout::Hwo } else { WeightLayout::Ohwi },
            zero_point,
        },
        // No Ethos-U takes narrower weights; a card that says so stores them in their own width.
        _ => WeightValues::Assumed {
            bytes_per_weight: TYPICAL_BYTES_PER_WEIGHT * f64::from(tensor.element.bits().min(8))
                / 8.0,
        },
    };
    Ok(Weights { shape, values })
}

/// The axes of a mean, as the NPU can take it.
fn mean_axes(graph: &Graph, step: &Step) -> Result<MeanOver, Box<Diagnostic>> {
    let operator = &graph.operators[step.main];
    let axes = operator.input(1).and_then(|id| graph.tensors[id].integers());
    let rank = operator.input(0).map_or(4, |id| graph.tensors[id].shape.rank());
    let axes = axes.ok_or_else(|| refuse("a mean over axes that are not known"))?;
    let mut resolved: Vec<usize> = Vec::new();
    for axis in axes {
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        // Counted from the innermost, so that missing outer axes do not matter.
        let from_end = usize::try_from(rank as i64 - 1 - axis)
            .map_err(|_| refuse("a mean over an axis that is not there"))?;
        resolved.push(from_end);
    }
    resolved.sort_unstable();
    match resolved.as_slice() {
        [1, 2] => Ok(MeanOver::HeightAndWidth),
        [2] => Ok(MeanOver::Height),
        [1] => Ok(MeanOver::Width),
        [0] => Ok(MeanOver::Channels),
        _ => Err(refuse("a mean over these axes together")),
    }
}
