//! Drawing the consequences of what is decided, and taking them back.

use std::ops::Range;

use super::part::borders;
use super::{Change, DONE, Search, Section, Span};
use crate::first_fit::NOWHERE;

/// An unplaced item of the section that is being looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    bound: u64,
    last: u64,
    size: u64,
    item: u32,
}

/// Sorts by bound. Sections keep the order of their last visit, so little is out of place.
fn sort(open: &mut [Head]) {
    for at in 1..open.len() {
        let head = open[at];
        if open[at - 1].bound <= head.bound {
            continue;
        }
        let mut to = at;
        while to > 0 && open[to - 1].bound > head.bound {
            open[to] = open[to - 1];
            to -= 1;
        }
        open[to] = head;
    }
}

impl Search<'_> {
    /// Where the unplaced items of a section are in the list of members.
    pub(super) fn unplaced(&self, s: usize) -> Range<usize> {
        let from = self.part.members.range(s).start;
        from..from + self.unplaced[s] as usize
    }

    /// Adds an unplaced item to the sums of its sections. It must be the one that was last placed,
    /// or one that never was.
    pub(super) fn count_in(&mut self, i: usize) {
        let part = self.part;
        let row = part.sections.row(i);
        for &s in row {
            self.total[s as usize] += part.size[i];
            self.unplaced[s as usize] += 1;
        }
        for s in borders(row) {
            self.crossing[s] += 1;
        }
    }

    /// Takes an item that is being placed out of the sums of its sections.
    fn count_out(&mut self, i: usize) {
        let part = self.part;
        let row = part.sections.row(i);
        for &s in row {
            let s = s as usize;
            self.total[s] -= part.size[i];
            // Behind the unplaced items, items lie in the order in which they were placed, so
            // that counting is enough to bring them back.
            let unplaced = self.unplaced(s);
            let unplaced = &mut self.members[unplaced];
            if let Some(at) = unplaced.iter().position(|&other| other as usize == i) {
                unplaced[at..].rotate_left(1);
            }
            self.unplaced[s] -= 1;
            self.mark(s);
        }
        for s in borders(row) {
            self.crossing[s] -= 1;
        }
    }

    pub(super) fn mark(&mut self, section: usize) {
        if !self.is_dirty[section] {
            self.is_dirty[section] = true;
            self.dirty.push(section as u32);
        }
    }

    /// Raises an item's bound. False if it no longer fits.
    fn raise(&mut self, i: usize, bound: u64, support: u64) -> bool {
        let part = self.part;
        let Span { bound: old, last, size, support: old_support } = self.spans[i];
        self.trail.push(Change::Bound { item: i as u32, bound: old, support: old_support });
        self.spans[i].support = support;
        if bound == old {
            return true;
        }
        self.spans[i].bound = bound;
        if bound > last {
            return false;
        }
        for &s in part.sections.row(i) {
            let section = &self.sections[s as usize];
            let mattered = old <= section.floor || bound > section.latest && old <= section.latest;
            if mattered || bound + size > section.least_last {
                self.mark(s as usize);
            }
        }
        self.lift_twin(i)
    }

    /// Keeps an item's twin above it.
    pub(super) fn lift_twin(&mut self, i: usize) -> bool {
        match self.part.twin[i] {
            Some(twin) => self.lift(twin as usize, self.spans[i].bound + self.spans[i].size),
            None => true,
        }
    }

    /// Raises an item's bound to at least this. False if it no longer fits.
    fn lift(&mut self, i: usize, bound: u64) -> bool {
        if bound <= self.spans[i].bound {
            return true;
        }
        match bound.checked_next_multiple_of(self.part.align[i]) {
            Some(bound) => self.raise(i, bound, self.spans[i].support),
            None => false,
        }
    }

    /// Lowers the highest offset of an item to at most this. False if it no longer fits.
    fn lower(&mut self, i: usize, last: Option<u64>) -> bool {
        let Some(last) = last else { return false };
        if last >= self.spans[i].last {
            return true;
        }
        self.trail.push(Change::Last { item: i as u32, last: self.spans[i].last });
        self.spans[i].last = last;
        if last < self.spans[i].bound {
            return false;
        }
        let part = self.part;
        for &s in part.sections.row(i) {
            self.mark(s as usize);
        }
        true
    }

    /// Draws the consequences of what changed. False if that leaves no layout.
    pub(super) fn settle(&mut self) -> bool {
        while let Some(s) = self.dirty.pop() {
            self.is_dirty[s as usize] = false;
            if !self.fill(s as usize) {
                return false;
            }
        }
        true
    }

    /// Draws the consequences within one section. False if its items do not fit.
    fn fill(&mut self, s: usize) -> bool {
        let mut floor = DONE;
        let mut most_bound = 0;
        let mut top = 0;
        let mut least_last = DONE;
        let mut most_end = 0;
        let unplaced = self.unplaced(s);
        for &i in &self.members[unplaced.clone()] {
            let Span { bound, last, size, .. } = self.spans[i as usize];
            floor = floor.min(bound);
            most_bound = most_bound.max(bound);
            top = top.max(last + size);
            least_last = least_last.min(last);
            most_end = most_end.max(bound + size);
        }
        let latest = top.checked_sub(self.total[s]);
        let now = Section { floor, latest: latest.unwrap_or(0), least_last };
        let before = self.sections[s];
        if before != now {
            self.trail.push(Change::Section { section: s as u32, before });
            self.sections[s] = now;
        }
        // Most often any item can still be the lowest, and any pair be in either order.
        match latest {
            _ if floor == DONE => return true,
            None => return false,
            Some(latest) if floor > latest => return false,
            Some(latest) if most_bound <= latest && most_end <= least_last => return true,
            Some(_) => {}
        }
        let mut open = std::mem::take(&mut self.open);
        open.clear();
        open.extend(self.members[unplaced.clone()].iter().map(|&i| {
            let Span { bound, last, size, .. } = self.spans[i as usize];
            Head { bound, last, size, item: i }
        }));
        sort(&mut open);
        for (member, head) in self.members[unplaced].iter_mut().zip(&open) {
            *member = head.item;
        }
        let fits = self.order_first(&mut open, top, self.total[s])
            && (most_end <= least_last || self.order_pairs(&mut open, least_last, most_end));
        self.open = open;
        fits
    }

    /// Finds which of a section's items can be the lowest. Where only one can, it precedes all
    /// others, and the question is asked again of those. False if the items, each at its bound or
    /// as soon after as the ones before leave room, end beyond the top.
    fn order_first(&mut self, open: &mut [Head], top: u64, mut rest: u64) -> bool {
        let mut from = 0;
        while from < open.len() {
            let Some(latest) = top.checked_sub(rest) else { return false };
            let candidates = open[from..].partition_point(|head| head.bound <= latest);
            if candidates == 0 {
                return false;
            }
            let only = candidates == 1;
            if !only && candidates == open.len() - from {
                return true;
            }
            let ends = open[from..from + candidates].iter().map(|head| head.bound + head.size);
            let least_end = ends.min().unwrap_or(DONE);
            if only {
                if !self.lower(open[from].item as usize, Some(latest)) {
                    return false;
                }
                rest -= open[from].size;
            }
            let mut lifted = false;
            for head in &mut open[from + candidates..] {
                if head.bound >= least_end {
                    break;
                }
                if !self.lift(head.item as usize, least_end) {
                    return false;
                }
                head.bound = self.spans[head.item as usize].bound;
                lifted = true;
            }
            if only {
                from += 1;
            }
            if lifted {
                sort(&mut open[from..]);
            }
            if !only {
                let end = |end: u64, head: &Head| end.max(head.bound) + head.size;
                return open[from..].iter().fold(0, end) <= top;
            }
        }
        true
    }

    /// Orders the pairs of a section of which only one order is left.
    fn order_pairs(&mut self, open: &mut [Head], least_last: u64, most_end: u64) -> bool {
        // Those that cannot be the lower of some pair. What joins them in here marks the section.
        let mut late = std::mem::take(&mut self.late);
        late.clear();
        for (m, head) in open.iter().enumerate() {
            if head.bound + head.size > least_last {
                late.push(m);
            }
        }
        let fits = self.order_late(open, &late, most_end);
        self.late = late;
        fits
    }

    fn order_late(&mut self, open: &mut [Head], late: &[usize], most_end: u64) -> bool {
        for k in 0..open.len() {
            let mut below = open[k];
            if below.last >= most_end {
                continue;
            }
            for &m in late {
                let above = open[m];
                if above.bound + above.size <= below.last || m == k {
                    continue;
                }
                let after = below.bound + below.size;
                if above.bound >= after && below.last + below.size <= above.last {
                    continue;
                }
                let (i, j) = (above.item as usize, below.item as usize);
                if !(self.lift(i, after) && self.lower(j, above.last.checked_sub(below.size))) {
                    return false;
                }
                open[m].bound = self.spans[i].bound;
                below.last = self.spans[j].last;
            }
            open[k].last = below.last;
        }
        true
    }

    /// Places an item at its bound. False if that leaves no layout.
    pub(super) fn put(&mut self, i: usize) -> bool {
        let part = self.part;
        let Span { bound: at, size, .. } = self.spans[i];
        self.trail.push(Change::Placed { item: i as u32, bound: at });
        self.offsets[i] = at;
        self.spans[i].bound = DONE;
        self.count_out(i);
        let top = at + size;
        for &j in part.conflicts.row(i) {
            let j = j as usize;
            let span = self.spans[j];
            if span.bound == DONE || span.support >= top {
                continue;
            }
            let support = match part.fixed[j] {
                Some(_) => Some(top),
                None => top.checked_next_multiple_of(part.align[j]),
            };
            let Some(support) = support else { return false };
            if !self.raise(j, span.bound.max(support), support) {
                return false;
            }
        }
        self.settle()
    }

    /// Records that an item does not lie at its bound, although it could: it rests on an item yet
    /// to be placed. False if that leaves no layout.
    pub(super) fn refuse(&mut self, i: usize) -> bool {
        if self.part.fixed[i].is_some() {
            return false;
        }
        let ends = self.part.conflicts.row(i).iter().filter_map(|&j| {
            let span = &self.spans[j as usize];
            (span.bound != DONE).then(|| span.bound + span.size)
        });
        match ends.min() {
            Some(least) => self.lift(i, least),
            None => false,
        }
    }

    /// Takes back everything since the trail had a given length.
    pub(super) fn undo(&mut self, mark: usize) {
        for &s in &self.dirty {
            self.is_dirty[s as usize] = false;
        }
        self.dirty.clear();
        while self.trail.len() > mark {
            match self.trail.pop() {
                Some(Change::Bound { item, bound, support }) => {
                    self.spans[item as usize].bound = bound;
                    self.spans[item as usize].support = support;
                }
                Some(Change::Last { item, last }) => self.spans[item as usize].last = last,
                Some(Change::Section { section, before }) => {
                    self.sections[section as usize] = before;
                }
                Some(Change::Placed { item, bound }) => {
                    self.spans[item as usize].bound = bound;
                    self.offsets[item as usize] = NOWHERE;
                    self.count_in(item as usize);
                }
                None => {}
            }
        }
    }
}
