//! Architectures against the figures that their authors publish.

use cofit_import::sketch::{SketchOptions, Weights, expand};

/// Multiply-accumulates and parameters of a network.
fn counts(model: &str) -> (f64, f64) {
    let instance = cofit_zoo::find(model).unwrap_or_else(|| panic!("{model} is not known"));
    let options = SketchOptions { parameters: instance.parameters_at("int8"), weights: Weights::Absent };
    let model = match expand(instance.text, instance.architecture, &options) {
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
