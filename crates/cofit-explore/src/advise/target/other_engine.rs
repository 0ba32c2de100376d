//! `other-engine`: another of the chip's engines runs the model.
//!
//! The card's first engine that accepts an operator runs it. Here one engine keeps its operators and
//! the others lose theirs, so that it runs what it can. The order of the engines stays, and with it the
//! clock that cycles count.

use cofit_chip::{Fallback, OperatorRules};

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let engines = &setting.chip.engines;
    let Some(first) = engines.first() else { return };
    for engine in engines.iter().skip(1) {
        let mut chip = setting.chip.clone();
        for other in chip.engines.iter_mut().filter(|other| other.id != engine.id) {
            other.operators = OperatorRules::default();
            other.fallback = Fallback::Host;
        }
        chip.target.host = Some(engine.id.clone());
        found.candidates.push(Candidate {
            kind: Kind::OtherEngine,
            place: setting.chip.id().to_owned(),
            change: format!("{} -> {}", first.id, engine.id),
            keeps: Keeps::File,
            notes: Vec::new(),
            edit: Edit::Policy(Box::new(chip)),
        });
    }
}
