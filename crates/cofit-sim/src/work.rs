//! What one step asks of a processor, in counts: the input of the models that know no geometry.

use cofit_vocab::{Bytes, Macs};
use smallvec::SmallVec;

/// One operator as counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Multiply-accumulates.
    pub macs: Macs,
    /// Elements read from activations.
    pub inputs: u64,
    /// Elements written.
    pub outputs: u64,
    /// Elements of weights and biases.
    pub weights: u64,
    /// Bytes that cross into or out of memories.
    pub traffic: SmallVec<[Traffic; 3]>,
}

/// Why a memory is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Reading weights, biases and tables.
    WeightRead,
    /// Reading activations.
    Read,
    /// Writing activations.
    Write,
}

impl Access {
    /// Every access, in the order of cost tables.
    pub const ALL: [Self; 3] = [Self::WeightRead, Self::Read, Self::Write];

    /// The name in cost tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WeightRead => "weight_read",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Bytes between a processor and one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The memory, as an index into the memories of the cost table in use.
    pub memory: usize,
    /// Why.
    pub access: Access,
    /// How much.
    pub bytes: Bytes,
}

impl Work {
    /// The same work with `bytes` more between it and `memory`.
    #[must_use]
    pub fn with(mut self, memory: usize, access: Access, bytes: Bytes) -> Self {
        self.traffic.push(Traffic { memory, access, bytes });
        self
    }

    /// Bytes of all traffic for which `counts` holds.
    pub fn bytes(&self, counts: impl Fn(&Traffic) -> bool) -> Bytes {
        self.traffic.iter().filter(|traffic| counts(traffic)).map(|traffic| traffic.bytes).sum()
    }
}
