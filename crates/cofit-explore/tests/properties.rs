//! What holds for every model on every chip: plans are well-formed, causes add up, results are
//! complete and the same twice, and nothing panics.

use cofit_chip::{Card, Chip, Selection, catalogue};
use cofit_compile::{certificate, compile};
use cofit_explore::{Budget, Evaluation, evaluate};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Verified;
use cofit_report::plan::{self, Planned};
use cofit_report::{Subject, check, json, sim};
use cofit_vocab::{Bytes, Cycles};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

/// One layer that is valid after any other of these.
fn layer() -> impl Strategy<Value = String> {
    let convolution = (
        select(vec!["conv", "separable", "inverted_residual", "residual"]),
        select(vec![1u32, 3, 8, 16, 24, 72]),
        (1..=5u32, 1..=5u32, 1..=3u32, 1..=2u32),
        select(vec![
            "none",
            "relu",
            "relu6",
            "leaky_relu",
            "hard_swish",
            "swish",
            "sigmoid",
            "tanh",
        ]),
        any::<bool>(),
        1..=3u32,
    )
        .prop_map(|(kind, channels, (height, width, stride, dilation), act, norm, repeat)| {
            format!(
                "{kind} = {channels}\nkernel = [{height}, {width}]\nstride = {stride}\n\
                 dilation = {dilation}\nactivation = \"{act}\"\nbatch_norm = {norm}\n\
                 repeat = {repeat}\n"
            )
        });
    let other = select(vec![
        "depthwise = 1\n",
        "depthwise = 2\nbias = false\n",
        "max_pool = 2\npadding = \"same\"\n",
        "average_pool = 3\nstride = 1\npadding = \"same\"\n",
        "activate = \"hard_swish\"\n",
        "activate = \"relu\"\n",
        "pad = [1, 0, 2, 1]\n",
        "pad = 1\n",
        "upsample = 2\n",
        "add = [\"previous\", \"previous\"]\n",
        "add = [\"previous\", \"previous\"]\nactivation = \"swish\"\n",
        "concat = [\"previous\", \"previous\"]\n",
        "softmax = true\n",
        "use = \"pair\"\nrepeat = 2\n",
    ])
    .prop_map(str::to_owned);
    let precision = prop_oneof![
        12 => Just(""),
        1 => Just("precision = { weights = 4 }\n"),
        1 => Just("precision = { weights = 1 }\n"),
        1 => Just("precision = { weights = 8, activations = 16 }\n"),
        1 => Just("precision = 16\n"),
        1 => Just("precision = \"uint8\"\n"),
        1 => Just("precision = \"float32\"\n"),
        1 => Just("precision = \"float16\"\n"),
    ];
    (prop_oneof![3 => convolution, 2 => other], precision)
        .prop_map(|(layer, precision)| format!("[[layer]]\n{layer}{precision}"))
}

/// A whole sketch: maps, two branches, perhaps a dense head.
fn sketch() -> impl Strategy<Value = String> {
    let input = prop_oneof![
        6 => (1..=24u32, 1..=24u32, 1..=70u32).prop_map(|(h, w, c)| format!("[{h}, {w}, {c}]")),
        1 => (90..=260u32, 90..=260u32, 1..=4u32).prop_map(|(h, w, c)| format!("[{h}, {w}, {c}]")),
        2 => (1..=64u32, 1..=4u32).prop_map(|(length, c)| format!("[{length}, {c}]")),
    ];
    let head = select(vec![
        "",
        "[[layer]]\nglobal_average_pool = true\n[[layer]]\ndense = 5\nactivation = \"swish\"\n",
        "[[layer]]\nflatten = true\n[[layer]]\ndense = 3\n[[layer]]\nsoftmax = true\n",
        "[[layer]]\nreshape = [-1]\n[[layer]]\ndense = 7\nbias = false\n",
    ]);
    (input, prop::collection::vec(layer(), 1..6), head).prop_map(|(input, layers, head)| {
        format!(
            "sketch = 1\ninput = {input}\n\
             [[block.pair.layer]]\nconv = 4\nas = \"left\"\n\
             [[block.pair.layer]]\nconv = 4\nfrom = \"input\"\nas = \"right\"\n\
             [[block.pair.layer]]\nadd = [\"left\", \"right\"]\nas = \"sum\"\n\
             [[block.pair.layer]]\nconcat = [\"left\", \"sum\"]\n{}{head}",
            layers.concat()
        )
    })
}

fn model(sketch: &str, seed: Option<u64>) -> Verified {
    let weights = seed.map_or(Weights::Absent, |seed| Weights::Random { seed });
    let options = SketchOptions { parameters: Vec::new(), weights };
    let model = expand(sketch, "s.toml", &options).unwrap_or_else(|faults| {
        panic!("{:?}\n{sketch}", faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    Verified::new(model).expect("sketches are sound")
}

/// A chip that can be told in a line.
#[derive(Clone, Debug)]
enum Target {
    Catalogue { id: &'static str, selection: Selection },
    Own { text: String },
}

impl Target {
    fn chip(&self) -> Chip {
        let (card, selection) = match self {
            Self::Catalogue { id, selection } => {
                (Card::from_catalogue(id).expect("in the catalogue"), selection.clone())
            }
            Self::Own { text } => {
                (Card::parse(text, "small.toml", &|_| None), Selection::default())
            }
        };
        card.and_then(|card| card.resolve(&selection))
            .unwrap_or_else(|faults| panic!("{}\n{self:?}", faults.render()))
    }
}

/// A chip of the catalogue with any of its runtimes and operating points.
fn catalogue_chip() -> impl Strategy<Value = Target> {
    let ids: Vec<&'static str> = catalogue().map(|entry| entry.id).collect();
    (select(ids), any::<[Index; 2]>()).prop_map(|(id, [runtime, point])| {
        let chip = Target::Catalogue { id, selection: Selection::default() }.chip();
        let any_of =
            |names: &[String], at: Index| (!names.is_empty()).then(|| at.get(names).clone());
        let selection = Selection {
            runtime: any_of(&chip.runtimes, runtime),
            operating_point: any_of(&chip.operating_points, point),
            ..Selection::default()
        };
        Target::Catalogue { id, selection }
    })
}

const OPERATORS: &[&str] = &[
    "conv2d",
    "depthwise_conv2d",
    "fully_connected",
    "add",
    "mul",
    "pad",
    "relu",
    "relu6",
    "softmax",
    "max_pool2d",
    "average_pool2d",
    "reshape",
    "concatenation",
    "logistic",
    "hard_swish",
    "quantize",
    "dequantize",
    "cast",
    "batch_normalization",
    "leaky_relu",
    "tanh",
    "resize_nearest_neighbor",
];

/// A small chip of any make.
fn small_chip() -> impl Strategy<Value = Target> {
    let sizes = select(vec!["1 KiB", "16 KiB", "256 KiB", "8 MiB"]);
    let memories = (sizes.clone(), sizes, any::<[bool; 6]>()).prop_map(
        |(a, b, [two, blocks, rates, flash, links, overlap])| {
            let block = if blocks { "max_contiguous = \"1 KiB\"\n" } else { "" };
            let rate = |per_cycle: u32| match rates {
                true => format!("bytes_per_cycle = {per_cycle}\n"),
                false => String::new(),
            };
            let mut text =
                format!("[[memory]]\nid = \"fast\"\nsize = \"{a}\"\n{block}{}", rate(16));
            let mut pairs = Vec::new();
            if two {
                text += &format!(
                    "[[memory]]\nid = \"slow\"\ntier = \"dram\"\nsize = \"{b}\"\nbus = \"x\"\n{}",
                    rate(1)
                );
                pairs.extend([("fast", "slow"), ("slow", "fast")]);
            }
            if flash {
                text +=
                    "[[memory]]\nid = \"flash\"\ntier = \"flash\"\nsize = \"8 MiB\"\nbus = \"x\"\n";
                text += &rate(1);
                pairs.push(("flash", "fast"));
            }
            for (from, to) in pairs.iter().filter(|_| links) {
                text += &format!(
                    "[[link]]\nid = \"{from}-{to}\"\nfrom = \"{from}\"\nto = \"{to}\"\n\
                     overlap = {overlap}\n"
                );
            }
            text
        },
    );
    let engine = (
        prop::collection::vec(any::<bool>(), OPERATORS.len()),
        select(vec!["host", "reject", "partition_tail"]),
        any::<[bool; 4]>(),
    )
        .prop_map(|(picked, fallback, [host, layout, wide, float])| {
            let list: Vec<String> = OPERATORS
                .iter()
                .zip(picked)
                .filter(|(_, picked)| *picked)
                .map(|(name, _)| format!("{name:?}"))
                .collect();
            let mut pairs = vec!["{ w = 8, a = 8 }".to_owned()];
            if wide {
                pairs.push("{ w = 8, a = 16, cycle_factor = 2.0 }".to_owned());
                pairs.push("{ w = 4, a = 8, mode = \"emulated\", cycle_factor = 1.5 }".to_owned());
            }
            if float {
                pairs.push("{ w = 32, a = 32, kind = \"float\" }".to_owned());
            }
            let all: Vec<String> = OPERATORS.iter().map(|name| format!("{name:?}")).collect();
            let rows = "[[layout]]\nid = \"rows\"\nchannel_round = 16\nrow_align = 64\n";
            format!(
                "{}[[engine]]\nid = \"npu\"\nprecision = [{}]\noperators = [{}]\n\
                 fallback = \"{fallback}\"\n{}{}",
                if layout { rows } else { "" },
                pairs.join(", "),
                list.join(", "),
                if layout { "layout = \"rows\"\n" } else { "" },
                if host {
                    format!(
                        "[[engine]]\nid = \"cpu\"\nkind = \"cpu\"\nprecision = [{}, \
                         {{ w = 8, a = 32 }}]\noperators = [{}]\nfallback = \"reject\"\n",
                        pairs.join(", "),
                        all.join(", ")
                    )
                } else {
                    String::new()
                }
            )
        });
    let policy = (
        select(vec!["single_arena", "per_buffer"]),
        select(vec!["file", "free"]),
        select(vec![1u32, 16, 64]),
        (
            select(vec!["auto", "spill", "spill", "none_fail"]),
            select(vec!["in_place", "stream_per_layer", "all_resident"]),
            select(vec!["none", "single", "double", "double"]),
            any::<[bool; 2]>(),
        ),
        select(vec!["", "[control]\npartitions = \"one\"\n", "[control]\nmax_layers = 3\n"]),
    )
        .prop_map(|(placement, ordering, alignment, spilling, control)| {
            let (tiling, residency, staging, [fetch_back, promote]) = spilling;
            format!(
                "[tiling]\nmode = \"{tiling}\"\nfetch_back = {fetch_back}\n\
                 [weights]\nresidency = \"{residency}\"\nstaging = \"{staging}\"\n\
                 promote = {promote}\n{control}[[runtime]]\nid = \"r\"\n\
                 placement = \"{placement}\"\nordering = \"{ordering}\"\nalignment = {alignment}\n"
            )
        });
    (memories, engine, policy).prop_map(|(memories, engine, policy)| {
        let host = if engine.contains("id = \"cpu\"") { "host = \"cpu\"\n" } else { "" };
        let text =
            format!("schema = 1\n[target]\nid = \"small\"\n{host}{memories}{engine}{policy}");
        Target::Own { text }
    })
}

fn any_chip() -> impl Strategy<Value = Target> {
    prop_oneof![catalogue_chip(), small_chip()]
}

/// Everything that holds for a model on a chip.
fn check_pair(model: &Verified, chip: &Chip) {
    let compiled = compile(model.model(), chip, &mut ());
    let mistakes: Vec<String> = compiled.mistakes.iter().map(ToString::to_string).collect();
    assert!(mistakes.is_empty(), "{}: {mistakes:?}", chip.id());
    let evaluation = evaluate(model, chip, &Budget::default()).expect("well-formed plans");
    check_sums(&evaluation);
    let again = evaluate(model, chip, &Budget::default()).expect("well-formed plans");
    let [one, two] = [&evaluation, &again].map(|evaluation| {
        let subject = Subject { model: model.model(), chip, evaluation };
        let certificate = certificate::of(&evaluation.plan);
        let planned = Planned { subject, cap: None, certificate: Some(&certificate) };
        [check::json_value(&subject), sim::json_value(&subject), plan::json_value(&planned)]
    });
    for (one, two) in one.iter().zip(&two) {
        let text = json::text(one);
        assert_eq!(text, json::text(two), "the same twice");
        let read: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(read["schema"], json::SCHEMA);
        check_figures(&read);
    }
}

fn check_sums(it: &Evaluation) {
    let profile = &it.profile;
    assert_eq!(profile.causes.sum(), profile.cycles, "causes");
    let steps: Cycles = profile.steps.values().map(|step| step.cycles()).sum();
    assert_eq!(steps, profile.cycles, "steps");
    assert_eq!(profile.steps.len(), it.plan.steps.len());
    assert_eq!(profile.transfers.len(), it.plan.transfers.len());
    assert!(it.plan.distribution.lower_bound <= it.plan.distribution.cost);
    for (id, ran) in &profile.transfers {
        assert!(ran.start <= ran.end && ran.unhidden <= profile.cycles, "{id}: {ran:?}");
    }
    for (id, used) in &it.plan.memories {
        let parts = used.activations + used.scratch + used.runtime + used.constants + used.code;
        assert_eq!(used.need(), parts);
        let constants: Bytes = it
            .plan
            .constants
            .iter()
            .filter(|placement| placement.memory == Some(id))
            .map(|placement| placement.bytes)
            .sum();
        assert_eq!(used.constants, constants, "constants of {id}");
        let highest = it
            .plan
            .buffers
            .values()
            .filter(|buffer| buffer.memory == Some(id))
            .filter_map(|buffer| Some(buffer.address? + buffer.bytes))
            .max()
            .unwrap_or_default();
        assert_eq!(used.activations + used.scratch, highest, "height of {id}");
        assert!(used.lower_bound <= highest);
    }
    assert_eq!(
        it.verdict.status == cofit_explore::Status::Fail,
        !it.plan.fits(),
        "without a budget a verdict fails where the plan does not fit"
    );
}

/// Every figure has all of its five parts, in order of size.
fn check_figures(value: &Value) {
    match value {
        Value::Object(map) => {
            if map.contains_key("low") || map.contains_key("high") || map.contains_key("value") {
                let number = |key: &str| map.get(key).and_then(Value::as_f64);
                // Assumptions have a value, and the accuracy of a whole profile an interval; neither
                // is a figure.
                let is_figure = !map.contains_key("why") && !map.contains_key("structural");
                if is_figure {
                    let (low, value, high) = (number("low"), number("value"), number("high"));
                    assert!(low.is_some() && value.is_some() && high.is_some(), "{map:?}");
                    assert!(low <= value && value <= high, "{map:?}");
                    assert!(map["unit"].is_string() && map["kind"].is_string(), "{map:?}");
                }
            }
            if let Some(reason) = map.get("unavailable") {
                assert!(reason.as_str().is_some_and(|reason| !reason.is_empty()), "{map:?}");
            }
            map.values().for_each(check_figures);
        }
        Value::Array(list) => list.iter().for_each(check_figures),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sketches_on_any_chip(source in sketch(), chip in any_chip(), seed in proptest::option::of(any::<u64>())) {
        check_pair(&model(&source, seed), &chip.chip());
    }

    /// An Ethos-U with a share of the SRAM that whole layers take: cascades, or a refusal.
    #[test]
    fn sketches_in_little_sram(
        source in sketch(),
        size in select(vec![32u32, 64, 128, 256]),
        share in 1..=100u64,
        seed in proptest::option::of(any::<u64>()),
    ) {
        let model = model(&source, seed);
        let card = Card::from_catalogue(&format!("ethos-u55-{size}")).expect("in the catalogue");
        let mut chip = card.and_then(|card| card.resolve(&Selection::default())).expect("sound");
        let whole = compile(model.model(), &chip, &mut ()).plan;
        let at = chip.memories.iter().position(|memory| memory.id == "sram").expect("a memory");
        let need = whole.memories.values().nth(at).expect("as many as the chip has").need();
        chip.memories[at].size.value = Bytes(need.get() * share / 100);
        check_pair(&model, &chip);
        let less = compile(model.model(), &chip, &mut ()).plan;
        let used = less.memories.values().nth(at).expect("as many as the chip has").need();
        prop_assert!(used <= need, "{} of {}", used.get(), need.get());
    }

    /// One number of a model's text replaced everywhere, which often leaves a model that verifies
    /// and that nobody would build.
    #[test]
    fn odd_models_never_panic(
        source in sketch(),
        chip in any_chip(),
        which in any::<Index>(),
        new in select(vec![1u32, 2, 3, 7, 17, 255, 1000, 65_537, 1 << 20, i32::MAX as u32, u32::MAX]),
    ) {
        let text = model(&source, None).model().to_string();
        let mut numbers: Vec<&str> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|run| !run.is_empty() && run.len() < 6)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let old = *which.get(&numbers);
        let mut changed = String::new();
        let mut rest = text.as_str();
        // Whole numbers that are an axis or an attribute: after `[`, `,`, `x` or `=`.
        while let Some(at) = rest.find(old) {
            let before = rest[..at].chars().next_back();
            let after = rest[at + old.len()..].chars().next();
            let is_axis = matches!(before, Some('[' | ',' | '='))
                && matches!(after, Some(']' | ',' | '\n' | ' '));
            changed.push_str(&rest[..at]);
            changed.push_str(if is_axis { "@" } else { old });
            rest = &rest[at + old.len()..];
        }
        changed.push_str(rest);
        let changed = changed.replace('@', &new.to_string());
        if let Ok(read) = cofit_ir::text::parse(&changed, None)
            && let Ok(verified) = Verified::new(read)
        {
            check_pair(&verified, &chip.chip());
        }
    }
}
