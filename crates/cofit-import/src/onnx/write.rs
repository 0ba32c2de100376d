//! Writing a model as an ONNX file.
//!
//! The file is in operator set 21. Maps have their channels before height and width there; a value is
//! turned by a `Transpose` only where an operator needs the model's own order, as a reshape across
//! channels does. Integers are written as pairs of `QuantizeLinear` and `DequantizeLinear` around
//! operators on floats, which is the form that runtimes fuse and that [`load`](super::load) reads.
//!
//! Source of the operators: `docs/Operators.md` of ONNX 1.18.

mod arrays;
mod operators;
mod values;

use cofit_ir::{Model, TensorId};
use cofit_vocab::diagnostic::onnx as codes;
use cofit_vocab::{Diagnostic, Diagnostics, Place};
use prost::Message as _;

use super::proto::{
    DimensionProto, GraphProto, ModelProto, OperatorSetIdProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto, data_type,
};
use values::Writer;

/// The operator set: the first with integers of 16 and of 4 bits between `QuantizeLinear` and
/// `DequantizeLinear`.
const OPERATOR_SET: i64 = 21;

/// The version of the format that came with [`OPERATOR_SET`] in ONNX 1.16.
const IR_VERSION: i64 = 10;

/// The largest file: messages of this encoding are at most 2 GiB.
const MOST_BYTES: usize = i32::MAX as usize;

/// Writes a model as an ONNX file. Equal models give equal bytes.
///
/// # Errors
/// Everything in the model that the format cannot express, constants whose values are not known, and
/// models beyond 2 GiB.
pub fn write(model: &Model) -> Result<Vec<u8>, Diagnostics> {
    let Some(graph) = model.main() else {
        let message = "a model without a graph";
        return Err(Diagnostic::error(&codes::WRITE_UNSUPPORTED, message, Place::default()).into());
    };
    let mut writer = Writer::new(graph);
    let inputs: Vec<ValueInfoProto> = graph.inputs.iter().map(|&id| writer.input(id)).collect();
    for (id, operator) in &graph.operators {
        if writer.operator(operator).is_none() {
            let message =
                format!("ONNX has no operator for `{}` as it stands here", operator.kind());
            let place = Place::default().with_operator(graph.operator_name(id));
            writer.diagnostics.push(Diagnostic::error(&codes::WRITE_UNSUPPORTED, message, place));
        }
    }
    let outputs: Vec<ValueInfoProto> = graph.outputs.iter().map(|&id| writer.output(id)).collect();
    if writer.diagnostics.has_errors() {
        return Err(writer.diagnostics);
    }
    let file = ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: "cofit".to_owned(),
        doc_string: model.description.clone(),
        graph: Some(GraphProto {
            node: writer.nodes,
            name: if model.name.is_empty() { "model".to_owned() } else { model.name.clone() },
            initializer: writer.initializers,
            input: inputs,
            output: outputs,
            sparse_initializer: Vec::new(),
        }),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATOR_SET }],
    };
    if file.encoded_len() > MOST_BYTES {
        let message = format!("the file would have {} bytes", file.encoded_len());
        return Err(Diagnostic::error(&codes::WRITE_TOO_LARGE, message, Place::default()).into());
    }
    Ok(file.encode_to_vec())
}

/// A value of the graph with its type.
fn information(name: String, elem_type: i32, lengths: &[u32]) -> ValueInfoProto {
    let dim = lengths
        .iter()
        .map(|&length| DimensionProto { dim_value: Some(i64::from(length)), dim_param: None })
        .collect();
    let tensor = TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name, r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

impl Writer<'_> {
    /// Declares an input: maps with channels first, integers as integers.
    fn input(&mut self, id: TensorId) -> ValueInfoProto {
        let tensor = &self.graph.tensors[id];
        let is_map = tensor.shape.rank() == 4;
        if is_map {
            self.first.insert(id);
        }
        let lengths = self.lengths(id);
        let elem_type = self.interface_type(id);
        let name = self.name(id);
        if tensor.quantisation.is_some() && elem_type != data_type::FLOAT {
            let outside = self.fresh(&name);
            self.dequantise(&outside, id, &name);
            return information(outside, elem_type, &lengths);
        }
        information(name, elem_type, &lengths)
    }

    /// Declares an output.
    fn output(&mut self, id: TensorId) -> ValueInfoProto {
        let lengths = self.lengths(id);
        let elem_type = self.interface_type(id);
        // A value that is also an input has no integers of its own.
        let name = self.stored.get(&id).cloned().unwrap_or_else(|| self.name(id));
        information(name, elem_type, &lengths)
    }

    /// The element type of an input or output.
    fn interface_type(&mut self, id: TensorId) -> i32 {
        let tensor = &self.graph.tensors[id];
        match arrays::element_type(tensor.element) {
            Some(found) => found,
            None => {
                let message =
                    format!("ONNX files of cofit have no values of type {}", tensor.element);
                self.diagnostics.push(Diagnostic::error(
                    &codes::WRITE_UNSUPPORTED,
                    message,
                    Place::tensor(tensor.name.clone()),
                ));
                data_type::FLOAT
            }
        }
    }
}
