//! Models of our own: written, read back, damaged.

use cofit_import::tflite;
use cofit_ir::{Graph, Model, Operator, Quantisation, Shape, Tensor, TensorRole, ops};
use cofit_vocab::ElementType;
use proptest::prelude::*;

/// The model texts beside this file; `checks/litert_runs_ours.py` runs them in LiteRT.
const TEXTS: &[(&str, &str)] = &[
    ("arithmetic", include_str!("models/arithmetic.cofit")),
    ("blocks", include_str!("models/blocks.cofit")),
    ("comparisons", include_str!("models/comparisons.cofit")),
    ("elementwise", include_str!("models/elementwise.cofit")),
    ("functions", include_str!("models/functions.cofit")),
    ("loop", include_str!("models/loop.cofit")),
    ("lstm", include_str!("models/lstm.cofit")),
    ("movement", include_str!("models/movement.cofit")),
    ("reductions", include_str!("models/reductions.cofit")),
    ("variable", include_str!("models/variable.cofit")),
];

fn load(name: &str, text: &'static str) -> Model {
    let (model, messages) = cofit_import::load(text.as_bytes().into(), name);
    model.unwrap_or_else(|| panic!("{name}: {:?}", messages.into_vec()))
}

/// Writes a model and reads it back.
fn there_and_back(model: &Model) -> Model {
    let file = tflite::write(model).expect("expressible");
    let (again, messages) = tflite::read(file.into(), &format!("{}.tflite", model.name));
    again.unwrap_or_else(|| panic!("{}: {:?}", model.name, messages.into_vec()))
}

#[test]
fn model_texts_survive_the_format() {
    for (name, text) in TEXTS {
        let model = load(name, text);
        let again = there_and_back(&model);
        // As text where they differ: that shows where.
        if !tflite::same_model(&model, &again) {
            assert_eq!(again.to_string(), model.to_string());
            panic!("{name} changed in something that its text does not show");
        }
    }
}

#[test]
fn quantisation_roles_and_scratch_survive() {
    let mut graph = Graph { name: "main".to_owned(), ..Graph::default() };
    let shape = Shape::new(&[2, 4]);
    let ranged = Quantisation {
        minimum: [-1.0f32, -2.0].into_iter().collect(),
        maximum: [1.0f32, 2.0].into_iter().collect(),
        ..Quantisation::per_axis(0, &[0.5, 0.25])
    };
    let only_range = Quantisation {
        minimum: [0.0f32].into_iter().collect(),
        maximum: [6.0f32].into_iter().collect(),
        ..Quantisation::default()
    };
    let x = graph.tensor(Tensor::activation("x", ElementType::Int8, shape.clone()));
    let w = graph.tensor(
        Tensor::constant("w", ElementType::Int8, shape.clone(), vec![1u8; 8]).quantised(ranged),
    );
    let y = graph
        .tensor(Tensor::activation("", ElementType::Int8, shape.clone()).quantised(only_range));
    let state = graph.tensor(Tensor {
        role: TensorRole::Variable,
        ..Tensor::activation("state", ElementType::Int16, shape)
    });
    let empty = graph.tensor(Tensor::constant(
        "empty",
        ElementType::Int32,
        Shape::new(&[0]),
        bytes::Bytes::new(),
    ));
    graph.inputs.push(x);
    graph.outputs.push(y);
    graph.operator(Operator {
        intermediates: [state].into_iter().collect(),
        ..Operator::new(ops::Add::default().into(), &[x, w], &[y])
    });
    let custom = ops::Custom { code: "Mine".to_owned(), options: vec![1, 2, 3].into() };
    graph.operator(Operator::new(custom.into(), &[y, empty], &[]));
    let mut model = Model::of("net", graph);
    model.metadata.push(("min_runtime_version".to_owned(), vec![b'2'; 16].into()));
    let again = there_and_back(&model);
    assert!(tflite::same_model(&model, &again), "{again}");
}

#[test]
fn a_handle_of_another_type_keeps_it() {
    let text = include_str!("models/variable.cofit").replace("int32[]", "float32[]");
    let (model, _) = cofit_import::load(text.into(), "variable");
    let model = model.expect("a handle's type is nobody's business");
    assert!(tflite::same_model(&model, &there_and_back(&model)));
}

#[test]
fn constants_are_windows_into_the_file_and_equal_ones_are_stored_once() {
    let data = bytes::Bytes::from(vec![7u8; 1 << 16]);
    let mut graph = Graph::default();
    let shape = Shape::new(&[1 << 16]);
    for (name, data) in [("a", data.clone()), ("b", data.clone()), ("c", data.to_vec().into())] {
        graph.tensor(Tensor::constant(name, ElementType::Int8, shape.clone(), data));
    }
    let file = bytes::Bytes::from(tflite::write(&Model::of("net", graph)).expect("expressible"));
    assert!(file.len() < (1 << 16) + 1024, "{} bytes hold the data twice", file.len());
    let (model, _) = tflite::read(file.clone(), "net.tflite");
    let model = model.expect("readable");
    let bounds = file.as_ptr_range();
    for tensor in model.main().expect("a graph").tensors.values() {
        let data = tensor.data().expect("a constant");
        assert!(bounds.contains(&data.as_ptr()), "`{}` was copied", tensor.name);
        assert_eq!((data.as_ptr().addr() - bounds.start.addr()) % 16, 0, "data is aligned");
    }
}

/// A written file of each model text.
fn written() -> Vec<Vec<u8>> {
    let write = |(name, text): &(&str, &'static str)| {
        tflite::write(&load(name, text)).expect("expressible")
    };
    TEXTS.iter().map(write).collect()
}

/// A file is read, or refused with errors of the file's; what is read can be written and is then
/// read the same.
fn check_damaged(bytes: Vec<u8>) {
    let (model, messages) = tflite::read(bytes.into(), "damaged.tflite");
    assert_eq!(model.is_none(), messages.has_errors());
    for message in &messages {
        assert_eq!(message.code.fault, cofit_vocab::Fault::Model, "{message}");
        assert!(message.message.len() < 2000, "{message}");
    }
    let Some(model) = model else { return };
    let file = tflite::write(&model).expect("what was read can be written");
    let (again, _) = tflite::read(file.into(), "damaged.tflite");
    let again = again.expect("what was written can be read");
    // As text, where a NaN equals itself.
    let text = |model: &Model| tflite::without_origin(model).to_string();
    assert_eq!(text(&again), text(&model));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn truncated_files_are_refused(which in 0..TEXTS.len(), keep in 0.0..1.0f64) {
        let mut bytes = written().swap_remove(which);
        bytes.truncate((bytes.len() as f64 * keep) as usize);
        check_damaged(bytes);
    }

    #[test]
    fn flipped_bits_do_not_crash(
        which in 0..TEXTS.len(),
        flips in prop::collection::vec((0.0..1.0f64, 0..8u32), 1..6),
    ) {
        let mut bytes = written().swap_remove(which);
        for (at, bit) in flips {
            let at = (bytes.len() as f64 * at) as usize;
            bytes[at] ^= 1 << bit;
        }
        check_damaged(bytes);
    }

    #[test]
    fn extreme_words_do_not_crash(
        which in 0..TEXTS.len(),
        at in 0.0..1.0f64,
        word in prop::sample::select(vec![0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x10000]),
    ) {
        let mut bytes = written().swap_remove(which);
        let at = ((bytes.len() - 4) as f64 * at) as usize;
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        check_damaged(bytes);
    }
}
