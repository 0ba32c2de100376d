//! `sibling-chip`: another chip of the same core or vendor.
//!
//! Offered only where the chip does not run the model: who has chosen a chip that does is not talked
//! out of it. Chips of the same core come first, then the vendor's others.

use cofit_chip::catalogue::catalogue;
use cofit_chip::{Card, Selection};

use crate::advise::{Found, Keeps, Kind, Setting};

/// Chips that are tried.
const MOST: usize = 10;

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    if setting.figures().fits() {
        return;
    }
    let own = &setting.chip.target;
    let mut siblings = Vec::new();
    for entry in catalogue().filter(|entry| entry.id != own.id) {
        let Some(Ok(card)) = Card::from_catalogue(entry.id) else { continue };
        let Ok(chip) = card.resolve(&Selection::default()) else { continue };
        let has_core = own.core.is_some() && chip.target.core == own.core;
        let has_vendor = own.vendor.is_some() && chip.target.vendor == own.vendor;
        if !has_core && !has_vendor {
            continue;
        }
        let has_runtime = chip.runtimes.contains(&setting.chip.runtime.id);
        let runtime = has_runtime.then(|| setting.chip.runtime.id.clone());
        // The same vendor and core is closest.
        let distance = 2 - u8::from(has_core) - u8::from(has_vendor);
        siblings.push((distance, card, Selection { runtime, ..Selection::default() }, chip));
    }
    siblings.sort_by_key(|(distance, ..)| *distance);
    for (_, card, selection, chip) in siblings.into_iter().take(MOST) {
        let words = (own.id.clone(), format!("{} -> {}", own.id, chip.id()));
        found.target(Kind::SiblingChip, words, Keeps::File, &card, selection);
    }
}
