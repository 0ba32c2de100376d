//! Reports of ST's tools about a run on a board: `validate --mode target` of ST Edge AI Core and of
//! X-CUBE-AI (STM32Cube.AI), their Python package `ai_runner`, and the on-device performance test.
//!
//! Four generations of one layout are read, as ST's documents and reports in public repositories
//! show them:
//!
//! - X-CUBE-AI 3 to 5: `Results for 10 inference(s) @84/84MHz (macc:950717)`, then
//!   `duration    : 99.405 ms (average)`, `CPU cycles  : 8350026 (average)`, and the layers below
//!   `Clayer  id  desc  oshape  ms`.
//! - X-CUBE-AI 6 to 8: the same, with the layers below `c_id  m_id  desc  output  ms  %`.
//! - ST Edge AI Core 1 to 3 (`ai_runner`): `ST.AI Profiling results v2.0 - "network"`,
//!   `duration       :   11.970 ms by sample (MIN/MAX/STD)`, and the layers below
//!   `c_id  m_id  type  dur (ms)  %  cumul  CPU cycles  name`.
//! - The performance test's console: `Results for "network", 16 inferences @80MHz/80MHz ...`.
//!
//! Of two clocks the first is the core's. The model is the file that the report names, else the name
//! of the C network unless it is `network`, which the tools give to any. `m_id` counts the layers of the model's file; code nodes of one layer are added
//! up. A report of a run on the host (`--mode host`) is no measurement of a chip: its lines are passed
//! over.

use std::collections::BTreeMap;

use cofit_vocab::Hertz;

use super::cost::Cost;
use super::reading::{
    AMOUNTS, Reading, identifier, layer, leading_number, megahertz, name, numbered, stem,
    time_unit, written,
};
use super::{Level, Row};

/// The most layers of one network that are told apart.
const MOST_LAYERS: usize = 10_000;

/// Whether the text has what only such a report has.
pub(super) fn is_one(text: &str) -> bool {
    text.lines().any(|line| {
        line.contains("cycles/MACC")
            || line.contains("ST.AI Profiling results")
            || Columns::of(line).is_some()
    })
}

/// What the report says about the run, as far as it is read.
#[derive(Default)]
struct Run {
    release: String,
    chip: String,
    clock: Option<Hertz>,
    file: String,
    network: String,
    is_on_host: bool,
    /// The line and the cost of an inference.
    whole: Option<(u32, Cost)>,
    layers: BTreeMap<usize, Node>,
}

/// A layer of the model: one code node, or several.
struct Node {
    line: u32,
    cost: Cost,
    /// The description of the node that takes longest, and its time.
    kind: (String, f64),
}

/// The rows of every run in a report.
pub(super) fn read(text: &str, reading: &mut Reading<'_>) {
    let mut run = Run::default();
    let mut columns: Option<Columns> = None;
    for (line, content) in numbered(text) {
        if let Some(found) = Columns::of(content) {
            columns = Some(found);
            continue;
        }
        if let Some(columns) = columns {
            match columns.node(content) {
                Line::Node(place, kind, cost) => run.node(line, place, kind, cost, reading),
                Line::Broken(what) => reading.pass_over(line, &what),
                Line::Within | Line::Behind => {}
            }
        }
        if columns.is_none() || !content.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
            run.hear(line, content, reading);
        }
        if content.trim().is_empty() || content.trim_start().starts_with("total") {
            columns = None;
        }
    }
    run.finish(reading);
}

impl Run {
    /// A line that is not of the table of layers.
    fn hear(&mut self, line: u32, content: &str, reading: &mut Reading<'_>) {
        let content = content.trim();
        if content.starts_with("Results for ") || content.contains("ST.AI Profiling results") {
            // Another run begins; what the head of the report says holds for it too.
            self.flush(reading);
            if let Some(quoted) = content.split('"').nth(1) {
                self.network = given(quoted);
            }
            self.clock_of(content);
            return;
        }
        if content.starts_with("ST Edge AI Core") || content.starts_with("Neural Network Tools") {
            self.release = name(content);
        }
        let Some((key, value)) = content.split_once(':') else {
            // `0x433/STM32F401xD/E @84MHz/84MHz (FPU is present)` has no key.
            if content.starts_with("0x") && content.contains('@') {
                self.device(content);
            }
            return;
        };
        let value = value.trim();
        match key.trim() {
            "duration" => self.duration(line, value, reading),
            "CPU cycles" => self.cycles(line, value, reading),
            "device.desc" | "device" => self.device(value),
            "model file" | "model" | "model path" => self.file = identifier(stem(value)),
            "model_name" | "c_name" | "Model name" | "c-model" if self.network.is_empty() => {
                self.network = given(value);
            }
            "tools" if self.release.is_empty() => self.release = name(value),
            _ if content.starts_with("0x") && content.contains('@') => self.device(content),
            _ => {}
        }
    }

    /// `stm32 family - 0x450 - STM32H743 @480/240MHz,fpu`, or the host's processor.
    fn device(&mut self, value: &str) {
        let host = ["x86", "AMD64", "Windows", "Linux", "Darwin", "HOST"];
        self.is_on_host = host.iter().any(|word| value.contains(word));
        self.chip = name(value.split('@').next().unwrap_or_default());
        self.clock_of(value);
    }

    /// The first number behind `@`, where the numbers behind it are of megahertz.
    fn clock_of(&mut self, text: &str) {
        if let Some((_, rest)) = text.split_once('@')
            && let Some((number, rest)) = leading_number(rest)
            && rest.to_ascii_lowercase().contains("mhz")
        {
            self.clock = megahertz(number);
        }
    }

    fn duration(&mut self, line: u32, value: &str, reading: &mut Reading<'_>) {
        let time = leading_number(value).and_then(|(number, rest)| {
            let unit = rest.split_whitespace().next().and_then(time_unit)?;
            written(number, unit)
        });
        match time {
            Some(time) => {
                let cycles = self.whole.and_then(|(_, cost)| cost.cycles);
                self.whole = Some((line, Cost { cycles, ..Cost::of_time(time) }));
            }
            None => reading.pass_over(line, &format!("the duration is `{}`", name(value))),
        }
    }

    /// `12106000 (average)`, or counters in brackets, which together are the cycles.
    fn cycles(&mut self, line: u32, value: &str, reading: &mut Reading<'_>) {
        let counters = match value.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => value.split(['(', '-']).next().unwrap_or_default(),
        };
        let mut sum = Some(0.0);
        for counter in counters.split_whitespace() {
            let counter: Option<f64> = counter.replace(',', "").parse().ok();
            sum = sum.zip(counter).map(|(sum, counter)| sum + counter);
        }
        match sum.filter(|sum| AMOUNTS.contains(sum)) {
            Some(cycles) => {
                let (line, cost) = self.whole.unwrap_or((line, Cost::default()));
                self.whole = Some((line, Cost { cycles: Some(cycles), ..cost }));
            }
            None => reading.pass_over(line, &format!("CPU cycles are `{}`", name(value))),
        }
    }

    fn node(
        &mut self,
        line: u32,
        place: usize,
        kind: String,
        cost: Cost,
        reading: &mut Reading<'_>,
    ) {
        let time = cost.latency.map_or(0.0, |latency| latency.get());
        if let Some(node) = self.layers.get_mut(&place) {
            node.cost = node.cost.plus(cost);
            if time > node.kind.1 {
                node.kind = (kind, time);
            }
        } else if self.layers.len() < MOST_LAYERS {
            self.layers.insert(place, Node { line, cost, kind: (kind, time) });
        } else {
            reading.pass_over(line, &format!("{MOST_LAYERS} layers are told apart, and no more"));
        }
    }

    fn row(&self, line: u32, level: Level, model: String) -> Row {
        Row {
            release: self.release.clone(),
            chip: self.chip.clone(),
            model,
            clock: self.clock,
            ..Row::blank(line, level)
        }
    }

    /// The rows of the run that ends here.
    fn flush(&mut self, reading: &mut Reading<'_>) {
        let layers = std::mem::take(&mut self.layers);
        let whole = self.whole.take();
        if self.is_on_host {
            let first = layers.values().map(|node| node.line).min();
            if let Some(line) = whole.map(|(line, _)| line).or(first) {
                reading.pass_over(line, "the run is on the host, and says nothing about a chip");
            }
            return;
        }
        let network = if self.file.is_empty() { &self.network } else { &self.file }.clone();
        if let Some((line, cost)) = whole {
            reading.row(cost.on(self.row(line, Level::Model, network.clone())));
        }
        for (place, node) in layers {
            let model = layer(&network, place, &node.kind.0);
            reading.row(node.cost.on(self.row(node.line, Level::Layer, model)));
        }
    }

    fn finish(mut self, reading: &mut Reading<'_>) {
        self.flush(reading);
    }
}

/// A network's name, where somebody gave it one.
fn given(name: &str) -> String {
    let name = identifier(name);
    if name == "network" { String::new() } else { name }
}

/// Which table of layers it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Columns {
    /// Whether a kind is followed by a shape and not by the time.
    has_shape: bool,
}

/// What a line below the head of a table is.
enum Line {
    /// A code node: its layer, kind and cost.
    Node(usize, String, Cost),
    /// Of a node, but not readable.
    Broken(String),
    /// A rule, or the remainder between nodes.
    Within,
    /// No line of the table.
    Behind,
}

impl Columns {
    /// The head of a table of layers with times.
    fn of(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().take(8).collect();
        match words.as_slice() {
            ["Clayer", "id", "desc", _, "ms", ..] | ["c_id", "m_id", "desc", _, "ms", ..] => {
                Some(Self { has_shape: true })
            }
            ["c_id", "m_id", "type", "dur", "(ms)", ..] => Some(Self { has_shape: false }),
            _ => None,
        }
    }

    fn node(self, line: &str) -> Line {
        let line = line.trim();
        if line.starts_with("---") || line.starts_with("n/a") {
            return Line::Within;
        }
        let mut words = line.split_whitespace();
        let Some(Ok(code_node)) = words.next().map(str::parse::<usize>) else {
            return Line::Behind;
        };
        // A node that belongs to no layer stands by itself.
        let place = words.next().and_then(|place| place.parse().ok()).unwrap_or(code_node);
        let words: Vec<&str> = words.take(64).collect();
        // Names of kinds and shapes hold blanks; the time is the first number with a decimal point
        // at the line's end or in front of its share.
        let time = (1..words.len()).find(|&index| {
            let next = words.get(index + 1);
            words[index].contains('.')
                && words[index].parse::<f64>().is_ok()
                && next.is_none_or(|next| next.ends_with('%') || next.parse::<f64>().is_ok())
        });
        let Some(time) = time else { return Line::Broken("the node has no time".to_owned()) };
        let kind = self.kind(&words[..time]);
        // Shorter than a tool's last decimal place is no time to fit.
        match written(words[time], 1e-3) {
            Some(written) => Line::Node(place, kind, Cost::of_time(written)),
            None => Line::Broken(format!("{kind} takes `{}` ms", name(words[time]))),
        }
    }

    /// `Conv2D` of `10011/(Conv2D)`, of `Conv2D (0x103)`, and of both with a shape behind.
    fn kind(self, words: &[&str]) -> String {
        let words = if self.has_shape {
            let shape = words.iter().rposition(|word| word.starts_with('(') && word.contains(','));
            &words[..shape.filter(|shape| *shape > 0).unwrap_or(words.len())]
        } else {
            words
        };
        let text = words.join(" ");
        let text = text.split_once("/(").map_or(text.as_str(), |(code, rest)| {
            if code.bytes().all(|byte| byte.is_ascii_digit()) { rest } else { &text }
        });
        let text = text.split(" (0x").next().unwrap_or_default().trim_end_matches(')');
        identifier(text.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(head: &str, line: &str) -> (usize, String) {
        match Columns::of(head).expect("a head").node(line) {
            Line::Node(place, kind, _) => (place, kind),
            Line::Broken(why) => panic!("{why}"),
            Line::Within | Line::Behind => panic!("no node"),
        }
    }

    #[test]
    fn nodes_of_every_generation_are_read() {
        let old = "Clayer  id  desc                          oshape            ms";
        let (place, name) = kind(old, "1  4  10011/(Merged Conv2d / Pool)  (10, 6, 6, 32)  67.844");
        assert_eq!((place, name.as_str()), (4, "Merged_Conv2d___Pool"));
        let middle = " c_id  m_id  desc              output                   ms       %";
        let (place, name) = kind(middle, " 0  2  Conv2D (0x103)  (1,5,5,8)/int8/200B  1.205  9.3%");
        assert_eq!((place, name.as_str()), (2, "Conv2D"));
        let new = "  c_id  m_id  type        dur (ms)      %    cumul   CPU cycles   name";
        let (place, name) =
            kind(new, "  3  7  Conv2D (0x103)  0.912  4.1%  80.2%  [ 1,234 ]  ai_3");
        assert_eq!((place, name.as_str()), (7, "Conv2D"));
    }

    #[test]
    fn other_reports_are_not_sts() {
        assert!(!is_one("duration : 3 ms\n"));
        assert!(is_one(" cycles/MACC : 8.78 (average for all layers)"));
    }
}
