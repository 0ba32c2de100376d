//! A memory plan in a copy of a file: what the copy keeps, and what it cannot carry.

use bytes::Bytes;
use cofit_import::tflite::offline_plan::{NAME, OfflinePlan, is_planned, write};
use cofit_import::tflite::{self, read};
use cofit_ir::{Model, Op, Operator, Shape, Tensor, ops};
use cofit_vocab::ElementType;

/// `image -> left`, `image -> right`, `left, right -> sum`, as a file.
fn file(graphs: usize) -> Vec<u8> {
    let mut model = Model::default();
    let mut graph = cofit_ir::Graph::default();
    let mut tensor = |name: &str| {
        let shape = Shape::new(&[1, 4]);
        graph.tensor(Tensor::activation(name, ElementType::Float32, shape))
    };
    let [image, left, right, sum] = ["image", "left", "right", "sum"].map(&mut tensor);
    graph.inputs = vec![image];
    graph.outputs = vec![sum];
    graph.operator(Operator::new(Op::Abs(ops::Abs {}), &[image], &[left]));
    graph.operator(Operator::new(Op::Neg(ops::Neg {}), &[image], &[right]));
    graph.operator(Operator::new(Op::Maximum(ops::Maximum {}), &[left, right], &[sum]));
    for _ in 0..graphs {
        model.graphs.push(graph.clone());
    }
    model.metadata.push(("kept".to_owned(), Bytes::from_static(b"as it is")));
    tflite::write(&model).expect("the model is expressible")
}

fn model(file: Vec<u8>) -> Model {
    let (model, diagnostics) = read(file.into(), "copy.tflite");
    let said: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    model.unwrap_or_else(|| panic!("{said:?}"))
}

const OFFSETS: [Option<u64>; 4] = [Some(0), Some(16), None, Some(48)];

#[test]
fn the_copy_has_the_plan_and_everything_else() {
    let original = file(1);
    let plan = OfflinePlan { order: &[0, 1, 2], offsets: &OFFSETS };
    let copy = write(&original, "m.tflite", plan).expect("the file carries a plan");
    assert!(copy.ends_with(&original), "in its own order the file stays as it is");
    let (before, mut after) = (model(original), model(copy));
    assert!(is_planned(&after) && !is_planned(&before));
    let (name, data) = after.metadata.pop().expect("the plan is the last metadata");
    assert_eq!(name, NAME);
    let numbers: Vec<i32> = data
        .chunks_exact(4)
        .map(|four| i32::from_le_bytes(four.try_into().expect("four bytes")))
        .collect();
    assert_eq!(numbers, [1, 1, 4, 0, 16, -1, 48]);
    assert!(tflite::same_model(&before, &after));
}

#[test]
fn a_second_plan_replaces_the_first() {
    let plan = OfflinePlan { order: &[0, 1, 2], offsets: &OFFSETS };
    let once = write(&file(1), "m.tflite", plan).expect("the file carries a plan");
    let twice = write(&once, "m.tflite", plan).expect("the copy carries a plan");
    assert_eq!(model(once).metadata, model(twice).metadata);
}

#[test]
fn operators_change_places() {
    let plan = OfflinePlan { order: &[1, 0, 2], offsets: &OFFSETS };
    let copy = write(&file(1), "m.tflite", plan).expect("the file carries a plan");
    let copy = model(copy);
    let names: Vec<String> = copy
        .graphs
        .values()
        .flat_map(|graph| {
            graph.operators.keys().map(|id| graph.operator_name(id)).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(names, ["right", "left", "sum"]);
}

#[test]
fn what_cannot_carry_a_plan_is_refused() {
    let refusal = |file: &[u8], order: &[usize], offsets: &[Option<u64>]| {
        let written = write(file, "m.tflite", OfflinePlan { order, offsets });
        let diagnostics = written.expect_err("there is no plan");
        diagnostics.iter().next().expect("it says why").code.id
    };
    let one = file(1);
    assert_eq!(refusal(b"not a model", &[], &[]), "CF-TFL-043");
    assert_eq!(refusal(&file(2), &[0, 1, 2], &OFFSETS), "CF-TFL-044", "two graphs");
    assert_eq!(refusal(&one, &[0, 1], &OFFSETS), "CF-TFL-044", "too few operators");
    assert_eq!(refusal(&one, &[0, 1, 2], &OFFSETS[1..]), "CF-TFL-044", "too few tensors");
    assert_eq!(refusal(&one, &[0, 0, 2], &OFFSETS), "CF-TFL-044", "an operator twice");
    let far = [Some(1 << 31), None, None, None];
    assert_eq!(refusal(&one, &[0, 1, 2], &far), "CF-TFL-044", "an offset beyond 31 bits");
}

#[test]
fn damaged_files_are_refused_or_copied_but_never_end_the_program() {
    let original = file(1);
    let plan = OfflinePlan { order: &[2, 0, 1], offsets: &OFFSETS };
    for at in 0..original.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut damaged = original.clone();
            damaged[at] = value;
            let _ = write(&damaged, "m.tflite", plan);
        }
        let _ = write(&original[..at], "m.tflite", plan);
    }
}
