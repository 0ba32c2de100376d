//! Every card of the catalogue, in every runtime and operating point.

use cofit_chip::{Card, Selection, Severity};

#[test]
fn every_card_resolves_and_lints_without_warnings() {
    for entry in cofit_chip::catalogue() {
        let card = match Card::from_catalogue(entry.id).expect("listed") {
            Ok(card) => card,
            Err(rejected) => panic!("{}", rejected.render()),
        };
        if let Err(rejected) = card.resolve(&Selection::default()) {
            panic!("{}", rejected.render());
        }
        let remarks = card.lint();
        let bad: String = remarks
            .iter()
            .filter(|remark| remark.severity != Severity::Note)
            .map(|remark| card.sources().render(remark))
            .collect();
        assert!(bad.is_empty(), "{}:\n{bad}", entry.id);
    }
}
