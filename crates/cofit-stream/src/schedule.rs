//! The schedule: which pieces of which stages run when, and where every byte lies.
//!
//! The stages of a network are cut into consecutive [`Group`]s. Within a group, pieces of the last
//! stage are asked for one after the other, and every stage before it computes what the next piece
//! needs and is not there yet. A value that is written and read in one group only lives in a ring that
//! holds no more than the pixels still needed; every other value has room for all its pixels.
//!
//! A group may be run in several *strips* of columns. Rings are narrower then, and columns at the
//! borders of strips are computed twice.
//!
//! A group may also run by channels: each stage runs over its whole map for some channels before the
//! next ones follow ([`crate::channels`]).
//!
//! # Addresses
//! Pixels of a value are numbered row by row. Byte `b` of that sequence lies at
//! `(start + b mod capacity) mod arena`; a value with room for all its pixels has a capacity of its
//! size. In a group of several strips the columns of a ring are those that the strip computes.

use std::ops::Range;

use cofit_vocab::Bytes;
use cranelift_entity::{EntityRef, SecondaryMap};

use crate::network::{Network, StageId, ValueId};

/// Where the bytes of a value lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// Nobody needs it.
    #[default]
    Nowhere,
    /// Outside the arena, for as long as the inference takes: an input that somebody else holds, or an
    /// output that somebody else has room for.
    Outside,
    /// In the arena.
    Arena {
        /// Address of the first byte.
        start: u64,
        /// Bytes after which addresses begin anew.
        capacity: u64,
    },
}

/// How large the pieces of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pieces {
    /// A stage at once.
    Whole,
    /// Rows.
    Rows,
    /// So many pixels of a row, fewer at its end.
    Pixels(u32),
    /// So many channels of all pixels, fewer at the end.
    Channels(u32),
}

impl Pieces {
    /// The name in text and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Rows => "rows",
            Self::Pixels(_) => "pixels",
            Self::Channels(_) => "channels",
        }
    }

    /// Columns of one piece of a row of `width` columns.
    pub fn columns(self, width: u32) -> u32 {
        match self {
            Self::Whole | Self::Rows | Self::Channels(_) => width.max(1),
            Self::Pixels(count) => count.clamp(1, width.max(1)),
        }
    }
}

/// Consecutive stages that run piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The first stage.
    pub first: StageId,
    /// The last stage.
    pub last: StageId,
    /// Size of the pieces.
    pub pieces: Pieces,
    /// Columns of the last stage's iterations, strip by strip: together all of them, in order.
    pub strips: Vec<Range<u32>>,
}

impl Group {
    /// The stages.
    pub fn stages(&self) -> impl DoubleEndedIterator<Item = StageId> + ExactSizeIterator + use<> {
        (self.first.index()..self.last.index() + 1).map(StageId::new)
    }

    /// Whether a stage belongs to the group.
    pub fn contains(&self, stage: StageId) -> bool {
        self.first <= stage && stage <= self.last
    }
}

/// Groups in order, and where every byte lies.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// The groups: together every stage once, in order.
    pub groups: Vec<Group>,
    /// Where each value lies.
    pub values: SecondaryMap<ValueId, Storage>,
    /// Where the sums of each accumulating stage lie that runs in pieces.
    pub sums: SecondaryMap<StageId, Storage>,
    /// Size of the arena.
    pub arena: Bytes,
}

impl Schedule {
    /// The address of byte `at` of the sequence of pixels that `storage` holds; `None` where it is not
    /// in the arena.
    pub fn address(&self, storage: Storage, at: u64) -> Option<u64> {
        match storage {
            Storage::Nowhere | Storage::Outside => None,
            Storage::Arena { start, capacity } => {
                let address = start.checked_add(at.checked_rem(capacity)?)?;
                address.checked_rem(self.arena.get())
            }
        }
    }
}

/// Who writes and reads each value.
#[derive(Clone, Debug)]
pub struct Uses {
    /// The stage that writes it; `None` for what is fed.
    pub writer: SecondaryMap<ValueId, Option<StageId>>,
    /// The stages that read it, in order, each once.
    pub readers: SecondaryMap<ValueId, Vec<StageId>>,
}

impl Uses {
    /// Who writes and reads the values of `network`.
    pub fn of(network: &Network) -> Self {
        let mut uses = Self { writer: SecondaryMap::new(), readers: SecondaryMap::new() };
        for (id, stage) in &network.stages {
            for read in &stage.reads {
                if uses.readers[read.value].last() != Some(&id) {
                    uses.readers[read.value].push(id);
                }
            }
            for &value in &stage.writes {
                uses.writer[value].get_or_insert(id);
            }
        }
        uses
    }

    /// Whether a value is written and read within stages `first..=last` only.
    pub fn is_internal(
        &self,
        network: &Network,
        value: ValueId,
        first: StageId,
        last: StageId,
    ) -> bool {
        let it = &network.values[value];
        !it.is_input
            && !it.is_output
            && self.writer[value].is_some_and(|writer| first <= writer && writer <= last)
            && self.readers[value].iter().all(|&reader| first <= reader && reader <= last)
    }
}
