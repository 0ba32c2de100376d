//! `QuantizeLinear`, `DequantizeLinear`, and the older operators that carry their scales with them.

use std::rc::Rc;

use cofit_ir::{Activation, Op, ops};
use cofit_vocab::ElementType;

use crate::onnx::constant::Constant;
use crate::onnx::importer::{Importer, Value};
use crate::onnx::node::Node;
use crate::onnx::quantised::{Parameters, as_quantised, parameters};
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{Reading, View};

use super::activation::{logistic, softmax_of};
use super::convolution::convolve;
use super::elementwise::{Side, of_sides};
use super::{dense, movement, pooling};

/// `QuantizeLinear`: `quantize`, or nothing where the integers have that scale already.
pub(super) fn quantize(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = match node.input(0).and_then(|name| importer.value(name)) {
        Some(Value::Activation(view)) => view.clone(),
        Some(Value::Constant(_) | Value::Refused) | None => importer.view(node, 0)?,
    };
    let parameters = parameters(importer, node, 1, 2, &view.shape())?;
    let stored = parameters.stored();
    if stored.quantisation.is_per_axis() {
        return Err(Refusal::form("activations with a scale for each channel")
            .with_help("Quantise activations with one scale a tensor."));
    }
    if view.reading == Reading::Shifted {
        return Err(Refusal::node("integers are quantised again"));
    }
    let own = &importer.graph.tensors[view.tensor];
    let is_same = own.element == stored.element
        && own.quantisation.as_ref().is_some_and(|own| own.same_mapping(&stored.quantisation));
    if view.reading == Reading::Dequantised && is_same {
        importer.bind_view(node, View { reading: parameters.reading(), ..view });
        return Ok(());
    }
    let made = importer.emit_as(ops::Quantize::default(), &[view.tensor], node.result(), stored)?;
    importer.bind_result(node, 0, View { tensor: made, reading: parameters.reading(), ..view });
    Ok(())
}

/// `DequantizeLinear`: another reading of the integers; operators that need reals dequantise them.
pub(super) fn dequantize(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = dequantised(importer, node, 0, 1, 2)?;
    importer.bind_view(node, view);
    Ok(())
}

/// The integers that operand `index` is, read as the reals that they stand for.
fn dequantised(
    importer: &mut Importer,
    node: &Node<'_>,
    index: usize,
    scale: usize,
    zero_point: usize,
) -> Imported<View> {
    let view = match node.input(index).and_then(|name| importer.value(name)) {
        Some(Value::Activation(view)) => view.clone(),
        Some(Value::Constant(constant)) => {
            let constant = Rc::clone(constant);
            let parameters = parameters(importer, node, scale, zero_point, &constant.shape)?;
            let constant = as_quantised(importer, &constant, &parameters)?;
            let constant = importer.adopt(constant);
            let target = importer.target.replace(parameters.stored());
            let view = importer.constant_view(&constant);
            importer.target = target;
            return Ok(View { reading: Reading::Dequantised, ..view? });
        }
        Some(Value::Refused) | None => {
            return Err(Refusal::node(format!("operand {index} is missing")));
        }
    };
    let mut stated = parameters(importer, node, scale, zero_point, &view.shape())?;
    let own = importer.graph.tensors[view.tensor].clone();
    if node.input(zero_point).is_none() && view.reading == Reading::Plain {
        stated.element = own.element;
    }
    if stated.quantisation.is_per_axis() {
        return Err(Refusal::form("activations with a scale for each channel")
            .with_help("Quantise activations with one scale a tensor."));
    }
    if view.reading == Reading::Dequantised {
        return Err(Refusal::node("reals are dequantised"));
    }
    if own.quantisation.is_none() && own.element == stated.element {
        // An input of the graph, which learns its scale here.
        importer.graph.tensors[view.tensor].quantisation = Some(stated.quantisation.clone());
        if own.element != ElementType::UInt8 {
            return Ok(View { reading: Reading::Dequantised, ..view });
        }
        let name = format!("{}/signed", own.name);
        let tensor =
            importer.emit_as(ops::Quantize::default(), &[view.tensor], &name, stated.stored())?;
        return Ok(View { tensor, reading: Reading::Dequantised, ..view });
    }
    let stored = stated.stored();
    let is_same =
        own.quantisation.as_ref().is_some_and(|own| own.same_mapping(&stored.quantisation));
    if own.element == ElementType::UInt8 && own.quantisation.as_ref() == Some(&stated.quantisation)
    {
        let name = format!("{}/signed", own.name);
        let tensor = importer.emit_as(ops::Quantize::default(), &[view.tensor], &name, stored)?;
        return Ok(View { tensor, reading: Reading::Dequantised, ..view });
    }
    if own.element != stored.element || !is_same {
        return Err(Refusal::form(
            "integers that are read with another scale than they were made with",
        ));
    }
    Ok(View { reading: Reading::Dequantised, ..view })
}

/// A constant operand of integers with its scale.
fn quantised_constant(
    importer: &mut Importer,
    node: &Node<'_>,
    index: usize,
    axis: usize,
) -> Imported<Rc<Constant>> {
    let constant =
        importer.constant(node, index).ok_or_else(|| Refusal::form("the weights are computed"))?;
    let mut read = parameters(importer, node, index + 1, index + 2, &constant.shape);
    if read.is_err() && axis != 1 {
        // The older operators have no axis attribute: their scales run along the outputs.
        let swapped: cofit_ir::Shape = {
            let mut lengths = constant.shape.dimensions().to_vec();
            if axis < lengths.len() && lengths.len() > 1 {
                lengths.swap(axis, 1);
            }
            lengths.into_iter().collect()
        };
        read = parameters(importer, node, index + 1, index + 2, &swapped);
    }
    let mut read = read?;
    read.quantisation.axis = u32::try_from(axis).unwrap_or(0);
    let constant = as_quantised(importer, &constant, &read)?;
    Ok(importer.adopt(constant))
}

/// The scale that operands `index` and the next are, which the node writes.
fn written(importer: &mut Importer, node: &Node<'_>, index: usize) -> Imported<Parameters> {
    let scalar = cofit_ir::Shape::scalar();
    let written = parameters(importer, node, index, index + 1, &scalar)?;
    if written.quantisation.is_per_axis() {
        return Err(Refusal::form("a result with a scale for each channel"));
    }
    importer.target = Some(written.stored());
    Ok(written)
}

/// Gives the node's result its value in the file's reading, rescaled where the operator could not
/// write the scale.
fn bind(importer: &mut Importer, node: &Node<'_>, view: View, written: &Parameters) -> Imported {
    let stored = written.stored();
    let own = importer.graph.tensors[view.tensor].quantisation.clone();
    let mut view = View { reading: written.reading(), ..view };
    if own.as_ref() != Some(&stored.quantisation) {
        view.tensor =
            importer.emit_as(ops::Quantize::default(), &[view.tensor], node.result(), stored)?;
    }
    importer.bind_result(node, 0, view);
    Ok(())
}

/// `QLinearConv`.
pub(super) fn convolution(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let input = dequantised(importer, node, 0, 1, 2)?;
    let weights = quantised_constant(importer, node, 3, 0)?;
    let written = written(importer, node, 6)?;
    let bias = match node.input(8) {
        None => None,
        Some(_) => {
            Some(importer.constant(node, 8).ok_or_else(|| Refusal::form("the bias is computed"))?)
        }
    };
    let view = convolve(importer, node, &input, &weights, bias.as_ref(), Activation::None)?;
    bind(importer, node, view, &written)
}

/// `QLinearMatMul`.
pub(super) fn matmul(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let left = dequantised(importer, node, 0, 1, 2)?;
    let is_dense = importer.constant(node, 3).is_some_and(|right| right.shape.rank() == 2);
    let (view, written) = if is_dense && left.rank() >= 2 {
        let weights = quantised_constant(importer, node, 3, 1)?;
        let written = written(importer, node, 6)?;
        (dense::dense(importer, node.result(), &left, &weights, false, None)?, written)
    } else {
        let right = dequantised(importer, node, 3, 4, 5)?;
        let written = written(importer, node, 6)?;
        (dense::multiply(importer, node, &left, &right)?, written)
    };
    bind(importer, node, view, &written)
}

/// `com.microsoft.QGemm`.
pub(super) fn gemm(importer: &mut Importer, node: &Node<'_>) -> Imported {
    if node.int("transA", 0) != 0 || node.float("alpha", 1.0) != 1.0 || node.input(7).is_none() {
        return Err(Refusal::form("a transposed left side, a factor, or a float result"));
    }
    let left = dequantised(importer, node, 0, 1, 2)?;
    let is_transposed = node.int("transB", 0) != 0;
    let weights = quantised_constant(importer, node, 3, usize::from(!is_transposed))?;
    let written = written(importer, node, 7)?;
    let bias = importer.constant(node, 6);
    if node.input(6).is_some() && bias.is_none() {
        return Err(Refusal::form("the bias is computed"));
    }
    let name = node.result();
    let view = dense::dense(importer, name, &left, &weights, is_transposed, bias.as_ref())?;
    bind(importer, node, view, &written)
}

/// `com.microsoft.QLinearAdd` and `QLinearMul`.
pub(super) fn binary(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let left = dequantised(importer, node, 0, 1, 2)?;
    let right = dequantised(importer, node, 3, 4, 5)?;
    let written = written(importer, node, 6)?;
    let op: Op = match node.kind() {
        "QLinearAdd" => ops::Add::default().into(),
        _ => ops::Mul::default().into(),
    };
    let (left, right) = (Side::Activation(left), Side::Activation(right));
    let view = of_sides(importer, op, &left, &right, node.result())?;
    bind(importer, node, view, &written)
}

/// `com.microsoft.QLinearSigmoid`, `QLinearSoftmax` and `QLinearLeakyRelu`.
pub(super) fn unary(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let input = dequantised(importer, node, 0, 1, 2)?;
    let written = written(importer, node, 3)?;
    let view = if node.kind() == "QLinearSigmoid" {
        logistic(importer, &input, node.result())?
    } else if node.kind() == "QLinearSoftmax" {
        let axis = movement::axis(node.int("axis", -1), input.rank())?;
        if node.int("opset", 13) < 13
            && (axis + 1..input.rank()).any(|axis| input.length(axis) != 1)
        {
            return Err(Refusal::form("a softmax over several axes"));
        }
        softmax_of(importer, &input, axis, node.result())?
    } else {
        let op = ops::LeakyRelu { alpha: node.float("alpha", 0.01) };
        movement::keeping(importer, &input, op, node.result())?
    };
    bind(importer, node, view, &written)
}

/// `com.microsoft.QLinearConcat`: the result's scale first, then each operand with its own.
pub(super) fn concat(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let mut views = Vec::new();
    let mut index = 2;
    while node.input(index).is_some() {
        views.push(dequantised(importer, node, index, index + 1, index + 2)?);
        index += 3;
    }
    let written = written(importer, node, 0)?;
    let view = movement::concatenated(importer, node, &views)?;
    bind(importer, node, view, &written)
}

/// `com.microsoft.QLinearGlobalAveragePool` and `QLinearAveragePool`.
pub(super) fn pool(importer: &mut Importer, node: &Node<'_>) -> Imported {
    if node.int("channels_last", 0) != 0 {
        return Err(Refusal::form("channels innermost"));
    }
    let input = dequantised(importer, node, 0, 1, 2)?;
    let written = written(importer, node, 3)?;
    let compute = |importer: &mut Importer, input: &View| match node.kind() {
        "QLinearGlobalAveragePool" => pooling::globally(importer, node, input, false),
        _ => pooling::pooled(importer, node, input, false),
    };
    let view = match compute(importer, &input) {
        Ok(view) => view,
        Err(_) => {
            // No integer form: the average of reals, quantised again.
            importer.target = None;
            let input = importer.plain(input)?;
            compute(importer, &input)?
        }
    };
    bind(importer, node, view, &written)
}
