//! `other-engine`: another of the chip's engines is asked first.
//!
//! The card's first engine that accepts an operator runs it. Here another one comes first and the
//! others take what it refuses.

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let engines = &setting.chip.engines;
    let Some(first) = engines.first() else { return };
    for at in 1..engines.len() {
        let mut chip = setting.chip.clone();
        chip.engines[..=at].rotate_right(1);
        found.candidates.push(Candidate {
            kind: Kind::OtherEngine,
            place: setting.chip.id().to_owned(),
            change: format!("{} -> {}", first.id, chip.engines[0].id),
            keeps: Keeps::File,
            notes: Vec::new(),
            edit: Edit::Policy(Box::new(chip)),
        });
    }
}
