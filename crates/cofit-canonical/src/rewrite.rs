//! Edits of a graph that keep it well-formed: what passes are written with.

use cofit_ir::{Graph, Op, Operator, OperatorId, Shape, Tensor, TensorId, TensorRole};
use cofit_vocab::{ElementType, OperatorKind};
use cranelift_entity::{EntitySet, PrimaryMap, SecondaryMap};
use smallvec::SmallVec;

/// Removes the operators of `doomed`. Ids of the remaining operators change; tensors stay.
pub fn remove_operators(graph: &mut Graph, doomed: &EntitySet<OperatorId>) {
    let operators = std::mem::take(&mut graph.operators);
    graph.operators = operators
        .into_iter()
        .filter(|(id, _)| !doomed.contains(*id))
        .map(|(_, operator)| operator)
        .collect::<PrimaryMap<_, _>>();
}

/// Whether the operator matters beyond its results: it changes state, or cofit cannot know.
pub const fn has_effect(kind: OperatorKind) -> bool {
    matches!(
        kind,
        OperatorKind::AssignVariable
            | OperatorKind::CallOnce
            | OperatorKind::Custom
            | OperatorKind::Svdf
            | OperatorKind::UnidirectionalSequenceLstm
            | OperatorKind::While
    )
}

/// Whether integers of both tensors mean the same real numbers, or both are floats.
pub fn same_meaning(a: &Tensor, b: &Tensor) -> bool {
    if a.element != b.element {
        return false;
    }
    let scales = |tensor: &Tensor| {
        tensor.quantisation.as_ref().filter(|found| found.is_quantised()).cloned()
    };
    match (scales(a), scales(b)) {
        (Some(a), Some(b)) => a.same_mapping(&b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => a.element.is_float(),
    }
}

/// A graph under rewriting, with what must be known of it kept up to date.
///
/// Operators keep their ids and their places in the order of execution until
/// [`Rewriter::finish`]; one that nobody reads any more is removed with all that it alone read.
pub struct Rewriter<'a> {
    graph: &'a mut Graph,
    producers: SecondaryMap<TensorId, Option<OperatorId>>,
    /// Operators that read each tensor, and some that did.
    readers: SecondaryMap<TensorId, SmallVec<[OperatorId; 2]>>,
    /// How often each tensor is read, graph outputs included.
    reads: SecondaryMap<TensorId, u32>,
    inputs: EntitySet<TensorId>,
    outputs: EntitySet<TensorId>,
    doomed: EntitySet<OperatorId>,
    changes: usize,
}

impl<'a> Rewriter<'a> {
    /// Begins to rewrite a graph.
    pub fn new(graph: &'a mut Graph) -> Self {
        let mut reads: SecondaryMap<TensorId, u32> = SecondaryMap::new();
        let mut inputs = EntitySet::new();
        inputs.extend(graph.inputs.iter().copied());
        let mut outputs = EntitySet::new();
        for &output in &graph.outputs {
            reads[output] += 1;
            outputs.insert(output);
        }
        for operator in graph.operators.values() {
            for &input in operator.inputs.iter().flatten() {
                reads[input] += 1;
            }
        }
        Self {
            producers: graph.producers(),
            readers: graph.consumers(),
            reads,
            inputs,
            outputs,
            doomed: EntitySet::new(),
            changes: 0,
            graph,
        }
    }

    /// The graph as it stands, operators that are to be removed included.
    pub const fn graph(&self) -> &Graph {
        self.graph
    }

    /// Every operator there was at the beginning, in order. Those that are gone by the time they
    /// are looked at have to be passed over: see [`Rewriter::operator`].
    pub fn ids(&self) -> Vec<OperatorId> {
        self.graph.operators.keys().collect()
    }

    /// An operator that is not removed.
    pub fn operator(&self, id: OperatorId) -> Option<&Operator> {
        (!self.doomed.contains(id)).then(|| &self.graph.operators[id])
    }

    /// A tensor.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.graph.tensors[id]
    }

    /// The operator that writes a tensor.
    pub fn producer(&self, tensor: TensorId) -> Option<(OperatorId, &Operator)> {
        let id = self.producers[tensor]?;
        Some((id, self.operator(id)?))
    }

    /// The operator that writes a tensor which one operator reads once and nobody else, so that
    /// both can be replaced by one.
    pub fn inner(&self, tensor: TensorId) -> Option<(OperatorId, &Operator)> {
        self.producer(tensor).filter(|_| self.is_read_once(tensor))
    }

    /// Whether one operator reads the tensor once and nobody else does.
    pub fn is_read_once(&self, tensor: TensorId) -> bool {
        self.reads[tensor] == 1 && !self.outputs.contains(tensor)
    }

    /// How often the tensor is read, graph outputs included.
    pub fn reads(&self, tensor: TensorId) -> u32 {
        self.reads[tensor]
    }

    /// Whether the tensor is read outside the graph.
    pub fn is_output(&self, tensor: TensorId) -> bool {
        self.outputs.contains(tensor)
    }

    /// The operators that read a tensor, each once.
    pub fn readers(&self, tensor: TensorId) -> SmallVec<[OperatorId; 2]> {
        let mut found: SmallVec<[OperatorId; 2]> = self.readers[tensor]
            .iter()
            .copied()
            .filter(|&id| {
                self.operator(id).is_some_and(|operator| operator.inputs.contains(&Some(tensor)))
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether the tensor's value is the same whenever it is read.
    pub fn is_fixed(&self, tensor: TensorId) -> bool {
        self.graph.tensors[tensor].role != TensorRole::Variable
    }

    /// Whether a tensor and the result of an operator are float32.
    pub fn is_float(&self, tensor: TensorId) -> bool {
        self.graph.tensors[tensor].element == ElementType::Float32
    }

    /// Adds a tensor.
    pub fn add_tensor(&mut self, tensor: Tensor) -> TensorId {
        self.graph.tensor(tensor)
    }

    /// Gives a tensor that no operator's meaning depends on another shape.
    pub fn set_shape(&mut self, tensor: TensorId, shape: Shape) {
        self.graph.tensors[tensor].shape = shape;
    }

    /// A constant's tensor, to change its values.
    pub fn constant_mut(&mut self, tensor: TensorId) -> &mut Tensor {
        &mut self.graph.tensors[tensor]
    }

    /// Counts a rewrite.
    pub const fn count(&mut self) {
        self.changes += 1;
    }

    /// Replaces what operator `id` does and reads; it keeps its results. `inputs` must have their
    /// values before it runs.
    pub fn replace(&mut self, id: OperatorId, op: impl Into<Op>, inputs: &[TensorId]) {
        self.graph.operators[id].op = op.into();
        self.graph.operators[id].intermediates.clear();
        self.set_inputs(id, inputs.iter().copied().map(Some).collect());
    }

    /// Replaces what operator `id` does; it keeps what it reads and its results.
    pub fn set_op(&mut self, id: OperatorId, op: impl Into<Op>) {
        self.graph.operators[id].op = op.into();
    }

    /// Makes operator `id` read other tensors, which must have their values before it runs.
    pub fn set_inputs(&mut self, id: OperatorId, inputs: SmallVec<[Option<TensorId>; 4]>) {
        // New reads first, so that nothing is removed that is still wanted.
        for &input in inputs.iter().flatten() {
            self.reads[input] += 1;
            self.readers[input].push(id);
        }
        let before = std::mem::replace(&mut self.graph.operators[id].inputs, inputs);
        for input in before.into_iter().flatten() {
            self.release(input);
        }
    }

    /// Makes operator `id` read `tensor` as operand `index`; operands up to there that it has not
    /// are missing ones.
    pub fn set_input(&mut self, id: OperatorId, index: usize, tensor: TensorId) {
        let mut inputs = self.graph.operators[id].inputs.clone();
        if inputs.len() <= index {
            inputs.resize(index + 1, None);
        }
        inputs[index] = Some(tensor);
        self.set_inputs(id, inputs);
    }

    /// Makes operator `to`, which has one result, write the result of operator `from`, and removes
    /// `from`. Nobody else may read what `to` wrote.
    pub fn take_over(&mut self, to: OperatorId, from: OperatorId) {
        let results = std::mem::take(&mut self.graph.operators[from].outputs);
        for &result in &results {
            self.producers[result] = Some(to);
        }
        for before in std::mem::replace(&mut self.graph.operators[to].outputs, results) {
            self.producers[before] = None;
        }
        self.remove(from);
    }

    /// Removes operator `id`, whose one result is the same as `value`: who reads the result reads
    /// `value` instead. Says whether it could: an output of the graph needs an operator that writes
    /// it.
    pub fn forward(&mut self, id: OperatorId, value: TensorId) -> bool {
        let &[result] = self.graph.operators[id].outputs.as_slice() else { return false };
        if !self.is_fixed(value) || !self.is_fixed(result) {
            return false;
        }
        if self.outputs.contains(result) {
            let Some(writer) = self.producers[value] else { return false };
            if self.outputs.contains(value) || self.inputs.contains(value) {
                return false;
            }
            // The value goes by the output's name from where it is made.
            let outputs = &mut self.graph.operators[writer].outputs;
            outputs.iter_mut().filter(|output| **output == value).for_each(|it| *it = result);
            self.graph.operators[id].outputs.clear();
            self.producers[result] = Some(writer);
            self.producers[value] = None;
            self.move_readers(value, result);
        } else {
            self.move_readers(result, value);
        }
        self.remove(id);
        true
    }

    /// Makes every operator that reads `from` read `to`.
    fn move_readers(&mut self, from: TensorId, to: TensorId) {
        for reader in std::mem::take(&mut self.readers[from]) {
            if self.doomed.contains(reader) {
                continue;
            }
            let inputs = &mut self.graph.operators[reader].inputs;
            let moved = inputs.iter_mut().flatten().filter(|input| **input == from);
            let count = moved.map(|input| *input = to).count();
            if count > 0 {
                self.readers[to].push(reader);
                self.reads[to] += count as u32;
                self.reads[from] -= count as u32;
            }
        }
    }

    /// Removes operator `id`, and what only it read.
    pub fn remove(&mut self, id: OperatorId) {
        if self.doomed.insert(id) {
            let inputs = self.graph.operators[id].inputs.clone();
            for input in inputs.into_iter().flatten() {
                self.release(input);
            }
        }
    }

    /// Takes note that a tensor is read once less, and removes what nobody reads any more.
    fn release(&mut self, tensor: TensorId) {
        let mut released = vec![tensor];
        while let Some(tensor) = released.pop() {
            self.reads[tensor] = self.reads[tensor].saturating_sub(1);
            let Some((id, operator)) = self.producer(tensor) else { continue };
            let is_dead = !has_effect(operator.kind())
                && operator.outputs.iter().all(|&output| self.reads[output] == 0);
            if is_dead && self.doomed.insert(id) {
                released.extend(self.graph.operators[id].inputs.iter().flatten());
            }
        }
    }

    /// Removes the operators that are to go, and says how many rewrites were counted.
    pub fn finish(self) -> usize {
        if !self.doomed.is_empty() {
            remove_operators(self.graph, &self.doomed);
        }
        self.changes
    }
}

/// Removes the tensors that no operator names and that are neither inputs nor outputs: what passes
/// have left behind, constants above all. Ids of the remaining tensors change.
pub fn remove_unused_tensors(graph: &mut Graph) {
    let mut wanted: EntitySet<TensorId> = EntitySet::new();
    wanted.extend(graph.inputs.iter().chain(&graph.outputs).copied());
    for operator in graph.operators.values() {
        wanted.extend(operator.inputs.iter().flatten().copied());
        wanted.extend(operator.outputs.iter().chain(&operator.intermediates).copied());
    }
    let mut kept: SecondaryMap<TensorId, TensorId> =
        SecondaryMap::with_default(TensorId::from_u32(0));
    let mut tensors = PrimaryMap::new();
    for (id, tensor) in std::mem::take(&mut graph.tensors) {
        if wanted.contains(id) {
            kept[id] = tensors.push(tensor);
        }
    }
    graph.tensors = tensors;
    let rename = |id: &mut TensorId| *id = kept[*id];
    graph.inputs.iter_mut().chain(&mut graph.outputs).for_each(rename);
    for operator in graph.operators.values_mut() {
        operator.inputs.iter_mut().flatten().for_each(rename);
        operator.outputs.iter_mut().chain(&mut operator.intermediates).for_each(rename);
    }
}
