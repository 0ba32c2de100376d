//! What the verifier says about models that break its contract.

use cofit_ir::text::parse;
use cofit_ir::verify::verify;
use cofit_ir::{
    Graph, Model, Op, Operator, Origin, Shape, Source, Tensor, TensorId, Verified, ops,
};
use cofit_vocab::{Diagnostics, ElementType};

/// The verifier's messages about a model of the graphs in `text`, one a line.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let model = parse(&format!("model \"m\"\n{text}"), None).expect("well-formed text");
    check_model(&model, expected);
}

#[track_caller]
fn check_model(model: &Model, expected: &[&str]) {
    let found: Vec<String> = verify(model).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
    assert_eq!(Verified::new(model.clone()).is_ok(), expected.is_empty());
}

/// One graph of these statements.
#[track_caller]
fn check_graph(statements: &str, expected: &[&str]) {
    check(&format!("graph \"g\" {{\n{statements}\n}}"), expected);
}

#[test]
fn a_well_formed_model_is_accepted() {
    check_graph(
        "input x
         output y, w, s
         tensor x \"x\" int8[1,4,4,2]
         tensor w \"w\" int8[3,1,1,2] axis=0 scale=[0.5,0,0.25] zero=0 const absent
         tensor s \"s\" int8[1] variable
         tensor y \"y\" int8[1,4,4,3] scale=0.5 zero=-7
         tensor unused \"\" float16[0,3]
         y = conv2d(x, w)",
        &[],
    );
}

#[test]
fn there_is_a_graph() {
    check("", &["CF-MOD-003: the model has no graph"]);
}

#[test]
fn stated_facts_are_compared() {
    check_graph(
        "input x
         tensor x \"x\" int8[1,4,4,2]
         tensor y \"y\" int16[1,4,2]
         y = relu(x)",
        &[
            "CF-MOD-002: the file states int16 where int8 follows (operator `y`, tensor `y`)",
            "CF-MOD-001: the file states [1,4,2] where [1,4,4,2] follows (operator `y`, tensor `y`)",
        ],
    );
}

#[test]
fn a_scalar_may_be_written_with_one_axis() {
    check_graph(
        "input x
         tensor x \"x\" int8[]
         tensor y \"y\" int8[1]
         tensor z \"z\" int8[]
         y = relu(x)
         z = relu(y)",
        &[],
    );
    check_graph(
        "input x
         tensor x \"x\" int8[]
         tensor y \"y\" int8[1,1]
         y = relu(x)",
        &["CF-MOD-001: the file states [1,1] where [] follows (operator `y`, tensor `y`)"],
    );
}

#[test]
fn values_come_from_one_place() {
    check_graph(
        "input x, x, c
         tensor x \"x\" int8[2]
         tensor y \"y\" int8[2]
         tensor c \"c\" int8[2] const absent
         y = relu(x)
         y = relu(x)
         x = relu(y)
         c = relu(x)",
        &[
            "CF-MOD-005: t0 is listed twice among the graph's inputs (tensor `x`)",
            "CF-MOD-006: the graph input t2 is a constant (tensor `c`)",
            "CF-MOD-005: the result t1 has a value already (operator `y`, tensor `y`)",
            "CF-MOD-005: the result t0 has a value already (operator `x`, tensor `x`)",
            "CF-MOD-006: the result t2 is a constant (operator `c`, tensor `c`)",
            "CF-MOD-005: the result t2 has a value already (operator `c`, tensor `c`)",
        ],
    );
}

#[test]
fn operands_are_ready() {
    check_graph(
        "output b, never
         tensor a \"a\" int8[2]
         tensor b \"b\" int8[2]
         tensor never \"\" int8[2]
         tensor scratch \"scratch\" int8[2]
         a = relu(b)
         b = relu(a) intermediates=[scratch]",
        &[
            "CF-MOD-007: operand 0 (t1) has no value yet (operator `a`, tensor `b`)",
            "CF-MOD-007: nothing writes the graph output t2 (tensor `t2`)",
        ],
    );
    check_graph(
        "tensor a \"a\" int8[2]
         a = relu(a)",
        &["CF-MOD-007: operand 0 (t0) has no value yet (operator `a`, tensor `a`)"],
    );
}

#[test]
fn operands_and_results_are_counted() {
    check_graph(
        "input x
         tensor x \"x\" int8[2]
         tensor y \"y\" int8[2]
         tensor z \"z\" int8[2]
         y, z = relu(x)
         concatenation()
         conv2d(x)
         relu(x, x)
         add(x, _)",
        &[
            "CF-MOD-009: `relu` has 2 results where its rules give 1 (operator `y`)",
            "CF-MOD-009: `concatenation` has 0 operands where it takes at least 1 (operator `n1:concatenation`)",
            "CF-MOD-009: `conv2d` has 1 operands where it takes 2 to 3 (operator `n2:conv2d`)",
            "CF-MOD-009: `relu` has 2 operands where it takes 1 (operator `n3:relu`)",
            "CF-MOD-008: `add`: operand 1 is missing (operator `n4:add`)",
        ],
    );
}

#[test]
fn constants_are_as_long_as_their_shape() {
    check_graph(
        "tensor a \"a\" int4[3] const x00ff
         tensor b \"b\" int32[3] const [1,2]
         tensor c \"c\" int8[4294967295,4294967295,4294967295] const x
         tensor d \"d\" float32[0,7] const x",
        &[
            "CF-MOD-010: the constant has 8 bytes where int32[3] needs 12 (tensor `b`)",
            "CF-MOD-010: the constant has 0 bytes where int8[4294967295,4294967295,4294967295] needs \
             18446744073709551615 (tensor `c`)",
        ],
    );
}

#[test]
fn quantisation_fits_its_tensor() {
    check_graph(
        "tensor a \"a\" int8[2,3] axis=1 scale=[1,2,3]
         tensor b \"b\" int8[2,3] axis=0 scale=[1,2,3]
         tensor c \"c\" int8[2,3] axis=2 scale=[1,2,3]
         tensor d \"d\" int8[2,3] axis=1 scale=[1,2,3] zero=[1,2]
         tensor e \"e\" int8[2,3] scale=inf
         tensor f \"f\" int8[2,3] scale=-1
         tensor g \"g\" float32[2,3] scale=[] min=0.0 max=6.0
         tensor h \"h\" int8[2,3] scale=nan:7fc00000",
        &[
            "CF-MOD-011: 3 scales do not fit axis 0 of [2,3] (tensor `b`)",
            "CF-MOD-011: 3 scales along axis 2 of [2,3] (tensor `c`)",
            "CF-MOD-011: 2 zero points beside 3 scales (tensor `d`)",
            "CF-MOD-011: a scale of inf (tensor `e`)",
            "CF-MOD-011: a scale of -1 (tensor `f`)",
            "CF-MOD-011: a scale of NaN (tensor `h`)",
        ],
    );
}

#[test]
fn calls_fit_and_do_not_recur() {
    check(
        "graph \"main\" {
           input x
           tensor x \"x\" int8[2]
           tensor y \"y\" int8[2]
           call_once() graph=g1
           call_once() graph=g7
           y = while(x) cond=g1 body=g2
         }
         graph \"empty\" {
         }
         graph \"body\" {
           input x
           output y
           tensor x \"x\" int8[2]
           tensor y \"y\" int8[2]
           y = while(x) cond=g3 body=g2
         }
         graph \"condition\" {
           input x
           output y
           tensor x \"x\" int8[2]
           tensor y \"y\" bool[]
           y = custom(x)
           call_once()
         }",
        &[
            "CF-MOD-012: the called graph is g7 of 4 (operator `n1:call_once`)",
            "CF-MOD-012: the condition graph g1 has 0 inputs and 0 outputs where 1 and 1 are needed \
             (operator `y`)",
            "CF-MOD-012: the called graph g0 has 1 inputs and 0 outputs where 0 and 0 are needed \
             (operator `n1:call_once`)",
            "CF-MOD-013: g3 calls g0, which is running already (operator `n1:call_once`)",
            "CF-MOD-013: g2 calls g2, which is running already (operator `y`)",
        ],
    );
}

#[test]
fn ids_are_in_range_and_messages_point_into_the_file() {
    let mut graph = Graph::default();
    let beyond = TensorId::from_u32(u32::MAX - 1);
    let x = graph.tensor(Tensor {
        origin: Origin { index: Some(3), offset: Some(96), axes: None },
        ..Tensor::activation("x", ElementType::Int8, Shape::new(&[1; Shape::MAX_RANK + 1]))
    });
    graph.inputs = vec![x, beyond];
    graph.outputs = vec![TensorId::from_u32(1)];
    graph.operator(Operator {
        intermediates: [beyond].into_iter().collect(),
        origin: Origin { index: Some(0), offset: Some(1000), axes: None },
        ..Operator::new(Op::Add(ops::Add::default()), &[x, beyond], &[beyond])
    });
    let source = Source { file: "kws.tflite".to_owned(), sha256: String::new() };
    let model = Model { source, ..Model::of("m", graph) };
    check_model(
        &model,
        &[
            "CF-MOD-014: 17 axes where at most 16 are allowed (kws.tflite, tensor `x`, byte 96)",
            "CF-MOD-004: a graph input is t4294967294, but the graph has 1 tensors (kws.tflite)",
            "CF-MOD-004: operand 1 is t4294967294, but the graph has 1 tensors (kws.tflite, operator \
             `n0:add`, byte 1000)",
            "CF-MOD-004: result 0 is t4294967294, but the graph has 1 tensors (kws.tflite, operator \
             `n0:add`, byte 1000)",
            "CF-MOD-004: an intermediate is t4294967294, but the graph has 1 tensors (kws.tflite, \
             operator `n0:add`, byte 1000)",
            "CF-MOD-004: a graph output is t1, but the graph has 1 tensors (kws.tflite)",
        ],
    );
    // Nothing that looks at a graph allocates up to an id that is not there.
    let graph = model.main().expect("one graph");
    assert!(graph.producers().keys().all(|id| id == x));
    assert_eq!(graph.consumers()[x].len(), 1);
    assert_eq!(graph.peak_live().map(|peak| peak.tensors), Some(vec![x]));
}

#[test]
fn a_long_chain_of_calls_does_not_overflow_the_stack() {
    let mut text = String::from("model \"m\"\n");
    let depth = 20_000;
    for callee in 1..=depth {
        text.push_str(&format!("graph \"\" {{\n  call_once() graph=g{callee}\n}}\n"));
    }
    text.push_str("graph \"\" {\n  call_once() graph=g1\n}\n");
    let model = parse(&text, None).expect("well-formed text");
    check_model(
        &model,
        &["CF-MOD-013: g20000 calls g1, which is running already (operator `n0:call_once`)"],
    );
}

#[test]
fn messages_of_hostile_names_are_short() {
    let name = "é".repeat(100_000);
    let mut graph = Graph::default();
    let y = graph.tensor(Tensor::activation(name.clone(), ElementType::Int8, Shape::scalar()));
    for _ in 0..2 * Diagnostics::LIMIT {
        graph.operator(Operator::new(Op::Relu(ops::Relu::default()), &[y], &[y]));
    }
    let model =
        Model { source: Source { file: name, ..Source::default() }, ..Model::of("m", graph) };
    let found = verify(&model);
    assert!(found.iter().all(|message| message.to_string().len() < 1000));
    // The first operator reads too early; all others write again.
    assert_eq!(found.len() + found.dropped(), 2 * Diagnostics::LIMIT);
}
