//! Recurrent layers: `unidirectional_sequence_lstm` and `gru`, one for each direction.

use std::rc::Rc;

use cofit_ir::{Op, Shape, Tensor, TensorId, TensorRole, ops};
use cofit_vocab::ElementType;

use crate::onnx::constant::Constant;
use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::View;

/// The sizes of a layer.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: u32,
    time: u32,
    inputs: u32,
    cells: u32,
    directions: u32,
}

/// A layer's operands that both kinds share.
struct Layer {
    sizes: Sizes,
    /// The input, stored `[batch, time, inputs]`, or `[time, batch, inputs]`.
    input: TensorId,
    time_major: bool,
    weights: Rc<Constant>,
    recurrent: Rc<Constant>,
    bias: Option<Rc<Constant>>,
    /// Which directions run from the end.
    reverse: Vec<bool>,
    /// Whether the file has the batch outermost.
    batch_first: bool,
}

impl Layer {
    fn of(
        importer: &mut Importer,
        node: &Node<'_>,
        gates: u32,
        functions: &[&str],
        takes_time_major: bool,
    ) -> Imported<Self> {
        let view = importer.view(node, 0)?;
        if view.rank() != 3 {
            return Err(Refusal::node(format!("an input of {}", view.shape())));
        }
        let reverse = match node.string("direction").unwrap_or("forward") {
            "forward" => vec![false],
            "reverse" => vec![true],
            "bidirectional" => vec![false, true],
            other => return Err(Refusal::node(format!("attribute `direction` is `{other}`"))),
        };
        if let Some(stated) = node.strings("activations") {
            let expected = functions.iter().cycle().take(functions.len() * reverse.len());
            let is_usual = stated.len() == functions.len() * reverse.len()
                && stated.iter().zip(expected).all(|(a, b)| a.eq_ignore_ascii_case(b.as_bytes()));
            if !is_usual {
                return Err(Refusal::form("other activations than the sigmoid and the tanh")
                    .with_help("Train the layer with the default activations."));
            }
        }
        if node.has("clip") {
            return Err(Refusal::form("attribute `clip`")
                .with_help("Export the layer without clipping its gates."));
        }
        let constant = |index: usize| {
            importer
                .constant(node, index)
                .filter(|constant| constant.element == ElementType::Float32)
                .ok_or_else(|| {
                    Refusal::form(format!(
                        "weights (operand {index}) that are computed or quantised"
                    ))
                })
        };
        let (weights, recurrent) = (constant(1)?, constant(2)?);
        let bias = match node.input(3) {
            Some(_) => Some(constant(3)?),
            None => None,
        };
        let batch_first = node.int("layout", 0) != 0;
        let (time_axis, batch_axis) = if batch_first { (1, 0) } else { (0, 1) };
        let sizes = Sizes {
            batch: view.length(batch_axis),
            time: view.length(time_axis),
            inputs: view.length(2),
            cells: recurrent.shape.last(),
            directions: reverse.len() as u32,
        };
        let rows = sizes.cells.checked_mul(gates);
        let rows = rows.ok_or_else(|| Refusal::node("too many cells"))?;
        let biases = rows.checked_mul(2).ok_or_else(|| Refusal::node("too many cells"))?;
        let directions = sizes.directions;
        let fits = weights.shape == Shape::new(&[directions, rows, sizes.inputs])
            && recurrent.shape == Shape::new(&[directions, rows, sizes.cells])
            && bias.as_ref().is_none_or(|bias| bias.shape == Shape::new(&[directions, biases]));
        if !fits || sizes.cells == 0 || sizes.time == 0 {
            return Err(Refusal::node(format!(
                "weights of {} and {} for an input of {}",
                weights.shape,
                recurrent.shape,
                view.shape()
            )));
        }
        if node.input(4).is_some() {
            let lengths = importer.known_integers(node, 4, "the sequences' lengths")?;
            if lengths.iter().flatten().any(|&length| length != i64::from(sizes.time)) {
                return Err(Refusal::form("sequences of different lengths").with_help(
                    "Export with sequences of one length, without the operand `sequence_lens`.",
                ));
            }
        }
        let by_batch = [Some(batch_axis), Some(time_axis), Some(2)];
        let by_time = [Some(time_axis), Some(batch_axis), Some(2)];
        let own = &importer.graph.tensors[view.tensor].shape;
        let is_ready = |order: &[Option<usize>]| view.stored_shape(order) == *own;
        // With a batch of one both serve; the one that the tensor has needs no reshape.
        let prefers_time = !view.lies_in(&by_batch) || (is_ready(&by_time) && !is_ready(&by_batch));
        let time_major = takes_time_major && view.lies_in(&by_time) && prefers_time;
        let input = importer.arrange(&view, if time_major { &by_time } else { &by_batch })?;
        Ok(Self { sizes, input, time_major, weights, recurrent, bias, reverse, batch_first })
    }

    /// The shape of a sequence of `width` elements a step.
    fn sequence(&self, time: u32, width: u32) -> Shape {
        let Sizes { batch, .. } = self.sizes;
        Shape::new(&if self.time_major { [time, batch, width] } else { [batch, time, width] })
    }

    /// The stored axis of time.
    fn time_axis(&self) -> i64 {
        i64::from(!self.time_major)
    }

    /// Binds the states of every step, one tensor a direction: `[time, directions, batch, cells]`.
    fn bind_sequence(
        &self,
        importer: &mut Importer,
        node: &Node<'_>,
        parts: &[TensorId],
    ) -> Imported {
        let tensor = joined(importer, node.output(0), parts)?;
        let Sizes { batch, time, cells, directions, .. } = self.sizes;
        // Directions stand side by side within a step.
        let (first, second) = if self.time_major { (time, batch) } else { (batch, time) };
        let stored = Shape::new(&[first, second, directions, cells]);
        let (time_axis, direction_axis, batch_axis) =
            if self.batch_first { (1, 2, 0) } else { (0, 1, 2) };
        let (first, second) =
            if self.time_major { (time_axis, batch_axis) } else { (batch_axis, time_axis) };
        let order = [Some(first), Some(second), Some(direction_axis), Some(3)];
        importer.bind_result(node, 0, View::arranged(tensor, &stored, &order, 4));
        Ok(())
    }

    /// Binds the last states, one tensor of `batch * cells` elements a direction:
    /// `[directions, batch, cells]`.
    fn bind_last(&self, importer: &mut Importer, node: &Node<'_>, parts: &[TensorId]) -> Imported {
        let tensor = joined(importer, node.output(1), parts)?;
        let Sizes { batch, cells, directions, .. } = self.sizes;
        let stored = Shape::new(&[batch, directions, cells]);
        let order = if self.batch_first {
            [Some(0), Some(1), Some(2)]
        } else {
            [Some(1), Some(0), Some(2)]
        };
        importer.bind_result(node, 1, View::arranged(tensor, &stored, &order, 3));
        Ok(())
    }
}

/// The tensors of both directions side by side.
fn joined(importer: &mut Importer, name: Option<&str>, parts: &[TensorId]) -> Imported<TensorId> {
    match parts {
        &[only] => Ok(only),
        parts => {
            let op = ops::Concatenation { axis: -1, ..ops::Concatenation::default() };
            importer.emit(op, parts, name.unwrap_or("both"))
        }
    }
}

/// A run of a constant's elements as a constant of its own.
fn block(
    importer: &mut Importer,
    from: &Rc<Constant>,
    first: u64,
    shape: Shape,
    name: &str,
) -> Rc<Constant> {
    let part = from.part(first, shape, &format!("{}/{name}", from.name));
    importer.adopt(part)
}

/// A constant as a tensor of its own shape.
fn stored(importer: &mut Importer, constant: &Rc<Constant>) -> Imported<TensorId> {
    importer.constant_view(constant).map(|view| view.tensor)
}

/// Whether the last operand of a name is read.
fn is_read(importer: &Importer, node: &Node<'_>, index: usize) -> bool {
    node.output(index).is_some_and(|name| importer.use_count(name) > 0)
}

/// Refuses a first state that is not zero.
fn zero_state(importer: &Importer, node: &Node<'_>, index: usize) -> Imported {
    if node.input(index).is_none() {
        return Ok(());
    }
    let known = importer.constant(node, index).and_then(|state| state.reals(1 << 20));
    match known {
        Some(state) if state.iter().all(|&value| value == 0.0) => Ok(()),
        _ => Err(Refusal::form("a first state that is not zero")
            .with_help("Start from zero; runtimes keep the state of an LSTM themselves.")),
    }
}

/// `LSTM`.
pub(super) fn lstm(importer: &mut Importer, node: &Node<'_>) -> Imported {
    // The file's gates are input, output, forget, cell.
    const GATES: [(u64, &str); 4] = [(0, "input"), (2, "forget"), (3, "cell"), (1, "output")];
    let layer = Layer::of(importer, node, 4, &["Sigmoid", "Tanh", "Tanh"], true)?;
    let peepholes = match node.input(7) {
        Some(_) => Some(peepholes(importer, node, &layer)?),
        None => None,
    };
    if node.int("input_forget", 0) != 0 {
        return Err(Refusal::form("attribute `input_forget`")
            .with_help("Export the layer with an input gate of its own."));
    }
    if is_read(importer, node, 2) {
        return Err(Refusal::form("the last cell of an LSTM is read")
            .with_help("Drop the cell from the outputs; runtimes keep it as the layer's state."));
    }
    zero_state(importer, node, 5)?;
    zero_state(importer, node, 6)?;
    let Sizes { batch, time, inputs, cells, .. } = layer.sizes;
    let (wide, square) = (u64::from(cells) * u64::from(inputs), u64::from(cells).pow(2));
    let mut sequences = Vec::new();
    let mut lasts = Vec::new();
    let reverse = layer.reverse.clone();
    for (direction, &reverse) in reverse.iter().enumerate() {
        let direction = direction as u64;
        let name = match (reverse, layer.reverse.len()) {
            (false, 1) => node.result().to_owned(),
            (false, _) => format!("{}/forward", node.result()),
            (true, _) => format!("{}/backward", node.result()),
        };
        let mut operands: Vec<Option<TensorId>> = vec![None; 20];
        let axis = importer.integers(&format!("{name}/time"), &[layer.time_axis()], &[1])?;
        operands[0] = Some(if reverse {
            importer.emit(
                ops::Reverse::default(),
                &[layer.input, axis],
                &format!("{name}/input"),
            )?
        } else {
            layer.input
        });
        for (place, (gate, gate_name)) in GATES.into_iter().enumerate() {
            let row = direction * 4 + gate;
            let shape = Shape::new(&[cells, inputs]);
            let weights = block(importer, &layer.weights, row * wide, shape, gate_name);
            operands[1 + place] = Some(stored(importer, &weights)?);
            let shape = Shape::new(&[cells, cells]);
            let weights = block(importer, &layer.recurrent, row * square, shape, gate_name);
            operands[5 + place] = Some(stored(importer, &weights)?);
            operands[12 + place] =
                Some(gate_bias(importer, &layer, direction, gate, gate_name, node)?);
        }
        if let Some(peepholes) = &peepholes {
            // The file's are those of the input, output and forget gates.
            for (place, gate, gate_name) in [(9, 0, "input"), (10, 2, "forget"), (11, 1, "output")]
            {
                let first = (direction * 3 + gate) * u64::from(cells);
                let part = block(importer, peepholes, first, Shape::new(&[cells]), gate_name);
                operands[place] = Some(stored(importer, &part)?);
            }
        }
        for (place, width, what) in [(18, cells, "state"), (19, cells, "cell")] {
            let shape = Shape::new(&[batch, width]);
            let state = Tensor::activation(format!("{name}/{what}"), ElementType::Float32, shape);
            let state = Tensor { role: TensorRole::Variable, ..state };
            operands[place] = Some(importer.graph.tensor(state));
        }
        let op = ops::UnidirectionalSequenceLstm {
            time_major: layer.time_major,
            ..ops::UnidirectionalSequenceLstm::default()
        };
        let made_name = if reverse { format!("{name}/made") } else { name.clone() };
        let made = importer.emit_all(op.into(), &operands, &[made_name], None)?[0];
        if is_read(importer, node, 1) {
            // The step that was computed last is the last one of what the operator writes.
            lasts.push(step(importer, &layer, made, time - 1, &format!("{name}/last"))?);
        }
        sequences.push(if reverse {
            importer.emit(ops::Reverse::default(), &[made, axis], &name)?
        } else {
            made
        });
    }
    if is_read(importer, node, 1) {
        layer.bind_last(importer, node, &lasts)?;
    }
    layer.bind_sequence(importer, node, &sequences)
}

/// The weights with which the gates of an LSTM see the cell.
fn peepholes(importer: &Importer, node: &Node<'_>, layer: &Layer) -> Imported<Rc<Constant>> {
    let Sizes { cells, directions, .. } = layer.sizes;
    let expected = u64::from(directions) * 3 * u64::from(cells);
    importer
        .constant(node, 7)
        .filter(|weights| weights.element == ElementType::Float32)
        .filter(|weights| weights.shape.elements() == expected)
        .ok_or_else(|| {
            Refusal::form(format!("peephole weights that are no constant of {expected} floats"))
                .with_help("Store the peephole weights as a float initialiser.")
        })
}

/// One step of a sequence.
fn step(
    importer: &mut Importer,
    layer: &Layer,
    sequence: TensorId,
    at: u32,
    name: &str,
) -> Imported<TensorId> {
    let shape = layer.sequence(1, layer.sizes.cells);
    let mut begin = [0i64; 3];
    begin[layer.time_axis() as usize] = i64::from(at);
    let size: Vec<i64> = shape.dimensions().iter().map(|&length| i64::from(length)).collect();
    let begin = importer.integers(&format!("{name}/begin"), &begin, &[3])?;
    let size = importer.integers(&format!("{name}/size"), &size, &[3])?;
    importer.emit(ops::Slice::default(), &[sequence, begin, size], name)
}

/// The bias of a gate: those on the input and on the state are added.
fn gate_bias(
    importer: &mut Importer,
    layer: &Layer,
    direction: u64,
    gate: u64,
    gate_name: &str,
    node: &Node<'_>,
) -> Imported<TensorId> {
    let cells = layer.sizes.cells;
    let shape = Shape::new(&[cells]);
    let width = u64::from(cells);
    importer.spend(width.saturating_mul(16))?;
    let Some(bias) = &layer.bias else {
        let name = format!("{}/{gate_name}_bias", node.result());
        let data = vec![0; cells as usize * 4];
        return Ok(importer.graph.tensor(Tensor::constant(
            name,
            ElementType::Float32,
            shape,
            data,
        )));
    };
    let first = (direction * 8 + gate) * width;
    let on_input = block(importer, bias, first, shape.clone(), gate_name);
    let on_state = block(importer, bias, first + 4 * width, shape.clone(), gate_name);
    let sum = on_input.reals(u64::MAX).zip(on_state.reals(u64::MAX)).map(|(a, b)| {
        let sums = a.iter().zip(&b).map(|(a, b)| (a + b) as f32);
        sums.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()
    });
    let constant = Constant {
        name: on_input.name.clone(),
        ..Constant::anonymous(ElementType::Float32, shape, sum.map(Into::into))
    };
    let constant = importer.adopt(constant);
    stored(importer, &constant)
}

/// `GRU`.
pub(super) fn gru(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let layer = Layer::of(importer, node, 3, &["Sigmoid", "Tanh"], false)?;
    let Sizes { batch, inputs, cells, directions, .. } = layer.sizes;
    let rows = cells * 3;
    let (wide, square) = (u64::from(rows) * u64::from(inputs), u64::from(rows) * u64::from(cells));
    let first_state = match node.input(5) {
        Some(_) => {
            let state = importer.view(node, 5)?;
            let expected = if layer.batch_first {
                [batch, directions, cells]
            } else {
                [directions, batch, cells]
            };
            if state.shape() != Shape::new(&expected) {
                return Err(Refusal::node(format!("a first state of {}", state.shape())));
            }
            Some(state)
        }
        None => None,
    };
    if first_state.is_some() && directions > 1 {
        return Err(Refusal::form("a first state of two directions")
            .with_help("Start from zero, or use one layer for each direction."));
    }
    let mut sequences = Vec::new();
    let mut lasts = Vec::new();
    for (direction, &reverse) in layer.reverse.iter().enumerate() {
        let direction = direction as u64;
        let name = match (reverse, layer.reverse.len()) {
            (_, 1) => node.result().to_owned(),
            (false, _) => format!("{}/forward", node.result()),
            (true, _) => format!("{}/backward", node.result()),
        };
        let shape = Shape::new(&[rows, inputs]);
        let weights = block(importer, &layer.weights, direction * wide, shape, "gates");
        let shape = Shape::new(&[rows, cells]);
        let recurrent = block(importer, &layer.recurrent, direction * square, shape, "gates");
        let mut operands = vec![
            Some(layer.input),
            Some(stored(importer, &weights)?),
            Some(stored(importer, &recurrent)?),
        ];
        if let Some(bias) = &layer.bias {
            let first = direction * 2 * u64::from(rows);
            for (part, what) in [(0, "on_input"), (1, "on_state")] {
                let shape = Shape::new(&[rows]);
                let half = block(importer, bias, first + part * u64::from(rows), shape, what);
                operands.push(Some(stored(importer, &half)?));
            }
        } else if first_state.is_some() {
            operands.extend([None, None]);
        }
        if let Some(state) = &first_state {
            let flat = super::movement::reshaped(importer, state, &Shape::new(&[batch, cells]))?;
            operands.push(Some(importer.arrange(&flat, &[Some(0), Some(1)])?));
        }
        let op: Op =
            ops::Gru { linear_before_reset: node.int("linear_before_reset", 0) != 0, reverse }
                .into();
        let mut names = vec![name.clone()];
        if is_read(importer, node, 1) {
            names.push(match node.output(1) {
                Some(last) if layer.reverse.len() == 1 => last.to_owned(),
                _ => format!("{name}/last"),
            });
        }
        let made = importer.emit_all(op, &operands, &names, None)?;
        sequences.push(made[0]);
        lasts.extend(made.get(1));
    }
    if is_read(importer, node, 1) {
        layer.bind_last(importer, node, &lasts)?;
    }
    layer.bind_sequence(importer, node, &sequences)
}
