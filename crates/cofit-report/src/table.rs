//! Tables that fit a terminal without cutting a number, and the same tables as CSV and Markdown.

use std::fmt::Write as _;

/// Whether a column may be shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers and short words: aligned to the right, never shortened.
    Number,
    /// Short words: aligned to the left, never shortened.
    Word,
    /// Words of a fixed list: aligned to the left, shortened once no name can give more.
    Term,
    /// Names: aligned to the left, shortened in the middle where the line is too long.
    Name,
}

/// The rounds of shortening: which columns give way, and down to how many characters. Names go
/// first while they can be read, then terms, then both while they can still be told apart.
const ROUNDS: [(&[ColumnKind], usize); 3] = [
    (&[ColumnKind::Name], 8),
    (&[ColumnKind::Name, ColumnKind::Term], 8),
    (&[ColumnKind::Name, ColumnKind::Term], 5),
];

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<(String, ColumnKind)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[(&str, ColumnKind)]) -> Self {
        Self {
            columns: columns.iter().map(|(title, kind)| ((*title).to_owned(), *kind)).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells stay empty.
    pub fn row(&mut self, mut cells: Vec<String>) {
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, no line longer than `width` unless the numbers alone need more.
    pub fn text(&self, width: usize) -> String {
        let widths = self.widths(width);
        let mut text = String::new();
        let titles: Vec<String> = self.columns.iter().map(|(title, _)| title.clone()).collect();
        for cells in std::iter::once(&titles).chain(&self.rows) {
            let mut line = String::new();
            for ((cell, &width), (_, kind)) in cells.iter().zip(&widths).zip(&self.columns) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                let cell = shortened(cell, width);
                let gap = width.saturating_sub(cell.chars().count());
                match kind {
                    ColumnKind::Number => {
                        line.extend(std::iter::repeat_n(' ', gap));
                        line.push_str(&cell);
                    }
                    ColumnKind::Word | ColumnKind::Term | ColumnKind::Name => {
                        line.push_str(&cell);
                        line.extend(std::iter::repeat_n(' ', gap));
                    }
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Column widths for a line of `width`: what the cells need, less what the names can give.
    fn widths(&self, width: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, (title, _))| {
                let cells = self.rows.iter().map(|row| row[at].chars().count());
                cells.chain([title.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let separators = 2 * widths.len().saturating_sub(1);
        for (kinds, least) in ROUNDS {
            while widths.iter().sum::<usize>() + separators > width {
                let longest = self
                    .columns
                    .iter()
                    .enumerate()
                    .filter(|(at, (title, kind))| {
                        kinds.contains(kind) && widths[*at] > title.chars().count().max(least)
                    })
                    .max_by_key(|(at, _)| widths[*at])
                    .map(|(at, _)| at);
                match longest {
                    Some(at) => widths[at] -= 1,
                    None => break,
                }
            }
        }
        widths
    }

    /// The table as RFC 4180 CSV.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        let titles: Vec<String> = self.columns.iter().map(|(title, _)| title.clone()).collect();
        for cells in std::iter::once(&titles).chain(&self.rows) {
            let quoted: Vec<String> = cells.iter().map(|cell| csv_cell(cell)).collect();
            text.push_str(&quoted.join(","));
            text.push_str("\r\n");
        }
        text
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from("|");
        for (title, _) in &self.columns {
            let _ = write!(text, " {title} |");
        }
        text.push_str("\n|");
        for (_, kind) in &self.columns {
            text.push_str(match kind {
                ColumnKind::Number => "---:|",
                ColumnKind::Word | ColumnKind::Term | ColumnKind::Name => "---|",
            });
        }
        text.push('\n');
        for row in &self.rows {
            text.push('|');
            for cell in row {
                let _ = write!(text, " {} |", cell.replace('|', "\\|").replace('\n', " "));
            }
            text.push('\n');
        }
        text
    }
}

/// A cell as CSV wants it. A cell that a spreadsheet would run as a formula is not special here:
/// names of layers are the user's own.
fn csv_cell(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// `text` in at most `width` characters, with its middle left out: names of layers differ at
/// their ends.
fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let tail = width.saturating_sub(1) * 2 / 3;
    let head = width.saturating_sub(1 + tail);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let mut table = Table::new(&[
            ("LAYER", ColumnKind::Name),
            ("CYCLES", ColumnKind::Number),
            ("BOUND", ColumnKind::Word),
        ]);
        table.row(vec![
            "MobilenetV2/expanded_conv_12/depthwise/Relu6".into(),
            "1,234,567".into(),
            "compute".into(),
        ]);
        table.row(vec!["fc".into(), "12".into(), "a|b".into()]);
        table
    }

    #[test]
    fn names_give_way_and_numbers_do_not() {
        let text = example().text(40);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.contains("1,234,567") && text.contains("/Relu6"), "{text}");
    }

    #[test]
    fn terms_give_way_after_names() {
        let mut table = Table::new(&[("LAYER", ColumnKind::Name), ("BOUND", ColumnKind::Term)]);
        table.row(vec!["expanded_conv_12".into(), "transfer_setup".into()]);
        let row = |width| table.text(width).lines().nth(1).map(str::to_owned);
        assert_eq!(row(24).as_deref(), Some("exp…v_12  transfer_setup"));
        assert_eq!(row(20).as_deref(), Some("exp…v_12  tra…_setup"));
        assert_eq!(row(12).as_deref(), Some("ex…12  tr…up"));
    }

    #[test]
    fn a_wide_line_shortens_nothing() {
        assert!(example().text(200).contains("MobilenetV2/expanded_conv_12/depthwise/Relu6"));
    }

    #[test]
    fn csv_and_markdown_escape_their_separators() {
        assert!(example().csv().contains("\"1,234,567\""));
        assert!(example().markdown().contains("a\\|b"));
    }

    #[test]
    fn an_impossible_width_still_prints_every_number() {
        assert!(example().text(5).contains("1,234,567"));
    }
}
