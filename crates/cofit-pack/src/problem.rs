//! The question and the answer.

use crate::bound::Certificate;

/// A buffer to place: how many bytes, when, and where it may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// First instant at which the buffer is live.
    pub lower: u64,
    /// First instant at which it is no longer live. A buffer with `upper <= lower` is never live
    /// and disturbs nobody.
    pub upper: u64,
    /// Size in bytes. A buffer of size zero disturbs nobody.
    pub size: u64,
    /// The offset is a multiple of this. Zero means one.
    pub alignment: u64,
    /// The offset, where it is not ours to choose.
    pub fixed: Option<u64>,
    /// Half-open intervals within the lifetime during which the contents are not needed, so that
    /// other buffers may lie on the same bytes. In any order; they may touch or overlap.
    pub gaps: Vec<(u64, u64)>,
}

impl Buffer {
    /// A buffer of `size` bytes, live on the half-open interval from `lower` to `upper`, that may
    /// lie anywhere.
    pub const fn new(lower: u64, upper: u64, size: u64) -> Self {
        Self { lower, upper, size, alignment: 1, fixed: None, gaps: Vec::new() }
    }

    /// The same buffer with an alignment.
    #[must_use]
    pub const fn aligned(mut self, alignment: u64) -> Self {
        self.alignment = alignment;
        self
    }

    /// The same buffer at a fixed offset.
    #[must_use]
    pub const fn at(mut self, offset: u64) -> Self {
        self.fixed = Some(offset);
        self
    }

    /// The same buffer with one more gap.
    #[must_use]
    pub fn with_gap(mut self, lower: u64, upper: u64) -> Self {
        self.gaps.push((lower, upper));
        self
    }
}

/// Buffers to be placed in one memory. Solutions refer to buffers by their index here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The buffers.
    pub buffers: Vec<Buffer>,
    /// Size of the memory in bytes, if there is a limit. [`crate::verify`] enforces it;
    /// [`crate::solve_minimise`] does not stop at it, so that a misfit still has a figure.
    pub capacity: Option<u64>,
}

/// How much effort the exact search may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Budget {
    /// Search nodes over all parts of the problem. Zero means heuristics only. A node costs more
    /// time the more buffers are live together: some microseconds for tens, some hundred for
    /// hundreds.
    pub nodes: u64,
}

impl Budget {
    /// No exact search.
    pub const HEURISTIC: Self = Self { nodes: 0 };

    /// Enough to prove the minimum for ordinary networks and for most hard instances; about a
    /// second where neither a layout nor a proof is found.
    pub const STANDARD: Self = Self { nodes: 30_000 };
}

/// A layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The offset of every buffer, by index.
    pub offsets: Vec<u64>,
    /// The highest end of any buffer that takes part, in bytes.
    pub height: u64,
    /// No layout is lower than this, in bytes.
    pub lower_bound: u64,
    /// Whether `height` equals `lower_bound`, so that no layout is lower than this one.
    pub proven_optimal: bool,
    /// Search nodes spent.
    pub nodes: u64,
}

/// The answer to whether a layout of a given height exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It does, and this is one.
    Fits(Solution),
    /// It does not: so many bytes are live at one instant.
    ExceedsBound(Certificate),
    /// It does not: the search looked at every case.
    Exhausted {
        /// The buffers that have no layout of this height, ascending.
        buffers: Vec<usize>,
        /// Search nodes spent.
        nodes: u64,
    },
    /// The budget ran out first.
    Unknown {
        /// Search nodes spent.
        nodes: u64,
    },
}

/// Why a problem has no layout at any height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Two buffers are fixed on common bytes while both are live.
    #[error("buffers {first} and {second} are fixed on common bytes while both are live")]
    FixedCollision {
        /// Index of the one.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// A buffer is fixed at an offset that its alignment forbids.
    #[error("buffer {buffer} is fixed at an offset that is no multiple of its alignment")]
    FixedMisaligned {
        /// Index of the buffer.
        buffer: usize,
    },
    /// Addresses would pass 2^64.
    #[error("buffer {buffer} would end beyond the 64-bit address range")]
    AddressRange {
        /// Index of the buffer.
        buffer: usize,
    },
}
