//! The problem in the solver's own terms: live buffers only, lifetimes as segments, sizes rounded
//! to the common alignment and divided by a common unit, and the independent parts found.

use crate::problem::{Buffer, PackError, Problem};

/// A live buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// Index in the problem.
    pub buffer: usize,
    /// Size in units, rounded up to the common alignment.
    pub size: u64,
    /// Alignment in units; one where every reachable offset is aligned anyway.
    pub align: u64,
    /// Fixed offset in units.
    pub fixed: Option<u64>,
    /// Bytes by which rounding enlarged the size. Less than a unit. They cost nothing at the top
    /// of the layout, where no buffer follows.
    pub pad: u64,
    /// First instant of life.
    pub start: u64,
    /// End of life.
    pub end: u64,
    /// First of the item's segments.
    segment: u32,
    /// Number of segments.
    segments: u32,
}

/// A problem made ready for solving.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The live buffers, by start, then end, then index.
    pub items: Vec<Item>,
    segments: Vec<(u64, u64)>,
    /// Bytes per unit.
    pub unit: u64,
    /// Ranges of `items` that share no instant with each other.
    pub parts: Vec<std::ops::Range<usize>>,
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The live segments of a buffer: its lifetime without its gaps, in order of time.
fn live_segments(buffer: &Buffer, segments: &mut Vec<(u64, u64)>) {
    if buffer.upper <= buffer.lower {
        return;
    }
    if buffer.gaps.is_empty() {
        segments.push((buffer.lower, buffer.upper));
        return;
    }
    let mut gaps = buffer.gaps.clone();
    gaps.sort_unstable();
    let mut from = buffer.lower;
    for (lo, hi) in gaps {
        if hi <= lo {
            continue;
        }
        let lo = lo.min(buffer.upper);
        if from < lo {
            segments.push((from, lo));
        }
        from = from.max(hi);
    }
    if from < buffer.upper {
        segments.push((from, buffer.upper));
    }
}

impl Instance {
    /// Makes a problem ready.
    ///
    /// # Errors
    ///
    /// [`PackError::FixedMisaligned`], and [`PackError::AddressRange`] where a single buffer
    /// passes the address range. Collisions of fixed buffers show when they are placed.
    pub fn new(problem: &Problem) -> Result<Self, PackError> {
        let mut items = Vec::with_capacity(problem.buffers.len());
        let mut segments = Vec::with_capacity(problem.buffers.len());
        let mut common = 0;
        for (index, buffer) in problem.buffers.iter().enumerate() {
            let align = buffer.alignment.max(1);
            if buffer.fixed.is_some_and(|offset| offset % align != 0) {
                return Err(PackError::FixedMisaligned { buffer: index });
            }
            let segment = segments.len();
            if buffer.size > 0 {
                live_segments(buffer, &mut segments);
            }
            if segments.len() == segment {
                continue;
            }
            common = gcd(align, common);
            items.push(Item {
                buffer: index,
                size: buffer.size,
                align,
                fixed: buffer.fixed,
                pad: 0,
                start: segments[segment].0,
                end: segments[segments.len() - 1].1,
                segment: u32::try_from(segment).unwrap_or(u32::MAX),
                segments: u32::try_from(segments.len() - segment).unwrap_or(u32::MAX),
            });
        }
        let common = common.max(1);
        let mut unit = 0;
        for item in &mut items {
            let range = PackError::AddressRange { buffer: item.buffer };
            let rounded = item.size.checked_next_multiple_of(common).ok_or(range)?;
            rounded.checked_add(item.fixed.unwrap_or(0)).ok_or(range)?;
            item.pad = rounded - item.size;
            item.size = rounded;
            unit = gcd(rounded, gcd(item.fixed.unwrap_or(0), unit));
        }
        // An alignment that divides the unit holds at every sum of sizes; any other shrinks the
        // unit, which may bring back alignments that held before.
        let mut unit = unit.max(1);
        loop {
            let finer = items.iter().fold(unit, |unit, item| {
                if unit % item.align == 0 { unit } else { gcd(unit, item.align) }
            });
            if finer == unit {
                break;
            }
            unit = finer;
        }
        for item in &mut items {
            item.size /= unit;
            item.align = if unit % item.align == 0 { 1 } else { item.align / unit };
            item.fixed = item.fixed.map(|offset| offset / unit);
        }
        items.sort_unstable_by_key(|item| (item.start, item.end, item.buffer));

        let mut parts = Vec::new();
        let mut from = 0;
        let mut end = 0;
        for (i, item) in items.iter().enumerate() {
            if item.start >= end && i > from {
                parts.push(from..i);
                from = i;
            }
            end = end.max(item.end);
        }
        if from < items.len() {
            parts.push(from..items.len());
        }
        Ok(Self { items, segments, unit, parts })
    }

    /// The live segments of an item, in order of time.
    pub fn segments(&self, item: &Item) -> &[(u64, u64)] {
        let from = item.segment as usize;
        &self.segments[from..from + item.segments as usize]
    }

    /// Whether two items are ever live at one instant.
    pub fn meet(&self, a: &Item, b: &Item) -> bool {
        if a.start.max(b.start) >= a.end.min(b.end) {
            return false;
        }
        if a.segments == 1 && b.segments == 1 {
            return true;
        }
        let (a, b) = (self.segments(a), self.segments(b));
        let (mut i, mut j) = (0, 0);
        while i < a.len() && j < b.len() {
            if a[i].0.max(b[j].0) < a[i].1.min(b[j].1) {
                return true;
            }
            if a[i].1 <= b[j].1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        false
    }

    /// Calls `visit` with the items live at each instant that dominates its neighbours: every set
    /// of items that are ever live together is contained in one of those visited. `visit` gets
    /// the instant and the items, as indices from the start of the part, in no particular order.
    pub fn sweep(&self, part: &std::ops::Range<usize>, mut visit: impl FnMut(u64, &[u32])) {
        let items = &self.items[part.clone()];
        // Ends sort before starts at one instant, since lifetimes are half-open.
        let mut events = Vec::with_capacity(2 * items.len());
        for (i, item) in (0u32..).zip(items) {
            for &(lo, hi) in self.segments(item) {
                events.push((hi, false, i));
                events.push((lo, true, i));
            }
        }
        events.sort_unstable();
        let mut live: Vec<u32> = Vec::new();
        let mut position = vec![0u32; items.len()];
        let mut grown_at = None;
        for (instant, begins, i) in events {
            if begins {
                position[i as usize] = live.len() as u32;
                live.push(i);
                grown_at = Some(instant);
                continue;
            }
            if let Some(peak) = grown_at.take() {
                visit(peak, &live);
            }
            let hole = position[i as usize] as usize;
            live.swap_remove(hole);
            if let Some(&moved) = live.get(hole) {
                position[moved as usize] = hole as u32;
            }
        }
    }

    /// The height in bytes of an item placed at an offset in units.
    pub fn top(&self, item: &Item, offset: u64) -> Option<u64> {
        let bytes = offset.checked_add(item.size)?.checked_mul(self.unit)?;
        Some(bytes - item.pad)
    }

    /// The highest end in units that an item may have below a capacity in bytes.
    pub fn limit(&self, item: &Item, capacity: u64) -> u64 {
        capacity.saturating_add(item.pad) / self.unit
    }
}
