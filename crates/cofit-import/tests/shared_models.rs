//! Every TFLite file of the shared model collection: import against its manifest, and round trip.

use std::collections::BTreeMap;
use std::path::Path;

use cofit_import::flatbuffer::Reader;
use cofit_import::tflite::operators::version::version;
use cofit_import::tflite::{self, operators, schema};
use cofit_ir::{Graph, Model, Op, Operator, TensorId};
use cofit_shared::shared_dir;
use cofit_vocab::{ElementType, OperatorKind};

/// A row of the manifest, which other tools made from the same files.
struct Row {
    path: String,
    sha256: String,
    inputs: String,
    outputs: String,
    operators: usize,
    macs: u64,
    kinds: String,
}

/// Fields of a CSV line, which may be quoted; no field holds a quote.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("never empty").push(character),
        }
    }
    fields
}

fn rows(models: &Path) -> Vec<Row> {
    let manifest = std::fs::read_to_string(models.join("MANIFEST.csv")).expect("the manifest");
    let row = |line: &str| {
        let fields = fields(line);
        fields[0].ends_with(".tflite").then(|| Row {
            path: fields[0].clone(),
            sha256: fields[3].clone(),
            inputs: fields[6].clone(),
            outputs: fields[7].clone(),
            operators: fields[8].parse().expect("a number"),
            macs: fields[9].parse().expect("a number"),
            kinds: fields[10].clone(),
        })
    };
    manifest.lines().skip(1).filter_map(row).collect()
}

fn import(models: &Path, row: &Row) -> Model {
    let bytes = std::fs::read(models.join(&row.path)).expect("a file of the manifest");
    let (model, messages) = tflite::read(bytes.into(), &row.path);
    let messages: Vec<String> = messages.iter().map(ToString::to_string).collect();
    model.unwrap_or_else(|| panic!("{}: {}", row.path, messages.join("\n")))
}

/// Tensors as the manifest writes them: `1x96x96x1:int8;…`.
fn ends(graph: &Graph, ids: &[TensorId]) -> String {
    let text = |id: &TensorId| {
        let tensor = &graph.tensors[*id];
        let lengths: Vec<String> =
            tensor.shape.dimensions().iter().map(ToString::to_string).collect();
        format!("{}:{}", lengths.join("x"), tensor.element)
    };
    ids.iter().map(text).collect::<Vec<_>>().join(";")
}

/// Operators as the manifest writes them: `ADD*10 CONV_2D*38 …`.
fn kinds(graph: &Graph) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for operator in graph.operators.values() {
        let built = operators::write(operator).expect("what was read can be written");
        *counts.entry(schema::builtin_operator_name(built.code)).or_default() += 1;
    }
    counts.iter().map(|(name, count)| format!("{name}*{count}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_file_imports_as_its_manifest_says() {
    let Some(shared) = shared_dir() else { return };
    let models = shared.join("models");
    let rows = rows(&models);
    assert_eq!(rows.len(), 118, "the manifest lists every TFLite file");
    for row in rows {
        let model = import(&models, &row);
        assert_eq!(model.source.sha256, row.sha256, "{}", row.path);
        let graph = model.main().expect("a graph");
        assert_eq!(ends(graph, &graph.inputs), row.inputs, "inputs of {}", row.path);
        assert_eq!(ends(graph, &graph.outputs), row.outputs, "outputs of {}", row.path);
        assert_eq!(graph.operators.len(), row.operators, "{}", row.path);
        assert_eq!(kinds(graph), row.kinds, "{}", row.path);
        let counted =
            [OperatorKind::Conv2d, OperatorKind::DepthwiseConv2d, OperatorKind::FullyConnected];
        let macs: u64 = graph
            .operators
            .keys()
            .filter(|&id| counted.contains(&graph.operators[id].kind()))
            .map(|id| graph.macs(id).get())
            .sum();
        assert_eq!(macs, row.macs, "MACs of {}", row.path);
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let Some(shared) = shared_dir() else { return };
    let models = shared.join("models");
    for row in rows(&models) {
        let model = import(&models, &row);
        let file = tflite::write(&model)
            .unwrap_or_else(|messages| panic!("{}: {}", row.path, messages.into_vec()[0]));
        let (again, messages) = tflite::read(file.clone().into(), &row.path);
        let again =
            again.unwrap_or_else(|| panic!("{} written anew: {:?}", row.path, messages.into_vec()));
        assert!(tflite::same_model(&model, &again), "{} changed", row.path);
        assert_eq!(tflite::write(&again).as_ref(), Ok(&file), "{} has two forms", row.path);
    }
}

#[test]
fn damaged_files_are_refused_or_read_and_never_crash() {
    let Some(shared) = shared_dir() else { return };
    // One file each of: old uint8, int8, int16 with state, custom operator, strided slices.
    for path in [
        "coral_test_data/mobilenet_v1_0.25_128_quant.tflite",
        "mlperf_tiny/kws_ref_model.tflite",
        "tflite_micro/keyword_scrambled.tflite",
        "tflite_micro/strided_slice15.tflite",
    ] {
        let bytes = std::fs::read(shared.join("models").join(path)).expect("a shared file");
        let mut state = 1u64;
        let mut random = |below: usize| {
            // Knuth's MMIX generator; only its upper bits are random.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..60 {
            let mut damaged = bytes.clone();
            for _ in 0..=random(4) {
                // Tables stand at both ends of a file, weights in the middle.
                let at = random(4096.min(bytes.len()));
                let at = if random(2) == 0 { at } else { bytes.len() - 1 - at };
                damaged[at] ^= 1 << random(8);
            }
            check_coded(damaged, path);
            check_coded(bytes[..random(bytes.len())].to_vec(), path);
        }
    }
}

/// A file is read, or refused with an error of the file's.
fn check_coded(bytes: Vec<u8>, path: &str) {
    let (model, messages) = tflite::read(bytes.into(), path);
    assert_eq!(model.is_none(), messages.has_errors());
    for message in &messages {
        assert_eq!(message.code.fault, cofit_vocab::Fault::Model, "{message}");
    }
}

#[test]
fn the_custom_operator_keeps_its_name_and_options() {
    let Some(shared) = shared_dir() else { return };
    let path = "coral_test_data/posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite";
    let models = shared.join("models");
    let row = rows(&models).into_iter().find(|row| row.path == path).expect("in the manifest");
    let model = import(&models, &row);
    let mut custom = Vec::new();
    for operator in model.main().expect("a graph").operators.values() {
        if let Op::Custom(op) = &operator.op {
            custom.push((op.code.as_str(), op.options.len()));
        }
    }
    assert_eq!(custom, [("PosenetDecoderOp", 165)]);
}

/// Whether a file states a version too small for what the operator does. Interpreters take it, as
/// they look only for versions that are too large.
fn understated(path: &str, graph: &Graph, operator: &Operator) -> bool {
    let input = operator.input(0).map(|id| graph.tensors[id].element);
    match operator.kind() {
        // Written before convolutions of int8 had a version of their own.
        OperatorKind::Conv2d => path.ends_with("person_detect.tflite"),
        // Written by hand in tests of tflite-micro.
        OperatorKind::Add | OperatorKind::Sub | OperatorKind::Pad => {
            path.starts_with("tflite_micro/") && input == Some(ElementType::Int16)
        }
        _ => false,
    }
}

#[test]
fn versions_do_not_exceed_those_of_the_converters() {
    use schema::{model, operator, operator_code, subgraph};

    let Some(shared) = shared_dir() else { return };
    let models = shared.join("models");
    for row in rows(&models) {
        let imported = import(&models, &row);
        let graph = imported.main().expect("a graph");
        let bytes = std::fs::read(models.join(&row.path)).expect("a file of the manifest");
        let reader = Reader::new(&bytes, u64::MAX);
        let root = reader.root().expect("sound");
        let codes = root.tables(model::OPERATOR_CODES).expect("sound");
        let versions: Vec<i32> = codes
            .map(|code| code.expect("sound").scalar(operator_code::VERSION, 1).expect("sound"))
            .collect();
        let main = root.tables(model::SUBGRAPHS).expect("sound").next().expect("a graph");
        let tables = main.expect("sound").tables(subgraph::OPERATORS).expect("sound");
        for (table, operator) in tables.zip(graph.operators.values()) {
            let code = table.expect("sound").scalar(operator::OPCODE_INDEX, 0u32).expect("sound");
            let (ours, theirs) = (version(graph, operator), versions[code as usize]);
            assert!(
                ours <= theirs || understated(&row.path, graph, operator),
                "{} of {}: {ours} where the file says {theirs}",
                operator.kind(),
                row.path
            );
        }
    }
}
