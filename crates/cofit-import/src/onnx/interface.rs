//! The edges of a graph: its inputs and outputs.

use std::collections::{BTreeSet, HashMap};

use cofit_ir::{AxisOrder, Origin, Quantisation, Shape, Tensor, TensorId, ops};
use cofit_vocab::diagnostic::onnx as code;
use cofit_vocab::{Diagnostic, Diagnostics, ElementType, Place};

use super::constant::unsupported_element;
use super::importer::{Importer, Target, Value};
use super::layout;
use super::proto::{DimensionProto, GraphProto, TensorShapeProto, ValueInfoProto, data_type};
use super::read::cut;
use super::refusal::Imported;
use super::view::{Reading, View, channels_innermost, in_order};
use super::{OnnxOptions, OpenAxis};

/// Makes tensors of the graph's inputs, in the arrangement that their first readers want.
pub(crate) fn inputs(
    importer: &mut Importer,
    graph: &GraphProto,
    readers: &HashMap<&str, Vec<usize>>,
    options: &OnnxOptions,
    file: &Place,
    diagnostics: &mut Diagnostics,
) {
    let mut names = BTreeSet::new();
    for (index, input) in graph.input.iter().enumerate() {
        if importer.value(&input.name).is_some() {
            // Before IR version 4 constants are listed among the inputs.
            continue;
        }
        let place = file.clone().with_tensor(cut(&input.name));
        match tensor(input) {
            Ok((element, shape)) => {
                let shape = fix(input, shape, options, &mut names, &place, diagnostics);
                let order = layout::of_input(graph, readers, &input.name, shape.rank())
                    .unwrap_or_else(|| in_order(shape.rank()));
                let stored: Shape =
                    order.iter().map(|axis| axis.map_or(1, |axis| shape[axis])).collect();
                let axes = AxisOrder::new(&order, shape.rank()).filter(|axes| !axes.is_identity());
                let index = u32::try_from(index).ok();
                let origin = Origin { index, axes, ..Origin::default() };
                let stated = Tensor::activation(&input.name, element, stored.clone());
                let id = importer.graph.tensor(Tensor { origin, ..stated });
                importer.graph.inputs.push(id);
                let view = View::arranged(id, &stored, &order, shape.rank());
                importer.bind(&input.name, Value::Activation(view));
            }
            Err((rule, message)) => {
                diagnostics.push(Diagnostic::error(rule, message, place));
                importer.bind(&input.name, Value::Refused);
            }
        }
    }
    for (name, _) in &options.dimensions {
        if !names.contains(name) {
            let known: Vec<&str> = names.iter().map(|name| cut(name)).take(20).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("no input has an axis `{}`; known are: {known}", cut(name));
            diagnostics.push(Diagnostic::error(&code::UNKNOWN_DIMENSION, message, file.clone()));
        }
    }
}

/// Element type and shape of an input.
fn tensor(
    input: &ValueInfoProto,
) -> Result<(ElementType, &TensorShapeProto), (&'static cofit_vocab::Code, String)> {
    let stated = input.r#type.as_ref().and_then(|stated| stated.tensor_type.as_ref());
    let Some(stated) = stated else {
        return Err((&code::BAD_INTERFACE, "the input is no tensor".to_owned()));
    };
    let element = match stated.elem_type {
        data_type::FLOAT | data_type::FLOAT16 | data_type::DOUBLE | data_type::BFLOAT16 => {
            ElementType::Float32
        }
        data_type::UINT8 => ElementType::UInt8,
        data_type::INT8 => ElementType::Int8,
        data_type::UINT16 => ElementType::UInt16,
        data_type::INT16 => ElementType::Int16,
        data_type::INT32 => ElementType::Int32,
        data_type::INT64 => ElementType::Int64,
        data_type::BOOL => ElementType::Bool,
        other => {
            let refusal = unsupported_element(other);
            return Err((refusal.code, format!("the input has {}", refusal.message)));
        }
    };
    match &stated.shape {
        Some(shape) if shape.dim.len() <= Shape::MAX_RANK => Ok((element, shape)),
        Some(shape) => {
            Err((&code::BAD_INTERFACE, format!("the input has {} axes", shape.dim.len())))
        }
        None => Err((&code::BAD_INTERFACE, "the input states no shape".to_owned())),
    }
}

/// The name of an axis whose length the file leaves open.
fn open_name(input: &ValueInfoProto, dimension: &DimensionProto, axis: usize) -> String {
    match &dimension.dim_param {
        Some(name) if !name.is_empty() => name.clone(),
        _ => format!("{}.{axis}", input.name),
    }
}

/// Every axis of an input that the file leaves open.
pub(crate) fn open_axes(graph: &GraphProto) -> Vec<OpenAxis> {
    let mut open = Vec::new();
    for input in &graph.input {
        let Ok((_, shape)) = tensor(input) else { continue };
        for (axis, dimension) in shape.dim.iter().enumerate() {
            if dimension.dim_value.is_none_or(|length| length <= 0) {
                let name = open_name(input, dimension, axis);
                open.push(OpenAxis { name, input: input.name.clone(), axis });
            }
        }
    }
    open
}

/// The input's shape with every axis fixed. Names of open axes are added to `names`.
fn fix(
    input: &ValueInfoProto,
    shape: &TensorShapeProto,
    options: &OnnxOptions,
    names: &mut BTreeSet<String>,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Shape {
    let mut lengths = Vec::new();
    for (axis, dimension) in shape.dim.iter().enumerate() {
        let stated = dimension.dim_value.and_then(|length| u32::try_from(length).ok());
        if let Some(length) = stated.filter(|&length| length > 0) {
            lengths.push(length);
            continue;
        }
        let name = open_name(input, dimension, axis);
        let given = options.dimensions.iter().rev().find(|(given, _)| *given == name);
        if let Some(&(_, length)) = given {
            lengths.push(length);
        } else {
            lengths.push(1);
            if !names.contains(&name) {
                let message = format!("axis {axis}, `{}`, is taken as 1", cut(&name));
                // An open batch is usual; any other length of 1 is hardly meant.
                let said = if axis == 0 { Diagnostic::note } else { Diagnostic::warning };
                let said = said(&code::SYMBOLIC_DIMENSION, message, place.clone());
                let help = format!("Fix the axis with `--dim {}=N`.", cut(&name));
                diagnostics.push(said.with_help(help));
            }
        }
        names.insert(name);
    }
    lengths.into_iter().collect()
}

/// Lists the graph's outputs, in the arrangement that they have where that is the file's or has
/// channels innermost.
pub(crate) fn outputs(
    importer: &mut Importer,
    graph: &GraphProto,
    file: &Place,
    diagnostics: &mut Diagnostics,
) {
    for output in &graph.output {
        let place = file.clone().with_tensor(cut(&output.name));
        let made = match importer.value(&output.name).cloned() {
            Some(Value::Activation(view)) => edge(importer, view, &output.name),
            Some(Value::Constant(constant)) => {
                importer.constant_view(&constant).map(|view| view.tensor)
            }
            Some(Value::Refused) => continue,
            None => {
                let message = "nothing defines the graph's output";
                diagnostics.push(Diagnostic::error(&code::BAD_INTERFACE, message, place));
                continue;
            }
        };
        match made {
            Ok(tensor) => importer.graph.outputs.push(tensor),
            Err(refusal) => {
                diagnostics.push(Diagnostic::error(refusal.code, refusal.message, place));
            }
        }
    }
}

/// The tensor that is the output of that name.
fn edge(importer: &mut Importer, view: View, name: &str) -> Imported<TensorId> {
    importer.target = None;
    let stored = importer.graph.tensors[view.tensor].shape.clone();
    let file_order = in_order(view.rank());
    let order = match view.natural(&stored) {
        Some(order)
            if order == channels_innermost(view.rank()) && view.stored_shape(&order) == stored =>
        {
            order
        }
        Some(_) if view.lies_in(&file_order) => file_order,
        Some(order) if order == channels_innermost(view.rank()) => order,
        Some(_) | None => file_order,
    };
    // Integers are smaller to move than the reals that they stand for.
    let mut tensor = importer.arrange(&view, &order)?;
    match view.reading {
        Reading::Plain => {}
        Reading::Shifted => {
            let own = importer.graph.tensors[tensor].quantisation.clone().unwrap_or_default();
            let element = ElementType::UInt8;
            let target = Target { element, quantisation: unsigned(own) };
            tensor = importer.emit_as(ops::Quantize::default(), &[tensor], name, target)?;
        }
        Reading::Dequantised => {
            let arranged = View { tensor, ..view.clone() };
            tensor = importer.plain(arranged)?.tensor;
        }
    }
    let axes = AxisOrder::new(&order, view.rank()).filter(|axes| !axes.is_identity());
    let is_edge =
        importer.graph.inputs.contains(&tensor) || importer.graph.outputs.contains(&tensor);
    let is_fixed = is_edge || importer.graph.tensors[tensor].is_constant();
    if is_fixed && importer.graph.tensors[tensor].name != name {
        // A tensor has one name; the output that shows it under another is a copy.
        let lengths: Vec<i64> =
            importer.graph.tensors[tensor].shape.dimensions().iter().map(|&n| n.into()).collect();
        let count = lengths.len() as u32;
        let shape = importer.integers(&format!("{name}/shape"), &lengths, &[count])?;
        tensor = importer.emit(ops::Reshape::default(), &[tensor, shape], name)?;
        importer.graph.tensors[tensor].origin.axes = axes;
    } else if !is_fixed {
        importer.rename(tensor, name);
        importer.graph.tensors[tensor].origin.axes = axes;
    }
    Ok(tensor)
}

/// The quantisation of the same reals by unsigned integers.
fn unsigned(mut quantisation: Quantisation) -> Quantisation {
    quantisation.zero_points.iter_mut().for_each(|zero_point| *zero_point += 128);
    quantisation
}
