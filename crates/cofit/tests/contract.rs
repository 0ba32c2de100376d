//! The machine contract: what every JSON result promises to the programs that read it.

mod common;

use common::{Sandbox, chips, conclude, in_parallel, pairs};
use serde_json::{Map, Value};

/// Units of figures; those that count are whole numbers.
const UNITS: [(&str, bool); 7] = [
    ("W", false),
    ("cycles", true),
    ("bytes", true),
    ("s", false),
    ("J", false),
    ("dB", false),
    ("1", false),
];
const KINDS: [&str; 7] =
    ["exact", "planned", "simulated", "calibrated", "measured", "sampled", "assumed"];

/// Breaches of the contract, each with where it stands.
#[derive(Default)]
struct Breaches {
    command: String,
    found: Vec<String>,
    figures: usize,
}

impl Breaches {
    fn add(&mut self, path: &str, what: &str) {
        self.found.push(format!("{}: {path}: {what}", self.command));
    }

    /// Every figure below `value` has a unit, a kind and an interval, and no field is missing.
    fn walk(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(object) if object.contains_key("low") && object.contains_key("unit") => {
                self.figure(path, object);
            }
            Value::Object(object) => {
                if object.contains_key("unavailable") {
                    let reason = object["unavailable"].as_str().unwrap_or_default();
                    if reason.is_empty() || object.len() != 1 {
                        self.add(path, "an unavailable figure states its reason and nothing else");
                    }
                }
                for (key, inner) in object {
                    self.walk(&format!("{path}.{key}"), inner);
                }
            }
            Value::Array(list) => {
                for (at, inner) in list.iter().enumerate() {
                    self.walk(&format!("{path}[{at}]"), inner);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn figure(&mut self, path: &str, figure: &Map<String, Value>) {
        self.figures += 1;
        let keys: Vec<&str> = figure.keys().map(String::as_str).collect();
        if keys != ["value", "unit", "kind", "low", "high"] {
            self.add(path, &format!("a figure of {keys:?}"));
            return;
        }
        let unit = figure["unit"].as_str().unwrap_or_default();
        let kind = figure["kind"].as_str().unwrap_or_default();
        let Some((_, is_counted)) = UNITS.iter().find(|(known, _)| *known == unit) else {
            self.add(path, &format!("the unit `{unit}`"));
            return;
        };
        if !KINDS.contains(&kind) {
            self.add(path, &format!("the kind `{kind}`"));
        }
        let ends = ["low", "value", "high"].map(|key| figure[key].as_f64().unwrap_or(f64::NAN));
        // A comparison with NaN is false, so a missing number is found too.
        if !(ends[0] <= ends[1] && ends[1] <= ends[2]) {
            self.add(path, &format!("low, value and high are {ends:?}"));
        }
        if kind == "exact" && ends[0] != ends[2] {
            self.add(path, "an exact figure with an interval");
        }
        let is_whole = |key: &str| figure[key].is_u64() || figure[key].is_i64();
        if *is_counted && !["low", "value", "high"].into_iter().all(is_whole) {
            self.add(path, &format!("{unit} that are no whole number"));
        }
    }

    /// The fields that must be there, by their paths.
    fn require(&mut self, value: &Value, pointers: &[&str]) {
        for pointer in pointers {
            if value.pointer(pointer).is_none() {
                self.add(pointer, "missing");
            }
        }
    }

    /// The causes of `value` add up to its cycles.
    fn causes(&mut self, path: &str, value: &Value) {
        let cycles = value.pointer("/cycles/value").and_then(Value::as_u64);
        let sum: Option<u64> = value["causes"]
            .as_object()
            .and_then(|causes| causes.values().map(|cause| cause["value"].as_u64()).sum());
        if cycles.is_none() || sum != cycles {
            self.add(path, &format!("causes add up to {sum:?}, and the cycles are {cycles:?}"));
        }
    }

    /// The head of a result about a model on a chip.
    fn head(&mut self, value: &Value) {
        self.require(value, &["/model/name", "/model/inputs/0/shape", "/model/outputs/0/shape"]);
        self.require(value, &["/model/macs/value", "/model/parameters/value", "/chip/id"]);
        self.require(value, &["/chip/runtime", "/chip/clock_hz"]);
        for pointer in ["/model/sha256", "/chip/card_sha256"] {
            let hash = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                self.add(pointer, &format!("`{hash}` is no SHA-256"));
            }
        }
    }

    fn totals(&mut self, value: &Value) {
        let fields = ["cycles", "latency", "energy", "cold_start", "peak", "traffic", "causes"];
        for field in fields {
            self.require(value, &[&format!("/totals/{field}")]);
        }
        self.causes("totals", &value["totals"]);
    }
}

fn rows<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn check(breaches: &mut Breaches, value: &Value) {
    breaches.totals(value);
    let verdict = value["verdict"].as_str().unwrap_or_default();
    if !["pass", "fail", "unknown"].contains(&verdict) {
        breaches.add("verdict", verdict);
    }
    for (at, constraint) in rows(value, "constraints").iter().enumerate() {
        for field in ["name", "need", "limit", "headroom", "status", "where"] {
            if constraint.get(field).is_none() {
                breaches.add(&format!("constraints[{at}]"), &format!("no {field}"));
            }
        }
    }
    let fails = |row: &Value| row["status"] == "fail";
    if rows(value, "constraints").iter().any(fails) != (verdict == "fail") {
        breaches.add("verdict", "it is not the verdict of its constraints");
    }
}

fn sim(breaches: &mut Breaches, value: &Value) {
    breaches.totals(value);
    let layers = rows(value, "layers");
    if layers.is_empty() {
        breaches.add("layers", "none");
    }
    let mut cycles = 0;
    for (at, layer) in layers.iter().enumerate() {
        let fields = ["id", "name", "op", "origin", "engine", "shape", "macs", "cycles", "causes"];
        for field in fields.into_iter().chain(["traffic", "peak_live"]) {
            if layer.get(field).is_none() {
                breaches.add(&format!("layers[{at}]"), &format!("no {field}"));
            }
        }
        breaches.causes(&format!("layers[{at}]"), layer);
        cycles += layer.pointer("/cycles/value").and_then(Value::as_u64).unwrap_or(0);
    }
    if Some(cycles) != value.pointer("/totals/cycles/value").and_then(Value::as_u64) {
        breaches.add("layers", &format!("their cycles add up to {cycles}, not to the total"));
    }
    for memory in value["totals"]["traffic"].as_object().into_iter().flat_map(Map::keys) {
        for way in ["read", "written"] {
            let moved = |row: &Value| row["traffic"][memory][way]["value"].as_u64().unwrap_or(0);
            let sum: u64 = layers.iter().map(moved).sum();
            if sum != moved(&value["totals"]) {
                breaches.add(memory, &format!("{way}: the layers move {sum} bytes"));
            }
        }
    }
}

fn plan(breaches: &mut Breaches, value: &Value) {
    breaches.require(value, &["/order_proof/optimal", "/packing", "/steps/0/name"]);
    let fields = ["id", "tensor", "memory", "address", "bytes", "alignment", "first_step"];
    for (at, buffer) in rows(value, "buffers").iter().enumerate() {
        for field in fields.into_iter().chain(["last_step"]) {
            if buffer.get(field).is_none() {
                breaches.add(&format!("buffers[{at}]"), &format!("no {field}"));
            }
        }
    }
    let at = |row: &Value, key: &str| row[key].as_u64().unwrap_or(0);
    let placed: Vec<&Value> =
        rows(value, "buffers").iter().filter(|row| row["address"].is_u64()).collect();
    for (index, one) in placed.iter().enumerate() {
        if at(one, "address") % at(one, "alignment").max(1) != 0 {
            breaches.add("buffers", &format!("{} is not aligned", one["tensor"]));
        }
        for other in &placed[..index] {
            let is_apart = |start: &str, one_end: u64, other_end: u64| {
                one_end <= at(other, start) || other_end <= at(one, start)
            };
            let end = |row: &Value| at(row, "address") + at(row, "bytes");
            // In halves of steps: a buffer may begin with the second half of a step, or end with
            // the first.
            let begin = |row: &Value| row["first_step"].as_f64().unwrap_or(0.0) * 2.0;
            let after = |row: &Value| {
                let halves = if row["ends_early"] == true { 1.0 } else { 2.0 };
                row["last_step"].as_f64().unwrap_or(0.0) * 2.0 + halves
            };
            let in_turn = after(one) <= begin(other) || after(other) <= begin(one);
            let by_steps = row_steps_apart(one, other);
            if one["memory"] == other["memory"]
                && !is_apart("address", end(one), end(other))
                && !(in_turn && by_steps)
            {
                let names = format!("{} and {} overlap", one["tensor"], other["tensor"]);
                breaches.add("buffers", &names);
            }
        }
    }
}

/// Fronts go from few bytes to many, those of cascades back, nothing in them is worse than another in
/// everything, and what a cap chooses fits it.
fn front(breaches: &mut Breaches, value: &Value, are_cascades: bool) {
    let mut points: Vec<&Value> = rows(value, "front").iter().collect();
    if are_cascades {
        points.reverse();
    } else if points.is_empty() {
        breaches.add("front", "no way to run it");
    }
    let points = points;
    let number = |row: &Value, pointer: &str| row.pointer(pointer).and_then(Value::as_u64);
    let figures = |row: &Value| {
        [number(row, "/arena/value"), number(row, "/macs"), number(row, "/cycles/value")]
    };
    for (at, point) in points.iter().enumerate() {
        let path = format!("front[{at}]");
        let own = figures(point);
        if own[0].is_none() || !point["buffers"].is_array() {
            breaches.add(&path, "no arena or no buffers");
        }
        for earlier in &points[..at] {
            let other = figures(earlier);
            if other[0] > own[0] {
                breaches.add(&path, "fewer bytes than the point before it");
            }
            if own[1..].iter().zip(&other[1..]).all(|(own, other)| other <= own) {
                breaches.add(&path, "no better than a point of fewer bytes");
            }
        }
        let arena = own[0].unwrap_or(0);
        for buffer in rows(point, "buffers") {
            let end = number(buffer, "/address").zip(number(buffer, "/bytes"));
            // A ring may run over the arena's end into its beginning.
            if end.is_none_or(|(address, bytes)| address > arena || bytes > arena) {
                breaches.add(&path, &format!("{} is not in the arena", buffer["tensor"]));
            }
        }
    }
    let cap = number(value, "/cap/bytes/value").unwrap_or(0);
    match value.pointer("/cap/point").and_then(Value::as_u64) {
        Some(chosen) => {
            let chosen = rows(value, "front").get(chosen as usize);
            let arena = chosen.and_then(|point| figures(point)[0]);
            if arena.is_none_or(|arena| arena > cap) {
                breaches.add("cap", "what it chooses does not fit it");
            }
        }
        None if points.iter().any(|point| figures(point)[0].is_some_and(|it| it <= cap)) => {
            breaches.add("cap", "a point that fits it is not chosen");
        }
        None => {}
    }
}

#[test]
fn fronts_keep_the_contract() {
    let sandbox = Sandbox::new("contract-fronts");
    let mut breaches = Breaches::default();
    // With cycles and without, below the tensor and of cascades.
    for chip in ["stm32h747", "max78000", "ethos-u55-128", "data/three_facts.toml"] {
        for model in sandbox.models().iter().map(String::as_str).chain(["data/tiny.cofit"]) {
            // Strips take most of the time of a large network's front.
            let options = match model.starts_with("sketches") {
                true => &["--cap", "64KiB", "--no-recompute"][..],
                false => &["--cap", "4KiB"],
            };
            let arguments = ["plan", model, "--chip", chip, "--pareto"];
            let arguments = [&arguments[..], options].concat();
            if let Some(value) = run(&sandbox, &arguments, &mut breaches) {
                breaches.head(&value);
                front(&mut breaches, &value, chip.starts_with("ethos-u"));
            }
        }
    }
    conclude(&breaches.found);
}

/// Every suggestion has figures, deltas that are their difference, and something that is better.
fn suggestions(breaches: &mut Breaches, value: &Value, key: &str) {
    breaches.require(value, &["/before/cycles", "/before/ram/value", "/before/traffic"]);
    let mut before = value["before"].clone();
    for (at, one) in rows(value, key).iter().enumerate() {
        let path = format!("{key}[{at}]");
        for field in ["id", "group", "where", "change", "exact", "keeps", "cost", "notes"] {
            if one.get(field).is_none() {
                breaches.add(&path, &format!("no {field}"));
            }
        }
        let mut is_better = one["after"]["violations"].as_u64() < before["violations"].as_u64();
        for (name, delta) in one["deltas"].as_object().into_iter().flatten() {
            let Some(delta) = delta["value"].as_f64() else { continue };
            let figure = |figures: &Value| figures[name.as_str()]["value"].as_f64();
            let (old, new) = (figure(&before), figure(&one["after"]));
            // Reading decimal digits may miss the last bit of a float.
            let is_difference = old.zip(new).is_some_and(|(old, new)| {
                (new - old - delta).abs() <= 4.0 * f64::EPSILON * old.abs().max(new.abs())
            });
            if !is_difference {
                breaches.add(&path, &format!("{name} changes by {delta}: {old:?} to {new:?}"));
            }
            is_better |= delta < 0.0;
        }
        for (memory, delta) in one["deltas"]["traffic"].as_object().into_iter().flatten() {
            is_better |= delta["value"].as_f64().is_some_and(|delta| delta < 0.0);
            if one["after"]["traffic"].get(memory).is_none() {
                breaches.add(&path, &format!("no traffic of {memory}"));
            }
        }
        if !is_better && key == "suggestions" {
            breaches.add(&path, "nothing is better");
        }
        if key == "steps" {
            before = one["after"].clone();
        }
    }
}

#[test]
fn advice_keeps_the_contract() {
    let sandbox = Sandbox::new("contract-advice");
    let mut breaches = Breaches::default();
    for chip in ["stm32f746", "gap9", "ethos-u55-128", "data/three_facts.toml"] {
        for model in ["models/vibration_cnn_int8.tflite", "data/tiny.cofit"] {
            let arguments = ["advise", model, "--chip", chip, "--evaluations", "40"];
            if let Some(value) = run(&sandbox, &arguments, &mut breaches) {
                breaches.head(&value);
                suggestions(&mut breaches, &value, "suggestions");
            }
            let arguments = [&arguments[..], &["--until-fits", "--max-latency", "1ms"]].concat();
            if let Some(value) = run(&sandbox, &arguments, &mut breaches) {
                breaches.require(&value, &["/fits", "/cheapest", "/cost"]);
                suggestions(&mut breaches, &value, "steps");
            }
        }
    }
    conclude(&breaches.found);
}

/// Whether two buffers are apart by `first_step` and `last_step` alone, as other programs read them.
fn row_steps_apart(one: &Value, other: &Value) -> bool {
    let at = |row: &Value, key: &str| row[key].as_f64().unwrap_or(0.0);
    at(one, "last_step") < at(other, "first_step") || at(other, "last_step") < at(one, "first_step")
}

/// Runs a command in JSON and returns what it says.
fn run(sandbox: &Sandbox, arguments: &[&str], breaches: &mut Breaches) -> Option<Value> {
    breaches.command = arguments.join(" ");
    let mut arguments = arguments.to_vec();
    arguments.extend(["--format", "json"]);
    let ran = sandbox.run(&arguments, None);
    if !matches!(ran.code, Some(0 | 1)) {
        breaches.add("exit", &format!("{:?}\n{}", ran.code, ran.stderr));
        return None;
    }
    match serde_json::from_str(&ran.stdout) {
        Ok(value) => {
            breaches.require(&value, &["/schema", "/tool/name", "/tool/version"]);
            breaches.walk("", &value);
            Some(value)
        }
        Err(error) => {
            breaches.add("stdout", &error.to_string());
            None
        }
    }
}

#[test]
fn every_example_and_every_chip_keep_the_contract() {
    let sandbox = Sandbox::new("contract-pairs");
    let mut models = sandbox.models();
    models.push("data/tiny.cofit".to_owned());
    type Check = fn(&mut Breaches, &Value);
    let commands: [(&str, Check); 3] = [("check", check), ("sim", sim), ("plan", plan)];
    let chips = [chips(), vec!["data/three_facts.toml"]].concat();
    let results = in_parallel(&pairs(&models, &chips), |(model, chip)| {
        let mut breaches = Breaches::default();
        for (command, inspect) in commands {
            let arguments = [command, model, "--chip", chip];
            if let Some(value) = run(&sandbox, &arguments, &mut breaches) {
                breaches.head(&value);
                inspect(&mut breaches, &value);
            }
        }
        breaches
    });
    let mut breaches = Breaches::default();
    for result in results {
        breaches.figures += result.figures;
        breaches.found.extend(result.found);
    }
    assert!(breaches.figures > 10_000, "{} figures were looked at", breaches.figures);
    conclude(&breaches.found);
}

#[test]
fn the_exit_code_is_the_verdict() {
    let sandbox = Sandbox::new("contract-exit");
    for (size, verdict, code) in [("64KiB", "pass", 0), ("160B", "fail", 1)] {
        let change = format!("memory.sram.size={size}");
        let card = ["--chip", "data/three_facts.toml", "--set", &change, "--format", "json"];
        let ran = sandbox.run(&[&["check", "data/tiny.cofit"][..], &card].concat(), None);
        let value: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!((value["verdict"].as_str(), ran.code), (Some(verdict), Some(code)));
    }
}

#[test]
fn models_cards_and_comparisons_keep_the_contract() {
    let sandbox = Sandbox::new("contract-others");
    let mut breaches = Breaches::default();
    for model in sandbox.models() {
        if let Some(value) = run(&sandbox, &["inspect", &model], &mut breaches) {
            breaches.require(&value, &["/model/sha256", "/graphs/0/operators/0/kind"]);
        }
    }
    for chip in chips() {
        run(&sandbox, &["chips", "show", chip], &mut breaches);
    }
    if let Some(value) = run(&sandbox, &["chips", "list"], &mut breaches) {
        assert_eq!(rows(&value, "chips").len(), chips().len());
    }
    let pair = ["models/digits_cnn_int8.tflite", "data/tiny.cofit"];
    if let Some(value) = run(&sandbox, &["compare", pair[0], pair[1]], &mut breaches) {
        assert_eq!(rows(&value, "pairs").len(), 2 * chips().len());
        for pair in rows(&value, "pairs") {
            breaches.head(pair);
            breaches.totals(pair);
        }
    }
    conclude(&breaches.found);
}

/// Bare packing problems: what fits, what does not, what is not known; and only the time differs.
#[test]
fn packings_keep_the_contract() {
    let sandbox = Sandbox::new("contract-pack");
    let mut breaches = Breaches::default();
    let file = "data/interlocked.csv";
    for (options, fits, bytes) in [
        (&[][..], Value::Null, Some(12_288)),
        (&["--cap", "12KiB"], Value::from("yes"), Some(12_288)),
        (&["--cap", "12287"], Value::from("no"), None),
        (&["--cap", "8KiB"], Value::from("no"), None),
        (&["--cap", "12287", "--nodes", "1"], Value::from("undecided"), None),
    ] {
        let arguments = [&["pack", file][..], options].concat();
        let Some(mut value) = run(&sandbox, &arguments, &mut breaches) else { continue };
        let fields = ["/bytes", "/lower_bound/value", "/optimal", "/seconds/value", "/nodes"];
        breaches.require(&value, &fields);
        breaches.require(&value, &["/certificate/kind", "/certificate/buffers/0"]);
        assert_eq!(value["fits"], fits, "{options:?}");
        assert_eq!(value.pointer("/bytes/value").and_then(Value::as_u64), bytes, "{options:?}");
        let placed = rows(&value, "buffers").iter().filter(|row| row["offset"].is_u64()).count();
        assert_eq!(placed, if bytes.is_some() { 8 } else { 0 }, "{options:?}");
        let mut again = run(&sandbox, &arguments, &mut breaches).unwrap_or_default();
        value["seconds"] = Value::Null;
        again["seconds"] = Value::Null;
        assert_eq!(value, again, "{options:?}");
    }
    conclude(&breaches.found);
}

#[test]
fn dummies_keep_the_contract() {
    let sandbox = Sandbox::new("contract-dummies");
    let mut breaches = Breaches::default();
    for (chip, task, answer) in [
        ("stm32h747", "keyword-spotting", "dummy"),
        ("max78000", "time-series", "dummy"),
        ("coral-usb", "detection", "dummy"),
        ("samd21", "detection", "impossible"),
        ("stm32f103c8", "anomaly-detection", "impossible"),
    ] {
        let arguments = ["sketch", "--chip", chip, "--task", task];
        let Some(value) = run(&sandbox, &arguments, &mut breaches) else { continue };
        breaches.require(&value, &["/task", "/input/2", "/classes", "/chip/id"]);
        breaches.require(&value, &["/refused/combinations/value", "/refused/by"]);
        assert_eq!(value["answer"], answer, "{arguments:?}");
        if answer == "dummy" {
            breaches.head(&value);
            check(&mut breaches, &value);
            breaches.require(&value, &["/form", "/parameters/width", "/walls/0/parameter"]);
        } else {
            breaches.require(&value, &["/refused/nearest/refused_by/0/need"]);
        }
        let again = run(&sandbox, &arguments, &mut breaches);
        assert_eq!(Some(value), again, "{arguments:?}");
    }
    let spent = ["sketch", "--chip", "max78000", "--task", "time-series", "--evaluations", "20"];
    let value = run(&sandbox, &spent, &mut breaches).unwrap_or_default();
    assert_eq!(value["answer"], "unsettled");
    conclude(&breaches.found);
}

/// Searches with a front, without one, by a proxy and by an evaluator.
#[test]
fn searches_keep_the_contract() {
    let sandbox = Sandbox::new("contract-search");
    let mut breaches = Breaches::default();
    let base = ["search", "sketches/ds_cnn.toml", "--chips", "stm32h747,max78000", "--evaluations"];
    for (options, has_front) in [
        (&["30", "--proxy", "macs"][..], true),
        (&["30", "--objectives", "latency,energy,sram,flash,traffic"], true),
        (&["30", "--max-sram", "1KiB"], false),
        (
            &["4", "--objectives", "flash,accuracy", "--evaluator", "echo '{\"accuracy\":0.5}'"],
            true,
        ),
    ] {
        let arguments = [&base[..], options].concat();
        let Some(value) = run(&sandbox, &arguments, &mut breaches) else { continue };
        breaches.require(&value, &["/space/value", "/evaluated/value", "/dominated_share"]);
        assert_eq!(!rows(&value, "front").is_empty(), has_front, "{options:?}");
        for point in rows(&value, "front") {
            let fields = ["/id", "/parameters", "/target", "/figures/latency", "/figures/energy"];
            breaches.require(point, &fields);
            breaches.require(point, &["/figures/sram", "/figures/flash", "/macs/value"]);
        }
        assert_eq!(run(&sandbox, &arguments, &mut breaches), Some(value), "{options:?}");
    }
    conclude(&breaches.found);
}

/// The same command prints the same bytes.
#[test]
fn results_are_deterministic() {
    let sandbox = Sandbox::new("contract-determinism");
    in_parallel(&chips(), |chip| {
        for command in [&["check"][..], &["sim"], &["plan"], &["plan", "--pareto"]] {
            let arguments = ["sketches/ds_cnn.toml", "--chip", chip, "--seed", "3"];
            let arguments = [command, &arguments, &["--format", "json"]].concat();
            let first = sandbox.run(&arguments, None);
            assert_eq!(first.stdout, sandbox.run(&arguments, None).stdout, "{arguments:?}");
        }
        let pictures = [
            &["report"][..],
            &["report", "--svg", "timeline"],
            &["sim", "--format", "trace"],
            &["sim", "--format", "model-explorer"],
        ];
        for command in pictures {
            let arguments = [command, &["sketches/ds_cnn.toml", "--chip", chip]].concat();
            let first = sandbox.run(&arguments, None);
            assert_eq!(first.code, Some(0), "{arguments:?}: {}", first.stderr);
            assert_eq!(first.stdout, sandbox.run(&arguments, None).stdout, "{arguments:?}");
        }
    });
}

#[test]
fn scores_and_precisions_keep_the_contract() {
    let sandbox = Sandbox::new("contract-precision");
    let mut breaches = Breaches::default();
    let float = "models/digits_cnn_float32.tflite";
    let calibration = ["--data", "models/data/digits_calibration.npz", "--samples", "10"];
    let test = ["--test", "models/data/digits_calibration.npz"];
    let data = [calibration.as_slice(), &test].concat();
    let new = ["--chip", "stm32h747", "-o", "new.tflite"];
    let quantized =
        run(&sandbox, &[&["quantize", float], data.as_slice(), &new].concat(), &mut breaches);
    if let Some(value) = quantized {
        breaches.require(&value, &["/comparison/float/value", "/comparison/change/sqnr"]);
        breaches.require(&value, &["/layers/0/bytes/value", "/errors/0/clipped", "/chip/id"]);
        let length = sandbox.files()[std::path::Path::new("new.tflite")];
        assert_eq!(value.pointer("/file/bytes/value"), Some(&length.into()));
    }
    let narrow = ["--scheme", "w2a8"];
    let ranked =
        run(&sandbox, &[&["sensitivity", float], data.as_slice(), &narrow].concat(), &mut breaches);
    if let Some(value) = ranked {
        breaches.require(&value, &["/layers/0/saved/value", "/reference/high"]);
        assert_eq!(rows(&value, "layers").len(), 6);
    }
    for model in ["digits_cnn_int8", "digits_separable_int8"] {
        let model = format!("models/{model}.tflite");
        let command = ["eval", &model, "--against", float];
        if let Some(value) =
            run(&sandbox, &[&command, calibration.as_slice()].concat(), &mut breaches)
        {
            breaches.require(&value, &["/score/value", "/against/score/low", "/data/samples"]);
            let right: u64 = rows(&value, "classes")
                .iter()
                .map(|c| c["right"]["value"].as_u64().unwrap_or(0))
                .sum();
            let share = value["score"]["value"].as_f64().unwrap_or(f64::NAN);
            assert!((share - right as f64 / 10.0).abs() < 1e-12, "{share} of {right}");
        }
    }
    conclude(&breaches.found);
}

/// Candidates that fit come first, by what they are ranked by; each says why, and what its engines do
/// adds up.
fn choice(breaches: &mut Breaches, value: &Value, figure: &str) {
    let order = ["pass", "unknown", "fail"];
    let place = |row: &Value| order.iter().position(|&word| row["verdict"] == word);
    let number = |row: &Value| row.pointer(figure).and_then(Value::as_f64);
    let candidates = rows(value, "candidates");
    for (at, pair) in candidates.windows(2).enumerate() {
        let path = format!("candidates[{at}]");
        let (one, next) = (&pair[0], &pair[1]);
        let is_behind = match (number(one), number(next)) {
            (Some(one), Some(next)) => one > next,
            (known, next) => known.is_none() && next.is_some(),
        };
        if place(one) > place(next) || (place(one) == place(next) && is_behind) {
            breaches.add(&path, "it stands before a better one");
        }
    }
    for (at, row) in candidates.iter().enumerate() {
        let path = format!("candidates[{at}]");
        if place(row).is_none() || row["reason"].as_str().is_none_or(str::is_empty) {
            breaches.add(&path, "no verdict or no reason");
        }
        let macs: Option<u64> = rows(row, "placement")
            .iter()
            .map(|share| share.pointer("/macs/value").and_then(Value::as_u64))
            .sum();
        // A compiler may leave out work whose result nobody reads.
        if macs.is_none() || macs > value.pointer("/model/macs/value").and_then(Value::as_u64) {
            breaches.add(&path, &format!("its engines multiply {macs:?} times"));
        }
    }
}

#[test]
fn choices_keep_the_contract() {
    let sandbox = Sandbox::new("contract-choices");
    let mut breaches = Breaches::default();
    let chips = "stm32h747,max78000,gap9,ethos-u55-128,efr32xg24-mvp,data/three_facts.toml";
    for model in ["models/digits_cnn_int8.tflite", "sketches/ds_cnn.toml", "data/tiny.cofit"] {
        let arguments = ["choose", model, "--chips", chips];
        for (options, figure) in [
            (&["--by", "energy"][..], "/energy/value"),
            (&["--rate", "2Hz"], "/power/active/value"),
        ] {
            let arguments = [&arguments[..], options].concat();
            if let Some(value) = run(&sandbox, &arguments, &mut breaches) {
                choice(&mut breaches, &value, figure);
            }
        }
    }
    conclude(&breaches.found);
}

/// The change of a figure that both sides know.
fn change(row: &Value) -> Option<i64> {
    row.pointer("/change/value").and_then(Value::as_i64)
}

/// A comparison says what it is worth, its figures keep the contract, and the changes of its layers add
/// up to the totals' change.
#[test]
fn comparisons_of_results_keep_the_contract() {
    let sandbox = Sandbox::new("contract-diff");
    let mut breaches = Breaches::default();
    for model in ["models/digits_cnn_int8.tflite", "sketches/ds_cnn.toml", "data/tiny.cofit"] {
        for (options, is_comparable) in [
            (&["--chip", "k210", "--b-clock", "200MHz"][..], true),
            (&["--chip", "stm32h747", "--b-chip", "esp32-s3"], true),
            (&["--chip", "ethos-u55-128", "--b-chip", "gap9"], true),
            (&["--chip", "k210", "--b-chip", "data/three_facts.toml", "--force"], false),
        ] {
            let mut arguments = [&["diff", model][..], options].concat();
            breaches.command = arguments.join(" ");
            arguments.extend(["--format", "json"]);
            let ran = sandbox.run(&arguments, None);
            let code = if is_comparable { 0 } else { 4 };
            if ran.code != Some(code) {
                breaches.add("exit", &format!("{:?}\n{}", ran.code, ran.stderr));
                continue;
            }
            let value: Value = serde_json::from_str(&ran.stdout).expect("JSON");
            breaches.require(&value, &["/schema", "/tool/name", "/a/chip/id", "/b/model/name"]);
            breaches.walk("", &value);
            assert_eq!(value["comparable"], Value::from(is_comparable), "{arguments:?}");
            for (at, issue) in rows(&value, "issues").iter().enumerate() {
                for field in ["code", "grade", "message", "do"] {
                    if issue[field].as_str().is_none_or(str::is_empty) {
                        breaches.add(&format!("issues[{at}]"), &format!("no {field}"));
                    }
                }
            }
            let layers: Option<i64> =
                rows(&value, "layers").iter().map(|row| change(&row["cycles"])).sum();
            if layers.is_none() || layers != change(&value["totals"]["cycles"]) {
                breaches.add("layers", &format!("their cycles change by {layers:?}"));
            }
            for (cause, total) in value["totals"]["causes"].as_object().into_iter().flatten() {
                let moved = |row: &Value| change(&row["causes"][cause]).unwrap_or(0);
                let sum: i64 = rows(&value, "layers").iter().map(moved).sum();
                if change(total).is_some_and(|total| total != sum) {
                    breaches.add(cause, &format!("the layers change by {sum}"));
                }
            }
        }
    }
    conclude(&breaches.found);
}
