//! Example sketches and TFLite: what is written reads back, and real files have the same layers.

use std::path::Path;

use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_import::tflite;
use cofit_ir::{Model, Shape};
use cofit_shared::shared_dir;
use cofit_vocab::OperatorKind;

fn sketch(file: &str, weights: Weights) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sketches").join(file);
    let source = std::fs::read_to_string(path).expect("an example sketch");
    let parameters = match file {
        // Fifteen million seeded weights would take seconds.
        "yolov2_tiny.toml" => vec![("width".to_owned(), "0.125".to_owned())],
        _ => Vec::new(),
    };
    expand(&source, file, &SketchOptions { parameters, weights }).expect("a sound sketch")
}

#[test]
fn seeded_examples_survive_a_tflite_file() {
    for file in [
        "ds_cnn.toml",
        "mobilenet_v1.toml",
        "mobilenet_v2.toml",
        "resnet8.toml",
        "squeezenet.toml",
        "vibration_1d.toml",
        "yolov2_tiny.toml",
    ] {
        let model = sketch(file, Weights::Random { seed: 3 });
        let bytes = tflite::write(&model).expect("TFLite holds every operator of the examples");
        let (read, messages) = tflite::read(bytes.into(), file);
        assert!(!messages.has_errors(), "{file}");
        assert!(tflite::same_model(&model, &read.expect("a model")), "{file}");
    }
}

/// Gates, slices, shuffles and both ways to enlarge, in integers and floats.
#[test]
fn rearranging_layers_survive_a_tflite_file() {
    let layers = r#"
        layer = [
            { slice = [2, 6], as = "tail" },
            { shuffle = 3 },
            { squeeze_excite = 2, activation = "relu", gate = "hard_sigmoid" },
            { multiply = ["previous", "tail"] },
            { resize = [7, 5] },
            { transpose_conv = 4, stride = 2, activation = "relu6" },
        ]
    "#;
    for precision in ["int8", "uint8", "int16", "float16", "float32"] {
        let weights = if precision == "int16" { "int8" } else { precision };
        let source = format!(
            "sketch = 1\nname = \"net\"\ninput = [4, 4, 8]\n\
             precision = {{ weights = \"{weights}\", activations = \"{precision}\" }}\n{layers}"
        );
        let options =
            SketchOptions { parameters: Vec::new(), weights: Weights::Random { seed: 5 } };
        let model = expand(&source, "net.toml", &options).expect("a sound sketch");
        let bytes = tflite::write(&model).expect("TFLite holds every operator");
        let (read, messages) = tflite::read(bytes.into(), "net.tflite");
        assert!(!messages.has_errors(), "{precision}: {messages:?}");
        assert!(tflite::same_model(&model, &read.expect("a model")), "{precision}");
        let complaints = cofit_ir::verify::verify(&model);
        assert!(!complaints.has_errors(), "{precision}: {complaints:?}");
    }
}

/// Kind, weights and result of every operator but reshapes, whose operands differ by exporter.
fn layers(model: &Model) -> Vec<(OperatorKind, Option<Shape>, Shape)> {
    let graph = model.main().expect("a graph");
    let shape = |id| graph.tensors[id].shape.clone();
    graph
        .operators
        .values()
        .filter(|operator| operator.kind() != OperatorKind::Reshape)
        .map(|operator| {
            let weights = operator.input(1).filter(|&id| graph.tensors[id].is_constant());
            (operator.kind(), weights.map(shape), shape(operator.outputs[0]))
        })
        .collect()
}

#[test]
fn examples_have_the_layers_of_the_real_files() {
    let Some(shared) = shared_dir() else { return };
    for (file, real) in [
        ("mobilenet_v1.toml", "mlperf_tiny/vww_96_int8.tflite"),
        ("resnet8.toml", "mlperf_tiny/pretrainedResnet_quant.tflite"),
        ("ds_cnn.toml", "mlperf_tiny/kws_ref_model.tflite"),
    ] {
        let bytes = std::fs::read(shared.join("models").join(real)).expect("the real file");
        let (model, _) = tflite::read(bytes.into(), real);
        let model = model.expect("a model");
        assert_eq!(layers(&sketch(file, Weights::Absent)), layers(&model), "{file} and {real}");
    }
}
