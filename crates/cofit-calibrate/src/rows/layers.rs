//! A plain table of layers, as people type or export one: CSV, or tabs or semicolons between the
//! columns.
//!
//! The first line names the columns, capitals aside: a name (`layer`, `name`, `op`, `operator`,
//! `node`, `module` or `tag`) and a cost (`cycles` or `cpu_cycles`; `ms`, `time_ms`, `latency_ms` or
//! `duration_ms`; the same with `us`). `kind` or `type` adds the operator, `index`, `id` or `event` its
//! place, `clock_mhz` the clock; other columns are ignored. A name `op07_CONV_2D` states place and
//! kind by itself, and `op:CONV_2D` all layers of a kind. Otherwise lines are numbered as they
//! come. A line named `total` or `sum` is of the whole network.

use cofit_vocab::Hertz;

use super::cost::Cost;
use super::reading::{Reading, identifier, layer, megahertz, name, positive, typed};
use super::records::Records;
use super::{Level, Row};

const NAMES: &[&str] = &["layer", "name", "op", "operator", "node", "module", "tag"];
const KINDS: &[&str] = &["kind", "type"];
const PLACES: &[&str] = &["index", "id", "event"];
const CYCLES: &[&str] = &["cycles", "cpu_cycles"];
const MILLISECONDS: &[&str] = &["ms", "time_ms", "latency_ms", "duration_ms"];
const MICROSECONDS: &[&str] = &["us", "time_us", "latency_us", "duration_us", "useconds"];

/// Where the columns are.
#[derive(Clone, Copy)]
struct Columns {
    separator: u8,
    name: usize,
    kind: Option<usize>,
    place: Option<usize>,
    cycles: Option<usize>,
    milliseconds: Option<usize>,
    microseconds: Option<usize>,
    clock: Option<usize>,
}

impl Columns {
    /// The columns that the first line with anything names.
    fn of(text: &str) -> Option<Self> {
        let first = text.lines().find(|line| !line.trim().is_empty())?;
        let separator = [',', ';', '\t'].into_iter().find(|mark| first.contains(*mark))?;
        let names: Vec<String> = first
            .split(separator)
            .map(|name| name.trim().trim_matches('"').to_ascii_lowercase())
            .collect();
        let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let columns = Self {
            separator: u8::try_from(separator).ok()?,
            name: find(NAMES)?,
            kind: find(KINDS),
            place: find(PLACES),
            cycles: find(CYCLES),
            milliseconds: find(MILLISECONDS),
            microseconds: find(MICROSECONDS),
            clock: find(&["clock_mhz"]),
        };
        let has_cost = [columns.cycles, columns.milliseconds, columns.microseconds];
        has_cost.iter().any(Option::is_some).then_some(columns)
    }
}

/// Whether the first line names a layer and a cost.
pub(super) fn is_one(text: &str) -> bool {
    Columns::of(text).is_some()
}

/// The rows of a table.
pub(super) fn read(text: &str, reading: &mut Reading<'_>) {
    let Some(columns) = Columns::of(text) else { return };
    let Some((_, mut records)) = Records::of(text, columns.separator) else { return };
    let mut place = 0;
    while let Some((line, record)) = records.next(reading) {
        if columns.row(line, &record, place, reading) {
            place += 1;
        }
    }
}

impl Columns {
    /// Reads a line; whether it is of a layer.
    fn row(
        &self,
        line: u32,
        record: &csv::StringRecord,
        place: usize,
        reading: &mut Reading<'_>,
    ) -> bool {
        let field = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default();
        let called = field(Some(self.name));
        let is_total = ["total", "sum"].iter().any(|word| called.eq_ignore_ascii_case(word));
        let cost = self.cost(line, record, reading);
        if let Some(cost) = cost {
            let stated = field(self.place).parse().ok();
            let kind = if field(self.kind).is_empty() { called } else { field(self.kind) };
            let model = if is_total {
                String::new()
            } else if is_id(called) {
                format!("/{}", identifier(called))
            } else {
                layer("", stated.unwrap_or(place), kind)
            };
            let level = if is_total { Level::Model } else { Level::Layer };
            let note = if is_total || is_id(called) { String::new() } else { name(called) };
            let clock: Option<Hertz> = megahertz(field(self.clock));
            reading.row(cost.on(Row { model, clock, note, ..Row::blank(line, level) }));
        }
        !is_total
    }

    fn cost(
        &self,
        line: u32,
        record: &csv::StringRecord,
        reading: &mut Reading<'_>,
    ) -> Option<Cost> {
        let field = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default();
        let mut cost = Cost::default();
        for (at, unit) in [(self.microseconds, 1e-6), (self.milliseconds, 1e-3)] {
            if let Some(time) = typed(field(at), unit) {
                cost = Cost::of_time(time);
            }
        }
        cost.cycles = positive(field(self.cycles));
        if cost.latency.is_none() && cost.cycles.is_none() {
            let texts = [self.cycles, self.milliseconds, self.microseconds].map(field);
            match texts.iter().find(|text| !text.is_empty()) {
                Some(text) => reading.pass_over(line, &format!("its cost is `{}`", name(text))),
                None => reading.pass_over(line, "it has no cost"),
            }
            return None;
        }
        Some(cost)
    }
}

/// Whether a name is a layer's id already: `op07_CONV_2D` or `op:CONV_2D`.
fn is_id(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("op") else { return false };
    rest.starts_with(':')
        || rest.split_once('_').is_some_and(|(place, _)| {
            !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_known_by_a_name_and_a_cost() {
        for text in ["layer,cycles\n", "Name;ms\n", "\"op\"\t\"us\"\n", "index,tag,uSeconds\n"] {
            assert!(is_one(text), "{text}");
        }
        for text in ["", "layer\n", "cycles,ms\n", "layer cycles\n", "layer,watts\n"] {
            assert!(!is_one(text), "{text}");
        }
    }

    #[test]
    fn names_can_be_ids() {
        assert!(is_id("op07_CONV_2D") && is_id("op:CONV_2D"));
        assert!(!is_id("op_1") && !is_id("open") && !is_id("conv"));
    }
}
