//! Problems and layouts as minimalloc's CSV files.
//!
//! The first line names the columns, in any order; each further line is a buffer. `id`, `lower`,
//! `upper` and `size` are required, `alignment`, `offset` and `gaps` optional, others (such as
//! `hint`) are passed over. A buffer lives on the half-open interval from `lower` to `upper`;
//! with a column `end` in place of `upper`, the last instant is included. `gaps` are separated by
//! spaces and written `from-to`. The names and their older synonyms (`buffer`, `buffer_id`,
//! `start`, `begin`, `end`) are those of google/minimalloc, src/converter.cc.
//!
//! Gaps with a window of addresses (`from-to@low:high`) are refused: they change which bytes
//! conflict, and passing over them would give layouts that are not minimal.

use std::fmt::Write as _;

use crate::problem::{Buffer, Problem, Solution};

/// A problem with the names of its buffers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The name of every buffer, by index.
    pub ids: Vec<String>,
    /// The buffers. The format has no capacity.
    pub problem: Problem,
}

/// A fault of a CSV file, with its line counted from one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct CsvError {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub fault: CsvFault,
}

/// What is wrong with a line of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvFault {
    /// A required column is missing.
    #[error("the column `{0}` is missing")]
    MissingColumn(&'static str),
    /// Two columns mean the same.
    #[error("the column `{0}` occurs twice")]
    RepeatedColumn(String),
    /// The line has more or fewer fields than the first.
    #[error("{found} fields, where the first line names {expected}")]
    FieldCount {
        /// Columns named.
        expected: usize,
        /// Fields found.
        found: usize,
    },
    /// A field is no number from zero to 2^64 - 1.
    #[error("`{text}` in column `{column}` is no whole number below 2^64")]
    Number {
        /// The column.
        column: &'static str,
        /// The field.
        text: String,
    },
    /// The lifetime ends before it starts.
    #[error("the lifetime from {lower} to {upper} ends before it starts")]
    Lifetime {
        /// Start.
        lower: u64,
        /// End.
        upper: u64,
    },
    /// A gap is not written `from-to`.
    #[error("`{0}` is no gap of the form `from-to`")]
    Gap(String),
    /// A gap has a window of addresses.
    #[error("the gap `{0}` has a window of addresses, which is not supported")]
    GapWindow(String),
}

/// Where the columns are.
struct Columns {
    count: usize,
    id: usize,
    lower: usize,
    upper: usize,
    size: usize,
    alignment: Option<usize>,
    offset: Option<usize>,
    gaps: Option<usize>,
    /// Added to the ends of intervals: one where the file includes the last instant.
    end: u64,
}

impl Columns {
    fn read(header: &str) -> Result<Self, CsvFault> {
        let mut end = 0;
        let mut names: Vec<&str> = Vec::new();
        for name in header.split(',').map(str::trim) {
            let name = match name {
                "buffer" | "buffer_id" => "id",
                "begin" | "start" => "lower",
                "end" => {
                    end = 1;
                    "upper"
                }
                name => name,
            };
            if names.contains(&name) {
                return Err(CsvFault::RepeatedColumn(name.to_owned()));
            }
            names.push(name);
        }
        let find = |wanted: &str| names.iter().position(|&name| name == wanted);
        let need = |wanted| find(wanted).ok_or(CsvFault::MissingColumn(wanted));
        Ok(Self {
            count: names.len(),
            id: need("id")?,
            lower: need("lower")?,
            upper: need("upper")?,
            size: need("size")?,
            alignment: find("alignment"),
            offset: find("offset"),
            gaps: find("gaps"),
            end,
        })
    }

    fn buffer(&self, fields: &[&str]) -> Result<Buffer, CsvFault> {
        if fields.len() != self.count {
            return Err(CsvFault::FieldCount { expected: self.count, found: fields.len() });
        }
        let lower = number(fields[self.lower], "lower")?;
        let upper = number(fields[self.upper], "upper")?.saturating_add(self.end);
        if upper < lower {
            return Err(CsvFault::Lifetime { lower, upper });
        }
        let mut buffer = Buffer::new(lower, upper, number(fields[self.size], "size")?);
        if let Some(column) = self.alignment {
            buffer.alignment = number(fields[column], "alignment")?;
        }
        // An empty field or minimalloc's -1 leaves the offset open.
        if let Some(column) = self.offset
            && !matches!(fields[column], "" | "-1")
        {
            buffer.fixed = Some(number(fields[column], "offset")?);
        }
        if let Some(column) = self.gaps {
            for text in fields[column].split_whitespace() {
                if text.contains('@') {
                    return Err(CsvFault::GapWindow(text.to_owned()));
                }
                let gap = || CsvFault::Gap(text.to_owned());
                let (lo, hi) = text.split_once('-').ok_or_else(gap)?;
                let lo: u64 = lo.parse().map_err(|_| gap())?;
                let hi: u64 = hi.parse().map_err(|_| gap())?;
                buffer.gaps.push((lo, hi.saturating_add(self.end)));
            }
        }
        Ok(buffer)
    }
}

fn number(text: &str, column: &'static str) -> Result<u64, CsvFault> {
    text.parse().map_err(|_| CsvFault::Number { column, text: text.to_owned() })
}

/// Reads a problem. Empty lines are passed over.
///
/// # Errors
///
/// The first faulty line.
///
/// ```
/// let table = cofit_pack::csv::read("id,lower,upper,size\nx,0,2,10\n")?;
/// assert_eq!(table.ids, ["x"]);
/// assert_eq!(table.problem.buffers[0].size, 10);
/// # Ok::<(), cofit_pack::csv::CsvError>(())
/// ```
pub fn read(text: &str) -> Result<Table, CsvError> {
    let mut table = Table::default();
    let mut columns: Option<Columns> = None;
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim().is_empty() {
            continue;
        }
        let at = |fault| CsvError { line, fault };
        let Some(columns) = &columns else {
            columns = Some(Columns::read(content).map_err(at)?);
            continue;
        };
        let fields: Vec<&str> = content.split(',').map(str::trim).collect();
        table.problem.buffers.push(columns.buffer(&fields).map_err(at)?);
        table.ids.push(fields[columns.id].to_owned());
    }
    match columns {
        Some(_) => Ok(table),
        None => Err(CsvError { line: 1, fault: CsvFault::MissingColumn("id") }),
    }
}

/// Writes a problem, with the offsets of a layout if one is given, else with the fixed ones.
/// Columns that say nothing are left out. [`read`] gives the same problem back, its buffers fixed
/// where the layout has them.
///
/// Commas and line breaks in names would break the format; they are written as underscores.
pub fn write(table: &Table, solution: Option<&Solution>) -> String {
    let buffers = &table.problem.buffers;
    let alignment = buffers.iter().any(|buffer| buffer.alignment > 1);
    let gaps = buffers.iter().any(|buffer| !buffer.gaps.is_empty());
    let offset = solution.is_some() || buffers.iter().any(|buffer| buffer.fixed.is_some());
    let mut text = String::from("id,lower,upper,size");
    for (wanted, name) in [(alignment, ",alignment"), (gaps, ",gaps"), (offset, ",offset")] {
        if wanted {
            text.push_str(name);
        }
    }
    text.push('\n');
    for (i, buffer) in buffers.iter().enumerate() {
        match table.ids.get(i) {
            Some(id) => text.push_str(&id.replace([',', '\n', '\r'], "_")),
            None => _ = write!(text, "{i}"),
        }
        _ = write!(text, ",{},{},{}", buffer.lower, buffer.upper, buffer.size);
        if alignment {
            _ = write!(text, ",{}", buffer.alignment);
        }
        if gaps {
            let gaps: Vec<String> =
                buffer.gaps.iter().map(|(lo, hi)| format!("{lo}-{hi}")).collect();
            _ = write!(text, ",{}", gaps.join(" "));
        }
        if offset {
            text.push(',');
            let chosen = solution.and_then(|solution| solution.offsets.get(i).copied());
            if let Some(offset) = chosen.or(buffer.fixed) {
                _ = write!(text, "{offset}");
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_fault(text: &str, expected: &str) {
        let found = read(text).expect_err("the file is faulty").to_string();
        assert_eq!(found, expected);
    }

    #[test]
    fn columns_in_any_order_and_synonyms() {
        let table = read("size,buffer_id,start,end,hint\n4,a,0,2,9\n\n8,b,1,1,9\n").unwrap();
        assert_eq!(table.ids, ["a", "b"]);
        assert_eq!(table.problem.buffers, [Buffer::new(0, 3, 4), Buffer::new(1, 2, 8)]);
    }

    #[test]
    fn every_column_round_trips() {
        let text = "id,lower,upper,size,alignment,gaps,offset\n\
                    a,0,9,4,1,1-2 3-4,\n\
                    b,3,5,18446744073709551615,16,,32\n";
        let table = read(text).unwrap();
        assert_eq!(
            table.problem.buffers,
            [
                Buffer::new(0, 9, 4).with_gap(1, 2).with_gap(3, 4),
                Buffer::new(3, 5, u64::MAX).aligned(16).at(32),
            ]
        );
        assert_eq!(write(&table, None), text);
    }

    #[test]
    fn a_layout_is_written_as_offsets() {
        let table = read("id,lower,upper,size\na,0,1,4\nb,0,1,4\n").unwrap();
        let solution = Solution {
            offsets: vec![4, 0],
            height: 8,
            lower_bound: 8,
            proven_optimal: true,
            nodes: 0,
        };
        assert_eq!(
            write(&table, Some(&solution)),
            "id,lower,upper,size,offset\na,0,1,4,4\nb,0,1,4,0\n"
        );
    }

    #[test]
    fn faults_name_their_line() {
        check_fault("", "line 1: the column `id` is missing");
        check_fault("id,lower,size\n", "line 1: the column `upper` is missing");
        check_fault("id,lower,start,upper,size\n", "line 1: the column `lower` occurs twice");
        check_fault(
            "id,lower,upper,size\na,0,1\n",
            "line 2: 3 fields, where the first line names 4",
        );
        check_fault(
            "id,lower,upper,size\n\na,0,1,-4\n",
            "line 3: `-4` in column `size` is no whole number below 2^64",
        );
        check_fault(
            "id,lower,upper,size\na,0,1,18446744073709551616\n",
            "line 2: `18446744073709551616` in column `size` is no whole number below 2^64",
        );
        check_fault(
            "id,lower,upper,size\na,2,1,4\n",
            "line 2: the lifetime from 2 to 1 ends before it starts",
        );
        check_fault(
            "id,lower,upper,size,gaps\na,0,9,4,3\n",
            "line 2: `3` is no gap of the form `from-to`",
        );
        check_fault(
            "id,lower,upper,size,gaps\na,0,9,4,3-4@0:2\n",
            "line 2: the gap `3-4@0:2` has a window of addresses, which is not supported",
        );
    }
}
