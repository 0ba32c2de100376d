//! What Arm's Ethos-U compiler Vela writes about a network: an estimate, which stands for a
//! measurement where there is no board.
//!
//! - The summary (`NETWORK_summary_SYSTEM.csv`, always written): one line a network with
//!   `accelerator_configuration`, `core_clock` in hertz, `batch_size`, `inference_time` in seconds and
//!   `cycles_total`, times and cycles being those of a batch. Columns by Vela's
//!   `stats_writer.py`, release 5.2.0.
//! - The layers (`NETWORK_per-layer.csv`, with `--verbose-performance`): one line an operation after
//!   optimisation, with the operator of the file that it comes from: `Original Operator` in the
//!   releases with the new scheduler, `TFLite_operator` in those before (`npu_performance.py`,
//!   5.2.0). An operator becomes several operations (a softmax twenty), and nothing in the table
//!   says which of equal operators an operation belongs to; so operations are added up by kind.
//!   The network's name is that of the file.

use cofit_vocab::{Hertz, Seconds};

use super::cost::{Cost, Kinds};
use super::reading::{Reading, identifier, name, positive, stem};
use super::records::Records;
use super::{Level, Row};

/// What rows call the runtime; the tables do not state a release.
const RELEASE: &str = "Vela (estimate)";

/// Whether the text is a summary or a table of layers.
pub(super) fn is_one(text: &str) -> bool {
    let Some(first) = text.lines().next() else { return false };
    let has = |name: &str| first.split(',').any(|column| column.trim().trim_matches('"') == name);
    (has("accelerator_configuration") && has("cycles_total"))
        || (has("NNG Operator") && has("Op Cycles"))
}

/// The rows of a summary or a table of layers.
pub(super) fn read(text: &str, reading: &mut Reading<'_>) {
    let Some((header, mut records)) = Records::of(text, b',') else { return };
    let column = |name: &str| header.iter().position(|one| one.trim() == name);
    let is_summary = column("cycles_total").is_some();
    let mut kinds = Kinds::default();
    while let Some((line, record)) = records.next(reading) {
        let record = Record { line, record: &record };
        if is_summary {
            record.network(&column, reading);
        } else {
            record.operation(&column, &mut kinds, reading);
        }
    }
    let network = identifier(stem(reading.file()).trim_end_matches("_per-layer"));
    let row = |line| Row { release: RELEASE.to_owned(), ..Row::blank(line, Level::Layer) };
    let note = |count| format!("the compiler's estimate of {count} operations, no measurement");
    kinds.rows(&network, row, note, reading);
}

/// A line of either table.
struct Record<'a> {
    line: u32,
    record: &'a csv::StringRecord,
}

impl<'a> Record<'a> {
    fn field(&self, place: Option<usize>) -> &'a str {
        place.and_then(|place| self.record.get(place)).unwrap_or_default().trim()
    }

    /// A line of a summary.
    fn network(&self, column: &impl Fn(&str) -> Option<usize>, reading: &mut Reading<'_>) {
        let field = |name: &str| self.field(column(name));
        let cycles = field("cycles_total");
        let Some(cycles) = reading.positive(cycles, "cycles_total", self.line) else { return };
        let batch = positive(field("batch_size")).unwrap_or(1.0);
        let [system, memory] = [field("system_config"), field("memory_mode")].map(name);
        reading.row(Row {
            release: RELEASE.to_owned(),
            chip: name(field("accelerator_configuration")),
            model: identifier(field("network")),
            clock: positive(field("core_clock")).map(Hertz),
            latency: positive(field("inference_time")).map(|time| Seconds(time / batch)),
            cycles: Some(cycles / batch),
            note: format!("the compiler's estimate, no measurement; {system}, {memory}"),
            ..Row::blank(self.line, Level::Model)
        });
    }

    /// A line of a table of layers.
    fn operation(
        &self,
        column: &impl Fn(&str) -> Option<usize>,
        kinds: &mut Kinds,
        reading: &mut Reading<'_>,
    ) {
        let target = self.field(column("Target"));
        if !target.is_empty() && target != "NPU" {
            reading.pass_over(self.line, &format!("Vela has no cycles for a {}", name(target)));
            return;
        }
        let cycles = self.field(column("Op Cycles"));
        // An activation that another operation does has no cycles of its own.
        if cycles.parse() == Ok(0.0) {
            return;
        }
        let origin = ["Original Operator", "TFLite_operator", "TOSA_operator"];
        let origin = self.field(origin.iter().find_map(|name| column(name)));
        if let Some(cycles) = reading.positive(cycles, "Op Cycles", self.line) {
            kinds.add(&tflite_kind(origin), self.line, Cost::of_cycles(cycles), reading);
        }
    }
}

/// TFLite's name of an operator that Vela calls otherwise.
fn tflite_kind(vela: &str) -> String {
    let vela = vela.trim();
    match vela {
        "Conv2D" => "CONV_2D".to_owned(),
        "DepthwiseConv2D" => "DEPTHWISE_CONV_2D".to_owned(),
        "TransposeConv2D" => "TRANSPOSE_CONV".to_owned(),
        "AvgPool" => "AVERAGE_POOL_2D".to_owned(),
        "MaxPool" => "MAX_POOL_2D".to_owned(),
        "Sigmoid" => "LOGISTIC".to_owned(),
        "Concat" => "CONCATENATION".to_owned(),
        "" | "None" => "UNKNOWN".to_owned(),
        _ => snake(&name(vela)),
    }
}

/// Upper case with `_` before each capital behind a small letter.
fn snake(camel: &str) -> String {
    let mut result = String::new();
    let mut was_small = false;
    for c in camel.chars() {
        if was_small && c.is_uppercase() {
            result.push('_');
        }
        was_small = c.is_lowercase();
        result.extend(c.to_uppercase());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_spelled_as_tflite_does() {
        assert_eq!(tflite_kind("FullyConnected"), "FULLY_CONNECTED");
        assert_eq!(tflite_kind("CONV_2D"), "CONV_2D");
        assert_eq!(tflite_kind("Softmax"), "SOFTMAX");
        assert_eq!(tflite_kind("AvgPool"), "AVERAGE_POOL_2D");
    }

    #[test]
    fn other_tables_are_not_velas() {
        assert!(!is_one(""));
        assert!(!is_one("network,cycles_total\n"));
        assert!(is_one("network,accelerator_configuration,cycles_total\n"));
    }
}
