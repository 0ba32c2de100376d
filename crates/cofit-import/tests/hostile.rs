//! Files that lie: each is refused with the code of its lie.

use cofit_import::flatbuffer::{Object, Reader, TableBuilder};
use cofit_import::tflite::{self, schema};
use cofit_ir::{Graph, Model, Operator, Padding, Shape, Tensor, ops};
use cofit_vocab::{Diagnostics, ElementType};

/// The parts of a small file: `y = x + x`.
struct Parts {
    root: TableBuilder,
    codes: Vec<TableBuilder>,
    buffers: Vec<TableBuilder>,
    tensors: Vec<TableBuilder>,
    operators: Vec<TableBuilder>,
    inputs: Vec<i32>,
    outputs: Vec<i32>,
}

fn code(builtin: i32) -> TableBuilder {
    let mut table = TableBuilder::new();
    table.scalar(schema::operator_code::BUILTIN_CODE, builtin, 0);
    table
}

fn tensor(name: &str, lengths: &[i32]) -> TableBuilder {
    let mut table = TableBuilder::new();
    table.string(schema::tensor::NAME, name);
    table.object(schema::tensor::SHAPE, Object::scalars(lengths.iter().copied()));
    table
}

fn operator(inputs: &[i32], outputs: &[i32]) -> TableBuilder {
    let mut table = TableBuilder::new();
    table.object(schema::operator::INPUTS, Object::scalars(inputs.iter().copied()));
    table.object(schema::operator::OUTPUTS, Object::scalars(outputs.iter().copied()));
    table
}

fn data(bytes: Vec<u8>) -> TableBuilder {
    let mut table = TableBuilder::new();
    table.object(schema::buffer::DATA, Object::Bytes { data: bytes.into(), alignment: 16 });
    table
}

impl Parts {
    fn new() -> Self {
        let mut root = TableBuilder::new();
        root.scalar(schema::model::VERSION, 3u32, 0);
        Self {
            root,
            codes: vec![code(0)],
            buffers: vec![TableBuilder::new()],
            tensors: vec![tensor("x", &[1, 4]), tensor("y", &[1, 4])],
            operators: vec![operator(&[0, 0], &[1])],
            inputs: vec![0],
            outputs: vec![1],
        }
    }

    fn graph(&mut self) -> TableBuilder {
        use schema::subgraph as field;
        let mut graph = TableBuilder::new();
        graph.object(field::TENSORS, Object::Tables(std::mem::take(&mut self.tensors)));
        graph.object(field::INPUTS, Object::scalars(self.inputs.iter().copied()));
        graph.object(field::OUTPUTS, Object::scalars(self.outputs.iter().copied()));
        graph.object(field::OPERATORS, Object::Tables(std::mem::take(&mut self.operators)));
        graph
    }

    fn file(mut self) -> Vec<u8> {
        let graph = self.graph();
        self.root.object(schema::model::SUBGRAPHS, Object::Tables(vec![graph]));
        self.file_without_graph()
    }

    fn file_without_graph(mut self) -> Vec<u8> {
        self.root.object(schema::model::OPERATOR_CODES, Object::Tables(self.codes));
        self.root.object(schema::model::BUFFERS, Object::Tables(self.buffers));
        self.root.finish(schema::IDENTIFIER).expect("small")
    }
}

fn messages(file: Vec<u8>) -> Diagnostics {
    let (model, messages) = tflite::read(file.into(), "hostile.tflite");
    assert_eq!(model.is_none(), messages.has_errors());
    messages
}

fn codes(messages: &Diagnostics) -> Vec<&'static str> {
    messages.iter().map(|message| message.code.id).collect()
}

/// The codes of the small file after a change.
fn check(change: impl FnOnce(&mut Parts), expected: &[&str]) {
    let mut parts = Parts::new();
    change(&mut parts);
    let messages = messages(parts.file());
    let texts: Vec<String> = messages.iter().map(ToString::to_string).collect();
    assert_eq!(codes(&messages), expected, "{}", texts.join("\n"));
}

#[test]
fn the_small_file_itself_is_sound() {
    check(|_| {}, &[]);
}

#[test]
fn a_file_that_is_none_is_called_so() {
    assert_eq!(codes(&messages(Vec::new())), ["CF-TFL-001"]);
    assert_eq!(
        codes(&messages(b"version https://git-lfs.github.com/spec/v1".to_vec())),
        ["CF-TFL-001"]
    );
    let mut file = Parts::new().file();
    file[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(codes(&messages(file)), ["CF-TFL-002"]);
    let mut file = Parts::new().file();
    let root = u32::from_le_bytes([file[0], file[1], file[2], file[3]]) as usize;
    file[root..root + 4].copy_from_slice(&1i32.to_le_bytes());
    assert_eq!(codes(&messages(file)), ["CF-TFL-003"]);
}

#[test]
fn every_truncation_is_an_error() {
    let file = Parts::new().file();
    for length in 0..file.len() {
        // The last bytes may be padding or a string's final zero.
        let messages = messages(file[..length].to_vec());
        assert!(messages.has_errors() || length + 8 > file.len(), "{length} of {}", file.len());
    }
}

#[test]
fn the_model_itself_is_checked() {
    check(|parts| parts.root.scalar(schema::model::VERSION, 2u32, 0), &["CF-TFL-006"]);
    let mut parts = Parts::new();
    parts.root.object(schema::model::SUBGRAPHS, Object::Tables(Vec::new()));
    assert_eq!(codes(&messages(parts.file_without_graph())), ["CF-TFL-007"]);
    check(
        |parts| {
            let signature = TableBuilder::new();
            parts.root.object(schema::model::SIGNATURE_DEFS, Object::Tables(vec![signature]));
        },
        &["CF-TFL-020"],
    );
}

#[test]
fn names_are_text_of_bounded_length() {
    let name = |bytes: Vec<u8>| {
        move |parts: &mut Parts| {
            let object = Object::Bytes { data: bytes.into(), alignment: 4 };
            parts.tensors[0].object(schema::tensor::NAME, object);
        }
    };
    check(name(vec![0xff, 0xfe]), &["CF-TFL-004"]);
    check(name(vec![b'x'; 1 << 17]), &["CF-TFL-021"]);
}

#[test]
fn indices_are_checked() {
    check(|parts| parts.operators[0] = operator(&[0, 2], &[1]), &["CF-TFL-008"]);
    check(|parts| parts.operators[0] = operator(&[0, i32::MIN], &[1]), &["CF-TFL-008"]);
    check(|parts| parts.operators[0] = operator(&[0, 0], &[-1]), &["CF-TFL-008"]);
    check(|parts| parts.outputs = vec![7], &["CF-TFL-008"]);
    check(|parts| parts.inputs = vec![-1], &["CF-TFL-008"]);
    check(|parts| parts.tensors[1].scalar(schema::tensor::BUFFER, 9u32, 0), &["CF-TFL-008"]);
    check(
        |parts| parts.operators[0].scalar(schema::operator::OPCODE_INDEX, u32::MAX, 0),
        &["CF-TFL-008"],
    );
}

#[test]
fn a_missing_operand_is_not_a_broken_index() {
    // -1 stands for an optional operand; an addition has none.
    check(|parts| parts.operators[0] = operator(&[0, -1], &[1]), &["CF-MOD-008"]);
}

#[test]
fn an_unknown_operator_is_named_with_its_tensor() {
    let mut parts = Parts::new();
    parts.codes[0] = code(15);
    let messages = messages(parts.file());
    assert_eq!(codes(&messages), ["CF-TFL-009"]);
    let message = &messages.into_vec()[0];
    assert_eq!(message.place.operator.as_deref(), Some("LSH_PROJECTION #0"));
    assert_eq!(message.place.tensor.as_deref(), Some("y"));
    assert_eq!(message.place.file.as_deref(), Some("hostile.tflite"));
    assert!(message.place.span.is_some());
}

#[test]
fn a_select_of_slices_is_refused() {
    let select = |condition: &'static [i32]| {
        move |parts: &mut Parts| {
            let mut truth = tensor("c", condition);
            truth.scalar(schema::tensor::TYPE, 6i8, 0);
            parts.tensors.push(truth);
            parts.codes[0] = code(64);
            parts.operators[0] = operator(&[2, 0, 0], &[1]);
            parts.inputs.push(2);
        }
    };
    check(select(&[1, 4]), &[]);
    check(select(&[]), &[]);
    check(select(&[1]), &[]);
    check(select(&[4]), &["CF-TFL-009"]);
}

#[test]
fn tensors_are_checked() {
    use schema::tensor as field;
    let scalar =
        |field, value: i8| move |parts: &mut Parts| parts.tensors[0].scalar(field, value, 0);
    check(scalar(field::TYPE, 5), &["CF-TFL-010"]);
    check(scalar(field::TYPE, 99), &["CF-TFL-010"]);
    check(
        |parts| parts.tensors[0].object(field::SPARSITY, Object::Table(TableBuilder::new())),
        &["CF-TFL-011"],
    );
    check(|parts| parts.tensors[0] = tensor("x", &[1, -1]), &["CF-TFL-012"]);
    check(|parts| parts.tensors[0] = tensor("x", &[i32::MAX; 3]), &["CF-TFL-012"]);
    check(|parts| parts.tensors[0] = tensor("x", &[1; 1000]), &["CF-TFL-012"]);
    check(|parts| parts.tensors[1].scalar(field::EXTERNAL_BUFFER, 1u32, 0), &["CF-TFL-019"]);
    check(
        |parts| {
            parts.buffers.push(data(vec![0; 16]));
            parts.tensors[0].scalar(field::BUFFER, 1u32, 0);
            parts.tensors[0].scalar(field::IS_VARIABLE, true, false);
        },
        &["CF-TFL-018"],
    );
}

#[test]
fn quantisation_is_checked() {
    use schema::quantization as field;
    let quantised = |change: fn(&mut TableBuilder)| {
        move |parts: &mut Parts| {
            let mut table = TableBuilder::new();
            table.object(field::SCALE, Object::scalars([0.5f32]));
            table.object(field::ZERO_POINT, Object::scalars([0i64]));
            change(&mut table);
            parts.tensors[0].object(schema::tensor::QUANTIZATION, Object::Table(table));
        }
    };
    check(quantised(|_| {}), &[]);
    check(quantised(|table| table.scalar(field::QUANTIZED_DIMENSION, -1i32, 0)), &["CF-TFL-016"]);
    check(quantised(|table| table.scalar(field::DETAILS_TYPE, 2u8, 0)), &["CF-TFL-017"]);
    check(
        quantised(|table| table.object(field::SCALE, Object::scalars([f32::NAN]))),
        &["CF-MOD-011"],
    );
}

#[test]
fn options_are_checked() {
    use schema::operator as field;
    let with = |builtin: i32, member: u8, options: TableBuilder| {
        move |parts: &mut Parts| {
            parts.codes[0] = code(builtin);
            parts.operators[0].scalar(field::BUILTIN_OPTIONS_TYPE, member, 0);
            parts.operators[0].object(field::BUILTIN_OPTIONS, Object::Table(options));
        }
    };
    // CONV_2D with the options of another operator; with padding 7; with a negative stride.
    check(with(3, 11, TableBuilder::new()), &["CF-TFL-013"]);
    let mut options = TableBuilder::new();
    options.scalar(0, 7i8, 0);
    check(with(3, 1, options), &["CF-TFL-014"]);
    let mut options = TableBuilder::new();
    options.scalar(1, -1i32, 0);
    check(with(3, 1, options), &["CF-TFL-014"]);
    // FULLY_CONNECTED with shuffled weights.
    let mut options = TableBuilder::new();
    options.scalar(1, 1i8, 0);
    check(with(9, 8, options), &["CF-TFL-015"]);
    // A custom operator without a name.
    check(|parts| parts.codes[0] = code(32), &["CF-TFL-013"]);
}

#[test]
fn called_graphs_exist_and_do_not_call_themselves() {
    let call = |graph: i32| {
        move |parts: &mut Parts| {
            let mut options = TableBuilder::new();
            options.scalar(0, graph, 0);
            // CALL_ONCE.
            parts.codes[0] = code(129);
            parts.operators[0] = operator(&[], &[]);
            parts.operators[0].scalar(schema::operator::BUILTIN_OPTIONS_TYPE, 103u8, 0);
            parts.operators[0].object(schema::operator::BUILTIN_OPTIONS, Object::Table(options));
            parts.inputs.clear();
            parts.outputs.clear();
        }
    };
    check(call(0), &["CF-MOD-013"]);
    check(call(i32::MAX), &["CF-MOD-012"]);
    check(call(-1), &["CF-TFL-014"]);
}

#[test]
fn the_graph_must_be_well_formed() {
    check(|parts| parts.tensors[1] = tensor("y", &[1, 5]), &["CF-MOD-001"]);
    // A cycle: x is made of y and y of x.
    check(
        |parts| {
            parts.inputs.clear();
            parts.operators = vec![operator(&[1, 1], &[0]), operator(&[0, 0], &[1])];
        },
        &["CF-MOD-007", "CF-MOD-007"],
    );
    check(
        |parts| {
            parts.buffers.push(data(vec![0; 15]));
            parts.tensors.push(tensor("short", &[1, 4]));
            parts.tensors[2].scalar(schema::tensor::BUFFER, 1u32, 0);
        },
        &["CF-MOD-010"],
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    check(
        |parts| {
            parts.tensors[0] = tensor("x", &[-1]);
            parts.tensors[1].scalar(schema::tensor::TYPE, 5i8, 0);
            parts.operators.push(operator(&[0, 5], &[1]));
        },
        &["CF-TFL-012", "CF-TFL-010", "CF-TFL-008"],
    );
}

#[test]
fn data_outside_the_tables_is_found_and_bounded() {
    let outside = |offset: u64| {
        let mut parts = Parts::new();
        let mut buffer = TableBuilder::new();
        buffer.scalar(schema::buffer::OFFSET, offset, 0);
        buffer.scalar(schema::buffer::SIZE, 16u64, 0);
        parts.buffers.push(buffer);
        parts.tensors.push(tensor("w", &[1, 4]));
        parts.tensors[2].scalar(schema::tensor::BUFFER, 1u32, 0);
        let mut file = parts.file();
        file.resize(2048, 9);
        tflite::read(file.into(), "large.tflite")
    };
    let model = outside(2032).0.expect("the last 16 bytes");
    let graph = model.main().expect("a graph");
    let data = graph.tensors.values().find_map(Tensor::data).expect("a constant");
    assert_eq!(data.as_ref(), [9; 16]);
    assert_eq!(codes(&outside(2033).1), ["CF-TFL-002"]);
    assert_eq!(codes(&outside(u64::MAX).1), ["CF-TFL-002"]);
}

/// A file whose list of graphs names one graph of `tensors` tensors `times` times.
fn shared_graph(tensors: usize, times: usize) -> Vec<u8> {
    /// A field that the schema does not have, to bring the graph into the file.
    const NOWHERE: u16 = 40;
    let mut parts = Parts::new();
    parts.tensors.extend((2..tensors).map(|_| tensor("t", &[1, 4])));
    let graph = parts.graph();
    parts.root.object(NOWHERE, Object::Table(graph));
    parts.root.object(schema::model::SUBGRAPHS, Object::scalars(vec![0u32; times]));
    let mut file = parts.file_without_graph();
    let (start, graph) = {
        let reader = Reader::new(&file, u64::MAX);
        let root = reader.root().expect("sound");
        let graph = root.table(NOWHERE).expect("sound").expect("present").position();
        let start = root.bytes(schema::model::SUBGRAPHS).expect("sound").expect("present").start;
        (start, graph)
    };
    // The builder writes breadth first by field, so the list may stand behind the graph; a copy
    // of the whole file behind itself would then be needed.
    assert!(start + times * 4 <= graph, "the list stands before the graph");
    for index in 0..times {
        let slot = start + index * 4;
        let distance = u32::try_from(graph - slot).expect("small");
        file[slot..slot + 4].copy_from_slice(&distance.to_le_bytes());
    }
    file
}

#[test]
fn shared_tables_do_not_multiply_without_bound() {
    assert_eq!(codes(&messages(shared_graph(4, 3))), [""; 0]);
    let found = messages(shared_graph(2000, 10_000));
    assert_eq!(codes(&found), ["CF-TFL-005"]);
}

#[test]
fn what_the_format_cannot_hold_is_not_written() {
    let write = |op: cofit_ir::Op, weights: Tensor| {
        let mut graph = Graph::default();
        let shape = Shape::new(&[1, 4, 4, 1]);
        let x = graph.tensor(Tensor::activation("x", ElementType::Float32, shape.clone()));
        let w = graph.tensor(weights);
        let y = graph.tensor(Tensor::activation("y", ElementType::Float32, shape));
        graph.operator(Operator::new(op, &[x, w], &[y]));
        codes(&tflite::write(&Model::of("net", graph)).expect_err("inexpressible"))
    };
    let weights = |element| {
        let shape = Shape::new(&[1, 1, 1, 1]);
        let bytes = element == ElementType::Float32;
        Tensor::constant("w", element, shape, if bytes { vec![0u8; 4] } else { vec![0] })
    };
    let padding = Padding::Explicit { top: 1, bottom: 1, left: 1, right: 1 };
    let padded = ops::Conv2d { padding, ..ops::Conv2d::default() };
    let conv = ops::Conv2d::default();
    assert_eq!(write(padded.into(), weights(ElementType::Float32)), ["CF-TFL-040"]);
    assert_eq!(write(conv.clone().into(), weights(ElementType::Int1)), ["CF-TFL-040"]);
    let weightless = Tensor::weightless("w", ElementType::Int8, Shape::new(&[1, 1, 1, 1]));
    assert_eq!(write(conv.into(), weightless.clone()), ["CF-TFL-041"]);
    let norm = ops::BatchNormalization::default();
    assert_eq!(write(norm.into(), weightless), ["CF-TFL-041", "CF-TFL-040"]);
}
