//! What ONNX models become: every case of the files under `tests/onnx/` is a graph in a short text
//! form, and below it the model that reading it gives, or the messages that refuse it.
//!
//! `UPDATE=1` rewrites the lower halves. That the attributes and weights are right is proved by
//! running such models in LiteRT and in ONNX Runtime side by side.

mod onnx_text;

use std::fs;
use std::path::Path;

use cofit_import::onnx::{self, OnnxOptions};
use cofit_ir::text::{ConstantText, print};

/// Stands between a case's two halves.
const HALVES: &str = "----\n";
/// Stands between cases.
const CASES: &str = "\n====\n";

#[test]
fn graphs_become_models() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        // The list of whole models that are refused, which stand beside the cases.
        .filter(|path| path.file_name().is_some_and(|name| name != "refused.txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let update = std::env::var_os("UPDATE").is_some();
    let mut differing = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("readable");
        let cases: Vec<String> = text.trim_end().split(CASES).map(answered).collect();
        let expected = cases.join(CASES) + "\n";
        if expected == text {
            continue;
        }
        if update {
            fs::write(&path, &expected).expect("writable");
        } else {
            differing.push(format!("{}:\n{expected}", path.display()));
        }
    }
    assert!(differing.is_empty(), "UPDATE=1 rewrites these:\n{}", differing.join("\n"));
}

/// A case with the answer that it has now.
fn answered(case: &str) -> String {
    let (given, _) = case.split_once(HALVES).unwrap_or((case, ""));
    let bytes = onnx_text::encode(given);
    let options = OnnxOptions { dimensions: onnx_text::dimensions(given) };
    let (model, messages) = onnx::load(bytes, "", &options, &|_, _, _| None);
    assert_eq!(model.is_none(), messages.has_errors());
    let mut answer = String::new();
    for message in &messages {
        answer.push_str(&format!("{}: {message}\n", message.severity.name()));
    }
    if let Some(mut model) = model {
        model.source = cofit_ir::Source::default();
        let graph = model.main().expect("one graph");
        let axes = graph.inputs.iter().chain(&graph.outputs).filter_map(|&id| {
            let tensor = &graph.tensors[id];
            let axes: Vec<String> = tensor
                .origin
                .axes?
                .axes()
                .map(|axis| axis.map_or("-".to_owned(), |axis| axis.to_string()))
                .collect();
            Some(format!("axes of {}: {}\n", tensor.name, axes.join(" ")))
        });
        answer.extend(axes);
        let text = print(&model, ConstantText::Short);
        // The head says nothing that the case does not.
        let body = text.lines().filter(|line| !line.starts_with("model ") && *line != "}");
        let body = body.filter(|line| !line.starts_with("graph "));
        answer.extend(body.map(|line| format!("{}\n", line.trim_start())));
    }
    format!("{}\n{HALVES}{}", given.trim_end(), answer.trim_end())
}
