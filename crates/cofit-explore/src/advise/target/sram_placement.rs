//! `sram-placement`: each buffer goes to the fastest memory with room, instead of one arena in one
//! memory.
//!
//! Offered where the runtime has a single arena and the chip more than one memory for activations.

use cofit_chip::{Content, Placement};

use crate::advise::{Found, Kind, Setting};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let chip = &setting.chip;
    if chip.runtime.placement != Placement::SingleArena
        || chip.memories_for(Content::Activation).count() < 2
    {
        return;
    }
    let mut other = chip.clone();
    other.runtime.placement = Placement::PerBuffer;
    let change = "one arena -> each buffer where it is fastest";
    let note = "the runtime has one arena; its interpreter or generated code has to take several";
    found.policy(Kind::SramPlacement, change, note, other);
}
