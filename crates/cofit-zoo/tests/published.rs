//! What the sketches expand to against what publications state, and weights against measured flash.

use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Op;
use cofit_zoo::find;

/// Figures of a network whose convolutions and dense layers have batch normalisation folded in.
struct Size {
    /// Weights and biases.
    parameters: u64,
    /// The biases among them.
    biases: u64,
    /// Results of convolutions that batch normalisation follows where it is not folded in.
    normalised: u64,
    /// Products of convolutions and dense layers.
    macs: u64,
}

fn size(model: &str) -> Size {
    let instance = find(model).unwrap_or_else(|| panic!("{model} is unknown"));
    let parameters = instance.parameters_at("int8");
    let options = SketchOptions { parameters, weights: Weights::Absent };
    let model = expand(instance.text, instance.architecture, &options)
        .unwrap_or_else(|complaints| panic!("{model}: {complaints:?}"));
    let graph = model.main().expect("a graph");
    let mut size = Size { parameters: 0, biases: 0, normalised: 0, macs: 0 };
    for (id, operator) in &graph.operators {
        if let Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::FullyConnected(_) = operator.op {
            let elements =
                |index| operator.input(index).map_or(0, |id| graph.tensors[id].shape.elements());
            size.parameters += elements(1) + elements(2);
            size.biases += elements(2);
            let name = operator.outputs.first().map_or("", |&id| graph.tensors[id].name.as_str());
            let gate = name.ends_with("/squeeze") || name.ends_with("/excite");
            // What a network returns straight from a convolution has a bias of its own.
            let returned = operator.outputs.iter().any(|id| graph.outputs.contains(id));
            if !gate && !returned && !matches!(operator.op, Op::FullyConnected(_)) {
                size.normalised += elements(2);
            }
            size.macs += graph.macs(id).0;
        }
    }
    size
}

/// Half a unit in the last digit that `text` states, and the number: `5.3M` is 5,300,000 give or take
/// 50,000.
fn stated(text: &str) -> (f64, f64) {
    let (digits, unit) = match (text.strip_suffix('M'), text.strip_suffix('G')) {
        (Some(digits), _) => (digits, 1e6),
        (None, Some(digits)) => (digits, 1e9),
        (None, None) => (text, 1.0),
    };
    let places = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let number: f64 = digits.parse().expect("a number");
    // A whole number without a unit is exact.
    let half = if unit == 1.0 { 0.0 } else { 0.5 * unit / 10f64.powi(places as i32) };
    (number * unit, half)
}

#[test]
fn sketches_have_their_published_figures() {
    let mut wrong = Vec::new();
    for line in include_str!("../networks/published.csv").lines().skip(1) {
        let fields: Vec<&str> = line.splitn(5, ',').collect();
        let [model, parameters, counts, macs, _source] = fields[..] else {
            panic!("five fields: {line}")
        };
        let size = size(model);
        // A folded normalisation is one bias a channel; by itself it has two trained numbers.
        let counted = match counts {
            "folded" => size.parameters,
            "normalised" => size.parameters + size.normalised,
            "weights" => size.parameters - size.biases,
            other => panic!("`{other}` is no way of counting"),
        };
        let own = [("parameters", parameters, counted), ("MACs", macs, size.macs)];
        for (what, text, own) in own {
            if text.is_empty() {
                continue;
            }
            let (number, half) = stated(text);
            if (own as f64 - number).abs() > half {
                wrong.push(format!("{model}: {own} {what}, published {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
