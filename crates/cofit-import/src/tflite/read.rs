//! Reading: the file, its lists of operator codes and buffers, its metadata.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes as SharedBytes;
use cofit_ir::{Graph, Model, Source};
use cofit_vocab::diagnostic::tflite as code;
use cofit_vocab::{Code, Diagnostic, Diagnostics, Place};
use cranelift_entity::PrimaryMap;
use sha2::{Digest, Sha256};

use super::schema;
use crate::flatbuffer::{Fault, FaultKind, Reader, Table};

/// Bytes that may be visited for each byte of the file. Exporters share little, so honest files
/// stay below 2; the rest is room for small files made of many tables.
const VISITS_PER_BYTE: u64 = 16;
/// Bytes that may be visited in any file.
const VISITS: u64 = 4 << 20;
/// Bytes that may be visited in the largest file.
const MOST_VISITS: u64 = 512 << 20;

/// Longest name, in bytes. Converters that fuse operators join their names to some kilobytes; the
/// bound keeps hostile names out of messages.
pub(super) const LONGEST_NAME: usize = 1 << 16;

/// What may be visited of a file of `length` bytes.
pub(super) fn budget(length: usize) -> u64 {
    (length as u64).saturating_mul(VISITS_PER_BYTE).saturating_add(VISITS).min(MOST_VISITS)
}

/// Reads a TFLite file. `file` is its name as the user gave it.
///
/// The model is there unless a message is an error. All messages are collected; after one about a
/// part, reading goes on with the next part.
pub fn read(bytes: SharedBytes, file: &str) -> (Option<Model>, Diagnostics) {
    let reader = Reader::new(&bytes, budget(bytes.len()));
    let mut reading = FileReading {
        file,
        bytes: &bytes,
        diagnostics: Diagnostics::new(),
        codes: Vec::new(),
        buffers: Vec::new(),
        exhausted: false,
    };
    let model = reading.model(&reader);
    let mut diagnostics = reading.diagnostics;
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    if let Some(model) = &model {
        diagnostics.extend(cofit_ir::verify::verify(model).into_vec());
    }
    let sound = !diagnostics.has_errors();
    (model.filter(|_| sound), diagnostics)
}

/// An entry of the file's list of operator codes.
#[derive(Clone, Debug)]
pub(super) struct OperatorCode<'a> {
    /// `BuiltinOperator`.
    pub(super) builtin: i32,
    /// The name of a custom operator.
    pub(super) custom: Option<&'a str>,
}

impl OperatorCode<'_> {
    /// The name for messages.
    pub(super) fn name(&self) -> String {
        match self.custom {
            Some(name) if self.builtin == super::operators::CUSTOM => {
                format!("CUSTOM {}", cut(name))
            }
            _ => schema::builtin_operator_name(self.builtin),
        }
    }
}

/// A file being read.
pub(super) struct FileReading<'a> {
    file: &'a str,
    bytes: &'a SharedBytes,
    pub(super) diagnostics: Diagnostics,
    /// Operator codes; `None` where an entry is broken, which has been said.
    pub(super) codes: Vec<Option<OperatorCode<'a>>>,
    /// The bounds of each buffer's data; `None` where it is broken, which has been said.
    pub(super) buffers: Vec<Option<Range<usize>>>,
    /// Whether the budget is spent, which is said once. Nothing further can be read then.
    pub(super) exhausted: bool,
}

impl<'a> FileReading<'a> {
    /// The file as a place.
    pub(super) fn place(&self) -> Place {
        Place::default().with_file(self.file)
    }

    /// Says that something is wrong.
    pub(super) fn error(&mut self, code: &'static Code, message: impl Into<String>, place: Place) {
        self.diagnostics.push(Diagnostic::error(code, message, place));
    }

    /// Says that the format is broken, within `what`.
    pub(super) fn fault(&mut self, fault: Fault, what: &str, place: Place) {
        if fault.kind == FaultKind::Budget && std::mem::replace(&mut self.exhausted, true) {
            return;
        }
        let code = match fault.kind {
            FaultKind::OutOfBounds => &code::OUT_OF_BOUNDS,
            FaultKind::BadVtable => &code::BAD_TABLE,
            FaultKind::NotUtf8 => &code::NOT_UTF8,
            FaultKind::Budget => &code::TOO_MUCH_DATA,
        };
        let end = fault.offset.saturating_add(1);
        self.error(code, format!("{what}: {fault}"), place.with_span(fault.offset, end));
    }

    /// The value, or `None` after saying what is wrong with it.
    pub(super) fn said<T>(
        &mut self,
        value: Result<T, Fault>,
        what: &str,
        place: Place,
    ) -> Option<T> {
        value.map_err(|fault| self.fault(fault, what, place)).ok()
    }

    /// A string field of at most [`LONGEST_NAME`] bytes; empty where absent or broken.
    pub(super) fn name(&mut self, table: Table<'a>, field: u16, what: &str) -> &'a str {
        let name = self.said(table.string(field), what, self.place()).flatten().unwrap_or_default();
        if name.len() > LONGEST_NAME {
            let place = self.place().with_span(table.position(), table.position() + 1);
            let message = format!("{what} has {} bytes", name.len());
            self.error(&code::NAME_TOO_LONG, message, place);
            return "";
        }
        name
    }

    /// A window into the file.
    pub(super) fn window(&self, range: Range<usize>) -> SharedBytes {
        self.bytes.slice(range)
    }

    /// Bytes that stand outside the tables, in files beyond 2 GiB: `None` where `offset` says that
    /// they do not, a fault where they leave the file.
    ///
    /// Offsets 0 and 1 mean "none"; the latter is a converter's placeholder
    /// (tensorflow/lite/core/interpreter_builder.cc).
    pub(super) fn outside(
        &self,
        table: Table<'_>,
        [offset, size]: [u16; 2],
    ) -> Result<Option<Range<usize>>, Fault> {
        let offset = table.scalar(offset, 0u64)?;
        let size = table.scalar(size, 0u64)?;
        if offset <= 1 || size == 0 {
            return Ok(None);
        }
        let fault = Fault { offset: table.position(), kind: FaultKind::OutOfBounds };
        let start = usize::try_from(offset).map_err(|_| fault)?;
        let end = offset.checked_add(size).and_then(|end| usize::try_from(end).ok());
        match end {
            Some(end) if end <= self.bytes.len() => Ok(Some(start..end)),
            _ => Err(fault),
        }
    }

    fn model(&mut self, reader: &'a Reader<'a>) -> Option<Model> {
        if reader.identifier() != Some(schema::IDENTIFIER) {
            let end = self.bytes.len().min(8);
            let message = "the letters TFL3 do not stand at byte 4";
            self.error(&code::NOT_TFLITE, message, self.place().with_span(end.min(4), end));
            return None;
        }
        let root = self.said(reader.root(), "the root table", self.place())?;
        let version =
            self.said(root.scalar(schema::model::VERSION, 0u32), "version", self.place())?;
        if version != schema::VERSION {
            let message = format!("the file is of schema version {version}, and 3 is read");
            self.error(&code::UNSUPPORTED_VERSION, message, self.place());
            return None;
        }
        self.read_codes(root);
        self.read_buffers(root);

        let graphs = self.read_graphs(root);
        let metadata = self.read_metadata(root);
        if let Ok(signatures) = root.tables(schema::model::SIGNATURE_DEFS)
            && signatures.len() > 0
        {
            let message = format!("{} signatures are not kept", signatures.len());
            self.diagnostics.push(Diagnostic::note(&code::DROPPED, message, self.place()));
        }
        let description = self.name(root, schema::model::DESCRIPTION, "the description");
        if self.diagnostics.has_errors() {
            return None;
        }
        let stem = Path::new(self.file).file_stem().map(|stem| stem.to_string_lossy());
        Some(Model {
            name: stem.unwrap_or_default().into_owned(),
            description: description.to_owned(),
            source: Source { file: self.file.to_owned(), sha256: sha256(self.bytes) },
            graphs,
            metadata,
        })
    }

    fn read_codes(&mut self, root: Table<'a>) {
        let tables = root.tables(schema::model::OPERATOR_CODES);
        let Some(tables) = self.said(tables, "the operator codes", self.place()) else { return };
        for (index, table) in tables.enumerate() {
            if self.exhausted {
                break;
            }
            let entry = table.and_then(|table| {
                use schema::operator_code as field;
                // Files from before codes outgrew a byte have only the first field, and later ones
                // have both; the larger one is meant (tensorflow/lite/schema/schema_utils.cc).
                let old = table.scalar(field::DEPRECATED_BUILTIN_CODE, 0i8)?;
                let new = table.scalar(field::BUILTIN_CODE, 0i32)?;
                let custom = table.string(field::CUSTOM_CODE)?;
                Ok(OperatorCode { builtin: new.max(i32::from(old)), custom })
            });
            let what = format!("operator code {index}");
            let place = self.place();
            let mut entry = self.said(entry, &what, place);
            if let Some(name) = entry.as_ref().and_then(|code| code.custom)
                && name.len() > LONGEST_NAME
            {
                let message = format!("{what} has a name of {} bytes", name.len());
                self.error(&code::NAME_TOO_LONG, message, self.place());
                entry = None;
            }
            self.codes.push(entry);
        }
    }

    fn read_buffers(&mut self, root: Table<'a>) {
        let tables = root.tables(schema::model::BUFFERS);
        let Some(tables) = self.said(tables, "the buffers", self.place()) else { return };
        for (index, table) in tables.enumerate() {
            if self.exhausted {
                break;
            }
            let range = table.and_then(|table| {
                use schema::buffer as field;
                match table.bytes(field::DATA)? {
                    Some(range) if !range.is_empty() => Ok(range),
                    _ => Ok(self.outside(table, [field::OFFSET, field::SIZE])?.unwrap_or(0..0)),
                }
            });
            let range = self.said(range, &format!("buffer {index}"), self.place());
            self.buffers.push(range);
        }
    }

    fn read_graphs(&mut self, root: Table<'a>) -> PrimaryMap<cofit_ir::GraphId, Graph> {
        let mut graphs = PrimaryMap::new();
        let tables = root.tables(schema::model::SUBGRAPHS);
        let Some(tables) = self.said(tables, "the graphs", self.place()) else { return graphs };
        if tables.len() == 0 {
            self.error(&code::NO_SUBGRAPH, "the file holds no graph", self.place());
        }
        for (index, table) in tables.enumerate() {
            if self.exhausted {
                break;
            }
            let table = self.said(table, &format!("graph {index}"), self.place());
            graphs.push(table.map_or_else(Graph::default, |table| self.graph(table, index)));
        }
        graphs
    }

    fn read_metadata(&mut self, root: Table<'a>) -> Vec<(String, SharedBytes)> {
        let mut metadata = Vec::new();
        let tables = root.tables(schema::model::METADATA);
        let Some(tables) = self.said(tables, "the metadata", self.place()) else {
            return metadata;
        };
        for (index, table) in tables.enumerate() {
            if self.exhausted {
                break;
            }
            let what = format!("metadata {index}");
            let Some(table) = self.said(table, &what, self.place()) else { continue };
            let name = self.name(table, schema::metadata::NAME, &what);
            let buffer = table.scalar(schema::metadata::BUFFER, 0u32);
            let Some(buffer) = self.said(buffer, &what, self.place()) else { continue };
            match usize::try_from(buffer).ok().and_then(|buffer| self.buffers.get(buffer)) {
                Some(Some(range)) => metadata.push((name.to_owned(), self.window(range.clone()))),
                Some(None) => {}
                None => {
                    let message = format!("{what} names buffer {buffer}, which is not there");
                    self.error(&code::BAD_INDEX, message, self.place());
                }
            }
        }
        metadata
    }
}

/// A name, cut to what a message can take.
pub(super) fn cut(name: &str) -> String {
    const SHOWN: usize = 200;
    if name.len() <= SHOWN {
        return name.to_owned();
    }
    format!("{}...", &name[..name.floor_char_boundary(SHOWN)])
}

/// SHA-256 in lower-case hexadecimal.
fn sha256(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(bytes);
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}
