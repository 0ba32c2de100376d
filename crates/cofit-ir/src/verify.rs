//! The verifier.
//!
//! # What a well-formed model is
//! - It has at least one graph.
//! - Every tensor id in an operator, in a graph's inputs and in its outputs is one of that graph's.
//! - A tensor has at most [`Shape::MAX_RANK`] axes.
//! - A tensor gets its value from one place at most: it is the result of one operator, once, or it
//!   is listed once among the graph's inputs. A constant is neither.
//! - Operators stand in an order in which they can run: an operand is a constant, a variable, a
//!   graph input, or the result of an earlier operator. Graph outputs are so at the end.
//!   Intermediates are scratch space and need no value.
//! - An operator has as many operands as its kind takes, the required ones are present, and its
//!   rules accept them. It has as many results as the rules say, and where the rules know an element
//!   type or a shape, the result has it. `[]` and `[1]` count as the same shape: TFLite converters
//!   have written scalars both ways, and both hold one element.
//! - A constant whose bytes are present has as many as its elements need, densely packed.
//! - A quantisation has no scale, one scale, or one for every slice of its axis, which exists then;
//!   it has no zero point, one, or as many as scales. Scales are finite and not negative. The
//!   calibration range is not looked at.
//! - A called graph exists, with as many inputs and outputs as its caller needs, and no graph calls
//!   itself, directly or through others.
//!
//! Everything else is free: names may be empty or repeated, tensors may stay unused, and results
//! may be read by nobody.
//!
//! The verifier finds everything wrong that it can, not only the first thing, and takes time in
//! proportion to the model. Later stages demand a [`Verified`], which only the verifier makes.

use std::ops::Deref;
use std::sync::Arc;

use cofit_vocab::diagnostic::model as rules;
use cofit_vocab::{Code, Diagnostic, Diagnostics, Place};
use cranelift_entity::EntityRef;

use crate::{
    ConstantData, Graph, GraphId, Model, Op, OperatorId, Origin, OutputFact, Quantisation, Shape,
    Tensor, TensorId, TensorRole,
};

/// A model that the verifier found well formed. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified(Arc<Model>);

impl Verified {
    /// Verifies a model.
    ///
    /// # Errors
    /// Everything that [`verify`] finds.
    pub fn new(model: impl Into<Arc<Model>>) -> Result<Self, Diagnostics> {
        let model = model.into();
        let found = verify(&model);
        if found.has_errors() { Err(found) } else { Ok(Self(model)) }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.0
    }

    /// The graph that an inference runs.
    pub fn main_graph(&self) -> &Graph {
        &self.0.graphs[Model::main_id()]
    }

    /// A copy of the model to change, which then has to be verified again.
    pub fn into_model(self) -> Model {
        Arc::unwrap_or_clone(self.0)
    }
}

impl Deref for Verified {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.0
    }
}

/// Everything about `model` that breaks the contract above; empty where it is well formed.
pub fn verify(model: &Model) -> Diagnostics {
    let mut found = Diagnostics::new();
    if model.graphs.is_empty() {
        let place = place(model, Origin::default());
        found.push(Diagnostic::error(&rules::NO_GRAPH, "the model has no graph", place));
    }
    for graph in model.graphs.values() {
        GraphVerifier { model, graph, found: &mut found }.run();
    }
    recursion(model, &mut found);
    found
}

/// The longest name that a message repeats; a hostile file could make a thousand messages long.
const LONGEST_NAME: usize = 200;

fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}

fn place(model: &Model, origin: Origin) -> Place {
    let mut place = Place::default();
    if !model.source.file.is_empty() {
        place = place.with_file(shortened(&model.source.file));
    }
    match origin.offset.and_then(|offset| usize::try_from(offset).ok()) {
        Some(offset) => place.with_span(offset, offset),
        None => place,
    }
}

struct GraphVerifier<'a> {
    model: &'a Model,
    graph: &'a Graph,
    found: &'a mut Diagnostics,
}

impl GraphVerifier<'_> {
    fn run(&mut self) {
        let graph = self.graph;
        for (id, tensor) in &graph.tensors {
            self.tensor(id, tensor);
        }
        let mut written = vec![false; graph.tensors.len()];
        for &id in &graph.inputs {
            if self.exists(id, "a graph input", None) {
                self.write(id, None, &mut written);
            }
        }
        for id in graph.operators.keys() {
            self.operator(id, &mut written);
        }
        for &id in &graph.outputs {
            if self.exists(id, "a graph output", None) && !self.is_ready(id, &written) {
                let message = format!("nothing writes the graph output {id}");
                self.report(&rules::NOT_READY, message, None, Some(id));
            }
        }
    }

    /// Reports a breach at an operator, a tensor or both. The file offset is the operator's where
    /// there is one.
    fn report(
        &mut self,
        code: &'static Code,
        message: String,
        operator: Option<OperatorId>,
        tensor: Option<TensorId>,
    ) {
        if self.found.len() >= Diagnostics::LIMIT {
            // Only counted from here on, so that long names are not copied over and over.
            return self.found.push(Diagnostic::error(code, "", Place::default()));
        }
        let tensor = tensor.and_then(|id| Some((id, self.graph.tensors.get(id)?)));
        let origin = match (operator, tensor) {
            (Some(id), _) => self.graph.operators[id].origin,
            (None, Some((_, tensor))) => tensor.origin,
            (None, None) => Origin::default(),
        };
        let mut place = place(self.model, origin);
        if let Some(id) = operator {
            place = place.with_operator(shortened(&self.graph.operator_name(id)));
        }
        if let Some((id, tensor)) = tensor {
            place = match tensor.name.as_str() {
                "" => place.with_tensor(id.to_string()),
                name => place.with_tensor(shortened(name)),
            };
        }
        self.found.push(Diagnostic::error(code, message, place));
    }

    fn exists(&mut self, id: TensorId, what: &str, operator: Option<OperatorId>) -> bool {
        let exists = self.graph.tensors.is_valid(id);
        if !exists {
            let count = self.graph.tensors.len();
            let message = format!("{what} is {id}, but the graph has {count} tensors");
            self.report(&rules::UNKNOWN_TENSOR, message, operator, None);
        }
        exists
    }

    fn is_ready(&self, id: TensorId, written: &[bool]) -> bool {
        match self.graph.tensors[id].role {
            TensorRole::Constant(_) | TensorRole::Variable => true,
            TensorRole::Activation => written[id.index()],
        }
    }

    /// Notes that `writer`, or the caller where it is `None`, gives a tensor its value.
    fn write(&mut self, id: TensorId, writer: Option<OperatorId>, written: &mut [bool]) {
        if self.graph.tensors[id].is_constant() {
            let message = match writer {
                Some(_) => format!("the result {id} is a constant"),
                None => format!("the graph input {id} is a constant"),
            };
            self.report(&rules::WRITTEN_CONSTANT, message, writer, Some(id));
        }
        if std::mem::replace(&mut written[id.index()], true) {
            let message = match writer {
                Some(_) => format!("the result {id} has a value already"),
                None => format!("{id} is listed twice among the graph's inputs"),
            };
            self.report(&rules::WRITTEN_TWICE, message, writer, Some(id));
        }
    }

    fn tensor(&mut self, id: TensorId, tensor: &Tensor) {
        if tensor.shape.rank() > Shape::MAX_RANK {
            let rank = tensor.shape.rank();
            let message = format!("{rank} axes where at most {} are allowed", Shape::MAX_RANK);
            return self.report(&rules::TOO_MANY_AXES, message, None, Some(id));
        }
        if let TensorRole::Constant(ConstantData::Present(data)) = &tensor.role
            && u64::try_from(data.len()) != Ok(tensor.bytes().get())
        {
            let message = format!(
                "the constant has {} bytes where {}{} needs {}",
                data.len(),
                tensor.element,
                tensor.shape,
                tensor.bytes().get()
            );
            self.report(&rules::CONSTANT_LENGTH, message, None, Some(id));
        }
        if let Some(quantisation) = &tensor.quantisation
            && let Err(message) = quantisation_fits(quantisation, &tensor.shape)
        {
            self.report(&rules::BAD_QUANTISATION, message, None, Some(id));
        }
    }

    fn operator(&mut self, id: OperatorId, written: &mut [bool]) {
        let operator = &self.graph.operators[id];
        let mut sound = true;
        for (index, &input) in operator.inputs.iter().enumerate() {
            let Some(input) = input else { continue };
            if !self.exists(input, &format!("operand {index}"), Some(id)) {
                sound = false;
            } else if !self.is_ready(input, written) {
                let message = format!("operand {index} ({input}) has no value yet");
                self.report(&rules::NOT_READY, message, Some(id), Some(input));
            }
        }
        for (index, &output) in operator.outputs.iter().enumerate() {
            if self.exists(output, &format!("result {index}"), Some(id)) {
                self.write(output, Some(id), written);
            } else {
                sound = false;
            }
        }
        for &scratch in &operator.intermediates {
            sound &= self.exists(scratch, "an intermediate", Some(id));
        }
        let operands = operator.op.operand_counts();
        if !operands.contains(&operator.inputs.len()) {
            let needed = match (*operands.start(), *operands.end()) {
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            let message = format!(
                "`{}` has {} operands where it takes {needed}",
                operator.kind(),
                operator.inputs.len()
            );
            return self.report(&rules::OPERAND_COUNT, message, Some(id), None);
        }
        self.call(id);
        // The rules copy shapes about, so they only see those of bounded length.
        let tensors = operator.inputs.iter().flatten().chain(&operator.outputs);
        let short = |&id: &TensorId| self.graph.tensors[id].shape.rank() <= Shape::MAX_RANK;
        if sound && tensors.into_iter().all(short) {
            self.results(id);
        }
    }

    /// Compares an operator's results with what its rules say.
    fn results(&mut self, id: OperatorId) {
        let operator = &self.graph.operators[id];
        let facts = match operator.op.infer(&self.graph.operands(id)) {
            Ok(facts) => facts,
            Err(error) => {
                let message = format!("`{}`: {error}", operator.kind());
                return self.report(&rules::BROKEN_RULE, message, Some(id), None);
            }
        };
        if facts.len() != operator.outputs.len() {
            let message = format!(
                "`{}` has {} results where its rules give {}",
                operator.kind(),
                operator.outputs.len(),
                facts.len()
            );
            return self.report(&rules::OPERAND_COUNT, message, Some(id), None);
        }
        for (&output, OutputFact { element, shape }) in operator.outputs.iter().zip(facts) {
            let tensor = &self.graph.tensors[output];
            if let Some(element) = element
                && element != tensor.element
            {
                let message = format!("the file states {} where {element} follows", tensor.element);
                self.report(&rules::ELEMENT_MISMATCH, message, Some(id), Some(output));
            }
            if let Some(shape) = shape
                && !same_shape(&shape, &tensor.shape)
            {
                let message = format!("the file states {} where {shape} follows", tensor.shape);
                self.report(&rules::SHAPE_MISMATCH, message, Some(id), Some(output));
            }
        }
    }

    /// Checks the graphs that an operator calls.
    fn call(&mut self, id: OperatorId) {
        let operator = &self.graph.operators[id];
        let (inputs, outputs) = (operator.inputs.len(), operator.outputs.len());
        for (callee, role) in called(&operator.op) {
            let Some(graph) = self.model.graphs.get(callee) else {
                let count = self.model.graphs.len();
                let message = format!("the {} graph is {callee} of {count}", role.name());
                self.report(&rules::BAD_CALL, message, Some(id), None);
                continue;
            };
            let needed = match role {
                CallRole::Once => (0, 0),
                CallRole::Condition => (inputs, 1),
                CallRole::Body => (inputs, outputs),
            };
            let given = (graph.inputs.len(), graph.outputs.len());
            if given != needed {
                let message = format!(
                    "the {} graph {callee} has {} inputs and {} outputs where {} and {} are needed",
                    role.name(),
                    given.0,
                    given.1,
                    needed.0,
                    needed.1
                );
                self.report(&rules::BAD_CALL, message, Some(id), None);
            }
        }
    }
}

/// What a called graph is for.
#[derive(Clone, Copy)]
enum CallRole {
    Once,
    Condition,
    Body,
}

impl CallRole {
    const fn name(self) -> &'static str {
        match self {
            Self::Once => "called",
            Self::Condition => "condition",
            Self::Body => "body",
        }
    }
}

/// The graphs that an operator calls.
fn called(op: &Op) -> impl Iterator<Item = (GraphId, CallRole)> {
    // Only two kinds call; a list of the others would say nothing.
    let calls = if let Op::CallOnce(call) = op {
        [Some((call.graph, CallRole::Once)), None]
    } else if let Op::While(call) = op {
        [Some((call.cond, CallRole::Condition)), Some((call.body, CallRole::Body))]
    } else {
        [None, None]
    };
    calls.into_iter().flatten()
}

/// Whether a stated shape is the one that follows, where a scalar may be written as `[1]`.
fn same_shape(a: &Shape, b: &Shape) -> bool {
    let is_scalar = |shape: &Shape| shape.rank() <= 1 && shape.elements() == 1;
    a == b || (is_scalar(a) && is_scalar(b))
}

fn quantisation_fits(quantisation: &Quantisation, shape: &Shape) -> Result<(), String> {
    let scales = quantisation.scales.len();
    if scales > 1 {
        let axis = quantisation.axis;
        let length = usize::try_from(axis).ok().and_then(|axis| shape.get(axis));
        match length.map(|length| u64::from(length) == scales as u64) {
            Some(true) => {}
            Some(false) => {
                return Err(format!("{scales} scales do not fit axis {axis} of {shape}"));
            }
            None => return Err(format!("{scales} scales along axis {axis} of {shape}")),
        }
    }
    let zero_points = quantisation.zero_points.len();
    if zero_points > 1 && zero_points != scales {
        return Err(format!("{zero_points} zero points beside {scales} scales"));
    }
    match quantisation.scales.iter().find(|scale| !scale.is_finite() || **scale < 0.0) {
        Some(scale) => Err(format!("a scale of {scale}")),
        None => Ok(()),
    }
}

/// Reports every call that closes a circle of graphs.
fn recursion(model: &Model, found: &mut Diagnostics) {
    #[derive(Clone, Copy, PartialEq)]
    enum Visit {
        Fresh,
        Running,
        Done,
    }
    let calls = |id: GraphId| {
        let operators = model.graphs[id].operators.iter();
        operators.flat_map(|(operator, what)| called(&what.op).map(move |call| (operator, call.0)))
    };
    let mut visits = vec![Visit::Fresh; model.graphs.len()];
    for root in model.graphs.keys() {
        if visits[root.index()] != Visit::Fresh {
            continue;
        }
        visits[root.index()] = Visit::Running;
        // A list instead of recursion: the chain of calls may be as long as the file likes.
        let mut stack = vec![(root, calls(root))];
        while let Some((caller, remaining)) = stack.last_mut() {
            let caller = *caller;
            let Some((operator, callee)) = remaining.next() else {
                visits[caller.index()] = Visit::Done;
                stack.pop();
                continue;
            };
            match visits.get(callee.index()) {
                Some(Visit::Fresh) => {
                    visits[callee.index()] = Visit::Running;
                    stack.push((callee, calls(callee)));
                }
                Some(Visit::Running) => {
                    let graph = &model.graphs[caller];
                    let place = place(model, graph.operators[operator].origin)
                        .with_operator(shortened(&graph.operator_name(operator)));
                    let message = format!("{caller} calls {callee}, which is running already");
                    found.push(Diagnostic::error(&rules::RECURSION, message, place));
                }
                Some(Visit::Done) | None => {}
            }
        }
    }
}
