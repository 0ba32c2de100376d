//! Float models of `models/`, quantised: what each tensor becomes, in `models.txt`.
//!
//! `models.txt` pins mappings; that the integers are those of the official interpreter is shown by
//! `examples/quantise.rs` and `checks/`.

mod support;

use std::fmt::Write as _;
use std::path::Path;

use cofit_exec::{Buffer, Options, probe};
use cofit_ir::{Graph, Op, Tensor, Verified};
use cofit_quantise::evaluate::Runner;
use cofit_quantise::quantise::Settings;
use cofit_quantise::scheme::Border;
use cofit_quantise::{Quantised, Scheme, calibrate, canonical, quantise, unwatched};
use support::check;

fn models() -> Vec<(String, Verified)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let parsed =
            cofit_ir::text::parse(&text, None).unwrap_or_else(|e| panic!("{path:?}: {e:?}"));
        canonical(&Verified::new(parsed).unwrap_or_else(|e| panic!("{path:?}: {e:?}"))).unwrap()
    };
    paths
        .iter()
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(path)))
        .collect()
}

fn samples(model: &Verified) -> Vec<Vec<Buffer>> {
    let sample = |seed| probe::inputs(model.main_graph(), seed).into_iter().flatten().collect();
    (0..32).map(sample).collect()
}

fn tensor(tensor: &Tensor) -> String {
    let mut text = format!("{}:{}", tensor.name, tensor.element);
    match tensor.quantisation.as_ref().filter(|found| found.is_quantised()) {
        Some(found) if found.is_per_axis() => {
            write!(text, "*{} on axis {}", found.scales.len(), found.axis).unwrap();
        }
        Some(found) => write!(text, "*{:.6}{:+}", found.scales[0], -found.zero_points[0]).unwrap(),
        None => {}
    }
    text
}

fn described(graph: &Graph) -> String {
    let mut text = String::new();
    for operator in graph.operators.values() {
        let list = |ids: Vec<_>| -> String {
            let names: Vec<String> = ids.into_iter().map(|id| tensor(&graph.tensors[id])).collect();
            names.join(", ")
        };
        let inputs = operator.inputs.iter().flatten().copied().collect();
        let outputs = operator.outputs.to_vec();
        writeln!(text, "    {} = {}({})", list(outputs), operator.kind(), list(inputs)).unwrap();
    }
    text
}

/// Power of the float outputs over power of the difference, in decibels.
fn sqnr(float: &Verified, quantised: &Verified, samples: &[Vec<Buffer>]) -> f64 {
    let options = Options::default();
    let (float, quantised) =
        (Runner::new(float, &options).unwrap(), Runner::new(quantised, &options).unwrap());
    let (mut signal, mut noise) = (0.0, 0.0);
    for sample in samples {
        let left = float.run(&mut float.state(), sample).unwrap().concat();
        let right = quantised.run(&mut quantised.state(), sample).unwrap().concat();
        for (left, right) in left.iter().zip(&right) {
            signal += f64::from(*left).powi(2);
            noise += f64::from(left - right).powi(2);
        }
    }
    10.0 * (signal / noise).log10()
}

fn quantised(model: &Verified, scheme: &Scheme) -> Quantised {
    let calibration =
        calibrate(model, &samples(model), &Options::default(), &mut unwatched).unwrap();
    quantise(model, &calibration, scheme, &Settings::default()).unwrap()
}

/// Whether two tensors mean the same by the same integers.
fn same(graph: &Graph, a: cofit_ir::TensorId, b: cofit_ir::TensorId) -> bool {
    let mapping = |id| graph.tensors[id].quantisation.as_ref();
    match (mapping(a), mapping(b)) {
        (Some(a), Some(b)) => a.same_mapping(b),
        (None, None) => true,
        _ => false,
    }
}

#[test]
fn models_become_integers() {
    let mut text = String::new();
    for (name, model) in models() {
        for scheme in ["w8a8", "w8a16"] {
            let scheme: Scheme = scheme.parse().unwrap();
            let found = quantised(&model, &scheme);
            let decibels = sqnr(&model, &found.model, &samples(&model));
            // 6 decibels a bit, less what several roundings and coarse weights take.
            assert!(decibels > 20.0, "{name} {:?}: {decibels}", scheme.all);
            writeln!(text, "{name} {}: {decibels:.0} dB", scheme.all).unwrap();
            for note in &found.notes {
                writeln!(text, "  {note}").unwrap();
            }
            text += &described(found.model.main_graph());
        }
    }
    check("models.txt", &text);
}

#[test]
fn integers_that_only_move_keep_their_mapping() {
    for (name, model) in models() {
        for scheme in ["w8a8", "w8a16"] {
            let found = quantised(&model, &scheme.parse().unwrap());
            let graph = found.model.main_graph();
            for operator in graph.operators.values() {
                let moves = matches!(
                    operator.op,
                    Op::Reshape(_)
                        | Op::Pad(_)
                        | Op::MaxPool2d(_)
                        | Op::AveragePool2d(_)
                        | Op::Split(_)
                        | Op::Concatenation(_)
                        | Op::Maximum(_)
                        | Op::Gather(_)
                );
                let data = |id: &cofit_ir::TensorId| graph.tensors[*id].quantisation.is_some();
                let mut tensors =
                    operator.inputs.iter().flatten().chain(&operator.outputs).filter(|id| data(id));
                if let Some(&first) = tensors.next().filter(|_| moves) {
                    assert!(tensors.all(|&other| same(graph, first, other)), "{name}");
                }
            }
        }
    }
}

#[test]
fn float_borders_are_converted_inside() {
    for (name, model) in models() {
        let mut scheme: Scheme = "w8a8".parse().unwrap();
        scheme.border = Border::Float;
        let found = quantised(&model, &scheme);
        let (graph, float) = (found.model.main_graph(), model.main_graph());
        for (ours, theirs) in [(&graph.inputs, &float.inputs), (&graph.outputs, &float.outputs)] {
            let elements = |graph: &Graph, ids: &[cofit_ir::TensorId]| -> Vec<_> {
                ids.iter().map(|&id| graph.tensors[id].element).collect()
            };
            assert_eq!(elements(graph, ours), elements(float, theirs), "{name}");
        }
        let integer = quantised(&model, &"w8a8".parse().unwrap());
        let samples = samples(&model);
        let (a, b) = (sqnr(&model, &found.model, &samples), sqnr(&model, &integer.model, &samples));
        assert!((a - b).abs() < 1e-6, "{name}: {a} with float borders, {b} with integers");
    }
}

#[test]
fn layers_may_differ() {
    let (_, model) = models().into_iter().find(|(name, _)| name == "windows").unwrap();
    let mut scheme: Scheme = "w8a8".parse().unwrap();
    scheme.set_layer("t=w4a16").unwrap();
    let found = quantised(&model, &scheme);
    let layers: Vec<String> =
        found.layers.iter().map(|layer| format!("{} {}", layer.name, layer.scheme)).collect();
    assert_eq!(layers, ["d w8a8", "t w4a16"]);
    scheme.set_layer("nobody=w4a8").unwrap();
    let calibration =
        calibrate(&model, &samples(&model), &Options::default(), &mut unwatched).unwrap();
    let refused = quantise(&model, &calibration, &scheme, &Settings::default()).unwrap_err();
    assert_eq!(refused.iter().next().unwrap().code.id, "CF-QNT-002");
}
