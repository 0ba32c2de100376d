//! Operators with inferred results.

use cofit_ir::{Op, Operands, Operator, OperatorId, Origin, Quantisation, Shape, Tensor, TensorId};
use cofit_vocab::ElementType;

use super::{Importer, Target};
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::View;

impl Importer {
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
            | Op::Maximum(_)
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
