//! Models prepared for execution.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use cofit_ir::{Graph, GraphId, Model, Op, OperatorId, Tensor, TensorId, TensorRole, Verified};
use cofit_vocab::diagnostic::execution as rules;
use cofit_vocab::{Bytes, Diagnostic, Diagnostics, ElementType, Place};
use cranelift_entity::{PrimaryMap, SecondaryMap};
use smallvec::SmallVec;

use crate::arithmetic::Rounding;
use crate::buffer::{Buffer, Slice};
use crate::call::{Call, Fault, Inputs, Kernel, Outputs, Variables};
use crate::kernels;
use crate::site::Site;

/// Most rounds of one loop. A loop that counts to more than this does not end in practice.
const MOST_ROUNDS: u32 = 1 << 20;

/// How a model is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How requantisations round.
    pub rounding: Rounding,
    /// Most bytes of tensors that may be alive at once, constants included.
    pub memory_limit: Bytes,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounding: Rounding::Double, memory_limit: Bytes(4 << 30) }
    }
}

/// A model of which every operator has a kernel.
pub struct Network {
    model: Verified,
    options: Options,
    graphs: PrimaryMap<GraphId, Prepared>,
}

/// A graph of which every operator has a kernel.
struct Prepared {
    steps: PrimaryMap<OperatorId, Step>,
    /// Constants that kernels read when they run, or that are read outside.
    constants: SecondaryMap<TensorId, Option<Buffer>>,
    /// Tensors whose last reader each operator is.
    dying: SecondaryMap<OperatorId, SmallVec<[TensorId; 2]>>,
}

/// What an operator does.
enum Step {
    /// It computes.
    Kernel(Kernel),
    /// It names a variable, which was resolved when the graph was prepared.
    Handle,
    /// It loads the variable of that name.
    Read(String),
    /// It stores into the variable of that name.
    Assign(String),
    /// It runs a graph the first time only.
    Once(GraphId),
    /// It runs a graph while another one holds.
    Loop { condition: GraphId, body: GraphId },
}

/// What outlives an inference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Variable tensors.
    tensors: BTreeMap<(GraphId, TensorId), Buffer>,
    /// Variables that operators load and store by name.
    named: BTreeMap<String, Buffer>,
    /// Graphs that run once and have run.
    done: Vec<GraphId>,
}

/// Who watches a run.
pub trait Observer {
    /// Called with every result of every operator of the main graph, as soon as it is there. Break
    /// to stop the run.
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()>;
}

/// An observer that looks at nothing.
impl Observer for () {
    fn tensor(&mut self, _: TensorId, _: Slice<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Why a run ended early.
pub(crate) enum Stop {
    /// Something is wrong.
    Wrong(Box<Diagnostic>),
    /// The observer has seen enough.
    Enough,
}

impl Stop {
    /// An operator met a value that it is not defined for.
    pub fn fault(graph: &Graph, id: OperatorId, message: String) -> Self {
        let place = Place::operator(graph.operator_name(id));
        Self::Wrong(Diagnostic::error(&rules::RUN_FAULT, message, place).into())
    }
}

impl Network {
    /// Gives every operator of the model a kernel.
    ///
    /// # Errors
    /// Every operator that has none, constants whose values are absent, and tensors that are too
    /// large.
    pub fn prepare(model: &Verified, options: &Options) -> Result<Self, Diagnostics> {
        let mut found = Diagnostics::new();
        let bytes = model.graphs.values().fold(Bytes::ZERO, |sum, graph| {
            let live = graph.peak_live().map_or(Bytes::ZERO, |peak| peak.bytes);
            sum + live + graph.constant_bytes()
        });
        if bytes > options.memory_limit {
            let message =
                format!("{bytes} are alive at once, {} are allowed", options.memory_limit);
            return Err(Diagnostic::error(&rules::TOO_LARGE, message, Place::default()).into());
        }
        if let Some(absent) = absent_values(model) {
            return Err(absent.into());
        }
        let mut graphs = PrimaryMap::new();
        for graph in model.graphs.values() {
            graphs.push(prepare_graph(graph, options.rounding, &mut found));
        }
        if found.has_errors() {
            Err(found)
        } else {
            Ok(Self { model: model.clone(), options: options.clone(), graphs })
        }
    }

    /// The model.
    pub const fn model(&self) -> &Verified {
        &self.model
    }

    /// How it is executed.
    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    /// State as it is before the first inference: variables hold real zero.
    pub fn state(&self) -> State {
        let mut state = State::default();
        for (graph_id, graph) in &self.model.graphs {
            for (id, tensor) in &graph.tensors {
                if tensor.role == TensorRole::Variable {
                    state.tensors.extend(real_zero(tensor).map(|zero| ((graph_id, id), zero)));
                }
            }
        }
        state
    }

    /// Runs one inference. `inputs` are those of the main graph, in its order.
    ///
    /// Returns the outputs of the main graph; `None` where the observer ended the run.
    ///
    /// # Errors
    /// Inputs of other types or lengths than the model states, or a value that an operator is not
    /// defined for.
    pub fn run(
        &self,
        state: &mut State,
        inputs: &[Buffer],
        observer: &mut dyn Observer,
    ) -> Result<Option<Vec<Buffer>>, Diagnostics> {
        let graph = self.model.main_graph();
        self.check_inputs(graph, inputs)?;
        match self.run_graph(Model::main_id(), inputs, state, observer) {
            Ok(outputs) => Ok(Some(outputs)),
            Err(Stop::Enough) => Ok(None),
            Err(Stop::Wrong(diagnostic)) => Err((*diagnostic).into()),
        }
    }

    /// Whether `inputs` are what the model states.
    pub(crate) fn check_inputs(&self, graph: &Graph, inputs: &[Buffer]) -> Result<(), Diagnostics> {
        let wrong = |message: String, place: Place| {
            Diagnostics::from(Diagnostic::error(&rules::WRONG_INPUT, message, place))
        };
        if inputs.len() != graph.inputs.len() {
            let message =
                format!("{} inputs are given, the model has {}", inputs.len(), graph.inputs.len());
            return Err(wrong(message, Place::default()));
        }
        for (&id, given) in graph.inputs.iter().zip(inputs) {
            let tensor = &graph.tensors[id];
            let needed = Buffer::zeros(tensor.element, 0);
            let is_same_type = needed.is_some_and(|needed| {
                std::mem::discriminant(&needed) == std::mem::discriminant(given)
            });
            if !is_same_type || given.len() as u64 != tensor.shape.elements() {
                let message = format!(
                    "`{}` takes {} elements of {}, and {} are given",
                    tensor.name,
                    tensor.shape.elements(),
                    tensor.element,
                    given.len()
                );
                return Err(wrong(message, Place::tensor(tensor.name.clone())));
            }
        }
        Ok(())
    }

    fn run_graph(
        &self,
        graph_id: GraphId,
        inputs: &[Buffer],
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Buffer>, Stop> {
        let graph = &self.model.graphs[graph_id];
        let prepared = &self.graphs[graph_id];
        let mut values: SecondaryMap<TensorId, Option<Buffer>> = SecondaryMap::new();
        for (&id, given) in graph.inputs.iter().zip(inputs) {
            values[id] = Some(given.clone());
        }
        for (id, operator) in &graph.operators {
            let results = self.run_step(graph_id, id, |tensor| values[tensor].as_ref(), state)?;
            for (&output, result) in operator.outputs.iter().zip(results) {
                if graph_id == Model::main_id()
                    && observer.tensor(output, result.as_slice()).is_break()
                {
                    return Err(Stop::Enough);
                }
                values[output] = Some(result);
            }
            for &dead in &prepared.dying[id] {
                values[dead] = None;
            }
        }
        graph
            .outputs
            .iter()
            .map(|&id| match &values[id] {
                Some(computed) => Ok(computed.clone()),
                None => self.fixed_output(graph_id, id, state),
            })
            .collect()
    }

    /// Runs one operator on the values that `values` knows, and on constants. Returns its results.
    pub(crate) fn run_step<'v>(
        &'v self,
        graph_id: GraphId,
        id: OperatorId,
        values: impl Fn(TensorId) -> Option<&'v Buffer>,
        state: &mut State,
    ) -> Result<Vec<Buffer>, Stop> {
        let graph = &self.model.graphs[graph_id];
        let prepared = &self.graphs[graph_id];
        let operator = &graph.operators[id];
        let wrong = |message: String| Stop::fault(graph, id, message);
        let read = |tensor: TensorId| values(tensor).or(prepared.constants[tensor].as_ref());
        Ok(match &prepared.steps[id] {
            Step::Kernel(kernel) => run_kernel(kernel, graph_id, graph, id, read, state)
                .map_err(|fault| wrong(fault.0))?,
            Step::Handle => operator.outputs.iter().map(|_| Buffer::I32(vec![0])).collect(),
            Step::Read(name) => {
                let tensor = &graph.tensors[operator.outputs[0]];
                let value = state.named.get(name).cloned().or_else(|| real_zero(tensor));
                vec![value.ok_or_else(|| wrong("the variable has no type".to_owned()))?]
            }
            Step::Assign(name) => {
                let value = operator.input(1).and_then(read).cloned();
                let value = value.ok_or_else(|| wrong("there is no value".to_owned()))?;
                state.named.insert(name.clone(), value);
                Vec::new()
            }
            Step::Once(called) => {
                if !state.done.contains(called) {
                    state.done.push(*called);
                    self.run_graph(*called, &[], state, &mut ())?;
                }
                Vec::new()
            }
            Step::Loop { condition, body } => {
                let operands = operator.inputs.iter().flatten();
                let mut variables: Vec<Buffer> = operands
                    .map(|&id| read(id).cloned())
                    .collect::<Option<_>>()
                    .ok_or_else(|| wrong("a loop variable has no value".to_owned()))?;
                let mut rounds = 0;
                loop {
                    let goes_on = self.run_graph(*condition, &variables, state, &mut ())?;
                    match goes_on.first().and_then(Buffer::get::<u8>) {
                        Some([0, ..]) => break variables,
                        Some([_, ..]) => {}
                        Some([]) | None => {
                            return Err(wrong("the condition is no truth value".to_owned()));
                        }
                    }
                    rounds += 1;
                    if rounds > MOST_ROUNDS {
                        return Err(wrong(format!("no end after {MOST_ROUNDS} rounds")));
                    }
                    variables = self.run_graph(*body, &variables, state, &mut ())?;
                }
            }
        })
    }

    /// An output that no operator computes: a constant or a variable.
    pub(crate) fn fixed_output(
        &self,
        graph_id: GraphId,
        id: TensorId,
        state: &State,
    ) -> Result<Buffer, Stop> {
        let constant = self.graphs[graph_id].constants[id].as_ref();
        let found = constant.or_else(|| state.tensors.get(&(graph_id, id)));
        found.cloned().ok_or_else(|| {
            let name = &self.model.graphs[graph_id].tensors[id].name;
            let message = format!("output `{name}` has no value");
            let place = Place::tensor(name.clone());
            Stop::Wrong(Diagnostic::error(&rules::RUN_FAULT, message, place).into())
        })
    }
}

/// Runs a kernel on values that lie ready, and returns its results.
fn run_kernel<'v>(
    kernel: &Kernel,
    graph_id: GraphId,
    graph: &Graph,
    id: OperatorId,
    read: impl Fn(TensorId) -> Option<&'v Buffer>,
    state: &mut State,
) -> Result<Vec<Buffer>, Fault> {
    let operator = &graph.operators[id];
    let mut results = Vec::with_capacity(operator.outputs.len());
    for &output in &operator.outputs {
        let tensor = &graph.tensors[output];
        let count = tensor.shape.elements() as usize;
        let zeros = Buffer::zeros(tensor.element, count);
        results.push(zeros.ok_or_else(|| Fault::new("a result has a type without kernels"))?);
    }
    // Variables are taken out of the state for the time of the call, so that they can be written
    // while other operands are read.
    let mut variables: Vec<(usize, TensorId, Buffer)> = Vec::new();
    for (position, operand) in operator.inputs.iter().enumerate() {
        let Some(operand) = *operand else { continue };
        if graph.tensors[operand].role == TensorRole::Variable
            && let Some(buffer) = state.tensors.remove(&(graph_id, operand))
        {
            variables.push((position, operand, buffer));
        }
    }
    let mut call = Call {
        inputs: Inputs(
            operator.inputs.iter().map(|operand| read((*operand)?).map(Buffer::as_slice)).collect(),
        ),
        outputs: Outputs(results.iter_mut().map(Buffer::as_mut_slice).collect()),
        variables: Variables(
            variables.iter_mut().map(|(position, _, buffer)| (*position, buffer)).collect(),
        ),
    };
    let outcome = kernel(&mut call);
    drop(call);
    state.tensors.extend(variables.into_iter().map(|(_, id, buffer)| ((graph_id, id), buffer)));
    outcome.map(|()| results)
}

/// Says that constants which operators read have no values; a model without weights has them nowhere.
fn absent_values(model: &Model) -> Option<Diagnostic> {
    let mut names = model.graphs.values().flat_map(|graph| {
        let is_read = graph.consumers();
        let tensors = graph.tensors.iter().filter(move |(id, _)| !is_read[*id].is_empty());
        tensors
            .filter(|(_, tensor)| tensor.is_constant() && tensor.data().is_none())
            .map(|(_, tensor)| tensor.name.as_str())
    });
    let first = names.next()?;
    let message = match names.count() {
        0 => "the values of a constant are not there".to_owned(),
        others => format!("the values of {} constants are not there", others + 1),
    };
    Some(Diagnostic::error(&rules::VALUES_ABSENT, message, Place::tensor(first)))
}

/// Kernels for every operator, and when each tensor is read last.
fn prepare_graph(graph: &Graph, rounding: Rounding, found: &mut Diagnostics) -> Prepared {
    let mut prepared = Prepared {
        steps: PrimaryMap::with_capacity(graph.operators.len()),
        constants: SecondaryMap::new(),
        dying: SecondaryMap::new(),
    };
    for (id, operator) in &graph.operators {
        let site = Site::new(graph, id, rounding);
        let step = match &operator.op {
            Op::VarHandle(_) => Ok(Step::Handle),
            Op::ReadVariable(_) => variable_name(graph, id).map_or_else(
                || Err(site.refuse("its variable is not known", "export the model anew")),
                |name| Ok(Step::Read(name)),
            ),
            Op::AssignVariable(_) => variable_name(graph, id).map_or_else(
                || Err(site.refuse("its variable is not known", "export the model anew")),
                |name| Ok(Step::Assign(name)),
            ),
            Op::CallOnce(op) => Ok(Step::Once(op.graph)),
            Op::While(op) => Ok(Step::Loop { condition: op.cond, body: op.body }),
            _ => kernels::prepare(&site).map(Step::Kernel),
        };
        let step = step.unwrap_or_else(|refusal| {
            found.push(*refusal);
            Step::Handle
        });
        prepared.steps.push(step);
        for (position, operand) in operator.inputs.iter().enumerate() {
            let Some(operand) = *operand else { continue };
            let tensor = &graph.tensors[operand];
            let is_needed = tensor.is_constant() && !site.has_taken(position);
            if is_needed && prepared.constants[operand].is_none() {
                match site.constant(tensor) {
                    Ok(buffer) => prepared.constants[operand] = Some(buffer),
                    Err(refusal) => found.push(*refusal),
                }
            }
        }
    }
    for &output in &graph.outputs {
        let tensor = &graph.tensors[output];
        if let Some(data) = tensor.data() {
            let count = tensor.shape.elements() as usize;
            prepared.constants[output] = Buffer::from_packed(tensor.element, count, data);
        }
    }
    let consumers = graph.consumers();
    for (id, tensor) in &graph.tensors {
        if let (Some(&last), false) = (consumers[id].last(), graph.outputs.contains(&id))
            && !tensor.is_constant()
        {
            prepared.dying[last].push(id);
        }
    }
    prepared
}

/// The name of the variable that operand 0 of `id` is a handle of.
fn variable_name(graph: &Graph, id: OperatorId) -> Option<String> {
    let handle = graph.operators[id].input(0)?;
    graph.operators.values().find_map(|operator| match &operator.op {
        Op::VarHandle(op) if operator.outputs.contains(&handle) => {
            Some(format!("{}/{}", op.container, op.shared_name))
        }
        _ => None,
    })
}

/// A buffer in which every element means zero.
fn real_zero(tensor: &Tensor) -> Option<Buffer> {
    let count = usize::try_from(tensor.shape.elements()).ok()?;
    let mut buffer = Buffer::zeros(tensor.element, count)?;
    if tensor.element == ElementType::Int8
        && let (Buffer::I8(values), Some((_, zero_point))) =
            (&mut buffer, tensor.quantisation.as_ref().and_then(|found| found.at(0)))
    {
        values.fill(zero_point as i8);
    }
    Some(buffer)
}
