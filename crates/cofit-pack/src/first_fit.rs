//! Layouts by rule: items in a given order, each into the lowest room that fits.

use std::ops::Range;

use crate::instance::{Instance, Item};

/// Pairs of items that are ever live together, beyond which the lists of conflicts are not stored.
/// Bounds memory at some hundred megabytes.
const STORED_PAIRS: usize = 8_000_000;

/// Which items of a part may not share bytes. Items are indices from the start of the part.
#[derive(Debug)]
pub(crate) struct Conflicts<'a> {
    instance: &'a Instance,
    items: &'a [Item],
    /// The conflicts of item `i` are `list[starts[i]..starts[i + 1]]`. Empty when not stored.
    starts: Vec<u32>,
    list: Vec<u32>,
}

impl<'a> Conflicts<'a> {
    /// Finds the conflicts of a part.
    pub fn new(instance: &'a Instance, part: &Range<usize>) -> Self {
        let items = &instance.items[part.clone()];
        let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(4 * items.len());
        let mut starts = vec![0u32; items.len() + 1];
        for (i, a) in items.iter().enumerate() {
            for (j, b) in items.iter().enumerate().skip(i + 1) {
                if b.start >= a.end {
                    break;
                }
                if instance.meet(a, b) {
                    if pairs.len() == STORED_PAIRS {
                        return Self { instance, items, starts: Vec::new(), list: Vec::new() };
                    }
                    pairs.push((i as u32, j as u32));
                    starts[i + 1] += 1;
                    starts[j + 1] += 1;
                }
            }
        }
        for i in 0..items.len() {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut list = vec![0; 2 * pairs.len()];
        for (i, j) in pairs {
            for (at, other) in [(i, j), (j, i)] {
                list[next[at as usize] as usize] = other;
                next[at as usize] += 1;
            }
        }
        Self { instance, items, starts, list }
    }

    /// The items of the part.
    pub fn items(&self) -> &'a [Item] {
        self.items
    }

    /// The problem that the part is of.
    pub fn instance(&self) -> &'a Instance {
        self.instance
    }

    /// The height in bytes of an item placed at an offset in units.
    pub fn top(&self, item: &Item, offset: u64) -> Option<u64> {
        self.instance.top(item, offset)
    }

    /// Whether the conflicts were few enough to be stored.
    pub fn are_stored(&self) -> bool {
        !self.starts.is_empty()
    }

    /// The stored conflicts of an item, or nothing when they are too many to store.
    pub fn stored(&self, i: usize) -> Option<&[u32]> {
        let (&from, &to) = (self.starts.get(i)?, self.starts.get(i + 1)?);
        self.list.get(from as usize..to as usize)
    }
}

/// The orders that are tried, the most successful on networks' tensors first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Larger first, as TFLM's greedy planner does.
    Size,
    /// Items of crowded instants first, then longer-lived ones, as Vela's hill climber starts.
    Urgency,
    /// Larger rectangles of bytes and time first.
    Area,
    /// Longer-lived first.
    Duration,
    /// Earlier first.
    Start,
}

impl Order {
    /// Sorts the indices of the items. `urgency` holds, for each item, the most units live at an
    /// instant of its life. Ties fall to the earlier index.
    pub fn sort(self, items: &[Item], urgency: &[u64], order: &mut Vec<u32>) {
        order.clear();
        order.extend(0..items.len() as u32);
        let duration = |item: &Item| item.end - item.start;
        let area = |item: &Item| u128::from(item.size) * u128::from(duration(item));
        order.sort_unstable_by(|&i, &j| {
            let (a, b) = (&items[i as usize], &items[j as usize]);
            match self {
                Self::Size => (b.size, a.start).cmp(&(a.size, b.start)),
                Self::Urgency => (urgency[j as usize], duration(b), b.size).cmp(&(
                    urgency[i as usize],
                    duration(a),
                    a.size,
                )),
                Self::Area => area(b).cmp(&area(a)),
                Self::Duration => (duration(b), b.size).cmp(&(duration(a), a.size)),
                Self::Start => (a.start, b.size).cmp(&(b.start, a.size)),
            }
            .then(i.cmp(&j))
        });
    }
}

/// Which room an item takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The lowest.
    First,
    /// The tightest; the lowest of equally tight ones.
    Best,
}

/// Offset of an item that has none yet.
pub(crate) const NOWHERE: u64 = u64::MAX;

/// Places the items in order, fixed ones first, and gives the height in bytes. Nothing when an
/// address would pass the range.
pub(crate) fn place(
    conflicts: &Conflicts<'_>,
    order: &[u32],
    fit: Fit,
    offsets: &mut Vec<u64>,
) -> Option<u64> {
    let items = conflicts.items();
    offsets.clear();
    offsets.extend(items.iter().map(|item| item.fixed.unwrap_or(NOWHERE)));
    let mut taken: Vec<(u64, u64)> = Vec::new();
    let mut height = 0;
    for &i in order {
        let i = i as usize;
        let item = &items[i];
        if item.fixed.is_none() {
            taken.clear();
            for &j in conflicts.stored(i).unwrap_or_default() {
                let j = j as usize;
                if offsets[j] != NOWHERE {
                    taken.push((offsets[j], offsets[j] + items[j].size));
                }
            }
            taken.sort_unstable();
            offsets[i] = room(&taken, item, fit)?;
        }
        height = conflicts.instance.top(item, offsets[i])?.max(height);
    }
    Some(height)
}

/// The offset of the room that an item takes beside what is taken.
pub(crate) fn room(taken: &[(u64, u64)], item: &Item, fit: Fit) -> Option<u64> {
    let mut from = 0u64;
    let mut best: Option<(u64, u64)> = None;
    for &(lo, hi) in taken {
        if lo > from {
            let at = from.checked_next_multiple_of(item.align)?;
            if let Some(left) = lo.checked_sub(at).and_then(|room| room.checked_sub(item.size)) {
                if fit == Fit::First {
                    return Some(at);
                }
                if best.is_none_or(|(least, _)| left < least) {
                    best = Some((left, at));
                }
            }
        }
        from = from.max(hi);
    }
    match best {
        Some((_, at)) => Some(at),
        None => from.checked_next_multiple_of(item.align),
    }
}

/// A pair of fixed items that lie on common bytes.
pub(crate) fn fixed_collision(conflicts: &Conflicts<'_>) -> Option<(usize, usize)> {
    let items = conflicts.items();
    let fixed = items.iter().filter_map(|item| Some((item.fixed?, item)));
    let mut fixed: Vec<(u64, &Item)> = fixed.collect();
    fixed.sort_unstable_by_key(|&(at, item)| (at, item.buffer));
    for (k, &(at, item)) in fixed.iter().enumerate() {
        let above = fixed[k + 1..].iter().take_while(|other| other.0 - at < item.size);
        for &(_, other) in above {
            if conflicts.instance.meet(item, other) {
                return Some((item.buffer.min(other.buffer), item.buffer.max(other.buffer)));
            }
        }
    }
    None
}
