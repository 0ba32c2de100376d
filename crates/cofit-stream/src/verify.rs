//! Whether a schedule holds what it promises, found by running through it without numbers.
//!
//! Every byte of the arena remembers which byte of which value was written to it last. Each task must
//! find the bytes that it reads, and what it writes is void until it has read everything, unless it
//! writes in place. The check shares the order of tasks with those who run a schedule, and nothing
//! with those who make one.

use std::fmt;

use cranelift_entity::{EntityRef, SecondaryMap};
use smallvec::SmallVec;

use crate::channels::{ByChannels, slice_bytes};
use crate::network::{Manner, Network, StageId, ValueId};
use crate::schedule::{Pieces, Schedule, Storage, Uses};
use crate::tasks::{StripColumns, Task, visit_tasks};

/// What is wrong with a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// The groups are not all stages in order.
    Coverage(StageId),
    /// A group has strips that are not all columns of its last stage in order, or none.
    Strips(StageId),
    /// A stage did not run through all of its iterations.
    Unfinished(StageId),
    /// A value that is needed has no place, or a place beyond the arena.
    Place(ValueId),
    /// A task reads a byte that is not there any more, or not yet.
    Missing {
        /// The stage that reads.
        stage: StageId,
        /// What it reads.
        value: ValueId,
        /// Row of the pixel.
        row: u32,
        /// Column of the pixel.
        column: u32,
        /// The value that lies there instead.
        instead: Option<ValueId>,
    },
    /// An output is not there at the end.
    Output(ValueId),
    /// Sums were written over before they were complete.
    Sums(StageId),
    /// A group that cannot run by channels does.
    Channels(StageId),
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coverage(stage) => write!(f, "{stage} is in no group, or in two"),
            Self::Strips(stage) => write!(
                f,
                "the strips of the group that ends with {stage} do not make up its columns"
            ),
            Self::Unfinished(stage) => {
                write!(f, "{stage} does not run through all of its iterations")
            }
            Self::Place(value) => write!(f, "{value} has no place in the arena"),
            Self::Missing { stage, value, row, column, instead } => {
                write!(f, "{stage} reads {value} at row {row}, column {column}, where ")?;
                match instead {
                    Some(other) if other == value => f.write_str("another pixel of it lies"),
                    Some(other) => write!(f, "{other} lies"),
                    None => f.write_str("nothing lies"),
                }
            }
            Self::Output(value) => write!(f, "the output {value} is not there at the end"),
            Self::Sums(stage) => write!(f, "the sums of {stage} are written over"),
            Self::Channels(stage) => {
                write!(f, "the group that begins with {stage} cannot run by channels")
            }
        }
    }
}

impl std::error::Error for Breach {}

/// Checks a schedule.
///
/// # Errors
/// The first breach.
pub fn verify(network: &Network, schedule: &Schedule) -> Result<(), Breach> {
    let mut next = 0;
    for group in &schedule.groups {
        if group.first.index() != next || group.last < group.first {
            return Err(Breach::Coverage(group.first));
        }
        next = group.last.index() + 1;
        let Some(last) = network.stages.get(group.last) else {
            return Err(Breach::Coverage(group.last));
        };
        let mut column = 0;
        for strip in &group.strips {
            if strip.start != column || strip.end <= column {
                return Err(Breach::Strips(group.last));
            }
            column = strip.end;
        }
        if column != last.grid.columns {
            return Err(Breach::Strips(group.last));
        }
    }
    if next != network.stages.len() {
        return Err(Breach::Coverage(StageId::new(next)));
    }
    let uses = Uses::of(network);
    let mut check = Check {
        network,
        uses: &uses,
        schedule,
        tags: vec![Tag::NOTHING; usize::try_from(schedule.arena.get()).unwrap_or(0)],
        done: SecondaryMap::new(),
        found: None,
    };
    for (value, it) in &network.values {
        let is_needed = it.is_output || !uses.readers[value].is_empty();
        if it.is_input && is_needed && schedule.values[value] != Storage::Outside {
            check.write(value, 0, it.bytes())?;
        }
    }
    for group in &schedule.groups {
        let is_by_channels = matches!(group.pieces, Pieces::Channels(_));
        if is_by_channels
            && (group.strips.len() != 1
                || ByChannels::of(network, &uses, group.first, group.last).is_none())
        {
            return Err(Breach::Channels(group.first));
        }
        visit_tasks(network, &uses, group, &mut |task, columns| {
            if check.found.is_none()
                && let Err(breach) = check.task(group, task, columns)
            {
                check.found = Some(breach);
            }
        });
        if let Some(breach) = check.found.take() {
            return Err(breach);
        }
    }
    for (id, stage) in &network.stages {
        // Rows and columns that nobody asks for need not be computed, those of results must.
        let leaves = stage.writes.iter().any(|&value| network.values[value].is_output);
        let whole = match stage.manner {
            Manner::Whole => 1,
            Manner::Streamed { .. } | Manner::Accumulated { .. } => stage.grid.area(),
        };
        if (leaves || stage.manner == Manner::Whole) && check.done[id] < whole {
            return Err(Breach::Unfinished(id));
        }
    }
    for (value, it) in &network.values {
        let all = 0..it.grid.columns;
        if it.is_output
            && schedule.values[value] != Storage::Outside
            && check.read(StageId::new(0), value, 0..it.grid.rows, all.clone(), all).is_err()
        {
            return Err(Breach::Output(value));
        }
    }
    Ok(())
}

/// The value and the byte of it that lie at an address.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Tag(u64);

impl Tag {
    /// Bits of a tag that number the byte.
    const BYTE_BITS: u32 = 40;

    const NOTHING: Self = Self(u64::MAX);

    /// Stands before the stage in the tag of a byte of sums.
    const SUMS: u64 = (1 << (64 - Self::BYTE_BITS)) - 2;

    fn of(value: ValueId, byte: u64) -> Self {
        Self(u64::from(value.as_u32()) << Self::BYTE_BITS | byte)
    }

    fn sums(stage: StageId) -> Self {
        Self(Self::SUMS << Self::BYTE_BITS | u64::from(stage.as_u32()))
    }

    fn value(self) -> Option<ValueId> {
        let owner = self.0 >> Self::BYTE_BITS;
        u32::try_from(owner).ok().filter(|_| owner < Self::SUMS).map(ValueId::from_u32)
    }

    const fn byte(self) -> u64 {
        self.0 & ((1 << Self::BYTE_BITS) - 1)
    }
}

/// Addresses without a break, with the number of the first byte that lies there.
type Run = (u64, std::ops::Range<usize>);

struct Check<'a> {
    network: &'a Network,
    uses: &'a Uses,
    schedule: &'a Schedule,
    /// What lies at each address.
    tags: Vec<Tag>,
    /// Iterations done by each stage.
    done: SecondaryMap<StageId, u64>,
    found: Option<Breach>,
}

impl Check<'_> {
    fn task(
        &mut self,
        group: &crate::Group,
        task: &Task,
        columns: &StripColumns,
    ) -> Result<(), Breach> {
        if let Some(channels) = &task.channels {
            return self.slice(group, task, channels);
        }
        let stage = &self.network.stages[task.stage];
        let is_in_place = matches!(stage.manner, Manner::Streamed { in_place: true });
        let is_streamed = matches!(stage.manner, Manner::Streamed { .. });
        let sums = self.schedule.sums[task.stage];
        let mut results = Vec::new();
        for &value in &stage.writes {
            let local = columns.value(self.network, self.uses, group, value);
            let (rows, own) = match (is_streamed, task.is_last) {
                (true, _) => (task.rows.clone(), task.columns.clone()),
                (false, true) => (0..self.network.values[value].grid.rows, local.clone()),
                (false, false) => continue,
            };
            results.push((value, rows, own, local));
        }
        if !is_in_place {
            for (value, rows, own, local) in &results {
                for (from, to) in self.runs(*value, rows.clone(), own, local) {
                    self.mark(*value, from, to, false)?;
                }
            }
        }
        if let Manner::Accumulated { bytes } = stage.manner
            && group.pieces != Pieces::Whole
        {
            let tag = Tag::sums(task.stage);
            for at in 0..bytes {
                let address = self.address(sums, at).ok_or(Breach::Sums(task.stage))?;
                if !task.is_first && self.tags[address] != tag {
                    return Err(Breach::Sums(task.stage));
                }
                self.tags[address] = tag;
            }
        }
        for read in &stage.reads {
            let grid = self.network.values[read.value].grid;
            let rows = read.reach.rows(task.rows.start, task.rows.end, grid);
            let own = read.reach.columns(task.columns.start, task.columns.end, grid);
            let local = match self.uses.writer[read.value].filter(|&it| group.contains(it)) {
                Some(_) => columns.value(self.network, self.uses, group, read.value),
                None => 0..grid.columns,
            };
            self.read(task.stage, read.value, rows, own, local)?;
        }
        for (value, rows, own, local) in results {
            let runs = self.runs(value, rows, &own, &local);
            let end = runs.last().map_or(0, |&(_, to)| to);
            for (from, to) in runs {
                if is_in_place {
                    self.trails(task, value, from..to, end)?;
                }
                self.mark(value, from, to, true)?;
            }
        }
        self.done[task.stage] += match stage.manner {
            Manner::Whole => 1,
            Manner::Streamed { .. } | Manner::Accumulated { .. } => {
                u64::from(task.rows.end - task.rows.start)
                    * u64::from(task.columns.end - task.columns.start)
            }
        };
        Ok(())
    }

    /// A task that works on some channels.
    fn slice(
        &mut self,
        group: &crate::Group,
        task: &Task,
        channels: &std::ops::Range<u32>,
    ) -> Result<(), Breach> {
        let stage = &self.network.stages[task.stage];
        let is_summed = task.stage == group.last;
        let bytes = |value: ValueId| slice_bytes(self.network.values[value].grid, channels);
        if !is_summed {
            for &value in &stage.writes {
                let it = bytes(value);
                self.mark(value, it.start, it.end, false)?;
            }
        }
        let all = ByChannels::of(self.network, self.uses, group.first, group.last);
        let (sums, all) = (self.schedule.sums[task.stage], all.map_or(0, |it| it.sums));
        let tag = Tag::sums(task.stage);
        let has_room = matches!(sums, Storage::Arena { capacity, .. } if capacity >= all);
        if is_summed && !has_room {
            return Err(Breach::Sums(task.stage));
        }
        for at in 0..if is_summed { all } else { 0 } {
            let address = self.address(sums, at).ok_or(Breach::Sums(task.stage))?;
            if !task.is_first && self.tags[address] != tag {
                return Err(Breach::Sums(task.stage));
            }
            self.tags[address] = tag;
        }
        for read in &stage.reads {
            let grid = self.network.values[read.value].grid;
            if task.stage == group.first {
                let columns = 0..grid.columns;
                self.read(task.stage, read.value, 0..grid.rows, columns.clone(), columns)?;
            } else {
                let (first, pixel) = (bytes(read.value).start, channels.end - channels.start);
                let down = read.reach.rows(0, stage.grid.rows, grid);
                let across = read.reach.columns(0, stage.grid.columns, grid);
                for row in down.map(u64::from) {
                    let at = |column: u32| {
                        let place = row * u64::from(grid.columns) + u64::from(column);
                        first + place * u64::from(pixel)
                    };
                    let run = at(across.start)..at(across.end);
                    self.read_run(task.stage, read.value, run, grid.columns, 0)?;
                }
            }
        }
        for &value in &stage.writes {
            if !is_summed {
                let it = bytes(value);
                self.mark(value, it.start, it.end, true)?;
            } else if task.is_last {
                self.over_sums(task.stage, value, sums)?;
                self.mark(value, 0, self.network.values[value].bytes(), true)?;
            }
        }
        if task.is_last {
            self.done[task.stage] += stage.grid.area();
        }
        Ok(())
    }

    /// Whether a result of bytes, each made from a sum of four, nowhere runs into sums still to come.
    fn over_sums(&self, stage: StageId, value: ValueId, sums: Storage) -> Result<(), Breach> {
        let storage = self.schedule.values[value];
        let bytes = self.network.values[value].bytes();
        if storage == Storage::Outside {
            return Ok(());
        }
        let mut made: Vec<u64> = vec![u64::MAX; self.tags.len()];
        for at in 0..bytes {
            let address = self.address(storage, at).ok_or(Breach::Place(value))?;
            made[address] = made[address].min(at);
        }
        for at in 0..bytes.saturating_mul(4) {
            let address = self.address(sums, at).ok_or(Breach::Sums(stage))?;
            if made[address] < at / 4 {
                return Err(Breach::Sums(stage));
            }
        }
        Ok(())
    }

    /// Whether bytes of a value that lie in a sequence are there.
    fn read_run(
        &self,
        stage: StageId,
        value: ValueId,
        bytes: std::ops::Range<u64>,
        width: u32,
        first_column: u32,
    ) -> Result<(), Breach> {
        let storage = self.schedule.values[value];
        let pixel_bytes = self.network.values[value].pixel_bytes.max(1);
        for (at, place) in self.places(value, storage, bytes.start, bytes.end)? {
            let tags = &self.tags[place];
            let wrong = (at..).zip(tags).find(|(at, tag)| **tag != Tag::of(value, *at));
            let Some((at, tag)) = wrong else { continue };
            let (pixel, width) = (at / pixel_bytes, u64::from(width.max(1)));
            let position = |at: u64| u32::try_from(at).unwrap_or(u32::MAX);
            return Err(Breach::Missing {
                stage,
                value,
                row: position(pixel / width),
                column: position(pixel % width + u64::from(first_column)),
                instead: tag.value(),
            });
        }
        Ok(())
    }

    /// Whether bytes of a piece written in place, element by element, nowhere run into an element of an
    /// operand that the same task, whose last byte is before `end`, reads later.
    fn trails(
        &self,
        task: &Task,
        value: ValueId,
        bytes: std::ops::Range<u64>,
        end: u64,
    ) -> Result<(), Breach> {
        let storage = self.schedule.values[value];
        if storage == Storage::Outside {
            return Ok(());
        }
        let stage = &self.network.stages[task.stage];
        for (at, place) in self.places(value, storage, bytes.start, bytes.end)? {
            for (at, tag) in (at..).zip(&self.tags[place]) {
                let Some(owner) = tag.value() else { continue };
                // Operands have pixels as large as the result's, at the same positions.
                if tag.byte() > at
                    && tag.byte() < end
                    && stage.reads.iter().any(|read| read.value == owner)
                {
                    let pixel = tag.byte() / self.network.values[value].pixel_bytes.max(1);
                    return Err(Breach::Missing {
                        stage: task.stage,
                        value: owner,
                        row: task.rows.start,
                        column: u32::try_from(pixel).unwrap_or(u32::MAX),
                        instead: Some(value),
                    });
                }
            }
        }
        Ok(())
    }

    /// The runs of bytes that some columns of some rows are.
    fn runs(
        &self,
        value: ValueId,
        rows: std::ops::Range<u32>,
        columns: &std::ops::Range<u32>,
        local: &std::ops::Range<u32>,
    ) -> Vec<(u64, u64)> {
        let bytes = self.network.values[value].pixel_bytes;
        let width = u64::from(local.end - local.start);
        let from = u64::from(columns.start.saturating_sub(local.start));
        let to = u64::from(columns.end.saturating_sub(local.start));
        rows.map(u64::from)
            .map(|row| ((row * width + from) * bytes, (row * width + to) * bytes))
            .filter(|(from, to)| from < to)
            .collect()
    }

    fn address(&self, storage: Storage, at: u64) -> Option<usize> {
        usize::try_from(self.schedule.address(storage, at)?).ok()
    }

    /// Notes who lies at bytes `from..to` of a value, or that nobody does.
    fn mark(&mut self, value: ValueId, from: u64, to: u64, is_there: bool) -> Result<(), Breach> {
        let storage = self.schedule.values[value];
        if storage == Storage::Outside {
            return Ok(());
        }
        for (at, place) in self.places(value, storage, from, to)? {
            for (at, tag) in (at..).zip(&mut self.tags[place]) {
                *tag = if is_there { Tag::of(value, at) } else { Tag::NOTHING };
            }
        }
        Ok(())
    }

    fn write(&mut self, value: ValueId, from: u64, to: u64) -> Result<(), Breach> {
        self.mark(value, from, to, true)
    }

    fn read(
        &self,
        stage: StageId,
        value: ValueId,
        rows: std::ops::Range<u32>,
        columns: std::ops::Range<u32>,
        local: std::ops::Range<u32>,
    ) -> Result<(), Breach> {
        let storage = self.schedule.values[value];
        if storage == Storage::Outside {
            return Ok(());
        }
        let width = local.end.saturating_sub(local.start);
        for (from, to) in self.runs(value, rows, &columns, &local) {
            self.read_run(stage, value, from..to, width, local.start)?;
        }
        Ok(())
    }

    /// The addresses of bytes `from..to` of a value, in runs without a break, each with the number of
    /// its first byte.
    fn places(
        &self,
        value: ValueId,
        storage: Storage,
        from: u64,
        to: u64,
    ) -> Result<SmallVec<[Run; 2]>, Breach> {
        let Storage::Arena { capacity, .. } = storage else { return Err(Breach::Place(value)) };
        let mut places = SmallVec::new();
        let mut at = from;
        while at < to {
            let address = self.address(storage, at).ok_or(Breach::Place(value))?;
            let to_arena_end = self.tags.len() as u64 - address as u64;
            let length = (to - at).min(capacity - at % capacity).min(to_arena_end);
            places.push((at, address..address + length as usize));
            at += length;
        }
        Ok(places)
    }
}
