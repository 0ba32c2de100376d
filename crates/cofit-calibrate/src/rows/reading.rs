//! What a reader of any layout collects, and the numbers and names that all layouts share.

use std::ops::RangeInclusive;

use cofit_vocab::diagnostic::calibration;
use cofit_vocab::{Diagnostic, Diagnostics, Hertz, Place, Seconds};

use super::Row;

/// The most rows that are read from a file; more than any measured network has layers.
pub(super) const MAX_ROWS: usize = 100_000;

/// The longest name of a network, layer or chip that is kept, in characters.
const LONGEST_NAME: usize = 120;

/// Rows and messages of a file that is being read.
pub(super) struct Reading<'a> {
    file: &'a str,
    rows: Vec<Row>,
    messages: Diagnostics,
    is_full: bool,
}

impl<'a> Reading<'a> {
    /// Nothing read yet of the file of this name.
    pub(super) fn of(file: &'a str) -> Self {
        Self { file, rows: Vec::new(), messages: Diagnostics::new(), is_full: false }
    }

    /// The name of the file, as messages show it.
    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// Adds a row; past [`MAX_ROWS`] rows are passed over with one message.
    pub(super) fn row(&mut self, row: Row) {
        if self.rows.len() < MAX_ROWS {
            self.rows.push(row);
        } else if !self.is_full {
            self.is_full = true;
            self.pass_over(row.line, &format!("{MAX_ROWS} rows are read, and no more"));
        }
    }

    /// Says that a line is passed over, and why.
    pub(super) fn pass_over(&mut self, line: u32, why: &str) {
        let place = Place::default().with_file(self.file.to_owned());
        self.messages.push(Diagnostic::warning(
            &calibration::UNREADABLE_ROW,
            format!("line {line} is passed over: {why}"),
            place,
        ));
    }

    /// A positive number of a line, or a message.
    pub(super) fn positive(&mut self, text: &str, what: &str, line: u32) -> Option<f64> {
        let value = positive(text);
        if value.is_none() {
            self.pass_over(line, &format!("{what} is `{}`", name(text)));
        }
        value
    }

    /// The rows and the messages.
    pub(super) fn finish(self) -> (Vec<Row>, Diagnostics) {
        (self.rows, self.messages)
    }
}

/// Lines with their numbers from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (u32, &str)> {
    (1_u32..).zip(text.lines())
}

/// Amounts that a measurement can state in any unit; sums, means and other units of them stay
/// finite and above zero.
pub(super) const AMOUNTS: RangeInclusive<f64> = 1e-18..=1e18;

/// A number above zero, of a size that can have been measured.
pub(super) fn positive(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value| AMOUNTS.contains(value))
}

/// The number at the start of a text, and what follows it: `30.27` and ` ms` of `30.27 ms`.
pub(super) fn leading_number(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// A time that a tool wrote, in units of `unit` seconds, with half a unit of its last place.
pub(super) fn written(text: &str, unit: f64) -> Option<(Seconds, Seconds)> {
    let value = positive(text)?;
    Some((Seconds(value * unit), Seconds(last_place(text.trim()) * 0.5 * unit)))
}

/// A time that a person typed: zeros at its end may be there for looks, and do not count as places.
pub(super) fn typed(text: &str, unit: f64) -> Option<(Seconds, Seconds)> {
    let value = positive(text)?;
    let text = text.trim();
    let places = if text.contains('.') { text.trim_end_matches('0') } else { text };
    Some((Seconds(value * unit), Seconds(last_place(places) * 0.5 * unit)))
}

/// The unit of a number's last decimal place: 0.01 for `2.66`.
fn last_place(text: &str) -> f64 {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    10_f64.powi(-i32::try_from(decimals.min(12)).unwrap_or(0))
}

/// Seconds of a unit of time by its short name.
pub(super) fn time_unit(name: &str) -> Option<f64> {
    match name {
        "s" => Some(1.0),
        "ms" => Some(1e-3),
        "us" | "µs" => Some(1e-6),
        "ns" => Some(1e-9),
        _ => None,
    }
}

/// A clock stated in megahertz, where it is one that a chip can have.
pub(super) fn megahertz(text: &str) -> Option<Hertz> {
    positive(text).filter(|value| *value < 1e5).map(|value| Hertz(value * 1e6))
}

/// A name out of a file: one line, and no longer than a name is.
pub(super) fn name(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_NAME).collect()
}

/// A name out of a file as part of a model's id, in which `/` parts network and layer.
pub(super) fn identifier(text: &str) -> String {
    name(text).replace(|c: char| c.is_whitespace() || c == '/', "_")
}

/// The id of the layer at `place` of a network.
pub(super) fn layer(network: &str, place: usize, kind: &str) -> String {
    format!("{network}/op{place:02}_{}", identifier(kind))
}

/// The id of all layers of one kind of a network.
pub(super) fn all_of_kind(network: &str, kind: &str) -> String {
    format!("{network}/op:{}", identifier(kind))
}

/// The name of a file without folders and its last extension.
pub(super) fn stem(path: &str) -> &str {
    let file = path.trim().rsplit(['/', '\\']).next().unwrap_or_default();
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_a_measurement() {
        assert_eq!(positive(" 3.5 "), Some(3.5));
        for text in ["0", "-1", "inf", "nan", "1e999", "1e30", "1e-30", "", "3 ms"] {
            assert_eq!(positive(text), None, "{text}");
        }
        assert_eq!(leading_number(" 30.27ms"), Some(("30.27", "ms")));
        assert_eq!(leading_number("ms"), None);
        let (time, resolution) = written("2.660", 1e-3).expect("a time");
        assert!((time.get() - 2.66e-3).abs() < 1e-12);
        assert!((resolution.get() - 0.0005e-3).abs() < 1e-12);
        let (_, resolution) = typed("2.660", 1e-3).expect("a time");
        assert!((resolution.get() - 0.005e-3).abs() < 1e-12);
        let (_, resolution) = typed("30", 1e-3).expect("a time");
        assert!((resolution.get() - 0.5e-3).abs() < 1e-12);
    }

    #[test]
    fn names_are_bounded_and_do_not_part_a_model() {
        assert_eq!(name(&"x".repeat(1000)).len(), LONGEST_NAME);
        assert_eq!(layer("net", 3, "a/b c"), "net/op03_a_b_c");
        assert_eq!(stem(r"C:\models\net.v2.tflite"), "net.v2");
        assert_eq!(stem(""), "");
    }

    #[test]
    fn rows_are_bounded() {
        let mut reading = Reading::of("rows");
        for line in 0..=MAX_ROWS + 1 {
            let line = u32::try_from(line).expect("small");
            reading.row(Row::blank(line, super::super::Level::Model));
        }
        let (rows, messages) = reading.finish();
        assert_eq!((rows.len(), messages.len()), (MAX_ROWS, 1));
    }
}
