//! Networks that their authors exported to ONNX, read whole.

use cofit_import::onnx::{self, OnnxOptions};
use cofit_ir::{Graph, Model};
use cofit_vocab::{Macs, OperatorKind};

fn model(name: &str, dimensions: &[(&str, u32)]) -> Option<Model> {
    let path = cofit_shared::shared_dir()?.join("models/mlperf_results_onnx_v0.7").join(name);
    let bytes = std::fs::read(&path).expect("readable");
    let dimensions = dimensions.iter().map(|&(name, length)| (name.to_owned(), length)).collect();
    let options = OnnxOptions { dimensions };
    let (model, messages) = onnx::load(bytes.into(), name, &options, &|_, _, _| None);
    let texts: Vec<String> = messages.iter().map(ToString::to_string).collect();
    assert!(!messages.has_errors(), "{texts:?}");
    model
}

fn count(graph: &Graph, kind: OperatorKind) -> usize {
    graph.operators.values().filter(|operator| operator.kind() == kind).count()
}

/// Reads a network and compares its operators and multiply-accumulates, which count those of its
/// layers by their shapes in the file.
fn check(name: &str, operators: &[(OperatorKind, usize)], macs: u64) {
    let Some(model) = model(name, &[]) else { return };
    let graph = model.main().expect("one graph");
    for &(kind, expected) in operators {
        assert_eq!(count(graph, kind), expected, "{kind}");
    }
    let total: usize = operators.iter().map(|&(_, count)| count).sum();
    assert_eq!(graph.operators.len(), total, "nothing else");
    assert_eq!(graph.total_macs(), Macs(macs));
}

#[test]
fn a_keyword_spotter_of_tf2onnx_leaves_no_reshape() {
    // 25*5*32 outputs of 40 taps, four pairs of depthwise and pointwise layers, 32*12.
    let macs = 4000 * 40 + 4 * (4000 * 9 + 4000 * 32) + 384;
    let kinds = [
        (OperatorKind::Conv2d, 5),
        (OperatorKind::DepthwiseConv2d, 4),
        (OperatorKind::AveragePool2d, 1),
        (OperatorKind::FullyConnected, 1),
    ];
    check("model_kws.onnx", &kinds, macs);
}

#[test]
fn an_autoencoder_of_pytorch_folds_its_normalisations() {
    let macs = 2 * (640 * 32 + 32 * 16 + 16 * 8);
    check("model_ad.onnx", &[(OperatorKind::FullyConnected, 6)], macs);
}

#[test]
fn an_image_classifier_of_pytorch_keeps_only_layers() {
    let Some(model) = model("model_ic.onnx", &[("batch", 2)]) else { return };
    let graph = model.main().expect("one graph");
    let [input] = graph.inputs.as_slice() else { panic!("one input") };
    assert_eq!(graph.tensors[*input].shape.dimensions(), [2, 32, 32, 3]);
    for kind in [OperatorKind::Transpose, OperatorKind::Reshape, OperatorKind::Relu6] {
        assert_eq!(count(graph, kind), 0, "{kind}");
    }
    assert_eq!(count(graph, OperatorKind::DepthwiseConv2d), 8);
}
