//! Building the integer graph: every tensor in the forms that its readers need.

use std::collections::BTreeMap;

use cofit_exec::Buffer;
use cofit_ir::ops::{Dequantize, Quantize};
use cofit_ir::{Graph, Op, Operator, Tensor, TensorId};
use cofit_vocab::ElementType;

use crate::calibration::constant_floats;
use crate::mapping::{Mapping, Width};
use crate::ranges::Mappings;

/// What a tensor of the float model is in the integer model. One tensor may be there in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// As in the float model.
    AsIs,
    /// Integers.
    Integer(Width),
}

/// The integer graph while it is built.
pub(crate) struct Builder<'a> {
    source: &'a Graph,
    mappings: &'a Mappings,
    /// What is built.
    pub graph: Graph,
    made: BTreeMap<(TensorId, Form), TensorId>,
}

impl<'a> Builder<'a> {
    pub fn new(source: &'a Graph, mappings: &'a Mappings) -> Self {
        let graph = Graph { name: source.name.clone(), ..Graph::default() };
        Self { source, mappings, graph, made: BTreeMap::new() }
    }

    /// Whether form matters to the tensor: only floats are quantised.
    pub fn is_data(&self, id: TensorId) -> bool {
        self.source.tensors[id].element == ElementType::Float32
    }

    /// Declares `id` as an activation that something is about to write in `form`.
    pub fn declare(&mut self, id: TensorId, form: Form) -> TensorId {
        let tensor = self.described(id, form);
        let made = self.graph.tensor(tensor);
        self.made.insert((id, form), made);
        made
    }

    /// Declares a result that its kernel writes in the mapping `written`, and the operator that
    /// brings it into its own.
    pub fn declare_fixed(
        &mut self,
        id: TensorId,
        width: Width,
        written: Mapping,
    ) -> (TensorId, TensorId) {
        let mut tensor = self.described(id, Form::Integer(width));
        tensor.quantisation = Some(written.quantisation());
        let first = self.graph.tensor(tensor);
        let second = self.declare(id, Form::Integer(width));
        self.graph.tensors[second].name += "_requantised";
        (first, second)
    }

    /// The tensor that stands for `id` in `form`, converted if it has to be.
    pub fn need(&mut self, id: TensorId, form: Form) -> TensorId {
        let form = if self.is_data(id) { form } else { Form::AsIs };
        if let Some(&made) = self.made.get(&(id, form)) {
            return made;
        }
        let tensor = &self.source.tensors[id];
        if tensor.is_constant() {
            let constant = self.constant(id, form);
            let made = self.graph.tensor(constant);
            self.made.insert((id, form), made);
            return made;
        }
        // From integers to integers where both are there: a float copy loses nothing but costs time.
        let forms = [Form::Integer(Width::Sixteen), Form::Integer(Width::Eight), Form::AsIs];
        let from = forms.into_iter().find_map(|from| self.made.get(&(id, from)).copied());
        let made = self.declare(id, form);
        let suffix = match form {
            Form::AsIs => "_float",
            Form::Integer(Width::Eight) => "_int8",
            Form::Integer(Width::Sixteen) => "_int16",
        };
        if let Some(from) = from {
            self.graph.tensors[made].name += suffix;
            self.convert(from, made);
        }
        made
    }

    /// Appends the operator that turns one form into another.
    pub fn convert(&mut self, from: TensorId, to: TensorId) {
        let op: Op = match self.graph.tensors[to].element {
            ElementType::Float32 => Dequantize {}.into(),
            _ => Quantize {}.into(),
        };
        self.graph.operator(Operator::new(op, &[from], &[to]));
    }

    /// The tensor as the form describes it, without values.
    fn described(&self, id: TensorId, form: Form) -> Tensor {
        let source = &self.source.tensors[id];
        match form {
            Form::Integer(width) if self.is_data(id) => Tensor {
                element: width.element(),
                quantisation: self.mappings.of(id, width).map(Mapping::quantisation),
                ..source.clone()
            },
            Form::Integer(_) | Form::AsIs => Tensor { quantisation: None, ..source.clone() },
        }
    }

    /// A constant in `form`.
    fn constant(&self, id: TensorId, form: Form) -> Tensor {
        let source = &self.source.tensors[id];
        let Form::Integer(width) = form else { return source.clone() };
        let (Some(values), Some(mapping)) = (constant_floats(source), self.mappings.of(id, width))
        else {
            return source.clone();
        };
        let stored = values.iter().map(|&value| mapping.quantise(value, width));
        let buffer = match width {
            Width::Eight => Buffer::I8(stored.map(|value| value as i8).collect()),
            Width::Sixteen => Buffer::I16(stored.map(|value| value as i16).collect()),
        };
        let bytes = buffer.as_slice().to_le_bytes();
        Tensor::constant(source.name.clone(), width.element(), source.shape.clone(), bytes)
            .quantised(mapping.quantisation())
    }
}
