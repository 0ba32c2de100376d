//! Addresses: values, rings and sums placed in one arena.
//!
//! Two items that are live at once keep apart by the size of the lower one, except that a result may
//! run into an operand that dies while it is written: there the distance is the one at which it never
//! overtakes what is still needed. Distances make this another problem than the packing of rectangles,
//! and it comes with little freedom: few items are live at a time, so that a search over who touches
//! whom, in the order of time, mostly finds a layout as low as the hungriest group allows. Where no
//! such layout exists on a line, the arena is taken as a circle on which addresses begin anew at its
//! end; the last resort is a larger arena.

use std::collections::BTreeMap;

use cofit_ir::Graph;
use cofit_vocab::Bytes;
use cranelift_entity::SecondaryMap;

use crate::candidate::Setting;
use crate::geometry::{Geometry, group_of, is_full, lifetime};
use crate::network::{StageId, ValueId};
use crate::schedule::{Group, Schedule, Storage};

/// Positions tried for one arena before another one is taken.
const MOST_TRIES: u32 = 5_000;

/// Arenas tried between the need of the hungriest group and a layout by first fit.
const MOST_ARENAS: u64 = 16;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Value(ValueId),
    Sums(StageId),
}

#[derive(Clone, Copy, Debug)]
struct Item {
    of: Of,
    size: u64,
    alignment: u64,
    /// The groups in which it is live, both included.
    live: (usize, usize),
}

/// Another item that is live at the same time.
#[derive(Clone, Copy, Debug)]
struct Neighbour {
    item: usize,
    /// How far it must start above the item whose neighbour it is, where it lies above.
    above: i128,
    /// How far it must start below, where it lies below.
    beneath: i128,
}

/// Items with the distances that they keep.
struct Problem {
    items: Vec<Item>,
    /// For items that may come closer than the size of the lower one: how far the first must start
    /// below the second.
    below: BTreeMap<(usize, usize), i64>,
    /// The items that each item may not lie upon.
    neighbours: Vec<Vec<Neighbour>>,
}

/// Lays out groups whose geometry is known. The arena is as small as is found.
pub(crate) fn lay_out(
    setting: Setting<'_>,
    graph: &Graph,
    groups: Vec<Group>,
    geometries: &[&Geometry],
) -> Schedule {
    let problem = Problem::of(setting, graph, &groups, geometries);
    let (arena, starts) = problem.solve();
    let mut schedule = Schedule {
        groups,
        values: SecondaryMap::new(),
        sums: SecondaryMap::new(),
        arena: Bytes(arena),
    };
    for value in setting.network.values.keys() {
        if setting.is_outside(value) {
            schedule.values[value] = Storage::Outside;
        }
    }
    for (item, start) in problem.items.iter().zip(starts) {
        let storage = Storage::Arena { start, capacity: item.size };
        match item.of {
            Of::Value(value) => schedule.values[value] = storage,
            Of::Sums(stage) => schedule.sums[stage] = storage,
        }
    }
    schedule
}

impl Problem {
    fn of(setting: Setting<'_>, graph: &Graph, groups: &[Group], geometries: &[&Geometry]) -> Self {
        let group_of = group_of(groups);
        let mut items = Vec::new();
        let alignment = |value: ValueId| {
            let tensor = setting.network.values[value].tensors.first();
            tensor.map_or(1, |&tensor| {
                u64::from(graph.tensors[tensor].element.bits()).div_ceil(8).next_power_of_two()
            })
        };
        let mut index: SecondaryMap<ValueId, Option<usize>> = SecondaryMap::new();
        for (value, it) in &setting.network.values {
            if setting.is_outside(value) || it.bytes() == 0 {
                continue;
            }
            let Some(live) = lifetime(setting, value, &group_of, groups.len()) else { continue };
            let own = groups.get(live.0).filter(|group| !is_full(setting, value, group));
            let size = match (own, geometries.get(live.0)) {
                (Some(_), Some(geometry)) => {
                    let ring = geometry.rings.iter().find(|ring| ring.0 == value);
                    ring.map_or(0, |ring| ring.1)
                }
                (None, _) | (_, None) => it.bytes(),
            };
            if size > 0 {
                index[value] = Some(items.len());
                items.push(Item { of: Of::Value(value), size, alignment: alignment(value), live });
            }
        }
        let mut below = BTreeMap::new();
        for (at, geometry) in geometries.iter().enumerate() {
            for &(stage, size) in &geometry.sums {
                if let Some((value, _)) = geometry.over_sums.filter(|it| it.1 == stage)
                    && let Some(result) = index[value].filter(|&it| items[it].live.0 == at)
                {
                    below.insert((result, items.len()), 0);
                }
                items.push(Item { of: Of::Sums(stage), size, alignment: 4, live: (at, at) });
            }
            for behind in &geometry.behind {
                if let (Some(result), Some(operand)) = (index[behind.result], index[behind.operand])
                    && items[result].live.0 == at
                    && items[operand].live.1 == at
                {
                    below.insert((result, operand), behind.bytes);
                }
            }
        }
        let mut problem = Self { items, below, neighbours: Vec::new() };
        let all = 0..problem.items.len();
        problem.neighbours = all
            .clone()
            .map(|a| {
                let others = all.clone().filter(|&b| a != b && problem.meet(a, b));
                others
                    .map(|b| Neighbour {
                        item: b,
                        above: problem.distance(a, b),
                        beneath: problem.distance(b, a),
                    })
                    .collect()
            })
            .collect();
        problem
    }

    /// How far item `a` must start below item `b` where it lies below.
    fn distance(&self, a: usize, b: usize) -> i128 {
        match self.below.get(&(a, b)) {
            Some(&bytes) => i128::from(bytes),
            None => i128::from(self.items[a].size),
        }
    }

    fn meet(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.items[a].live, self.items[b].live);
        a.0 <= b.1 && b.0 <= a.1
    }

    /// Whether an item that starts at `at` leaves a neighbour that starts at `there` alone, on a circle
    /// of `around` bytes or on a line.
    fn agree(neighbour: &Neighbour, at: u64, there: u64, around: Option<u64>) -> bool {
        let apart = i128::from(there) - i128::from(at);
        let is_free = |apart: i128| apart <= -neighbour.beneath || apart >= neighbour.above;
        match around {
            None => is_free(apart),
            Some(around) => {
                let around = i128::from(around);
                let apart = apart.rem_euclid(around);
                is_free(apart) && is_free(apart - around)
            }
        }
    }

    /// The bytes that the items of each group need at least, as far as they tell by themselves.
    fn need(&self) -> u64 {
        let groups = self.items.iter().map(|item| item.live.1 + 1).max().unwrap_or(0);
        let mut need = 0;
        for group in 0..groups {
            let live = |item: &&Item| item.live.0 <= group && group <= item.live.1;
            let sum = self.items.iter().filter(live).map(|item| item.size);
            let sum = sum.fold(0, u64::saturating_add);
            // Two results may each follow an operand; an item takes part in one pair here.
            let mut pairs: Vec<(u64, usize, usize)> = self
                .below
                .iter()
                .filter(|((result, _), _)| self.items[*result].live.0 == group)
                .map(|(&(result, operand), &bytes)| {
                    let (low, high) = (self.items[result].size, self.items[operand].size);
                    (crate::candidate::saved_bytes(low, high, bytes), result, operand)
                })
                .collect();
            pairs.sort_unstable_by(|a, b| b.cmp(a));
            let mut used = Vec::new();
            let mut saved: u64 = 0;
            for (bytes, result, operand) in pairs {
                if !used.contains(&result) && !used.contains(&operand) {
                    used.extend([result, operand]);
                    saved = saved.saturating_add(bytes);
                }
            }
            need = need.max(sum.saturating_sub(saved));
        }
        need
    }

    /// An arena and a start for every item.
    fn solve(&self) -> (u64, Vec<u64>) {
        let unit = self.items.iter().map(|item| item.alignment).max().unwrap_or(1);
        let need = self.need().next_multiple_of(unit);
        let orders = [self.order_by_time(), self.order_by_size()];
        for around in [false, true] {
            for order in &orders {
                if let Some(starts) = self.search(need, around, order) {
                    return (need, starts);
                }
            }
        }
        let mut best = (u64::MAX, Vec::new());
        for order in &orders {
            let starts = self.first_fit(order);
            let top = self.items.iter().zip(&starts).map(|(item, at)| at + item.size).max();
            let top = top.unwrap_or(0).next_multiple_of(unit);
            if top < best.0 {
                best = (top, starts);
            }
        }
        // The least arena for which a layout is found, by steps that halve.
        let (mut low, mut high) = (need, best.0);
        for _ in 0..MOST_ARENAS {
            let middle = (low + (high - low) / 2).next_multiple_of(unit);
            if middle >= high {
                break;
            }
            let found = [false, true].into_iter().find_map(|around| {
                orders.iter().find_map(|order| self.search(middle, around, order))
            });
            match found {
                Some(starts) => {
                    best = (middle, starts);
                    high = middle;
                }
                None => low = middle,
            }
        }
        best
    }

    /// Items by the time of their birth; those of one group with the longest-lived first.
    fn order_by_time(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        order.sort_by_key(|&at| {
            let item = &self.items[at];
            (item.live.0, std::cmp::Reverse(item.live.1), std::cmp::Reverse(item.size), at)
        });
        order
    }

    fn order_by_size(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        order.sort_by_key(|&at| (std::cmp::Reverse(self.items[at].size), at));
        order
    }

    /// Where an item could lie: at the ends, and touching one that is placed.
    fn positions(
        &self,
        item: usize,
        starts: &[Option<u64>],
        arena: Option<u64>,
        is_circle: bool,
    ) -> Vec<u64> {
        let Item { size, alignment, .. } = self.items[item];
        let mut positions: Vec<u64> = vec![0];
        if let Some(arena) = arena {
            positions.push(arena.saturating_sub(size) / alignment * alignment);
        }
        let wrap = |at: i128| match arena.filter(|_| is_circle) {
            Some(arena) if arena > 0 => u64::try_from(at.rem_euclid(arena.into())).ok(),
            Some(_) | None => u64::try_from(at).ok(),
        };
        let placed = || {
            let all = self.neighbours[item].iter();
            all.filter_map(|neighbour| Some((neighbour, starts[neighbour.item]?)))
        };
        for (neighbour, there) in placed() {
            let above = i128::from(there) + neighbour.beneath;
            let beneath = i128::from(there) - neighbour.above;
            positions.extend(wrap(above).map(|at| at.next_multiple_of(alignment)));
            positions.extend(wrap(beneath).map(|at| at / alignment * alignment));
        }
        positions.sort_unstable();
        positions.dedup();
        let fits = |at: u64| {
            let end = at.checked_add(size);
            match (arena, is_circle) {
                (Some(arena), true) => at < arena && size <= arena,
                (Some(arena), false) => end.is_some_and(|end| end <= arena),
                (None, _) => end.is_some(),
            }
        };
        let around = arena.filter(|_| is_circle);
        positions.retain(|&at| {
            let leaves =
                |(neighbour, there): (&Neighbour, u64)| Self::agree(neighbour, at, there, around);
            fits(at) && placed().all(leaves)
        });
        positions
    }

    fn first_fit(&self, order: &[usize]) -> Vec<u64> {
        let mut starts: Vec<Option<u64>> = vec![None; self.items.len()];
        for &item in order {
            let at = self.positions(item, &starts, None, false).first().copied();
            starts[item] = Some(at.unwrap_or(0));
        }
        starts.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// A layout within an arena, depth first.
    fn search(&self, arena: u64, is_circle: bool, order: &[usize]) -> Option<Vec<u64>> {
        let mut tries = MOST_TRIES;
        // Positions still to try, for every item placed and the next.
        let mut choices: Vec<Vec<u64>> = Vec::new();
        let mut starts: Vec<Option<u64>> = vec![None; self.items.len()];
        while choices.len() < order.len() {
            let item = order[choices.len()];
            let mut open = self.positions(item, &starts, Some(arena), is_circle);
            if choices.is_empty() && is_circle {
                // All positions of the first item are one by symmetry.
                open.truncate(1);
            }
            // The lowest is taken first.
            open.reverse();
            choices.push(open);
            loop {
                let item = order[choices.len() - 1];
                starts[item] = None;
                tries = tries.checked_sub(1)?;
                if let Some(at) = choices.last_mut()?.pop() {
                    starts[item] = Some(at);
                    break;
                }
                choices.pop();
                choices.last()?;
            }
        }
        starts.into_iter().collect()
    }
}
