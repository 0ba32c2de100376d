//! Layouts by rule for parts with too many conflicts to list.
//!
//! Items are placed class by class, and within a class in order of time, so that a list of what is
//! live is enough to find each one's room: time is in proportion to the items and to how many are
//! live at once, and memory to the items alone. In order of time alone, long-lived items come to
//! lie between short-lived ones and leave rooms that fit nobody; with those that live longer or
//! are larger in a class of their own, placed first, they lie close together.
//!
//! Gaps are not made use of.

use crate::first_fit::{Conflicts, Fit, room};
use crate::instance::Item;

/// Most classes beside that of the fixed items.
const MOST_CLASSES: usize = 4;
/// Class of fixed items: placed before all others.
const FIXED: u8 = 0;

/// One way of going through the items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    /// What decides the class.
    key: Key,
    /// Classes beside that of the fixed items.
    classes: u8,
    fit: Fit,
}

#[derive(Clone, Copy, Debug)]
enum Key {
    Duration,
    Size,
}

/// The ways that are tried, the plainest first.
pub(crate) fn sweeps() -> [Sweep; 3] {
    let plain = Sweep { key: Key::Duration, classes: 1, fit: Fit::First };
    [plain, Sweep { classes: 2, ..plain }, Sweep { key: Key::Size, classes: 2, ..plain }]
}

/// A placed item that may still be in the way.
#[derive(Clone, Copy, Debug)]
struct Placed {
    from: u64,
    to: u64,
    start: u64,
    end: u64,
}

/// Places the items and gives the height in bytes. Nothing when an address would pass the range,
/// or the work `most`. Adds the live items that it looked at to `work`.
pub(crate) fn sweep(
    conflicts: &Conflicts<'_>,
    way: Sweep,
    offsets: &mut Vec<u64>,
    work: &mut u64,
    most: u64,
) -> Option<u64> {
    let items = conflicts.items();
    let classes = classes(items, way);
    let mut order: Vec<u32> = (0..items.len() as u32).collect();
    order.sort_by_key(|&i| {
        let item = &items[i as usize];
        (classes[i as usize], item.start, u64::MAX - item.end, u64::MAX - item.size)
    });
    offsets.clear();
    offsets.resize(items.len(), 0);
    let mut height = 0;
    let mut before: Vec<Vec<Placed>> = Vec::with_capacity(MOST_CLASSES + 1);
    for class in order.chunk_by(|&i, &j| classes[i as usize] == classes[j as usize]) {
        let mut ahead = vec![0; before.len()];
        // What is in the way of the current item, by offset.
        let mut live: Vec<Placed> = Vec::new();
        let mut done = Vec::with_capacity(class.len());
        let mut taken = Vec::new();
        for &i in class {
            let item = &items[i as usize];
            let Item { start, end, .. } = *item;
            *work += live.len() as u64;
            if *work > most {
                return None;
            }
            live.retain(|placed| placed.end > start);
            for (placed, ahead) in before.iter().zip(&mut ahead) {
                while let Some(next) = placed.get(*ahead).filter(|next| next.start < end) {
                    *ahead += 1;
                    if next.end > start {
                        insert(&mut live, *next);
                    }
                }
            }
            let at = match item.fixed {
                Some(at) => at,
                None => {
                    taken.clear();
                    let met = live.iter().filter(|placed| placed.start < end);
                    taken.extend(met.map(|placed| (placed.from, placed.to)));
                    room(&taken, item, way.fit)?
                }
            };
            let placed = Placed { from: at, to: at.checked_add(item.size)?, start, end };
            insert(&mut live, placed);
            done.push(placed);
            offsets[i as usize] = at;
            height = conflicts.top(item, at)?.max(height);
        }
        before.push(done);
    }
    Some(height)
}

fn insert(live: &mut Vec<Placed>, placed: Placed) {
    let slot = live.partition_point(|other| other.from < placed.from);
    live.insert(slot, placed);
}

/// The class of every item. Each class but the last has a sixth of what is left.
fn classes(items: &[Item], way: Sweep) -> Vec<u8> {
    let key = |item: &Item| {
        let (size, duration) = (u128::from(item.size), u128::from(item.end - item.start));
        match way.key {
            Key::Duration => duration,
            Key::Size => size,
        }
    };
    let mut keys: Vec<u128> = items.iter().map(key).collect();
    keys.sort_unstable_by(|a, b| b.cmp(a));
    let mut thresholds = Vec::new();
    let mut at = 0;
    for _ in 1..way.classes {
        at += (keys.len() - at) / 6;
        thresholds.extend(keys.get(at).copied());
    }
    let class = |item: &Item| match item.fixed {
        Some(_) => FIXED,
        None => 1 + thresholds.iter().filter(|&&threshold| key(item) < threshold).count() as u8,
    };
    items.iter().map(class).collect()
}

/// Puts all items on top of each other, whenever they live: what is left where everything else
/// would take too long. Gives the height in bytes; nothing when an address would pass the range.
pub(crate) fn stack(conflicts: &Conflicts<'_>, offsets: &mut Vec<u64>) -> Option<u64> {
    let items = conflicts.items();
    let fixed = |item: &Item| item.fixed.and_then(|at| at.checked_add(item.size));
    let mut end = items.iter().filter_map(fixed).max().unwrap_or(0);
    let mut height = 0;
    offsets.clear();
    for item in items {
        let at = match item.fixed {
            Some(at) => at,
            None => {
                let at = end.checked_next_multiple_of(item.align)?;
                end = at.checked_add(item.size)?;
                at
            }
        };
        offsets.push(at);
        height = conflicts.top(item, at)?.max(height);
    }
    Some(height)
}
