//! Execution by a schedule, in an arena of exactly the size that the schedule claims.
//!
//! A schedule says in which pieces the operators of a graph run and where every byte of every value
//! lies meanwhile. Running it shows that it holds what it promises: pieces are computed by the same
//! kernels as whole operators, from bytes that are fetched from the arena, and their results are
//! stored back into it.
//!
//! # What is found
//! Every byte of the arena carries a tag: which byte of which value was written to it last. A piece
//! that reads a byte with another tag ends the run with a message that names what was needed, where,
//! and what lies there. Right values at a wrong place cannot pass. Before a piece reads its operands,
//! the room for its result is poisoned, since a kernel may write at any time; only element by element
//! operators that the schedule lets write in place may run into what they have already read. After
//! the last piece that reads a byte, that byte is poisoned too.
//!
//! # Pieces
//! A piece of an operator is an operator: one on a smaller map, with an explicit border where the map
//! ends. It is prepared by the operator's ordinary `prepare`, once for every size and border that
//! occurs, so that its arithmetic is the one that the golden files prove. Sums over a map are kept in
//! the arena as 32-bit integers.
//!
//! A piece of some channels has its share of the constants; a pointwise convolution whose input channels
//! come a few at a time keeps sums in the arena and makes each byte of the result right after reading
//! the sum that it is made from.
//!
//! # Where things are
//! `part.rs` says which pixels a task reads and writes, `memory.rs` holds bytes and tags, `last_use.rs`
//! finds when bytes die, `piece.rs` makes kernels for pieces, `check.rs` holds a schedule against the
//! model, `run.rs` puts them together.

mod check;
mod last_use;
mod memory;
mod part;
mod piece;
mod run;

use std::ops::{ControlFlow, Range};

use cofit_ir::OperatorId;
use cofit_stream::{Schedule, StageId, ValueId};
use cofit_vocab::{Bytes, Diagnostics, Macs};
use cranelift_entity::SecondaryMap;

use crate::buffer::{Buffer, Slice};
use crate::network::{Network, State, Stop};

/// What a run by a schedule took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Pieces that ran.
    pub pieces: u64,
    /// Multiply-accumulates that each stage made, those made twice included.
    pub macs: SecondaryMap<StageId, Macs>,
    /// Bytes of constants read: those of an operator once a piece, or by channels once.
    pub constant_bytes: Bytes,
    /// The end of the highest byte of the arena that was written.
    pub highest: Bytes,
}

impl Account {
    /// Multiply-accumulates of all stages.
    pub fn total_macs(&self) -> Macs {
        self.macs.values().copied().sum()
    }
}

/// Some pixels of a value that a piece has computed.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    /// The stage.
    pub stage: StageId,
    /// Its operator.
    pub operator: OperatorId,
    /// The value that it wrote.
    pub value: ValueId,
    /// Rows of the value's grid.
    pub rows: Range<u32>,
    /// Columns of the value's grid.
    pub columns: Range<u32>,
    /// The channels; `None` for all.
    pub channels: Option<Range<u32>>,
    /// The elements, row by row.
    pub elements: Slice<'a>,
}

/// Who watches a run by a schedule.
pub trait PieceObserver {
    /// Called with what every piece has computed. Break to stop the run.
    fn piece(&mut self, piece: &Piece<'_>) -> ControlFlow<()>;
}

/// An observer that looks at nothing.
impl PieceObserver for () {
    fn piece(&mut self, _: &Piece<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Network {
    /// Runs one inference by a schedule. `inputs` are those of the main graph, in its order; `stages`
    /// is the main graph as the schedule sees it, with its operators in any order in which they can
    /// run.
    ///
    /// Returns the outputs of the main graph and what the run took; `None` where the observer ended
    /// it.
    ///
    /// # Errors
    /// Those of [`Network::run`]; a schedule that is none of this graph; an arena beyond the memory
    /// limit, counting a tag of eight bytes for each of its bytes; a byte that is read and is not
    /// there.
    pub fn run_in_arena(
        &self,
        state: &mut State,
        inputs: &[Buffer],
        stages: &cofit_stream::Network,
        schedule: &Schedule,
        observer: &mut dyn PieceObserver,
    ) -> Result<Option<(Vec<Buffer>, Account)>, Diagnostics> {
        self.check_inputs(self.model().main_graph(), inputs)?;
        match run::run(self, state, inputs, stages, schedule, observer) {
            Ok(done) => Ok(Some(done)),
            Err(Stop::Enough) => Ok(None),
            Err(Stop::Wrong(diagnostic)) => Err((*diagnostic).into()),
        }
    }
}
