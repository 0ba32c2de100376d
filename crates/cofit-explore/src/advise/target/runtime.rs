//! `runtime`: another kernel library or vendor compiler that the card knows.

use crate::advise::{Found, Keeps, Kind, Setting};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let own = &setting.chip.runtime.id;
    for name in setting.chip.runtimes.iter().filter(|name| *name != own) {
        let mut selection = setting.selection.clone();
        selection.runtime = Some(name.clone());
        let words = (setting.chip.id().to_owned(), format!("{own} -> {name}"));
        found.target(Kind::Runtime, words, Keeps::File, &setting.card, selection);
    }
}
