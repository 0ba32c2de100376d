//! What a group holds, pixel by pixel: the capacity of every ring and the distance at which a result
//! follows a dying operand.

use cranelift_entity::{EntityRef, SecondaryMap};
use smallvec::SmallVec;

use crate::candidate::{Effort, Setting, slices_effort};
use crate::channels::ByChannels;
use crate::lag::Behind;
use crate::network::{Manner, Reach, StageId, ValueId};
use crate::schedule::{Group, Pieces};
use crate::tasks::{StripColumns, Task, visit_tasks};

/// What a group holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Geometry {
    /// Bytes of every internal value's ring, or of all of it where it is no stream.
    pub rings: Vec<(ValueId, u64)>,
    /// Bytes of the sums of accumulating stages.
    pub sums: Vec<(StageId, u64)>,
    /// Distances between results that leave the group and operands that die in it.
    pub behind: Vec<Behind>,
    /// A result that is made from sums: byte by byte it may lie from their start on.
    pub over_sums: Option<(ValueId, StageId)>,
    /// What each stage takes.
    pub efforts: Vec<(StageId, Effort)>,
}

/// Runs through the tasks of a group.
pub(crate) fn geometry(setting: Setting<'_>, group: &Group) -> Geometry {
    let Setting { network, uses, .. } = setting;
    if let Pieces::Channels(count) = group.pieces {
        return by_slices(setting, group, count);
    }
    let mut trace = Trace {
        setting,
        group,
        done: SecondaryMap::new(),
        strip: 0,
        most: SecondaryMap::new(),
        dying: SmallVec::new(),
        behind: Vec::new(),
        calls: SecondaryMap::new(),
        area: SecondaryMap::new(),
    };
    for id in group.stages() {
        for read in &network.stages[id].reads {
            let value = read.value;
            let comes_from_before = uses.writer[value].is_none_or(|it| it < group.first);
            let dies = uses.readers[value].last().is_some_and(|&it| it <= group.last);
            if comes_from_before
                && dies
                && !network.values[value].is_output
                && !setting.is_outside(value)
                && group.strips.len() == 1
                && !trace.dying.contains(&value)
            {
                trace.dying.push(value);
            }
        }
    }
    visit_tasks(network, uses, group, &mut |task, columns| trace.task(task, columns));
    let mut found = Geometry { behind: trace.behind, ..Geometry::default() };
    for id in group.stages() {
        let stage = &network.stages[id];
        let whole = u128::from(stage.macs.get());
        let area = stage.grid.area().max(1);
        let share = whole * u128::from(trace.area[id]) / u128::from(area);
        let macs = u64::try_from(share).unwrap_or(u64::MAX);
        let calls = trace.calls[id];
        let constant_bytes = stage.constant_bytes.saturating_mul(calls);
        let iterations = trace.area[id];
        let effort = Effort { iterations, macs, calls, constant_reads: calls, constant_bytes };
        found.efforts.push((id, effort));
        if let Manner::Accumulated { bytes } = stage.manner
            && group.pieces != Pieces::Whole
        {
            found.sums.push((id, bytes));
        }
        for &value in &stage.writes {
            if uses.is_internal(network, value, group.first, group.last)
                && !uses.readers[value].is_empty()
            {
                let pixels = match stage.manner {
                    Manner::Streamed { .. } => trace.most[value],
                    Manner::Accumulated { .. } | Manner::Whole => network.values[value].grid.area(),
                };
                found.rings.push((value, pixels.saturating_mul(network.values[value].pixel_bytes)));
            }
        }
    }
    found
}

/// What a group holds that runs by `count` channels at a time.
fn by_slices(setting: Setting<'_>, group: &Group, count: u32) -> Geometry {
    let Setting { network, uses, .. } = setting;
    let mut found = Geometry::default();
    let Some(all) = ByChannels::of(network, uses, group.first, group.last) else { return found };
    for id in group.stages() {
        let stage = &network.stages[id];
        found.efforts.push((id, slices_effort(network, id, all.slices(count))));
        for &value in &stage.writes {
            if id == group.last {
                found.sums.push((id, all.sums));
                found.over_sums = Some((value, id));
            } else {
                found.rings.push((value, stage.grid.area().saturating_mul(count.into())));
            }
        }
    }
    found
}

struct Trace<'a> {
    setting: Setting<'a>,
    group: &'a Group,
    /// Pieces that each stage has done in this strip.
    done: SecondaryMap<StageId, u64>,
    strip: u32,
    /// Most pixels of each internal value at once.
    most: SecondaryMap<ValueId, u64>,
    dying: SmallVec<[ValueId; 2]>,
    behind: Vec<Behind>,
    /// Calls of each stage, in all strips.
    calls: SecondaryMap<StageId, u64>,
    /// Iterations that each stage has done, in all strips.
    area: SecondaryMap<StageId, u64>,
}

impl Trace<'_> {
    fn task(&mut self, task: &Task, columns: &StripColumns) {
        let Setting { network, uses, .. } = self.setting;
        if task.strip != self.strip {
            self.strip = task.strip;
            self.done.clear();
        }
        let stage = &network.stages[task.stage];
        let is_in_place = matches!(stage.manner, Manner::Streamed { in_place: true });
        let rows = u64::from(task.rows.end - task.rows.start);
        let width = u64::from(task.columns.end - task.columns.start);
        self.area[task.stage] += rows * width;
        self.calls[task.stage] += 1;
        if is_in_place {
            self.done[task.stage] += 1;
        }
        let is_streamed = matches!(stage.manner, Manner::Streamed { .. });
        if is_streamed || task.is_last {
            for &value in &stage.writes {
                let it = &network.values[value];
                let local = columns.value(network, uses, self.group, value);
                let written = match is_streamed {
                    true => {
                        u64::from(task.rows.end - 1) * u64::from(local.end - local.start)
                            + u64::from(task.columns.end - local.start)
                    }
                    false => it.grid.area(),
                };
                if uses.is_internal(network, value, self.group.first, self.group.last) {
                    let held = written.saturating_sub(self.oldest(value, columns));
                    self.most[value] = self.most[value].max(held);
                } else {
                    self.follow(value, written.saturating_mul(it.pixel_bytes), columns);
                }
            }
        }
        if !is_in_place {
            self.done[task.stage] += 1;
        }
    }

    /// Records how far a result that leaves the group has come behind the operands that die.
    fn follow(&mut self, result: ValueId, written: u64, columns: &StripColumns) {
        for at in 0..self.dying.len() {
            let operand = self.dying[at];
            let freed = self
                .oldest(operand, columns)
                .saturating_mul(self.setting.network.values[operand].pixel_bytes);
            let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            let bytes = signed(written).saturating_sub(signed(freed));
            let known =
                self.behind.iter_mut().find(|it| it.result == result && it.operand == operand);
            match known {
                Some(known) => known.bytes = known.bytes.max(bytes),
                None => self.behind.push(Behind { result, operand, bytes }),
            }
        }
    }

    /// The number of the first pixel of a value that some stage of the group still needs.
    fn oldest(&self, value: ValueId, columns: &StripColumns) -> u64 {
        let Setting { network, uses, .. } = self.setting;
        let local = columns.value(network, uses, self.group, value);
        let width = u64::from(local.end - local.start);
        let grid = network.values[value].grid;
        let area = u64::from(grid.rows) * width;
        let mut oldest = area;
        for &reader in uses.readers[value].iter().filter(|&&it| self.group.contains(it)) {
            let stage = &network.stages[reader];
            let own = columns.stage(reader);
            let own_width = u64::from(own.end - own.start);
            let rows = u64::from(stage.grid.rows);
            let step = u64::from(self.group.pieces.columns(own.end - own.start));
            let (all, per_row) = match (self.group.pieces, stage.manner) {
                (Pieces::Whole, _) | (_, Manner::Whole) => (1, 1),
                _ if own_width == 0 => (0, 1),
                (Pieces::Rows | Pieces::Channels(_), _) => (rows, 1),
                (Pieces::Pixels(_), _) => {
                    let per_row = own_width.div_ceil(step);
                    (rows * per_row, per_row)
                }
            };
            let done = self.done[reader];
            if done >= all {
                continue;
            }
            for read in stage.reads.iter().filter(|read| read.value == value) {
                let Reach::Window { rows: down, columns: across } = read.reach else {
                    oldest = 0;
                    continue;
                };
                if all == 1 && !matches!(self.group.pieces, Pieces::Pixels(_)) {
                    // A single piece may be the whole stage.
                    let row = down.reads(0, 1, grid.rows).start;
                    oldest = oldest.min(u64::from(row) * width);
                    continue;
                }
                let row = u32::try_from(done / per_row).unwrap_or(u32::MAX);
                let first_of = |row: u32, column: u32| {
                    let row = down.reads(row, row + 1, grid.rows).start;
                    let column = across.reads(column, column + 1, grid.columns).start;
                    u64::from(row) * width
                        + u64::from(column.saturating_sub(local.start)).min(width)
                };
                let column = match self.group.pieces {
                    Pieces::Whole | Pieces::Rows | Pieces::Channels(_) => own.start,
                    Pieces::Pixels(_) => {
                        own.start + u32::try_from(done % per_row * step).unwrap_or(u32::MAX)
                    }
                };
                oldest = oldest.min(first_of(row, column));
                // The next row may begin further to the left of the same first row.
                if u64::from(row) + 1 < rows {
                    oldest = oldest.min(first_of(row + 1, own.start));
                }
            }
        }
        oldest
    }
}

/// Whether a value is there in full rather than in a ring.
pub(crate) fn is_full(setting: Setting<'_>, value: ValueId, group: &Group) -> bool {
    let Setting { network, uses, .. } = setting;
    !uses.is_internal(network, value, group.first, group.last) || uses.readers[value].is_empty()
}

/// Which groups a value is live in, by position; `None` where nobody touches it, or where it is fed and
/// nobody reads it.
pub(crate) fn lifetime(
    setting: Setting<'_>,
    value: ValueId,
    group_of: &SecondaryMap<StageId, usize>,
    groups: usize,
) -> Option<(usize, usize)> {
    let it = &setting.network.values[value];
    let written = setting.uses.writer[value].map(|stage| group_of[stage]);
    let read = setting.uses.readers[value].last().map(|&stage| group_of[stage]);
    let begin = if it.is_input { Some(0) } else { written };
    let end = if it.is_output { Some(groups.saturating_sub(1)) } else { read.or(written) };
    Some((begin?, end?))
}

/// The group of every stage, by position.
pub(crate) fn group_of(groups: &[Group]) -> SecondaryMap<StageId, usize> {
    let mut of = SecondaryMap::new();
    for (at, group) in groups.iter().enumerate() {
        for stage in group.stages() {
            debug_assert!(stage.index() <= group.last.index());
            of[stage] = at;
        }
    }
    of
}
