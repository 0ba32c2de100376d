//! How far the stages of a group run ahead of each other, along one axis.
//!
//! The demand that orders the pieces of a group is the same on rows as on columns, so that one
//! simulation over single positions tells how many rows of each value are there at once, and how many
//! columns of its newest row. It takes time in proportion to the positions, not to the pixels, which
//! lets a search look at every group of a network.

use cranelift_entity::EntityRef;
use smallvec::SmallVec;

use crate::network::{Grid, Manner, Network, Reach, StageId, ValueId};
use crate::schedule::Uses;

/// One of the two axes of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Along {
    /// From the top to the bottom.
    Rows,
    /// From the left to the right.
    Columns,
}

impl Along {
    const fn length(self, grid: Grid) -> u32 {
        match self {
            Self::Rows => grid.rows,
            Self::Columns => grid.columns,
        }
    }
}

/// What a group holds at once along one axis.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lag {
    /// Most positions of each internal streamed value that are there at once.
    pub rings: SmallVec<[(ValueId, u32); 8]>,
    /// For a result that leaves the group and an operand that dies in it: how many bytes the result's
    /// start must lie below the operand's for the result never to run into what is still needed.
    /// Positions along the axis count with all bytes across it, so that it means something by rows.
    pub behind: SmallVec<[Behind; 2]>,
}

/// A result that follows a dying operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    /// The result.
    pub result: ValueId,
    /// The operand.
    pub operand: ValueId,
    /// Bytes of distance; negative where the result may start above the operand's start.
    pub bytes: i64,
}

/// The writer and the reads of one value within a group.
struct Held {
    value: ValueId,
    /// The stage of the group that writes it, by position.
    writer: Option<usize>,
    /// Stages that read it, by position, with their reaches.
    reads: SmallVec<[(usize, Reach); 2]>,
    length: u32,
    /// Bytes of one position with everything across it.
    bytes: u64,
    most: u32,
}

/// Simulates stages `first..=last` as one group that runs in pieces of `step` positions.
pub(crate) fn lag(
    network: &Network,
    uses: &Uses,
    first: StageId,
    last: StageId,
    along: Along,
    step: u32,
) -> Lag {
    let base = first.index();
    let count = last.index() + 1 - base;
    let mut inner: Vec<Held> = Vec::new();
    let mut dying: Vec<Held> = Vec::new();
    let mut stages: Vec<Walk> = Vec::with_capacity(count);
    let held = |value: ValueId, writer: Option<usize>| {
        let it = &network.values[value];
        let length = along.length(it.grid).max(1);
        let bytes = it.bytes() / u64::from(length);
        Held { value, writer, reads: SmallVec::new(), length, bytes, most: 0 }
    };
    for at in 0..count {
        let id = StageId::new(base + at);
        let stage = &network.stages[id];
        let length = match stage.manner {
            Manner::Whole => 1,
            Manner::Streamed { .. } | Manner::Accumulated { .. } => along.length(stage.grid),
        };
        let mut walk = Walk {
            length,
            done: 0,
            operands: SmallVec::new(),
            in_place: matches!(stage.manner, Manner::Streamed { in_place: true }),
            is_streamed: matches!(stage.manner, Manner::Streamed { .. }),
            inner: None,
            results: SmallVec::new(),
        };
        for read in &stage.reads {
            if let Some(position) = inner.iter().position(|held| held.value == read.value) {
                inner[position].reads.push((at, read.reach));
                walk.operands.push((inner[position].writer, read.reach, inner[position].length));
                continue;
            }
            let writer = uses.writer[read.value].filter(|&it| first <= it && it < id);
            let length = along.length(network.values[read.value].grid);
            walk.operands.push((writer.map(|it| it.index() - base), read.reach, length));
            let is_input_or_earlier = writer.is_none();
            let dies = uses.readers[read.value].last().is_some_and(|&it| it <= last)
                && !network.values[read.value].is_output;
            if is_input_or_earlier && dies {
                match dying.iter_mut().find(|held| held.value == read.value) {
                    Some(known) => known.reads.push((at, read.reach)),
                    None => {
                        let mut known = held(read.value, None);
                        known.reads.push((at, read.reach));
                        dying.push(known);
                    }
                }
            }
        }
        for &value in &stage.writes {
            if uses.is_internal(network, value, first, last) {
                walk.inner.get_or_insert(inner.len());
                inner.push(held(value, Some(at)));
            } else {
                walk.results.push(value);
            }
        }
        stages.push(walk);
    }
    let mut run = Run { network, along, step, stages, inner, dying, behind: SmallVec::new() };
    run.run_to(count - 1, u32::MAX);
    for at in 0..count {
        if !run.stages[at].results.is_empty()
            || network.stages[StageId::new(base + at)].writes.is_empty()
        {
            run.run_to(at, u32::MAX);
        }
    }
    let is_streamed = |held: &&Held| held.writer.is_some_and(|at| run.stages[at].is_streamed);
    Lag {
        rings: run.inner.iter().filter(is_streamed).map(|held| (held.value, held.most)).collect(),
        behind: run.behind,
    }
}

/// A stage on its way along the axis.
struct Walk {
    length: u32,
    done: u32,
    /// The stage of the group that writes each operand, by position, the reach, the operand's length.
    operands: SmallVec<[(Option<usize>, Reach, u32); 2]>,
    in_place: bool,
    is_streamed: bool,
    /// Its first result, where it stays in the group.
    inner: Option<usize>,
    /// Its results that leave the group.
    results: SmallVec<[ValueId; 1]>,
}

struct Run<'a> {
    network: &'a Network,
    along: Along,
    /// Positions of one piece.
    step: u32,
    stages: Vec<Walk>,
    inner: Vec<Held>,
    dying: Vec<Held>,
    behind: SmallVec<[Behind; 2]>,
}

impl Run<'_> {
    fn reads(&self, reach: &Reach, at: u32, end: u32, length: u32) -> std::ops::Range<u32> {
        match (reach, self.along) {
            (Reach::Window { rows, .. }, Along::Rows) => rows.reads(at, end, length),
            (Reach::Window { columns, .. }, Along::Columns) => columns.reads(at, end, length),
            (Reach::All, _) => 0..length,
        }
    }

    /// The first position of a value that some stage still needs.
    fn oldest(&self, held: &Held) -> u32 {
        let of = |&(at, reach): &(usize, Reach)| {
            let walk = &self.stages[at];
            if walk.done >= walk.length {
                return held.length;
            }
            match (reach, self.along) {
                (Reach::All, _) => 0,
                (Reach::Window { rows, .. }, Along::Rows) => {
                    rows.reads(walk.done, walk.done + 1, held.length).start
                }
                (Reach::Window { columns, .. }, Along::Columns) => {
                    columns.reads(walk.done, walk.done + 1, held.length).start
                }
            }
        };
        held.reads.iter().map(of).min().unwrap_or(held.length)
    }

    fn run_to(&mut self, at: usize, count: u32) {
        while self.stages[at].done < count.min(self.stages[at].length) {
            let position = self.stages[at].done;
            let end = position.saturating_add(self.step).min(self.stages[at].length);
            for index in 0..self.stages[at].operands.len() {
                let (writer, reach, length) = self.stages[at].operands[index];
                let Some(writer) = writer else { continue };
                let needed = match self.stages[writer].is_streamed {
                    true => self.reads(&reach, position, end, length).end,
                    false => u32::MAX,
                };
                self.run_to(writer, needed);
            }
            let is_in_place = self.stages[at].in_place;
            if is_in_place {
                self.stages[at].done = end;
            }
            let is_last = end == self.stages[at].length;
            if self.stages[at].is_streamed || is_last {
                self.write(at, end);
            }
            self.stages[at].done = end;
        }
    }

    /// Records what is there when a stage writes.
    fn write(&mut self, at: usize, written: u32) {
        if let Some(index) = self.stages[at].inner {
            let held = &self.inner[index];
            let end = if self.stages[at].is_streamed { written } else { held.length };
            let most = end.saturating_sub(self.oldest(held)).max(held.most);
            self.inner[index].most = most;
        }
        for index in 0..self.stages[at].results.len() {
            let result = self.stages[at].results[index];
            let value = &self.network.values[result];
            let length = self.along.length(value.grid).max(1);
            let end = if self.stages[at].is_streamed { written } else { length };
            let written = value.bytes() / u64::from(length) * u64::from(end);
            for operand in &self.dying {
                let freed = u64::from(self.oldest(operand)) * operand.bytes;
                let bytes = i64::try_from(written).unwrap_or(i64::MAX)
                    - i64::try_from(freed).unwrap_or(i64::MAX);
                let found = self
                    .behind
                    .iter_mut()
                    .find(|it| it.result == result && it.operand == operand.value);
                match found {
                    Some(known) => known.bytes = known.bytes.max(bytes),
                    None => {
                        self.behind.push(Behind { result, operand: operand.value, bytes });
                    }
                }
            }
        }
    }
}
