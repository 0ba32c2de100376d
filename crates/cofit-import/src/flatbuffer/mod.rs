//! The FlatBuffers wire format: a bounds-checked reader and a forward builder.
//!
//! Both know tables, vectors, strings and unions and nothing of any schema. The format is that of
//! "FlatBuffers internals" (flatbuffers.dev): little-endian scalars; a table starts with a signed
//! 32-bit distance back to its vtable; a vtable is its own length, the table's length and one
//! 16-bit offset per field, 0 for an absent one; vectors and strings start with a 32-bit count;
//! references are unsigned 32-bit distances forward, which makes cycles impossible, though not
//! sharing.

pub mod builder;
pub mod reader;

pub use builder::{Object, TableBuilder, TooLarge};
pub use reader::{Fault, FaultKind, Reader, Scalar, Table, Vector};
