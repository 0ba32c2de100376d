//! The model under construction: values by name, constants, and operators with inferred shapes.

use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes as SharedBytes;
use cofit_ir::{
    AxisOrder, Graph, Op, Operands, Operator, OperatorId, Origin, Quantisation, Shape, Tensor,
    TensorId, ops,
};
use cofit_vocab::ElementType;
use cofit_vocab::diagnostic::onnx as code;

use super::constant::Constant;
use super::node::Node;
use super::refusal::{Imported, Refusal};
use super::view::{Arrangement, Reading, View, in_order};

/// A value of the file.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Known when the model is read, but for its elements perhaps.
    Constant(Rc<Constant>),
    /// Computed or fed at run time.
    Activation(View),
    /// What a refused node would have made; what reads it is passed over.
    Refused,
}

/// The model under construction.
pub(crate) struct Importer {
    /// The graph.
    pub graph: Graph,
    /// How often each name is read, graph outputs included.
    pub uses: HashMap<String, u32>,
    /// In integer mode, the quantisation of the node's result.
    pub target: Option<Target>,
    values: HashMap<String, Value>,
    /// For each tensor, the reads of names that show it.
    readers: HashMap<TensorId, u32>,
    producers: HashMap<TensorId, OperatorId>,
    /// Constants that were stored, by what they were made of.
    stored: HashMap<(u32, String), TensorId>,
    /// Tensors that were rearranged or dequantised, by what they were made of.
    arranged: HashMap<(TensorId, Vec<usize>, Shape), TensorId>,
    dequantised: HashMap<TensorId, TensorId>,
    constants: u32,
    /// Bytes that constants may still be copied to.
    budget: u64,
    /// The node that is being imported.
    index: Option<u32>,
}

/// What an operator in integer mode writes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// Element type.
    pub element: ElementType,
    /// Scale and zero point.
    pub quantisation: Quantisation,
}

impl Importer {
    /// An empty model. Constants may be copied to `budget` bytes in sum.
    pub fn new(name: &str, budget: u64) -> Self {
        Self {
            graph: Graph { name: name.to_owned(), ..Graph::default() },
            uses: HashMap::new(),
            target: None,
            values: HashMap::new(),
            readers: HashMap::new(),
            producers: HashMap::new(),
            stored: HashMap::new(),
            arranged: HashMap::new(),
            dequantised: HashMap::new(),
            constants: 0,
            budget,
            index: None,
        }
    }

    /// Notes which node the next operators come from.
    pub fn begin(&mut self, node: &Node<'_>) {
        self.index = u32::try_from(node.index).ok();
        self.target = None;
    }

    /// Takes bytes from what constants may be copied to.
    pub fn spend(&mut self, bytes: u64) -> Imported {
        match self.budget.checked_sub(bytes) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => Err(Refusal::new(
                &code::TOO_MUCH_DATA,
                "constants are rearranged into many times the file's size",
            )),
        }
    }

    // Values.

    /// The value of a name, if it has one yet.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// How often a name is read.
    pub fn use_count(&self, name: &str) -> u32 {
        self.uses.get(name).copied().unwrap_or(0)
    }

    /// Gives a name its value.
    pub fn bind(&mut self, name: &str, value: Value) {
        if let Value::Activation(view) = &value {
            let uses = self.use_count(name);
            *self.readers.entry(view.tensor).or_default() += uses;
        }
        self.values.insert(name.to_owned(), value);
    }

    /// Gives the node's result `index` a value that was computed. Where that is a tensor which was
    /// there before, because the operator that writes it was changed, the node has read it.
    pub fn bind_result(&mut self, node: &Node<'_>, index: usize, view: View) {
        if let Some(name) = node.output(index) {
            self.note_axes(&view);
            if let Some(readers) = self.readers.get_mut(&view.tensor) {
                *readers = readers.saturating_sub(1);
            }
            self.bind(name, Value::Activation(view));
        }
    }

    /// Gives the node's first result another view of the tensor that its first operand shows.
    pub fn bind_view(&mut self, node: &Node<'_>, view: View) {
        if let Some(readers) = self.readers.get_mut(&view.tensor) {
            *readers = readers.saturating_sub(1);
        }
        if let Some(name) = node.output(0) {
            self.bind(name, Value::Activation(view));
        }
    }

    /// Gives the node's result `index` a constant.
    pub fn bind_constant(&mut self, node: &Node<'_>, index: usize, constant: Constant) {
        if let Some(name) = node.output(index) {
            let constant = self.adopt(Constant { name: name.to_owned(), ..constant });
            self.bind(name, Value::Constant(constant));
        }
    }

    /// Records on a view's tensor how its axes relate to the file's.
    fn note_axes(&mut self, view: &View) {
        let tensor = &mut self.graph.tensors[view.tensor];
        if let Some(order) = view.natural(&tensor.shape)
            && view.stored_shape(&order) == tensor.shape
            && let Some(order) = AxisOrder::new(&order, view.rank())
        {
            tensor.origin.axes = (!order.is_identity()).then_some(order);
        }
    }

    /// Makes a constant one of its own.
    pub fn adopt(&mut self, constant: Constant) -> Rc<Constant> {
        self.constants = self.constants.saturating_add(1);
        Rc::new(Constant { id: self.constants, ..constant })
    }

    /// The constant that operand `index` is; `None` where it is missing or computed.
    pub fn constant(&self, node: &Node<'_>, index: usize) -> Option<Rc<Constant>> {
        match self.values.get(node.input(index)?)? {
            Value::Constant(constant) => Some(Rc::clone(constant)),
            Value::Activation(_) | Value::Refused => None,
        }
    }

    /// The integers of an operand that must be known when the model is read; `None` where it is
    /// missing.
    ///
    /// # Errors
    /// It is computed, or its elements are absent.
    pub fn known_integers(
        &self,
        node: &Node<'_>,
        index: usize,
        what: &str,
    ) -> Imported<Option<Vec<i64>>> {
        if node.input(index).is_none() {
            return Ok(None);
        }
        let values = self.constant(node, index).and_then(|constant| constant.integers());
        values.map(Some).ok_or_else(|| {
            Refusal::dynamic(format!(
                "operand {index}, {what}, is not known when the model is read"
            ))
        })
    }

    /// The reals of an operand that must be known when the model is read; `None` where it is
    /// missing.
    ///
    /// # Errors
    /// It is computed, or its elements are absent.
    pub fn known_reals(
        &self,
        node: &Node<'_>,
        index: usize,
        what: &str,
    ) -> Imported<Option<Vec<f64>>> {
        if node.input(index).is_none() {
            return Ok(None);
        }
        let constant = self.constant(node, index);
        let values = constant.and_then(|constant| constant.reals(super::constant::MOST_FOLDED));
        values.map(Some).ok_or_else(|| {
            Refusal::dynamic(format!(
                "operand {index}, {what}, is not known when the model is read"
            ))
        })
    }

    /// The activation that operand `index` is; constants become tensors. In float mode integers
    /// that stand for reals are dequantised first.
    ///
    /// # Errors
    /// The operand is missing.
    pub fn view(&mut self, node: &Node<'_>, index: usize) -> Imported<View> {
        let name = node
            .input(index)
            .ok_or_else(|| Refusal::node(format!("operand {index} is missing")))?;
        let view = match self.values.get(name) {
            Some(Value::Activation(view)) => view.clone(),
            Some(Value::Constant(constant)) => {
                let constant = Rc::clone(constant);
                return self.constant_view(&constant);
            }
            Some(Value::Refused) | None => {
                return Err(Refusal::new(
                    &code::UNKNOWN_VALUE,
                    format!("nothing defines `{name}`"),
                ));
            }
        };
        self.plain(view)
    }

    /// The view as the current mode reads it.
    pub fn plain(&mut self, view: View) -> Imported<View> {
        match view.reading {
            Reading::Dequantised if self.target.is_none() => {
                let tensor = match self.dequantised.get(&view.tensor) {
                    Some(&tensor) => tensor,
                    None => {
                        let name = format!("{}/real", self.graph.tensors[view.tensor].name);
                        let real = self.emit(ops::Dequantize::default(), &[view.tensor], &name)?;
                        let axes = self.graph.tensors[view.tensor].origin.axes;
                        self.graph.tensors[real].origin.axes = axes;
                        self.dequantised.insert(view.tensor, real);
                        real
                    }
                };
                Ok(View { tensor, reading: Reading::Plain, ..view })
            }
            Reading::Shifted => Err(Refusal::form(
                "it computes with unsigned integers, which are stored with a sign",
            )),
            Reading::Plain | Reading::Dequantised => Ok(view),
        }
    }

    /// A constant as a tensor in the file's order.
    pub fn constant_view(&mut self, constant: &Rc<Constant>) -> Imported<View> {
        let order: Vec<usize> = (0..constant.shape.rank()).collect();
        let shape = constant.shape.clone();
        let tensor = self.store(constant, shape.dimensions(), &order, shape.clone())?;
        Ok(View::of(tensor, &shape))
    }

    // Constants.

    /// The constant as reals in single precision, where it is quantised.
    pub fn real(&mut self, constant: &Rc<Constant>) -> Imported<Rc<Constant>> {
        if constant.quantisation.is_none() {
            return Ok(Rc::clone(constant));
        }
        self.spend(constant.shape.elements().saturating_mul(4))?;
        let data = constant.reals(u64::MAX).map(|reals| {
            reals.iter().flat_map(|&real| (real as f32).to_le_bytes()).collect::<Vec<u8>>().into()
        });
        Ok(Rc::new(Constant {
            element: ElementType::Float32,
            data,
            quantisation: None,
            ..(**constant).clone()
        }))
    }

    /// Stores a constant as a tensor of the given shape: its memory is divided into `lengths`,
    /// these are put into `order`. Integers of 64 bits are stored as they are. In float mode a
    /// quantised constant is stored as reals.
    ///
    /// # Errors
    /// The copies of constants outgrow the file by far.
    pub fn store(
        &mut self,
        constant: &Rc<Constant>,
        lengths: &[u32],
        order: &[usize],
        shape: Shape,
    ) -> Imported<TensorId> {
        let integers = self.target.is_some();
        let key = (constant.id, format!("{lengths:?}{order:?}{shape}{integers}"));
        if constant.id != 0
            && let Some(&tensor) = self.stored.get(&key)
        {
            return Ok(tensor);
        }
        let constant = if integers { Rc::clone(constant) } else { self.real(constant)? };
        let data = match &constant.data {
            Some(data) => Some(self.permuted(data, constant.width(), lengths, order)?),
            None => None,
        };
        let name = constant.name.clone();
        let mut tensor = match data {
            Some(data) => Tensor::constant(name, constant.element, shape, data),
            None => Tensor::weightless(name, constant.element, shape),
        };
        tensor.quantisation.clone_from(&constant.quantisation);
        let tensor = self.graph.tensor(tensor);
        if constant.id != 0 {
            self.stored.insert(key, tensor);
        }
        Ok(tensor)
    }

    /// Elements of `width` bytes, whose memory is divided into `lengths`, with these in `order`.
    pub fn permuted(
        &mut self,
        data: &SharedBytes,
        width: usize,
        lengths: &[u32],
        order: &[usize],
    ) -> Imported<SharedBytes> {
        let real = order.iter().filter(|&&axis| lengths[axis] != 1);
        if real.is_sorted() {
            return Ok(data.clone());
        }
        self.spend(data.len() as u64)?;
        let mut strides = vec![width; lengths.len()];
        for axis in (1..lengths.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(lengths[axis] as usize);
        }
        let mut result = Vec::with_capacity(data.len());
        let mut position = vec![0u32; order.len()];
        let mut offset = 0usize;
        while result.len() < data.len() {
            result.extend_from_slice(data.get(offset..offset + width).unwrap_or_default());
            for place in (0..order.len()).rev() {
                let axis = order[place];
                position[place] += 1;
                offset += strides[axis];
                if position[place] < lengths[axis] {
                    break;
                }
                offset -= strides[axis] * lengths[axis] as usize;
                position[place] = 0;
            }
        }
        Ok(result.into())
    }

    /// A small constant tensor of 32-bit integers: axes, borders, shapes.
    pub fn integers(&mut self, name: &str, values: &[i64], shape: &[u32]) -> TensorId {
        let narrow = |&value: &i64| {
            i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
        };
        let data: Vec<u8> = values.iter().flat_map(|value| narrow(value).to_le_bytes()).collect();
        self.graph.tensor(Tensor::constant(name, ElementType::Int32, Shape::new(shape), data))
    }

    /// A constant tensor of floats.
    pub fn floats(&mut self, name: &str, values: &[f32], shape: &[u32]) -> TensorId {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.graph.tensor(Tensor::constant(name, ElementType::Float32, Shape::new(shape), data))
    }

    /// A scalar float as a tensor.
    pub fn scalar(&mut self, name: &str, value: f64) -> TensorId {
        self.floats(name, &[value as f32], &[])
    }

    // Operators.

    /// Appends an operator of one result, whose shape its rules infer.
    ///
    /// # Errors
    /// The operator's rules refuse the operands.
    pub fn emit(
        &mut self,
        op: impl Into<Op>,
        inputs: &[TensorId],
        name: &str,
    ) -> Imported<TensorId> {
        let inputs: Vec<Option<TensorId>> = inputs.iter().copied().map(Some).collect();
        let made = self.emit_all(op.into(), &inputs, &[name.to_owned()], None)?;
        Ok(made[0])
    }

    /// Appends an operator of one result of a stated type.
    ///
    /// # Errors
    /// The operator's rules refuse the operands.
    pub fn emit_as(
        &mut self,
        op: impl Into<Op>,
        inputs: &[TensorId],
        name: &str,
        target: Target,
    ) -> Imported<TensorId> {
        let inputs: Vec<Option<TensorId>> = inputs.iter().copied().map(Some).collect();
        let made = self.emit_all(op.into(), &inputs, &[name.to_owned()], Some(target))?;
        Ok(made[0])
    }

    /// Appends an operator with a result for every name.
    ///
    /// # Errors
    /// The operator's rules refuse the operands.
    pub fn emit_all(
        &mut self,
        op: Op,
        inputs: &[Option<TensorId>],
        names: &[String],
        stated: Option<Target>,
    ) -> Imported<Vec<TensorId>> {
        let origin = Origin { index: self.index, ..Origin::default() };
        let outputs: Vec<TensorId> = names
            .iter()
            .map(|name| {
                let tensor = Tensor::activation(name, ElementType::Float32, Shape::scalar());
                self.graph.tensor(Tensor { origin, ..tensor })
            })
            .collect();
        let operator = Operator {
            inputs: inputs.iter().copied().collect(),
            origin,
            ..Operator::new(op, &[], &outputs)
        };
        let facts = operator.op.infer(&Operands::new(&self.graph, &operator));
        let facts =
            facts.map_err(|error| Refusal::node(format!("`{}`: {error}", operator.kind())))?;
        if facts.len() != outputs.len() {
            return Err(Refusal::node(format!(
                "{} results where {} follow",
                outputs.len(),
                facts.len()
            )));
        }
        let first = inputs.iter().flatten().find(|&&id| !self.graph.tensors[id].is_constant());
        let first = first.or(inputs.iter().flatten().next()).copied();
        let source = first.map(|id| self.graph.tensors[id].clone());
        for (&output, fact) in outputs.iter().zip(facts) {
            let Some(shape) = fact.shape else {
                return Err(Refusal::dynamic(format!(
                    "the shape of `{}` is not known",
                    operator.kind()
                )));
            };
            let given = source.as_ref().map(|tensor| tensor.element);
            let mut element = fact.element.or(given).unwrap_or(ElementType::Float32);
            let mut quantisation = None;
            if let Some(stated) = &stated {
                element = stated.element;
                quantisation = Some(stated.quantisation.clone()).filter(Quantisation::is_quantised);
            } else if !element.is_float() && element != ElementType::Bool {
                quantisation = match &self.target {
                    Some(target) if !keeps_quantisation(&operator.op) => {
                        element = target.element;
                        Some(target.quantisation.clone())
                    }
                    Some(_) | None => {
                        source.as_ref().and_then(|tensor| tensor.quantisation.clone())
                    }
                };
            }
            let tensor = &mut self.graph.tensors[output];
            (tensor.element, tensor.shape, tensor.quantisation) = (element, shape, quantisation);
        }
        let id = self.graph.operator(operator);
        for &output in &outputs {
            self.producers.insert(output, id);
        }
        Ok(outputs)
    }

    /// The operator that writes a tensor.
    pub fn producer(&self, tensor: TensorId) -> Option<OperatorId> {
        self.producers.get(&tensor).copied()
    }

    /// The operator that writes a view's tensor, where the node that is being imported is the only
    /// reader of that tensor, so that it may be changed.
    pub fn sole_producer(&self, view: &View) -> Option<OperatorId> {
        (self.readers.get(&view.tensor) == Some(&1)).then(|| self.producer(view.tensor))?
    }

    /// Forgets what was made of a tensor that is about to change, and gives it a name.
    pub fn rename(&mut self, tensor: TensorId, name: &str) {
        self.graph.tensors[tensor].name = name.to_owned();
    }

    // Arrangements.

    /// The view's tensor in an arrangement. A transpose appears only where memory has to move.
    ///
    /// # Errors
    /// The model breaks an operator's rules.
    pub fn arrange(&mut self, view: &View, order: &[Option<usize>]) -> Imported<TensorId> {
        let shape = view.stored_shape(order);
        let sequence = view.sequence(order);
        if sequence.is_sorted() {
            return self.reshaped(view.tensor, &shape);
        }
        let key = (view.tensor, sequence.clone(), shape.clone());
        if let Some(&tensor) = self.arranged.get(&key) {
            return Ok(tensor);
        }
        // Neighbours that stay together move as one axis.
        let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
        for &factor in &sequence {
            match runs.last_mut() {
                Some(run) if run.end == factor => run.end += 1,
                _ => runs.push(factor..factor + 1),
            }
        }
        let mut places: Vec<usize> = (0..runs.len()).collect();
        places.sort_by_key(|&run| runs[run].start);
        let length = |run: &std::ops::Range<usize>| {
            view.factors[run.clone()]
                .iter()
                .fold(1u32, |product, &length| product.saturating_mul(length))
        };
        let name = self.graph.tensors[view.tensor].name.clone();
        // A tensor of four axes stays one of four axes, which is what kernels know.
        let own = self.graph.tensors[view.tensor].shape.clone();
        let is_plain = own.rank() == shape.rank()
            && view.natural(&own).is_some_and(|natural| {
                view.stored_shape(&natural) == own && own.rank() == view.rank()
            });
        let tensor = if is_plain {
            let natural = view.natural(&own).unwrap_or_default();
            let place = |axis: &Option<usize>| natural.iter().position(|other| other == axis);
            let permutation: Option<Vec<i64>> = order
                .iter()
                .map(|axis| place(axis).and_then(|at| i64::try_from(at).ok()))
                .collect();
            let permutation = permutation.ok_or_else(|| Refusal::node("an axis has no place"))?;
            let rank = shape.dimensions().len() as u32;
            let permutation = self.integers(&format!("{name}/order"), &permutation, &[rank]);
            self.emit(
                ops::Transpose::default(),
                &[view.tensor, permutation],
                &format!("{name}/moved"),
            )?
        } else {
            let whole: Shape = places.iter().map(|&run| length(&runs[run])).collect();
            let permutation: Vec<i64> = (0..runs.len())
                .filter_map(|run| places.iter().position(|&other| other == run))
                .filter_map(|place| i64::try_from(place).ok())
                .collect();
            let rank = permutation.len() as u32;
            let divided = self.reshaped(view.tensor, &whole)?;
            let permutation = self.integers(&format!("{name}/order"), &permutation, &[rank]);
            let moved = self.emit(
                ops::Transpose::default(),
                &[divided, permutation],
                &format!("{name}/moved"),
            )?;
            self.reshaped(moved, &shape)?
        };
        self.arranged.insert(key, tensor);
        Ok(tensor)
    }

    /// A tensor under another shape.
    pub fn reshaped(&mut self, tensor: TensorId, shape: &Shape) -> Imported<TensorId> {
        if self.graph.tensors[tensor].shape == *shape {
            return Ok(tensor);
        }
        let key = (tensor, Vec::new(), shape.clone());
        if let Some(&made) = self.arranged.get(&key) {
            return Ok(made);
        }
        let name = self.graph.tensors[tensor].name.clone();
        let lengths: Vec<i64> =
            shape.dimensions().iter().map(|&length| i64::from(length)).collect();
        let operand = self.integers(&format!("{name}/shape"), &lengths, &[lengths.len() as u32]);
        let made =
            self.emit(ops::Reshape::default(), &[tensor, operand], &format!("{name}/reshaped"))?;
        self.arranged.insert(key, made);
        Ok(made)
    }

    /// The view's tensor in an arrangement with a stored axis for every one of the file: one that
    /// moves nothing, or the file's order where there is none.
    ///
    /// # Errors
    /// The model breaks an operator's rules.
    pub fn complete(&mut self, view: &View) -> Imported<(TensorId, Arrangement)> {
        let stored = &self.graph.tensors[view.tensor].shape;
        let order = view.natural(stored).unwrap_or_else(|| in_order(view.rank()));
        if (0..view.rank()).all(|axis| order.contains(&Some(axis))) {
            return Ok((self.arrange(view, &order)?, order));
        }
        // The missing ones have length 1 and may stand outside.
        let missing = (0..view.rank()).filter(|&axis| !order.contains(&Some(axis))).map(Some);
        let order: Arrangement =
            missing.chain(order.iter().copied().filter(Option::is_some)).collect();
        let file = in_order(view.rank());
        let order = if view.lies_in(&file) { file } else { order };
        Ok((self.arrange(view, &order)?, order))
    }

    /// The view of an operator's result that has the given arrangement.
    pub fn result_view(&self, tensor: TensorId, order: &[Option<usize>], rank: usize) -> View {
        let reading = if self.target.is_some() { Reading::Dequantised } else { Reading::Plain };
        View { reading, ..View::arranged(tensor, &self.graph.tensors[tensor].shape, order, rank) }
    }

    /// The finished graph, without operators whose results nothing reads and tensors that nothing
    /// refers to.
    pub fn finish(self) -> Graph {
        let mut used = vec![false; self.graph.tensors.len()];
        let at = |id: TensorId| id.as_u32() as usize;
        for &id in self.graph.inputs.iter().chain(&self.graph.outputs) {
            used[at(id)] = true;
        }
        let mut kept = vec![false; self.graph.operators.len()];
        for (id, operator) in self.graph.operators.iter().rev() {
            let is_read = operator.outputs.iter().any(|&output| used[at(output)]);
            if is_read {
                kept[id.as_u32() as usize] = true;
                let all = operator.inputs.iter().flatten().chain(&operator.outputs);
                all.for_each(|&id| used[at(id)] = true);
            }
        }
        let mut graph = Graph { name: self.graph.name, ..Graph::default() };
        let mut places = HashMap::new();
        for (id, tensor) in self.graph.tensors {
            if used[at(id)] {
                places.insert(id, graph.tensor(tensor));
            }
        }
        for (id, mut operator) in self.graph.operators {
            if !kept[id.as_u32() as usize] {
                continue;
            }
            let inputs = operator.inputs.iter_mut().flatten();
            for id in inputs.chain(&mut operator.outputs) {
                *id = places[id];
            }
            graph.operator(operator);
        }
        graph.inputs = self.graph.inputs.iter().map(|id| places[id]).collect();
        graph.outputs = self.graph.outputs.iter().map(|id| places[id]).collect();
        graph
    }
}

/// Whether an operator's integers keep the scale of its operand: those that move or select
/// elements, and windows whose kernels do not rescale.
fn keeps_quantisation(op: &Op) -> bool {
    matches!(
        op,
        Op::AveragePool2d(_)
            | Op::BroadcastTo(_)
            | Op::DepthToSpace(_)
            | Op::Gather(_)
            | Op::GatherNd(_)
            | Op::MaxPool2d(_)
            | Op::MirrorPad(_)
            | Op::Pad(_)
            | Op::ReduceMax(_)
            | Op::ReduceMin(_)
            | Op::Reshape(_)
            | Op::ResizeBilinear(_)
            | Op::ResizeNearestNeighbor(_)
            | Op::Reverse(_)
            | Op::Slice(_)
            | Op::SpaceToDepth(_)
            | Op::Split(_)
            | Op::SplitV(_)
            | Op::StridedSlice(_)
            | Op::Tile(_)
            | Op::Transpose(_)
    )
}
