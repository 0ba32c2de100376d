//! Every tensor that the official interpreters computed, computed again.
//!
//! `goldens/` holds what TFLM's reference kernels made of whole models and of a grid of single
//! operators (`checks/tflm_goldens.py`, `checks/operator_goldens.py`), as hashes, and the floats that
//! LiteRT's made. Integers must agree to the bit, on every intermediate tensor and all inputs.

mod golden;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cofit_exec::{Buffer, Difference, Rounding};
use golden::{Golden, Run, conclude, floats, load, rows};

/// The float kernels' bound: differences relative to the tensor's largest magnitude.
const FLOAT_BOUND: f64 = 1e-5;

#[test]
fn shared_and_example_models_agree_with_tflm() {
    models_agree("tflm_models.csv");
}

/// uint8 models of the first generation, which TFLM does not run.
#[test]
fn shared_models_of_uint8_agree_with_litert() {
    models_agree("litert_models.csv");
}

/// Compares every model of a file of goldens that is there.
fn models_agree(file: &str) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/models");
    let shared = cofit_shared::shared_dir().map(|folder| folder.join("models"));
    let mut findings = Vec::new();
    let mut tensors = 0;
    for (model, goldens) in by_model(rows(file)) {
        let path = match model.strip_prefix("examples/models/") {
            Some(name) => examples.join(name),
            None => match &shared {
                Some(folder) => folder.join(&model),
                None => continue,
            },
        };
        tensors += compare(&model, &path, &goldens, &mut findings);
    }
    conclude(&findings);
    assert!(tensors > 0 || shared.is_none(), "no tensor was compared");
}

#[test]
fn operators_agree_with_tflm() {
    let mut findings = Vec::new();
    for (case, goldens) in by_model(rows("tflm_operators.csv")) {
        compare(&case, &operator_file(&case), &goldens, &mut findings);
    }
    conclude(&findings);
}

#[test]
fn float_operators_agree_with_litert() {
    let mut findings = Vec::new();
    for (case, goldens) in by_model(floats()) {
        let model = match load(&operator_file(&case)) {
            Ok(model) => model,
            Err(message) => {
                findings.push(format!("{case}: {message}"));
                continue;
            }
        };
        let mut run = match Run::new(&model, Rounding::Double) {
            Ok(run) => run,
            Err(message) => {
                findings.push(format!("{case}: {message}"));
                continue;
            }
        };
        for golden in &goldens {
            let computed = match run.infer(golden.seed, golden.call) {
                Ok(computed) => computed,
                Err(message) => {
                    findings.push(format!("{case} seed {}: {message}", golden.seed));
                    break;
                }
            };
            let expected = Buffer::F32(golden.values.clone());
            let ours = computed.get(&golden.tensor).map(|ours| {
                // Long tensors are recorded by their beginning.
                ours.as_slice().range(0, golden.values.len())
            });
            let difference = ours.and_then(|ours| Difference::between(ours, expected.as_slice()));
            match difference {
                Some(difference) if difference.relative <= FLOAT_BOUND => {}
                found => findings.push(format!(
                    "{case} seed {} tensor {}: {found:?}",
                    golden.seed, golden.tensor
                )),
            }
        }
    }
    conclude(&findings);
}

/// Runs a model on every recorded input and compares hashes; returns how many tensors agree.
fn compare(name: &str, path: &Path, goldens: &[Golden], findings: &mut Vec<String>) -> usize {
    let run = load(path).and_then(|model| {
        Run::new(&model, Rounding::Double)
            .map_err(|message| message.lines().next().unwrap_or("").to_owned())
    });
    let mut run = match run {
        Ok(run) => run,
        Err(message) => {
            findings.push(format!("{name}: {message}"));
            return 0;
        }
    };
    let mut agreeing = 0;
    for golden in goldens {
        let computed = match run.infer(golden.seed, golden.call) {
            Ok(computed) => computed,
            Err(message) => {
                findings.push(format!("{name} seed {}: {message}", golden.seed));
                return agreeing;
            }
        };
        for (tensor, expected) in &golden.tensors {
            let Some(ours) = computed.get(tensor) else {
                findings.push(format!("{name}: tensor {tensor} was not computed"));
                continue;
            };
            let hash = cofit_exec::probe::hash(ours.as_slice());
            match expected {
                Some(expected) if *expected != hash => findings.push(format!(
                    "{name} seed {} call {}: tensor {tensor} ({})",
                    golden.seed,
                    golden.call,
                    run.producer(*tensor)
                )),
                Some(_) | None => agreeing += 1,
            }
        }
    }
    agreeing
}

fn operator_file(case: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators");
    folder.join(format!("{case}.cofit"))
}

/// Rows in order, grouped by their model.
fn by_model<T: golden::Row>(rows: Vec<T>) -> BTreeMap<String, Vec<T>> {
    let mut grouped: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for row in rows {
        grouped.entry(row.model().to_owned()).or_default().push(row);
    }
    grouped
}
