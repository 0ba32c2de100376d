//! Tables: one sample a row.

use std::path::Path;

use cofit_exec::Buffer;
use cofit_vocab::diagnostic::data as rules;
use cofit_vocab::{Diagnostic, Place};
use csv::{ReaderBuilder, StringRecord, Trim};

use super::fit::{Need, shape_text};
use super::labels::Labels;
use super::{Found, fault};
use crate::arrays::Array;
use crate::failure::Failure;
use crate::load;

/// The most bytes of a table.
const TABLE_LIMIT: u64 = 1 << 30;

/// Names of a column that is taken for the label, in any letter case.
const LABEL_NAMES: [&str; 3] = ["label", "class", "target"];

/// Reads a table for a model with one input.
///
/// The first row is a header if none of its cells is a number. Cells are parted by commas; by tabs
/// or semicolons where the first row has no comma.
pub fn read(path: &Path, label_column: Option<&str>, needs: &[Need]) -> Result<Found, Failure> {
    let name = path.display().to_string();
    let [need] = needs else {
        let message = format!("a table holds one input, and the model has {}", needs.len());
        return Err(fault(&rules::NO_INPUT_ARRAY, message, &name));
    };
    let bytes = load::read(path, TABLE_LIMIT)?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter(&bytes))
        .from_reader(bytes.as_slice());
    let mut table = Table::new(&name, need.elements());
    let mut record = StringRecord::new();
    let mut is_first = true;
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(fault(&rules::BAD_CELL, error.to_string(), &name)),
        }
        let line = record.position().map_or(0, csv::Position::line);
        if is_first {
            is_first = false;
            table.begin(&record, label_column)?;
            if table.header.is_some() {
                continue;
            }
        }
        table.row(&record, line)?;
    }
    let (values, names) = (table.values, table.names);
    let features = (values.len().checked_div(table.rows)).unwrap_or(0);
    if table.rows > 0 && features != need.elements() {
        let message = format!(
            "a row has {features} numbers, and `{}` takes {} of shape {}",
            need.name,
            need.elements(),
            shape_text(need.sample_shape())
        );
        let diagnostic = Diagnostic::error(
            &rules::SHAPE_MISMATCH,
            message,
            Place::default().with_file(name.as_str()),
        );
        let help = match (features == need.elements() + 1, table.label) {
            (true, None) => {
                "one column more: if it is the label, name it with `--label-column N`, from 0"
            }
            _ => "give one column for every element of the input, and at most one for the label",
        };
        return Err(diagnostic.with_help(help).into());
    }
    // A row is the sample's elements in row-major order, whatever its shape.
    let mut shape = vec![table.rows as u64];
    shape.extend(need.sample_shape());
    let labels = table.label.map(|_| Labels::of_names(&names));
    Ok(Found { inputs: vec![Array { shape, values: Buffer::F32(values) }], labels, scale: None })
}

/// What parts the cells of the first row.
fn delimiter(bytes: &[u8]) -> u8 {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    [b',', b'\t', b';'].into_iter().find(|mark| line.contains(mark)).unwrap_or(b',')
}

/// A table as far as it has been read.
struct Table<'a> {
    file: &'a str,
    /// Elements of the model's input.
    elements: usize,
    header: Option<StringRecord>,
    /// The column of the label.
    label: Option<usize>,
    /// Cells of the first row.
    columns: usize,
    rows: usize,
    values: Vec<f32>,
    names: Vec<String>,
}

impl<'a> Table<'a> {
    fn new(file: &'a str, elements: usize) -> Self {
        let (values, names) = (Vec::new(), Vec::new());
        Self { file, elements, header: None, label: None, columns: 0, rows: 0, values, names }
    }

    /// Takes the first row for the header, if it is one, and finds the label.
    fn begin(&mut self, record: &StringRecord, wanted: Option<&str>) -> Result<(), Failure> {
        self.columns = record.len();
        if record.iter().all(|cell| cell.parse::<f32>().is_err()) {
            self.header = Some(record.clone());
        }
        let header = self.header.iter().flatten();
        let find = |is_it: &dyn Fn(&str) -> bool| header.clone().position(is_it);
        self.label = match wanted {
            Some(wanted) => {
                let by_number = || wanted.parse().ok().filter(|at| *at < self.columns);
                let found = find(&|cell| cell == wanted).or_else(by_number);
                Some(found.ok_or_else(|| self.no_column(wanted))?)
            }
            None => find(&|cell| LABEL_NAMES.iter().any(|name| cell.eq_ignore_ascii_case(name))),
        };
        Ok(())
    }

    fn no_column(&self, wanted: &str) -> Failure {
        /// Columns that are listed; a table may have thousands.
        const LISTED: usize = 8;
        let columns = match &self.header {
            Some(header) => {
                let more = if header.len() > LISTED { ", ..." } else { "" };
                let names: Vec<&str> = header.iter().take(LISTED).collect();
                format!("its columns are {}{more}", names.join(", "))
            }
            None => format!("it has {} columns and no header", self.columns),
        };
        let message = format!("there is no column `{wanted}`; {columns}");
        fault(&rules::NO_LABEL_COLUMN, message, self.file)
    }

    fn row(&mut self, record: &StringRecord, line: u64) -> Result<(), Failure> {
        if record.len() != self.columns {
            let message =
                format!("line {line} has {} cells, the first one {}", record.len(), self.columns);
            return Err(fault(&rules::BAD_CELL, message, self.file));
        }
        for (column, cell) in record.iter().enumerate() {
            if self.label == Some(column) {
                self.names.push(cell.to_owned());
                continue;
            }
            let number = cell.parse::<f32>().ok().filter(|number| number.is_finite());
            self.values.push(number.ok_or_else(|| self.bad_cell(line, column, cell))?);
        }
        self.rows += 1;
        Ok(())
    }

    fn bad_cell(&self, line: u64, column: usize, cell: &str) -> Failure {
        /// Characters of a cell that are shown.
        const SHOWN: usize = 40;
        let title = self.header.as_ref().and_then(|header| header.get(column));
        let column_name =
            title.map_or_else(|| column.to_string(), |title| format!("{column} (`{title}`)"));
        let cell: String = cell.chars().take(SHOWN).collect();
        let message = format!("line {line}, column {column_name}: `{cell}` is no finite number");
        let place = Place::default().with_file(self.file);
        let diagnostic = Diagnostic::error(&rules::BAD_CELL, message, place);
        if self.label.is_none() && self.columns == self.elements + 1 {
            let help = format!("if it is the label, say so with `--label-column {column}`");
            return diagnostic.with_help(help).into();
        }
        diagnostic.into()
    }
}
