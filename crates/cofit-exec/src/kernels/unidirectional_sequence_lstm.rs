//! `unidirectional_sequence_lstm`: a long short-term memory over a sequence.
//!
//! With input gate `i`, forget gate `f`, candidate `g` and output gate `o`, a step takes the cell `c`
//! to `f * c + i * g` and puts out `o * tanh(c)`. Each gate sees the input and the last output.
//!
//! float32 has all variants of TensorFlow Lite's `kernels/lstm_eval.cc`: peepholes, projection,
//! layer normalisation, and an input gate coupled to the forget gate. Integers are those of TFLM's
//! `kernels/lstm_eval.cc`, which has none of them: int8 or int16 inputs and outputs, int8 weights, an
//! int16 cell.

mod float;
mod integer;

use cofit_ir::ops::UnidirectionalSequenceLstm;
use cofit_ir::{Tensor, TensorRole};
use cofit_vocab::ElementType;

use crate::buffer::Element;
use crate::call::Kernel;
use crate::site::{Refusal, Site};

/// Operands of the four gates, each as positions of the input gate, forget gate, candidate and output
/// gate in this order.
const ON_INPUT: [usize; 4] = [1, 2, 3, 4];
const ON_OUTPUT: [usize; 4] = [5, 6, 7, 8];
const PEEPHOLE: [Option<usize>; 4] = [Some(9), Some(10), None, Some(11)];
const BIAS: [usize; 4] = [12, 13, 14, 15];
const NORM: [usize; 4] = [20, 21, 22, 23];
const PROJECTION: usize = 16;
const PROJECTION_BIAS: usize = 17;
const LAST_OUTPUT: usize = 18;
const CELL: usize = 19;

/// Lengths of axes.
#[derive(Clone, Copy, Debug)]
struct Layout {
    batch: usize,
    time: usize,
    inputs: usize,
    cells: usize,
    outputs: usize,
    time_major: bool,
}

impl Layout {
    fn of(site: &Site<'_>, op: &UnidirectionalSequenceLstm) -> Result<Self, Refusal> {
        let input = site.input(0)?;
        let &[outer, inner, inputs] = input.shape.dimensions() else {
            return Err(
                site.refuse(format!("{} is no sequence", input.shape), "check the exporter")
            );
        };
        let (batch, time) = if op.time_major { (inner, outer) } else { (outer, inner) };
        Ok(Self {
            batch: batch as usize,
            time: time as usize,
            inputs: inputs as usize,
            cells: site.input(CELL)?.shape.last() as usize,
            outputs: site.input(LAST_OUTPUT)?.shape.last() as usize,
            time_major: op.time_major,
        })
    }

    /// Row of the input and of the output at a time, for an entry of the batch.
    const fn row(&self, batch: usize, time: usize) -> usize {
        if self.time_major { time * self.batch + batch } else { batch * self.time + time }
    }
}

/// Chooses the arithmetic by the element types of input and weights.
pub(crate) fn prepare(site: &Site<'_>, op: &UnidirectionalSequenceLstm) -> Result<Kernel, Refusal> {
    let layout = Layout::of(site, op)?;
    for index in [LAST_OUTPUT, CELL] {
        if site.input(index)?.role != TensorRole::Variable {
            return Err(site.refuse(
                format!("`{}` is state and no variable", site.input(index)?.name),
                "export the model with the state as variable tensors",
            ));
        }
    }
    let of = |index| site.input(index).map(|tensor: &Tensor| tensor.element);
    let types = (of(0)?, of(ON_INPUT[1])?, of(LAST_OUTPUT)?, of(CELL)?, site.output(0)?.element);
    use ElementType::{Float32, Int8, Int16};
    match types {
        (Float32, Float32, Float32, Float32, Float32) => float::prepare(site, op, layout),
        (Int8, Int8, Int8, Int16, Int8) => integer::prepare::<i8, i32>(site, op, layout),
        (Int16, Int8, Int16, Int16, Int16) => integer::prepare::<i16, i64>(site, op, layout),
        (Float32, Int8, ..) => Err(site.refuse(
            "float32 inputs with int8 weights have no exact result",
            "quantise the activations too, or leave the weights in float32",
        )),
        _ => Err(site.unsupported()),
    }
}

/// The elements of constant operand `index`, if it is there.
fn optional<T: Element>(site: &Site<'_>, index: usize) -> Result<Option<Vec<T>>, Refusal> {
    site.optional(index).map(|_| site.fixed(index)).transpose()
}
