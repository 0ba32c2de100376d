//! Cycles of simulated hardware through the whole path: sketch, plan, profile.

use cofit_chip::{Card, Selection};
use cofit_explore::{Budget, Evaluation, evaluate};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Verified;
use cofit_shared::shared_dir;

fn run(sketch: &str, id: &str) -> Evaluation {
    let card = Card::from_catalogue(id).expect("in the catalogue").expect("a sound card");
    let chip = card.resolve(&Selection::default()).expect("a sound selection");
    let options = SketchOptions { parameters: Vec::new(), weights: Weights::Absent };
    let model = expand(sketch, "row.toml", &options).unwrap_or_else(|faults| {
        panic!("{:?}\n{sketch}", faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    let model = Verified::new(model).expect("a sound model");
    let evaluation = evaluate(&model, &chip, &Budget::default()).expect("a sound plan");
    assert!(evaluation.plan.refusals.is_empty(), "{:?}\n{sketch}", evaluation.plan.refusals);
    evaluation
}

fn cycles(sketch: &str, id: &str) -> u64 {
    run(sketch, id).profile.cycles.get()
}

fn rows(name: &str) -> Option<Vec<Vec<String>>> {
    let path = shared_dir()?.join("golden/rtl").join(name);
    let text = std::fs::read_to_string(path).expect("the rows");
    let rows = text.lines().filter(|row| !row.starts_with('#')).skip(1);
    Some(rows.map(|row| row.split(',').map(str::to_owned).collect()).collect())
}

/// The plan's steps become the layers that were simulated, to the cycle.
#[test]
fn ne16_layers_take_the_hardwares_cycles() {
    let Some(rows) = rows("ne16_rtl_cycles.csv") else { return };
    for row in &rows {
        let [op, height, width, inputs, outputs, _, cycles_there, ..] = &row[..] else {
            panic!("{row:?}")
        };
        let layer = match op.as_str() {
            "1x1" => format!("conv = {outputs}\nkernel = 1"),
            "3x3" => format!("conv = {outputs}\nkernel = 3"),
            "dw3x3" => "depthwise = 1\nkernel = 3".to_owned(),
            other => panic!("{other}"),
        };
        let sketch =
            format!("sketch = 1\ninput = [{height}, {width}, {inputs}]\n[[layer]]\n{layer}\n");
        assert_eq!(cycles(&sketch, "ne16").to_string(), *cycles_there, "{row:?}");
    }
    assert_eq!(rows.len(), 26);
}

/// Two of the simulated convolutions whose names leave nothing open, within 1 %.
#[test]
fn nvdla_layers_take_the_hardwares_cycles() {
    let Some(rows) = rows("nvdla_small_rtl_cycles.csv") else { return };
    for (trace, input, layer) in [
        ("dc_4x1x8192_1x1x8192x1_int8_0", "1, 4, 8192", "conv = 1\nkernel = 1\nstride = [1, 2]"),
        ("dc_14x7x49_3x4x49x32_int8_0", "7, 14, 49", "conv = 32\nkernel = [4, 3]"),
    ] {
        let row = rows.iter().find(|row| row[0] == trace).expect("the row");
        let there: f64 = row[1].parse().expect("cycles");
        let sketch = format!("sketch = 1\ninput = [{input}]\n[[layer]]\n{layer}\n");
        let error = cycles(&sketch, "nvdla-small") as f64 / there - 1.0;
        assert!(error.abs() < 0.01, "{trace}: {:+.2} %", error * 100.0);
    }
}

/// 128 KiB hold 64 of the 128 rows of a map of 2 KiB a row only beside 0 bytes of weights, so that
/// the layer takes three jobs, and reads its weights for each.
#[test]
fn what_exceeds_the_buffer_reads_its_weights_again() {
    let evaluation = |rows: u32| {
        let layer = "conv = 64\nkernel = 1\nbias = false";
        run(&format!("sketch = 1\ninput = [{rows}, 32, 64]\n[[layer]]\n{layer}\n"), "nvdla-small")
    };
    let weights = |rows: u32| {
        let evaluation = evaluation(rows);
        let read = evaluation.profile.traffic.values().map(|it| it.read.get()).sum::<u64>();
        read - u64::from(rows) * 32 * 64
    };
    assert_eq!((weights(32), weights(128)), (4096, 3 * 4096));
}
