//! Graphs and their operators.

use cofit_vocab::{Bytes, Macs, OperatorKind};
use cranelift_entity::{PrimaryMap, SecondaryMap};
use smallvec::SmallVec;

use crate::{Op, Operands, OperatorId, Origin, Tensor, TensorId};

/// One operation: what it does, on which tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// The kind with its attributes.
    pub op: Op,
    /// Operands in the order of the operator's documentation; an optional one may be missing.
    pub inputs: SmallVec<[Option<TensorId>; 4]>,
    /// Results.
    pub outputs: SmallVec<[TensorId; 1]>,
    /// Scratch tensors that the file lists beside an LSTM.
    pub intermediates: SmallVec<[TensorId; 0]>,
    /// Where the file has it.
    pub origin: Origin,
}

impl Operator {
    /// An operator with all its operands present.
    pub fn new(op: Op, inputs: &[TensorId], outputs: &[TensorId]) -> Self {
        Self {
            op,
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: SmallVec::from_slice(outputs),
            intermediates: SmallVec::new(),
            origin: Origin::default(),
        }
    }

    /// The kind.
    pub fn kind(&self) -> OperatorKind {
        self.op.kind()
    }

    /// Operand `index`, if present.
    pub fn input(&self, index: usize) -> Option<TensorId> {
        self.inputs.get(index).copied().flatten()
    }
}

/// Operators over tensors, in a valid execution order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// The graph's name.
    pub name: String,
    /// Tensors.
    pub tensors: PrimaryMap<TensorId, Tensor>,
    /// Operators; the order of the arena is an order in which they can run.
    pub operators: PrimaryMap<OperatorId, Operator>,
    /// Tensors fed from outside, in order.
    pub inputs: Vec<TensorId>,
    /// Tensors read outside, in order.
    pub outputs: Vec<TensorId>,
}

impl Graph {
    /// Adds a tensor.
    pub fn tensor(&mut self, tensor: Tensor) -> TensorId {
        self.tensors.push(tensor)
    }

    /// Appends an operator.
    pub fn operator(&mut self, operator: Operator) -> OperatorId {
        self.operators.push(operator)
    }

    /// A name for messages and reports: the operator's first output's name, or its index and kind
    /// where that is empty.
    pub fn operator_name(&self, id: OperatorId) -> String {
        let operator = &self.operators[id];
        let output = operator.outputs.first().and_then(|&output| self.tensors.get(output));
        match output {
            Some(output) if !output.name.is_empty() => output.name.clone(),
            Some(_) | None => format!("{id}:{}", operator.kind()),
        }
    }

    /// The operands and results of an operator, as its rules see them.
    pub fn operands(&self, id: OperatorId) -> Operands<'_> {
        Operands::new(self, &self.operators[id])
    }

    /// Multiply-accumulates of one operator as written.
    pub fn macs(&self, id: OperatorId) -> Macs {
        self.operators[id].op.macs(&self.operands(id))
    }

    /// Multiply-accumulates of the whole graph.
    pub fn total_macs(&self) -> Macs {
        self.operators.keys().map(|id| self.macs(id)).sum()
    }

    /// The operator that writes each tensor. Ids that the graph does not have are passed over.
    pub fn producers(&self) -> SecondaryMap<TensorId, Option<OperatorId>> {
        let mut producers = SecondaryMap::with_capacity(self.tensors.len());
        for (id, operator) in &self.operators {
            // A map grows to the largest id it is given, which a broken file may choose.
            for &output in operator.outputs.iter().filter(|&&id| self.tensors.is_valid(id)) {
                producers[output] = Some(id);
            }
        }
        producers
    }

    /// The operators that read each tensor, in order; twice where one reads it twice. Ids that the
    /// graph does not have are passed over.
    pub fn consumers(&self) -> SecondaryMap<TensorId, SmallVec<[OperatorId; 2]>> {
        let mut consumers: SecondaryMap<TensorId, SmallVec<[OperatorId; 2]>> =
            SecondaryMap::with_capacity(self.tensors.len());
        for (id, operator) in &self.operators {
            let inputs = operator.inputs.iter().flatten();
            for &input in inputs.filter(|&&id| self.tensors.is_valid(id)) {
                consumers[input].push(id);
            }
        }
        consumers
    }

    /// Bytes of all constants.
    pub fn constant_bytes(&self) -> Bytes {
        self.tensors.values().filter(|tensor| tensor.is_constant()).map(Tensor::bytes).sum()
    }
}
