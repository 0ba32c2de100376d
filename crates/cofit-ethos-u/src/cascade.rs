//! Schedules in less SRAM: runs of operations executed stripe by stripe.
//!
//! Layer by layer, SRAM holds every feature map whole. In a *cascade* consecutive operations take
//! turns: each makes a *stripe*, some rows of its output, as soon as the operation before has made
//! the rows that the stripe needs. Between them lie *rolling buffers* of a few rows, written and
//! read modulo their height; only the first input and the last output are held whole. Nothing is
//! computed twice. A map can roll that one operation writes and the next one alone reads, in
//! bricks; the second operand of an elementwise operation is held whole.
//! Source: Vela 5.2.0, `compiler/cascade_builder.cpp`, `compiler/scheduler.cpp`.
//!
//! **Cycles.** As in Vela, the cycles of an operation in a cascade are those of the whole operation
//! with the block that suits a stripe ([`stripe`]): lower blocks read weights more often, and leave
//! less of the array's work to overlap. Weights are read in place, in flash once for every row of
//! blocks, or copied to SRAM in one piece for as long as the cascade lasts; slices of depth and
//! early copies are for the first operation or for none. Where a block's height does not divide its
//! stripe's, a stripe ends in a block that is partly empty: Vela charges as if stripes did not cut
//! blocks, here what is wasted is charged too. So cycles are Vela's where blocks divide stripes
//! and more where they do not (`tests/cascades.rs`), and never less.
//!
//! **Bytes.** A rolling buffer has as many rows as are alive at once ([`rolling`]), which is never
//! more than Vela's: it adds the stripe to the rows that the reader needs and rounds up to a
//! multiple of these. The hardware addresses a map as tiles, of which the second begins at any
//! row, so no rounding is needed (Vela 5.2.0, `ethos_u55_register_cs_generator.cpp`, registers
//! `IFM_HEIGHT0_M1` and `OFM_HEIGHT0_M1`). During a cascade everything that is alive at any of its
//! stages is alive at all of them.
//!
//! **Search.** Vela takes one decision after the other: the smallest stripes, cascades grown
//! greedily, one stripe height for each, weights last. [`search`] finds the fewest cycles under a
//! limit of bytes, over all cuts into cascades and single stages, stripe heights, and weight plans
//! together; [`search::Search::front`] lists what every limit gets.

pub mod grow;
pub mod live;
pub mod rolling;
pub mod search;
pub mod stripe;

use std::ops::Range;

use cofit_vocab::Bytes;

use crate::operation::NpuOperation;

/// A network in execution order, as the search sees it.
#[derive(Clone, Debug, Default)]
pub struct Network<'a> {
    /// The NPU's operations in order.
    pub operations: Vec<NpuOperation<'a>>,
    /// What is executed in one go: the steps of a plan.
    pub stages: Vec<Stage>,
    /// Everything else than weights that lies in SRAM.
    pub values: Vec<Value>,
}

/// One step of a network: a layer of the NPU, which may be several operations, or what another
/// engine does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stage {
    /// Its operations; none where the NPU rests.
    pub operations: Range<usize>,
    /// Whether another engine ran before, so that nothing hides the first transfer.
    pub after_cpu: bool,
    /// How its rows follow those of its input; none where it takes its input whole.
    pub rows: Option<Rows>,
    /// Bytes saved by writing the result over an input where the stage runs by itself.
    pub overwritten: Bytes,
}

/// How rows of a result follow those of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The value that is read row by row.
    pub from: usize,
    /// The value that is written row by row.
    pub to: usize,
    /// Rows of zeros above the input.
    pub top: u32,
}

/// A feature map in SRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Bytes of the whole map.
    pub bytes: Bytes,
    /// The first stage during which it is alive.
    pub first: usize,
    /// The last stage during which it is alive.
    pub last: usize,
    /// Whether a rolling buffer can replace it: one stage writes it, one reads it, in bricks.
    pub rolls: bool,
}

/// A run of stages that is executed stripe by stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cascade {
    /// The first stage.
    pub first: usize,
    /// The last stage.
    pub last: usize,
    /// Rows of a stripe of each stage's output.
    pub stripes: Vec<u32>,
    /// The buffer between each stage and the next.
    pub rolling: Vec<Rolling>,
}

/// A buffer between two stages of a cascade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rolling {
    /// The value whose rows it holds.
    pub value: usize,
    /// Rows.
    pub rows: u32,
    /// Bytes.
    pub bytes: Bytes,
}
