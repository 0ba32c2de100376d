//! The example sketches against the networks that they describe.

use std::io::Write;
use std::path::Path;

use cofit_import::sketch::{Domain, Sketch, SketchOptions, Weights, expand};
use cofit_ir::{Graph, Model, Op};
use cofit_shared::shared_dir;

/// Products that convolutions and dense layers add up, and elements of their weights and biases.
#[derive(Debug, PartialEq)]
struct Size {
    macs: u64,
    weights: u64,
    biases: u64,
}

fn sketch(file: &str, parameters: &[(&str, &str)]) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sketches").join(file);
    let source = std::fs::read_to_string(&path).expect("an example sketch");
    let options = SketchOptions {
        parameters: parameters.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
        weights: Weights::Absent,
    };
    expand(&source, file, &options).unwrap_or_else(|complaints| {
        panic!("{file}: {:?}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>())
    })
}

fn size(graph: &Graph) -> Size {
    let mut size = Size { macs: 0, weights: 0, biases: 0 };
    for (id, operator) in &graph.operators {
        if let Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::FullyConnected(_) = operator.op {
            let elements =
                |index| operator.input(index).map_or(0, |id| graph.tensors[id].shape.elements());
            size.macs += graph.macs(id).0;
            size.weights += elements(1);
            size.biases += elements(2);
        }
    }
    size
}

#[track_caller]
fn check(file: &str, parameters: &[(&str, &str)], macs: u64, weights_and_biases: u64) {
    let model = sketch(file, parameters);
    let size = size(model.main().expect("a graph"));
    assert_eq!((size.macs, size.weights + size.biases), (macs, weights_and_biases), "{file}");
}

/// MACs of `../shared/models/MANIFEST.csv`; elements of the constants of convolutions and dense
/// layers counted in the TFLite files named there.
#[test]
fn sketches_have_the_size_of_the_files_that_they_describe() {
    // mlperf_tiny/vww_96_int8.tflite
    check("mobilenet_v1.toml", &[], 7_489_664, 210_850);
    // coral_test_data/mobilenet_v1_0.25_128_quant.tflite
    check("mobilenet_v1.toml", &[("resolution", "128"), ("classes", "1001")], 13_570_304, 467_593);
    // coral_test_data/mobilenet_v1_0.5_160_quant.tflite
    check(
        "mobilenet_v1.toml",
        &[("width", "0.5"), ("resolution", "160"), ("classes", "1001")],
        76_525_312,
        1_326_633,
    );
    // coral_test_data/mobilenet_v2_1.0_224_quant.tflite and tf2_mobilenet_v2_1.0_224_ptq.tflite
    check("mobilenet_v2.toml", &[("classes", "1001")], 300_775_552, 3_489_097);
    // mlperf_tiny/pretrainedResnet_quant.tflite
    check("resnet8.toml", &[], 12_501_632, 77_706);
    // mlperf_tiny/kws_ref_model.tflite
    check("ds_cnn.toml", &[], 2_656_768, 22_604);
}

/// The MACs that the manifest of the real files states, looked up there.
#[test]
fn sketches_have_the_macs_of_the_manifest() {
    let Some(shared) = shared_dir() else {
        writeln!(std::io::stderr(), "skipped: ../shared is absent").expect("stderr");
        return;
    };
    let manifest =
        std::fs::read_to_string(shared.join("models/MANIFEST.csv")).expect("the manifest");
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
    let cases: [Case; 8] = [
        ("mlperf_tiny/vww_96_int8.tflite", "mobilenet_v1.toml", &[]),
        ("mlperf_tiny/vww_96_float.tflite", "mobilenet_v1.toml", &[]),
        (
            "coral_test_data/mobilenet_v1_0.25_128_quant.tflite",
            "mobilenet_v1.toml",
            &[("resolution", "128"), ("classes", "1001")],
        ),
        (
            "coral_test_data/mobilenet_v1_0.5_160_quant.tflite",
            "mobilenet_v1.toml",
            &[("width", "0.5"), ("resolution", "160"), ("classes", "1001")],
        ),
        (
            "coral_test_data/mobilenet_v2_1.0_224_quant.tflite",
            "mobilenet_v2.toml",
            &[("classes", "1001")],
        ),
        (
            "coral_test_data/tf2_mobilenet_v2_1.0_224_ptq.tflite",
            "mobilenet_v2.toml",
            &[("classes", "1001")],
        ),
        ("mlperf_tiny/pretrainedResnet_quant.tflite", "resnet8.toml", &[]),
        ("mlperf_tiny/kws_ref_model.tflite", "ds_cnn.toml", &[]),
    ];
    for (name, file, parameters) in cases {
        let row = manifest.lines().find(|line| line.starts_with(&format!("{name},")));
        // The kinds of operator come last and hold no comma.
        let macs = row.and_then(|row| row.rsplit(',').nth(1)).expect("a row with MACs");
        let model = sketch(file, parameters);
        let size = size(model.main().expect("a graph"));
        assert_eq!(size.macs.to_string(), macs, "{name}");
    }
}

/// Torchvision's page of `squeezenet1_1` states 1,235,496 parameters.
#[test]
fn squeezenet_has_its_published_number_of_parameters() {
    let model = sketch("squeezenet.toml", &[]);
    let size = size(model.main().expect("a graph"));
    assert_eq!(size.weights + size.biases, 1_235_496);
}

/// Layer by layer from darknet's `yolov2-tiny-voc.cfg`: filters, and side of the output.
#[test]
fn yolov2_tiny_is_that_of_darknet() {
    let layers: [(u64, u64, u64); 9] = [
        (16, 3, 416),
        (32, 3, 208),
        (64, 3, 104),
        (128, 3, 52),
        (256, 3, 26),
        (512, 3, 13),
        (1024, 3, 13),
        (1024, 3, 13),
        (125, 1, 13),
    ];
    let mut expected = Size { macs: 0, weights: 0, biases: 0 };
    let mut depth = 3;
    for (filters, kernel, side) in layers {
        let weights = filters * kernel * kernel * depth;
        expected.weights += weights;
        expected.macs += weights * side * side;
        expected.biases += filters;
        depth = filters;
    }
    assert_eq!(expected.weights, 15_855_536);
    assert_eq!(expected.macs, 3_485_520_896);
    let model = sketch("yolov2_tiny.toml", &[]);
    let graph = model.main().expect("a graph");
    assert_eq!(size(graph), expected);
    let output = &graph.tensors[graph.outputs[0]];
    assert_eq!(output.shape.dimensions(), [1, 13, 13, 125]);
}

/// The receptive field of the dilated blocks is causal: every convolution keeps the length.
#[test]
fn a_one_dimensional_sketch_has_width_one_throughout() {
    let model = sketch("vibration_1d.toml", &[]);
    let graph = model.main().expect("a graph");
    let four = graph.tensors.values().filter(|t| t.shape.rank() == 4 && !t.is_constant());
    assert!(four.clone().count() > 10);
    for tensor in four {
        assert_eq!(tensor.shape[2], 1, "{}", tensor.name);
    }
    let dilations: Vec<u32> = graph
        .operators
        .values()
        .filter_map(|operator| match &operator.op {
            Op::Conv2d(conv) if conv.dilation.height > 1 => Some(conv.dilation.height),
            _ => None,
        })
        .collect();
    assert_eq!(dilations, [2, 2, 4, 4, 8, 8]);
}

/// What msf-CNN's own code prints for the plain chains without fusion: bytes of an operator's input and
/// output together, the most of all operators, the network's input and output left out.
#[test]
fn plain_chains_need_what_msf_cnn_counts() {
    let chain = [("shortcut", "none"), ("head", "false")];
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u64);
    let cases: [Case<'_>; 3] = [
        ("mobilenet_v2_unrounded.toml", &[], 194_400),
        ("mcunet_vww_5fps.toml", &chain, 96_000),
        ("mcunet_320kb.toml", &chain, 309_760),
    ];
    for (file, parameters, bytes) in cases {
        let model = sketch(file, parameters);
        let graph = model.main().expect("a graph");
        let counted = |id: &cofit_ir::TensorId| {
            !graph.tensors[*id].is_constant()
                && !graph.inputs.contains(id)
                && !graph.outputs.contains(id)
        };
        let most = graph.operators.values().map(|operator| {
            let touched = operator.inputs.iter().flatten().chain(&operator.outputs);
            touched.filter(|id| counted(id)).map(|&id| graph.tensors[id].bytes().get()).sum::<u64>()
        });
        assert_eq!(most.max(), Some(bytes), "{file}");
    }
}

#[test]
fn every_example_is_tested_and_takes_every_value_of_its_ranges() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sketches");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the examples")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "autoencoder.toml",
            "ds_cnn.toml",
            "gru_kws.toml",
            "kwt_tiny.toml",
            "lstm.toml",
            "mcunet_320kb.toml",
            "mcunet_like.toml",
            "mcunet_vww_5fps.toml",
            "mobilenet_v1.toml",
            "mobilenet_v2.toml",
            "mobilenet_v2_unrounded.toml",
            "resnet8.toml",
            "squeezenet.toml",
            "ssd_head.toml",
            "tcn.toml",
            "vibration_1d.toml",
            "xinet_like.toml",
            "yolo_head.toml",
            "yolov2_tiny.toml",
        ]
    );
    for width in ["0.125", "0.35", "0.5", "0.75", "1", "1.4", "2.0"] {
        for file in ["mobilenet_v1.toml", "mobilenet_v2.toml", "yolov2_tiny.toml"] {
            sketch(file, &[("width", width)]);
        }
    }
    for depth in ["1", "3", "10"] {
        for file in ["ds_cnn.toml", "resnet8.toml", "vibration_1d.toml"] {
            sketch(file, &[("depth", depth)]);
        }
    }
    for width in ["0.125", "0.35", "1", "2.0"] {
        sketch("mobilenet_v2_unrounded.toml", &[("width", width)]);
    }
    for shortcut in ["auto", "none"] {
        for head in ["true", "false"] {
            for file in ["mcunet_320kb.toml", "mcunet_vww_5fps.toml"] {
                sketch(file, &[("shortcut", shortcut), ("head", head)]);
            }
        }
    }
    for file in [
        "autoencoder.toml",
        "gru_kws.toml",
        "kwt_tiny.toml",
        "lstm.toml",
        "mcunet_like.toml",
        "ssd_head.toml",
        "tcn.toml",
        "xinet_like.toml",
        "yolo_head.toml",
    ] {
        ends(file);
    }
}

/// Expands an example with every choice and at both ends of every range, one parameter at a time.
fn ends(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sketches").join(file);
    let source = std::fs::read_to_string(&path).expect("an example sketch");
    let read = Sketch::parse(&source, file).expect("it can be read");
    let mut values = 0;
    for parameter in read.parameters() {
        let tried = match &parameter.domain {
            Domain::Any => Vec::new(),
            Domain::Between(least, most) => vec![least.to_string(), most.to_string()],
            Domain::Choices(choices) => choices.iter().map(ToString::to_string).collect(),
        };
        for value in &tried {
            sketch(file, &[(parameter.name.as_str(), value)]);
        }
        values += tried.len();
    }
    assert!(values >= 10, "{file} has {values} values to try");
}

/// Weights and biases of the recurrent cells and of an encoder, counted by hand, and how often the
/// weights are used.
#[test]
fn recurrent_cells_and_attention_have_their_size() {
    // A GRU of 24 cells on 16 channels over 7 steps: 3 * 24 * (16 + 24 + 1) weights and biases.
    let parts = |file: &str, kind: &str| {
        let model = sketch(file, &[]);
        let graph = model.main().expect("a graph");
        let of_kind = graph.tensors.values().filter(|tensor| tensor.name.starts_with(kind));
        let constants = of_kind.filter(|tensor| tensor.is_constant() && !tensor.element.is_float());
        constants
            .filter(|tensor| {
                ["weights", "bias", "factor", "summand"]
                    .iter()
                    .any(|end| tensor.name.ends_with(end))
            })
            .map(|tensor| tensor.shape.elements())
            .sum::<u64>()
    };
    assert_eq!(parts("gru_kws.toml", "gru2/"), 3 * 24 * (16 + 24 + 1));
    assert_eq!(parts("lstm.toml", "lstm2/"), 4 * 20 * (6 + 20 + 1));
    // Query, key, value and mix of 32 channels, two normalisations, two pointwise convolutions by way of 64.
    let encoder = 4 * (32 * 32 + 32) + 2 * (32 + 32) + (32 * 64 + 64) + (64 * 32 + 32);
    assert_eq!(parts("kwt_tiny.toml", "use2.1/"), encoder);
    let model = sketch("gru_kws.toml", &[]);
    let graph = model.main().expect("a graph");
    let dense = graph
        .operators
        .keys()
        .filter(|&id| matches!(graph.operators[id].op, Op::FullyConnected(_)));
    // One product of the input, one of the state for each step but the first, and the classes.
    assert_eq!(dense.count(), 1 + 6 + 1);
}
