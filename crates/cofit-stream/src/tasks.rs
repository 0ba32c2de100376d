//! The pieces of a group in the order in which they run.
//!
//! The order is found by demand: the last stage asks for its pieces in order, and before a piece runs,
//! every stage of the group that its operands come from has run as far as the piece reads. Stages whose
//! results are also read after the group run to their end when the last one has.

use std::ops::Range;

use cranelift_entity::EntityRef;

use crate::channels::ByChannels;
use crate::network::{Grid, Manner, Network, Read, StageId, ValueId};
use crate::schedule::{Group, Pieces, Uses};

/// A piece of a stage: some of its iterations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The stage.
    pub stage: StageId,
    /// The strip of the group.
    pub strip: u32,
    /// Rows of the stage's grid.
    pub rows: Range<u32>,
    /// Columns of the stage's grid.
    pub columns: Range<u32>,
    /// In a group that runs by channels, the channels of its internal maps; `None` for all.
    pub channels: Option<Range<u32>>,
    /// Whether no iteration of the stage ran before, in any strip.
    pub is_first: bool,
    /// Whether no iteration of the stage runs after, in any strip.
    pub is_last: bool,
}

/// Which columns each stage of a group computes in one strip.
#[derive(Clone, Debug)]
pub struct StripColumns {
    first: StageId,
    columns: Vec<Range<u32>>,
}

impl StripColumns {
    /// The columns of every stage that strip `strip` needs.
    pub fn of(network: &Network, uses: &Uses, group: &Group, strip: usize) -> Self {
        let count = group.stages().len();
        let mut columns: Vec<Option<Range<u32>>> = vec![None; count];
        let at = |stage: StageId| stage.index() - group.first.index();
        let driver = group.strips.get(strip).cloned();
        for id in group.stages().rev() {
            let stage = &network.stages[id];
            let all = 0..stage.grid.columns;
            let is_partial = group.strips.len() > 1;
            let own = match stage.manner {
                _ if id == group.last => driver.clone().unwrap_or(all),
                Manner::Streamed { .. } if is_partial => columns[at(id)].clone().unwrap_or(0..0),
                Manner::Streamed { .. } | Manner::Accumulated { .. } | Manner::Whole => all,
            };
            for read in &stage.reads {
                let Some(writer) = uses.writer[read.value].filter(|&it| group.contains(it)) else {
                    continue;
                };
                if own.is_empty() {
                    continue;
                }
                let grid = network.values[read.value].grid;
                let needed = read.reach.columns(own.start, own.end, grid);
                if needed.is_empty() {
                    continue;
                }
                let hull = &mut columns[at(writer)];
                *hull = Some(match hull.take() {
                    Some(other) => other.start.min(needed.start)..other.end.max(needed.end),
                    None => needed,
                });
            }
            columns[at(id)] = Some(own);
        }
        let columns = columns.into_iter().map(|own| own.unwrap_or(0..0)).collect();
        Self { first: group.first, columns }
    }

    /// The columns of a stage of the group.
    pub fn stage(&self, id: StageId) -> Range<u32> {
        self.columns.get(id.index() - self.first.index()).cloned().unwrap_or(0..0)
    }

    /// The columns of a value that its storage has room for: those that the strip computes where it is
    /// internal to the group, and all of them otherwise.
    pub fn value(
        &self,
        network: &Network,
        uses: &Uses,
        group: &Group,
        value: ValueId,
    ) -> Range<u32> {
        let all = 0..network.values[value].grid.columns;
        if !uses.is_internal(network, value, group.first, group.last) {
            return all;
        }
        match uses.writer[value].map(|writer| (writer, network.stages[writer].manner)) {
            Some((writer, Manner::Streamed { .. })) => self.stage(writer),
            Some((_, Manner::Accumulated { .. } | Manner::Whole)) | None => all,
        }
    }
}

/// Calls `visit` with every task of a group, in order, and the columns of its strip.
pub fn visit_tasks(
    network: &Network,
    uses: &Uses,
    group: &Group,
    visit: &mut dyn FnMut(&Task, &StripColumns),
) {
    if let Pieces::Channels(count) = group.pieces {
        visit_slices(network, uses, group, count, visit);
        return;
    }
    let strips = group.strips.len();
    for strip in 0..strips {
        let columns = StripColumns::of(network, uses, group, strip);
        let mut walker = Walker {
            network,
            uses,
            group,
            columns: &columns,
            strip,
            done: vec![0; group.stages().len()],
            visit: &mut *visit,
        };
        walker.run_to(group.last, u64::MAX);
        for id in group.stages() {
            let is_needed = network.stages[id]
                .writes
                .iter()
                .any(|&value| !uses.is_internal(network, value, group.first, group.last));
            if is_needed || network.stages[id].writes.is_empty() {
                walker.run_to(id, u64::MAX);
            }
        }
    }
}

/// The tasks of a group that runs by channels: every stage for the first channels, then for the next.
fn visit_slices(
    network: &Network,
    uses: &Uses,
    group: &Group,
    count: u32,
    visit: &mut dyn FnMut(&Task, &StripColumns),
) {
    let Some(all) = ByChannels::of(network, uses, group.first, group.last) else { return };
    let columns = StripColumns::of(network, uses, group, 0);
    let mut from = 0;
    while from < all.channels {
        let to = from.saturating_add(count.max(1)).min(all.channels);
        for id in group.stages() {
            let grid = network.stages[id].grid;
            let task = Task {
                stage: id,
                strip: 0,
                rows: 0..grid.rows,
                columns: 0..grid.columns,
                channels: Some(from..to),
                is_first: from == 0,
                is_last: to == all.channels,
            };
            visit(&task, &columns);
        }
        from = to;
    }
}

/// One strip of a group on its way.
struct Walker<'a> {
    network: &'a Network,
    uses: &'a Uses,
    group: &'a Group,
    columns: &'a StripColumns,
    strip: usize,
    /// Pieces that each stage has done.
    done: Vec<u64>,
    visit: &'a mut dyn FnMut(&Task, &StripColumns),
}

/// A piece that waits for its operands.
struct Waiting {
    task: Task,
    /// Pieces of its stage that are to be done.
    count: u64,
    /// Operands that are there, or whose stage has been asked.
    reads: usize,
}

impl Walker<'_> {
    /// The pieces of a stage in this strip: how many, and how many of them make a row.
    fn pieces(&self, id: StageId) -> (u64, u64) {
        let stage = &self.network.stages[id];
        let columns = self.columns.stage(id);
        let width = u64::from(columns.end - columns.start);
        let rows = u64::from(stage.grid.rows);
        match (self.group.pieces, stage.manner) {
            (_, Manner::Whole) | (Pieces::Whole, _) => (1, 1),
            _ if width == 0 => (0, 1),
            (
                Pieces::Rows | Pieces::Channels(_),
                Manner::Streamed { .. } | Manner::Accumulated { .. },
            ) => (rows, 1),
            (Pieces::Pixels(_), Manner::Streamed { .. } | Manner::Accumulated { .. }) => {
                let per_row = width.div_ceil(self.step(id));
                (rows * per_row, per_row)
            }
        }
    }

    /// Columns of one piece of a stage.
    fn step(&self, id: StageId) -> u64 {
        let columns = self.columns.stage(id);
        u64::from(self.group.pieces.columns(columns.end - columns.start))
    }

    /// Runs pieces of a stage until `count` of them are done, or all.
    ///
    /// What waits for operands is on a stack of its own, since a group may be deeper than that of a
    /// thread.
    fn run_to(&mut self, id: StageId, count: u64) {
        let network = self.network;
        let mut waiting: Vec<Waiting> = self.wait(id, count).into_iter().collect();
        while let Some(piece) = waiting.last_mut() {
            let id = piece.task.stage;
            if let Some(read) = network.stages[id].reads.get(piece.reads) {
                piece.reads += 1;
                let writer = self.uses.writer[read.value];
                if let Some(writer) = writer.filter(|&it| self.group.contains(it) && it != id) {
                    let needed = self.needed(writer, read, &piece.task);
                    waiting.extend(self.wait(writer, needed));
                }
                continue;
            }
            (self.visit)(&piece.task, self.columns);
            self.done[id.index() - self.group.first.index()] += 1;
            let count = piece.count;
            match self.wait(id, count) {
                Some(next) => *piece = next,
                None => {
                    waiting.pop();
                }
            }
        }
    }

    /// The next piece of a stage of which `count` are to be done; `None` where they are.
    fn wait(&self, id: StageId, count: u64) -> Option<Waiting> {
        let (all, per_row) = self.pieces(id);
        let done = self.done[id.index() - self.group.first.index()];
        (done < count.min(all)).then(|| {
            let task = self.task(id, done, all, per_row);
            Waiting { task, count, reads: 0 }
        })
    }

    /// Piece `piece` of a stage.
    fn task(&self, id: StageId, piece: u64, all: u64, per_row: u64) -> Task {
        let grid = self.network.stages[id].grid;
        let columns = self.columns.stage(id);
        let index = |at: u64| u32::try_from(at).unwrap_or(u32::MAX);
        let (rows, columns) = if all == 1 && per_row == 1 && self.is_whole(id) {
            (0..grid.rows, 0..grid.columns)
        } else if per_row == 1 && self.group.pieces == Pieces::Rows {
            (index(piece)..index(piece + 1), columns)
        } else {
            let row = index(piece / per_row);
            let step = self.step(id);
            let column = columns.start + index(piece % per_row * step);
            (row..row + 1, column..column.saturating_add(index(step)).min(columns.end))
        };
        let strips = self.group.strips.len();
        Task {
            stage: id,
            strip: index(self.strip as u64),
            rows,
            columns,
            channels: None,
            is_first: self.strip == 0 && piece == 0,
            is_last: self.strip + 1 == strips && piece + 1 == all,
        }
    }

    fn is_whole(&self, id: StageId) -> bool {
        self.group.pieces == Pieces::Whole || self.network.stages[id].manner == Manner::Whole
    }

    /// How many pieces of `writer` a task needs of one of its operands.
    fn needed(&self, writer: StageId, read: &Read, task: &Task) -> u64 {
        let (all, per_row) = self.pieces(writer);
        let is_streamed = matches!(self.network.stages[writer].manner, Manner::Streamed { .. });
        if !is_streamed || self.is_whole(writer) {
            return all;
        }
        let grid: Grid = self.network.values[read.value].grid;
        let rows = read.reach.rows(task.rows.start, task.rows.end, grid);
        let columns = read.reach.columns(task.columns.start, task.columns.end, grid);
        if rows.is_empty() || columns.is_empty() {
            return 0;
        }
        match self.group.pieces {
            Pieces::Whole | Pieces::Channels(_) => all,
            Pieces::Rows => u64::from(rows.end),
            Pieces::Pixels(_) => {
                let first = self.columns.stage(writer).start;
                let last = u64::from(columns.end.saturating_sub(first));
                u64::from(rows.end - 1) * per_row + last.div_ceil(self.step(writer))
            }
        }
    }
}
