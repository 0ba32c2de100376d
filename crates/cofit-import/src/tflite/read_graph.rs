//! Reading: a graph with its tensors and operators.

use bytes::Bytes as SharedBytes;
use cofit_ir::{
    ConstantData, Graph, Op, Operator, Origin, Quantisation, Shape, Tensor, TensorId, TensorRole,
    ops,
};
use cofit_vocab::diagnostic::tflite as code;
use cofit_vocab::{Code, Diagnostic, ElementType, Place};
use cranelift_entity::{EntityRef, EntitySet};
use smallvec::SmallVec;

use super::operators::fields::OptionError;
use super::operators::{self, OptionUnion, ReadError};
use super::read::{FileReading, cut};
use super::schema;
use crate::flatbuffer::{Fault, Scalar, Table};

/// Where in the file a message belongs.
struct Site {
    /// What is being read, for the message's text.
    what: String,
    place: Place,
}

impl<'a> FileReading<'a> {
    /// Reads a graph. Broken parts have been said and leave a stand-in, so that numbers in the rest
    /// of the graph still mean what they say.
    pub(super) fn graph(&mut self, table: Table<'a>, index: usize) -> Graph {
        let what = format!("graph {index}");
        let mut graph = Graph {
            name: self.name(table, schema::subgraph::NAME, &what).to_owned(),
            ..Graph::default()
        };
        let tensors = table.tables(schema::subgraph::TENSORS);
        if let Some(tensors) = self.said(tensors, &what, self.place()) {
            for (number, tensor) in tensors.enumerate() {
                if self.exhausted {
                    break;
                }
                let site = format!("tensor {number} of graph {index}");
                let tensor = self.said(tensor, &site, self.place());
                let tensor = tensor.map(|tensor| self.tensor(tensor, number, index));
                graph.tensors.push(tensor.unwrap_or_else(stand_in));
            }
        }
        graph.inputs = self.graph_ends(table, schema::subgraph::INPUTS, &graph, &what);
        graph.outputs = self.graph_ends(table, schema::subgraph::OUTPUTS, &graph, &what);
        let operators = table.tables(schema::subgraph::OPERATORS);
        if let Some(operators) = self.said(operators, &what, self.place()) {
            for (number, operator) in operators.enumerate() {
                if self.exhausted {
                    break;
                }
                let site = format!("operator {number} of graph {index}");
                let operator = self.said(operator, &site, self.place());
                let operator =
                    operator.and_then(|operator| self.operator(operator, number, index, &graph));
                if let Some(operator) = operator {
                    graph.operators.push(operator);
                }
            }
        }
        name_empty_constants(&mut graph);
        graph
    }

    /// The inputs or outputs of a graph.
    fn graph_ends(
        &mut self,
        table: Table<'a>,
        field: u16,
        graph: &Graph,
        what: &str,
    ) -> Vec<TensorId> {
        let site = Site { what: what.to_owned(), place: self.place() };
        let ends = self.tensor_list(table, field, graph, &site);
        let present = ends.iter().flatten().copied().collect();
        if ends.contains(&None) {
            let message = format!("{what}: its inputs and outputs must be tensors, and -1 is none");
            self.error(&code::BAD_INDEX, message, self.place());
        }
        present
    }

    /// A vector of tensor numbers, where -1 stands for a missing one.
    fn tensor_list(
        &mut self,
        table: Table<'a>,
        field: u16,
        graph: &Graph,
        site: &Site,
    ) -> Vec<Option<TensorId>> {
        let vector = table.vector::<i32>(field);
        let Some(Some(vector)) = self.said(vector, &site.what, site.place.clone()) else {
            return Vec::new();
        };
        let count = graph.tensors.len();
        let mut tensors = Vec::with_capacity(vector.len());
        for number in vector.iter() {
            match usize::try_from(number) {
                Ok(index) if index < count => tensors.push(Some(TensorId::new(index))),
                Err(_) if number == -1 => tensors.push(None),
                _ => {
                    let message = format!("{} names tensor {number} of {count}", site.what);
                    self.error(&code::BAD_INDEX, message, site.place.clone());
                }
            }
        }
        tensors
    }

    fn tensor(&mut self, table: Table<'a>, number: usize, graph: usize) -> Tensor {
        use schema::tensor as field;

        let what = format!("tensor {number} of graph {graph}");
        let name = self.name(table, field::NAME, &what);
        let shown = if name.is_empty() { format!("#{number}") } else { cut(name) };
        let position = table.position();
        let place = self.place().with_tensor(shown).with_span(position, position + 1);
        let site = Site { what, place };

        let element = self.element(table, &site);
        let shape = self.shape(table, &site);
        let rank = shape.as_ref().map_or(0, Shape::rank);
        let quantisation = self.quantisation(table, rank, &site);
        if table.has(field::SPARSITY) {
            let message = format!("{} is stored sparsely", site.what);
            self.error(&code::SPARSE_TENSOR, message, site.place.clone());
        }
        let role = self.role(table, &site);
        Tensor {
            name: name.to_owned(),
            element: element.unwrap_or(ElementType::Int8),
            shape: shape.unwrap_or_default(),
            quantisation,
            role,
            origin: origin(number, position),
        }
    }

    fn element(&mut self, table: Table<'a>, site: &Site) -> Option<ElementType> {
        let number = table.scalar(schema::tensor::TYPE, 0i8);
        let number = self.said(number, &site.what, site.place.clone())?;
        match schema::element_type(number) {
            Ok(element) => Some(element),
            Err(name) => {
                let message = match name {
                    Some(name) => format!("{} has elements of type {name}", site.what),
                    None => format!("{} has elements of the unknown type {number}", site.what),
                };
                self.error(&code::UNSUPPORTED_ELEMENT_TYPE, message, site.place.clone());
                None
            }
        }
    }

    fn shape(&mut self, table: Table<'a>, site: &Site) -> Option<Shape> {
        let lengths = table.vector::<i32>(schema::tensor::SHAPE);
        let lengths = self.said(lengths, &site.what, site.place.clone())?;
        let Some(lengths) = lengths else { return Some(Shape::scalar()) };
        if lengths.len() > Shape::MAX_RANK {
            let message = format!("{} has {} axes", site.what, lengths.len());
            self.error(&code::BAD_SHAPE, message, site.place.clone());
            return None;
        }
        if let Some(length) = lengths.iter().find(|length| *length < 0) {
            let message = format!("{} has an axis of length {length}", site.what);
            self.error(&code::BAD_SHAPE, message, site.place.clone());
            return None;
        }
        let shape: Shape = lengths.iter().map(i32::unsigned_abs).collect();
        if shape.elements() > i64::MAX as u64 {
            let message = format!("{} of shape {shape} has too many elements", site.what);
            self.error(&code::BAD_SHAPE, message, site.place.clone());
            return None;
        }
        Some(shape)
    }

    fn quantisation(&mut self, table: Table<'a>, rank: usize, site: &Site) -> Option<Quantisation> {
        use schema::quantization as field;

        let parameters = table.table(schema::tensor::QUANTIZATION);
        let parameters = self.said(parameters, &site.what, site.place.clone())??;
        let details = parameters.scalar(field::DETAILS_TYPE, 0u8);
        let details = self.said(details, &site.what, site.place.clone())?;
        let read = || -> Result<(Quantisation, i32), Fault> {
            let quantisation = Quantisation {
                scales: numbers(parameters, field::SCALE)?,
                zero_points: numbers(parameters, field::ZERO_POINT)?,
                axis: 0,
                minimum: numbers(parameters, field::MIN)?,
                maximum: numbers(parameters, field::MAX)?,
            };
            Ok((quantisation, parameters.scalar(field::QUANTIZED_DIMENSION, 0)?))
        };
        let (mut quantisation, axis) = self.said(read(), &site.what, site.place.clone())?;
        if details != 0 {
            let kind = match details {
                1 => "custom",
                2 => "blockwise",
                3 => "multi-axis",
                _ => "unknown",
            };
            let message = format!("{} has {kind} quantisation", site.what);
            self.error(&code::UNSUPPORTED_QUANTISATION, message, site.place.clone());
            return None;
        }
        if quantisation.scales.is_empty() {
            // Zero points without scales mean nothing, and neither does an axis.
            quantisation.zero_points.clear();
            let range = quantisation.minimum.is_empty() && quantisation.maximum.is_empty();
            return (!range).then_some(quantisation);
        }
        let Ok(axis) = u32::try_from(axis) else {
            let message = format!("{} has scales along axis {axis}", site.what);
            self.error(&code::BAD_QUANTISATION, message, site.place.clone());
            return None;
        };
        // Early per-axis converters gave a bias the axis of its weights; it has only the one.
        quantisation.axis = if rank == 1 { 0 } else { axis };
        Some(quantisation)
    }

    fn role(&mut self, table: Table<'a>, site: &Site) -> TensorRole {
        use schema::tensor as field;

        let read = || -> Result<(u32, bool, u32), Fault> {
            Ok((
                table.scalar(field::BUFFER, 0)?,
                table.scalar(field::IS_VARIABLE, false)?,
                table.scalar(field::EXTERNAL_BUFFER, 0)?,
            ))
        };
        let Some((buffer, variable, external)) = self.said(read(), &site.what, site.place.clone())
        else {
            return TensorRole::Activation;
        };
        if external != 0 {
            let message = format!("the data of {} is in another file", site.what);
            self.error(&code::EXTERNAL_DATA, message, site.place.clone());
            return TensorRole::Constant(ConstantData::Absent);
        }
        let known = usize::try_from(buffer).ok().and_then(|buffer| self.buffers.get(buffer));
        let range = match known {
            Some(Some(range)) => range.clone(),
            // Broken, which has been said.
            Some(None) => return TensorRole::Constant(ConstantData::Absent),
            // A file without any buffers keeps no data.
            None if buffer == 0 => 0..0,
            None => {
                let message =
                    format!("{} names buffer {buffer} of {}", site.what, self.buffers.len());
                self.error(&code::BAD_INDEX, message, site.place.clone());
                return TensorRole::Activation;
            }
        };
        match (variable, range.is_empty()) {
            (true, true) => TensorRole::Variable,
            (true, false) => {
                let message = format!("{} is a variable and has data", site.what);
                self.error(&code::VARIABLE_WITH_DATA, message, site.place.clone());
                TensorRole::Variable
            }
            (false, true) => TensorRole::Activation,
            (false, false) => TensorRole::Constant(ConstantData::Present(self.window(range))),
        }
    }

    fn operator(
        &mut self,
        table: Table<'a>,
        number: usize,
        index: usize,
        graph: &Graph,
    ) -> Option<Operator> {
        use schema::operator as field;

        let position = table.position();
        let mut site = Site {
            what: format!("operator {number} of graph {index}"),
            place: self
                .place()
                .with_operator(format!("#{number}"))
                .with_span(position, position + 1),
        };
        let opcode = table.scalar(field::OPCODE_INDEX, 0u32);
        let opcode = self.said(opcode, &site.what, site.place.clone())?;
        let entry = usize::try_from(opcode).ok().and_then(|opcode| self.codes.get(opcode)).cloned();
        let Some(entry) = entry else {
            let message =
                format!("{} names operator code {opcode} of {}", site.what, self.codes.len());
            self.error(&code::BAD_INDEX, message, site.place);
            return None;
        };
        // A broken entry has been said.
        let entry = entry?;
        site.place = site.place.with_operator(format!("{} #{number}", entry.name()));
        let outputs = self.tensor_list(table, field::OUTPUTS, graph, &site);
        if let Some(&output) = outputs.iter().flatten().next() {
            let name = &graph.tensors[output].name;
            let shown = if name.is_empty() { format!("#{}", output.index()) } else { cut(name) };
            site.place = site.place.with_tensor(shown);
        }
        let inputs = self.tensor_list(table, field::INPUTS, graph, &site);
        let intermediates = self.tensor_list(table, field::INTERMEDIATES, graph, &site);
        if outputs.contains(&None) || intermediates.contains(&None) {
            let message = format!("{} lists -1 where a tensor must stand", site.what);
            self.error(&code::BAD_INDEX, message, site.place.clone());
        }
        let op = if entry.builtin == operators::CUSTOM {
            self.custom(table, entry.custom, &site)?
        } else {
            self.builtin(table, entry.builtin, &site)?
        };
        if entry.builtin == operators::SELECT && takes_slices(graph, &inputs) {
            let message = format!("{} selects whole slices by its condition", site.what);
            self.error(&code::UNSUPPORTED_OPERATOR, message, site.place.clone());
            return None;
        }
        Some(Operator {
            op,
            inputs: inputs.into_iter().collect(),
            outputs: outputs.into_iter().flatten().collect(),
            intermediates: intermediates.into_iter().flatten().collect(),
            origin: origin(number, position),
        })
    }

    fn custom(&mut self, table: Table<'a>, name: Option<&str>, site: &Site) -> Option<Op> {
        use schema::operator as field;

        let Some(name) = name else {
            let message = format!("{} is custom and has no name", site.what);
            self.error(&code::MISSING_OPTIONS, message, site.place.clone());
            return None;
        };
        let outside = [field::LARGE_CUSTOM_OPTIONS_OFFSET, field::LARGE_CUSTOM_OPTIONS_SIZE];
        let range = match table.bytes(field::CUSTOM_OPTIONS) {
            Ok(Some(range)) => Ok(Some(range)),
            Ok(None) => self.outside(table, outside),
            Err(fault) => Err(fault),
        };
        let range = self.said(range, &site.what, site.place.clone())?;
        let options = range.map(|range| self.window(range)).unwrap_or_default();
        Some(ops::Custom { code: name.to_owned(), options }.into())
    }

    fn builtin(&mut self, table: Table<'a>, builtin: i32, site: &Site) -> Option<Op> {
        use schema::operator as field;

        let union = || -> Result<OptionUnion<'a>, Fault> {
            Ok(OptionUnion {
                member: table.scalar(field::BUILTIN_OPTIONS_TYPE, 0)?,
                table: table.table(field::BUILTIN_OPTIONS)?,
            })
        };
        let union = self.said(union(), &site.what, site.place.clone())?;
        let mut hints = Vec::new();
        let op = operators::read(builtin, union, &mut hints);
        for hint in hints {
            let message = format!("{}: option `{hint}` is not kept", site.what);
            self.diagnostics.push(Diagnostic::warning(&code::DROPPED, message, site.place.clone()));
        }
        let (rule, message): (&'static Code, String) = match op {
            Ok(op) => return Some(op),
            Err(ReadError::Unsupported) => {
                let name = schema::builtin_operator_name(builtin);
                (&code::UNSUPPORTED_OPERATOR, format!("{name} is not supported"))
            }
            Err(ReadError::MissingOptions) => {
                let message = format!("the options of {} are missing or not its own", site.what);
                (&code::MISSING_OPTIONS, message)
            }
            Err(ReadError::Option(OptionError::Fault(fault))) => {
                self.fault(fault, &site.what, site.place.clone());
                return None;
            }
            Err(ReadError::Option(error @ OptionError::Unsupported { .. })) => {
                (&code::UNSUPPORTED_OPTION, format!("{}: {error}", site.what))
            }
            Err(ReadError::Option(
                error @ (OptionError::BadValue { .. } | OptionError::Inexpressible { .. }),
            )) => (&code::BAD_OPTION, format!("{}: {error}", site.what)),
        };
        self.error(rule, message, site.place.clone());
        None
    }
}

/// Whether a SELECT means something else than the broadcasting operator: a condition of one axis
/// then stands for the outermost axis of the others, not for their innermost.
fn takes_slices(graph: &Graph, inputs: &[Option<TensorId>]) -> bool {
    let shape = |index: usize| {
        let id = inputs.get(index).copied().flatten()?;
        graph.tensors.get(id).map(|tensor| &tensor.shape)
    };
    let (Some(condition), Some(chosen)) = (shape(0), shape(1)) else { return false };
    condition != chosen && condition.elements() != 1
}

/// Where the file has something.
fn origin(number: usize, position: usize) -> Origin {
    Origin { index: u32::try_from(number).ok(), offset: Some(position as u64), axes: None }
}

/// Takes the place of a tensor that cannot be read.
fn stand_in() -> Tensor {
    Tensor::activation("", ElementType::Int8, Shape::scalar())
}

/// A vector of numbers; empty where absent.
fn numbers<T: Scalar>(table: Table<'_>, field: u16) -> Result<SmallVec<[T; 1]>, Fault> {
    Ok(table.vector::<T>(field)?.map(|vector| vector.iter().collect()).unwrap_or_default())
}

/// Makes constants of tensors without elements that nothing writes: an empty constant has no bytes
/// to be known by.
fn name_empty_constants(graph: &mut Graph) {
    let mut written = EntitySet::with_capacity(graph.tensors.len());
    let outputs = graph.operators.values().flat_map(|operator| &operator.outputs);
    graph.inputs.iter().chain(outputs).for_each(|&id| {
        written.insert(id);
    });
    for (id, tensor) in &mut graph.tensors {
        let empty = tensor.role == TensorRole::Activation && tensor.shape.elements() == 0;
        if empty && !written.contains(id) {
            tensor.role = TensorRole::Constant(ConstantData::Present(SharedBytes::new()));
        }
    }
}
