//! Bytes that are left of every region at every instant that matters.

use super::ways::{Part, Way, Ways};
use super::{Question, Region};

/// Bytes that are left, while items are placed and removed again.
pub(super) struct Room {
    /// Instants that matter.
    instants: usize,
    /// Bytes left, all instants of the first region before those of the next.
    left: Vec<u64>,
}

impl Room {
    pub(super) fn new(question: &Question, ways: &Ways) -> Self {
        let of_region = |region| std::iter::repeat_n(ceiling(region), ways.instants);
        Self {
            instants: ways.instants,
            left: question.regions.iter().flat_map(of_region).collect(),
        }
    }

    /// Instants that matter.
    pub(super) const fn len(&self) -> usize {
        self.instants
    }

    /// Bytes that a region has left, by instant.
    pub(super) fn left(&self, region: usize) -> &[u64] {
        &self.left[region * self.instants..][..self.instants]
    }

    /// The bytes that each region has left at every instant.
    pub(super) fn least(&self, least: &mut Vec<u64>) {
        least.clear();
        if self.instants > 0 {
            let regions = self.left.chunks_exact(self.instants);
            least.extend(regions.map(|left| left.iter().copied().min().unwrap_or(u64::MAX)));
        }
    }

    /// Whether the parts of a way fit, each by itself, beside what is there; `least` are the bytes
    /// that each region has left at every instant.
    pub(super) fn takes(&self, way: &Way, least: &[u64]) -> bool {
        way.parts.iter().all(|part| {
            least.get(part.region).is_none_or(|&least| part.bytes <= least) || self.has(part)
        })
    }

    fn has(&self, part: &Part) -> bool {
        self.left(part.region)[part.span.clone()].iter().all(|&left| part.bytes <= left)
    }

    /// Places a way, if it fits.
    pub(super) fn take(&mut self, way: &Way) -> bool {
        for (at, part) in way.parts.iter().enumerate() {
            // Parts of one way may share a region, so each is taken before the next is tried.
            if !self.has(part) {
                way.parts[..at].iter().for_each(|taken| self.give(taken));
                return false;
            }
            for left in self.own(part) {
                *left -= part.bytes;
            }
        }
        true
    }

    /// Removes a way that was placed.
    pub(super) fn give_back(&mut self, way: &Way) {
        way.parts.iter().for_each(|part| self.give(part));
    }

    fn give(&mut self, part: &Part) {
        for left in self.own(part) {
            *left = left.saturating_add(part.bytes);
        }
    }

    fn own(&mut self, part: &Part) -> &mut [u64] {
        &mut self.left[part.region * self.instants..][part.span.clone()]
    }
}

/// The capacity of a region in rounded bytes: the topmost content may end off alignment.
fn ceiling(region: &Region) -> u64 {
    region.capacity.checked_next_multiple_of(region.alignment.max(1)).unwrap_or(u64::MAX)
}
