//! Reading a FlatBuffer whose every offset may be a lie.
//!
//! Every access checks its bounds and answers with the byte offset at fault. Offsets may be shared,
//! so a small file can describe an exponentially large tree; a *budget* of bytes that a caller may
//! visit bounds the whole work, however the offsets are laid.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// What is wrong at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Something reaches beyond the end of the file.
    OutOfBounds,
    /// A vtable's lengths contradict each other or the table.
    BadVtable,
    /// A string is not UTF-8.
    NotUtf8,
    /// More was visited than an honest file of this size holds.
    Budget,
}

/// A breach of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Byte offset in the file.
    pub offset: usize,
    /// What is wrong there.
    pub kind: FaultKind,
}

impl Fault {
    const fn new(offset: usize, kind: FaultKind) -> Self {
        Self { offset, kind }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, kind } = self;
        match kind {
            FaultKind::OutOfBounds => write!(f, "byte {offset} points outside the file"),
            FaultKind::BadVtable => write!(f, "the table at byte {offset} has a broken vtable"),
            FaultKind::NotUtf8 => write!(f, "the string at byte {offset} is not UTF-8"),
            FaultKind::Budget => {
                write!(f, "byte {offset} belongs to more data than the file holds")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// A number that a field or a vector holds.
pub trait Scalar: Copy {
    /// Bytes in the file.
    const WIDTH: usize;

    /// The number in `bytes`, which has exactly [`Scalar::WIDTH`] of them.
    fn from_bytes(bytes: &[u8]) -> Self;

    /// Appends the number to `bytes`.
    fn append_to(self, bytes: &mut Vec<u8>);
}

macro_rules! scalars {
    ($($type:ty),*) => {
        $(impl Scalar for $type {
            const WIDTH: usize = size_of::<$type>();

            fn from_bytes(bytes: &[u8]) -> Self {
                let mut array = [0; size_of::<$type>()];
                array.copy_from_slice(bytes);
                Self::from_le_bytes(array)
            }

            fn append_to(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        })*
    };
}

scalars!(u8, i8, u16, i16, u32, i32, u64, i64, f32);

/// Any non-zero byte counts as true.
impl Scalar for bool {
    const WIDTH: usize = 1;

    fn from_bytes(bytes: &[u8]) -> Self {
        bytes != [0]
    }

    fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self));
    }
}

/// A file and what may still be visited of it.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    budget: Cell<u64>,
}

/// Charged for each table, beside the vectors and strings in it: about what a table becomes in
/// memory.
const TABLE_CHARGE: u64 = 256;

impl<'a> Reader<'a> {
    /// A reader over `bytes` that visits at most `budget` bytes, counting repeats.
    pub const fn new(bytes: &'a [u8], budget: u64) -> Self {
        Self { bytes, budget: Cell::new(budget) }
    }

    /// The four-byte identifier that follows the root offset.
    pub fn identifier(&self) -> Option<[u8; 4]> {
        self.bytes.get(4..8)?.try_into().ok()
    }

    /// The root table.
    ///
    /// # Errors
    /// A file too short for a root, or a root outside it.
    pub fn root(&'a self) -> Result<Table<'a>, Fault> {
        self.table_behind(0)
    }

    /// `length` bytes at `start`.
    ///
    /// # Errors
    /// [`FaultKind::OutOfBounds`].
    pub fn slice(&self, start: usize, length: usize) -> Result<&'a [u8], Fault> {
        start
            .checked_add(length)
            .and_then(|end| self.bytes.get(start..end))
            .ok_or(Fault::new(start, FaultKind::OutOfBounds))
    }

    fn scalar<T: Scalar>(&self, at: usize) -> Result<T, Fault> {
        self.slice(at, T::WIDTH).map(T::from_bytes)
    }

    /// Takes `bytes` off the budget for something at `at`.
    fn charge(&self, at: usize, bytes: u64) -> Result<(), Fault> {
        match self.budget.get().checked_sub(bytes) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => Err(Fault::new(at, FaultKind::Budget)),
        }
    }

    /// Where the reference at `at` points.
    fn follow(&self, at: usize) -> Result<usize, Fault> {
        let distance = self.scalar::<u32>(at)?;
        usize::try_from(distance)
            .ok()
            .and_then(|distance| at.checked_add(distance))
            .filter(|&target| target < self.bytes.len())
            .ok_or(Fault::new(at, FaultKind::OutOfBounds))
    }

    fn table_behind(&'a self, at: usize) -> Result<Table<'a>, Fault> {
        let position = self.follow(at)?;
        self.charge(at, TABLE_CHARGE)?;
        let distance = i64::from(self.scalar::<i32>(position)?);
        let out_of_bounds = Fault::new(position, FaultKind::OutOfBounds);
        let vtable = i64::try_from(position)
            .ok()
            .and_then(|position| position.checked_sub(distance))
            .and_then(|vtable| usize::try_from(vtable).ok())
            .ok_or(out_of_bounds)?;
        let broken = Fault::new(position, FaultKind::BadVtable);
        let vtable_length = usize::from(self.scalar::<u16>(vtable).map_err(|_| out_of_bounds)?);
        if vtable_length < 4 || !vtable_length.is_multiple_of(2) {
            return Err(broken);
        }
        let slots = self.slice(vtable, vtable_length).map_err(|_| broken)?;
        let length = usize::from(u16::from_bytes(&slots[2..4]));
        if length < 4 || self.slice(position, length).is_err() {
            return Err(broken);
        }
        Ok(Table { reader: self, position, slots: &slots[4..], length })
    }

    /// The bounds of the vector that the reference at `at` points to, with elements of `width`.
    fn vector_behind(&self, at: usize, width: usize) -> Result<Range<usize>, Fault> {
        let position = self.follow(at)?;
        let out_of_bounds = Fault::new(position, FaultKind::OutOfBounds);
        let count = usize::try_from(self.scalar::<u32>(position)?).map_err(|_| out_of_bounds)?;
        let start = position.checked_add(4).ok_or(out_of_bounds)?;
        let length = count.checked_mul(width).ok_or(out_of_bounds)?;
        self.slice(start, length).map_err(|_| out_of_bounds)?;
        Ok(start..start + length)
    }
}

/// A table. Fields are asked for by the number that the schema gives them, from 0.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    reader: &'a Reader<'a>,
    position: usize,
    slots: &'a [u8],
    length: usize,
}

impl<'a> Table<'a> {
    /// Its byte offset.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Where field `field` stands, if it is there, with room for `width` bytes.
    fn field(&self, field: u16, width: usize) -> Result<Option<usize>, Fault> {
        let slot = usize::from(field) * 2;
        let Some(offset) = self.slots.get(slot..slot + 2) else { return Ok(None) };
        match usize::from(u16::from_bytes(offset)) {
            0 => Ok(None),
            offset if offset < 4 || offset + width > self.length => {
                Err(Fault::new(self.position, FaultKind::BadVtable))
            }
            offset => Ok(Some(self.position + offset)),
        }
    }

    /// Whether field `field` is there.
    pub fn has(&self, field: u16) -> bool {
        matches!(self.field(field, 1), Ok(Some(_)))
    }

    /// A number, or `default` where it was left out.
    ///
    /// # Errors
    /// A field outside its table.
    pub fn scalar<T: Scalar>(&self, field: u16, default: T) -> Result<T, Fault> {
        match self.field(field, T::WIDTH)? {
            Some(at) => self.reader.scalar(at),
            None => Ok(default),
        }
    }

    /// A table within the table.
    ///
    /// # Errors
    /// A table outside the file or with a broken vtable.
    pub fn table(&self, field: u16) -> Result<Option<Table<'a>>, Fault> {
        self.field(field, 4)?.map(|at| self.reader.table_behind(at)).transpose()
    }

    /// Where the object stands that a field refers to.
    ///
    /// # Errors
    /// A reference out of the file.
    pub fn reference(&self, field: u16) -> Result<Option<usize>, Fault> {
        self.field(field, 4)?.map(|at| self.reader.follow(at)).transpose()
    }

    /// The references of a vector of tables: where each stands, and where it points. None where
    /// the vector was left out.
    ///
    /// # Errors
    /// A vector or a reference out of the file, or more data than the budget allows.
    pub fn references(&self, field: u16) -> Result<Vec<(usize, usize)>, Fault> {
        let Some(at) = self.field(field, 4)? else { return Ok(Vec::new()) };
        let range = self.reader.vector_behind(at, 4)?;
        self.reader.charge(range.start, range.len() as u64)?;
        let places = range.step_by(4);
        places.map(|at| self.reader.follow(at).map(|target| (at, target))).collect()
    }

    /// The numbers of the fields that are there, in order.
    pub fn present(&self) -> impl Iterator<Item = u16> {
        let slots = self.slots.chunks_exact(2).map(u16::from_bytes);
        (0u16..).zip(slots).filter(|&(_, offset)| offset != 0).map(|(field, _)| field)
    }

    /// A string.
    ///
    /// # Errors
    /// A string outside the file or not in UTF-8.
    pub fn string(&self, field: u16) -> Result<Option<&'a str>, Fault> {
        let Some(range) = self.bytes(field)? else { return Ok(None) };
        self.reader.charge(range.start, range.len() as u64)?;
        let bytes = self.reader.slice(range.start, range.len())?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Fault::new(range.start, FaultKind::NotUtf8)),
        }
    }

    /// The bounds in the file of a vector of bytes, which is not read and costs nothing.
    ///
    /// # Errors
    /// A vector outside the file.
    pub fn bytes(&self, field: u16) -> Result<Option<Range<usize>>, Fault> {
        self.field(field, 4)?.map(|at| self.reader.vector_behind(at, 1)).transpose()
    }

    /// A vector of numbers; `None` where it was left out.
    ///
    /// # Errors
    /// A vector outside the file, or more data than the budget allows.
    pub fn vector<T: Scalar>(&self, field: u16) -> Result<Option<Vector<'a, T>>, Fault> {
        let Some(at) = self.field(field, 4)? else { return Ok(None) };
        let range = self.reader.vector_behind(at, T::WIDTH)?;
        self.reader.charge(range.start, range.len() as u64)?;
        let bytes = self.reader.slice(range.start, range.len())?;
        Ok(Some(Vector { bytes, element: PhantomData }))
    }

    /// The tables of a vector of tables, each with its own fault; none where it was left out.
    ///
    /// # Errors
    /// A vector outside the file, or more data than the budget allows.
    pub fn tables(
        &self,
        field: u16,
    ) -> Result<impl ExactSizeIterator<Item = Result<Table<'a>, Fault>> + use<'a>, Fault> {
        let range = match self.field(field, 4)? {
            Some(at) => self.reader.vector_behind(at, 4)?,
            None => 0..0,
        };
        self.reader.charge(range.start, range.len() as u64)?;
        let reader = self.reader;
        let count = range.len() / 4;
        Ok((0..count).map(move |index| reader.table_behind(range.start + index * 4)))
    }
}

/// A vector of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Vector<'a, T> {
    bytes: &'a [u8],
    element: PhantomData<T>,
}

impl<'a, T: Scalar + 'a> Vector<'a, T> {
    /// Number of elements.
    pub const fn len(&self) -> usize {
        self.bytes.len() / T::WIDTH
    }

    /// Whether there are no elements.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The elements in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'a, T> {
        self.bytes.chunks_exact(T::WIDTH).map(T::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table at byte 12 with one 32-bit field, its vtable at byte 4.
    const SMALL: [u8; 20] = [12, 0, 0, 0, 6, 0, 8, 0, 4, 0, 0, 0, 8, 0, 0, 0, 42, 0, 0, 0];

    fn field(bytes: &[u8], budget: u64) -> Result<i32, Fault> {
        Reader::new(bytes, budget).root()?.scalar(0, -1)
    }

    fn fault(bytes: &[u8]) -> FaultKind {
        field(bytes, 1000).expect_err("the file is broken").kind
    }

    #[test]
    fn fields_are_found_and_absent_ones_have_their_default() {
        assert_eq!(field(&SMALL, 1000), Ok(42));
        let reader = Reader::new(&SMALL, 1000);
        let root = reader.root().expect("the file is sound");
        assert_eq!(root.scalar(7, -1), Ok(-1));
        assert_eq!((root.has(0), root.has(1)), (true, false));
    }

    #[test]
    fn every_offset_is_checked() {
        for length in 0..SMALL.len() {
            assert!(field(&SMALL[..length], 1000).is_err(), "{length} bytes are too few");
        }
        let with = |at: usize, value: u8| {
            let mut bytes = SMALL;
            bytes[at] = value;
            bytes
        };
        assert_eq!(fault(&with(0, 20)), FaultKind::OutOfBounds, "the root is beyond the end");
        assert_eq!(fault(&with(12, 0xff)), FaultKind::OutOfBounds, "the vtable is before the file");
        assert_eq!(fault(&with(4, 3)), FaultKind::BadVtable, "the vtable is too short");
        assert_eq!(fault(&with(6, 200)), FaultKind::BadVtable, "the table is longer than the file");
        assert_eq!(fault(&with(8, 6)), FaultKind::BadVtable, "the field leaves its table");
    }

    #[test]
    fn the_budget_ends_a_walk() {
        assert_eq!(field(&SMALL, TABLE_CHARGE), Ok(42));
        assert_eq!(
            field(&SMALL, TABLE_CHARGE - 1).expect_err("nothing may be visited").kind,
            FaultKind::Budget
        );
    }
}
