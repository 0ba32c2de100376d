//! Schedules made by hand: stages in groups of given lengths, and a room of its own for every value.

use std::ops::Range;

use cofit_stream::{
    Group, Manner, Network, Pieces, Schedule, Stage, StageId, Storage, StripColumns, Task, Uses,
    ValueId, visit_tasks,
};
use cofit_vocab::Bytes;
use cranelift_entity::EntityRef;

/// Consecutive groups of at most `length` stages. Groups of several strips hold only what a strip may
/// compute anew, and only their last stage writes what is read outside: the others compute no column
/// that it does not ask for.
pub fn groups(network: &Network, length: usize, pieces: Pieces, strips: u32) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let may_strip = |stage: &Stage| matches!(stage.manner, Manner::Streamed { .. });
    for (id, stage) in &network.stages {
        let columns = stage.grid.columns;
        let joins = groups.last().is_some_and(|group: &Group| {
            group.stages().len() < length
                && (strips == 1 || may_strip(stage) && may_strip(&network.stages[group.last]))
        });
        match groups.last_mut().filter(|_| joins) {
            Some(group) => {
                group.last = id;
                group.strips = even(columns, strips);
            }
            None => {
                let count = if may_strip(stage) { strips } else { 1 };
                groups.push(Group { first: id, last: id, pieces, strips: even(columns, count) });
            }
        }
    }
    let uses = Uses::of(network);
    for group in &mut groups {
        let leaves = |id: StageId| {
            let mut writes = network.stages[id].writes.iter();
            writes.any(|&value| !uses.is_internal(network, value, group.first, group.last))
        };
        if group.stages().any(|id| id != group.last && leaves(id)) {
            group.strips = even(network.stages[group.last].grid.columns, 1);
        }
    }
    groups
}

fn even(columns: u32, strips: u32) -> Vec<Range<u32>> {
    let strips = strips.clamp(1, columns.max(1));
    (0..strips).map(|at| columns * at / strips..columns * (at + 1) / strips).collect()
}

/// Rooms side by side: rings as large as what is alive at once, all other values in full.
pub fn lay_out(network: &Network, groups: Vec<Group>) -> Schedule {
    let uses = Uses::of(network);
    let mut schedule = Schedule { groups, ..Schedule::default() };
    let mut next = 0;
    let mut room = |capacity: u64| {
        let start = next;
        next += capacity.next_multiple_of(8);
        Storage::Arena { start, capacity }
    };
    for (value, it) in &network.values {
        if it.is_output || it.is_input || !uses.readers[value].is_empty() {
            let inside = schedule
                .groups
                .iter()
                .find(|group| uses.is_internal(network, value, group.first, group.last));
            let bytes = inside.map_or(it.bytes(), |group| ring(network, &uses, group, value));
            schedule.values[value] = room(bytes.max(1));
        }
    }
    for (id, stage) in &network.stages {
        if let Manner::Accumulated { bytes } = stage.manner {
            schedule.sums[id] = room(bytes);
        }
    }
    schedule.arena = Bytes(next);
    schedule
}

/// Bytes of the pixels between the last one written and the first one that is still read, at most.
fn ring(network: &Network, uses: &Uses, group: &Group, value: ValueId) -> u64 {
    // For each task of a strip: the end of what it writes, and the first pixel that it reads.
    let mut tasks: Vec<(u32, Option<u64>, Option<u64>)> = Vec::new();
    visit_tasks(network, uses, group, &mut |task: &Task, columns: &StripColumns| {
        let stage = &network.stages[task.stage];
        let grid = network.values[value].grid;
        let held = columns.value(network, uses, group, value);
        let width = u64::from(held.end - held.start);
        let pixel = |row: u32, column: u32| u64::from(row) * width + u64::from(column - held.start);
        let written = stage.writes.contains(&value).then(|| match stage.manner {
            Manner::Streamed { .. } => pixel(task.rows.end - 1, task.columns.end - 1) + 1,
            Manner::Accumulated { .. } | Manner::Whole => grid.area(),
        });
        let reads = stage.reads.iter().filter(|read| read.value == value).filter_map(|read| {
            let rows = read.reach.rows(task.rows.start, task.rows.end, grid);
            let columns = read.reach.columns(task.columns.start, task.columns.end, grid);
            (!rows.is_empty() && !columns.is_empty()).then(|| pixel(rows.start, columns.start))
        });
        tasks.push((task.strip, written, reads.min()));
    });
    let mut most = 1;
    let mut oldest = (u32::MAX, u64::MAX);
    for (strip, written, read) in tasks.into_iter().rev() {
        if oldest.0 != strip {
            oldest = (strip, u64::MAX);
        }
        oldest.1 = oldest.1.min(read.unwrap_or(u64::MAX));
        most = most.max(written.unwrap_or(0).saturating_sub(oldest.1));
    }
    most * network.values[value].pixel_bytes
}

/// Every stage by itself, at once.
pub fn one_by_one(network: &Network) -> Vec<Group> {
    groups(network, 1, Pieces::Whole, 1)
}

/// Every stage by itself, and values at the lowest address that is free while they live.
pub fn pack(network: &Network) -> Schedule {
    let uses = Uses::of(network);
    let last = network.stages.len();
    let mut placed: Vec<(Range<u64>, Range<usize>)> = Vec::new();
    let mut schedule = Schedule { groups: one_by_one(network), ..Schedule::default() };
    let mut values: Vec<ValueId> = network.values.keys().collect();
    values.sort_by_key(|&value| std::cmp::Reverse(network.values[value].bytes()));
    for value in values {
        let it = &network.values[value];
        let begin = uses.writer[value].map_or(0, EntityRef::index);
        let read = uses.readers[value].last().map_or(begin, |reader| reader.index());
        let live = begin..if it.is_output { last + 1 } else { read + 1 };
        let room = |start: u64| start..start + it.bytes();
        let meets = |start: u64| {
            placed.iter().find(|(taken, during)| {
                let is_same_time = during.start < live.end && live.start < during.end;
                is_same_time && taken.start < room(start).end && start < taken.end
            })
        };
        let mut start = 0;
        while let Some((taken, _)) = meets(start) {
            start = taken.end.next_multiple_of(8);
        }
        if it.bytes() > 0 {
            placed.push((room(start), live));
            schedule.values[value] = Storage::Arena { start, capacity: it.bytes() };
        }
    }
    let ends = placed.iter().map(|(room, _)| room.end);
    schedule.arena = Bytes(ends.max().unwrap_or(0));
    schedule
}
