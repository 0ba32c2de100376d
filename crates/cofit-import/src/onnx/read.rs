//! From a file's bytes to a model: decoding, constants, nodes one after another.

use std::collections::HashMap;

use bytes::Bytes as SharedBytes;
use cofit_ir::{Model, Source};
use cofit_vocab::diagnostic::onnx as code;
use cofit_vocab::{Diagnostic, Diagnostics, Place};
use prost::Message;
use sha2::{Digest, Sha256};

use super::importer::{Importer, Value};
use super::node::Node;
use super::proto::{GraphProto, ModelProto};
use super::refusal::Refusal;
use super::{External, OnnxOptions, constant, fold, interface, operators, quantised, wire};

/// Versions of the standard operator set that are known.
const VERSIONS: std::ops::RangeInclusive<i64> = 7..=21;

/// The longest name that a message repeats.
const LONGEST_NAME: usize = 200;

/// The most messages that a file of `length` bytes may hold. Exporters write nodes of more than
/// forty bytes and attributes of more than ten.
pub(crate) const fn most_messages(length: usize) -> u64 {
    200_000 + length as u64 / 16
}

/// The bytes that constants of a file of `length` bytes may be copied to: every weight several times,
/// and what a small file may state with `ConstantOfShape`.
const fn budget(length: usize) -> u64 {
    (length as u64).saturating_mul(16).saturating_add(256 << 20)
}

/// A name in the length that a message has room for.
pub(crate) fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}

/// The axes that a file leaves open; see [`super::open_axes`].
pub(crate) fn open_axes(bytes: SharedBytes) -> Vec<super::OpenAxis> {
    let most = most_messages(bytes.len());
    let is_bounded = wire::messages(&bytes, most).is_some_and(|found| found.messages <= most);
    let proto = is_bounded.then(|| ModelProto::decode(bytes).ok()).flatten();
    let graph = proto.and_then(|proto| proto.graph);
    graph.as_ref().map(interface::open_axes).unwrap_or_default()
}

/// Reads a file; see [`super::load`].
pub(crate) fn load(
    bytes: SharedBytes,
    file: &str,
    options: &OnnxOptions,
    external: &External<'_>,
) -> (Option<Model>, Diagnostics) {
    let place = Place::default().with_file(file);
    let refuse = |rule, message: &str| {
        (None, Diagnostics::from(Diagnostic::error(rule, message, place.clone())))
    };
    let most = most_messages(bytes.len());
    match wire::messages(&bytes, most) {
        None => return refuse(&code::NOT_ONNX, "the file does not decode as a protobuf message"),
        Some(summary) if summary.messages > most => {
            return refuse(
                &code::TOO_MUCH_DATA,
                "the file holds more messages than its size warrants",
            );
        }
        Some(summary) if !summary.has_graph => {
            return refuse(&code::NOT_ONNX, "the file holds no graph");
        }
        Some(_) => {}
    }
    let proto = match ModelProto::decode(bytes.clone()) {
        Ok(proto) => proto,
        Err(error) => {
            let error = error.to_string();
            return refuse(&code::NOT_ONNX, &format!("the file does not decode: {}", cut(&error)));
        }
    };
    let mut reader = Reader {
        file: place,
        diagnostics: Diagnostics::new(),
        importer: Importer::new("", budget(bytes.len())),
    };
    let version = reader.version(&proto);
    let (Some(version), Some(graph)) = (version, &proto.graph) else {
        return (None, reader.diagnostics);
    };
    reader.graph(graph, version, options, external);
    let Reader { mut diagnostics, importer, .. } = reader;
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    let digest = Sha256::digest(&bytes);
    let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut finished = importer.finish();
    finished.name.clone_from(&graph.name);
    let model = Model {
        description: proto.doc_string.clone(),
        source: Source { file: file.to_owned(), sha256 },
        ..Model::of("", finished)
    };
    diagnostics.extend(cofit_ir::verify::verify(&model).into_vec());
    let is_sound = !diagnostics.has_errors();
    (is_sound.then_some(model), diagnostics)
}

struct Reader {
    file: Place,
    diagnostics: Diagnostics,
    importer: Importer,
}

impl Reader {
    /// The version of the standard operator set, where it is one that can be read.
    fn version(&mut self, proto: &ModelProto) -> Option<i64> {
        let is_standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
        let mut sets = proto.opset_import.iter().filter(|set| is_standard(&set.domain));
        let version = match sets.next() {
            Some(set) => set.version,
            // A file that uses other sets only.
            None if !proto.opset_import.is_empty() => *VERSIONS.end(),
            None => {
                let message = "the file states no version of an operator set";
                let place = self.file.clone();
                self.diagnostics.push(Diagnostic::error(&code::NOT_ONNX, message, place));
                return None;
            }
        };
        let message = format!("the operator set's version is {version}");
        let place = self.file.clone();
        if version < *VERSIONS.start() {
            self.diagnostics.push(Diagnostic::error(&code::OPERATOR_SET, message, place));
            return None;
        }
        if version > *VERSIONS.end() {
            self.diagnostics.push(Diagnostic::warning(&code::OPERATOR_SET, message, place));
        }
        Some(version)
    }

    fn graph(
        &mut self,
        graph: &GraphProto,
        version: i64,
        options: &OnnxOptions,
        external: &External<'_>,
    ) {
        let reads = graph.node.iter().flat_map(|node| &node.input);
        for name in reads.chain(graph.output.iter().map(|output| &output.name)) {
            *self.importer.uses.entry(name.clone()).or_default() += 1;
        }
        self.initialisers(graph, external);
        let readers = readers(graph);
        interface::inputs(
            &mut self.importer,
            graph,
            &readers,
            options,
            &self.file,
            &mut self.diagnostics,
        );
        for (index, proto) in graph.node.iter().enumerate() {
            let node = Node { proto, index, version };
            if let Err(refusal) = self.node(&node, graph, &readers, external) {
                self.refuse(&node, refusal);
                for name in proto.output.iter().filter(|name| !name.is_empty()) {
                    self.importer.bind(name, Value::Refused);
                }
            }
        }
        self.remarks();
        interface::outputs(&mut self.importer, graph, &self.file, &mut self.diagnostics);
    }

    /// Constants of the file.
    fn initialisers(&mut self, graph: &GraphProto, external: &External<'_>) {
        let mut absent: Option<(String, usize)> = None;
        let mut converted: Option<(&str, &str, usize)> = None;
        for tensor in &graph.initializer {
            match constant::decode(tensor, external) {
                Ok(decoded) => {
                    if decoded.constant.data.is_none() {
                        let (_, count) = absent.get_or_insert_with(|| (location(tensor), 0));
                        *count += 1;
                    }
                    if let Some(from) = decoded.converted_from {
                        converted.get_or_insert((from, &tensor.name, 0)).2 += 1;
                    }
                    let constant = self.importer.adopt(decoded.constant);
                    self.importer.bind(&tensor.name, Value::Constant(constant));
                }
                Err(refusal) => {
                    let place = self.file.clone().with_tensor(cut(&tensor.name));
                    self.push(refusal, place);
                    self.importer.bind(&tensor.name, Value::Refused);
                }
            }
        }
        for sparse in &graph.sparse_initializer {
            let name = sparse.values.as_ref().map_or("", |values| &values.name);
            let refusal = Refusal::form("a constant is stored sparsely")
                .with_help("Store the constant densely, zeros included.");
            self.push(refusal, self.file.clone().with_tensor(cut(name)));
            self.importer.bind(name, Value::Refused);
        }
        if let Some((location, count)) = absent {
            let message =
                format!("{count} constants are in `{}`, which was not found", cut(&location));
            let place = self.file.clone();
            self.diagnostics.push(Diagnostic::warning(&code::EXTERNAL_DATA_ABSENT, message, place));
        }
        if let Some((from, name, count)) = converted {
            let message = format!("{count} constants of type {from} were converted to float32");
            let place = self.file.clone().with_tensor(cut(name));
            self.diagnostics.push(Diagnostic::note(&code::CONVERTED_WEIGHTS, message, place));
        }
    }

    /// Says which weights were quantised anew.
    fn remarks(&mut self) {
        let Some(first) = self.importer.remarks.first() else { return };
        let count = self.importer.remarks.len();
        let message = format!("{count} constants with a zero point were quantised anew");
        let place = self.file.clone().with_tensor(cut(first));
        self.diagnostics.push(Diagnostic::warning(&code::SYMMETRIC_WEIGHTS, message, place));
    }

    fn node(
        &mut self,
        node: &Node<'_>,
        graph: &GraphProto,
        readers: &HashMap<&str, Vec<usize>>,
        external: &External<'_>,
    ) -> Result<(), Refusal> {
        self.importer.begin(node);
        for name in node.proto.input.iter().filter(|name| !name.is_empty()) {
            match self.importer.value(name) {
                Some(Value::Refused) => {
                    for name in node.proto.output.iter().filter(|name| !name.is_empty()) {
                        self.importer.bind(name, Value::Refused);
                    }
                    return Ok(());
                }
                Some(Value::Constant(_) | Value::Activation(_)) => {}
                None => {
                    let message = format!("nothing before defines `{}`", cut(name));
                    return Err(Refusal::new(&code::UNKNOWN_VALUE, message));
                }
            }
        }
        for name in node.proto.output.iter().filter(|name| !name.is_empty()) {
            if self.importer.value(name).is_some() {
                return Err(Refusal::node(format!("`{}` is defined twice", cut(name))));
            }
        }
        if fold::node(&mut self.importer, node, external)? {
            return Ok(());
        }
        self.importer.target = quantised::target(&self.importer, node, graph, readers);
        let is_integer = self.importer.target.is_some();
        let made = operators::import(&mut self.importer, node);
        if made.is_err() && is_integer {
            // No integer form after all: the operator on reals, between the two conversions that
            // the file states.
            self.importer.target = None;
            return operators::import(&mut self.importer, node);
        }
        made
    }

    fn refuse(&mut self, node: &Node<'_>, refusal: Refusal) {
        let operator = match node.name() {
            "" => format!("{} #{}", cut(node.kind()), node.index),
            name => format!("{} {}", cut(node.kind()), cut(name)),
        };
        self.push(refusal, self.file.clone().with_operator(operator));
    }

    fn push(&mut self, refusal: Refusal, place: Place) {
        if self.diagnostics.len() >= Diagnostics::LIMIT {
            let counted = Diagnostic::error(refusal.code, "", Place::default());
            return self.diagnostics.push(counted);
        }
        let mut message = refusal.message;
        message.truncate(message.floor_char_boundary(600));
        let diagnostic = Diagnostic::error(refusal.code, message, place);
        self.diagnostics.push(match refusal.help {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        });
    }
}

/// The nodes that read each name, by their places.
fn readers(graph: &GraphProto) -> HashMap<&str, Vec<usize>> {
    let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for name in &node.input {
            let readers = readers.entry(name.as_str()).or_default();
            if readers.last() != Some(&index) {
                readers.push(index);
            }
        }
    }
    readers
}

/// The file that a constant is kept in.
fn location(tensor: &super::proto::TensorProto) -> String {
    let entry = tensor.external_data.iter().find(|entry| entry.key == "location");
    entry.map(|entry| entry.value.clone()).unwrap_or_default()
}
