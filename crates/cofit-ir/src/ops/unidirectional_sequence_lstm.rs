//! `unidirectional_sequence_lstm`: a long short-term memory over a sequence.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Activation, Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

/// Weights of the input gate on the input.
const FIRST_ON_INPUT: usize = 1;
/// Weights of the forget gate on the input.
const FORGET_ON_INPUT: usize = 2;
/// Weights of the input gate on the last output.
const FIRST_ON_OUTPUT: usize = 5;
/// Weights of the output gate on the last output.
const LAST_ON_OUTPUT: usize = 8;
/// Bias of the input gate.
const FIRST_BIAS: usize = 12;
/// Bias of the output gate.
const LAST_BIAS: usize = 15;
/// Projection of the cells onto the outputs.
const PROJECTION: usize = 16;
/// Bias of the projection.
const PROJECTION_BIAS: usize = 17;
/// The last output, a variable.
const LAST_OUTPUT: usize = 18;
/// The cell, a variable.
const CELL: usize = 19;
/// Layer normalisation of the output gate.
const LAST_OPERAND: usize = 23;

attributes! {
    /// A long short-term memory that reads a sequence from its first step to its last.
    ///
    /// Operands, by position: 0 input `[batch, time, inputs]`, or `[time, batch, inputs]` with
    /// `time_major`; weights of the input gate, forget gate, cell and output gate in this order,
    /// 1 to 4 on the input `[cells, inputs]` and 5 to 8 on the last output `[cells, outputs]`;
    /// 9 to 11 peephole weights `[cells]` of the three gates; 12 to 15 biases `[cells]`; 16
    /// projection `[outputs, cells]` and 17 its bias; 18 the last output and 19 the cell, both
    /// variables; 20 to 23 layer normalisation `[cells]`. Those of the input gate are missing where
    /// it is coupled to the forget gate; 9 to 11, 16, 17 and 20 to 23 are optional.
    /// Result: the input's shape with `outputs` innermost.
    pub struct UnidirectionalSequenceLstm {
        /// Activation of the cell.
        pub activation: Activation = Activation::Tanh,
        /// Bound on the cell's magnitude; 0 for none.
        pub cell_clip: f32 = 0.0,
        /// Bound on the projected output's magnitude; 0 for none.
        pub proj_clip: f32 = 0.0,
        /// Whether time is the outermost axis.
        pub time_major: bool = false,
        /// Whether a float input is quantised on the fly with a zero point.
        pub asymmetric_quantize_inputs: bool = false,
        /// Whether the weights on the last output are diagonal matrices, stored as `[cells]`.
        pub diagonal_recurrent_tensors: bool = false,
    }
}

impl OperatorRules for UnidirectionalSequenceLstm {
    const OPERANDS: RangeInclusive<usize> = 20..=24;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let &[outer, inner, inputs] = input.shape.dimensions() else {
            return Err(RuleError::Rank {
                index: 0,
                expected: "[batch,time,inputs]",
                shape: input.shape.clone(),
            });
        };
        let batch = if self.time_major { inner } else { outer };
        let cells = operands.input(FORGET_ON_INPUT)?.shape.get(0).unwrap_or(0);
        let outputs = match operands.optional(PROJECTION) {
            Some(projection) => projection.shape.get(0).unwrap_or(0),
            None => cells,
        };
        let is_coupled = operands.optional(FIRST_ON_INPUT).is_none();
        for index in FIRST_ON_INPUT..=LAST_OPERAND {
            let needed = match index {
                FIRST_ON_INPUT..FIRST_ON_OUTPUT => Shape::new(&[cells, inputs]),
                FIRST_ON_OUTPUT..=LAST_ON_OUTPUT if self.diagonal_recurrent_tensors => {
                    Shape::new(&[cells])
                }
                FIRST_ON_OUTPUT..=LAST_ON_OUTPUT => Shape::new(&[cells, outputs]),
                PROJECTION => Shape::new(&[outputs, cells]),
                PROJECTION_BIAS => Shape::new(&[outputs]),
                LAST_OUTPUT => Shape::new(&[batch, outputs]),
                CELL => Shape::new(&[batch, cells]),
                _ => Shape::new(&[cells]),
            };
            let is_required = match index {
                FIRST_ON_INPUT | FIRST_ON_OUTPUT | FIRST_BIAS => !is_coupled,
                FIRST_ON_INPUT..=LAST_ON_OUTPUT | FIRST_BIAS..=LAST_BIAS => true,
                LAST_OUTPUT | CELL => true,
                _ => false,
            };
            match operands.optional(index) {
                None if is_required => return Err(RuleError::MissingOperand { index }),
                Some(tensor) if tensor.shape != needed => {
                    return Err(RuleError::mismatch(format!(
                        "operand {index} has shape {} where {needed} is needed",
                        tensor.shape
                    )));
                }
                Some(_) | None => {}
            }
        }
        let mut shape = input.shape.clone();
        if let Some(innermost) = shape.dimensions_mut().last_mut() {
            *innermost = outputs;
        }
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, operands: &Operands<'_>) -> Macs {
        // Each step takes every weight once; peepholes, gates and clips are element-wise.
        let Some(input) = operands.optional(0) else { return Macs::ZERO };
        let inputs = u64::from(input.shape.last().max(1));
        let steps = input.shape.elements() / inputs;
        let matrices = (FIRST_ON_INPUT..=LAST_ON_OUTPUT).chain([PROJECTION]);
        let weights = matrices.filter_map(|index| operands.optional(index));
        weights.map(|weights| Macs(weights.shape.elements()) * steps).sum()
    }
}
