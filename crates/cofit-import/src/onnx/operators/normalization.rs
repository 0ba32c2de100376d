//! Normalisations. Learned statistics are folded into the layer before where they can be; the others
//! are made of reductions and element-wise operators.

use std::rc::Rc;

use cofit_ir::{Activation, Op, OperatorId, Shape, Tensor, ops};
use cofit_vocab::ElementType;

use crate::onnx::constant::Constant;
use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::View;

use super::activation::with_number;
use super::elementwise::{self, Side, combine};
use super::movement::{self, keeping};
use super::reduction::over;

/// `BatchNormalization`: folded into the convolution or dense layer before it, else a product and a
/// sum.
pub(super) fn batch(importer: &mut Importer, node: &Node<'_>) -> Imported {
    if node.int("training_mode", 0) != 0 {
        return Err(Refusal::form("batch normalisation in training mode")
            .with_help("Export the model in evaluation mode."));
    }
    let read = |index| node.output(index).is_some_and(|name| importer.use_count(name) > 0);
    if (1..node.proto.output.len()).any(read) {
        return Err(Refusal::form("the statistics of a batch normalisation are read"));
    }
    let view = importer.view(node, 0)?;
    if view.rank() < 2 {
        return Err(Refusal::node(format!("{} has no channels", view.shape())));
    }
    let channels = view.length(1);
    let mut parameters = Vec::new();
    for index in 1..=4 {
        let parameter = importer
            .constant(node, index)
            .ok_or_else(|| Refusal::form("the statistics of a batch normalisation are computed"))?;
        if parameter.shape.elements() != u64::from(channels) {
            return Err(Refusal::node(format!("{} for {channels} channels", parameter.shape)));
        }
        parameters.push(parameter);
    }
    importer.spend(u64::from(channels).saturating_mul(64))?;
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let line = Line::of(&parameters, epsilon);
    if let Some(producer) = foldable(importer, &view, channels)
        && fold(importer, producer, &line, channels)?
    {
        importer.rename(view.tensor, node.result());
        importer.bind_result(node, 0, view);
        return Ok(());
    }
    let mut lengths = vec![channels];
    lengths.resize(view.rank() - 1, 1);
    let shape = Shape::new(&lengths);
    let name = node.result();
    let constant = |importer: &mut Importer, values: &Option<Vec<f64>>, suffix: &str| {
        let data = values.as_ref().map(|values| single(values).into());
        let constant = Constant::anonymous(ElementType::Float32, shape.clone(), data);
        importer.adopt(Constant { name: format!("{name}/{suffix}"), ..constant })
    };
    let factor = Side::Constant(constant(importer, &line.factors, "factor"));
    let offset = Side::Constant(constant(importer, &line.offsets, "offset"));
    let scaled = elementwise::of_sides(
        importer,
        ops::Mul::default().into(),
        &Side::Activation(view),
        &factor,
        &format!("{name}/scaled"),
    )?;
    let made = elementwise::of_sides(
        importer,
        ops::Add::default().into(),
        &Side::Activation(scaled),
        &offset,
        name,
    )?;
    importer.bind_result(node, 0, made);
    Ok(())
}

/// A factor and an offset a channel; absent where the statistics' values are.
struct Line {
    factors: Option<Vec<f64>>,
    offsets: Option<Vec<f64>>,
}

impl Line {
    /// Of scale, offset, mean and variance: `(x - mean) / sqrt(variance + epsilon) * scale + offset`.
    fn of(parameters: &[Rc<Constant>], epsilon: f64) -> Self {
        let read = |index: usize| parameters[index].reals(u64::MAX);
        let (Some(scale), Some(offset), Some(mean), Some(variance)) =
            (read(0), read(1), read(2), read(3))
        else {
            return Self { factors: None, offsets: None };
        };
        let factors: Vec<f64> = scale
            .iter()
            .zip(&variance)
            .map(|(scale, variance)| scale / (variance + epsilon).sqrt())
            .collect();
        let offsets = offset
            .iter()
            .zip(&mean)
            .zip(&factors)
            .map(|((offset, mean), factor)| offset - mean * factor)
            .collect();
        Self { factors: Some(factors), offsets: Some(offsets) }
    }
}

fn single(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect()
}

/// The layer that writes the view and may be changed, with the file's axis 1 as its outputs.
fn foldable(importer: &Importer, view: &View, channels: u32) -> Option<OperatorId> {
    if importer.target.is_some() {
        return None;
    }
    let producer = importer.sole_producer(view)?;
    let operator = &importer.graph.operators[producer];
    let activation = match &operator.op {
        Op::Conv2d(op) => op.activation,
        Op::DepthwiseConv2d(op) => op.activation,
        Op::FullyConnected(op) => op.activation,
        // Nothing else has weights with an axis of outputs.
        _ => return None,
    };
    let innermost = importer.graph.tensors[view.tensor].shape.last();
    let is_channel = match view.axes[1].as_slice() {
        [] => innermost == 1,
        &[factor] => factor + 1 == view.factors.len() && innermost == channels,
        _ => false,
    };
    let is_float = |id| importer.graph.tensors[id].element == ElementType::Float32;
    let weights = operator.input(1).filter(|&id| importer.graph.tensors[id].is_constant());
    (activation == Activation::None && is_channel && weights.is_some_and(is_float))
        .then_some(producer)
}

/// Multiplies a layer's weights and bias.
fn fold(
    importer: &mut Importer,
    producer: OperatorId,
    line: &Line,
    channels: u32,
) -> Imported<bool> {
    let operator = importer.graph.operators[producer].clone();
    let Some(weights_id) = operator.input(1) else { return Ok(false) };
    let weights = importer.graph.tensors[weights_id].clone();
    let bias = operator.input(2).map(|id| importer.graph.tensors[id].clone());
    importer.spend(weights.shape.elements().saturating_mul(4))?;
    let is_innermost = matches!(operator.op, Op::DepthwiseConv2d(_));
    let count = channels as usize;
    let block = (weights.shape.elements() / u64::from(channels.max(1))) as usize;
    let floats = |tensor: &Tensor| -> Option<Vec<f64>> {
        let chunks = tensor.data()?.chunks_exact(4);
        let read = |c: &[u8]| f64::from(f32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        Some(chunks.map(read).collect())
    };
    let scaled = floats(&weights).zip(line.factors.as_ref()).map(|(values, factors)| {
        let channel =
            |index: usize| if is_innermost { index % count } else { index / block.max(1) };
        let scaled =
            values.iter().enumerate().map(|(index, value)| value * factors[channel(index)]);
        single(&scaled.collect::<Vec<f64>>())
    });
    let old = match &bias {
        Some(bias) => floats(bias),
        None => Some(vec![0.0; count]),
    };
    let moved = match (old, &line.factors, &line.offsets) {
        (Some(old), Some(factors), Some(offsets)) => {
            let moved = old.iter().zip(factors).zip(offsets);
            Some(single(
                &moved.map(|((old, factor), offset)| old * factor + offset).collect::<Vec<f64>>(),
            ))
        }
        _ => None,
    };
    let constant = |name: String, shape: Shape, data: Option<Vec<u8>>| match data {
        Some(data) => Tensor::constant(name, ElementType::Float32, shape, data),
        None => Tensor::weightless(name, ElementType::Float32, shape),
    };
    let name = match &bias {
        Some(bias) => bias.name.clone(),
        None => format!("{}/bias", weights.name),
    };
    let weights = constant(weights.name.clone(), weights.shape.clone(), scaled);
    let weights = importer.graph.tensor(weights);
    let bias = importer.graph.tensor(constant(name, Shape::new(&[channels]), moved));
    let operator = &mut importer.graph.operators[producer];
    operator.inputs[1] = Some(weights);
    operator.inputs.truncate(2);
    operator.inputs.push(Some(bias));
    Ok(true)
}

/// `(x - mean) / sqrt(variance + epsilon)` over axes of the file.
fn standardised(
    importer: &mut Importer,
    view: &View,
    axes: &[usize],
    epsilon: f64,
    name: &str,
) -> Imported<View> {
    let part = |suffix: &str| format!("{name}/{suffix}");
    let mean =
        over(importer, view, ops::Mean { keep_dims: true }.into(), axes, true, &part("mean"))?;
    let centred = combine(importer, ops::Sub::default(), view, &mean, &part("centred"))?;
    let square =
        combine(importer, ops::SquaredDifference::default(), view, &mean, &part("square"))?;
    let variance = over(
        importer,
        &square,
        ops::Mean { keep_dims: true }.into(),
        axes,
        true,
        &part("variance"),
    )?;
    let safe = with_number(importer, &variance, ops::Add::default(), epsilon, &part("safe"))?;
    let inverse = keeping(importer, &safe, ops::Rsqrt::default(), &part("inverse"))?;
    combine(importer, ops::Mul::default(), &centred, &inverse, &part("standard"))
}

/// A view times and plus learned parameters, which are given the shape `shape`.
fn learned(
    importer: &mut Importer,
    node: &Node<'_>,
    view: View,
    shape: Option<&Shape>,
) -> Imported<View> {
    let name = node.result();
    let mut made = view;
    for (index, op) in [(1, Op::from(ops::Mul::default())), (2, Op::from(ops::Add::default()))] {
        if node.input(index).is_none() {
            continue;
        }
        let mut side = Side::of(importer, node, index)?;
        if let Some(shape) = shape {
            side = match side {
                Side::Constant(constant) => {
                    if constant.shape.elements() != shape.elements() {
                        return Err(Refusal::node(format!("parameters of {}", constant.shape)));
                    }
                    Side::Constant(Rc::new(Constant {
                        shape: shape.clone(),
                        ..(*constant).clone()
                    }))
                }
                Side::Activation(view) => {
                    Side::Activation(movement::reshaped(importer, &view, shape)?)
                }
            };
        }
        let is_last = index == 2 || node.input(2).is_none();
        let last = if is_last { name.to_owned() } else { format!("{name}/scaled") };
        made = elementwise::of_sides(importer, op, &Side::Activation(made), &side, &last)?;
    }
    Ok(made)
}

/// The shape of parameters along the file's axis 1 of `rank` axes.
fn along_channels(channels: u32, rank: usize) -> Shape {
    (1..rank).map(|axis| if axis == 1 { channels } else { 1 }).collect()
}

/// `MeanVarianceNormalization`: `(x - mean) / (deviation + 1e-9)`, as the specification's function
/// body has it.
pub(super) fn mean_variance(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let stated = node.ints("axes").unwrap_or(&[0, 2, 3]);
    let axes: Vec<usize> =
        stated.iter().map(|&axis| movement::axis(axis, view.rank())).collect::<Imported<_>>()?;
    let name = node.result();
    let part = |suffix: &str| format!("{name}/{suffix}");
    let mean = ops::Mean { keep_dims: true };
    let centre = over(importer, &view, mean.into(), &axes, true, &part("mean"))?;
    let centred = combine(importer, ops::Sub::default(), &view, &centre, &part("centred"))?;
    let square = keeping(importer, &centred, ops::Square::default(), &part("square"))?;
    let mean = ops::Mean { keep_dims: true };
    let variance = over(importer, &square, mean.into(), &axes, true, &part("variance"))?;
    let deviation = keeping(importer, &variance, ops::Sqrt::default(), &part("deviation"))?;
    let divisor = with_number(importer, &deviation, ops::Add::default(), 1e-9, &part("divisor"))?;
    let made = combine(importer, ops::Div::default(), &centred, &divisor, name)?;
    importer.bind_result(node, 0, made);
    Ok(())
}

/// `InstanceNormalization`.
pub(super) fn instance(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let rank = view.rank();
    if rank < 3 {
        return Err(Refusal::node(format!("{} has no axes of space", view.shape())));
    }
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let axes: Vec<usize> = (2..rank).collect();
    let standard = standardised(importer, &view, &axes, epsilon, node.result())?;
    let shape = along_channels(view.length(1), rank);
    let made = learned(importer, node, standard, Some(&shape))?;
    importer.bind_result(node, 0, made);
    Ok(())
}

/// `GroupNormalization`.
pub(super) fn group(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let shape = view.shape();
    let groups = u32::try_from(node.int("num_groups", 0)).unwrap_or(0);
    if shape.rank() < 3 || groups == 0 || !shape[1].is_multiple_of(groups) {
        return Err(Refusal::node(format!("{groups} groups of {shape}")));
    }
    let depth = shape[1] / groups;
    let inner = &shape.dimensions()[2..];
    let divided: Shape =
        [shape[0], groups, depth].into_iter().chain(inner.iter().copied()).collect();
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let grouped = movement::reshaped(importer, &view, &divided)?;
    let axes: Vec<usize> = (2..divided.rank()).collect();
    let standard = standardised(importer, &grouped, &axes, epsilon, node.result())?;
    // Version 18 has its parameters by group, 21 by channel.
    let by_group = importer
        .constant(node, 1)
        .is_some_and(|scale| scale.shape.elements() == u64::from(groups) && groups != shape[1]);
    let made = if by_group {
        let parameters: Shape =
            (1..divided.rank()).map(|axis| if axis == 1 { groups } else { 1 }).collect();
        let made = learned(importer, node, standard, Some(&parameters))?;
        movement::reshaped(importer, &made, &shape)?
    } else {
        let whole = movement::reshaped(importer, &standard, &shape)?;
        learned(importer, node, whole, Some(&along_channels(shape[1], shape.rank())))?
    };
    importer.bind_result(node, 0, made);
    Ok(())
}

/// `LayerNormalization`.
pub(super) fn layer(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let read = |index| node.output(index).is_some_and(|name| importer.use_count(name) > 0);
    if read(1) || read(2) {
        return Err(Refusal::form("the statistics of a layer normalisation are read"));
    }
    let view = importer.view(node, 0)?;
    let axis = movement::axis(node.int("axis", -1), view.rank())?;
    let axes: Vec<usize> = (axis..view.rank()).collect();
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let standard = standardised(importer, &view, &axes, epsilon, node.result())?;
    let made = learned(importer, node, standard, None)?;
    importer.bind_result(node, 0, made);
    Ok(())
}

/// `LpNormalization`: `l2_normalization` along the innermost axis, else made of a sum.
pub(super) fn length(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let axis = movement::axis(node.int("axis", -1), view.rank())?;
    let name = node.result();
    let part = |suffix: &str| format!("{name}/{suffix}");
    let total: Op = ops::Sum { keep_dims: true }.into();
    let size = match node.int("p", 2) {
        2 => {
            let (tensor, order) = importer.complete(&view)?;
            if order.last() == Some(&Some(axis)) {
                let made = importer.emit(ops::L2Normalization::default(), &[tensor], name)?;
                let result = importer.result_view(made, &order, view.rank());
                importer.bind_result(node, 0, result);
                return Ok(());
            }
            let square = keeping(importer, &view, ops::Square::default(), &part("square"))?;
            let sum = over(importer, &square, total, &[axis], true, &part("sum"))?;
            keeping(importer, &sum, ops::Sqrt::default(), &part("length"))?
        }
        1 => {
            let size = keeping(importer, &view, ops::Abs::default(), &part("size"))?;
            over(importer, &size, total, &[axis], true, &part("sum"))?
        }
        p => return Err(Refusal::form(format!("attribute `p` is {p}"))),
    };
    let made = combine(importer, ops::Div::default(), &view, &size, name)?;
    importer.bind_result(node, 0, made);
    Ok(())
}
