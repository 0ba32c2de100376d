//! The report as a document: well-formed, closed to the outside, bounded, whatever a model is called.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use cofit_chip::{Card, Chip, Selection};
use cofit_explore::{Budget, Evaluation, evaluate};
use cofit_import::sketch;
use cofit_ir::Model;
use cofit_ir::verify::Verified;
use cofit_report::model_explorer::{self, Metric};
use cofit_report::page::{self, AdviceRow, Extras, FrontPoint, Objective, View};
use cofit_report::{Subject, folded, trace};
use common::pipeline::Random;
use common::{chips, conclude, workspace};
use serde_json::Value;

/// The most that a page may weigh.
const WEIGHT: usize = 1_000_000;

/// One chip for each timing model, and one without a calibration.
const CHIPS: [&str; 8] = [
    "ethos-u55-128",
    "stm32h747",
    "max78000",
    "k210",
    "gap9",
    "coral-usb",
    "stm32n657",
    "esp32-p4",
];

/// What a body is made of; nothing else may appear, whatever a model holds.
const ELEMENTS: [&str; 47] = [
    "a",
    "article",
    "b",
    "caption",
    "circle",
    "code",
    "dd",
    "desc",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "g",
    "h1",
    "h2",
    "h3",
    "header",
    "li",
    "nav",
    "p",
    "path",
    "rect",
    "section",
    "small",
    "span",
    "strong",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "defs",
    "pattern",
    "style",
    "ol",
    "main",
    "footer",
    "body",
    "em",
];
const ATTRIBUTES: [&str; 35] = [
    "aria-hidden",
    "aria-label",
    "class",
    "cx",
    "cy",
    "d",
    "data-role",
    "data-s",
    "data-v",
    "data-w",
    "data-x",
    "fill",
    "height",
    "href",
    "id",
    "pointer-events",
    "r",
    "role",
    "scope",
    "title",
    "transform",
    "viewBox",
    "width",
    "x",
    "y",
    "patternUnits",
    "focusable",
    "xmlns",
    "colspan",
    "open",
    "lang",
    "name",
    "x1",
    "x2",
    "y1",
];

fn chip(id: &str) -> Chip {
    let card = Card::from_catalogue(id).expect("it is in the catalogue").expect("it is sound");
    card.resolve(&Selection::default()).expect("a chip of the catalogue")
}

fn sketched(text: &str) -> Verified {
    let options =
        sketch::SketchOptions { parameters: Vec::new(), weights: sketch::Weights::Absent };
    let model = sketch::expand(text, "sketch.toml", &options).expect("a sketch");
    Verified::new(model).expect("a well-formed model")
}

fn example(name: &str) -> Verified {
    let path = workspace().join("examples/sketches").join(name);
    sketched(&std::fs::read_to_string(path).expect("an example"))
}

fn evaluated(model: &Verified, chip: &Chip) -> Evaluation {
    evaluate(model, chip, &Budget::default()).expect("a plan that keeps its rules")
}

/// Everything that is wrong with a document's markup.
fn breaches(what: &str, xml: &str) -> Vec<String> {
    let document = match roxmltree::Document::parse(xml) {
        Ok(document) => document,
        Err(error) => return vec![format!("{what}: {error}")],
    };
    let mut found = Vec::new();
    let mut ids = BTreeSet::new();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        if !ELEMENTS.contains(&name) && name != "root" {
            found.push(format!("{what}: an element <{name}>"));
        }
        for attribute in node.attributes() {
            if !ATTRIBUTES.contains(&attribute.name()) {
                found.push(format!("{what}: an attribute {} of <{name}>", attribute.name()));
            }
            if attribute.name() == "href" && !attribute.value().starts_with('#') {
                found.push(format!("{what}: a link to {}", attribute.value()));
            }
            if attribute.name() == "id" && !ids.insert(attribute.value().to_owned()) {
                found.push(format!("{what}: two elements of id {}", attribute.value()));
            }
        }
    }
    found
}

/// Every document of a subject.
fn check(what: &str, subject: &Subject<'_>) -> Vec<String> {
    let body = page::body(subject);
    let other = page::body_with(subject, &Extras { position: 1, ..Extras::default() });
    let both = format!("<root>{}{body}{other}</root>", page::pair(subject, subject));
    let mut found = breaches(what, &both);
    for view in View::ALL {
        found.extend(breaches(&format!("{what} {}", view.name()), &page::svg(subject, view)));
    }
    let document = page::document(&subject.model.name, &body);
    if document.len() > WEIGHT {
        found.push(format!("{what}: the page weighs {} bytes", document.len()));
    }
    for (mark, times) in [("<script>", 1), ("</script>", 1), ("<style>", 1), ("</style>", 1)] {
        if document.matches(mark).count() != times {
            found.push(format!("{what}: not {times} times {mark}"));
        }
    }
    if document.chars().any(|c| c.is_control() && c != '\n') {
        found.push(format!("{what}: a control character"));
    }
    if document != page::document(&subject.model.name, &page::body(subject)) {
        found.push(format!("{what}: two pages of one subject differ"));
    }
    found.extend(exports(subject).into_iter().map(|said| format!("{what}: {said}")));
    found
}

/// What is wrong with what other programs read.
fn exports(subject: &Subject<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let cycles = subject.evaluation.profile.cycles.get();
    let mut sum: u64 = 0;
    for line in folded::text(subject).lines() {
        let (stack, count) = line.rsplit_once(' ').unwrap_or_default();
        sum = sum.saturating_add(count.parse().unwrap_or(0));
        if stack.split(';').count() != 4 {
            found.push(format!("a folded line of other than four frames: {line}"));
        }
    }
    if sum != cycles {
        found.push(format!("folded stacks of {sum} cycles of {cycles}"));
    }
    for metric in Metric::ALL {
        let value = model_explorer::json_value(subject, metric);
        let graph = &subject.evaluation.plan.graph;
        let is_tensor = |name: &String| graph.tensors.values().any(|one| one.name == *name);
        let results = value["results"].as_object().expect("results");
        if let Some(lost) = results.keys().find(|name| !is_tensor(name)) {
            found.push(format!("a result of no tensor: {lost}"));
        }
    }
    let value: Value = match serde_json::from_str(&trace::text(subject)) {
        Ok(value) => value,
        Err(error) => return vec![format!("the trace: {error}")],
    };
    let mut ends: std::collections::BTreeMap<u64, u64> = std::collections::BTreeMap::new();
    let mut charged: u64 = 0;
    for event in value["traceEvents"].as_array().into_iter().flatten() {
        // A microsecond of the format is a thousand cycles.
        let cycles = |key: &str| (event[key].as_f64().unwrap_or(-1.0) * 1e3).round() as u64;
        if event["ph"] == "X" {
            let (track, from) = (event["tid"].as_u64().unwrap_or(0), cycles("ts"));
            let end = ends.entry(track).or_default();
            // Copies on one link may be under way together.
            if event["args"].get("bytes").is_none() && from < *end {
                found.push(format!("slices overlap on track {track}"));
            }
            *end = from + cycles("dur");
            charged += event["args"]["cycles_charged"].as_u64().unwrap_or(0);
        }
    }
    if charged != cycles {
        found.push(format!("the trace charges {charged} of {cycles} cycles"));
    }
    found
}

fn subject<'a>(model: &'a Verified, chip: &'a Chip, evaluation: &'a Evaluation) -> Subject<'a> {
    Subject { model: model.model(), chip, evaluation }
}

#[test]
fn every_chip_has_a_report() {
    let model = example("ds_cnn.toml");
    let mut found = Vec::new();
    for id in chips() {
        let chip = chip(id);
        let evaluation = evaluated(&model, &chip);
        found.extend(check(id, &subject(&model, &chip, &evaluation)));
    }
    conclude(&found);
}

#[test]
fn networks_of_usual_size_weigh_less_than_a_megabyte() {
    let mut found = Vec::new();
    for name in ["mobilenet_v2.toml", "resnet8.toml", "yolov2_tiny.toml", "vibration_1d.toml"] {
        let model = example(name);
        for id in CHIPS {
            let chip = chip(id);
            let evaluation = evaluated(&model, &chip);
            found.extend(check(&format!("{name} on {id}"), &subject(&model, &chip, &evaluation)));
        }
    }
    conclude(&found);
}

/// Twelve hundred layers: views fold what is small, and the page stays what it is.
#[test]
fn a_thousand_layers_weigh_less_than_a_megabyte() {
    let model = sketched(
        "sketch = 1\nname = \"deep\"\ninput = [32, 32, 8]\n\
         [[layer]]\nconv = 8\nkernel = 3\nactivation = \"relu\"\nrepeat = 1200\n",
    );
    let mut found = Vec::new();
    for id in ["ethos-u55-128", "stm32h747", "gap9"] {
        let chip = chip(id);
        let evaluation = evaluated(&model, &chip);
        assert!(evaluation.plan.steps.len() >= 1200);
        found.extend(check(id, &subject(&model, &chip, &evaluation)));
    }
    conclude(&found);
}

/// Pieces of which names are made that would like to be more than names.
const HOSTILE: [&str; 24] = [
    "</script>",
    "<script>alert(1)</script>",
    "\"",
    "'",
    "<!--",
    "-->",
    "]]>",
    "&amp;",
    "&#x3c;",
    "\" onfocus=\"alert(1)",
    "javascript:alert(1)",
    "\n",
    "\r\n",
    "\0",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{2028}",
    "\u{fffe}",
    "</title><b>",
    "</style>",
    ";",
    "/",
    "ä漢🦀",
    " 42\n",
];

#[test]
fn names_stay_text() {
    let chips: Vec<Chip> = CHIPS.iter().map(|id| chip(id)).collect();
    let benign = example("ds_cnn.toml");
    let mut random = Random(7);
    let mut found = Vec::new();
    for case in 0..40 {
        let mut model: Model = (**benign.model()).clone();
        let mut name = || -> String {
            let length = if random.below(12) == 0 { 2000 } else { 1 + random.below(4) };
            (0..length).map(|_| HOSTILE[random.below(HOSTILE.len())]).collect()
        };
        model.name = name();
        let graph = model.main_mut().expect("a main graph");
        for tensor in graph.tensors.values_mut() {
            tensor.name = name();
        }
        let model = Verified::new(Arc::new(model)).expect("names are free");
        let chip = &chips[case % chips.len()];
        let evaluation = evaluated(&model, chip);
        found.extend(check(&format!("case {case}"), &subject(&model, chip, &evaluation)));
    }
    conclude(&found);
}

#[test]
fn advice_and_fronts_stay_text() {
    let model = example("ds_cnn.toml");
    let chip = chip("k210");
    let evaluation = evaluated(&model, &chip);
    let hostile = HOSTILE.concat();
    let advice = [AdviceRow {
        change: hostile.clone(),
        place: hostile.clone(),
        deltas: vec![(hostile.clone(), hostile.clone())],
        accuracy: hostile.clone(),
        command: hostile.clone(),
    }];
    let front = |page: &str| {
        [FrontPoint {
            id: hostile.clone(),
            objectives: [1.0, f64::NAN, 2.0, f64::MAX]
                .iter()
                .map(|&value| Objective { name: hostile.clone(), value, text: hostile.clone() })
                .collect(),
            parameters: hostile.clone(),
            page: page.to_owned(),
        }]
    };
    let subject = subject(&model, &chip, &evaluation);
    for page in ["javascript:alert(1)", "https://example.invalid/", "//x", "../x.html", "/x", ""] {
        let front = front(page);
        let extras = Extras { advice: &advice, front: &front, position: 0 };
        let body = page::body_with(&subject, &extras);
        conclude(&breaches(page, &body));
        assert!(body.contains("<h2>Advice</h2>") && body.contains("<h2>Pareto front</h2>"));
    }
    let front = front("points/7.html");
    let extras = Extras { advice: &advice, front: &front, position: 0 };
    let body = page::body_with(&subject, &extras);
    assert!(body.contains("<a href=\"points/7.html\">"), "a page of its own is a link");
}

/// A page refers to nothing outside, and its policy admits its own style and script alone.
#[test]
fn a_page_loads_nothing() {
    let model = example("ds_cnn.toml");
    let chip = chip("stm32h747");
    let evaluation = evaluated(&model, &chip);
    let page = page::document("t", &page::body(&subject(&model, &chip, &evaluation)));
    for word in ["src=", "url(h", "url(/", "@import", "http:", "https:", "unsafe-inline"] {
        assert!(!page.contains(word), "the page holds `{word}`");
    }
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert!(!page.contains(" style=\""), "the policy forbids styles of elements");
}
