//! `gru`: a gated recurrent unit over a sequence, in float32.
//!
//! No integer definition exists: neither TensorFlow Lite nor ONNX has a quantised form.

use cofit_ir::ops::Gru;
use cofit_vocab::ElementType;

use crate::call::{Fault, Kernel};
use crate::site::{Refusal, Site};

/// The state before the first step, among the operands.
const FIRST_STATE: usize = 5;

struct Unit {
    linear_before_reset: bool,
    reverse: bool,
    batch: usize,
    time: usize,
    inputs: usize,
    cells: usize,
    /// `[3 * cells, inputs]` and `[3 * cells, cells]`: update gate, reset gate, candidate.
    on_input: Vec<f32>,
    on_state: Vec<f32>,
    /// `[3 * cells]` each.
    input_bias: Vec<f32>,
    state_bias: Vec<f32>,
}

/// Weights are fixed, the first state may be computed.
pub(crate) fn prepare(site: &Site<'_>, op: &Gru) -> Result<Kernel, Refusal> {
    let input = site.input(0)?;
    if site.elements()? != (ElementType::Float32, ElementType::Float32) {
        return Err(site.refuse(
            "a gated recurrent unit has no definition in integers",
            "run it in float32, or train an LSTM layer, which has one",
        ));
    }
    let &[batch, time, inputs] = input.shape.dimensions() else {
        return Err(site.refuse(format!("{} is no sequence", input.shape), "check the exporter"));
    };
    let cells = site.input(2)?.shape.last() as usize;
    let bias = |index: usize| match site.optional(index) {
        Some(_) => site.fixed(index),
        None => Ok(vec![0.0; 3 * cells]),
    };
    let unit = Unit {
        linear_before_reset: op.linear_before_reset,
        reverse: op.reverse,
        batch: batch as usize,
        time: time as usize,
        inputs: inputs as usize,
        cells,
        on_input: site.fixed(1)?,
        on_state: site.fixed(2)?,
        input_bias: bias(3)?,
        state_bias: bias(4)?,
    };
    let has_last = site.operator().outputs.len() > 1;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<f32>(0)?;
        let mut state = match call.inputs.optional::<f32>(FIRST_STATE) {
            Some(first) => first.to_vec(),
            None => vec![0.0; unit.batch * unit.cells],
        };
        let output = call.outputs.get::<f32>(0)?;
        if state.is_empty() {
            return Ok(());
        }
        for (batch, state) in state.chunks_exact_mut(unit.cells).enumerate() {
            for step in 0..unit.time {
                let time = if unit.reverse { unit.time - 1 - step } else { step };
                let row = batch * unit.time + time;
                let x = input.get(row * unit.inputs..(row + 1) * unit.inputs);
                let y = output.get_mut(row * unit.cells..(row + 1) * unit.cells);
                let (Some(x), Some(y)) = (x, y) else {
                    return Err(Fault::new("the sequence is shorter than its shape says"));
                };
                unit.step(x, state);
                y.copy_from_slice(state);
            }
        }
        if has_last {
            let last = call.outputs.get::<f32>(1)?;
            if last.len() == state.len() {
                last.copy_from_slice(&state);
            }
        }
        Ok(())
    }))
}

impl Unit {
    /// One step of one entry of the batch.
    fn step(&self, x: &[f32], state: &mut [f32]) {
        let logistic = |x: f32| 1.0 / (1.0 + (-x).exp());
        let from_input = |row: usize| {
            product(&self.on_input[row * self.inputs..(row + 1) * self.inputs], x)
                + self.input_bias[row]
        };
        let from_state = |row: usize, state: &[f32]| {
            product(&self.on_state[row * self.cells..(row + 1) * self.cells], state)
                + self.state_bias[row]
        };
        let gate = |first: usize| -> Vec<f32> {
            let rows = first..first + self.cells;
            rows.map(|row| logistic(from_input(row) + from_state(row, state))).collect()
        };
        let (update, reset) = (gate(0), gate(self.cells));
        let kept: Vec<f32> = state.iter().zip(&reset).map(|(state, reset)| state * reset).collect();
        let candidate: Vec<f32> = (0..self.cells)
            .map(|cell| {
                let row = 2 * self.cells + cell;
                let recurrent = match self.linear_before_reset {
                    true => reset[cell] * from_state(row, state),
                    false => from_state(row, &kept),
                };
                (from_input(row) + recurrent).tanh()
            })
            .collect();
        for (cell, state) in state.iter_mut().enumerate() {
            *state = (1.0 - update[cell]) * candidate[cell] + update[cell] * *state;
        }
    }
}

fn product(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}
