//! A graph as a list of calls on layers: names, sizes and operands, without any framework's words.

use std::collections::{BTreeMap, BTreeSet};

use cofit_ir::ops::window::Window;
use cofit_ir::tensor::short_name;
use cofit_ir::{Activation, Extent2d, Graph, Model, Op, Operator, OperatorId, Padding, TensorId};
use cofit_vocab::diagnostic::source as codes;
use cofit_vocab::{Diagnostic, Diagnostics, Place};

pub use super::call::{Call, Function, Operand, Pairing, Sliding, Step};

/// A value of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The variable that holds it.
    pub variable: String,
    /// Its shape, channels innermost.
    pub shape: Vec<u32>,
}

/// A model as statements.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The model's name.
    pub name: String,
    /// What the model says of itself.
    pub description: String,
    /// Statements in order.
    pub steps: Vec<Step>,
    /// Every value.
    pub values: BTreeMap<TensorId, Known>,
    /// Inputs.
    pub inputs: Vec<TensorId>,
    /// Outputs.
    pub outputs: Vec<TensorId>,
    /// Numbers that training finds, those of batch normalisation included.
    pub parameters: u64,
}

impl Program {
    /// Reads the model's main graph.
    ///
    /// # Errors
    /// Operators that have no call, each with its name.
    pub fn of(model: &Model) -> Result<Self, Diagnostics> {
        let empty = Graph::default();
        let graph = model.main().unwrap_or(&empty);
        let mut reader = Reader {
            graph,
            layers: BTreeMap::new(),
            names: Names::default(),
            learned: BTreeSet::new(),
            diagnostics: Diagnostics::new(),
        };
        let mut steps = Vec::new();
        for (id, operator) in &graph.operators {
            match reader.step(id, operator) {
                Some(step) => steps.push(step),
                None => reader.refuse(id, operator),
            }
        }
        if reader.diagnostics.has_errors() {
            return Err(reader.diagnostics);
        }
        let parameters = reader
            .learned
            .iter()
            .map(|&id| graph.tensors[id].shape.elements())
            .fold(0, u64::saturating_add);
        let values = variables(graph, &steps);
        Ok(Self {
            name: harmless(&model.name),
            description: harmless(&model.description),
            steps,
            values,
            inputs: graph.inputs.clone(),
            outputs: graph.outputs.clone(),
            parameters,
        })
    }

    /// The shape of a value, channels innermost.
    pub fn shape(&self, id: TensorId) -> &[u32] {
        self.values.get(&id).map_or(&[], |known| &known.shape)
    }

    /// The variable of a value.
    pub fn variable(&self, id: TensorId) -> &str {
        self.values.get(&id).map_or("x", |known| &known.variable)
    }
}

/// A text of a file that neither ends a comment or a string nor runs on.
fn harmless(text: &str) -> String {
    let plain = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => ' ',
    };
    text.chars().map(plain).take(200).collect()
}

/// Variables: `x` for what only the next statement reads, a name of its own for everything else.
fn variables(graph: &Graph, steps: &[Step]) -> BTreeMap<TensorId, Known> {
    let mut last_use: BTreeMap<TensorId, usize> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        for operand in &step.operands {
            if let Operand::Value(id) = operand {
                last_use.insert(*id, at);
            }
        }
    }
    let mut names = Names::default();
    names.take("x");
    names.take("self");
    let mut values = BTreeMap::new();
    let known = |id: TensorId, variable: String| Known {
        variable,
        shape: graph.tensors[id].shape.dimensions().to_vec(),
    };
    for &id in &graph.inputs {
        let variable = names.unique(&graph.tensors[id].name);
        values.insert(id, known(id, variable));
    }
    for (at, step) in steps.iter().enumerate() {
        let is_short = last_use.get(&step.result).is_some_and(|&last| last == at + 1);
        let variable = if is_short && !graph.outputs.contains(&step.result) {
            "x".to_owned()
        } else {
            names.unique(&graph.tensors[step.result].name)
        };
        values.insert(step.result, known(step.result, variable));
    }
    values
}

/// Identifiers that were given.
#[derive(Debug, Default)]
struct Names {
    taken: BTreeSet<String>,
}

/// Words that Python keeps, and names that the sources use.
const KEPT: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "build", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "forward", "from", "global", "if", "import", "in",
    "input", "is", "keras", "lambda", "layers", "nonlocal", "nn", "not", "ops", "or", "pass",
    "raise", "return", "torch", "train", "eval", "try", "while", "with", "yield", "F", "type",
    "float", "half", "double", "name", "False", "None", "True",
];

impl Names {
    fn take(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// An identifier like `name` that nothing else has.
    fn unique(&mut self, name: &str) -> String {
        let mut plain: String = short_name(name)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .take(64)
            .collect();
        let starts_well = plain.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
        if !starts_well {
            plain.insert_str(0, "layer_");
        }
        if KEPT.contains(&plain.as_str()) {
            plain.push_str("_1");
        }
        let mut candidate = plain.clone();
        let mut number = 1u64;
        while !self.taken.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{plain}_{number}");
        }
        candidate
    }
}

struct Reader<'a> {
    graph: &'a Graph,
    /// Names of layers by their weights, so that shared ones are one layer.
    layers: BTreeMap<TensorId, String>,
    names: Names,
    /// Constants that training finds.
    learned: BTreeSet<TensorId>,
    diagnostics: Diagnostics,
}

impl Reader<'_> {
    fn refuse(&mut self, id: OperatorId, operator: &Operator) {
        let name = self.graph.operator_name(id);
        let message = format!("`{}` as it stands here has no layer", operator.kind());
        let place = Place::default().with_operator(&name);
        self.diagnostics.push(Diagnostic::error(&codes::NO_LAYER, message, place));
    }

    fn dimensions(&self, id: TensorId) -> &[u32] {
        self.graph.tensors[id].shape.dimensions()
    }

    /// The whole numbers of constant operand `index`.
    fn integers(&self, operator: &Operator, index: usize) -> Option<Vec<i64>> {
        self.graph.tensors[operator.input(index)?].integers()
    }

    /// The layer of these constants, the first of which names it.
    fn layer(&mut self, id: OperatorId, constants: &[Option<TensorId>]) -> Option<String> {
        let constants: Vec<TensorId> = constants.iter().copied().flatten().collect();
        let first = *constants.first()?;
        if !constants.iter().all(|&id| self.graph.tensors[id].is_constant()) {
            return None;
        }
        self.learned.extend(constants);
        if let Some(known) = self.layers.get(&first) {
            return Some(known.clone());
        }
        let name = self.names.unique(&self.graph.operator_name(id));
        self.layers.insert(first, name.clone());
        Some(name)
    }

    fn operand(&mut self, id: TensorId) -> Option<Operand> {
        let tensor = &self.graph.tensors[id];
        if !tensor.is_constant() {
            return Some(Operand::Value(id));
        }
        if tensor.shape.elements() == 1 {
            let float = tensor.floats().and_then(|values| values.first().copied());
            let quantised = || {
                let stored = *tensor.integers()?.first()?;
                let (scale, zero) = tensor.quantisation.as_ref()?.at(0)?;
                Some((stored - zero) as f32 * scale)
            };
            if let Some(number) = float.or_else(quantised) {
                return Some(Operand::Number(number));
            }
        }
        let shape = tensor.shape.dimensions().to_vec();
        self.learned.insert(id);
        let name = match self.layers.get(&id) {
            Some(name) => name.clone(),
            None => {
                let name = self.names.unique(&tensor.name);
                self.layers.insert(id, name.clone());
                name
            }
        };
        Some(Operand::Learned(name, shape))
    }

    /// The operands at these places, in order.
    fn operands(&mut self, operator: &Operator, places: &[usize]) -> Option<Vec<Operand>> {
        places.iter().map(|&at| self.operand(operator.input(at)?)).collect()
    }

    /// The axes that constant operand `index` lists, of operand 0.
    fn axes(&self, operator: &Operator, index: usize) -> Option<Vec<usize>> {
        let shape = &self.graph.tensors[operator.input(0)?].shape;
        let axes: Option<Vec<usize>> =
            self.integers(operator, index)?.iter().map(|&axis| shape.resolve_axis(axis)).collect();
        let mut axes = axes?;
        axes.sort_unstable();
        axes.dedup();
        Some(axes)
    }

    /// A window over operand `index`.
    fn sliding(&self, map: TensorId, window: Window, padding: Padding) -> Option<Sliding> {
        let &[_, height, width, _] = self.dimensions(map) else { return None };
        let amounts = window.padding_amounts(height, width, padding).ok()?;
        Some(Sliding { window, padding, amounts })
    }

    fn kernel(&self, weights: TensorId) -> Option<Extent2d> {
        let &[_, height, width, _] = self.dimensions(weights) else { return None };
        Some(Extent2d::new(height, width))
    }

    /// A convolution with weights at 1 and perhaps a bias at 2.
    fn convolution(
        &mut self,
        id: OperatorId,
        operator: &Operator,
        (stride, dilation, padding): (Extent2d, Extent2d, Padding),
        is_depthwise: bool,
    ) -> Option<(String, Call)> {
        let (input, weights) = (operator.input(0)?, operator.input(1)?);
        let window = Window { kernel: self.kernel(weights)?, stride, dilation };
        let sliding = self.sliding(input, window, padding)?;
        let depth = *self.dimensions(input).last()?;
        let shape = self.dimensions(weights);
        let (channels, groups) = match (is_depthwise, shape) {
            (true, &[.., channels]) => (channels, depth),
            (false, &[channels, _, _, per_group]) if per_group > 0 => (channels, depth / per_group),
            _ => return None,
        };
        let name = self.layer(id, &[Some(weights), operator.input(2)])?;
        let has_bias = operator.input(2).is_some();
        Some((name, Call::Conv { depth, channels, groups, sliding, has_bias }))
    }

    /// The statement of an operator; `None` where no framework has it as it stands.
    fn step(&mut self, id: OperatorId, operator: &Operator) -> Option<Step> {
        let &[result] = operator.outputs.as_slice() else { return None };
        let whole = self.graph.operator_name(id);
        let group = harmless(short_name(&whole).split_once('/').map_or("", |(group, _)| group));
        let plain = |call| Some((String::new(), call));
        let function = |function| Some((String::new(), Call::Function(function)));
        let mut places = vec![0];
        let mut fused = Activation::None;
        let (name, call) = match &operator.op {
            Op::Conv2d(op) => {
                fused = op.activation;
                self.convolution(id, operator, (op.stride, op.dilation, op.padding), false)
            }
            Op::DepthwiseConv2d(op) => {
                fused = op.activation;
                self.convolution(id, operator, (op.stride, op.dilation, op.padding), true)
            }
            Op::TransposeConv2d(op) => {
                fused = op.activation;
                places = vec![2];
                let (weights, input) = (operator.input(1)?, operator.input(2)?);
                let window = Window {
                    kernel: self.kernel(weights)?,
                    stride: op.stride,
                    dilation: Extent2d::ONE,
                };
                let sliding = self.sliding(result, window, op.padding)?;
                let (&[_, rows, columns, depth], &[_, height, width, channels]) =
                    (self.dimensions(input), self.dimensions(result))
                else {
                    return None;
                };
                let name = self.layer(id, &[Some(weights), operator.input(3)])?;
                let (input, output) = (Extent2d::new(rows, columns), Extent2d::new(height, width));
                let has_bias = operator.input(3).is_some();
                let call =
                    Call::TransposeConv { depth, channels, sliding, input, output, has_bias };
                Some((name, call))
            }
            Op::FullyConnected(op) => {
                fused = op.activation;
                let (input, weights) = (operator.input(0)?, operator.input(1)?);
                let &[units, depth] = self.dimensions(weights) else { return None };
                let outer =
                    self.dimensions(result).split_last().map_or(&[][..], |(_, outer)| outer);
                let has_rows = self.dimensions(input) == [outer, &[depth]].concat();
                let rows = (!has_rows).then(|| outer.iter().product());
                let name = self.layer(id, &[Some(weights), operator.input(2)])?;
                let has_bias = operator.input(2).is_some();
                Some((name, Call::Dense { depth, units, rows, has_bias }))
            }
            Op::BatchNormalization(op) => {
                let constants: Vec<_> = (1..=4).map(|at| operator.input(at)).collect();
                let name = self.layer(id, &constants)?;
                let channels = *self.dimensions(result).last()?;
                Some((name, Call::BatchNorm { channels, epsilon: op.epsilon }))
            }
            Op::MaxPool2d(op) => {
                fused = op.activation;
                let window =
                    Window { kernel: op.filter, stride: op.stride, dilation: Extent2d::ONE };
                let sliding = self.sliding(operator.input(0)?, window, op.padding)?;
                plain(Call::Pool { is_largest: true, sliding })
            }
            Op::AveragePool2d(op) => {
                fused = op.activation;
                let window =
                    Window { kernel: op.filter, stride: op.stride, dilation: Extent2d::ONE };
                let sliding = self.sliding(operator.input(0)?, window, op.padding)?;
                plain(Call::Pool { is_largest: false, sliding })
            }
            Op::Gru(op) if op.linear_before_reset && !op.reverse => {
                let depth = *self.dimensions(operator.input(0)?).last()?;
                let cells = *self.dimensions(operator.input(2)?).last()?;
                operator.input(3).zip(operator.input(4))?;
                if operator.input(5).is_some() {
                    return None;
                }
                let constants: Vec<_> = (1..=4).map(|at| operator.input(at)).collect();
                let name = self.layer(id, &constants)?;
                Some((name, Call::Gru { depth, cells }))
            }
            Op::UnidirectionalSequenceLstm(op) => {
                let are_plain = [9, 10, 11, 16, 17, 20, 21, 22, 23];
                if op.time_major
                    || op.diagonal_recurrent_tensors
                    || op.activation != Activation::Tanh
                    || are_plain.iter().any(|&at| operator.input(at).is_some())
                {
                    return None;
                }
                let depth = *self.dimensions(operator.input(0)?).last()?;
                let cells = *self.dimensions(result).last()?;
                let places = (1..=8).chain(12..=15);
                let constants: Option<Vec<_>> = places.map(|at| operator.input(at)).collect();
                let constants: Vec<_> = constants?.into_iter().map(Some).collect();
                let name = self.layer(id, &constants)?;
                Some((name, Call::Lstm { depth, cells }))
            }
            Op::Relu(_) => function(Function::Relu),
            Op::Relu6(_) => function(Function::Clip(0.0, 6.0)),
            Op::ReluN1To1(_) => function(Function::Clip(-1.0, 1.0)),
            Op::Tanh(_) => function(Function::Tanh),
            Op::Logistic(_) => function(Function::Sigmoid),
            Op::HardSwish(_) => function(Function::HardSwish),
            Op::LeakyRelu(op) => function(Function::LeakyRelu(op.alpha)),
            Op::Elu(_) => function(Function::Elu),
            Op::Gelu(op) => function(Function::Gelu(op.approximate)),
            Op::Exp(_) => function(Function::Exp),
            Op::Rsqrt(_) => function(Function::Rsqrt),
            Op::Sqrt(_) => function(Function::Sqrt),
            Op::Square(_) => function(Function::Square),
            Op::Abs(_) => function(Function::Abs),
            Op::Neg(_) => function(Function::Neg),
            Op::Add(op) => {
                (fused, places) = (op.activation, vec![0, 1]);
                plain(Call::Pairing(Pairing::Add))
            }
            Op::Sub(op) => {
                (fused, places) = (op.activation, vec![0, 1]);
                plain(Call::Pairing(Pairing::Sub))
            }
            Op::Mul(op) => {
                (fused, places) = (op.activation, vec![0, 1]);
                plain(Call::Pairing(Pairing::Mul))
            }
            Op::Div(op) => {
                (fused, places) = (op.activation, vec![0, 1]);
                plain(Call::Pairing(Pairing::Div))
            }
            Op::Maximum(_) => {
                places = vec![0, 1];
                plain(Call::Pairing(Pairing::Maximum))
            }
            Op::Minimum(_) => {
                places = vec![0, 1];
                plain(Call::Pairing(Pairing::Minimum))
            }
            Op::SquaredDifference(_) => {
                places = vec![0, 1];
                plain(Call::Pairing(Pairing::SquaredDifference))
            }
            Op::Softmax(op) => plain(Call::Softmax(op.beta)),
            Op::Concatenation(op) => {
                fused = op.activation;
                places = (0..operator.inputs.len()).collect();
                let shape = &self.graph.tensors[result].shape;
                plain(Call::Concatenation(shape.resolve_axis(i64::from(op.axis))?))
            }
            Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_) => {
                plain(Call::Reshape(self.dimensions(result).to_vec()))
            }
            Op::Transpose(_) => {
                let order = self.integers(operator, 1)?;
                let order: Option<Vec<usize>> =
                    order.iter().map(|&axis| usize::try_from(axis).ok()).collect();
                plain(Call::Transpose(order?))
            }
            Op::Pad(_) if operator.input(2).is_none() => {
                let border = self.integers(operator, 1)?;
                plain(Call::Pad(border.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()))
            }
            // Where the corners or the first elements coincide, frameworks have no such layer.
            Op::ResizeBilinear(op) if op.half_pixel_centers && !op.align_corners => {
                let &[_, height, width, _] = self.dimensions(result) else { return None };
                plain(Call::Resize { size: Extent2d::new(height, width), is_bilinear: true })
            }
            Op::ResizeNearestNeighbor(op) if !op.align_corners => {
                let &[_, height, width, _] = self.dimensions(result) else { return None };
                plain(Call::Resize { size: Extent2d::new(height, width), is_bilinear: false })
            }
            Op::Mean(op) => {
                let axes = self.axes(operator, 1)?;
                plain(Call::Reduce { word: "mean", axes, keeps: op.keep_dims })
            }
            Op::Sum(op) => {
                let axes = self.axes(operator, 1)?;
                plain(Call::Reduce { word: "sum", axes, keeps: op.keep_dims })
            }
            Op::ReduceMax(op) => {
                let axes = self.axes(operator, 1)?;
                plain(Call::Reduce { word: "max", axes, keeps: op.keep_dims })
            }
            Op::BatchMatMul(op) => {
                places = vec![0, 1];
                plain(Call::MatMul(op.adj_x, op.adj_y))
            }
            Op::Slice(_) => {
                let begin = self.integers(operator, 1)?;
                let lengths = self.dimensions(result).iter();
                let ends = begin.iter().zip(lengths);
                plain(Call::Slice(
                    ends.map(|(&first, &length)| [first, first + i64::from(length)]).collect(),
                ))
            }
            Op::Quantize(_) | Op::Dequantize(_) | Op::Cast(_) => plain(Call::Identity),
            Op::Gru(_)
            | Op::Pad(_)
            | Op::ResizeBilinear(_)
            | Op::ResizeNearestNeighbor(_)
            | Op::ArgMax(_)
            | Op::ArgMin(_)
            | Op::AssignVariable(_)
            | Op::BatchToSpaceNd(_)
            | Op::BroadcastTo(_)
            | Op::CallOnce(_)
            | Op::Ceil(_)
            | Op::Cos(_)
            | Op::Cumsum(_)
            | Op::Custom(_)
            | Op::DepthToSpace(_)
            | Op::Equal(_)
            | Op::Erf(_)
            | Op::Fill(_)
            | Op::Floor(_)
            | Op::FloorDiv(_)
            | Op::FloorMod(_)
            | Op::Gather(_)
            | Op::GatherNd(_)
            | Op::Greater(_)
            | Op::GreaterEqual(_)
            | Op::L2Normalization(_)
            | Op::Less(_)
            | Op::LessEqual(_)
            | Op::Log(_)
            | Op::LogSoftmax(_)
            | Op::LogicalAnd(_)
            | Op::LogicalNot(_)
            | Op::LogicalOr(_)
            | Op::MirrorPad(_)
            | Op::NotEqual(_)
            | Op::Pack(_)
            | Op::Pow(_)
            | Op::Prelu(_)
            | Op::ReadVariable(_)
            | Op::ReduceMin(_)
            | Op::ReduceProd(_)
            | Op::Reverse(_)
            | Op::Round(_)
            | Op::Select(_)
            | Op::Shape(_)
            | Op::Sign(_)
            | Op::Sin(_)
            | Op::SpaceToBatchNd(_)
            | Op::SpaceToDepth(_)
            | Op::Split(_)
            | Op::SplitV(_)
            | Op::StridedSlice(_)
            | Op::Svdf(_)
            | Op::Tile(_)
            | Op::Unpack(_)
            | Op::VarHandle(_)
            | Op::While(_) => None,
        }?;
        let then = match fused {
            Activation::None => None,
            Activation::Relu => Some(Function::Relu),
            Activation::Relu6 => Some(Function::Clip(0.0, 6.0)),
            Activation::ReluN1To1 => Some(Function::Clip(-1.0, 1.0)),
            Activation::Tanh => Some(Function::Tanh),
            Activation::SignBit => return None,
        };
        let operands = self.operands(operator, &places)?;
        Some(Step { name, group, call, then, operands, result })
    }
}
