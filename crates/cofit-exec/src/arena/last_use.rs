//! When bytes are used for the last time.

use std::ops::Range;

use cofit_stream::{Pieces, StripColumns, Task, ValueId, visit_tasks};
use cranelift_entity::SecondaryMap;

use super::part::{Part, Scope};

/// Bytes noted about a pixel while the ends of a group are found, at most: its last use, and an end in a
/// list that has grown by doubling.
pub(super) const PIXEL_NOTES: u64 = (size_of::<u32>() + 2 * size_of::<End>()) as u64;

/// Pixels side by side that nobody needs after a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The number of the task in its group.
    pub task: u32,
    pub value: ValueId,
    pub row: u32,
    pub columns: Range<u32>,
}

/// The ends of all pixels that die in a group, in the order of tasks.
///
/// Outputs never die, and what `is_kept` names. Pixels that a group writes and nobody reads die with
/// the task that writes them, those of operands that it does not read with its first one.
pub(super) fn ends(scope: Scope<'_>, is_kept: impl Fn(ValueId) -> bool) -> Vec<End> {
    let Scope { network, uses, group } = scope;
    let mut dying: SecondaryMap<ValueId, bool> = SecondaryMap::new();
    for (value, it) in &network.values {
        let last = uses.readers[value].last().copied().or(uses.writer[value]);
        // Slices are freed by the task that reads them.
        let is_sliced = matches!(group.pieces, Pieces::Channels(_)) && scope.is_internal(value);
        dying[value] = !is_sliced
            && !it.is_output
            && !is_kept(value)
            && last.is_some_and(|last| group.contains(last));
    }
    let mut trace = Trace { scope, dying, uses: SecondaryMap::new(), ends: Vec::new(), strip: 0 };
    let mut number = 0;
    visit_tasks(network, uses, group, &mut |task, columns| {
        trace.task(number, task, columns);
        number = number.saturating_add(1);
    });
    trace.flush(|_| true);
    trace.ends.sort_unstable_by_key(|end| end.task);
    trace.ends
}

struct Trace<'a> {
    scope: Scope<'a>,
    dying: SecondaryMap<ValueId, bool>,
    /// For each pixel of a value the number of the last task that uses it, plus one; empty for values
    /// that no task has used.
    uses: SecondaryMap<ValueId, Vec<u32>>,
    ends: Vec<End>,
    strip: u32,
}

impl Trace<'_> {
    fn task(&mut self, number: u32, task: &Task, columns: &StripColumns) {
        let scope = self.scope;
        if task.strip != self.strip {
            // The next strip computes what is internal anew.
            self.strip = task.strip;
            self.flush(|value| scope.is_internal(value));
        }
        for (_, part) in scope.operands(task, columns) {
            self.note(&part, number);
        }
        for part in scope.results(task, columns) {
            self.note(&part, number);
        }
    }

    fn note(&mut self, part: &Part, number: u32) {
        if !self.dying[part.value] {
            return;
        }
        let grid = self.scope.network.values[part.value].grid;
        let width = grid.columns as usize;
        let uses = &mut self.uses[part.value];
        uses.resize(grid.rows as usize * width, 0);
        for row in part.rows.clone() {
            let row = &mut uses[row as usize * width..][..width];
            row[part.columns.start as usize..part.columns.end as usize]
                .fill(number.saturating_add(1));
        }
    }

    /// Turns the uses of some values into ends.
    fn flush(&mut self, is_meant: impl Fn(ValueId) -> bool) {
        let network = self.scope.network;
        for value in network.values.keys().filter(|&value| self.dying[value] && is_meant(value)) {
            let uses = std::mem::take(&mut self.uses[value]);
            let width = network.values[value].grid.columns.max(1);
            for (row, uses) in (0..).zip(uses.chunks_exact(width as usize)) {
                let mut from = 0;
                for same in uses.chunk_by(|a, b| a == b) {
                    let to = from + same.len() as u32;
                    // What is internal and was not used in this strip may be used in another.
                    if same[0] > 0 || !self.scope.is_internal(value) {
                        let task = same[0].saturating_sub(1);
                        self.ends.push(End { task, value, row, columns: from..to });
                    }
                    from = to;
                }
            }
        }
    }
}
