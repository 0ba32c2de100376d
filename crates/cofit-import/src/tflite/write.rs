//! Writing a model as a TFLite file.

use std::collections::BTreeMap;

use bytes::Bytes as SharedBytes;
use cofit_ir::{
    ConstantData, Graph, Model, Op, Operator, OperatorId, Tensor, TensorId, TensorRole,
};
use cofit_vocab::diagnostic::tflite as code;
use cofit_vocab::{Code, Diagnostic, Diagnostics, ElementType, Place};
use cranelift_entity::{EntityRef, EntitySet};

use super::operators::fields::OptionError;
use super::operators::version::version;
use super::operators::{self, Builtin, WriteError};
use super::read::cut;
use super::schema;
use crate::flatbuffer::{Object, TableBuilder, TooLarge};

/// Writes a model as a TFLite file. Equal models give equal bytes.
///
/// [`read`](super::read()) gives the same model back ([`same_model`](super::same_model)), provided
/// that the model is well formed and the file gets the model's name.
///
/// # Errors
/// Everything in the model that the format cannot express, constants whose values are not known,
/// and models beyond 2 GiB.
pub fn write(model: &Model) -> Result<Vec<u8>, Diagnostics> {
    let mut writer = ModelWriter::default();
    // Buffer 0 is empty by convention and stands for "no data".
    writer.buffers.push(SharedBytes::new());
    let graphs: Vec<_> = model.graphs.values().map(|graph| writer.graph(graph)).collect();
    let metadata: Vec<_> =
        model.metadata.iter().map(|(name, data)| writer.metadata(name, data)).collect();
    if writer.diagnostics.has_errors() {
        return Err(writer.diagnostics);
    }

    use schema::model as field;
    let mut root = TableBuilder::new();
    root.scalar(field::VERSION, schema::VERSION, 0);
    root.object(field::OPERATOR_CODES, Object::Tables(writer.codes));
    root.object(field::SUBGRAPHS, Object::Tables(graphs));
    if !model.description.is_empty() {
        root.string(field::DESCRIPTION, &model.description);
    }
    root.object(field::BUFFERS, Object::Tables(writer.buffers.into_iter().map(buffer).collect()));
    if !metadata.is_empty() {
        root.object(field::METADATA, Object::Tables(metadata));
    }
    root.finish(schema::IDENTIFIER).map_err(|TooLarge| {
        Diagnostic::error(&code::WRITE_TOO_LARGE, TooLarge.to_string(), Place::default()).into()
    })
}

#[derive(Default)]
struct ModelWriter {
    diagnostics: Diagnostics,
    /// Operator codes, and the place of each by number, custom name and version.
    codes: Vec<TableBuilder>,
    code_places: BTreeMap<(i32, String, i32), u32>,
    /// Data, each once: constants of equal bytes share a buffer.
    buffers: Vec<SharedBytes>,
    /// The place of data by length and content.
    buffer_places: BTreeMap<(usize, SharedBytes), u32>,
    /// The same by address and length, which spares the comparison of bytes that are shared in
    /// memory already.
    known_places: BTreeMap<(usize, usize), u32>,
}

/// A `Buffer`.
fn buffer(data: SharedBytes) -> TableBuilder {
    let mut table = TableBuilder::new();
    if !data.is_empty() {
        let alignment = schema::BUFFER_ALIGNMENT;
        table.object(schema::buffer::DATA, Object::Bytes { data, alignment });
    }
    table
}

/// Ids as the format's signed 32-bit numbers. A graph beyond 2^31 tensors does not fit in memory.
fn numbers(ids: impl IntoIterator<Item = Option<TensorId>>) -> Object {
    Object::scalars(
        ids.into_iter().map(|id| id.and_then(|id| i32::try_from(id.index()).ok()).unwrap_or(-1)),
    )
}

impl ModelWriter {
    fn error(&mut self, code: &'static Code, message: String, place: Place) {
        self.diagnostics.push(Diagnostic::error(code, message, place));
    }

    fn graph(&mut self, graph: &Graph) -> TableBuilder {
        use schema::subgraph as field;

        let handles = handles(graph);
        let tensors =
            graph.tensors.iter().map(|(id, tensor)| self.tensor(id, tensor, &handles)).collect();
        let operators = graph.operators.keys().map(|id| self.operator(graph, id)).collect();
        let mut table = TableBuilder::new();
        table.object(field::TENSORS, Object::Tables(tensors));
        table.object(field::INPUTS, numbers(graph.inputs.iter().copied().map(Some)));
        table.object(field::OUTPUTS, numbers(graph.outputs.iter().copied().map(Some)));
        table.object(field::OPERATORS, Object::Tables(operators));
        if !graph.name.is_empty() {
            table.string(field::NAME, &graph.name);
        }
        table
    }

    fn tensor(
        &mut self,
        id: TensorId,
        tensor: &Tensor,
        handles: &EntitySet<TensorId>,
    ) -> TableBuilder {
        use schema::tensor as field;

        let shown = if tensor.name.is_empty() { id.to_string() } else { cut(&tensor.name) };
        let place = Place::tensor(shown);
        let element = match schema::tensor_type(tensor.element) {
            // Damaged files may have handles of other types, which stay what they are.
            Some(_) if handles.contains(id) && tensor.element == ElementType::Int32 => {
                schema::RESOURCE
            }
            Some(element) => element,
            None => {
                let message = format!("TFLite has no elements of type {}", tensor.element);
                self.error(&code::WRITE_UNSUPPORTED, message, place.clone());
                0
            }
        };
        let mut lengths = Vec::with_capacity(tensor.shape.rank());
        for &length in tensor.shape.dimensions() {
            match i32::try_from(length) {
                Ok(length) => lengths.push(length),
                Err(_) => {
                    let message = format!("an axis of length {length} exceeds 31 bits");
                    self.error(&code::WRITE_UNSUPPORTED, message, place.clone());
                }
            }
        }
        let mut table = TableBuilder::new();
        table.object(field::SHAPE, Object::scalars(lengths));
        table.scalar(field::TYPE, element, 0);
        match &tensor.role {
            TensorRole::Activation => {}
            TensorRole::Variable => table.scalar(field::IS_VARIABLE, true, false),
            TensorRole::Constant(ConstantData::Present(data)) => {
                table.scalar(field::BUFFER, self.place_data(data), 0);
            }
            TensorRole::Constant(ConstantData::Absent) => {
                let message = "the constant's values are not known".to_owned();
                self.error(&code::WRITE_ABSENT_WEIGHTS, message, place.clone());
            }
        }
        if !tensor.name.is_empty() {
            table.string(field::NAME, &tensor.name);
        }
        if let Some(quantisation) = &tensor.quantisation {
            table
                .object(field::QUANTIZATION, Object::Table(self.quantisation(quantisation, place)));
        }
        // A file without this mark says nothing about the rank of a tensor without axes.
        table.scalar(field::HAS_RANK, tensor.shape.rank() == 0, false);
        table
    }

    fn quantisation(
        &mut self,
        quantisation: &cofit_ir::Quantisation,
        place: Place,
    ) -> TableBuilder {
        use schema::quantization as field;

        let mut table = TableBuilder::new();
        let mut floats = |field, values: &[f32]| {
            if !values.is_empty() {
                table.object(field, Object::scalars(values.iter().copied()));
            }
        };
        floats(field::MIN, &quantisation.minimum);
        floats(field::MAX, &quantisation.maximum);
        floats(field::SCALE, &quantisation.scales);
        if !quantisation.zero_points.is_empty() {
            table.object(
                field::ZERO_POINT,
                Object::scalars(quantisation.zero_points.iter().copied()),
            );
        }
        match i32::try_from(quantisation.axis) {
            Ok(axis) => table.scalar(field::QUANTIZED_DIMENSION, axis, 0),
            Err(_) => {
                let message = format!("axis {} exceeds 31 bits", quantisation.axis);
                self.error(&code::WRITE_UNSUPPORTED, message, place);
            }
        }
        table
    }

    /// The number of the buffer that holds `data`.
    fn place_data(&mut self, data: &SharedBytes) -> u32 {
        let next = count(self.buffers.len());
        let Self { buffers, buffer_places, known_places, .. } = self;
        *known_places.entry((data.as_ptr().addr(), data.len())).or_insert_with(|| {
            *buffer_places.entry((data.len(), data.clone())).or_insert_with(|| {
                buffers.push(data.clone());
                next
            })
        })
    }

    fn metadata(&mut self, name: &str, data: &SharedBytes) -> TableBuilder {
        let mut table = TableBuilder::new();
        if !name.is_empty() {
            table.string(schema::metadata::NAME, name);
        }
        table.scalar(schema::metadata::BUFFER, self.place_data(data), 0);
        table
    }

    fn operator(&mut self, graph: &Graph, id: OperatorId) -> TableBuilder {
        use schema::operator as field;

        let operator = &graph.operators[id];
        let mut table = TableBuilder::new();
        let Some(built) = self.builtin(graph, id) else { return table };
        let custom = if let Op::Custom(custom) = &operator.op { Some(custom) } else { None };
        let version = version(graph, operator);
        let name = custom.map(|custom| custom.code.as_str());
        table.scalar(field::OPCODE_INDEX, self.code(built.code, name, version), 0);
        table.object(field::INPUTS, numbers(operator.inputs.iter().copied()));
        table.object(field::OUTPUTS, numbers(operator.outputs.iter().copied().map(Some)));
        if built.member != 0 {
            table.scalar(field::BUILTIN_OPTIONS_TYPE, built.member, 0);
            table.object(field::BUILTIN_OPTIONS, Object::Table(built.options));
        }
        if let Some(data) = custom.map(|custom| &custom.options).filter(|data| !data.is_empty()) {
            // FlexBuffers, the usual form of custom options, read their numbers in place.
            let object = Object::Bytes { data: data.clone(), alignment: schema::BUFFER_ALIGNMENT };
            table.object(field::CUSTOM_OPTIONS, object);
        }
        if !operator.intermediates.is_empty() {
            let intermediates = operator.intermediates.iter().copied().map(Some);
            table.object(field::INTERMEDIATES, numbers(intermediates));
        }
        table
    }

    /// The built-in operator for ours, or `None` after saying why there is none.
    fn builtin(&mut self, graph: &Graph, id: OperatorId) -> Option<Builtin> {
        let operator = &graph.operators[id];
        let reason = match operators::write(operator) {
            Ok(built) => return Some(built),
            Err(WriteError::NoCounterpart) => "has no counterpart in TFLite".to_owned(),
            Err(WriteError::Option(OptionError::Inexpressible { option })) => {
                format!("has an attribute that option `{option}` cannot hold")
            }
            Err(WriteError::Option(error)) => error.to_string(),
        };
        let place = Place::operator(cut(&graph.operator_name(id)));
        self.error(&code::WRITE_UNSUPPORTED, format!("`{}` {reason}", operator.kind()), place);
        None
    }

    /// The number of an operator code.
    fn code(&mut self, builtin: i32, custom: Option<&str>, version: i32) -> u32 {
        use schema::operator_code as field;

        let next = count(self.codes.len());
        let codes = &mut self.codes;
        let key = (builtin, custom.unwrap_or_default().to_owned(), version);
        *self.code_places.entry(key).or_insert_with(|| {
            let mut table = TableBuilder::new();
            let old = i8::try_from(builtin).unwrap_or(field::PLACEHOLDER);
            table.scalar(field::DEPRECATED_BUILTIN_CODE, old, 0);
            table.scalar(field::BUILTIN_CODE, builtin, 0);
            table.scalar(field::VERSION, version, 1);
            if let Some(custom) = custom {
                table.string(field::CUSTOM_CODE, custom);
            }
            codes.push(table);
            next
        })
    }
}

/// A length that memory holds, as the format's number.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The tensors that hold handles of variables.
fn handles(graph: &Graph) -> EntitySet<TensorId> {
    let handle = |operator: &Operator| {
        if matches!(operator.op, Op::VarHandle(_)) {
            operator.outputs.first().copied()
        } else if matches!(operator.op, Op::ReadVariable(_) | Op::AssignVariable(_)) {
            operator.input(0)
        } else {
            None
        }
    };
    let mut handles = EntitySet::with_capacity(graph.tensors.len());
    graph.operators.values().filter_map(handle).for_each(|id| {
        handles.insert(id);
    });
    handles
}
