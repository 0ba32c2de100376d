//! The recurrence in float32.

use cofit_ir::Activation;
use cofit_ir::ops::UnidirectionalSequenceLstm;

use super::{
    BIAS, CELL, LAST_OUTPUT, Layout, NORM, ON_INPUT, ON_OUTPUT, PEEPHOLE, PROJECTION,
    PROJECTION_BIAS, optional,
};
use crate::call::{Fault, Kernel};
use crate::site::{Refusal, Site};

/// Added to a variance before its root is taken (`kNormalizationConstant` of TensorFlow Lite's
/// `portable_tensor_utils.cc`).
const LEAST_VARIANCE: f32 = 1e-8;

struct Gate {
    on_input: Vec<f32>,
    on_output: Vec<f32>,
    peephole: Option<Vec<f32>>,
    bias: Vec<f32>,
    norm: Option<Vec<f32>>,
}

struct Float {
    layout: Layout,
    /// `None` where it is coupled to the forget gate.
    input_gate: Option<Gate>,
    forget_gate: Gate,
    candidate: Gate,
    output_gate: Gate,
    projection: Option<(Vec<f32>, Option<Vec<f32>>)>,
    activation: fn(f32) -> f32,
    cell_clip: f32,
    projection_clip: f32,
    diagonal: bool,
}

pub(super) fn prepare(
    site: &Site<'_>,
    op: &UnidirectionalSequenceLstm,
    layout: Layout,
) -> Result<Kernel, Refusal> {
    if op.diagonal_recurrent_tensors && layout.outputs != layout.cells {
        return Err(site.refuse(
            format!("{} outputs are no diagonal of {} cells", layout.outputs, layout.cells),
            "check the exporter",
        ));
    }
    let gate = |gate: usize| {
        Ok::<_, Refusal>(Gate {
            on_input: site.fixed(ON_INPUT[gate])?,
            on_output: site.fixed(ON_OUTPUT[gate])?,
            peephole: match PEEPHOLE[gate] {
                Some(index) => optional(site, index)?,
                None => None,
            },
            bias: site.fixed(BIAS[gate])?,
            norm: optional(site, NORM[gate])?,
        })
    };
    let projection = match optional(site, PROJECTION)? {
        Some(weights) => Some((weights, optional(site, PROJECTION_BIAS)?)),
        None => None,
    };
    let float = Float {
        layout,
        input_gate: site.optional(ON_INPUT[0]).map(|_| gate(0)).transpose()?,
        forget_gate: gate(1)?,
        candidate: gate(2)?,
        output_gate: gate(3)?,
        projection,
        activation: match op.activation {
            Activation::None => |x| x,
            Activation::Relu => |x| x.max(0.0),
            Activation::ReluN1To1 => |x| x.clamp(-1.0, 1.0),
            Activation::Relu6 => |x| x.clamp(0.0, 6.0),
            Activation::Tanh => f32::tanh,
            Activation::SignBit => {
                return Err(site.refuse("sign_bit is no activation of a cell", "use tanh"));
            }
        },
        cell_clip: op.cell_clip,
        projection_clip: op.proj_clip,
        diagonal: op.diagonal_recurrent_tensors,
    };
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<f32>(0)?;
        let mut last = call.variables.get::<f32>(LAST_OUTPUT)?.to_vec();
        let mut cell = call.variables.get::<f32>(CELL)?.to_vec();
        let layout = &float.layout;
        if last.is_empty() || cell.is_empty() {
            return Ok(());
        }
        let output = call.outputs.get::<f32>(0)?;
        let rows = last.chunks_exact_mut(layout.outputs).zip(cell.chunks_exact_mut(layout.cells));
        for (batch, (last, cell)) in rows.enumerate() {
            for time in 0..layout.time {
                let row = layout.row(batch, time);
                let x = input.get(row * layout.inputs..(row + 1) * layout.inputs);
                let y = output.get_mut(row * layout.outputs..(row + 1) * layout.outputs);
                let (Some(x), Some(y)) = (x, y) else {
                    return Err(Fault::new("the sequence is shorter than its shape says"));
                };
                float.step(x, last, cell);
                y.copy_from_slice(last);
            }
        }
        call.variables.get::<f32>(LAST_OUTPUT)?.copy_from_slice(&last);
        call.variables.get::<f32>(CELL)?.copy_from_slice(&cell);
        Ok(())
    }))
}

impl Float {
    /// One step of one entry of the batch.
    fn step(&self, x: &[f32], last: &mut [f32], cell: &mut [f32]) {
        let forget = self.gate(&self.forget_gate, x, last, cell, logistic);
        let input = match &self.input_gate {
            Some(gate) => self.gate(gate, x, last, cell, logistic),
            None => forget.iter().map(|&forget| 1.0 - forget).collect(),
        };
        let candidate = self.gate(&self.candidate, x, last, cell, self.activation);
        for (index, cell) in cell.iter_mut().enumerate() {
            *cell = *cell * forget[index] + input[index] * candidate[index];
            *cell = clipped(*cell, self.cell_clip);
        }
        let mut hidden = self.gate(&self.output_gate, x, last, cell, logistic);
        for (hidden, &cell) in hidden.iter_mut().zip(&*cell) {
            *hidden *= (self.activation)(cell);
        }
        let Some((weights, bias)) = &self.projection else {
            last.copy_from_slice(&hidden);
            return;
        };
        for (index, to) in last.iter_mut().enumerate() {
            let bias = bias.as_ref().map_or(0.0, |bias| bias[index]);
            let row = &weights[index * hidden.len()..(index + 1) * hidden.len()];
            *to = clipped(bias + product(row, &hidden), self.projection_clip);
        }
    }

    /// The values of a gate.
    fn gate(
        &self,
        gate: &Gate,
        x: &[f32],
        last: &[f32],
        cell: &[f32],
        activation: fn(f32) -> f32,
    ) -> Vec<f32> {
        let mut values: Vec<f32> = (0..cell.len())
            .map(|index| {
                let bias = if gate.norm.is_some() { 0.0 } else { gate.bias[index] };
                let from_input = product(&gate.on_input[index * x.len()..(index + 1) * x.len()], x);
                let from_output = match self.diagonal {
                    true => gate.on_output[index] * last[index],
                    false => {
                        let row = &gate.on_output[index * last.len()..(index + 1) * last.len()];
                        product(row, last)
                    }
                };
                let peephole = gate.peephole.as_ref().map_or(0.0, |own| own[index] * cell[index]);
                bias + from_input + from_output + peephole
            })
            .collect();
        if let Some(norm) = &gate.norm {
            let count = values.len() as f32;
            let mean = values.iter().sum::<f32>() / count;
            let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count;
            let factor = 1.0 / (variance + LEAST_VARIANCE).sqrt();
            for (index, value) in values.iter_mut().enumerate() {
                *value = (*value - mean) * factor * norm[index] + gate.bias[index];
            }
        }
        values.iter_mut().for_each(|value| *value = activation(*value));
        values
    }
}

fn product(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Without a bound where it is 0.
fn clipped(x: f32, bound: f32) -> f32 {
    if bound > 0.0 { x.max(-bound).min(bound) } else { x }
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
