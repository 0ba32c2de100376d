//! Ethos-U cards against what was measured or simulated elsewhere: the calibration rows of the
//! cards, with the errors that their notes state.

use cofit_chip::{Card, Selection};
use cofit_explore::{Budget, evaluate};
use cofit_ir::Verified;
use cofit_shared::shared_dir;

/// Milliseconds of one inference.
fn milliseconds(card: &str, file: &str) -> Option<f64> {
    let path = shared_dir()?.join("models").join(file);
    let bytes = std::fs::read(&path).expect("a model of the shared folder");
    let (model, _) = cofit_import::load(bytes.into(), &path.display().to_string());
    let model = Verified::new(model.expect("a readable model")).expect("a sound model");
    let card = Card::from_catalogue(card).expect("in the catalogue").expect("sound");
    let chip = card.resolve(&Selection::default()).expect("resolves");
    let evaluation = evaluate(&model, &chip, &Budget::default()).expect("evaluates");
    let clock = chip.reference_clock().expect("the card has a clock").value;
    Some(evaluation.profile.cycles.as_f64() / clock.0 * 1e3)
}

#[track_caller]
fn check(card: &str, measured: f64, error: f64) {
    let file = "coral_test_data/mobilenet_v2_1.0_224_quant.tflite";
    let Some(own) = milliseconds(card, file) else { return };
    let found = own / measured - 1.0;
    assert!((found - error).abs() < 0.01, "{card}: {own:.3} ms against {measured}: {found:+.3}");
}

#[test]
fn mobilenet_v2_on_alif_e8() {
    check("alif-e8-u55", 19.0, -0.19);
}

#[test]
fn mobilenet_v2_on_the_fixed_virtual_platform() {
    // 7,346,172 cycles at 500 MHz.
    check("ethos-u55-128", 14.692, 0.013);
}
