//! Bytes that are taken of every region at every instant that matters.

use super::{Choice, Extent, Question, Region};

/// Bytes that are taken, while items are placed and removed again.
///
/// Only instants at which some extent begins are kept: nothing is live at once that is not live
/// together when the last of it begins. Sizes count rounded up to the region's alignment, since
/// what lies above begins there.
pub(super) struct Room {
    regions: Vec<Region>,
    /// The instants that matter, ascending.
    instants: Vec<u64>,
    /// Bytes taken, by region and instant.
    taken: Vec<Vec<u64>>,
}

impl Room {
    pub(super) fn new(question: &Question) -> Self {
        let instants = instants(question);
        Self {
            taken: vec![vec![0; instants.len()]; question.regions.len()],
            regions: question.regions.clone(),
            instants,
        }
    }

    /// Instants that matter.
    pub(super) fn len(&self) -> usize {
        self.instants.len()
    }

    /// Bytes that a region has left at the instant in position `at`.
    pub(super) fn left(&self, region: usize, at: usize) -> u64 {
        ceiling(&self.regions[region]).saturating_sub(self.taken[region][at])
    }

    /// Whether a choice fits beside what is there.
    pub(super) fn takes(&self, choice: &Choice) -> bool {
        choice.extents.iter().all(|extent| {
            let Some(region) = self.regions.get(extent.region) else { return false };
            let bytes = rounded(extent, region);
            extent.bytes <= region.block
                && extent.bytes <= region.capacity
                && self.span(extent).all(|at| bytes <= self.left(extent.region, at))
        })
    }

    /// Places a choice, if it fits.
    pub(super) fn take(&mut self, choice: &Choice) -> bool {
        for (at, extent) in choice.extents.iter().enumerate() {
            // Extents of one choice may share a region, so each is taken before the next is tried.
            let alone = Choice { extents: smallvec::smallvec![*extent], cost: 0 };
            if !self.takes(&alone) {
                for taken in &choice.extents[..at] {
                    self.change(taken, false);
                }
                return false;
            }
            self.change(extent, true);
        }
        true
    }

    /// Removes a choice that was placed.
    pub(super) fn give_back(&mut self, choice: &Choice) {
        for extent in &choice.extents {
            self.change(extent, false);
        }
    }

    fn change(&mut self, extent: &Extent, is_taken: bool) {
        let bytes = rounded(extent, &self.regions[extent.region]);
        for at in self.span(extent) {
            let taken = &mut self.taken[extent.region][at];
            *taken =
                if is_taken { taken.saturating_add(bytes) } else { taken.saturating_sub(bytes) };
        }
    }

    /// The positions of the instants of an extent.
    pub(super) fn span(&self, extent: &Extent) -> std::ops::Range<usize> {
        let begin = self.instants.partition_point(|&instant| instant < extent.begin);
        let end = self.instants.partition_point(|&instant| instant <= extent.end);
        begin..end.max(begin)
    }
}

/// The bytes of an extent with what is lost before the next aligned address.
pub(super) fn rounded(extent: &Extent, region: &Region) -> u64 {
    extent.bytes.checked_next_multiple_of(region.alignment.max(1)).unwrap_or(u64::MAX)
}

/// The capacity of a region in rounded bytes: the topmost content may end off alignment.
fn ceiling(region: &Region) -> u64 {
    region.capacity.checked_next_multiple_of(region.alignment.max(1)).unwrap_or(u64::MAX)
}

/// Every instant at which something begins, ascending.
fn instants(question: &Question) -> Vec<u64> {
    let mut instants: Vec<u64> = question
        .items
        .iter()
        .flat_map(|item| &item.choices)
        .flat_map(|choice| &choice.extents)
        .map(|extent| extent.begin)
        .collect();
    instants.sort_unstable();
    instants.dedup();
    instants
}
