//! Real models of the folder of shared data, which others exported: their canonical form is well
//! formed, is its own canonical form, and computes the same.

mod support;

use std::path::{Path, PathBuf};

use cofit_canonical::{canonicalise, remove_unused_tensors};
use cofit_exec::{Network, Options};
use cofit_ir::Verified;
use cofit_shared::shared_dir;

use support::{Against, same_results};

/// Larger models are not executed: a test is to take seconds.
const MOST_MACS: u64 = 20_000_000;

/// Every model file below a folder, in order.
fn models(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(models(&path));
        } else if path.extension().is_some_and(|it| it == "tflite" || it == "onnx") {
            found.push(path);
        }
    }
    found
}

#[test]
fn real_models_compute_the_same() {
    let Some(folder) = shared_dir() else { return };
    let mut executed = 0;
    for path in models(&folder.join("models")) {
        let name = path.display().to_string();
        let bytes = std::fs::read(&path).expect("a readable file");
        // What cannot be read is for the importer's tests.
        let Some(before) =
            cofit_import::load(bytes.into(), &name).0.and_then(|model| Verified::new(model).ok())
        else {
            continue;
        };
        let mut model = before.clone().into_model();
        for graph in model.graphs.values_mut() {
            canonicalise(graph);
            let once = graph.clone();
            assert_eq!(canonicalise(graph), [], "{name} has another canonical form");
            assert!(*graph == once, "{name} changes without a change");
            remove_unused_tensors(graph);
        }
        let after = Verified::new(model).unwrap_or_else(|found| panic!("{name}: {found:#?}"));
        let is_small = before.main_graph().total_macs().get() <= MOST_MACS;
        if is_small && Network::prepare(&before, &Options::default()).is_ok() {
            let compared = same_results(&before, &after, Against::Everything);
            compared.unwrap_or_else(|found| panic!("{name}: {found:.1000}"));
            executed += 1;
        }
    }
    assert!(executed > 0, "no model was executed");
}
