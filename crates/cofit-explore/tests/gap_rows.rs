//! Published whole networks on GAP8 and GAP9, and how far off their cards are.

use std::path::Path;

use cofit_chip::{Card, Chip, Selection};
use cofit_explore::{Budget, evaluate};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Verified;
use cofit_shared::shared_dir;

/// A card at the operating point of so many MHz.
fn chip(id: &str, clock: &str) -> Chip {
    let selection =
        Selection { operating_point: Some(format!("{clock}mhz")), ..Selection::default() };
    let card = Card::from_catalogue(id).expect("in the catalogue").expect("a sound card");
    card.resolve(&selection).expect("a sound selection")
}

/// Milliseconds and microjoules of a network of `examples/sketches`.
fn run(sketch: &str, parameters: &[(&str, &str)], chip: &Chip) -> (f64, f64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sketches");
    let text = std::fs::read_to_string(folder.join(sketch)).expect("a sketch");
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let options = SketchOptions {
        parameters: parameters.iter().map(own).collect(),
        weights: Weights::Absent,
    };
    let model = expand(&text, sketch, &options).unwrap_or_else(|faults| {
        panic!("{:?}", faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    let model = Verified::new(model).expect("a sound model");
    let evaluation = evaluate(&model, chip, &Budget::default()).expect("a sound plan");
    assert!(evaluation.plan.refusals.is_empty(), "{sketch}: {:?}", evaluation.plan.refusals);
    let profile = &evaluation.profile;
    let energy = profile.energy.as_ref().expect("the card states energy");
    let spent = energy.by_cycle + energy.by_mac + energy.by_byte + energy.leakage;
    (profile.cycles.at(profile.clock).get() * 1e3, spent.get() / 1e6)
}

/// The network of a row, where it is known to the layer.
fn network(model: &str, chip: &Chip) -> Option<(f64, f64)> {
    match model.split('_').collect::<Vec<_>>()[..] {
        ["mlperf", "tiny", "ic", "resnet8"] => Some(run("resnet8.toml", &[], chip)),
        ["mlperf", "tiny", "kws", "dscnn"] => Some(run("ds_cnn.toml", &[], chip)),
        ["mobilenet", "v1", width, resolution] => {
            let parameters = [
                ("width", width),
                ("resolution", resolution),
                ("classes", "1001"),
                ("colours", "3"),
            ];
            Some(run("mobilenet_v1.toml", &parameters, chip))
        }
        ["mobilenet", "v2", width, resolution] => {
            let parameters = [("width", width), ("resolution", resolution), ("classes", "1001")];
            Some(run("mobilenet_v2.toml", &parameters, chip))
        }
        _ => None,
    }
}

/// Errors in per cent that no row may exceed, in latency and in energy, and the mean of latency.
struct Bar {
    latency: f64,
    energy: f64,
    mean: f64,
}

#[track_caller]
fn check(id: &str, rows: usize, bar: &Bar) {
    let Some(shared) = shared_dir() else { return };
    let text = std::fs::read_to_string(shared.join("silicon/open.csv")).expect("the rows");
    let mut seen = Vec::new();
    for row in text.lines().filter(|row| row.starts_with(&format!("{id},gapflow,m"))) {
        let fields: Vec<&str> = row.split(',').collect();
        let (model, clock) = (fields[2], fields[5]);
        let Some((latency, energy)) = network(model, &chip(id, clock)) else { continue };
        let error = |ours: f64, measured: &str| {
            (ours / measured.parse::<f64>().expect("a number") - 1.0) * 100.0
        };
        seen.push((
            format!("{model} {clock}"),
            error(latency, fields[6]),
            error(energy, fields[7]),
        ));
    }
    assert_eq!(seen.len(), rows, "{seen:?}");
    let mean = seen.iter().map(|row| row.1.abs()).sum::<f64>() / seen.len() as f64;
    let worst = |of: fn(&(String, f64, f64)) -> f64| seen.iter().map(of).fold(0.0, f64::max);
    let (latency, energy) = (worst(|row| row.1.abs()), worst(|row| row.2.abs()));
    assert!(
        latency < bar.latency && energy < bar.energy && mean < bar.mean,
        "latency {latency:.1} % at most and {mean:.1} % on average, energy {energy:.1} %: {seen:#.1?}"
    );
}

#[test]
fn gap8_is_as_far_off_as_its_card_says() {
    check("gap8", 16, &Bar { latency: 12.8, energy: 10.2, mean: 4.1 });
}

#[test]
fn gap9_is_as_far_off_as_its_card_says() {
    check("gap9", 4, &Bar { latency: 7.0, energy: 5.0, mean: 6.0 });
}
