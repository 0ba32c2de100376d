//! Building a FlatBuffer, parents first.
//!
//! References point forward, so a file written from the front needs no reversal: a table is
//! written with holes, its children follow, and the holes are filled with the distances. Positions
//! are final, so alignment is that of the position itself. The layout depends on nothing but the
//! tree, so equal trees give equal bytes.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bytes::Bytes as SharedBytes;

use super::reader::Scalar;

/// Something that a field or an element refers to.
#[derive(Clone, Debug)]
pub enum Object {
    /// A table.
    Table(TableBuilder),
    /// A string; a zero byte follows it in the file.
    String(String),
    /// Bytes, and the alignment of their first.
    Bytes {
        /// The bytes.
        data: SharedBytes,
        /// A power of two, at least 4.
        alignment: usize,
    },
    /// Numbers, already little-endian.
    Scalars {
        /// The numbers' bytes.
        data: Vec<u8>,
        /// Bytes of one number.
        width: usize,
    },
    /// Tables.
    Tables(Vec<TableBuilder>),
    /// A vector of references.
    List(Vec<Object>),
    /// What stands at this position of the body that follows what is built
    /// ([`TableBuilder::finish_before`]).
    Behind(usize),
}

impl Object {
    /// A vector of numbers.
    pub fn scalars<T: Scalar>(values: impl IntoIterator<Item = T>) -> Self {
        let mut data = Vec::new();
        values.into_iter().for_each(|value| value.append_to(&mut data));
        Self::Scalars { data, width: T::WIDTH }
    }
}

#[derive(Clone, Debug)]
enum Field {
    Scalar { bytes: Vec<u8> },
    Object(Object),
}

/// The fields of a table to be written.
#[derive(Clone, Debug, Default)]
pub struct TableBuilder {
    fields: BTreeMap<u16, Field>,
}

impl TableBuilder {
    /// A table without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number, unless it is `default`, which a reader assumes anyway.
    pub fn scalar<T: Scalar + PartialEq>(&mut self, field: u16, value: T, default: T) {
        if value != default {
            let mut bytes = Vec::with_capacity(T::WIDTH);
            value.append_to(&mut bytes);
            self.fields.insert(field, Field::Scalar { bytes });
        }
    }

    /// Adds a reference.
    pub fn object(&mut self, field: u16, object: Object) {
        self.fields.insert(field, Field::Object(object));
    }

    /// Adds a string.
    pub fn string(&mut self, field: u16, text: &str) {
        self.object(field, Object::String(text.to_owned()));
    }

    /// The file whose root is this table.
    ///
    /// # Errors
    /// A file beyond 2 GiB, where references no longer reach.
    pub fn finish(self, identifier: [u8; 4]) -> Result<Vec<u8>, TooLarge> {
        self.finish_before(identifier, &[], 1)
    }

    /// The file whose root is this table, followed by `body`: another file or part of one, to which
    /// [`Object::Behind`] refers. References within the body are relative and stay what they are;
    /// it moves by a multiple of `alignment`.
    ///
    /// # Errors
    /// A file beyond 2 GiB, where references no longer reach.
    pub fn finish_before(
        self,
        identifier: [u8; 4],
        body: &[u8],
        alignment: usize,
    ) -> Result<Vec<u8>, TooLarge> {
        let mut writer = Writer::default();
        writer.file.extend_from_slice(&[0; 4]);
        writer.file.extend_from_slice(&identifier);
        writer.pending.push_back((0, Object::Table(self)));
        while let Some((hole, object)) = writer.pending.pop_front() {
            writer.place(hole, object)?;
        }
        writer.pad_to(alignment.max(1), 0);
        let start = writer.file.len();
        if start.checked_add(body.len()).is_none_or(|end| end > LIMIT) {
            return Err(TooLarge);
        }
        writer.file.extend_from_slice(body);
        for (hole, position) in std::mem::take(&mut writer.behind) {
            writer.refer_to(hole, start.checked_add(position).ok_or(TooLarge)?)?;
        }
        Ok(writer.file)
    }
}

/// A file that FlatBuffers cannot express: its references reach 2 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file would exceed the 2 GiB that FlatBuffers can address")
    }
}

impl std::error::Error for TooLarge {}

/// Largest file, after FlatBuffers' own limit of 2^31 - 1 bytes.
const LIMIT: usize = i32::MAX as usize;

#[derive(Default)]
struct Writer {
    file: Vec<u8>,
    /// Objects not yet written, with the hole that refers to each.
    pending: VecDeque<(usize, Object)>,
    /// Vtables written so far; tables of one layout share theirs.
    vtables: BTreeMap<Vec<u8>, usize>,
    /// Holes that refer to positions of the body.
    behind: Vec<(usize, usize)>,
}

impl Writer {
    /// Writes `object` and fills the hole that refers to it.
    fn place(&mut self, hole: usize, object: Object) -> Result<(), TooLarge> {
        match object {
            Object::Table(table) => self.table(hole, table),
            Object::String(text) => {
                self.vector(hole, text.len(), text.as_bytes(), 4)?;
                self.file.push(0);
                Ok(())
            }
            Object::Bytes { data, alignment } => self.vector(hole, data.len(), &data, alignment),
            Object::Scalars { data, width } => {
                self.vector(hole, data.len() / width.max(1), &data, width.max(4))
            }
            Object::Tables(tables) => {
                self.list(hole, tables.into_iter().map(Object::Table).collect())
            }
            Object::List(objects) => self.list(hole, objects),
            Object::Behind(position) => {
                self.behind.push((hole, position));
                Ok(())
            }
        }
    }

    /// Writes a vector of references, to be filled.
    fn list(&mut self, hole: usize, objects: Vec<Object>) -> Result<(), TooLarge> {
        let holes = vec![0; objects.len() * 4];
        self.vector(hole, objects.len(), &holes, 4)?;
        let start = self.file.len() - holes.len();
        for (index, object) in objects.into_iter().enumerate() {
            self.pending.push_back((start + index * 4, object));
        }
        Ok(())
    }

    /// Writes a count and `data`, whose first byte is aligned.
    fn vector(
        &mut self,
        hole: usize,
        count: usize,
        data: &[u8],
        alignment: usize,
    ) -> Result<(), TooLarge> {
        let end = (self.file.len() + alignment + 4).checked_add(data.len()).ok_or(TooLarge)?;
        if end > LIMIT {
            return Err(TooLarge);
        }
        let start = (self.file.len() + 4).next_multiple_of(alignment);
        self.file.resize(start - 4, 0);
        self.refer(hole)?;
        u32::try_from(count).map_err(|_| TooLarge)?.append_to(&mut self.file);
        self.file.extend_from_slice(data);
        Ok(())
    }

    /// Fills `hole` with the distance to the present end.
    fn refer(&mut self, hole: usize) -> Result<(), TooLarge> {
        self.refer_to(hole, self.file.len())
    }

    /// Fills `hole` with the distance to `target`, which is further on.
    fn refer_to(&mut self, hole: usize, target: usize) -> Result<(), TooLarge> {
        let distance = target.checked_sub(hole).and_then(|distance| u32::try_from(distance).ok());
        let distance = distance.ok_or(TooLarge)?;
        self.file[hole..hole + 4].copy_from_slice(&distance.to_le_bytes());
        Ok(())
    }

    fn table(&mut self, hole: usize, table: TableBuilder) -> Result<(), TooLarge> {
        // Wide fields first: the table starts with the 4-byte distance to its vtable, so an 8-byte
        // field needs the table at 4 modulo 8, and the rest falls into place without gaps.
        let width = |field: &Field| match field {
            Field::Scalar { bytes } => bytes.len(),
            Field::Object(_) => 4,
        };
        let mut order: Vec<(u16, Field)> = table.fields.into_iter().collect();
        order.sort_by_key(|(id, field)| (std::cmp::Reverse(width(field)), *id));

        let slots = order.iter().map(|(id, _)| usize::from(*id) + 1).max().unwrap_or(0);
        let mut vtable = vec![0; 4 + slots * 2];
        let mut length = 4usize;
        for (id, field) in &order {
            let slot = 4 + usize::from(*id) * 2;
            let offset = u16::try_from(length).map_err(|_| TooLarge)?;
            vtable[slot..slot + 2].copy_from_slice(&offset.to_le_bytes());
            length += width(field);
        }
        let vtable_length = u16::try_from(vtable.len()).map_err(|_| TooLarge)?;
        vtable[..2].copy_from_slice(&vtable_length.to_le_bytes());
        let table_length = u16::try_from(length).map_err(|_| TooLarge)?;
        vtable[2..4].copy_from_slice(&table_length.to_le_bytes());

        if self.file.len() + vtable.len() + length + 16 > LIMIT {
            return Err(TooLarge);
        }
        let vtable_at = match self.vtables.get(&vtable) {
            Some(&at) => at,
            None => {
                self.pad_to(2, 0);
                let at = self.file.len();
                self.file.extend_from_slice(&vtable);
                self.vtables.insert(vtable, at);
                at
            }
        };
        if order.first().is_some_and(|(_, field)| width(field) == 8) {
            self.pad_to(8, 4);
        } else {
            self.pad_to(4, 0);
        }
        let position = self.file.len();
        self.refer(hole)?;
        let distance = i32::try_from(position - vtable_at).map_err(|_| TooLarge)?;
        distance.append_to(&mut self.file);
        for (_, field) in order {
            match field {
                Field::Scalar { bytes } => self.file.extend_from_slice(&bytes),
                Field::Object(object) => {
                    self.pending.push_back((self.file.len(), object));
                    self.file.extend_from_slice(&[0; 4]);
                }
            }
        }
        Ok(())
    }

    /// Pads until the position is `remainder` modulo `alignment`.
    fn pad_to(&mut self, alignment: usize, remainder: usize) {
        while self.file.len() % alignment != remainder {
            self.file.push(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flatbuffer::Reader;

    #[test]
    fn what_is_built_reads_back() {
        let mut child = TableBuilder::new();
        child.string(0, "naïve");
        let mut root = TableBuilder::new();
        root.scalar(0, 7u8, 0);
        root.scalar(1, -5i64, 0);
        root.scalar(2, 1.5f32, 0.0);
        root.scalar(3, 9i32, 9);
        root.object(4, Object::scalars([1i64, -2]));
        root.object(5, Object::Tables(vec![child.clone(), child]));
        root.object(6, Object::Bytes { data: SharedBytes::from_static(&[1, 2, 3]), alignment: 16 });
        let file = root.finish(*b"TEST").expect("the file is small");

        let reader = Reader::new(&file, 10_000);
        assert_eq!(reader.identifier(), Some(*b"TEST"));
        let root = reader.root().expect("the root is there");
        assert_eq!(root.scalar(0, 0u8), Ok(7));
        assert_eq!(root.scalar(1, 0i64), Ok(-5));
        assert_eq!(root.scalar(2, 0f32), Ok(1.5));
        assert!(!root.has(3), "a default is left out");
        let numbers = root.vector::<i64>(4).expect("in bounds").expect("present");
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [1, -2]);
        let names: Vec<_> = root
            .tables(5)
            .expect("in bounds")
            .map(|table| table.and_then(|table| table.string(0)))
            .collect();
        assert_eq!(names, [Ok(Some("naïve")), Ok(Some("naïve"))]);
        let range = root.bytes(6).expect("in bounds").expect("present");
        assert_eq!((range.start % 16, &file[range]), (0, &[1u8, 2, 3][..]));
    }
}
