//! Published cycles and times of single layers, through the whole path: sketch, plan, profile.

use cofit_chip::{Card, Chip, Selection};
use cofit_compile::plan::Placement;
use cofit_explore::{Budget, Evaluation, Status, evaluate};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Verified;
use cofit_shared::shared_dir;

fn chip(id: &str, operating_point: Option<&str>) -> Chip {
    let card = Card::from_catalogue(id).expect("in the catalogue").expect("a sound card");
    let selection =
        Selection { operating_point: operating_point.map(str::to_owned), ..Selection::default() };
    card.resolve(&selection).expect("a sound selection")
}

fn run(sketch: &str, chip: &Chip) -> Evaluation {
    let options = SketchOptions { parameters: Vec::new(), weights: Weights::Absent };
    let model = expand(sketch, "row.toml", &options).unwrap_or_else(|faults| {
        panic!("{:?}\n{sketch}", faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    let model = Verified::new(model).expect("a sound model");
    evaluate(&model, chip, &Budget::default()).expect("a sound plan")
}

/// One hardware layer of the MAX78000 and the cycles that
/// analogdevicesinc/ai8x-synthesis:izer/test/test_cycles.py asserts for it.
#[track_caller]
fn check_max78000(input: [u32; 3], layers: &[&str], cycles: u64) {
    let [channels, height, width] = input;
    let layers: Vec<String> = layers.iter().map(|layer| format!("[[layer]]\n{layer}\n")).collect();
    let sketch =
        format!("sketch = 1\ninput = [{height}, {width}, {channels}]\n{}", layers.concat());
    let evaluation = run(&sketch, &chip("max78000", None));
    let steps = evaluation.plan.steps.values();
    let layers = steps.filter(|step| step.placement != Placement::View).count();
    assert_eq!(layers, 1, "one hardware layer: {sketch}");
    assert_eq!(evaluation.verdict.status, Status::Pass, "{:?}", evaluation.plan.refusals);
    assert_eq!(evaluation.profile.cycles.get(), cycles, "{sketch}");
}

#[test]
fn max78000_layers_take_the_vendors_cycles() {
    let conv = |channels: u32, padding: u32| format!("conv = {channels}\npadding = {padding}");
    let pool = "max_pool = 2";
    check_max78000([64, 20, 20], &[pool, &conv(16, 2)], 3049);
    check_max78000([3, 65, 65], &["max_pool = 16\nstride = 4", &conv(32, 1)], 49_010);
    check_max78000([3, 32, 32], &[&conv(64, 1)], 67_981);
    check_max78000([3, 32, 32], &[&conv(64, 0)], 59_773);
    check_max78000([3, 32, 32], &[pool, &conv(64, 0)], 13_885);
    check_max78000([128, 8, 8], &[pool, &conv(16, 1)], 773);
    check_max78000([128, 8, 8], &[&conv(16, 1)], 2485);
    check_max78000([128, 8, 8], &[&conv(16, 0)], 1437);
    check_max78000([1, 28, 28], &[&conv(8, 1)], 8189);
    check_max78000([4, 12, 12], &["add = [\"input\", \"input\"]"], 721);
}

/// The accelerator flattens a map itself: `mlpflatten768to10-12x8x8` and `mlpflatten12to17-12x1x1`
/// of the vendor's test. A map of more than 1,024 elements is no wider layer for it.
#[test]
fn max78000_dense_layers_flatten_for_themselves() {
    check_max78000([12, 8, 8], &["flatten = true", "dense = 10"], 770);
    check_max78000([12, 1, 1], &["flatten = true", "dense = 17"], 20);
    let wide = "sketch = 1\ninput = [5, 5, 64]\n[[layer]]\nflatten = true\n[[layer]]\ndense = 10\n";
    assert_eq!(run(wide, &chip("max78000", None)).verdict.status, Status::Pass);
    let tall =
        "sketch = 1\ninput = [17, 17, 4]\n[[layer]]\nflatten = true\n[[layer]]\ndense = 10\n";
    let refused = run(tall, &chip("max78000", None));
    assert_eq!(refused.verdict.status, Status::Fail, "289 pixels; the engine flattens 256");
}

/// Same padding and batch normalisation are the same hardware layer as the vendor's.
#[test]
fn max78000_layers_take_normalisation_and_activation_for_nothing() {
    let same = "conv = 64\nactivation = \"relu\"";
    check_max78000([3, 32, 32], &["max_pool = 1", same], 67_981);
    check_max78000([3, 32, 32], &[same], 67_981);
    check_max78000([3, 32, 32], &["conv = 64\nbatch_norm = true\nactivation = \"relu\""], 67_981);
}

/// Error in per cent of the measured time by width and height, as the timing model alone has it
/// (`crates/cofit-sim/tests/k210.rs`): all 3x3 convolutions of 128 to 128 channels with 16-bit
/// weights at 300 MHz.
const K210_RESIDUALS: &[(u32, u32, f64)] =
    &[(128, 64, -4.6), (16, 4, 0.0), (32, 16, 0.3), (4, 4, 0.0), (64, 64, -2.3)];

#[test]
fn k210_layers_have_the_residuals_of_the_model_alone() {
    let Some(shared) = shared_dir() else { return };
    let rows = std::fs::read_to_string(shared.join("silicon/open.csv")).expect("the rows");
    let chip = chip("k210", Some("300mhz"));
    let mut seen = Vec::new();
    for row in rows.lines().filter(|row| row.starts_with("k210,nncase,k210_conv3x3_128to128_")) {
        let fields: Vec<&str> = row.split(',').collect();
        let (model, measured_ms) = (fields[2], fields[6]);
        let size = model.rsplit('_').next().and_then(|size| size.split_once('x')).expect("a size");
        let (width, height): (u32, u32) =
            (size.0.parse().expect("width"), size.1.parse().expect("height"));
        let sketch = format!(
            "sketch = 1\ninput = [{height}, {width}, 128]\n\
             precision = {{ weights = 16, activations = 8 }}\n[[layer]]\nconv = 128\n"
        );
        let evaluation = run(&sketch, &chip);
        assert_eq!(evaluation.verdict.status, Status::Pass, "{:?}", evaluation.plan.refusals);
        let ours = evaluation.profile.cycles.at(evaluation.profile.clock).get() * 1e3;
        let measured: f64 = measured_ms.parse().expect("milliseconds");
        seen.push((width, height, (ours / measured - 1.0) * 100.0));
    }
    assert_eq!(seen.len(), K210_RESIDUALS.len(), "{seen:?}");
    for (row, known) in seen.iter().zip(K210_RESIDUALS) {
        assert_eq!((row.0, row.1), (known.0, known.1));
        assert!((row.2 - known.2).abs() < 0.06, "{}x{}: {:.2} %", row.0, row.1, row.2);
    }
}
