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

use std::sync::atomic::{AtomicUsize, Ordering};

mod part;
mod propagate;

pub(crate) use part::Part;
use propagate::Head;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The items of the sections, laid out as in the part; the unplaced ones of each come first.
    members: Vec<u32>,
    /// How many items of each section are unplaced.
    unplaced: Vec<u32>,
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
    /// Scratch: indices into these.
    late: Vec<usize>,
    refuted: Vec<u128>,
    nodes_left: u64,
    /// Nodes spent by the last run.
    pub spent: u64,
    /// How the last run went.
    pub outcome: Outcome,
}

/// Tells a search that an earlier one has the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancel<'a> {
    /// The first search that has an answer.
    pub first: &'a AtomicUsize,
    /// This search.
    pub mine: usize,
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
            members: part.members.all().to_vec(),
            unplaced: vec![0; part.section_count],
            offsets: vec![NOWHERE; items],
            rank: vec![0; items],
            trail: Vec::new(),
            dirty: Vec::new(),
            is_dirty: vec![false; part.section_count],
            open: Vec::new(),
            late: Vec::new(),
            refuted: vec![0; 1 << REFUTED_BITS],
            nodes_left: 0,
            spent: 0,
            outcome: Outcome::OutOfNodes,
        };
        for i in 0..items {
            search.count_in(i);
        }
        search
    }

    /// Searches with a preference among candidates and a number of nodes. May be called again
    /// after [`Outcome::OutOfNodes`]; refuted states stay remembered.
    pub fn run(&mut self, order: &[u32], nodes: u64, cancel: Cancel<'_>) -> Outcome {
        for (rank, &i) in (0..).zip(order) {
            self.rank[i as usize] = rank;
        }
        self.nodes_left = nodes;
        self.spent = 0;
        let mut feasible = self.feasible;
        for i in 0..self.spans.len() {
            feasible = feasible && self.lift_twin(i);
        }
        for s in 0..self.part.section_count {
            self.mark(s);
        }
        let outcome = if feasible && self.settle() {
            self.descend(0, self.part.section_count, 0, cancel)
        } else {
            Outcome::Refuted
        };
        if outcome != Outcome::Found {
            self.undo(0);
        }
        self.outcome = outcome;
        outcome
    }

    /// The item to branch on, or why there is none. Raises items that cannot lie at the level.
    fn choose(&mut self, lo: usize, hi: usize) -> Choice {
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
                for at in self.unplaced(s) {
                    let i = self.members[at];
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

    fn descend(&mut self, lo: usize, hi: usize, depth: u32, cancel: Cancel<'_>) -> Outcome {
        if depth > DEEPEST {
            return Outcome::OutOfNodes;
        }
        let entry = self.trail.len();
        let key = self.key(lo, hi);
        let slot = (key >> (128 - REFUTED_BITS)) as usize;
        if self.refuted[slot] == key {
            return Outcome::Refuted;
        }
        let outcome = self.branch(lo, hi, depth, cancel);
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

    fn branch(&mut self, lo: usize, hi: usize, depth: u32, cancel: Cancel<'_>) -> Outcome {
        loop {
            let called_off = cancel.first.load(Ordering::Relaxed) < cancel.mine;
            if self.nodes_left == 0 || called_off {
                return Outcome::OutOfNodes;
            }
            self.nodes_left -= 1;
            self.spent += 1;
            let item = match self.choose(lo, hi) {
                Choice::Complete => return Outcome::Found,
                Choice::Dead => return Outcome::Refuted,
                Choice::Item(item) => item,
            };
            let mark = self.trail.len();
            if self.put(item) {
                match self.split(lo, hi, depth, cancel) {
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
    fn split(&mut self, lo: usize, hi: usize, depth: u32, cancel: Cancel<'_>) -> Outcome {
        let mut from = lo;
        while from < hi {
            let mut to = from;
            while to + 1 < hi && self.crossing[to] > 0 {
                to += 1;
            }
            to += 1;
            if self.sections[from..to].iter().any(|section| section.floor != DONE) {
                match self.descend(from, to, depth + 1, cancel) {
                    Outcome::Found => {}
                    outcome => return outcome,
                }
            }
            from = to;
        }
        Outcome::Found
    }
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
