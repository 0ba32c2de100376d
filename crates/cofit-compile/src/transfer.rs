//! Copies between memories that a plan makes while the network runs.
//!
//! A [`Transfer`] is work for a DMA channel: bytes from one memory to a buffer in another, within
//! a window of steps. The window begins when the step [`Transfer::after`] has ended and closes
//! when [`Transfer::step`] begins to need the bytes. A window that spans a step lets the copy run
//! beside its arithmetic; one that lies between two neighbours makes the engine wait.
//!
//! Which of them waits, and how long, is for the simulator to say.

use cofit_vocab::Bytes;
use cranelift_entity::entity_impl;

use crate::plan::{BufferId, MemoryId, StepId};

/// A transfer of a plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(u32);
entity_impl!(TransferId, "t");

/// Bytes copied between two memories once an inference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What is copied, and why.
    pub role: TransferRole,
    /// The memory read.
    pub from: MemoryId,
    /// The memory written.
    pub to: MemoryId,
    /// Bytes copied.
    pub bytes: Bytes,
    /// The link that carries it: its position in the card's list.
    pub link: u32,
    /// The buffer read; `None` for constants, which lie in no buffer.
    pub source: Option<BufferId>,
    /// The buffer written.
    pub target: BufferId,
    /// The copy begins when this step has ended; `None` where it may begin with the inference.
    pub after: Option<StepId>,
    /// The step that needs the bytes.
    pub step: StepId,
}

/// What a transfer copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferRole {
    /// Weights of some output channels of the step, on their way to a staging buffer.
    Weights {
        /// Which slice of the step's weights, from zero.
        slice: u32,
        /// Slices of the step; 1 where its weights come in one piece.
        slices: u32,
        /// The slice whose arithmetic must have ended before the buffer is written again.
        frees: Option<u32>,
    },
    /// An activation that waits in a slower memory between two uses, on its way there. It moves
    /// between two steps, and everything after waits for it.
    Spill,
    /// An activation on its way back.
    FetchBack,
}

impl TransferRole {
    /// The word in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weights { .. } => "weights",
            Self::Spill => "spill",
            Self::FetchBack => "fetch_back",
        }
    }
}

/// What the distribution over memories costs, and how good it is proved to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DistributionProof {
    /// Bytes an inference moves between engines and other memories than the preferred one,
    /// transfers of activations included.
    pub slow_traffic: Bytes,
    /// What the search minimised: bytes by the cost of their memory. Of no unit; for comparison.
    pub cost: u128,
    /// No distribution costs less.
    pub lower_bound: u128,
    /// Nodes that the search visited.
    pub nodes: u64,
}

impl DistributionProof {
    /// Whether no distribution costs less.
    pub const fn is_optimal(&self) -> bool {
        self.cost == self.lower_bound
    }
}
