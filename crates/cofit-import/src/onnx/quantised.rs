//! Quantised values: scales and zero points of the file, and which operators compute on integers.

use std::collections::HashMap;
use std::rc::Rc;

use cofit_ir::{Quantisation, Shape};
use cofit_vocab::ElementType;

use super::constant::Constant;
use super::importer::{Importer, Target, Value};
use super::node::Node;
use super::operators::{activation, movement};
use super::proto::{GraphProto, NodeProto, data_type};
use super::refusal::{Imported, Refusal};
use super::view::Reading;

/// A scale and a zero point in the file's terms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// The element type of the integers.
    pub element: ElementType,
    /// How they map to reals.
    pub quantisation: Quantisation,
}

impl Parameters {
    /// As integers are stored: unsigned ones of 8 bits with a sign, 128 less.
    pub fn stored(&self) -> Target {
        let mut quantisation = self.quantisation.clone();
        let mut element = self.element;
        if element == ElementType::UInt8 {
            element = ElementType::Int8;
            quantisation.zero_points.iter_mut().for_each(|zero_point| *zero_point -= 128);
        }
        Target { element, quantisation }
    }

    /// What the file reads in the stored integers.
    pub fn reading(&self) -> Reading {
        if self.element == ElementType::UInt8 { Reading::Shifted } else { Reading::Plain }
    }
}

/// The scale and zero point that operands `scale` and `zero_point` of a node are, for a tensor of
/// `shape`.
///
/// # Errors
/// They are computed, or of a form that no kernel has.
pub(crate) fn parameters(
    importer: &Importer,
    node: &Node<'_>,
    scale: usize,
    zero_point: usize,
    shape: &Shape,
) -> Imported<Parameters> {
    if node.int("block_size", 0) != 0 {
        return Err(Refusal::form("scales by blocks")
            .with_help("Quantise with one scale a tensor, or one a channel of the weights."));
    }
    let scales = importer
        .constant(node, scale)
        .and_then(|scale| scale.reals(1 << 20))
        .ok_or_else(|| Refusal::dynamic("a scale that is not known when the model is read"))?;
    let zero_point = match node.input(zero_point) {
        None => None,
        Some(_) => Some(importer.constant(node, zero_point).ok_or_else(|| {
            Refusal::dynamic("a zero point that is not known when the model is read")
        })?),
    };
    let element = match &zero_point {
        Some(zero_point) => zero_point.element,
        None => match i32::try_from(node.int("output_dtype", 0)).unwrap_or(0) {
            0 => ElementType::UInt8,
            data_type::INT8 => ElementType::Int8,
            data_type::INT16 => ElementType::Int16,
            _ => ElementType::UInt8,
        },
    };
    let zero_points: Vec<i64> = match &zero_point {
        None => vec![0],
        Some(zero_point) if zero_point.shape.elements() <= 1 << 20 => {
            let data = zero_point
                .data
                .as_ref()
                .ok_or_else(|| Refusal::dynamic("a zero point without its data"))?;
            super::constant::integers(element, data)
                .ok_or_else(|| Refusal::form(format!("zero points of type {element}")))?
                .collect()
        }
        Some(_) => return Err(Refusal::node("too many zero points")),
    };
    if !matches!(
        element,
        ElementType::Int8 | ElementType::UInt8 | ElementType::Int16 | ElementType::Int32
    ) {
        return Err(Refusal::form(format!("integers of type {element}"))
            .with_help("Quantise activations to int8, uint8 or int16 and weights to int8."));
    }
    if scales.iter().any(|scale| !scale.is_finite() || *scale <= 0.0) {
        return Err(Refusal::node("a scale that is not positive"));
    }
    let scales: Vec<f32> = scales.iter().map(|&scale| scale as f32).collect();
    let quantisation = match scales.as_slice() {
        &[scale] => Quantisation::per_tensor(scale, zero_points.first().copied().unwrap_or(0)),
        scales => {
            let axis = movement::axis(node.int("axis", 1), shape.rank())?;
            if shape[axis] as usize != scales.len()
                || !(zero_points.len() == 1 || zero_points.len() == scales.len())
            {
                return Err(Refusal::node(format!("{} scales for {shape}", scales.len())));
            }
            let mut quantisation = Quantisation::per_axis(u32::try_from(axis).unwrap_or(0), scales);
            for (index, zero_point) in quantisation.zero_points.iter_mut().enumerate() {
                *zero_point = *zero_points.get(index).unwrap_or(&zero_points[0]);
            }
            quantisation
        }
    };
    Ok(Parameters { element, quantisation })
}

/// A constant of integers that stand for reals, stored with a sign.
///
/// # Errors
/// It is no constant of integers.
pub(crate) fn as_quantised(
    importer: &mut Importer,
    constant: &Rc<Constant>,
    parameters: &Parameters,
) -> Imported<Constant> {
    if constant.element != parameters.element && constant.element != ElementType::Int32 {
        return Err(Refusal::node(format!(
            "integers of type {} with a zero point of type {}",
            constant.element, parameters.element
        )));
    }
    let stored = parameters.stored();
    let data = match &constant.data {
        Some(data) if constant.element == ElementType::UInt8 => {
            importer.spend(data.len() as u64)?;
            Some(data.iter().map(|byte| byte ^ 0x80).collect::<Vec<u8>>().into())
        }
        data => data.clone(),
    };
    let element =
        if constant.element == ElementType::Int32 { constant.element } else { stored.element };
    Ok(Constant { element, data, quantisation: Some(stored.quantisation), ..(**constant).clone() })
}

/// What `DequantizeLinear` makes of a constant.
///
/// # Errors
/// Its scale has no known form.
pub(crate) fn dequantised_constant(
    importer: &mut Importer,
    node: &Node<'_>,
    constant: &Rc<Constant>,
) -> Imported<Option<Constant>> {
    let mut parameters = parameters(importer, node, 1, 2, &constant.shape)?;
    if node.input(2).is_none() {
        parameters.element = constant.element;
    }
    as_quantised(importer, constant, &parameters).map(Some)
}

/// What `QuantizeLinear` makes of a constant: `round(x / scale) + zero_point`, halves to even,
/// within the type's range.
///
/// # Errors
/// Its scale has no known form.
pub(crate) fn quantised_constant(
    importer: &mut Importer,
    node: &Node<'_>,
    constant: &Rc<Constant>,
) -> Imported<Option<Constant>> {
    let Parameters { element, quantisation } = parameters(importer, node, 1, 2, &constant.shape)?;
    importer.spend(constant.shape.elements().saturating_mul(12))?;
    let (low, high) = match element {
        ElementType::UInt8 => (0.0, 255.0),
        ElementType::Int16 => (-32768.0, 32767.0),
        ElementType::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => (-128.0, 127.0),
    };
    let width = (element.bits() / 8) as usize;
    let axis = if quantisation.is_per_axis() { quantisation.axis as usize } else { 0 };
    let inner = constant.shape.dimensions().iter().skip(axis + 1);
    let inner = inner.fold(1usize, |product, &length| product.saturating_mul(length as usize));
    let length = constant.shape.get(axis).unwrap_or(1).max(1) as usize;
    let data = constant.reals(u64::MAX).map(|reals| {
        let integer = |(index, &real): (usize, &f64)| {
            let slice = (index / inner.max(1)) % length;
            let (scale, zero_point) = quantisation.at(slice).unwrap_or((1.0, 0));
            let stored = (real / f64::from(scale)).round_ties_even() + zero_point as f64;
            (stored.clamp(low, high) as i64).to_le_bytes().into_iter().take(width)
        };
        reals.iter().enumerate().flat_map(integer).collect::<Vec<u8>>().into()
    });
    Ok(Some(Constant { element, data, quantisation: None, ..(**constant).clone() }))
}

/// Weights without a zero point: those that have one are quantised anew, with the step that the
/// largest of each slice needs, as TFLite's kernels take no other.
///
/// # Errors
/// The copies of constants outgrow the file by far.
pub(crate) fn symmetric(importer: &mut Importer, weights: &Rc<Constant>) -> Imported<Rc<Constant>> {
    let Some(own) = weights.quantisation.clone() else { return Ok(Rc::clone(weights)) };
    if own.zero_points.iter().all(|&zero_point| zero_point == 0) {
        return Ok(Rc::clone(weights));
    }
    importer.spend(weights.shape.elements().saturating_mul(12))?;
    importer.remarks.push(weights.name.clone());
    let axis = if own.is_per_axis() { own.axis as usize } else { 0 };
    let inner = weights.shape.dimensions().iter().skip(axis + 1);
    let inner = inner.fold(1usize, |product, &length| product.saturating_mul(length as usize));
    let count = own.scales.len().max(1);
    let slice = |index: usize| (index / inner.max(1)) % count;
    let mut scales = own.scales.to_vec();
    let data = weights.reals(u64::MAX).map(|reals| {
        let mut largest = vec![0f64; count];
        for (index, real) in reals.iter().enumerate() {
            let own = &mut largest[slice(index)];
            *own = own.max(real.abs());
        }
        for (scale, largest) in scales.iter_mut().zip(&largest) {
            // A slice of zeros keeps its step.
            if *largest > 0.0 {
                *scale = (largest / 127.0) as f32;
            }
        }
        let integer = |(index, real): (usize, &f64)| {
            let stored = (real / f64::from(scales[slice(index)])).round_ties_even();
            (stored.clamp(-127.0, 127.0) as i8) as u8
        };
        reals.iter().enumerate().map(integer).collect::<Vec<u8>>().into()
    });
    let quantisation = match scales.as_slice() {
        &[scale] => Quantisation::per_tensor(scale, 0),
        scales => Quantisation::per_axis(own.axis, scales),
    };
    let made = Constant { data, quantisation: Some(quantisation), ..(**weights).clone() };
    Ok(importer.adopt(made))
}

/// Where the node stands between `DequantizeLinear` and `QuantizeLinear` and has an integer form:
/// the type and scale that it writes.
pub(crate) fn target(
    importer: &Importer,
    node: &Node<'_>,
    graph: &GraphProto,
    readers: &HashMap<&str, Vec<usize>>,
) -> Option<Target> {
    if !has_integer_form(importer, node) {
        return None;
    }
    let follows = |name: &str| -> Option<&NodeProto> {
        match readers.get(name)?.as_slice() {
            &[reader] if importer.use_count(name) == 1 => graph.node.get(reader),
            _ => None,
        }
    };
    let mut reader = follows(node.output(0)?)?;
    let mut clamped = None;
    if matches!(reader.op_type.as_str(), "Relu" | "Clip") {
        clamped = Some(reader);
        reader = follows(reader.output.first()?)?;
    }
    if reader.op_type != "QuantizeLinear" {
        return None;
    }
    let quantiser = Node { proto: reader, index: 0, version: node.version };
    let parameters = parameters(importer, &quantiser, 1, 2, &Shape::scalar()).ok()?;
    let stored = parameters.stored();
    let is_activation = matches!(stored.element, ElementType::Int8 | ElementType::Int16);
    if !is_activation || stored.quantisation.is_per_axis() {
        return None;
    }
    let operands = node.proto.input.iter().filter_map(|name| match importer.value(name)? {
        Value::Activation(view) => Some(&importer.graph.tensors[view.tensor]),
        Value::Constant(_) | Value::Refused => None,
    });
    // Kernels take and give one type, and those on 16 bits have no zero point.
    let agrees = |element: ElementType, quantisation: Option<&Quantisation>| {
        let is_symmetric =
            || quantisation.is_some_and(|own| own.zero_points.iter().all(|&point| point == 0));
        element == stored.element && (element != ElementType::Int16 || is_symmetric())
    };
    let all_agree = operands
        .map(|tensor| (tensor.element, tensor.quantisation.as_ref()))
        .chain([(stored.element, Some(&stored.quantisation))])
        .all(|(element, quantisation)| agrees(element, quantisation));
    if !all_agree || (stored.element == ElementType::Int16 && !has_wide_form(node)) {
        return None;
    }
    let clamps = [clamped, matches!(node.kind(), "Relu" | "Clip").then_some(node.proto)];
    for clamp in clamps.into_iter().flatten() {
        let clamp = Node { proto: clamp, index: 0, version: node.version };
        let (least, most) = match clamp.kind() {
            "Relu" => (0.0, f64::INFINITY),
            _ => activation::clip_bounds(importer, &clamp).ok()?,
        };
        let is_own = std::ptr::eq(clamp.proto, node.proto);
        let takes = is_own
            || matches!(
                node.kind(),
                "Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "Add" | "Sub" | "Mul"
            );
        let is_known = activation::clamp(least, most).is_some() && takes;
        if !is_known && !activation::is_subsumed(&stored, least, most) {
            return None;
        }
    }
    Some(stored)
}

/// Whether an operator that has kernels on integers has one on integers of 16 bits too
/// (`tensorflow/lite/micro/kernels` and `tensorflow/lite/kernels`).
fn has_wide_form(node: &Node<'_>) -> bool {
    matches!(
        node.kind(),
        "Conv"
            | "ConvTranspose"
            | "Gemm"
            | "MatMul"
            | "Add"
            | "Sub"
            | "Mul"
            | "Concat"
            | "MaxPool"
            | "AveragePool"
            | "Relu"
            | "LeakyRelu"
            | "Sigmoid"
            | "Tanh"
            | "Softmax"
            | "Pad"
            | "DepthToSpace"
            | "SpaceToDepth"
    )
}

/// Whether all operands are quantised and the operator has kernels on integers.
fn has_integer_form(importer: &Importer, node: &Node<'_>) -> bool {
    if !node.proto.domain.is_empty() && node.proto.domain != "ai.onnx" {
        return false;
    }
    let is_quantised = |index: usize| match node.input(index).and_then(|name| importer.value(name))
    {
        Some(Value::Activation(view)) => view.reading == Reading::Dequantised,
        Some(Value::Constant(constant)) => {
            constant.quantisation.as_ref().is_some_and(|q| !q.is_per_axis())
        }
        Some(Value::Refused) | None => false,
    };
    let is_computed = |index: usize| {
        matches!(
            node.input(index).and_then(|name| importer.value(name)),
            Some(Value::Activation(_))
        )
    };
    // Weights may have a scale for each output, which stand along this axis.
    let has_weights = |output_axis: u32| {
        importer.constant(node, 1).is_some_and(|weights| {
            weights.element == ElementType::Int8
                && weights
                    .quantisation
                    .as_ref()
                    .is_some_and(|q| !q.is_per_axis() || q.axis == output_axis)
        })
    };
    let has_bias = |outputs: Option<u32>| match node.input(2) {
        None => true,
        Some(_) => importer.constant(node, 2).is_some_and(|bias| {
            let is_row = bias.shape.elements() == u64::from(bias.shape.last());
            is_row && outputs.is_none_or(|outputs| outputs == bias.shape.last())
        }),
    };
    let first = is_computed(0) && is_quantised(0);
    match node.kind() {
        "Conv" => first && has_weights(0) && has_bias(None),
        "ConvTranspose" => first && has_weights(1) && has_bias(None) && node.int("group", 1) == 1,
        "Gemm" => {
            let is_transposed = node.int("transB", 0) != 0;
            let outputs = importer
                .constant(node, 1)
                .and_then(|weights| weights.shape.get(usize::from(!is_transposed)));
            first
                && has_weights(u32::from(!is_transposed))
                && has_bias(outputs)
                && node.float("alpha", 1.0) == 1.0
                && node.float("beta", 1.0) == 1.0
        }
        "MatMul" => first && (has_weights(1) || (is_computed(1) && is_quantised(1))),
        "Add" | "Sub" | "Mul" => {
            (is_computed(0) || is_computed(1)) && is_quantised(0) && is_quantised(1)
        }
        "PRelu" => first && is_quantised(1),
        "Concat" => (0..node.proto.input.len()).all(is_quantised) && is_computed(0),
        "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean"
        | "Relu" | "Clip" | "LeakyRelu" | "HardSwish" | "Sigmoid" | "Tanh" | "Softmax"
        | "LogSoftmax" | "Pad" | "Resize" | "Upsample" | "DepthToSpace" | "SpaceToDepth"
        | "ReduceMax" | "ReduceMin" => first,
        _ => false,
    }
}
