//! Invariants of sketches: what expands is well formed, and nothing panics.

use std::path::Path;

use cofit_import::sketch::{Sketch, SketchOptions, Weights, expand, limits};
use cofit_ir::verify::verify;
use cofit_ir::{Graph, Model, TensorRole};
use cofit_vocab::ElementType;
use proptest::prelude::*;

const ABSENT: Weights = Weights::Absent;

fn options(weights: Weights) -> SketchOptions {
    SketchOptions { parameters: Vec::new(), weights }
}

/// One layer that is valid after any other of these in a stack of images.
fn image_layer() -> impl Strategy<Value = String> {
    let channels = prop_oneof![Just("8"), Just("round8(12 * width)"), Just("3 + 2 * index")];
    let activation = prop_oneof![
        Just("none"),
        Just("relu"),
        Just("relu6"),
        Just("relu_n1_to_1"),
        Just("leaky_relu"),
        Just("hard_swish"),
        Just("swish"),
        Just("sigmoid"),
        Just("tanh"),
        Just("$act"),
    ];
    let precision = prop_oneof![
        4 => Just(""),
        1 => Just("precision = { weights = 4 }\n"),
        1 => Just("precision = { weights = 2, activations = 8 }\n"),
        1 => Just("precision = { weights = 1 }\n"),
        1 => Just("precision = { weights = 8, activations = 16 }\n"),
        1 => Just("precision = 16\n"),
        1 => Just("precision = \"uint8\"\n"),
        1 => Just("precision = \"float32\"\n"),
        1 => Just("precision = \"float16\"\n"),
    ];
    let convolution = (
        prop_oneof![Just("conv"), Just("separable"), Just("inverted_residual"), Just("residual")],
        channels,
        (1..=5u32, 1..=5u32, 1..=2u32, 1..=3u32),
        activation,
        any::<bool>(),
        1..=3u32,
    )
        .prop_map(|(kind, channels, (height, width, stride, dilation), act, norm, repeat)| {
            format!(
                "{kind} = \"{channels}\"\nkernel = [{height}, {width}]\nstride = {stride}\n\
                 dilation = {dilation}\nactivation = \"{act}\"\nbatch_norm = {norm}\n\
                 repeat = {repeat}\n"
            )
        });
    let other = prop_oneof![
        Just("depthwise = 1\n".to_owned()),
        Just("depthwise = 2\nbias = false\n".to_owned()),
        Just("max_pool = 2\npadding = \"same\"\n".to_owned()),
        Just("average_pool = 3\nstride = 1\npadding = \"same\"\n".to_owned()),
        Just("activate = \"hard_swish\"\n".to_owned()),
        Just("pad = [1, 0, 2, 1]\n".to_owned()),
        Just("upsample = 2\n".to_owned()),
        Just("add = [\"previous\", \"previous\"]\nactivation = \"swish\"\n".to_owned()),
        Just("concat = [\"previous\", \"previous\"]\n".to_owned()),
        Just("softmax = true\n".to_owned()),
        Just("use = \"pair\"\nwith = { n = \"4 * width\" }\nrepeat = 2\n".to_owned()),
    ];
    (prop_oneof![3 => convolution, 2 => other], precision)
        .prop_map(|(layer, precision)| format!("[[layer]]\n{layer}{precision}"))
}

/// A whole sketch: images, then perhaps a dense head.
fn valid_sketch() -> impl Strategy<Value = String> {
    let input = prop_oneof![
        (1..=24u32, 1..=24u32, 1..=4u32).prop_map(|(h, w, c)| format!("[{h}, {w}, {c}]")),
        (1..=64u32, 1..=4u32).prop_map(|(length, c)| format!("[{length}, {c}]")),
    ];
    let head = prop_oneof![
        Just(""),
        Just(
            "[[layer]]\nglobal_average_pool = true\n[[layer]]\ndense = 5\nactivation = \"swish\"\n"
        ),
        Just("[[layer]]\nflatten = true\n[[layer]]\ndense = 3\n[[layer]]\nsoftmax = true\n"),
        Just("[[layer]]\nreshape = [-1]\n[[layer]]\ndense = 7\nbias = false\n"),
    ];
    (input, prop::collection::vec(image_layer(), 1..6), head).prop_map(|(input, layers, head)| {
        format!(
            "sketch = 1\ninput = {input}\n[parameters]\nwidth = 0.5\nact = \"relu6\"\n\
             [block.pair.parameters]\nn = 4\n[[block.pair.layer]]\nconv = \"n\"\nas = \"left\"\n\
             [[block.pair.layer]]\nconv = \"n\"\nfrom = \"input\"\n\
             [[block.pair.layer]]\nconcat = [\"left\", \"previous\"]\n{}{head}",
            layers.concat()
        )
    })
}

fn main_graph(model: &Model) -> &Graph {
    model.main().expect("a sketch has one graph")
}

/// The verifier finds nothing, every operator's rule agrees with its result, and every tensor is
/// complete.
fn check_model(model: &Model, source: &str) {
    let found = verify(model);
    assert!(found.is_empty(), "{:?}\n{source}", found.iter().next());
    let graph = main_graph(model);
    for (id, operator) in &graph.operators {
        let name = graph.operator_name(id);
        let facts = operator.op.infer(&graph.operands(id)).unwrap_or_else(|error| {
            panic!("{name} does not infer: {error}\n{source}");
        });
        assert_eq!(facts.len(), operator.outputs.len(), "{name}");
        assert!(operator.op.operand_counts().contains(&operator.inputs.len()), "{name}");
        for (fact, &output) in facts.iter().zip(&operator.outputs) {
            let tensor = &graph.tensors[output];
            assert_eq!(fact.shape.as_ref(), Some(&tensor.shape), "{name}\n{source}");
            assert!(fact.element.is_none_or(|element| element == tensor.element), "{name}");
            assert!(!operator.inputs.contains(&Some(output)), "{name} reads its own result");
        }
    }
    for tensor in graph.tensors.values() {
        let quantised = tensor.quantisation.as_ref().is_some_and(|q| q.is_quantised());
        let index = tensor.name.ends_with("/border") || tensor.name.ends_with("/size");
        assert_eq!(
            quantised,
            !tensor.element.is_float() && !index,
            "{} of type {}\n{source}",
            tensor.name,
            tensor.element
        );
        if let Some(q) = &tensor.quantisation {
            assert!(q.scales.iter().all(|scale| scale.is_normal() && *scale > 0.0));
            let axis = tensor.shape.get(q.axis as usize);
            assert!(q.scales.len() == 1 || axis == u32::try_from(q.scales.len()).ok());
        }
        if let Some(data) = tensor.data() {
            assert_eq!(data.len() as u64, tensor.bytes().0, "{}", tensor.name);
        }
    }
    for output in &graph.outputs {
        assert!(graph.tensors.is_valid(*output));
    }
}

/// The graph without the bytes of constants.
fn weightless(mut graph: Graph) -> Graph {
    for tensor in graph.tensors.values_mut() {
        if let TensorRole::Constant(data) = &mut tensor.role {
            *data = cofit_ir::ConstantData::Absent;
        }
    }
    graph
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_sketches_expand_to_models_that_infer(source in valid_sketch(), seed in any::<u64>()) {
        let absent = expand(&source, "s.toml", &options(ABSENT)).unwrap_or_else(|complaints| {
            panic!("{:?}\n{source}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>())
        });
        check_model(&absent, &source);
        let random = options(Weights::Random { seed });
        let seeded = expand(&source, "s.toml", &random).expect("the same sketch");
        check_model(&seeded, &source);
        let again = expand(&source, "s.toml", &random).expect("the same sketch");
        prop_assert_eq!(&seeded, &again);
        let read = cofit_ir::text::parse(&seeded.to_string(), None).expect("the model's own text");
        prop_assert_eq!(seeded.to_string(), read.to_string());
        prop_assert_eq!(
            weightless(main_graph(&absent).clone()),
            weightless(main_graph(&seeded).clone())
        );
    }

    #[test]
    fn mutilated_sketches_never_panic(
        file in 0..7usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8, any::<prop::sample::Index>()), 1..6),
    ) {
        let mut source = examples().swap_remove(file);
        for (at, edit, other) in edits {
            mutilate(&mut source, at, edit, other);
        }
        if let Ok(model) = expand(&source, "s.toml", &options(ABSENT)) {
            check_model(&model, &source);
        }
    }

    #[test]
    fn arbitrary_values_never_panic(
        key in prop::sample::select(vec!["conv", "dense", "max_pool", "pad", "reshape", "use", "add", "upsample", "inverted_residual"]),
        option in prop::sample::select(vec!["kernel", "stride", "padding", "repeat", "with", "precision", "from", "expansion", "dilation", "groups"]),
        value in value(),
        second in value(),
    ) {
        let source = format!(
            "sketch = 1\ninput = [9, 9, 4]\n[[layer]]\n{key} = {value}\n{option} = {second}\n"
        );
        if let Ok(model) = expand(&source, "s.toml", &options(ABSENT)) {
            check_model(&model, &source);
        }
    }

    #[test]
    fn parameters_of_the_command_line_never_panic(file in 0..7usize, pick in any::<prop::sample::Index>(), text in ".{0,12}") {
        let source = examples().swap_remove(file);
        let sketch = Sketch::parse(&source, "s.toml").expect("an example");
        let name = pick.get(sketch.parameters()).name.clone();
        let options = SketchOptions { parameters: vec![(name, text)], weights: ABSENT };
        if let Ok(model) = sketch.expand(&options) {
            check_model(&model, &source);
        }
    }
}

/// A value of any form, sound or not.
fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        (-3..70i64).prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|x| format!("{x:?}").replace("NaN", "nan")),
        Just("true".to_owned()),
        Just("1979-05-27".to_owned()),
        "[a-z0-9 +*/()^$.-]{0,12}".prop_map(|text| format!("'{text}'")),
        Just("'same'".to_owned()),
        Just("'$x'".to_owned()),
        Just("'int4'".to_owned()),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(inner, 0..3).prop_map(|items| {
                let pairs: Vec<String> = items
                    .into_iter()
                    .zip(["weights", "activations", "n"])
                    .map(|(item, key)| format!("{key} = {item}"))
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }),
        ]
    })
}

fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sketches");
    [
        "ds_cnn.toml",
        "mobilenet_v1.toml",
        "mobilenet_v2.toml",
        "resnet8.toml",
        "squeezenet.toml",
        "vibration_1d.toml",
        "yolov2_tiny.toml",
    ]
    .map(|file| std::fs::read_to_string(folder.join(file)).expect("an example"))
    .into()
}

/// One edit: bytes, numbers or lines changed, moved or removed.
fn mutilate(source: &mut String, at: prop::sample::Index, edit: u8, other: prop::sample::Index) {
    if source.is_empty() {
        return;
    }
    let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
    let line = at.index(lines.len());
    match edit {
        0 => {
            lines.remove(line);
        }
        1 => {
            let copy = lines[other.index(lines.len())].clone();
            lines.insert(line, copy);
        }
        2 => {
            let second = other.index(lines.len());
            lines.swap(line, second);
        }
        // Numbers of every kind in place of the digits of a line.
        3 => {
            let number = ["0", "-1", "65537", "1e300", "0.5", "99999", "1.0000000001"];
            let text: String = lines[line]
                .split(|c: char| c.is_ascii_digit())
                .collect::<Vec<_>>()
                .join(number[other.index(number.len())]);
            lines[line] = text;
        }
        // A character of the form's own punctuation somewhere.
        4 => {
            let marks = ["\"", "[", "]", "{", "=", "\n", "(", "^", "é", "\u{0}", ",", "$"];
            let text = &mut lines[line];
            let place = (0..=text.len())
                .filter(|&place| text.is_char_boundary(place))
                .nth(other.index(text.chars().count() + 1))
                .unwrap_or(0);
            text.insert_str(place, marks[other.index(marks.len())]);
        }
        // The end cut off.
        5 => {
            let text = &mut lines[line];
            let keep = other.index(text.chars().count() + 1);
            *text = text.chars().take(keep).collect();
            lines.truncate(line + 1);
        }
        // A word from elsewhere in place of a value.
        6 => {
            let value = lines[other.index(lines.len())].split(" = ").nth(1).map(str::to_owned);
            if let (Some(value), Some((key, _))) = (value, lines[line].clone().split_once(" = ")) {
                lines[line] = format!("{key} = {value}");
            }
        }
        _ => {
            let key = ["repeat", "as", "from", "precision", "kernel", "stride", "groups", "with"];
            let value = ["\"previous\"", "4", "[2, 3]", "\"$width\"", "{ n = 1 }", "\"input\""];
            let text =
                format!("{} = {}", key[other.index(key.len())], value[at.index(value.len())]);
            lines.insert(line, text);
        }
    }
    *source = lines.join("\n");
}

/// The largest expansion that the limits allow takes neither minutes nor gigabytes.
#[test]
fn the_limits_are_reached_in_bounded_time() {
    let source = "sketch = 1\ninput = [4, 4, 8]\n[[layer]]\nconv = 8\nrepeat = 100000\n";
    let model = expand(source, "s.toml", &options(ABSENT)).expect("within the limits");
    assert_eq!(main_graph(&model).operators.len(), 100_000);
    let source = "sketch = 1\ninput = [4, 4, 8]\n[[layer]]\nresidual = 8\nrepeat = 100000\n";
    let complaints = expand(source, "s.toml", &options(ABSENT)).expect_err("too many operators");
    assert_eq!(complaints.iter().next().expect("a complaint").code.id, "CF-SKT-012");
    let source = "sketch = 1\ninput = [4, 4, 8192]\n[[layer]]\nconv = 8192\n";
    let random = options(Weights::Random { seed: 1 });
    let complaints = expand(source, "s.toml", &random).expect_err("too many bytes");
    assert_eq!(complaints.iter().next().expect("a complaint").code.id, "CF-SKT-012");
}

#[test]
fn seeded_weights_have_the_declared_type() {
    let source = "sketch = 1\ninput = [8]\nprecision = { weights = 4, activations = 8 }\n\
                  [[layer]]\ndense = 3\n";
    let model = expand(source, "s.toml", &options(Weights::Random { seed: 0 })).expect("sound");
    let graph = main_graph(&model);
    let weights = graph.tensors.values().find(|t| t.name.ends_with("/weights")).expect("weights");
    assert_eq!((weights.element, weights.data().map(|d| d.len())), (ElementType::Int4, Some(12)));
    let bias = graph.tensors.values().find(|t| t.name.ends_with("/bias")).expect("a bias");
    assert_eq!((bias.element, bias.data().map(|d| d.len())), (ElementType::Int32, Some(12)));
}

/// Every layer with as many long expressions over as many parameters as the limits allow.
#[test]
fn long_expressions_are_evaluated_in_bounded_time() {
    let mut source = "sketch = 1\ninput = [4, 4, 8]\n[parameters]\n".to_owned();
    for index in 0..limits::PARAMETERS {
        source.push_str(&format!("p{index} = 0\n"));
    }
    let sum = ["+p0"; 42].concat();
    source.push_str("[[block.b.layer]]\n");
    for key in ["kernel", "stride", "dilation", "groups", "slope", "bias", "batch_norm"] {
        source.push_str(&format!("{key} = \"1{sum}\"\n"));
    }
    source.push_str(&format!("conv = \"8{sum}\"\n[block.b.parameters]\n"));
    for index in 0..limits::PARAMETERS {
        source.push_str(&format!("q{index} = 0\n"));
    }
    source.push_str("[[layer]]\nuse = \"b\"\nrepeat = 9999\n");
    let model = expand(&source, "s.toml", &options(ABSENT)).expect("within the limits");
    assert_eq!(main_graph(&model).operators.len(), 2 * 9_999);
}

/// The first weights under seed 7, computed from the description in `docs/sketch.md` by a program
/// in another language with exact rational arithmetic.
#[test]
fn seeded_weights_are_the_documented_ones() {
    let source = "sketch = 1\ninput = [8]\n[[layer]]\ndense = 2\n";
    let model = expand(source, "s.toml", &options(Weights::Random { seed: 7 })).expect("sound");
    let graph = main_graph(&model);
    let weights = graph.tensors.values().find(|t| t.name.ends_with("/weights")).expect("weights");
    let stored = weights.integers().expect("int8 weights");
    assert_eq!(stored, [46, -55, -14, -44, -27, 14, 0, -36, -8, -68, -39, -14, -95, -33, 13, -13]);
}
