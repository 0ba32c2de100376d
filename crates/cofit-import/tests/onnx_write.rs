//! ONNX files that cofit writes: read back they are the same network. That ONNX Runtime computes the same is
//! `checks/onnx_written.py`'s affair.

use std::path::Path;

use bytes::Bytes;
use cofit_import::onnx::{self, OnnxOptions};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::{Model, Verified};

fn sketch(source: &str, name: &str, weights: Weights) -> Model {
    let options = SketchOptions { parameters: Vec::new(), weights };
    expand(source, name, &options).unwrap_or_else(|complaints| {
        panic!("{name}: {:?}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>())
    })
}

/// Shapes of inputs and outputs, products, bytes of constants with values.
fn outline(model: &Model) -> (Vec<String>, u64) {
    let graph = model.main().expect("a graph");
    let edges = graph.inputs.iter().chain(&graph.outputs);
    let edges = edges.map(|&id| {
        let tensor = &graph.tensors[id];
        format!("{} {}", tensor.shape, tensor.element)
    });
    (edges.collect(), graph.total_macs().0)
}

#[track_caller]
fn check(source: &str, name: &str) {
    let model = sketch(source, name, Weights::Random { seed: 3 });
    let bytes = onnx::write(&model).unwrap_or_else(|complaints| {
        panic!("{name}: {:?}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    assert_eq!(onnx::write(&model).as_ref(), Ok(&bytes), "{name}: the same bytes");
    let (read, complaints) =
        onnx::load(Bytes::from(bytes), name, &OnnxOptions::default(), &|_, _, _| None);
    let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    let read = read.unwrap_or_else(|| panic!("{name}: {complaints:?}"));
    assert_eq!(complaints, Vec::<String>::new(), "{name}");
    assert_eq!(outline(&read), outline(&model), "{name}");
    Verified::new(read).expect("what is read is sound");
}

#[test]
fn example_sketches_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sketches");
    for name in ["ds_cnn", "resnet8", "vibration_1d", "mcunet_vww_5fps", "squeezenet"] {
        let source = std::fs::read_to_string(folder.join(format!("{name}.toml")));
        let source = source.expect("an example");
        check(&source, name);
        check(&source.replacen("[parameters]", "precision = \"float32\"\n[parameters]", 1), name);
    }
}

#[test]
fn layers_come_back() {
    for (layers, precision) in [
        ("transpose_conv = 5\nstride = 2\nkernel = 3\n", "float32"),
        ("transpose_conv = 5\nstride = 2\nkernel = 2\n", "int8"),
        ("upsample = 2\n[[layer]]\nresize = [7, 9]\n", "float32"),
        ("slice = [1, 2]\n[[layer]]\nsqueeze_excite = 3\n", "int8"),
        ("conv = 4\n[[layer]]\nshuffle = 2\n[[layer]]\nconv = 4\n", "float32"),
        ("conv = 6\nactivation = \"hard_swish\"\n", "float32"),
        (
            "max_pool = 2\npadding = \"same\"\n[[layer]]\nflatten = true\n[[layer]]\ndense = 3\n",
            "int8",
        ),
    ] {
        let source = format!(
            "sketch = 1\ninput = [5, 7, 4]\nprecision = \"{precision}\"\n[[layer]]\n{layers}"
        );
        check(&source, layers);
    }
}

#[test]
fn what_the_format_has_not_is_refused() {
    let source = "sketch = 1\ninput = [4, 4, 2]\n[[layer]]\nconv = 3\n";
    let complaint = |model: &Model| {
        let complaints = onnx::write(model).expect_err("it is refused");
        complaints.iter().map(|complaint| complaint.code.id).collect::<Vec<_>>()
    };
    let weightless = sketch(source, "weightless", Weights::Absent);
    assert_eq!(complaint(&weightless), ["CF-ONX-018", "CF-ONX-018"]);
    let narrow = source.replacen("[[layer]]", "precision = { weights = 2 }\n[[layer]]", 1);
    assert_eq!(complaint(&sketch(&narrow, "narrow", Weights::Random { seed: 1 })), ["CF-ONX-017"]);
}
