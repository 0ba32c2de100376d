//! Order and layout of every shared model: proved, with little effort, and against lifetimes that
//! another tool took from the same files.

use std::fs;
use std::path::{Path, PathBuf};

use cofit_compile::joint_order::Shown;
use cofit_compile::tflm::{self, ALIGNMENT};
use cofit_import::load;
use cofit_ir::{Model, TensorRole};
use cofit_pack::{certificate, csv};
use cofit_shared::shared_dir;
use cofit_vocab::{Bytes, OperatorKind};

/// Sets of executed steps that the hardest of the models may take. It bounds the time: a state costs
/// some microseconds.
const MOST_STATES: u64 = 300;

/// Every model file below a folder, in order.
fn models(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the folder is readable");
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            models(&path, found);
        } else if path.extension().is_some_and(|it| it == "tflite" || it == "onnx") {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Model {
    let bytes = fs::read(path).expect("the file is readable");
    let (model, diagnostics) = load(bytes.into(), &path.display().to_string());
    model.unwrap_or_else(|| {
        let said: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        panic!("{}: {said:?}", path.display())
    })
}

#[test]
fn the_joint_optimum_of_every_shared_model_is_proved() {
    let Some(shared) = shared_dir() else { return };
    let mut files = Vec::new();
    models(&shared.join("models"), &mut files);
    assert!(files.len() > 100, "{} models", files.len());
    for path in &files {
        let model = read(path);
        let graph = model.main().expect("a model has a graph");
        let plan = tflm::plan(graph).expect("sizes are those of real models");
        let joint = &plan.joint;
        let name = path.display();
        assert_ne!(joint.shown, Shown::Open, "{name}: {joint:?}");
        assert_eq!(joint.height, joint.lower_bound, "{name}");
        assert!(joint.proof.states <= MOST_STATES, "{name}: {} states", joint.proof.states);
        assert_eq!((joint.orders, joint.nodes), (1, 0), "{name}: packed by rule at once");
        if let Some(alone) = plan.unplanned_head {
            assert!(plan.head <= alone, "{name}: {} and TFLM alone {alone}", plan.head);
        }
        check_lifetimes(&shared, path, &model, plan.head_in_file_order);
    }
}

/// Compares the head in the file's order with the fullest instant of the lifetimes beside the
/// models, where the same file is there.
fn check_lifetimes(shared: &Path, path: &Path, model: &Model, head: Bytes) {
    let folder = path.parent().and_then(Path::file_name).expect("models lie in folders");
    let file = path.file_name().expect("a file has a name");
    let name = format!("{}_{}.csv", folder.to_string_lossy(), file.to_string_lossy());
    let beside = shared.join("benchmarks/buffers/edge-models").join(name);
    let Ok(text) = fs::read_to_string(&beside) else { return };
    let mut problem = csv::read(&text).expect("the file is well-formed").problem;
    for buffer in &mut problem.buffers {
        buffer.size = buffer.size.next_multiple_of(ALIGNMENT);
    }
    let bound = Bytes(certificate(&problem).expect("sizes are small").bound);
    let graph = model.main().expect("a model has a graph");
    // The lifetimes give the two sides of a reshape bytes of their own, and variables none.
    let is_plain = graph.operators.values().all(|it| it.kind() != OperatorKind::Reshape)
        && graph.tensors.values().all(|it| it.role != TensorRole::Variable);
    if is_plain {
        assert_eq!(head, bound, "{}", beside.display());
    } else {
        assert!(head <= bound, "{}: {head} and {bound}", beside.display());
    }
}
