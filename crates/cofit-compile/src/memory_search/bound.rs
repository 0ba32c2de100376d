//! What items that are not placed yet must cost at least.
//!
//! Every item costs at least its cheapest choice that still fits. Where the cheapest choices
//! together overfill a group of regions at one instant, some bytes must leave it there, and the
//! cheapest way to leave, by cost per byte, bounds the extra: a fractional knapsack, which also
//! allows leaving in part. Extras of several instants add up as long as no item is counted twice;
//! the best such set of instants is found from left to right, as intervals are. Groups are the
//! first region alone, the first two together, and so on, since choices go from fast to slow.

use super::room::{Room, rounded};
use super::{Choice, Question, price};

/// Costs per byte are kept in units of 2^-32.
const FRACTION: u32 = 32;

pub(super) struct Bounder<'a> {
    question: &'a Question,
}

/// An item that takes bytes of a group at an instant, and what it costs to take fewer.
struct Leaver {
    /// Extra cost per byte that leaves, in units of 2^-32.
    per_byte: u128,
    /// Bytes that can leave.
    bytes: u64,
    /// The first instant at which the item takes part in anything.
    begin: usize,
}

impl<'a> Bounder<'a> {
    pub(super) fn new(question: &'a Question) -> Self {
        Self { question }
    }

    /// The least cost of `items` beside what is placed; `None` where one of them has no choice
    /// left. Once the bound reaches `enough` it is not improved further.
    pub(super) fn bound(&self, room: &Room, items: &[usize], enough: u128) -> Option<u128> {
        let mut base = 0;
        let mut open: Vec<Vec<&Choice>> = Vec::with_capacity(items.len());
        for &item in items {
            let mut left: Vec<&Choice> = self.question.items[item]
                .choices
                .iter()
                .filter(|choice| room.takes(choice))
                .collect();
            left.sort_by_key(|choice| price(choice));
            base += price(left.first()?);
            open.push(left);
        }
        let mut best = base;
        for group in 1..self.question.regions.len() {
            if best >= enough {
                break;
            }
            best = best.max(self.extra(room, &open, group).saturating_add(base));
        }
        // Nothing may leave all regions.
        if best < enough && self.overfills(room, &open) {
            return None;
        }
        Some(best)
    }

    /// Bytes that a choice takes of the first `group` regions, by instant.
    fn takes(&self, room: &Room, choice: &Choice, group: usize, add: &mut impl FnMut(usize, u64)) {
        for extent in choice.extents.iter().filter(|extent| extent.region < group) {
            let bytes = rounded(extent, &self.question.regions[extent.region]);
            room.span(extent).for_each(|at| add(at, bytes));
        }
    }

    /// Whether items that have but one choice left overfill a region together.
    fn overfills(&self, room: &Room, open: &[Vec<&Choice>]) -> bool {
        let mut taken = vec![vec![0u64; room.len()]; self.question.regions.len()];
        for only in open.iter().filter(|choices| choices.len() == 1) {
            for extent in &only[0].extents {
                let bytes = rounded(extent, &self.question.regions[extent.region]);
                for at in room.span(extent) {
                    let sum = &mut taken[extent.region][at];
                    *sum = sum.saturating_add(bytes);
                }
            }
        }
        let mut each = taken.iter().enumerate();
        each.any(|(region, taken)| {
            taken.iter().enumerate().any(|(at, &bytes)| bytes > room.left(region, at))
        })
    }

    /// What overfilling the first `group` regions adds to the cheapest choices.
    fn extra(&self, room: &Room, open: &[Vec<&Choice>], group: usize) -> u128 {
        let mut wanted: Vec<u128> = vec![0; room.len()];
        for choices in open {
            self.takes(room, choices[0], group, &mut |at, bytes| wanted[at] += u128::from(bytes));
        }
        let available =
            |at: usize| (0..group).map(|region| u128::from(room.left(region, at))).sum();
        let over: Vec<u128> =
            wanted.iter().enumerate().map(|(at, &it)| it.saturating_sub(available(at))).collect();
        if over.iter().all(|&bytes| bytes == 0) {
            return 0;
        }
        let mut leavers: Vec<Vec<Leaver>> = (0..room.len()).map(|_| Vec::new()).collect();
        for choices in open {
            self.leave(room, choices, group, &over, &mut leavers);
        }
        // The best set of instants that share no item, from the first instant on.
        let mut best: Vec<u128> = vec![0; room.len() + 1];
        for at in 0..room.len() {
            best[at + 1] = best[at];
            if over[at] == 0 {
                continue;
            }
            let begin = leavers[at].iter().map(|one| one.begin).min().unwrap_or(at);
            let own = cheapest(&mut leavers[at], over[at]);
            best[at + 1] = best[at + 1].max(best[begin].saturating_add(own));
        }
        best[room.len()]
    }

    /// Lists an item at every overfull instant at which its cheapest choice takes bytes.
    fn leave(
        &self,
        room: &Room,
        choices: &[&Choice],
        group: usize,
        over: &[u128],
        leavers: &mut [Vec<Leaver>],
    ) {
        let spans = choices.iter().flat_map(|choice| &choice.extents).map(|it| room.span(it));
        let begin = spans.map(|span| span.start).min().unwrap_or(0);
        let mut own: Vec<(usize, u64)> = Vec::new();
        self.takes(room, choices[0], group, &mut |at, bytes| {
            if over[at] > 0 {
                match own.iter_mut().find(|(other, _)| *other == at) {
                    Some((_, sum)) => *sum = sum.saturating_add(bytes),
                    None => own.push((at, bytes)),
                }
            }
        });
        for (at, bytes) in own {
            let mut per_byte = u128::MAX;
            for other in &choices[1..] {
                let mut kept = 0u64;
                for extent in other.extents.iter().filter(|extent| extent.region < group) {
                    if room.span(extent).contains(&at) {
                        let region = &self.question.regions[extent.region];
                        kept = kept.saturating_add(rounded(extent, region));
                    }
                }
                let freed = u128::from(bytes.saturating_sub(kept));
                if freed > 0 {
                    let extra = price(other).saturating_sub(price(choices[0]));
                    per_byte = per_byte.min((extra << FRACTION) / freed);
                }
            }
            leavers[at].push(Leaver { per_byte, bytes, begin });
        }
    }
}

/// The least cost at which `over` bytes leave.
fn cheapest(leavers: &mut [Leaver], mut over: u128) -> u128 {
    leavers.sort_by_key(|one| one.per_byte);
    let mut cost = 0u128;
    for one in leavers.iter().take_while(|one| one.per_byte < u128::MAX) {
        let bytes = over.min(u128::from(one.bytes));
        cost = cost.saturating_add((one.per_byte >> FRACTION).saturating_mul(bytes));
        let rest = one.per_byte & ((1 << FRACTION) - 1);
        cost = cost.saturating_add(rest.saturating_mul(bytes) >> FRACTION);
        over -= bytes;
        if over == 0 {
            break;
        }
    }
    cost
}
