//! `weights-in-sram`: weights are copied once, before the first inference, to a fast memory that has
//! room left.
//!
//! Offered where the runtime reads weights where they are stored and the card has a memory on the chip
//! that may hold them, or that holds activations and is written by the program that starts.

use cofit_chip::{Content, Residency, Tier};

use crate::advise::{Found, Kind, Setting};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let chip = &setting.chip;
    if chip.weights.promote || chip.weights.residency != Residency::InPlace {
        return;
    }
    let mut other = chip.clone();
    other.weights.promote = true;
    let change = "weights copied to fast memory once, as far as there is room";
    let note = "place the weights in a section that start-up code copies; the copy is paid once";
    for memory in &mut other.memories {
        let is_near = matches!(memory.tier, Tier::Sram) && memory.may_hold(Content::Activation);
        if is_near && !memory.may_hold(Content::Weight) {
            let mut holds = memory.contents().to_vec();
            holds.push(Content::Weight);
            memory.holds = Some(holds);
        }
    }
    found.policy(Kind::WeightsInSram, change, note, other);
}
