//! Models as text.

use std::fmt::{self, Write};

use cofit_vocab::ElementType;

use crate::ops::AttributeValue;
use crate::{ConstantData, Graph, Model, Operator, Quantisation, Tensor, TensorId, TensorRole};

/// How much of the constants' data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstantText {
    /// All of it; the text reads back as the same model.
    Whole,
    /// Data of at most 64 bytes; the rest is called absent. The text reads back as a model that
    /// is the same in everything but the values of its weights.
    Short,
}

/// The most elements of a constant that are printed as numbers.
const MOST_NUMBERS: u64 = 16;

/// The most bytes that count as short.
const MOST_SHORT_BYTES: usize = 64;

/// The model as text that [`parse`](super::parse()) reads back.
///
/// A model that names tensors which it does not have is printed too, so that it can be looked at,
/// but does not read back.
pub fn print(model: &Model, constants: ConstantText) -> String {
    let mut text = String::new();
    // A string takes everything that is written to it.
    let written = write_model(&mut text, model, constants);
    debug_assert!(written.is_ok());
    text
}

/// Prints as [`print()`] does, with all constants.
impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_model(f, self, ConstantText::Whole)
    }
}

fn write_model(out: &mut impl Write, model: &Model, constants: ConstantText) -> fmt::Result {
    writeln!(out, "model {:?}", model.name)?;
    if !model.description.is_empty() {
        writeln!(out, "description {:?}", model.description)?;
    }
    if !model.source.file.is_empty() || !model.source.sha256.is_empty() {
        writeln!(out, "source {:?} {:?}", model.source.file, model.source.sha256)?;
    }
    for (name, data) in &model.metadata {
        write!(out, "metadata {name:?} ")?;
        write_hex(out, data)?;
        writeln!(out)?;
    }
    for graph in model.graphs.values() {
        write_graph(out, graph, constants)?;
    }
    Ok(())
}

fn write_graph(out: &mut impl Write, graph: &Graph, constants: ConstantText) -> fmt::Result {
    writeln!(out, "graph {:?} {{", graph.name)?;
    for (keyword, ids) in [("input", &graph.inputs), ("output", &graph.outputs)] {
        if !ids.is_empty() {
            write!(out, "  {keyword} ")?;
            write_labels(out, ids)?;
            writeln!(out)?;
        }
    }
    for (id, tensor) in &graph.tensors {
        write!(out, "  tensor {id} ")?;
        write_tensor(out, tensor, constants)?;
        writeln!(out)?;
    }
    for operator in graph.operators.values() {
        out.write_str("  ")?;
        write_operator(out, operator)?;
        writeln!(out)?;
    }
    writeln!(out, "}}")
}

fn write_labels(out: &mut impl Write, ids: &[TensorId]) -> fmt::Result {
    for (position, id) in ids.iter().enumerate() {
        let separator = if position > 0 { ", " } else { "" };
        write!(out, "{separator}{id}")?;
    }
    Ok(())
}

fn write_tensor(out: &mut impl Write, tensor: &Tensor, constants: ConstantText) -> fmt::Result {
    write!(out, "{:?} {}{}", tensor.name, tensor.element, tensor.shape)?;
    if let Some(quantisation) = &tensor.quantisation {
        write_quantisation(out, quantisation)?;
    }
    match &tensor.role {
        TensorRole::Activation => Ok(()),
        TensorRole::Variable => out.write_str(" variable"),
        TensorRole::Constant(ConstantData::Absent) => out.write_str(" const absent"),
        TensorRole::Constant(ConstantData::Present(data)) => {
            let is_long = data.len() > MOST_SHORT_BYTES;
            if is_long && constants == ConstantText::Short {
                return out.write_str(" const absent");
            }
            out.write_str(" const ")?;
            match numbers(tensor, data.len()) {
                Some(numbers) => out.write_str(&numbers),
                None => write_hex(out, data),
            }
        }
    }
}

/// A short constant's elements, where they are all of its data and readable as numbers.
fn numbers(tensor: &Tensor, length: usize) -> Option<String> {
    let is_readable = tensor.shape.elements() <= MOST_NUMBERS
        && u64::try_from(length) == Ok(tensor.bytes().get());
    if !is_readable {
        return None;
    }
    if tensor.element == ElementType::Float32 {
        return tensor.floats().map(|values| values.print());
    }
    tensor.integers().map(|values| values.print())
}

fn write_quantisation(out: &mut impl Write, quantisation: &Quantisation) -> fmt::Result {
    let Quantisation { scales, zero_points, axis, minimum, maximum } = quantisation;
    if *axis != 0 || quantisation.is_per_axis() {
        write!(out, " axis={axis}")?;
    }
    write!(out, " scale={}", one_or_list(scales))?;
    let is_symmetric = zero_points.len() == scales.len() && zero_points.iter().all(|&z| z == 0);
    if !is_symmetric {
        write!(out, " zero={}", one_or_list(zero_points))?;
    }
    for (name, ends) in [("min", minimum), ("max", maximum)] {
        if !ends.is_empty() {
            write!(out, " {name}={}", one_or_list(ends))?;
        }
    }
    Ok(())
}

fn one_or_list<T: AttributeValue + Clone>(values: &[T]) -> String {
    match values {
        [value] => value.print(),
        _ => values.to_vec().print(),
    }
}

fn write_operator(out: &mut impl Write, operator: &Operator) -> fmt::Result {
    if !operator.outputs.is_empty() {
        write_labels(out, &operator.outputs)?;
        out.write_str(" = ")?;
    }
    write!(out, "{}(", operator.kind())?;
    for (position, input) in operator.inputs.iter().enumerate() {
        let separator = if position > 0 { ", " } else { "" };
        match input {
            Some(id) => write!(out, "{separator}{id}")?,
            None => write!(out, "{separator}_")?,
        }
    }
    out.write_char(')')?;
    for (name, value) in operator.op.attributes() {
        write!(out, " {name}={value}")?;
    }
    if !operator.intermediates.is_empty() {
        out.write_str(" intermediates=[")?;
        write_labels(out, &operator.intermediates)?;
        out.write_char(']')?;
    }
    Ok(())
}

fn write_hex(out: &mut impl Write, data: &[u8]) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.write_char('x')?;
    for &byte in data {
        out.write_char(char::from(DIGITS[usize::from(byte >> 4)]))?;
        out.write_char(char::from(DIGITS[usize::from(byte & 15)]))?;
    }
    Ok(())
}
