//! A long short-term memory in TFLite's integers.
//!
//! Weights are int8 with one scale a matrix, biases have the scale of input times weights on it, the
//! last output has the mapping of the result, and the cell is int16 with a power of two for its scale.
//! Source: `lite/tools/optimize/operator_property.cc` of TensorFlow, the variant without peepholes,
//! projection and layer normalisation, which is the one that TensorFlow Lite for Microcontrollers
//! runs.
//!
//! The cell is no tensor that a run shows. It takes in at most 1 a step, so that it stays within the
//! number of steps; beyond 16 it is cut off, where its hyperbolic tangent has been 1 for long.

use cofit_ir::{Activation, Graph, Op, Operator, TensorId, TensorRole};
use cofit_vocab::ElementType;

use crate::mapping::Mapping;

/// Weights of the four gates on the input and on the last output.
pub(crate) const WEIGHTS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// Biases of the four gates; the one of gate `i` stands beside the weights `1 + i` on the input.
pub(crate) const BIASES: [usize; 4] = [12, 13, 14, 15];
/// The last output, a variable.
pub(crate) const LAST_OUTPUT: usize = 18;
/// The cell, a variable.
pub(crate) const CELL: usize = 19;

/// Operands with the optional ones at the end.
pub(crate) const OPERANDS: usize = 24;

/// The greatest magnitude that a cell keeps.
const MOST_CELL: f32 = 16.0;

/// Why the layer has no integer form, if it has none.
pub(crate) fn refusal(graph: &Graph, operator: &Operator) -> Option<&'static str> {
    let Op::UnidirectionalSequenceLstm(op) = &operator.op else { return None };
    let has = |index: &usize| operator.input(*index).is_some();
    if [9, 10, 11, 16, 17, 20, 21, 22, 23].iter().any(has)
        || operator.input(1).is_none()
        || op.diagonal_recurrent_tensors
        || op.activation != Activation::Tanh
    {
        return Some(
            "only a plain memory has an integer kernel, without peepholes, projection, layer \
             normalisation or coupled gates",
        );
    }
    let is_constant = |&index: &usize| {
        operator.input(index).is_some_and(|id| {
            let tensor = &graph.tensors[id];
            tensor.data().is_some() && tensor.element == ElementType::Float32
        })
    };
    if !WEIGHTS.iter().chain(&BIASES).all(is_constant) {
        return Some("its weights are no constants");
    }
    let is_variable = |index: usize| {
        let id = operator.input(index);
        id.is_some_and(|id: TensorId| graph.tensors[id].role == TensorRole::Variable)
    };
    let are_variables = is_variable(LAST_OUTPUT) && is_variable(CELL);
    (!are_variables).then_some("its state is no variable")
}

/// The mapping of the cell.
pub(crate) fn cell_mapping(graph: &Graph, operator: &Operator) -> Mapping {
    let Op::UnidirectionalSequenceLstm(op) = &operator.op else {
        return Mapping { scale: MOST_CELL / 32768.0, zero_point: 0 };
    };
    let axis = if op.time_major { 0 } else { 1 };
    let steps = operator.input(0).and_then(|id| graph.tensors[id].shape.get(axis)).unwrap_or(1);
    let clip = if op.cell_clip > 0.0 { op.cell_clip } else { f32::INFINITY };
    let reach = (steps as f32).min(clip).clamp(1.0, MOST_CELL);
    // The next power of two; 2^15 integers on either side.
    Mapping { scale: 2_f32.powi(reach.log2().ceil() as i32 - 15), zero_point: 0 }
}
