//! The MAX78002's card against the published energies and loading times (Analog Devices AN7664).

use cofit_chip::{Card, Chip, Energy, OperatorClass, Selection};
use cofit_shared::shared_dir;
use cofit_sim::loading::Loading;
use cofit_vocab::{Bytes, Hertz};

/// What is allowed between a figure of the card and a published one.
const TOLERANCE: f64 = 0.10;

/// A row of the measured figures.
struct Row {
    model: String,
    level: String,
    clock_mhz: f64,
    milliseconds: f64,
    microjoules: f64,
    note: String,
}

/// The rows of the chip, or nothing where they are absent. No field before the note holds a comma.
fn rows() -> Option<Vec<Row>> {
    let shared = shared_dir()?;
    let text = std::fs::read_to_string(shared.join("silicon/open.csv")).expect("the rows");
    let rows = text.lines().filter(|line| line.starts_with("max78002,ai8x,")).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |at: usize| fields[at].parse().unwrap_or(f64::NAN);
        Row {
            model: fields[2].to_owned(),
            level: fields[4].to_owned(),
            clock_mhz: number(5),
            milliseconds: number(6),
            microjoules: number(7),
            note: fields[8..].join(","),
        }
    });
    Some(rows.collect())
}

fn chip(point: &str) -> Chip {
    let selection = Selection { operating_point: Some(point.to_owned()), ..Selection::default() };
    let card = Card::from_catalogue("max78002").expect("in the catalogue").expect("sound");
    card.resolve(&selection).expect("sound")
}

/// The bytes of weights that a note names.
fn weights(note: &str) -> Option<u64> {
    note.split("weights ").nth(1)?.split(' ').next()?.parse().ok()
}

#[track_caller]
fn near(what: &str, ours: f64, measured: f64) {
    let error = ours / measured - 1.0;
    assert!(error.abs() < TOLERANCE, "{what}: {ours:.3} for {measured} ({:+.1} %)", error * 100.0);
}

/// Every network's loading at the note's clock, and the sweep of one over all clocks at 1.0 V: from
/// the PLL, and from the slower oscillator, which the operating point `30mhz` stands for.
#[test]
fn weights_are_loaded_in_the_published_time_and_energy() {
    let Some(rows) = rows() else { return };
    let mut seen = 0;
    let mut swept: Vec<(u64, f64)> = Vec::new();
    for row in rows.iter().filter(|row| row.model.ends_with("/weight_load")) {
        let bytes = if row.note.contains("read from chart image") {
            // The sweep is of one network, whose weights its row in the table names. Its time was
            // drawn once and its energy at two voltages, of which the lower is at 1.0 V.
            let same = |other: &&Row| {
                other.model == row.model && (other.clock_mhz - row.clock_mhz).abs() < 0.1
            };
            let least = rows.iter().filter(same).map(|other| other.microjoules);
            if row.microjoules > least.fold(f64::INFINITY, f64::min) * 1.1 {
                continue;
            }
            swept.push(((row.clock_mhz * 10.0) as u64, row.milliseconds));
            1_341_960
        } else {
            weights(&row.note).expect("the note names the weights")
        };
        // The note lists two networks under one name; the second one's weights are not its own.
        if row.model.contains("mnist") && row.milliseconds > 10.0 {
            continue;
        }
        let is_slow = [7.5, 15.0, 30.0].contains(&row.clock_mhz);
        let chip = chip(if is_slow { "30mhz" } else { "nominal" });
        let load = chip.weights.load.as_ref().expect("the card states the load");
        let mut loading = Loading::of(load, &chip).expect("the card states a rate");
        loading.clock = Hertz(row.clock_mhz * 1e6);
        let name = format!("{} at {} MHz", row.model, row.clock_mhz);
        near(&name, loading.time(Bytes(bytes)).get() * 1e3, row.milliseconds);
        let energy = loading.energy(Bytes(bytes)).expect("the card states energies");
        near(&name, energy.get() * 1e-6, row.microjoules);
        seen += 1;
    }
    assert_eq!(swept.len(), 8, "{swept:?}");
    assert!(seen >= 15, "{seen} rows");
}

/// Energy in microjoules of an inference that takes so long at a clock, in millions of products of
/// 3x3 and of 1x1 kernels.
fn inference(energy: &Energy, milliseconds: f64, clock_mhz: f64, wide: f64, point: f64) -> f64 {
    let cycles = milliseconds * clock_mhz * 1e3;
    let picojoules = |value: Option<f64>| value.expect("the card states every term");
    let cycle = picojoules(energy.per_cycle.as_ref().map(|each| each.value.get()));
    let product = |class| picojoules(energy.of_mac("w8a8", class).map(|each| each.value.get()));
    let watts = energy.static_power.as_ref().expect("the card states static power").value.get();
    cycle * cycles * 1e-6
        + product(OperatorClass::Convolution) * wide
        + product(OperatorClass::Pointwise) * point
        + watts * milliseconds * 1e3
}

/// Networks whose products are those of 3x3 kernels, with their products in millions as the note
/// counts them.
const WIDE: &[(&str, f64)] =
    &[("cats_dogs", 50.432), ("cifar_100_residual", 18.461), ("svhn_tinierssd", 189.043)];

/// Inferences at 1.0 V, without the loading of inputs: the first row of each network.
#[test]
fn inferences_take_the_published_energy() {
    let Some(rows) = rows() else { return };
    let chip = chip("nominal");
    let energy = chip.energy.as_ref().expect("the card states energy");
    for (network, products) in WIDE {
        let name = format!("max78002_{network}");
        let row = rows.iter().find(|row| row.model == name && row.level == "whole_model");
        let row = row.expect("the row");
        let ours = inference(energy, row.milliseconds, row.clock_mhz, *products, 0.0);
        near(&name, ours, row.microjoules);
    }
    // MobileNetV2: all but one in twelve of its 25.7 million products are of 1x1 kernels. One network
    // at two clocks from the PLL, at both voltages.
    for (point, is_lower) in [("nominal", true), ("nominal-1v1", false)] {
        let chip = self::chip(point);
        let energy = chip.energy.as_ref().expect("the card states energy");
        let sweep = rows.iter().filter(|row| {
            row.model == "max78002_cifar_100_mobilenet_v2_0.75" && row.clock_mhz >= 100.0
        });
        let mut seen = 0;
        for row in sweep.filter(|row| (row.microjoules < 1400.0) == is_lower) {
            let ours = inference(energy, row.milliseconds, row.clock_mhz, 2.1, 23.6);
            near(&format!("MobileNetV2 at {point}, {} MHz", row.clock_mhz), ours, row.microjoules);
            seen += 1;
        }
        assert_eq!(seen, 2, "{point}");
    }
}
