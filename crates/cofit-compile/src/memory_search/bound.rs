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
    /// Whether it takes the bytes at every instant, so that leaving once helps all of them.
    is_always: bool,
}

impl<'a> Bounder<'a> {
    pub(super) fn new(question: &'a Question) -> Self {
        Self { question }
    }

    /// The least cost of `items` beside what is placed; `None` where one of them has no choice
    /// left. Once the bound reaches `enough` it is not improved further.
    pub(super) fn bound(&self, room: &Room, items: &[usize], enough: u128) -> Option<u128> {
        let (base, open) = self.open(room, items)?;
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

    /// The choices that fit, item by item, the cheapest first, and what the cheapest cost together.
    fn open(&self, room: &Room, items: &[usize]) -> Option<(u128, Vec<Vec<&'a Choice>>)> {
        let question = self.question;
        let mut base = 0;
        let mut open: Vec<Vec<&Choice>> = Vec::with_capacity(items.len());
        for &item in items {
            let choices = question.items[item].choices.iter();
            let mut left: Vec<&Choice> = choices.filter(|choice| room.takes(choice)).collect();
            left.sort_by_key(|choice| price(choice));
            base += price(left.first()?);
            open.push(left);
        }
        Some((base, open))
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

    /// A bound for the whole question that counts peaks apart although items that stay all the time,
    /// such as weights, take part in each: `w` bytes of those leave once, at the price of the
    /// cheapest, and every peak is lower by `w`. Both prices are convex in `w`, and the least sum
    /// of them bounds the cost.
    pub(super) fn root(&self, room: &Room, items: &[usize]) -> Option<u128> {
        let (base, open) = self.open(room, items)?;
        let mut best = base;
        for group in 1..self.question.regions.len() {
            let Some((over, leavers)) = self.overfull(room, &open, group) else { continue };
            let extra = apart(&over, leavers);
            // Sums are rounded down at every instant; the search for `w` may see that as a slope.
            let rounding = 64 * (room.len() + items.len()) as u128;
            best = best.max(base.saturating_add(extra.saturating_sub(rounding)));
        }
        Some(best)
    }

    /// What overfilling the first `group` regions adds to the cheapest choices.
    fn extra(&self, room: &Room, open: &[Vec<&Choice>], group: usize) -> u128 {
        let Some((over, mut leavers)) = self.overfull(room, open, group) else { return 0 };
        peaks(&over, &mut leavers)
    }

    /// By how much the first `group` regions are overfull at every instant, and what can leave.
    fn overfull(
        &self,
        room: &Room,
        open: &[Vec<&Choice>],
        group: usize,
    ) -> Option<(Vec<u128>, Vec<Vec<Leaver>>)> {
        let mut wanted: Vec<u128> = vec![0; room.len()];
        for choices in open {
            self.takes(room, choices[0], group, &mut |at, bytes| wanted[at] += u128::from(bytes));
        }
        let available =
            |at: usize| (0..group).map(|region| u128::from(room.left(region, at))).sum();
        let over: Vec<u128> =
            wanted.iter().enumerate().map(|(at, &it)| it.saturating_sub(available(at))).collect();
        if over.iter().all(|&bytes| bytes == 0) {
            return None;
        }
        let mut leavers: Vec<Vec<Leaver>> = (0..room.len()).map(|_| Vec::new()).collect();
        for choices in open {
            self.leave(room, choices, group, &over, &mut leavers);
        }
        Some((over, leavers))
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
        let covered = choices[0].extents.iter().filter(|it| it.region < group);
        let is_always = covered.clone().any(|extent| room.span(extent) == (0..room.len()));
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
                let extra = price(other).saturating_sub(price(choices[0]));
                if let Some(ratio) = (extra << FRACTION).checked_div(freed) {
                    per_byte = per_byte.min(ratio);
                }
            }
            leavers[at].push(Leaver { per_byte, bytes, begin, is_always });
        }
    }
}

/// The most that a set of overfull instants that share no item costs.
fn peaks(over: &[u128], leavers: &mut [Vec<Leaver>]) -> u128 {
    // The best such set, from the first instant on.
    let mut best: Vec<u128> = vec![0; over.len() + 1];
    for at in 0..over.len() {
        best[at + 1] = best[at];
        if over[at] == 0 {
            continue;
        }
        let begin = leavers[at].iter().map(|one| one.begin).min().unwrap_or(at);
        let own = cheapest(&mut leavers[at], over[at]);
        best[at + 1] = best[at + 1].max(best[begin].saturating_add(own));
    }
    best[over.len()]
}

/// The least cost over all bytes that items which stay all the time can give up.
fn apart(over: &[u128], leavers: Vec<Vec<Leaver>>) -> u128 {
    let mut always: Vec<Leaver> = Vec::new();
    let mut others: Vec<Vec<Leaver>> = Vec::with_capacity(leavers.len());
    for (at, own) in leavers.into_iter().enumerate() {
        let (stay, rest): (Vec<Leaver>, Vec<Leaver>) =
            own.into_iter().partition(|one| one.is_always);
        // They are the same at every overfull instant.
        if always.is_empty() && over[at] > 0 {
            always = stay;
        }
        others.push(rest);
    }
    let sum = |own: &[Leaver]| -> u128 {
        let movable = own.iter().filter(|one| one.per_byte < u128::MAX);
        movable.map(|one| u128::from(one.bytes)).sum()
    };
    let most = sum(&always);
    let least = over
        .iter()
        .zip(&others)
        .map(|(over, own)| over.saturating_sub(sum(own)))
        .max()
        .unwrap_or(0)
        .min(most);
    let mut cost = |leaving: u128| {
        let left: Vec<u128> = over.iter().map(|over| over.saturating_sub(leaving)).collect();
        cheapest(&mut always, leaving).saturating_add(peaks(&left, &mut others))
    };
    let (mut low, mut high) = (least, most);
    let mut best = cost(low).min(cost(high));
    while high - low > 2 {
        let third = (high - low) / 3;
        let (a, b) = (low + third, high - third);
        let (left, right) = (cost(a), cost(b));
        best = best.min(left).min(right);
        if left <= right {
            high = b;
        } else {
            low = a;
        }
    }
    best.min(cost(low)).min(cost(high)).min(cost(low + (high - low) / 2))
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
