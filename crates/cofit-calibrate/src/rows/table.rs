//! A table of our own columns, as CSV: the layout of the project's own measured rows.
//!
//! The first line names the columns, in any order: `model` and one of `latency_ms`, `cycles` and
//! `energy_uj` must be there. Others are `card`, `runtime_id`, `runtime`, `chip`, `model_file`,
//! `precision`, `level` (`whole_model`, `layer`, `kernel`), `clock_mhz`, `threads`, `source`, `note`.
//! Columns that are not known are ignored.

use cofit_vocab::{Hertz, PicoJoules, Seconds};

use super::reading::{Reading, typed};
use super::records::Records;
use super::{Level, Row};

/// Whether the first line names our columns.
pub(super) fn is_one(text: &str) -> bool {
    let Some(first) = text.lines().find(|line| !line.trim().is_empty()) else { return false };
    let names: Vec<&str> = first.split(',').map(|name| name.trim().trim_matches('"')).collect();
    names.contains(&"model")
        && ["latency_ms", "cycles", "energy_uj"].iter().any(|name| names.contains(name))
}

/// The rows that state a time, cycles or energy.
pub(super) fn read(text: &str, reading: &mut Reading<'_>) {
    let Some((header, mut records)) = Records::of(text, b',') else { return };
    let column = |name: &str| header.iter().position(|one| one.trim() == name);
    let columns = Columns {
        card: column("card"),
        runtime: column("runtime_id"),
        release: column("runtime"),
        chip: column("chip"),
        model: column("model"),
        model_file: column("model_file"),
        precision: column("precision"),
        level: column("level"),
        clock: column("clock_mhz"),
        threads: column("threads"),
        latency: column("latency_ms"),
        cycles: column("cycles"),
        energy: column("energy_uj"),
        source: column("source"),
        note: column("note"),
    };
    while let Some((line, record)) = records.next(reading) {
        if let Some(row) = columns.row(line, &record, reading) {
            reading.row(row);
        }
    }
}

/// Where the columns are.
struct Columns {
    card: Option<usize>,
    runtime: Option<usize>,
    release: Option<usize>,
    chip: Option<usize>,
    model: Option<usize>,
    model_file: Option<usize>,
    precision: Option<usize>,
    level: Option<usize>,
    clock: Option<usize>,
    threads: Option<usize>,
    latency: Option<usize>,
    cycles: Option<usize>,
    energy: Option<usize>,
    source: Option<usize>,
    note: Option<usize>,
}

impl Columns {
    fn row(&self, line: u32, record: &csv::StringRecord, reading: &mut Reading<'_>) -> Option<Row> {
        let text = |place: Option<usize>| {
            place.and_then(|place| record.get(place)).map(str::trim).unwrap_or_default()
        };
        let mut number = |place: Option<usize>, what: &str| -> Option<f64> {
            let text = text(place);
            if text.is_empty() {
                return None;
            }
            reading.positive(text, what, line)
        };
        let latency = number(self.latency, "latency_ms");
        let cycles = number(self.cycles, "cycles");
        let energy = number(self.energy, "energy_uj");
        let clock = number(self.clock, "clock_mhz");
        let threads = number(self.threads, "threads");
        if latency.is_none() && cycles.is_none() && energy.is_none() {
            return None;
        }
        let level = match text(self.level) {
            "layer" => Level::Layer,
            "kernel" => Level::Kernel,
            _ => Level::Model,
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Row {
            card: text(self.card).to_owned(),
            runtime: text(self.runtime).to_owned(),
            release: text(self.release).to_owned(),
            chip: text(self.chip).to_owned(),
            model: text(self.model).to_owned(),
            model_file: some(text(self.model_file)),
            precision: text(self.precision).to_owned(),
            clock: clock.map(|clock| Hertz(clock * 1e6)),
            threads: threads.map_or(1, |threads| threads.round().clamp(1.0, 1024.0) as u32),
            latency: latency.map(|latency| Seconds(latency * 1e-3)),
            resolution: typed(text(self.latency), 1e-3).map_or(Seconds(0.5e-3), |time| time.1),
            cycles,
            energy: energy.map(|energy| PicoJoules(energy * 1e6)),
            source: text(self.source).to_owned(),
            note: text(self.note).to_owned(),
            ..Row::blank(line, level)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_empty_rows_passed_over() {
        let text = "clock_mhz,model,latency_ms,extra,note\n\
                    168,tiny,2.660,x,\"a, b\"\n\
                    168,none,,x,\n\
                    ,slow,fast,x,\n";
        assert!(is_one(text));
        let mut reading = Reading::of("rows.csv");
        read(text, &mut reading);
        let (rows, messages) = reading.finish();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].model, "tiny");
        assert_eq!(rows[0].clock, Some(Hertz(168e6)));
        assert_eq!(rows[0].note, "a, b");
        assert!((rows[0].resolution.get() - 0.005e-3).abs() < 1e-12);
        assert_eq!(messages.iter().count(), 1, "`fast` is no time");
    }

    #[test]
    fn other_tables_are_not_ours() {
        assert!(!is_one("name,value\nlatency,3\n"));
        assert!(!is_one(""));
    }
}
