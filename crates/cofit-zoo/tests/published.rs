//! Architectures against the figures that their authors publish.

use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_shared::shared_dir;

/// Multiply-accumulates and parameters of a network.
fn counts(model: &str) -> (f64, f64) {
    let instance = cofit_zoo::find(model).unwrap_or_else(|| panic!("{model} is not known"));
    let options = SketchOptions { parameters: instance.parameters, weights: Weights::Absent };
    let model = match expand(instance.sketch, instance.architecture, &options) {
        Ok(model) => model,
        Err(mistakes) => panic!("{model}: {}", mistakes.iter().next().expect("a mistake")),
    };
    let graph = model.graphs.values().next().expect("a graph");
    let macs: u64 = graph.operators.keys().map(|id| graph.macs(id).0).sum();
    let parameters: u64 = graph
        .tensors
        .values()
        .filter(|tensor| tensor.is_constant() && tensor.quantisation.is_some())
        .map(|tensor| tensor.shape.elements())
        .sum();
    (macs as f64 / 1e6, parameters as f64 / 1e6)
}

#[test]
fn published_figures_hold() {
    let mut reader = csv::Reader::from_reader(include_str!("published.csv").as_bytes());
    for record in reader.records() {
        let record = record.expect("the file is a table");
        let number = |at: usize| -> f64 { record[at].parse().expect("a number") };
        let (macs, parameters) = counts(&record[0]);
        let (all_macs, all_parameters, tolerance) = (number(1), number(2), number(3));
        let off = |ours: f64, theirs: f64| (ours / theirs - 1.0).abs();
        assert!(
            off(macs, all_macs) <= tolerance,
            "{}: {macs} MMACs, published {all_macs}",
            &record[0]
        );
        assert!(
            off(parameters, all_parameters) <= tolerance,
            "{}: {parameters} M parameters, published {all_parameters}",
            &record[0]
        );
    }
}

#[test]
fn every_row_with_a_known_scheme_expands() {
    let Some(shared) = shared_dir() else { return };
    let mut reader = csv::Reader::from_path(shared.join("silicon/open.csv")).expect("readable");
    let columns = reader.headers().expect("a head").clone();
    let at = |name: &str| columns.iter().position(|one| one == name).expect("the column");
    let (model, file, level) = (at("model"), at("model_file"), at("level"));
    let mut unknown = std::collections::BTreeMap::<String, usize>::new();
    let mut usable = 0;
    for record in reader.records() {
        let record = record.expect("the file is a table");
        if &record[level] != "whole_model" {
            continue;
        }
        if !record[file].is_empty() {
            usable += 1;
        } else if cofit_zoo::find(&record[model]).is_some() {
            let _ = counts(&record[model]);
            usable += 1;
        } else {
            *unknown.entry(record[model].to_owned()).or_default() += 1;
        }
    }
    println!("{usable} rows have a network; not known: {unknown:?}");
    assert!(usable >= 600, "{usable} rows of whole networks have a model");
}
