//! A memory plan for TensorFlow Lite for Microcontrollers, written into a copy of a file.
//!
//! TFLM looks for metadata called [`NAME`]: 32-bit numbers, which are a version, the number of
//! graphs, the number of tensors, and for every tensor its offset from the start of the arena's
//! head, or -1 for one that TFLM is to place itself. Source: tensorflow/tflite-micro,
//! `tensorflow/lite/micro/docs/memory_management.md`.
//!
//! The file itself stays what it is. A new root table and new lists of buffers and metadata are put
//! before it and refer into it; its own references are relative, so that its bytes do not change,
//! whatever they mean: options of custom operators, fields of newer schemas. Only where operators
//! run in another order, the references in their list change places.

use bytes::Bytes as SharedBytes;
use cofit_ir::Model;
use cofit_vocab::diagnostic::tflite as code;
use cofit_vocab::{Code, Diagnostic, Diagnostics, Place};

use super::read::budget;
use super::schema;
use crate::flatbuffer::{Fault, FaultKind, Object, Reader, Table, TableBuilder, TooLarge};

/// The name of the metadata.
pub const NAME: &str = "OfflineMemoryAllocation";

/// The version of the metadata's form, which TFLM does not look at.
const VERSION: u32 = 1;

/// How far a file is moved is a multiple of it, so that whatever was aligned in it stays so.
const SHIFT_ALIGNMENT: usize = 64;

/// Operators in an order and tensors at offsets.
#[derive(Clone, Copy, Debug)]
pub struct OfflinePlan<'a> {
    /// The file's operators by number, in the order to run them.
    pub order: &'a [usize],
    /// The offset of every tensor of the file; `None` for those that TFLM is to place itself.
    pub offsets: &'a [Option<u64>],
}

/// Whether a model's file carries a plan.
pub fn is_planned(model: &Model) -> bool {
    model.metadata.iter().any(|(name, _)| name == NAME)
}

/// A copy of a file with a plan. A plan that the file carries is replaced.
///
/// # Errors
/// A file that is no TFLite file, has several graphs, constants outside the file's tables, or parts
/// that cofit does not know in its root; a plan for another file; offsets beyond 31 bits.
pub fn write(file: &[u8], name: &str, plan: OfflinePlan<'_>) -> Result<Vec<u8>, Diagnostics> {
    let place = Place::default().with_file(name);
    let refuse = |code: &'static Code, message: &str| {
        Diagnostics::from(Diagnostic::error(code, message.to_owned(), place.clone()))
    };
    let reader = Reader::new(file, budget(file.len()));
    if reader.identifier() != Some(schema::IDENTIFIER) {
        return Err(refuse(&code::PLAN_NEEDS_TFLITE, "the model is no TFLite file"));
    }
    let broken = |fault: Fault| {
        let code = match fault.kind {
            FaultKind::OutOfBounds => &code::OUT_OF_BOUNDS,
            FaultKind::BadVtable => &code::BAD_TABLE,
            FaultKind::NotUtf8 => &code::NOT_UTF8,
            FaultKind::Budget => &code::TOO_MUCH_DATA,
        };
        refuse(code, &fault.to_string())
    };
    let root = reader.root().map_err(broken)?;
    let graphs: Vec<_> = root.tables(schema::model::SUBGRAPHS).map_err(broken)?.collect();
    let [graph] = graphs.as_slice() else {
        let message = format!(
            "the file has {} graphs, and TFLM reads the plan's offsets right for one only",
            graphs.len()
        );
        return Err(refuse(&code::PLAN_NOT_WRITTEN, &message));
    };
    let graph = (*graph).map_err(broken)?;
    let operators = graph.references(schema::subgraph::OPERATORS).map_err(broken)?;
    let tensors = graph.references(schema::subgraph::TENSORS).map_err(broken)?;
    if operators.len() != plan.order.len() || tensors.len() != plan.offsets.len() {
        return Err(refuse(&code::PLAN_NOT_WRITTEN, "the plan was made for another file"));
    }
    if has_data_outside(root, graph).map_err(broken)? {
        let message =
            "the file keeps constants or options behind its tables, where TFLM does not look";
        return Err(refuse(&code::PLAN_NOT_WRITTEN, message));
    }
    let body = reordered(file, &operators, plan.order)
        .ok_or_else(|| refuse(&code::PLAN_NOT_WRITTEN, "the operators cannot change places"))?;
    let data = offsets(plan.offsets)
        .ok_or_else(|| refuse(&code::PLAN_NOT_WRITTEN, "an offset exceeds 31 bits"))?;
    let built = new_root(root, data).map_err(broken)?;
    let Some(built) = built else {
        let message = "the file's root has parts that cofit does not know and could lose";
        return Err(refuse(&code::PLAN_NOT_WRITTEN, message));
    };
    built
        .finish_before(schema::IDENTIFIER, &body, SHIFT_ALIGNMENT)
        .map_err(|TooLarge| refuse(&code::WRITE_TOO_LARGE, &TooLarge.to_string()))
}

/// Whether anything is named by its distance from the start of the file, which moves.
fn has_data_outside(root: Table<'_>, graph: Table<'_>) -> Result<bool, Fault> {
    for buffer in root.tables(schema::model::BUFFERS)? {
        // Offsets 0 and 1 mean none.
        if buffer?.scalar(schema::buffer::OFFSET, 0u64)? > 1 {
            return Ok(true);
        }
    }
    for operator in graph.tables(schema::subgraph::OPERATORS)? {
        if operator?.scalar(schema::operator::LARGE_CUSTOM_OPTIONS_OFFSET, 0u64)? > 1 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The file with the references in its list of operators in another order. `None` where that is
/// not possible: an order that names an operator twice, or references that would point back.
fn reordered(file: &[u8], operators: &[(usize, usize)], order: &[usize]) -> Option<Vec<u8>> {
    let mut body = file.to_vec();
    let mut is_placed = vec![false; operators.len()];
    for (&(hole, _), &from) in operators.iter().zip(order) {
        let &(_, target) = operators.get(from)?;
        if std::mem::replace(&mut is_placed[from], true) {
            return None;
        }
        let distance = u32::try_from(target.checked_sub(hole)?).ok()?;
        body.get_mut(hole..hole.checked_add(4)?)?.copy_from_slice(&distance.to_le_bytes());
    }
    Some(body)
}

/// The metadata's content.
fn offsets(offsets: &[Option<u64>]) -> Option<SharedBytes> {
    let count = u32::try_from(offsets.len()).ok()?;
    let mut data: Vec<u8> = [VERSION, 1, count].into_iter().flat_map(u32::to_le_bytes).collect();
    for offset in offsets {
        let offset = match offset {
            Some(offset) => i32::try_from(*offset).ok()?,
            None => -1,
        };
        data.extend_from_slice(&offset.to_le_bytes());
    }
    Some(data.into())
}

/// The root of the copy, with one more buffer and one more piece of metadata; `None` where the old
/// one has fields that cofit does not know.
fn new_root(root: Table<'_>, data: SharedBytes) -> Result<Option<TableBuilder>, Fault> {
    use schema::model as field;

    let mut built = TableBuilder::new();
    let behind = |(_, target): (usize, usize)| Object::Behind(target);
    let mut buffers: Vec<Object> =
        root.references(field::BUFFERS)?.into_iter().map(behind).collect();
    let number = u32::try_from(buffers.len()).unwrap_or(u32::MAX);
    let mut buffer = TableBuilder::new();
    let alignment = schema::BUFFER_ALIGNMENT;
    buffer.object(schema::buffer::DATA, Object::Bytes { data, alignment });
    buffers.push(Object::Table(buffer));
    built.object(field::BUFFERS, Object::List(buffers));

    let mut metadata = Vec::new();
    let entries = root.tables(field::METADATA)?.collect::<Result<Vec<_>, _>>()?;
    for (entry, (_, target)) in entries.iter().zip(root.references(field::METADATA)?) {
        if entry.string(schema::metadata::NAME)? != Some(NAME) {
            metadata.push(Object::Behind(target));
        }
    }
    let mut plan = TableBuilder::new();
    plan.string(schema::metadata::NAME, NAME);
    plan.scalar(schema::metadata::BUFFER, number, 0);
    metadata.push(Object::Table(plan));
    built.object(field::METADATA, Object::List(metadata));

    for present in root.present() {
        match present {
            field::VERSION => built.scalar(present, root.scalar(present, 0u32)?, 0),
            field::BUFFERS | field::METADATA => {}
            field::OPERATOR_CODES
            | field::SUBGRAPHS
            | field::DESCRIPTION
            | field::METADATA_BUFFER
            | field::SIGNATURE_DEFS
            | field::EXTERNAL_BUFFER_GROUPS
            | field::EXTERNAL_BUFFERS => {
                if let Some(target) = root.reference(present)? {
                    built.object(present, Object::Behind(target));
                }
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(built))
}
