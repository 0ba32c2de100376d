//! Random small graphs: the canonical form computes the same, is well formed, and is its own
//! canonical form.

mod support;

use cofit_canonical::canonicalise;
use cofit_ir::{
    Activation, Extent2d, Graph, Model, Op, Operator, Padding, Quantisation, Shape, Tensor,
    TensorId, Verified, ops,
};
use cofit_vocab::ElementType;
use proptest::prelude::*;

use support::{Against, same_results};

/// The most elements of a tensor.
const MOST: u64 = 2048;

/// One step of a random graph: what to do, on which tensors, with which numbers.
type Instruction = (u8, u8, u8, u8);

/// Builds a graph out of random steps. Steps that the operators' rules refuse are left out.
struct Builder {
    graph: Graph,
    element: ElementType,
    values: Vec<TensorId>,
}

impl Builder {
    fn new(element: ElementType) -> Self {
        let mut builder = Self { graph: Graph::default(), element, values: Vec::new() };
        let shape = Shape::new(&[1, 4, 3, 2]);
        let input = builder.graph.tensor(builder.activation(shape, 0));
        builder.graph.inputs.push(input);
        builder.values.push(input);
        builder
    }

    /// An activation; int8 ones have one of two quantisations.
    fn activation(&self, shape: Shape, choice: u8) -> Tensor {
        let name = format!("v{}", self.graph.tensors.len());
        let tensor = Tensor::activation(name, self.element, shape);
        match self.element {
            ElementType::Int8 if choice.is_multiple_of(4) => {
                tensor.quantised(Quantisation::per_tensor(0.2, -9))
            }
            ElementType::Int8 => tensor.quantised(Quantisation::per_tensor(0.1, 3)),
            _ => tensor,
        }
    }

    fn integers(&mut self, shape: &[u32], values: &[i32]) -> TensorId {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.graph.tensor(Tensor::constant("i", ElementType::Int32, Shape::new(shape), data))
    }

    /// A constant that is computed with, its elements in eighths around zero.
    fn constant(&mut self, shape: &[u32], seed: u8) -> TensorId {
        let shape = Shape::new(shape);
        let small =
            |at: u64| (at.wrapping_mul(37).wrapping_add(u64::from(seed) * 11) % 17) as i8 - 8;
        let count = shape.elements();
        let tensor = if self.element == ElementType::Int8 {
            let data: Vec<u8> = (0..count).map(|at| small(at) as u8).collect();
            Tensor::constant("c", ElementType::Int8, shape, data)
                .quantised(Quantisation::per_tensor(0.125, 0))
        } else {
            let value = |at: u64| f32::from(small(at)) / 8.0;
            let data: Vec<u8> = (0..count).flat_map(|at| value(at).to_le_bytes()).collect();
            Tensor::constant("c", ElementType::Float32, shape, data)
        };
        self.graph.tensor(tensor)
    }

    fn scalar(&mut self, value: f32) -> TensorId {
        let data = value.to_le_bytes().to_vec();
        self.graph.tensor(Tensor::constant("s", ElementType::Float32, Shape::scalar(), data))
    }

    /// Appends an operator of one result, if its rules accept it.
    fn emit(&mut self, op: impl Into<Op>, inputs: &[TensorId], choice: u8) -> Option<TensorId> {
        let mut operator = Operator::new(op.into(), inputs, &[]);
        let facts = operator.op.infer(&cofit_ir::Operands::new(&self.graph, &operator)).ok()?;
        let shape = facts.first()?.shape.clone()?;
        if shape.elements() > MOST || shape.elements() == 0 || shape.rank() > 6 {
            return None;
        }
        // Movement and rectifiers keep the quantisation, as converters write them.
        let keeps = !matches!(
            operator.op,
            Op::Add(_) | Op::Conv2d(_) | Op::FullyConnected(_) | Op::Quantize(_) | Op::Relu(_)
        );
        let mut result = self.activation(shape, choice);
        if keeps {
            result.quantisation.clone_from(&self.graph.tensors[inputs[0]].quantisation);
        }
        let result = self.graph.tensor(result);
        operator.outputs = [result].into_iter().collect();
        self.graph.operator(operator);
        self.values.push(result);
        Some(result)
    }

    fn step(&mut self, (what, a, b, c): Instruction) -> Option<()> {
        // The latest tensor more often than others, so that chains arise.
        let pick = |values: &[TensorId], by: u8| -> TensorId {
            let back = if by < 160 { 0 } else { usize::from(by) % values.len() };
            values[values.len() - 1 - back]
        };
        let (x, other) = (pick(&self.values, a), pick(&self.values, b.wrapping_add(64)));
        let shape = self.graph.tensors[x].shape.clone();
        let is_float = self.element == ElementType::Float32;
        let channels = shape.last();
        let activation = if c & 1 == 0 { Activation::None } else { Activation::Relu };
        match what % 23 {
            0 => self.emit(ops::Relu {}, &[x], c)?,
            1 => self.emit(ops::Relu6 {}, &[x], c)?,
            2 => self.emit(ops::Add { activation, ..Default::default() }, &[x, other], c)?,
            3 => {
                let constant = self.constant(&[channels], c);
                self.emit(ops::Add { activation, ..Default::default() }, &[x, constant], c)?
            }
            4 if is_float => {
                let constant = self.constant(&[channels], c);
                self.emit(ops::Mul { activation }, &[constant, x], c)?
            }
            5 if is_float => {
                let one = self.scalar(f32::from(c % 3));
                self.emit(ops::Mul::default(), &[x, one], c)?
            }
            6 if is_float => {
                let (low, high) =
                    (self.scalar(0.0), self.scalar(if c & 1 == 0 { 6.0 } else { 5.0 }));
                let held = self.emit(ops::Maximum {}, &[x, low], c)?;
                self.emit(ops::Minimum {}, &[held, high], c)?
            }
            7 if is_float => {
                let (three, sixth) = (self.scalar(3.0), self.scalar(1.0 / 6.0));
                let sum = self.emit(ops::Add::default(), &[x, three], c)?;
                let gate = self.emit(ops::Relu6 {}, &[sum], c)?;
                let product = self.emit(ops::Mul::default(), &[x, gate], c)?;
                self.emit(ops::Mul::default(), &[product, sixth], c)?
            }
            8 => self.emit(ops::Reshape { shape: vec![1, -1] }, &[x], c)?,
            9 => self.emit(ops::Reshape { shape: vec![-1, 2, 2] }, &[x], c)?,
            10 | 11 => {
                let rank = shape.rank() as i32;
                let turn = if what % 23 == 10 { 1 } else { rank - 1 };
                let order: Vec<i32> = (0..rank).map(|axis| (axis + turn) % rank).collect();
                let order = self.integers(&[rank as u32], &order);
                self.emit(ops::Transpose {}, &[x, order], c)?
            }
            12 => {
                let axis = self.integers(&[], &[i32::from(c % 2)]);
                self.emit(ops::ExpandDims {}, &[x, axis], c)?
            }
            13 => self.emit(ops::Squeeze::default(), &[x], c)?,
            14 if shape.rank() == 4 => {
                let (before, after) = (i32::from(b % 3), i32::from(c % 3));
                let border = [0, 0, before, after, after, before, 0, 0];
                let border = self.integers(&[4, 2], &border);
                self.emit(ops::Pad {}, &[x, border], c)?
            }
            15 if shape.rank() == 4 => {
                let outputs = 1 + u32::from(b % 3);
                let weights = self.constant(&[outputs, 2, 2, channels], c);
                let stride = Extent2d::new(1 + u32::from(b & 1), 1);
                let padding = if c & 2 == 0 { Padding::Same } else { Padding::Valid };
                let conv = ops::Conv2d { stride, padding, activation, ..Default::default() };
                self.emit(conv, &[x, weights], c)?
            }
            16 if shape.rank() == 4 => {
                let padding = if c & 2 == 0 { Padding::Same } else { Padding::Valid };
                let filter = Extent2d::new(2, 2);
                self.emit(ops::MaxPool2d { filter, padding, ..Default::default() }, &[x], c)?
            }
            17 if shape.rank() == 2 => {
                let weights = self.constant(&[3, channels], c);
                self.emit(
                    ops::FullyConnected { activation, ..Default::default() },
                    &[x, weights],
                    c,
                )?
            }
            18 => self.emit(ops::Concatenation::default(), &[x], c)?,
            19 if !is_float => self.emit(ops::Quantize {}, &[x], c)?,
            19 => {
                let (a, b) = (self.constant(&[channels], b), self.constant(&[channels], c));
                let sum = self.emit(ops::Sub::default(), &[a, b], c)?;
                self.emit(ops::Sub::default(), &[x, sum], c)?
            }
            20 if is_float => {
                let mut constants = [0, 1, 2].map(|at| self.constant(&[channels], c ^ at)).to_vec();
                let data: Vec<u8> = (0..channels)
                    .flat_map(|at| (1.0 + f32::from(at as u8 ^ b) / 64.0).to_le_bytes())
                    .collect();
                let shape = Shape::new(&[channels]);
                let variance = Tensor::constant("variance", ElementType::Float32, shape, data);
                constants.push(self.graph.tensor(variance));
                constants.insert(0, x);
                self.emit(ops::BatchNormalization::default(), &constants, c)?
            }
            21 if is_float => {
                let [root, one, half] = [0.70710677, 1.0, 0.5].map(|value| self.scalar(value));
                let scaled = self.emit(ops::Mul::default(), &[x, root], c)?;
                let error = self.emit(ops::Erf {}, &[scaled], c)?;
                let sum = self.emit(ops::Add::default(), &[one, error], c)?;
                let product = self.emit(ops::Mul::default(), &[sum, x], c)?;
                self.emit(ops::Mul::default(), &[product, half], c)?
            }
            22 if is_float => {
                let one = self.scalar(1.0);
                let negative = self.emit(ops::Neg {}, &[x], c)?;
                let power = self.emit(ops::Exp {}, &[negative], c)?;
                let sum = self.emit(ops::Add::default(), &[power, one], c)?;
                self.emit(ops::Div::default(), &[x, sum], c)?
            }
            _ => return None,
        };
        Some(())
    }

    /// The model, with the last tensor and one more as outputs.
    fn finish(mut self, second: u8) -> Option<Verified> {
        let computed = self.values.get(1..).filter(|computed| !computed.is_empty())?;
        let last = *computed.last()?;
        let other = computed[usize::from(second) % computed.len()];
        self.graph.outputs.push(last);
        if second.is_multiple_of(3) && other != last {
            self.graph.outputs.push(other);
        }
        Verified::new(Model::of("random", self.graph)).ok()
    }
}

fn check(element: ElementType, steps: &[Instruction], second: u8) -> Result<(), TestCaseError> {
    let mut builder = Builder::new(element);
    for &step in steps {
        // A step that cannot be taken is none.
        let _ = builder.step(step);
    }
    let Some(before) = builder.finish(second) else { return Ok(()) };
    let mut model = before.clone().into_model();
    if let Some(graph) = model.main_mut() {
        canonicalise(graph);
        let once = graph.clone();
        let changes = canonicalise(graph);
        prop_assert!(changes.is_empty() && *graph == once, "{changes:?} of\n{before:?}");
    }
    let text = model.to_string();
    let after = Verified::new(model).map_err(|found| {
        TestCaseError::fail(format!("{found:#?}\n{text}\nof\n{}", **before.model()))
    })?;
    same_results(&before, &after, Against::Everything)
        .map_err(|found| TestCaseError::fail(format!("{found}\n{text}\nof\n{}", **before.model())))
}

fn steps() -> impl Strategy<Value = (Vec<Instruction>, u8)> {
    (proptest::collection::vec(any::<Instruction>(), 1..14), any::<u8>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonical_floats_are_the_same((steps, second) in steps()) {
        check(ElementType::Float32, &steps, second)?;
    }

    #[test]
    fn canonical_integers_are_the_same_to_the_bit((steps, second) in steps()) {
        check(ElementType::Int8, &steps, second)?;
    }
}
