//! The exact search: does a part have a layout below a given height?
//!
//! Only *bottom-justified* layouts are searched, in which every item lies at zero or directly on
//! an item with which it conflicts (or is fixed): pushing items down turns any layout into one of
//! these without raising its height. Items are placed in order of offset. The search therefore
//! always stands at a *level*, the least offset that any unplaced item may still have, and
//! branches on one item: it lies at the level, or it does not and must rest on some item yet to be
//! placed. The item is taken from the section at the level with the fewest candidates.
//!
//! A *section* is a maximal set of items live together. A branch ends when the items of a section
//! that are still to be placed do not fit between the section's floor and the height. An item that
//! alone can be the lowest of its section precedes the others there, and of two items of which
//! only one order is left, the one ends before the other starts; both raise least offsets and
//! lower highest ones, as in scheduling on one machine. When an
//! item's placing leaves two groups of sections without a common item, they are searched
//! independently. States that were refuted are remembered by a 128-bit hash of the unplaced items
//! and their bounds.
//!
//! The rules of bounding by section, of canonical order and of splitting are those of minimalloc
//! (Moffitt, "MiniMalloc: A Lightweight Memory Allocator for Hardware-Accelerated Machine
//! Learning", ASPLOS 2023); branching on the level, ordering pairs and remembering states are not.

mod part;

pub(crate) use part::Part;
use part::borders;

use crate::first_fit::NOWHERE;

/// Deepest nesting of the search. Deeper branches count as an exhausted budget.
const DEEPEST: u32 = 6000;
/// Entries of the memory of refuted states, as a power of two.
const REFUTED_BITS: u32 = 15;
/// Floor of a section whose items are all placed, and bound of a placed item.
const DONE: u64 = u64::MAX;

/// How the search went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A layout was found.
    Found,
    /// There is none.
    Refuted,
    /// The nodes ran out.
    OutOfNodes,
}

/// An item during the search. The first fields of placed items are [`DONE`].
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Least offset that the item can still have.
    bound: u64,
    /// Highest offset that it can still have.
    last: u64,
    size: u64,
    /// Offset at which it would rest on what is placed. It can be placed where
    /// `bound == support`.
    support: u64,
}

/// A section during the search.
#[derive(Clone, Copy, Debug)]
struct Section {
    /// Least bound of the unplaced items; [`DONE`] if there are none.
    floor: u64,
    /// The first of the unplaced items starts here at the latest.
    latest: u64,
    /// Least `last` of the unplaced items.
    least_last: u64,
}

/// What to undo.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// The bound and the support of an item.
    Bound { item: u32, bound: u64, support: u64 },
    /// The highest offset of an item.
    Last { item: u32, last: u64 },
    /// A section.
    Section { section: u32, before: Section },
    /// An item was placed; its bound was this.
    Placed { item: u32, bound: u64 },
}

/// A search for a layout of one part below one height.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    part: &'a Part,
    /// Whether every item fits below the height by itself.
    feasible: bool,
    spans: Vec<Span>,
    sections: Vec<Section>,
    /// Units of each section's unplaced items.
    total: Vec<u64>,
    /// Unplaced items that live on both sides of the border after each section.
    crossing: Vec<u32>,
    /// Offsets of placed items.
    pub offsets: Vec<u64>,
    /// Preference among candidates, least first.
    rank: Vec<u32>,
    trail: Vec<Change>,
    /// Sections whose consequences are yet to be drawn.
    dirty: Vec<u32>,
    is_dirty: Vec<bool>,
    /// Scratch: the unplaced items of a section.
    open: Vec<Head>,
    refuted: Vec<u128>,
    nodes_left: u64,
    /// Nodes spent.
    pub nodes: u64,
}

impl<'a> Search<'a> {
    /// Starts a search for a layout in which every item `i` ends at `limit(i)` at the highest.
    pub fn new(part: &'a Part, limit: impl Fn(usize) -> u64) -> Self {
        let items = part.size.len();
        let mut feasible = true;
        let spans = (0..items)
            .map(|i| {
                let size = part.size[i];
                let highest = limit(i).checked_sub(size);
                let bound = part.fixed[i].unwrap_or(0);
                feasible &= highest.is_some_and(|highest| bound <= highest);
                let last = part.fixed[i].or(highest).unwrap_or(0);
                Span { bound, last, size, support: bound }
            })
            .collect();
        let open = Section { floor: 0, latest: 0, least_last: 0 };
        let mut search = Self {
            part,
            feasible,
            spans,
            sections: vec![open; part.section_count],
            total: vec![0; part.section_count],
            crossing: vec![0; part.section_count],
            offsets: vec![NOWHERE; items],
            rank: vec![0; items],
            trail: Vec::new(),
            dirty: Vec::new(),
            is_dirty: vec![false; part.section_count],
            open: Vec::new(),
            refuted: vec![0; 1 << REFUTED_BITS],
            nodes_left: 0,
            nodes: 0,
        };
        for i in 0..items {
            search.count_in(i);
        }
        search
    }

    /// Searches with a preference among candidates and a number of nodes. May be called again
    /// after [`Outcome::OutOfNodes`]; refuted states stay remembered.
    pub fn run(&mut self, order: &[u32], nodes: u64) -> Outcome {
        for (rank, &i) in (0..).zip(order) {
            self.rank[i as usize] = rank;
        }
        self.nodes_left = nodes;
        let mut feasible = self.feasible;
        for i in 0..self.spans.len() {
            feasible = feasible && self.lift_twin(i);
        }
        for s in 0..self.part.section_count {
            self.mark(s);
        }
        let outcome = if feasible && self.settle() {
            self.descend(0, self.part.section_count, 0)
        } else {
            Outcome::Refuted
        };
        if outcome != Outcome::Found {
            self.undo(0);
        }
        outcome
    }

    /// Adds an unplaced item to the sums of its sections.
    fn count_in(&mut self, i: usize) {
        let row = self.part.sections.row(i);
        for &s in row {
            self.total[s as usize] += self.part.size[i];
        }
        for s in borders(row) {
            self.crossing[s] += 1;
        }
    }

    fn mark(&mut self, section: usize) {
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
            if old <= section.floor || bound > section.latest || bound + size > section.least_last {
                self.mark(s as usize);
            }
        }
        self.lift_twin(i)
    }

    /// Keeps an item's twin above it.
    fn lift_twin(&mut self, i: usize) -> bool {
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
        for &s in self.part.sections.row(i) {
            self.mark(s as usize);
        }
        true
    }

    /// Draws the consequences of what changed. False if that leaves no layout.
    fn settle(&mut self) -> bool {
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
        let part = self.part;
        let mut floor = DONE;
        let mut top = 0;
        let mut least_last = DONE;
        let mut most_end = 0;
        let mut open = std::mem::take(&mut self.open);
        open.clear();
        for &i in part.members.row(s) {
            let span = &self.spans[i as usize];
            if span.bound != DONE {
                floor = floor.min(span.bound);
                top = top.max(span.last + span.size);
                least_last = least_last.min(span.last);
                most_end = most_end.max(span.bound + span.size);
                open.push(Head { bound: span.bound, last: span.last, size: span.size, item: i });
            }
        }
        let before = self.sections[s];
        let latest = top.checked_sub(self.total[s]);
        self.trail.push(Change::Section { section: s as u32, before });
        self.sections[s] = Section { floor, latest: latest.unwrap_or(0), least_last };
        let fits = floor == DONE
            || latest.is_some_and(|latest| floor <= latest)
                && self.order_first(&mut open, top, self.total[s])
                && (most_end <= least_last || self.order_pairs(&mut open));
        self.open = open;
        fits
    }

    /// Finds which of a section's items can be the lowest. Where only one can, it precedes all
    /// others, and the question is asked again of those.
    fn order_first(&mut self, open: &mut [Head], top: u64, mut rest: u64) -> bool {
        let mut from = 0;
        while from < open.len() {
            let Some(latest) = top.checked_sub(rest) else { return false };
            let mut candidates = 0;
            let mut first = 0;
            let mut least_end = DONE;
            for (k, head) in open.iter().enumerate().skip(from) {
                let can = head.bound <= latest;
                candidates += usize::from(can);
                first = if can { k } else { first };
                least_end = least_end.min(if can { head.bound + head.size } else { DONE });
            }
            if candidates == 0 {
                return false;
            }
            let only = candidates == 1;
            if !only && candidates == open.len() - from {
                return true;
            }
            if only {
                if !self.lower(open[first].item as usize, Some(latest)) {
                    return false;
                }
                rest -= open[first].size;
                open.swap(from, first);
                from += 1;
            }
            for head in &mut open[from..] {
                if (only || head.bound > latest) && head.bound < least_end {
                    if !self.lift(head.item as usize, least_end) {
                        return false;
                    }
                    head.bound = self.spans[head.item as usize].bound;
                }
            }
            if !only {
                return stacks(&mut open[from..], top);
            }
        }
        true
    }

    /// Orders the pairs of a section of which only one order is left.
    fn order_pairs(&mut self, open: &mut [Head]) -> bool {
        for k in 0..open.len() {
            let below = open[k];
            for m in 0..open.len() {
                let above = open[m];
                let free = above.bound + above.size <= below.last;
                let ordered = above.bound >= below.bound + below.size
                    && below.last + below.size <= above.last;
                if free | ordered || m == k {
                    continue;
                }
                let (i, j) = (above.item as usize, below.item as usize);
                if !(self.lift(i, below.bound + below.size)
                    && self.lower(j, above.last.checked_sub(below.size)))
                {
                    return false;
                }
                open[m].bound = self.spans[i].bound;
                open[k].last = self.spans[j].last;
            }
        }
        true
    }

    /// Places an item at its bound. False if that leaves no layout.
    fn put(&mut self, i: usize) -> bool {
        let part = self.part;
        let Span { bound: at, size, .. } = self.spans[i];
        self.trail.push(Change::Placed { item: i as u32, bound: at });
        self.offsets[i] = at;
        self.spans[i].bound = DONE;
        let row = part.sections.row(i);
        for &s in row {
            self.total[s as usize] -= size;
            self.mark(s as usize);
        }
        for s in borders(row) {
            self.crossing[s] -= 1;
        }
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
    fn refuse(&mut self, i: usize) -> bool {
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

    fn undo(&mut self, mark: usize) {
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

    /// The item to branch on, or why there is none. Raises items that cannot lie at the level.
    fn choose(&mut self, lo: usize, hi: usize) -> Choice {
        let part = self.part;
        loop {
            let level =
                self.sections[lo..hi].iter().map(|section| section.floor).min().unwrap_or(DONE);
            if level == DONE {
                return Choice::Complete;
            }
            let mut best: Option<(u32, u64, u32, u32)> = None;
            let mut raised = false;
            for s in lo..hi {
                if self.sections[s].floor != level {
                    continue;
                }
                let mut count = 0;
                let mut pick = (u32::MAX, 0);
                for &i in part.members.row(s) {
                    let item = i as usize;
                    if self.spans[item].bound != level {
                        continue;
                    }
                    if self.spans[item].support < level {
                        if !self.refuse(item) {
                            return Choice::Dead;
                        }
                        raised = true;
                    } else {
                        count += 1;
                        pick = pick.min((self.rank[item], i));
                    }
                }
                let slack = self.sections[s].latest.saturating_sub(level);
                let key = (count, slack, pick.0, pick.1);
                if best.is_none_or(|best| key < best) {
                    best = Some(key);
                }
            }
            if raised {
                if !self.settle() {
                    return Choice::Dead;
                }
                continue;
            }
            return match best {
                Some((_, _, _, item)) => Choice::Item(item as usize),
                None => Choice::Complete,
            };
        }
    }

    /// A hash of the unplaced items of some sections and of their bounds.
    fn key(&self, lo: usize, hi: usize) -> u128 {
        let part = self.part;
        let mut key = 0u128;
        for i in part.first_item[lo]..part.first_item[hi] {
            let Span { bound, support, .. } = self.spans[i as usize];
            if bound != DONE {
                key ^= mix(i, bound, support);
            }
        }
        // Zero marks an empty entry.
        key | 1
    }

    fn descend(&mut self, lo: usize, hi: usize, depth: u32) -> Outcome {
        if depth > DEEPEST {
            return Outcome::OutOfNodes;
        }
        let entry = self.trail.len();
        let key = self.key(lo, hi);
        let slot = (key >> (128 - REFUTED_BITS)) as usize;
        if self.refuted[slot] == key {
            return Outcome::Refuted;
        }
        let outcome = self.branch(lo, hi, depth);
        match outcome {
            Outcome::Found => {}
            Outcome::Refuted => {
                self.refuted[slot] = key;
                self.undo(entry);
            }
            Outcome::OutOfNodes => self.undo(entry),
        }
        outcome
    }

    fn branch(&mut self, lo: usize, hi: usize, depth: u32) -> Outcome {
        loop {
            if self.nodes_left == 0 {
                return Outcome::OutOfNodes;
            }
            self.nodes_left -= 1;
            self.nodes += 1;
            let item = match self.choose(lo, hi) {
                Choice::Complete => return Outcome::Found,
                Choice::Dead => return Outcome::Refuted,
                Choice::Item(item) => item,
            };
            let mark = self.trail.len();
            if self.put(item) {
                match self.split(lo, hi, depth) {
                    Outcome::Refuted => {}
                    outcome => return outcome,
                }
            }
            self.undo(mark);
            if !(self.refuse(item) && self.settle()) {
                return Outcome::Refuted;
            }
        }
    }

    /// Searches the groups of sections that share no unplaced item, one after the other.
    fn split(&mut self, lo: usize, hi: usize, depth: u32) -> Outcome {
        let mut from = lo;
        while from < hi {
            let mut to = from;
            while to + 1 < hi && self.crossing[to] > 0 {
                to += 1;
            }
            to += 1;
            if self.sections[from..to].iter().any(|section| section.floor != DONE) {
                match self.descend(from, to, depth + 1) {
                    Outcome::Found => {}
                    outcome => return outcome,
                }
            }
            from = to;
        }
        Outcome::Found
    }
}

/// An unplaced item of the section that is being looked at.
#[derive(Clone, Copy, Debug)]
struct Head {
    bound: u64,
    last: u64,
    size: u64,
    item: u32,
}

/// Whether items, each at its bound or as soon after as the ones before leave room, end below the
/// top.
fn stacks(open: &mut [Head], top: u64) -> bool {
    open.sort_unstable_by_key(|head| head.bound);
    open.iter().fold(0, |end: u64, head| end.max(head.bound) + head.size) <= top
}

enum Choice {
    Item(usize),
    Complete,
    Dead,
}

/// A 128-bit hash of three numbers: two rounds of multiplication by the odd constants of
/// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
fn mix(item: u32, bound: u64, support: u64) -> u128 {
    let round = |seed: u64| {
        let mut x = seed ^ u64::from(item).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for word in [bound, support] {
            x = (x ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^= x >> 30;
        }
        x
    };
    (u128::from(round(0x243f_6a88_85a3_08d3)) << 64) | u128::from(round(0x1319_8a2e_0370_7344))
}
