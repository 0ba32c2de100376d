//! The recurrence in integers.
//!
//! Products of weights come out with 12 fractional bits as int16, gates with 15. The cell's scale is
//! a power of two. Each of the two products of a gate is requantised on its own, and their sum
//! saturates.

use cofit_ir::Activation;
use cofit_ir::ops::UnidirectionalSequenceLstm;

use super::{BIAS, CELL, LAST_OUTPUT, Layout, NORM, ON_INPUT, ON_OUTPUT, PEEPHOLE, PROJECTION};
use crate::arithmetic::sigmoid_table::{ToIndex, interpolate};
use crate::arithmetic::{Multiplier, Rounding};
use crate::buffer::Element;
use crate::call::{Fault, Kernel};
use crate::site::{Affine, Refusal, Site};

/// Scale of what enters a gate's function: 12 fractional bits.
const GATE_INPUT: f32 = 1.0 / 4096.0;
/// Scale of what leaves a gate's function: 15 fractional bits.
const GATE_OUTPUT: f64 = 1.0 / 32768.0;

/// Element types of inputs and outputs, with the width that TFLM sums their products in.
pub(super) trait Signal: Element + Into<i64> {
    /// Smallest and largest value.
    const RANGE: (i32, i32);
    fn narrow(value: i32) -> Self;
    /// A sum of products, requantised.
    fn requantise(sum: i64, factor: Multiplier, rounding: Rounding) -> i32;
}

impl Signal for i8 {
    const RANGE: (i32, i32) = (-128, 127);

    fn narrow(value: i32) -> Self {
        value as Self
    }

    fn requantise(sum: i64, factor: Multiplier, rounding: Rounding) -> i32 {
        factor.apply(sum as i32, rounding)
    }
}

impl Signal for i16 {
    const RANGE: (i32, i32) = (-32768, 32767);

    fn narrow(value: i32) -> Self {
        value as Self
    }

    fn requantise(sum: i64, factor: Multiplier, _: Rounding) -> i32 {
        factor.apply_wide(sum)
    }
}

/// A matrix with what its products are requantised by.
struct Matrix {
    weights: Vec<i8>,
    weight_zero: i64,
    input_zero: i64,
    factor: Multiplier,
}

struct Gate {
    on_input: Matrix,
    on_output: Matrix,
    bias: Vec<i64>,
}

struct Integer {
    layout: Layout,
    rounding: Rounding,
    /// Input gate, forget gate, candidate, output gate.
    gates: [Gate; 4],
    forget_factor: Multiplier,
    input_factor: Multiplier,
    output_factor: Multiplier,
    output_zero: i32,
    /// 0 for none.
    cell_clip: i16,
    gate_index: ToIndex,
    cell_index: ToIndex,
}

pub(super) fn prepare<T: Signal, B: Element + Into<i64>>(
    site: &Site<'_>,
    op: &UnidirectionalSequenceLstm,
    layout: Layout,
) -> Result<Kernel, Refusal> {
    let variants = PEEPHOLE.iter().flatten().chain(&NORM).chain([&PROJECTION]);
    let is_variant = variants.into_iter().any(|&index| site.optional(index).is_some());
    let is_coupled = site.optional(ON_INPUT[0]).is_none();
    if is_variant || is_coupled || op.diagonal_recurrent_tensors {
        return Err(site.refuse(
            "a quantised memory with peepholes, projection, layer normalisation, coupled gates or \
             diagonal weights has no kernel on microcontrollers",
            "train a plain LSTM layer, or run the model in float32",
        ));
    }
    if op.activation != Activation::Tanh {
        return Err(site.refuse(
            format!("a quantised cell goes through tanh, not {}", op.activation.name()),
            "train the layer with tanh",
        ));
    }
    let (input, last) = (site.affine(site.input(0)?)?, site.affine(site.input(LAST_OUTPUT)?)?);
    let cell = site.affine(site.input(CELL)?)?;
    let gate = |gate: usize| {
        Ok::<_, Refusal>(Gate {
            on_input: matrix(site, ON_INPUT[gate], input)?,
            on_output: matrix(site, ON_OUTPUT[gate], last)?,
            bias: site.fixed::<B>(BIAS[gate])?.into_iter().map(Into::into).collect(),
        })
    };
    let cell_scale = f64::from(cell.scale);
    let clip = f64::from(op.cell_clip) / cell_scale;
    let integer = Integer {
        layout,
        rounding: site.rounding,
        gates: [gate(0)?, gate(1)?, gate(2)?, gate(3)?],
        forget_factor: Multiplier::new(GATE_OUTPUT * cell_scale / cell_scale),
        input_factor: Multiplier::new(GATE_OUTPUT * GATE_OUTPUT / cell_scale),
        output_factor: Multiplier::new(GATE_OUTPUT * GATE_OUTPUT / f64::from(last.scale)),
        output_zero: last.zero_point,
        cell_clip: if op.cell_clip > 0.0 { clip.min(32767.0) as i16 } else { 0 },
        gate_index: ToIndex::new(GATE_INPUT, 0),
        cell_index: cell_index(site, cell)?,
    };
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let mut last = call.variables.get::<T>(LAST_OUTPUT)?.to_vec();
        let mut cell = call.variables.get::<i16>(CELL)?.to_vec();
        let layout = &integer.layout;
        if last.is_empty() || cell.is_empty() {
            return Ok(());
        }
        let output = call.outputs.get::<T>(0)?;
        let rows = last.chunks_exact_mut(layout.outputs).zip(cell.chunks_exact_mut(layout.cells));
        for (batch, (last, cell)) in rows.enumerate() {
            for time in 0..layout.time {
                let row = layout.row(batch, time);
                let x = input.get(row * layout.inputs..(row + 1) * layout.inputs);
                let y = output.get_mut(row * layout.outputs..(row + 1) * layout.outputs);
                let (Some(x), Some(y)) = (x, y) else {
                    return Err(Fault::new("the sequence is shorter than its shape says"));
                };
                integer.step(x, last, cell);
                y.copy_from_slice(last);
            }
        }
        call.variables.get::<T>(LAST_OUTPUT)?.copy_from_slice(&last);
        call.variables.get::<i16>(CELL)?.copy_from_slice(&cell);
        Ok(())
    }))
}

fn matrix(site: &Site<'_>, index: usize, input: Affine) -> Result<Matrix, Refusal> {
    let weights = site.affine(site.input(index)?)?;
    // The product of both scales is one of float32, the quotient one of float64.
    let scale = f64::from(input.scale * weights.scale) / f64::from(GATE_INPUT);
    Ok(Matrix {
        weights: site.fixed(index)?,
        weight_zero: i64::from(weights.zero_point),
        input_zero: i64::from(input.zero_point),
        factor: Multiplier::new(scale),
    })
}

/// TFLM rounds the logarithm of the cell's scale, so that only powers of two mean what they say.
fn cell_index(site: &Site<'_>, cell: Affine) -> Result<ToIndex, Refusal> {
    let power = cell.scale.log2();
    if (power - power.round()).abs() < 1e-3 && (-30.0..=0.0).contains(&power.round()) {
        return Ok(ToIndex::new(cell.scale, 12));
    }
    Err(site.refuse(
        format!("the cell's scale is {}", cell.scale),
        "quantise the cell with a power of two from 2^-30 to 1",
    ))
}

impl Integer {
    /// One step of one entry of the batch.
    fn step<T: Signal>(&self, x: &[T], last: &mut [T], cell: &mut [i16]) {
        let gate = |gate: usize, last: &[T], function: fn(i32) -> i16| -> Vec<i16> {
            let gate = &self.gates[gate];
            let value = |(index, &bias): (usize, &i64)| {
                let from_input = gate.on_input.row(index, x, bias, self.rounding);
                let from_output = gate.on_output.row(index, last, 0, self.rounding);
                function(self.gate_index.of(from_input.saturating_add(from_output)))
            };
            gate.bias.iter().enumerate().map(value).collect()
        };
        let input = gate(0, last, logistic);
        let forget = gate(1, last, logistic);
        let candidate = gate(2, last, tanh);
        let output = gate(3, last, logistic);
        let times = |a: i16, b: i16, factor: Multiplier| {
            factor.apply(i32::from(a) * i32::from(b), self.rounding)
        };
        for (index, cell) in cell.iter_mut().enumerate() {
            let kept = narrow(times(forget[index], *cell, self.forget_factor));
            let new = narrow(times(input[index], candidate[index], self.input_factor));
            *cell = kept.saturating_add(new);
            if self.cell_clip > 0 {
                *cell = (*cell).clamp(-self.cell_clip, self.cell_clip);
            }
        }
        let (lowest, highest) = T::RANGE;
        for (index, to) in last.iter_mut().enumerate() {
            let hidden = tanh(self.cell_index.of(cell[index]));
            let scaled = times(hidden, output[index], self.output_factor);
            *to = T::narrow(scaled.wrapping_add(self.output_zero).clamp(lowest, highest));
        }
    }
}

impl Matrix {
    /// Row `index` times `x`, with 12 fractional bits.
    fn row<T: Signal>(&self, index: usize, x: &[T], bias: i64, rounding: Rounding) -> i16 {
        let row = &self.weights[index * x.len()..(index + 1) * x.len()];
        let sum = row.iter().zip(x).fold(bias, |sum, (&weight, &x)| {
            let x: i64 = x.into();
            let product = (i64::from(weight) - self.weight_zero) * (x - self.input_zero);
            sum.wrapping_add(product)
        });
        narrow(T::requantise(sum, self.factor, rounding))
    }
}

fn narrow(value: i32) -> i16 {
    value.clamp(-32768, 32767) as i16
}

/// The logistic function by its table, with 15 fractional bits (TensorFlow Lite,
/// `kernels/internal/reference/integer_ops/logistic.h`).
fn logistic(index: i32) -> i16 {
    let magnitude = interpolate(index.unsigned_abs(), 9).unwrap_or(0x7fff << 10);
    // The function of -x is one less that of x.
    let value =
        if index >= 0 { magnitude + (1 << 9) } else { (1 << 25) - magnitude + (1 << 9) - 1 };
    (value >> 10) as i16
}

/// The hyperbolic tangent by the same table, `2 * logistic(2 * x) - 1` (`integer_ops/tanh.h`).
fn tanh(index: i32) -> i16 {
    let magnitude = interpolate(index.unsigned_abs(), 8).unwrap_or(0xffff << 8);
    let value = match index >= 0 {
        true => magnitude - (1 << 23) + (1 << 7),
        false => -magnitude + (1 << 23) + (1 << 7) - 1,
    };
    (value >> 8) as i16
}
