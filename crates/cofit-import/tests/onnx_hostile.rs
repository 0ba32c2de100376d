//! Files that lie: none makes the reader panic or take more memory than its size warrants, and each
//! is refused with an error of the file's.

mod onnx_text;

use bytes::Bytes;
use cofit_import::onnx::proto::{AttributeProto, GraphProto, ModelProto, NodeProto};
use cofit_import::onnx::{self, OnnxOptions};
use cofit_vocab::{Diagnostics, Fault};
use proptest::prelude::*;
use prost::Message;

/// A bit of everything, so that a change has something to hit.
const NETWORK: &str = "
input x float [batch,3,8,8]
input q uint8 [1,4]
const w float [4,3,3,3]
const b float [4]
const one float [4] = 1 1 1 1
const low float [] = 0
const high float [] = 6
const g int64 [5] = 1 2 2 8 8
const h int64 [4] = 1 4 8 8
const v float [4,5]
const s float [] = 0.5
const z uint8 [] = 3
const lw float [1,20,4]
const lr float [1,20,5]
const i int64 [1] = 0
const e int64 [1] = 3
const a int64 [1] = 2
c = Conv(x, w, b) pads=[1,1,1,1]
n = BatchNormalization(c, one, one, one, one)
k = Clip(n, low, high)
r = Reshape(k, g)
t = Transpose(r) perm=[0,2,1,3,4]
u = Reshape(t, h)
p = MaxPool(u) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]
m = ReduceMean(p) axes=[2,3]
f = Flatten(m)
d = MatMul(f, v)
o = Softmax(d)
l = Slice(p, i, e, a)
j = Resize(l, _, _, h)
y, state = LSTM(f2, lw, lr) hidden_size=5
f2 = Unsqueeze(f, i)
dq = DequantizeLinear(q, s, z)
sum = Add(dq, f)
qq = QuantizeLinear(sum, s, z)
output o
output l
output qq
";

/// The network without the nodes that stand in the wrong order.
fn sound() -> String {
    let wrong = ["y, state", "f2 =", "j ="];
    NETWORK
        .lines()
        .filter(|line| !wrong.iter().any(|start| line.starts_with(start)))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn read(bytes: impl Into<Bytes>) -> Diagnostics {
    let (model, messages) =
        onnx::load(bytes.into(), "hostile.onnx", &OnnxOptions::default(), &|_, _, _| None);
    assert_eq!(model.is_none(), messages.has_errors());
    for message in &messages {
        assert_eq!(message.code.fault, Fault::Model, "{message}");
        assert!(message.to_string().len() < 4096, "{message}");
    }
    messages
}

fn first(bytes: impl Into<Bytes>) -> &'static str {
    read(bytes).iter().next().map_or("none", |message| message.code.id)
}

#[test]
fn the_network_itself_is_sound() {
    let messages = read(onnx_text::encode(&sound()));
    let errors: Vec<String> = messages.iter().map(ToString::to_string).collect();
    assert!(!messages.has_errors(), "{errors:?}");
    assert!(read(onnx_text::encode(NETWORK)).has_errors());
}

#[test]
fn a_file_that_is_none_is_called_so() {
    assert_eq!(first(Bytes::new()), "CF-ONX-001");
    assert_eq!(
        first(Bytes::from_static(b"version https://git-lfs.github.com/spec/v1")),
        "CF-ONX-001"
    );
    let no_graph = ModelProto { ir_version: Some(8), ..ModelProto::default() };
    assert_eq!(first(no_graph.encode_to_vec()), "CF-ONX-001");
    let no_set = ModelProto { graph: Some(GraphProto::default()), ..no_graph };
    assert_eq!(first(no_set.encode_to_vec()), "CF-ONX-001");
}

#[test]
fn every_truncation_is_refused_or_read() {
    let file = onnx_text::encode(&sound());
    for length in 0..file.len() {
        let _ = read(file.slice(..length));
    }
}

#[test]
fn empty_messages_are_counted_before_they_are_decoded() {
    let graph = GraphProto { node: vec![NodeProto::default(); 2_000_000], ..GraphProto::default() };
    let model = ModelProto { ir_version: Some(8), graph: Some(graph), ..ModelProto::default() };
    assert_eq!(first(model.encode_to_vec()), "CF-ONX-002");
}

#[test]
fn constants_that_grow_are_bounded() {
    // Each node doubles what the one before it made.
    let mut text = String::from("input x float [1]\nconst c0 float [1024]\n");
    for index in 0..24 {
        text.push_str(&format!("c{} = Concat(c{index}, c{index}) axis=0\n", index + 1));
    }
    text.push_str("y = Add(x, c24)\noutput y\n");
    assert_eq!(first(onnx_text::encode(&text)), "CF-ONX-002");
}

#[test]
fn extreme_numbers_are_refused() {
    let cases = [
        "input x float [1,1,4,4]\ny = MaxPool(x) kernel_shape=[2,2] strides=[1,4294967295] pads=[4294967295,0,4294967295,0]",
        "input x float [1,1,4,4]\ny = AveragePool(x) kernel_shape=[2147483647,1] pads=[2147483647,0,2147483647,0]",
        "input x float [4294967295,4294967295,4294967295]\ny = Flatten(x) axis=0",
        "input x float [4]\nconst s int64 [1] = 9223372036854775807\ny = Reshape(x, s)",
        "input x float [1,2]\nconst p int64 [4] = 9223372036854775807 0 0 1\ny = Pad(x, p)",
        "input x float [1,1,2,2]\nconst s float [4] = 1 1 1e30 2\ny = Resize(x, _, s)",
        "input x float [1,1,2,2]\nconst s float [4] = 1 1 -1 2\ny = Resize(x, _, s)",
        "input x float [2]\nconst s int64 [1] = 9223372036854775807\ny = Tile(x, s)",
        "input x float [2]\ny = Transpose(x) perm=[-9223372036854775808]",
        "input x float [2]\ny = ReduceMean(x) axes=[9223372036854775807]",
        "input x float [1,4,2,2]\ny = DepthToSpace(x) blocksize=4294967295",
        "input x float [1,1,2,2]\nconst w float [1,1,3,3]\ny = ConvTranspose(x, w) strides=[4294967295,1] output_padding=[9223372036854775807,0]",
        "input x float [1,1,2,2]\nconst w float [1,1,3,3]\ny = Conv(x, w) dilations=[4294967295,4294967295]",
        "input x float [2]\nconst i int64 [1] = -9223372036854775808\ny = Gather(x, i)",
        "input x float [2]\nconst a int64 [1] = -9223372036854775808\nconst b int64 [1] = -1\nc = Div(a, b)\ny = Add(x, x)",
        "input x float [1,4,2,2]\ny = LpNormalization(x) p=0",
        "input x float [1,4]\ny = Split(x) axis=-9223372036854775808",
        "input x float [2]\nconst i int64 [1,1] = -9223372036854775808\ny = GatherND(x, i)",
        "input x float [2]\nconst i int64 [1] = -9223372036854775808\ny = GatherElements(x, i)",
        "input x int64 [2]\nconst d int64 [] = 9223372036854775807\nconst v float [2] = 0 1\ny = OneHot(x, d, v)",
        "opset 14\ninput x float [65535,65535]\ny = Trilu(x)",
        "input x float [1,2]\nconst p int64 [4] = 0 9223372036854775807 0 9223372036854775807\ny = Pad(x, p) mode=\"edge\"",
        "input x float [1,1,5,5]\ny = MaxPool(x) kernel_shape=[2,2] dilations=[4294967295,4294967295]",
        "input x float [1,1,2,2]\nconst w float [1,1,1,1]\ny = ConvTranspose(x, w) group=4294967295",
        "input x float [1,1,2,2]\nconst w float [1,1,1,1]\ny = ConvTranspose(x, w) group=0",
    ];
    for case in cases {
        let messages = read(onnx_text::encode(&format!("{case}\noutput y\n")));
        assert!(messages.has_errors(), "{case}");
    }
}

#[test]
fn long_names_make_short_messages() {
    let name = "n".repeat(100_000);
    let text = format!("input x float [{name}]\ny = {name}(x) {name}=1\noutput y\n");
    assert!(read(onnx_text::encode(&text)).has_errors());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_do_not_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut file = onnx_text::encode(&sound()).to_vec();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = read(file);
    }

    /// Operands and attributes that are exchanged make well-formed files of ill-formed graphs.
    #[test]
    fn exchanged_parts_do_not_panic(swaps in prop::collection::vec((any::<[prop::sample::Index; 4]>(), any::<i64>()), 1..5)) {
        let mut model = onnx_text::model(NETWORK);
        let graph = model.graph.as_mut().expect("a graph");
        let names: Vec<String> = graph
            .node
            .iter()
            .flat_map(|node| node.input.iter().chain(&node.output).cloned())
            .collect();
        let kinds: Vec<String> = graph.node.iter().map(|node| node.op_type.clone()).collect();
        for ([node, part, name, what], number) in swaps {
            let count = graph.node.len();
            let node = &mut graph.node[node.index(count)];
            match what.index(4) {
                0 if !node.input.is_empty() => {
                    let at = part.index(node.input.len());
                    node.input[at] = names[name.index(names.len())].clone();
                }
                1 if !node.attribute.is_empty() => {
                    let at = part.index(node.attribute.len());
                    let attribute: &mut AttributeProto = &mut node.attribute[at];
                    attribute.i = number;
                    if let Some(first) = attribute.ints.first_mut() {
                        *first = number;
                    }
                }
                2 => node.op_type = kinds[name.index(kinds.len())].clone(),
                _ => {
                    let at = part.index(graph.initializer.len());
                    let constant = &mut graph.initializer[at];
                    if let Some(first) = constant.int64_data.first_mut() {
                        *first = number;
                    }
                }
            }
        }
        let _ = read(model.encode_to_vec());
    }
}
