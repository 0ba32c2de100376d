//! Layouts by rule in any order, for parts with too many conflicts to list.
//!
//! What is placed is kept by offset, so that an item's room is found by looking through it from
//! below until there is room. Most items find theirs early: the time is well below one look at
//! every pair, and the memory in proportion to the items.
//!
//! The order is then mended, as in squeaky wheel optimisation (Joslin and Clements, Journal of
//! Artificial Intelligence Research 10, 1999): items that end too high are placed earlier in the
//! next round.

use crate::first_fit::Conflicts;
use crate::instance::{Instance, Item};

/// What is placed, by offset.
#[derive(Default)]
struct Shelf {
    lives: Vec<(u64, u64)>,
    rooms: Vec<(u64, u64)>,
    items: Vec<u32>,
}

impl Shelf {
    /// Adds an item. Gives what it costs to make room for it, in items looked at.
    fn insert(&mut self, i: u32, item: &Item, at: u64) -> u64 {
        let slot = self.rooms.partition_point(|&(from, _)| from < at);
        self.lives.insert(slot, (item.start, item.end));
        self.rooms.insert(slot, (at, at + item.size));
        self.items.insert(slot, i);
        (self.items.len() - slot) as u64 / 16
    }

    /// The lowest room of an item. Adds what was looked at to `work`.
    fn room(
        &self,
        instance: &Instance,
        items: &[Item],
        item: &Item,
        work: &mut u64,
    ) -> Option<u64> {
        let mut at = 0u64;
        let mut end = item.size;
        for (slot, &(start, until)) in self.lives.iter().enumerate() {
            if start >= item.end || item.start >= until {
                continue;
            }
            let (from, to) = self.rooms[slot];
            if to <= at || !instance.meet(item, &items[self.items[slot] as usize]) {
                continue;
            }
            if end <= from {
                *work += slot as u64;
                return Some(at);
            }
            at = to.checked_next_multiple_of(item.align)?;
            end = at.checked_add(item.size)?;
        }
        *work += self.lives.len() as u64;
        Some(at)
    }
}

/// Places the items in order, fixed ones first, and gives the height in bytes. Nothing when an
/// address would pass the range, or the work `most`. Adds the placed items that it looked at or
/// moved to `work`.
pub(crate) fn scan(
    conflicts: &Conflicts<'_>,
    order: &[u32],
    offsets: &mut Vec<u64>,
    work: &mut u64,
    most: u64,
) -> Option<u64> {
    let items = conflicts.items();
    let mut shelf = Shelf::default();
    offsets.clear();
    offsets.resize(items.len(), 0);
    let mut height = 0;
    let free = order.iter().filter(|&&i| items[i as usize].fixed.is_none());
    let fixed = order.iter().filter(|&&i| items[i as usize].fixed.is_some());
    for &i in fixed.chain(free) {
        let item = &items[i as usize];
        let at = match item.fixed {
            Some(at) => at,
            None => shelf.room(conflicts.instance(), items, item, work)?,
        };
        at.checked_add(item.size)?;
        *work += shelf.insert(i, item, at);
        if *work > most {
            return None;
        }
        offsets[i as usize] = at;
        height = conflicts.top(item, at)?.max(height);
    }
    Some(height)
}

/// Moves items that end above `goal` bytes forward in an order, to half their position.
pub(crate) fn mend(conflicts: &Conflicts<'_>, goal: u64, offsets: &[u64], order: &mut Vec<u32>) {
    let items = conflicts.items();
    let mut placed: Vec<(usize, u32)> = order
        .iter()
        .enumerate()
        .map(|(position, &i)| {
            let top = conflicts.top(&items[i as usize], offsets[i as usize]);
            let is_low = top.is_some_and(|top| top <= goal);
            // Between two whole positions, so that those that stay keep theirs.
            (if is_low { 2 * position + 1 } else { position }, i)
        })
        .collect();
    placed.sort_by_key(|&(position, _)| position);
    order.clear();
    order.extend(placed.into_iter().map(|(_, i)| i));
}
