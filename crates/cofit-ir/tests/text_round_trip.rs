//! Every model prints as text that reads back as the same model, and no text makes the reader
//! panic.

use cofit_ir::ops::AttributeReader;
use cofit_ir::text::{ConstantText, parse, print};
use cofit_ir::verify::verify;
use cofit_ir::{
    ConstantData, Graph, Model, Op, Operator, Origin, Quantisation, Shape, Source, Tensor,
    TensorId, TensorRole, Verified,
};
use cofit_vocab::{ElementType, Macs, OperatorKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z/_:;0-9]{0,12}",
        vec(any::<char>(), 0..6).prop_map(|characters| characters.into_iter().collect()),
    ]
}

/// A float of any bits but NaN, which is not equal to itself.
fn float() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("NaN", |value| !value.is_nan())
}

fn quantisation() -> impl Strategy<Value = Quantisation> {
    let zero_points = prop_oneof![Just(vec![]), Just(vec![0]), vec(any::<i64>(), 0..3)];
    (vec(float(), 0..3), zero_points, 0u32..3, vec(float(), 0..2), vec(float(), 0..3)).prop_map(
        |(scales, zero_points, axis, minimum, maximum)| Quantisation {
            scales: scales.into(),
            zero_points: zero_points.into(),
            axis,
            minimum: minimum.into(),
            maximum: maximum.into(),
        },
    )
}

fn role(element: ElementType, shape: &Shape) -> BoxedStrategy<TensorRole> {
    let exact = usize::try_from(element.bytes_for(shape.elements()).get()).unwrap_or(0).min(200);
    let data = prop_oneof![vec(any::<u8>(), exact), vec(any::<u8>(), 0..20)]
        // The bytes of a NaN are printed as numbers too; they compare as bytes.
        .prop_map(|data| TensorRole::Constant(ConstantData::Present(data.into())));
    prop_oneof![
        Just(TensorRole::Activation),
        Just(TensorRole::Variable),
        Just(TensorRole::Constant(ConstantData::Absent)),
        data,
    ]
    .boxed()
}

fn tensor() -> impl Strategy<Value = Tensor> {
    let shape = vec(prop_oneof![0u32..9, any::<u32>()], 0..5).prop_map(|axes| Shape::new(&axes));
    (name(), select(ElementType::ALL), shape, proptest::option::of(quantisation())).prop_flat_map(
        |(name, element, shape, quantisation)| {
            role(element, &shape).prop_map(move |role| Tensor {
                name: name.clone(),
                element,
                shape: shape.clone(),
                quantisation: quantisation.clone(),
                role,
                origin: Origin::default(),
            })
        },
    )
}

/// Text of an attribute of the Rust type `type_name`.
fn attribute_text(type_name: &str) -> BoxedStrategy<String> {
    fn extent() -> impl Strategy<Value = String> {
        (any::<u32>(), any::<u32>()).prop_map(|(height, width)| format!("{height}x{width}"))
    }
    match type_name {
        "Activation" => select(cofit_ir::Activation::ALL).prop_map(|a| a.1.to_owned()).boxed(),
        "bool" => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        "ElementType" => select(ElementType::ALL).prop_map(|element| element.to_string()).boxed(),
        "Extent2d" => extent().boxed(),
        "f32" => float().prop_map(|value| format!("{value:?}")).boxed(),
        "GraphId" => (0..u32::MAX).prop_map(|index| format!("g{index}")).boxed(),
        "i32" => any::<i32>().prop_map(|value| value.to_string()).boxed(),
        "MirrorMode" => {
            select(cofit_ir::ops::MirrorMode::ALL).prop_map(|mode| mode.name().to_owned()).boxed()
        }
        "Padding" => prop_oneof![
            Just("same".to_owned()),
            Just("valid".to_owned()),
            any::<[u32; 4]>().prop_map(|[a, b, c, d]| format!("[{a},{b},{c},{d}]")),
        ]
        .boxed(),
        "SharedBytes" => vec(any::<u8>(), 0..9)
            .prop_map(|data| data.iter().fold("x".to_owned(), |x, byte| format!("{x}{byte:02x}")))
            .boxed(),
        "String" => name().prop_map(|text| format!("{text:?}")).boxed(),
        "u32" => any::<u32>().prop_map(|value| value.to_string()).boxed(),
        "Vec<i32>" => vec(any::<i32>(), 0..4).prop_map(|values| format!("{values:?}")).boxed(),
        other => panic!("give attributes of type {other} a strategy"),
    }
}

fn op(kind: OperatorKind) -> BoxedStrategy<Op> {
    let attributes: Vec<_> = Op::attribute_types(kind)
        .iter()
        .map(|&(name, type_name)| {
            proptest::option::of(attribute_text(type_name))
                .prop_map(move |text| text.map(|text| (name.to_owned(), text)))
        })
        .collect();
    attributes
        .prop_map(move |pairs| {
            let pairs = pairs.into_iter().flatten().collect();
            Op::from_attributes(kind, &mut AttributeReader::new(pairs)).expect("valid attributes")
        })
        .boxed()
}

fn graph() -> impl Strategy<Value = Graph> {
    let kinds: Vec<_> = OperatorKind::ALL.iter().map(|&kind| op(kind)).collect();
    let slots = vec(any::<prop::sample::Index>(), 0..4);
    let optional = vec(proptest::option::of(any::<prop::sample::Index>()), 0..5);
    let operator = (Union::new(kinds), optional, slots.clone(), slots.clone());
    (name(), vec(tensor(), 1..5), vec(operator, 0..4), slots.clone(), slots).prop_map(
        |(name, tensors, operators, inputs, outputs)| {
            let pick = |index: &prop::sample::Index| {
                TensorId::from_u32(u32::try_from(index.index(tensors.len())).unwrap_or(0))
            };
            let pick_all = |list: &[prop::sample::Index]| list.iter().map(pick).collect();
            let mut graph = Graph {
                name,
                inputs: pick_all(&inputs),
                outputs: pick_all(&outputs),
                ..Graph::default()
            };
            for (op, inputs, outputs, intermediates) in &operators {
                graph.operator(Operator {
                    op: op.clone(),
                    inputs: inputs.iter().map(|slot| slot.as_ref().map(pick)).collect(),
                    outputs: outputs.iter().map(pick).collect(),
                    intermediates: intermediates.iter().map(pick).collect(),
                    origin: Origin::default(),
                });
            }
            tensors.iter().cloned().for_each(|tensor| {
                graph.tensor(tensor);
            });
            graph
        },
    )
}

fn model() -> impl Strategy<Value = Model> {
    let metadata = vec((name(), vec(any::<u8>(), 0..9)), 0..3);
    (name(), name(), name(), name(), vec(graph(), 0..3), metadata).prop_map(
        |(name, description, file, sha256, graphs, metadata)| Model {
            name,
            description,
            source: Source { file, sha256 },
            graphs: graphs.into_iter().collect(),
            metadata: metadata.into_iter().map(|(name, data)| (name, data.into())).collect(),
        },
    )
}

proptest! {
    #[test]
    fn models_read_back(model in model()) {
        let text = print(&model, ConstantText::Whole);
        prop_assert_eq!(&parse(&text, None), &Ok(model.clone()), "{}", text);
        prop_assert_eq!(model.to_string(), text);
    }

    #[test]
    fn shortened_models_read_back_with_their_shapes(model in model()) {
        let read = parse(&print(&model, ConstantText::Short), None).expect("printed text");
        for (graph, whole) in read.graphs.values().zip(model.graphs.values()) {
            let shapes = |graph: &Graph| -> Vec<_> {
                graph.tensors.values().map(|t| (t.shape.clone(), t.is_constant())).collect()
            };
            prop_assert_eq!(shapes(graph), shapes(whole));
        }
    }

    #[test]
    fn damaged_text_is_refused_or_read(
        model in model(),
        cuts in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[ -~\n]{0,3}"), 1..4),
    ) {
        let mut text: Vec<char> = model.to_string().chars().collect();
        for (from, length, put) in cuts {
            let from = from.index(text.len() + 1);
            let to = (from + length.index(6)).min(text.len());
            text.splice(from..to, put.chars());
        }
        let text: String = text.into_iter().collect();
        match parse(&text, None) {
            // What was read is a model, so it reads back. Its text is compared, for a NaN's sake.
            Ok(model) => {
                let printed = model.to_string();
                let again = parse(&printed, None).map(|model| model.to_string());
                prop_assert_eq!(again, Ok(printed));
            }
            Err(found) => prop_assert!(found.has_errors()),
        }
    }

    #[test]
    fn rules_take_any_operands(model in model(), strangers in vec(any::<u32>(), 0..3)) {
        let mut model = model;
        for graph in model.graphs.values_mut() {
            for (operator, &stranger) in graph.operators.values_mut().zip(&strangers) {
                let stranger = TensorId::from_u32(stranger.min(u32::MAX - 1));
                operator.inputs.push(Some(stranger));
                operator.outputs.push(stranger);
            }
        }
        // Any answer will do; none may panic, hang or allocate what a shape claims.
        let is_well_formed = !verify(&model).has_errors();
        prop_assert_eq!(Verified::new(model.clone()).is_ok(), is_well_formed);
        for graph in model.graphs.values() {
            let sum = graph.operators.keys().map(|id| graph.macs(id)).sum::<Macs>();
            prop_assert_eq!(graph.total_macs(), sum);
            let peak = graph.peak_live().map(|peak| peak.tensors);
            prop_assert_eq!(peak.is_some(), !graph.operators.is_empty());
        }
    }

    #[test]
    fn noise_is_refused(text in "[ -~\n]{0,60}") {
        prop_assert!(parse(&text, None).is_err() || text.trim_start().starts_with("model"));
    }
}

#[test]
fn nan_keeps_its_bits() {
    let text = "model \"m\"\ngraph \"g\" {\n  tensor t0 \"x\" float32[1] scale=nan:7fc00001 \
                const [nan:ffc12345]\n}\n";
    let model = parse(text, None).expect("well formed");
    assert_eq!(model.to_string(), text);
    let graph = model.main().expect("one graph");
    let tensor = graph.tensors.values().next().expect("one tensor");
    let quantisation = tensor.quantisation.as_ref().expect("quantised");
    assert_eq!(quantisation.scales[0].to_bits(), 0x7fc0_0001);
    assert_eq!(tensor.data().map(|data| data.to_vec()), Some(vec![0x45, 0x23, 0xc1, 0xff]));
}

#[test]
fn text_without_line_ends_is_refused_in_bounded_memory() {
    for filler in ["a,", "(", "[", "a=b ", "\"", "}"] {
        assert!(
            parse(&format!("model \"m\"\ngraph \"g\" {{\n{}", filler.repeat(1 << 20)), None)
                .is_err()
        );
    }
}
