//! `operating-point`: another clock and voltage of the card.
//!
//! Not offered where the command line states a clock: that is a point of its own.

use crate::advise::{Found, Keeps, Kind, Setting};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    if setting.selection.clock.is_some() {
        return;
    }
    let own = &setting.chip.operating_point.id;
    for name in setting.chip.operating_points.iter().filter(|name| *name != own) {
        let mut selection = setting.selection.clone();
        selection.operating_point = Some(name.clone());
        let words = (setting.chip.id().to_owned(), format!("{own} -> {name}"));
        found.target(Kind::OperatingPoint, words, Keeps::Bits, &setting.card, selection);
    }
}
