//! What items that are not placed yet must cost at least.
//!
//! Every item costs at least its cheapest choice that still fits. Where the cheapest choices
//! together overfill a group of regions at one instant, some bytes must leave it there, and the
//! cheapest way to leave, by cost per byte, bounds the extra: a fractional knapsack, which also
//! allows leaving in part. Extras of several instants add up as long as no item is counted twice;
//! the best such set of instants is found from left to right, as intervals are. Groups are the
//! first region alone, the first two together, and so on, since choices go from fast to slow.

use std::ops::Range;

use super::room::Room;
use super::ways::{Way, Ways};

/// Costs per byte are kept in units of 2^-32.
const FRACTION: u32 = 32;

pub(super) struct Bounder<'a> {
    ways: &'a Ways,
    /// Regions of the question.
    regions: usize,
    scratch: Scratch<'a>,
}

/// What one bound is computed with; kept, since there is a bound at every node.
#[derive(Default)]
struct Scratch<'a> {
    /// Bytes that each region has left at every instant.
    least: Vec<u64>,
    /// The ways that fit, the cheapest of each item first, item by item.
    open: Vec<&'a Way>,
    /// Which of `open` are an item's.
    items: Vec<Range<usize>>,
    /// Bytes wanted, by instant.
    wanted: Vec<u128>,
    /// By how much the regions are overfull, by instant.
    over: Vec<u128>,
    /// The instants at which they are.
    peaks: Vec<usize>,
    /// How many of them come before an instant.
    peaks_before: Vec<usize>,
    /// What can leave, by instant.
    leavers: Vec<Vec<Leaver>>,
    /// Bytes that one item takes, by instant, and the instants at which it takes any.
    own: Vec<Option<u64>>,
    touched: Vec<usize>,
    /// For each other way of one item, the bytes that it freed last and the ratio that came out.
    ratios: Vec<(u64, u128)>,
    /// The best set of instants up to each.
    best: Vec<u128>,
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
    pub(super) fn new(ways: &'a Ways, regions: usize) -> Self {
        Self { ways, regions, scratch: Scratch::default() }
    }

    /// The least cost of `items` beside what is placed; `None` where one of them has no choice
    /// left. Once the bound reaches `enough` it is not improved further.
    pub(super) fn bound(&mut self, room: &Room, items: &[usize], enough: u128) -> Option<u128> {
        let base = self.open(room, items)?;
        let mut best = base;
        for group in 1..self.regions {
            if best >= enough {
                break;
            }
            if self.scratch.overfull(room, group) {
                let Scratch { over, leavers, best: sums, .. } = &mut self.scratch;
                best = best.max(peaks(over, leavers, sums).saturating_add(base));
            }
        }
        // Nothing may leave all regions.
        if best < enough && self.overfills(room) {
            return None;
        }
        Some(best)
    }

    /// Lists the choices that fit, item by item, the cheapest first, and says what the cheapest cost
    /// together.
    fn open(&mut self, room: &Room, items: &[usize]) -> Option<u128> {
        let ways = self.ways;
        let Scratch { least, open, items: ranges, .. } = &mut self.scratch;
        room.least(least);
        open.clear();
        ranges.clear();
        let mut base = 0;
        for &item in items {
            let first = open.len();
            let all = ways.items[item].cheapest_first().map(|(_, way)| way);
            open.extend(all.filter(|way| room.takes(way, least)));
            base += open.get(first)?.price;
            ranges.push(first..open.len());
        }
        Some(base)
    }

    /// Whether items that have but one choice left overfill a region together.
    fn overfills(&mut self, room: &Room) -> bool {
        let Scratch { open, items, wanted, .. } = &mut self.scratch;
        (0..self.regions).any(|region| {
            let only = items.iter().filter(|ways| ways.len() == 1).map(|ways| open[ways.start]);
            add_up(wanted, room.len(), only, |other| other == region);
            wanted.iter().zip(room.left(region)).any(|(&sum, &left)| sum > u128::from(left))
        })
    }

    /// A bound for the whole question that counts peaks apart although items that stay all the time,
    /// such as weights, take part in each: `w` bytes of those leave once, at the price of the
    /// cheapest, and every peak is lower by `w`. Both prices are convex in `w`, and the least sum
    /// of them bounds the cost.
    pub(super) fn root(&mut self, room: &Room, items: &[usize]) -> Option<u128> {
        let base = self.open(room, items)?;
        let mut best = base;
        for group in 1..self.regions {
            if !self.scratch.overfull(room, group) {
                continue;
            }
            let Scratch { over, leavers, best: sums, .. } = &mut self.scratch;
            let extra = apart(over, std::mem::take(leavers), sums);
            // Sums are rounded down at every instant; the search for `w` may see that as a slope.
            let rounding = 64 * (room.len() + items.len()) as u128;
            best = best.max(base.saturating_add(extra.saturating_sub(rounding)));
        }
        Some(best)
    }
}

impl Scratch<'_> {
    /// Finds by how much the first `group` regions are overfull at every instant, and what can leave;
    /// says whether they are overfull at all.
    fn overfull(&mut self, room: &Room, group: usize) -> bool {
        let Self { open, items, wanted, over, peaks, peaks_before, leavers, own, .. } = self;
        let cheapest = items.iter().map(|ways| open[ways.start]);
        add_up(wanted, room.len(), cheapest, |region| region < group);
        for region in 0..group {
            for (sum, &left) in wanted.iter_mut().zip(room.left(region)) {
                *sum = sum.saturating_sub(u128::from(left));
            }
        }
        std::mem::swap(over, wanted);
        peaks.clear();
        peaks_before.clear();
        for (at, &bytes) in over.iter().enumerate() {
            peaks_before.push(peaks.len());
            if bytes > 0 {
                peaks.push(at);
            }
        }
        peaks_before.push(peaks.len());
        if peaks.is_empty() {
            return false;
        }
        leavers.iter_mut().for_each(Vec::clear);
        leavers.resize_with(room.len(), Vec::new);
        own.resize(room.len(), None);
        for item in 0..self.items.len() {
            self.leave(self.items[item].clone(), room.len(), group);
        }
        true
    }

    /// Lists an item, whose ways are `ways` of those that are open, at every overfull instant at which
    /// its cheapest choice takes bytes.
    fn leave(&mut self, ways: Range<usize>, instants: usize, group: usize) {
        let Self { open, peaks, peaks_before, leavers, own, touched, ratios, .. } = self;
        let ways = &open[ways];
        let (cheapest, others) = (ways[0], &ways[1..]);
        let begin = ways.iter().filter_map(|way| way.begin).min().unwrap_or(0);
        let mut is_always = false;
        for part in cheapest.parts.iter().filter(|part| part.region < group) {
            is_always |= part.span == (0..instants);
            for &at in &peaks[peaks_before[part.span.start]..peaks_before[part.span.end]] {
                match &mut own[at] {
                    Some(sum) => *sum = sum.saturating_add(part.bytes),
                    none => {
                        *none = Some(part.bytes);
                        touched.push(at);
                    }
                }
            }
        }
        ratios.clear();
        ratios.resize(others.len(), (0, u128::MAX));
        for at in touched.drain(..) {
            let bytes = own[at].take().unwrap_or(0);
            let mut per_byte = u128::MAX;
            for (other, (last, ratio)) in others.iter().zip(&mut *ratios) {
                let mut kept = 0u64;
                for part in other.parts.iter().filter(|part| part.region < group) {
                    if part.span.contains(&at) {
                        kept = kept.saturating_add(part.bytes);
                    }
                }
                let freed = bytes.saturating_sub(kept);
                // Most ways free the same bytes at every instant.
                if freed != *last {
                    let extra = other.price.saturating_sub(cheapest.price);
                    *last = freed;
                    *ratio = (extra << FRACTION).checked_div(freed.into()).unwrap_or(u128::MAX);
                }
                per_byte = per_byte.min(*ratio);
            }
            leavers[at].push(Leaver { per_byte, bytes, begin, is_always });
        }
    }
}

/// The bytes that `ways` take of some regions together, by instant.
fn add_up<'a>(
    sums: &mut Vec<u128>,
    instants: usize,
    ways: impl Iterator<Item = &'a Way>,
    counts: impl Fn(usize) -> bool,
) {
    // Each part adds where it begins and takes away again where it ends.
    sums.clear();
    sums.resize(instants + 1, 0);
    for part in ways.flat_map(|way| &way.parts).filter(|part| counts(part.region)) {
        let bytes = u128::from(part.bytes);
        sums[part.span.start] = sums[part.span.start].wrapping_add(bytes);
        sums[part.span.end] = sums[part.span.end].wrapping_sub(bytes);
    }
    let mut sum = 0u128;
    for change in &mut *sums {
        sum = sum.wrapping_add(*change);
        *change = sum;
    }
    sums.truncate(instants);
}

/// The most that a set of overfull instants that share no item costs.
fn peaks(over: &[u128], leavers: &mut [Vec<Leaver>], best: &mut Vec<u128>) -> u128 {
    // The best such set, from the first instant on.
    best.clear();
    best.resize(over.len() + 1, 0);
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
fn apart(over: &[u128], leavers: Vec<Vec<Leaver>>, best_sets: &mut Vec<u128>) -> u128 {
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
        cheapest(&mut always, leaving).saturating_add(peaks(&left, &mut others, best_sets))
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
