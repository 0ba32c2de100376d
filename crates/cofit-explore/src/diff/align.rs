//! Which layer of one result is which layer of the other.
//!
//! Two results of one model are matched by the operators that their layers come from, so that a layer
//! which one compiler fuses stands beside the several of the other. Layers of different models are
//! matched in order: the alignment of highest score, in which names weigh most, then operators, then
//! shapes. It is the weighted form of the longest common subsequence (D. Hirschberg, "A linear space
//! algorithm for computing maximal common subsequences", 1975, states the recurrence).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::document::Layer;

/// Layers that are the same work: indices of both sides. One side may be empty, never both.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// Layers of A.
    pub a: Vec<usize>,
    /// Layers of B.
    pub b: Vec<usize>,
}

/// Cells of the largest table of scores; beyond it layers are matched by name alone.
const MAX_CELLS: usize = 4 << 20;

/// Matches layers of two models, in their order.
pub fn by_order(a: &[Layer], b: &[Layer]) -> Vec<Match> {
    // Of equal scores the first is taken, which depends on the side: one of the two orders is
    // computed for both, so that A against B and B against A match the same layers.
    if compare(a, b) == Ordering::Greater {
        let swap = |found: Match| Match { a: found.b, b: found.a };
        return ordered(b, a).into_iter().map(swap).collect();
    }
    ordered(a, b)
}

/// A total order of lists by what the alignment looks at.
fn compare(a: &[Layer], b: &[Layer]) -> Ordering {
    let key =
        |layer: &Layer| (layer.name.clone(), layer.op.clone(), layer.shape.clone(), layer.macs);
    a.iter().map(key).cmp(b.iter().map(key))
}

fn ordered(a: &[Layer], b: &[Layer]) -> Vec<Match> {
    let is_small = a.len().saturating_add(1).saturating_mul(b.len().saturating_add(1)) <= MAX_CELLS;
    let pairs = if is_small { best(a, b) } else { by_name(a, b) };
    let (mut from_a, mut from_b) = (0, 0);
    let mut matches = Vec::new();
    for (at_a, at_b) in pairs.into_iter().chain([(a.len(), b.len())]) {
        matches.extend((from_a..at_a).map(|at| Match { a: vec![at], b: Vec::new() }));
        matches.extend((from_b..at_b).map(|at| Match { a: Vec::new(), b: vec![at] }));
        if at_a < a.len() {
            matches.push(Match { a: vec![at_a], b: vec![at_b] });
        }
        (from_a, from_b) = (at_a + 1, at_b + 1);
    }
    matches
}

/// How alike two layers are; 0 where they are not the same work.
fn likeness(a: &Layer, b: &Layer) -> u32 {
    let first = |layer: &'_ Layer| layer.op.split('+').next().map(str::to_owned);
    let operators = if a.op == b.op {
        4
    } else if first(a) == first(b) {
        1
    } else {
        return 0;
    };
    let name = if a.name == b.name { 16 } else { 0 };
    let shape = if a.shape == b.shape { 2 } else { 0 };
    let work = if a.macs == b.macs { 1 } else { 0 };
    operators + name + shape + work
}

/// The pairs of the alignment with the highest score.
fn best(a: &[Layer], b: &[Layer]) -> Vec<(usize, usize)> {
    let columns = b.len() + 1;
    // The score of what follows (i, j).
    let mut scores = vec![0u32; (a.len() + 1) * columns];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            let skipped = scores[(i + 1) * columns + j].max(scores[i * columns + j + 1]);
            let likeness = likeness(&a[i], &b[j]);
            let taken = scores[(i + 1) * columns + j + 1] + likeness;
            scores[i * columns + j] = if likeness > 0 { taken.max(skipped) } else { skipped };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() && j < b.len() {
        let here = scores[i * columns + j];
        let likeness = likeness(&a[i], &b[j]);
        if likeness > 0 && here == scores[(i + 1) * columns + j + 1] + likeness {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if here == scores[(i + 1) * columns + j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Pairs of one name and operator, each after the one before it.
fn by_name(a: &[Layer], b: &[Layer]) -> Vec<(usize, usize)> {
    let mut places: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, layer) in b.iter().enumerate() {
        places.entry((&layer.name, &layer.op)).or_default().push(at);
    }
    let mut next = 0;
    let mut pairs = Vec::new();
    for (at, layer) in a.iter().enumerate() {
        let Some(places) = places.get(&(layer.name.as_str(), layer.op.as_str())) else { continue };
        let found = places.partition_point(|&place| place < next);
        if let Some(&place) = places.get(found) {
            pairs.push((at, place));
            next = place + 1;
        }
    }
    pairs
}

/// Matches layers of one model by the operators that they come from: layers that share one stand
/// together. A layer that comes from none is matched by name and operator.
pub fn by_origin(a: &[Layer], b: &[Layer]) -> Vec<Match> {
    let mut groups = Groups((0..a.len() + b.len()).collect());
    let mut owners: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    for (at, layer) in a.iter().chain(b).enumerate() {
        let origins = layer.origin.iter().map(|&index| Key::Origin(index));
        let own = layer.origin.is_empty().then_some(Key::Name(&layer.name, &layer.op));
        for key in origins.chain(own) {
            let owner = *owners.entry(key).or_insert(at);
            groups.join(owner, at);
        }
    }
    let mut found: BTreeMap<usize, Match> = BTreeMap::new();
    for at in 0..a.len() + b.len() {
        let group = found.entry(groups.root(at)).or_default();
        match at.checked_sub(a.len()) {
            None => group.a.push(at),
            Some(at) => group.b.push(at),
        }
    }
    in_order(found.into_values().collect())
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Origin(u64),
    Name(&'a str, &'a str),
}

/// Disjoint sets by their smallest member.
struct Groups(Vec<usize>);

impl Groups {
    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (low, high) = (one.min(other), one.max(other));
        self.0[high] = low;
    }
}

/// Matches in the order of A, with what only B has before the next that both have.
fn in_order(matches: Vec<Match>) -> Vec<Match> {
    let (mut only_b, mut rest): (Vec<Match>, Vec<Match>) =
        matches.into_iter().partition(|found| found.a.is_empty());
    rest.sort();
    only_b.sort();
    let mut only_b = only_b.into_iter().peekable();
    let mut ordered = Vec::new();
    for found in rest {
        if let Some(&first) = found.b.first() {
            while let Some(inserted) = only_b.next_if(|one| one.b.first() < Some(&first)) {
                ordered.push(inserted);
            }
        }
        ordered.push(found);
    }
    ordered.extend(only_b);
    ordered
}
