//! Bytes that no schedule gets below.
//!
//! # The frontier of a window
//! Take a stage that slides a window of `k` rows, `s` rows apart, over a value, and any order of its
//! iterations in which nothing is computed twice. Look at the moment when a row or a column of its
//! iterations is complete for the first time; say a row. Then every column holds an iteration that is
//! done, and, but for one at most, none is complete, so that in each of the others some iteration that
//! is done lies next to one that is not, in the rows above or below. Both read the same `k - s` rows of
//! the value. Those pixels are there, because the one has read them, and still needed, because the
//! other has not. Columns that are `s` apart need different pixels, so that
//!
//! ```text
//! (k - s) * (columns - 1) * bytes of a pixel
//! ```
//!
//! are live at that moment, or the same with rows and columns exchanged, whichever is less. Borders
//! take away rows that are no pixels, which the bound respects.
//!
//! A stage that may run in a group by channels needs less, but then the group's operand in full and
//! its sums are there: the bound is the lesser of both.
//!
//! It holds for stages of which every iteration is needed, and for values in the arena whose pixels are
//! computed and read whole. Iterations over single
//! channels can do with less, and so can schedules that compute pixels twice.

use cranelift_entity::{EntityRef, SecondaryMap};

use crate::channels::{ByChannels, ChannelRole};
use crate::network::{Axis, Manner, Network, Reach, StageId, ValueId};
use crate::schedule::Uses;
use crate::{Question, Side};

/// A number of bytes below which no schedule gets, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The bytes.
    pub bytes: u64,
    /// What needs them.
    pub witness: Witness,
}

/// What needs the bytes of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// A stage that cannot be divided, with its operands and results.
    Stage(StageId),
    /// Outputs, which are all there in the end.
    Outputs,
    /// The frontier of a stage's window over a value.
    Frontier(StageId, ValueId),
}

/// The highest bound on schedules that compute no pixel twice.
pub fn lower_bound(network: &Network, question: Question) -> Bound {
    let uses = Uses::of(network);
    let is_outside = |value: ValueId| {
        let it = &network.values[value];
        (question.inputs == Side::Outside && it.is_input)
            || (question.outputs == Side::Outside && it.is_output)
    };
    let size = |value: ValueId| {
        if is_outside(value) { 0 } else { network.values[value].bytes() }
    };
    let outputs = network.values.iter().filter(|(_, it)| it.is_output).map(|(id, _)| size(id));
    let mut best = Bound { bytes: outputs.fold(0, u64::saturating_add), witness: Witness::Outputs };
    let offer = |best: &mut Bound, bytes: u64, witness: Witness| {
        if bytes > best.bytes {
            *best = Bound { bytes, witness };
        }
    };
    let is_needed = needed_in_full(network, &uses);
    for (id, stage) in &network.stages {
        if stage.manner == Manner::Whole {
            let mut touched: Vec<ValueId> = stage.reads.iter().map(|read| read.value).collect();
            touched.extend(&stage.writes);
            touched.sort_unstable();
            touched.dedup();
            let sum = touched.into_iter().map(size).fold(0, u64::saturating_add);
            offer(&mut best, sum, Witness::Stage(id));
        }
        for read in &stage.reads {
            let it = &network.values[read.value];
            let Reach::Window { rows, columns } = read.reach else { continue };
            // What is fed lies there from the start, which needs no order of computation.
            if is_outside(read.value) || stage.manner == Manner::Whole || !is_needed[id] {
                continue;
            }
            let down = shared(rows, stage.grid.rows, it.grid.rows).saturating_mul(apart(
                columns,
                stage.grid.columns,
                it.grid.columns,
            ));
            let across = shared(columns, stage.grid.columns, it.grid.columns)
                .saturating_mul(apart(rows, stage.grid.rows, it.grid.rows));
            let bytes = down.min(across).saturating_mul(it.pixel_bytes);
            if bytes > best.bytes {
                let bytes = bytes.min(by_channels(network, &uses, &size, id));
                offer(&mut best, bytes, Witness::Frontier(id, read.value));
            }
        }
    }
    best
}

/// The fewest bytes that groups with a stage hold that run by channels; [`u64::MAX`] without any. Such a
/// group goes from a stage to the next one, or over any number of stages that keep channels apart.
fn by_channels(network: &Network, uses: &Uses, size: &dyn Fn(ValueId) -> u64, id: StageId) -> u64 {
    let is_end = |at: &usize| network.stages[StageId::new(*at)].channels != ChannelRole::Apart;
    let before = (0..id.index()).rev().find(is_end);
    let after = (id.index() + 1..network.stages.len()).find(is_end);
    let pairs = [(before, after), (before, Some(id.index())), (Some(id.index()), after)];
    let held = pairs.into_iter().filter_map(|(first, last)| {
        let (first, last) = (StageId::new(first?), StageId::new(last?));
        let all = ByChannels::of(network, uses, first, last)?;
        let operands = network.stages[first].reads.iter().map(|read| size(read.value));
        Some(operands.fold(all.sums, u64::saturating_add))
    });
    held.min().unwrap_or(u64::MAX)
}

/// Which stages must run through all of their iterations: those with outputs, and those whose results
/// such a stage reads to the last pixel.
fn needed_in_full(network: &Network, uses: &Uses) -> SecondaryMap<StageId, bool> {
    let mut needed = SecondaryMap::new();
    let covers = |axis: Axis, iterations: u32, length: u32| {
        let end = axis.ideal(0, iterations).1;
        axis.dilation == 1 && axis.span >= axis.stride && end >= i64::from(length)
    };
    for (id, stage) in network.stages.iter().rev() {
        needed[id] = stage.writes.iter().any(|&value| {
            let it = &network.values[value];
            let read_in_full = |&reader: &StageId| {
                let reader_stage = &network.stages[reader];
                needed[reader]
                    && reader_stage.reads.iter().filter(|read| read.value == value).any(|read| {
                        match read.reach {
                            Reach::All => true,
                            Reach::Window { rows, columns } => {
                                covers(rows, reader_stage.grid.rows, it.grid.rows)
                                    && covers(columns, reader_stage.grid.columns, it.grid.columns)
                            }
                        }
                    })
            };
            it.is_output || uses.readers[value].iter().any(read_in_full)
        });
    }
    needed
}

/// The fewest positions that two neighbouring iterations both read.
fn shared(axis: Axis, iterations: u32, length: u32) -> u64 {
    let dilation = i64::from(axis.dilation.max(1));
    let stride = i64::from(axis.stride);
    if stride % dilation != 0 {
        return 0;
    }
    let taps = i64::from(axis.span.saturating_sub(1)) / dilation + 1;
    // The tap `m + stride / dilation` of one iteration is tap `m` of the next.
    let both = |iteration: u32| {
        let first = i64::from(iteration + 1) * stride - i64::from(axis.before);
        let count = taps - stride / dilation;
        // Taps `0..count` of the next iteration, as far as they are pixels.
        let from = (-first).max(0).div_euclid(dilation)
            + i64::from((-first).max(0).rem_euclid(dilation) != 0);
        let to = (i64::from(length) - 1 - first).div_euclid(dilation) + 1;
        u64::try_from(to.min(count) - from).unwrap_or(0)
    };
    (0..iterations.saturating_sub(1)).map(both).min().unwrap_or(0)
}

/// Iterations, but for one, that read a position of their own.
fn apart(axis: Axis, iterations: u32, length: u32) -> u64 {
    // The tap that lies at `iteration * stride` is no border, and no two iterations share it.
    let is_tap = axis.before < axis.span && axis.before.is_multiple_of(axis.dilation.max(1));
    if is_tap && axis.stride > 0 {
        u64::from(iterations.min(length.div_ceil(axis.stride)).saturating_sub(1))
    } else {
        0
    }
}
