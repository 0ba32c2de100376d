//! What ESP-DL prints about a model: the table `module summary` of `dl::Model::profile()` and
//! `profile_module()`, out of a serial monitor's log.
//!
//! Documented in "How to load & test & profile model" of the ESP-DL user guide, releases 3.1 to 3.3;
//! the table is that of `dl_model_base.cpp`. Each module has its name, its type and its latency in
//! `us`, or in `cycle` where the library was built so; `total` is their sum. Above the table stands
//! `model:NAME, version:N`. ESP-IDF puts `I (MS) TAG: ` in front of lines, in colour or not; chip and
//! clock are those of its boot messages (`rows/esp_idf.rs`) where the log has them.
//!
//! Modules are numbered in the order in which ESP-DL runs them. Where the table is sorted by latency
//! (`total` comes first) the order is lost, and modules are added up by type.

use super::cost::{Cost, Kinds};
use super::esp_idf::Boot;
use super::reading::{
    Reading, identifier, layer, leading_number, name, numbered, positive, time_unit, written,
};
use super::{Level, Row};

/// Whether a line of the text is the head of a table of modules.
pub(super) fn is_one(text: &str) -> bool {
    text.lines().any(|line| cells(line).is_some_and(is_head))
}

fn is_head((name, kind, latency): (&str, &str, &str)) -> bool {
    name == "name" && kind == "type" && latency == "latency"
}

/// The three cells of a line of a table. A name may hold `|`; type and latency do not.
fn cells(line: &str) -> Option<(&str, &str, &str)> {
    let inside = line.rfind('|').and_then(|last| line.get(..last))?;
    let (rest, latency) = inside.rsplit_once('|')?;
    let (rest, kind) = rest.rsplit_once('|')?;
    let (_, name) = rest.split_once('|')?;
    Some((name.trim(), kind.trim(), latency.trim()))
}

/// `1234us` or `1234cycle`.
fn cost(text: &str) -> Option<Cost> {
    let (number, unit) = leading_number(text)?;
    let unit = unit.trim();
    if unit.starts_with("cycle") {
        return positive(number).map(Cost::of_cycles);
    }
    written(number, time_unit(unit)?).map(Cost::of_time)
}

/// What the log says about where it was written.
#[derive(Clone, Default)]
struct Board {
    boot: Boot,
    network: String,
}

impl Board {
    fn hear(&mut self, line: &str) {
        self.boot.hear(line);
        if let Some((_, rest)) = line.split_once("model:")
            && let Some((network, _)) = rest.split_once(", version:")
        {
            self.network = identifier(network);
        }
    }

    fn row(&self, line: u32, level: Level, model: String) -> Row {
        Row {
            release: "ESP-DL".to_owned(),
            chip: self.boot.chip.clone(),
            model,
            clock: self.boot.clock,
            ..Row::blank(line, level)
        }
    }
}

/// A table of which not all lines are read yet.
#[derive(Default)]
struct Table {
    modules: usize,
    is_sorted: bool,
    kinds: Kinds,
}

impl Table {
    /// The sums by type of a table whose order is that of latencies.
    fn finish(self, board: &Board, reading: &mut Reading<'_>) {
        let row = |line| board.row(line, Level::Layer, String::new());
        let note = |modules| format!("sum of {modules} modules");
        self.kinds.rows(&board.network, row, note, reading);
    }
}

/// The rows of every table of modules in a log.
pub(super) fn read(text: &str, reading: &mut Reading<'_>) {
    let mut board = Board::default();
    let mut table: Option<Table> = None;
    for (line, content) in numbered(text) {
        let Some(cells) = cells(content) else {
            // Rules between the lines of a table belong to it.
            if !content.contains("+-")
                && let Some(table) = table.take()
            {
                table.finish(&board, reading);
            }
            board.hear(content);
            continue;
        };
        if is_head(cells) {
            table = Some(Table::default());
        } else if let Some(table) = &mut table {
            module(cells, line, table, &board, reading);
        }
    }
    if let Some(table) = table {
        table.finish(&board, reading);
    }
}

fn module(
    (module, kind, latency): (&str, &str, &str),
    line: u32,
    table: &mut Table,
    board: &Board,
    reading: &mut Reading<'_>,
) {
    let is_total = module == "total" && kind.is_empty();
    let place = table.modules;
    if !is_total {
        table.modules = place.saturating_add(1);
    }
    let Some(cost) = cost(latency) else {
        reading.pass_over(line, &format!("the latency is `{}`", name(latency)));
        return;
    };
    if is_total {
        table.is_sorted = place == 0;
        reading.row(cost.on(board.row(line, Level::Model, board.network.clone())));
    } else if table.is_sorted {
        table.kinds.add(kind, line, cost, reading);
    } else {
        let mut row = board.row(line, Level::Layer, layer(&board.network, place, kind));
        row.note = name(module);
        reading.row(cost.on(row));
    }
}

#[cfg(test)]
mod tests {
    use cofit_vocab::Seconds;

    use super::*;

    #[test]
    fn lines_of_a_table_have_three_cells() {
        assert_eq!(cells("I (9) dl::Model: | a|b | Conv | 12us |"), Some(("a|b", "Conv", "12us")));
        assert_eq!(cells("| a | b |"), None);
        assert!(is_one("| name  | type | latency |\n"));
        assert!(!is_one("|           | internal RAM | PSRAM | FLASH |\n"));
    }

    #[test]
    fn latencies_have_a_unit() {
        assert_eq!(cost("12cycle"), Some(Cost::of_cycles(12.0)));
        assert_eq!(cost("12us").and_then(|cost| cost.latency), Some(Seconds(12.0 * 1e-6)));
        assert_eq!([cost("12"), cost("0us"), cost("us")], [None; 3]);
    }
}
