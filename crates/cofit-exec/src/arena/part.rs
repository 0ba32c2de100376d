//! Which pixels of which values a task reads and writes.

use std::ops::Range;

use cofit_stream::{Group, Manner, Network, Read, StripColumns, Task, Uses, ValueId};
use smallvec::SmallVec;

/// Some columns of some rows of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The value.
    pub value: ValueId,
    /// Rows of its grid.
    pub rows: Range<u32>,
    /// Columns of its grid.
    pub columns: Range<u32>,
    /// The columns that its storage holds, which number its pixels.
    pub held: Range<u32>,
    /// Channels of a map that is stored slice by slice; `None` for all of one that is not.
    pub channels: Option<Range<u32>>,
}

/// A row of a part: bytes side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Number of the first byte among those that the storage holds.
    pub stored: u64,
    /// Number of the first byte among all bytes of the value.
    pub byte: u64,
    /// Bytes.
    pub length: u64,
}

impl Part {
    /// All of a value that is stored in full.
    pub fn whole(network: &Network, value: ValueId) -> Self {
        let grid = network.values[value].grid;
        let columns = 0..grid.columns;
        Self { value, rows: 0..grid.rows, columns: columns.clone(), held: columns, channels: None }
    }

    /// Whether it is all of its value.
    pub fn is_whole(&self, network: &Network) -> bool {
        let grid = network.values[self.value].grid;
        self.rows == (0..grid.rows) && self.columns == (0..grid.columns) && self.channels.is_none()
    }

    /// Rows and columns, in numbers.
    pub const fn extent(&self) -> (u32, u32) {
        let rows = self.rows.end.saturating_sub(self.rows.start);
        (rows, self.columns.end.saturating_sub(self.columns.start))
    }

    /// Its bytes.
    pub fn bytes(&self, network: &Network) -> u64 {
        let (rows, columns) = self.extent();
        let pixel = match &self.channels {
            Some(channels) => u64::from(channels.end - channels.start),
            None => network.values[self.value].pixel_bytes,
        };
        u64::from(rows) * u64::from(columns) * pixel
    }

    /// Its rows, or the pixels of a slice, top to bottom; `None` where it has columns that are not held.
    pub fn runs(&self, network: &Network) -> Option<impl Iterator<Item = Run> + use<>> {
        let value = &network.values[self.value];
        let pixel = value.pixel_bytes;
        let (_, columns) = self.extent();
        let is_held = columns == 0
            || self.held.start <= self.columns.start && self.columns.end <= self.held.end;
        if !is_held {
            return None;
        }
        let width = u64::from(self.held.end - self.held.start);
        let all = u64::from(value.grid.columns);
        let left = u64::from(self.columns.start);
        let inside = left.saturating_sub(u64::from(self.held.start));
        let rows = if columns == 0 { 0..0 } else { self.rows.clone() };
        let slice = self.channels.clone();
        let area = value.grid.area();
        let across = u64::from(columns).max(1);
        let units = match slice {
            Some(_) => 0..u64::from(rows.end - rows.start) * u64::from(columns),
            None => rows.start.into()..rows.end.into(),
        };
        // No product exceeds the bytes of the value, which the model's verification bounds.
        Some(units.map(move |unit| match &slice {
            Some(channels) => {
                let (first, length) =
                    (u64::from(channels.start), u64::from(channels.end - channels.start));
                let row = u64::from(rows.start) + unit / across;
                let unit = row * all + left + unit % across;
                Run { stored: first * area + unit * length, byte: unit * pixel + first, length }
            }
            None => Run {
                stored: (unit * width + inside) * pixel,
                byte: (unit * all + left) * pixel,
                length: u64::from(columns) * pixel,
            },
        }))
    }
}

/// What the parts of a group's tasks depend on.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub network: &'a Network,
    pub uses: &'a Uses,
    pub group: &'a Group,
}

impl Scope<'_> {
    /// What a task reads, operand by operand.
    pub fn operands(&self, task: &Task, strip: &StripColumns) -> SmallVec<[(Read, Part); 2]> {
        let stage = &self.network.stages[task.stage];
        let reads = stage.reads.iter().map(|read| {
            let grid = self.network.values[read.value].grid;
            let rows = read.reach.rows(task.rows.start, task.rows.end, grid);
            let columns = read.reach.columns(task.columns.start, task.columns.end, grid);
            let held = self.held(read.value, strip);
            let channels = self.channels(task, read.value);
            (*read, Part { value: read.value, rows, columns, held, channels })
        });
        reads.collect()
    }

    /// What a task writes, value by value.
    pub fn results(&self, task: &Task, strip: &StripColumns) -> SmallVec<[Part; 1]> {
        let stage = &self.network.stages[task.stage];
        let is_written = match stage.manner {
            _ if self.is_summed(task) => task.is_last,
            Manner::Streamed { .. } | Manner::Whole => true,
            Manner::Accumulated { .. } => task.is_last,
        };
        let writes = stage.writes.iter().filter(|_| is_written).map(|&value| {
            let whole = Part::whole(self.network, value);
            let (rows, columns) = match stage.manner {
                Manner::Streamed { .. } => (task.rows.clone(), task.columns.clone()),
                Manner::Accumulated { .. } | Manner::Whole => (whole.rows, whole.columns),
            };
            let channels = self.channels(task, value);
            Part { value, rows, columns, held: self.held(value, strip), channels }
        });
        writes.collect()
    }

    /// Whether a task adds channels to the sums of the last stage of a group that runs by channels.
    pub fn is_summed(&self, task: &Task) -> bool {
        task.channels.is_some() && task.stage == self.group.last
    }

    /// The channels of a value that a task works on, where the value is stored slice by slice.
    fn channels(&self, task: &Task, value: ValueId) -> Option<Range<u32>> {
        task.channels.clone().filter(|_| self.is_internal(value))
    }

    /// The columns of a value that its storage holds.
    pub fn held(&self, value: ValueId, strip: &StripColumns) -> Range<u32> {
        strip.value(self.network, self.uses, self.group, value)
    }

    /// Whether a value is written and read in the group only.
    pub fn is_internal(&self, value: ValueId) -> bool {
        self.uses.is_internal(self.network, value, self.group.first, self.group.last)
    }
}
