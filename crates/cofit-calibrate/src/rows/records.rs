//! Records of a table with separators, with the lines that they stand in.

use super::reading::Reading;

/// The most lines of the file that one record may take up. A longer one has a quotation mark that
/// nothing closes, and would swallow the rest of the table.
const MOST_LINES: usize = 50;

/// A table behind its first line.
pub(super) struct Records<'a> {
    reader: csv::Reader<&'a [u8]>,
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Records<'a> {
    /// The first line and what is behind it; `None` of an empty text.
    pub(super) fn of(text: &'a str, separator: u8) -> Option<(csv::StringRecord, Self)> {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .delimiter(separator)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let header = reader.headers().ok()?.clone();
        Some((header, Self { reader, text, at: 0, line: 1 }))
    }

    /// The next record and its line, from 1.
    pub(super) fn next(&mut self, reading: &mut Reading<'_>) -> Option<(u32, csv::StringRecord)> {
        loop {
            let mut record = csv::StringRecord::new();
            let start = self.reader.position().byte();
            match self.reader.read_record(&mut record) {
                Ok(false) => return None,
                Ok(true) => {
                    let line = self.line_of(start);
                    let lines: usize = record.iter().map(|field| field.matches('\n').count()).sum();
                    if lines < MOST_LINES {
                        return Some((line, record));
                    }
                    reading.pass_over(line, "a quotation mark is not closed");
                }
                Err(error) => {
                    let line = self.line_of(start);
                    reading.pass_over(line, &error.to_string());
                }
            }
        }
    }

    /// The line of the first character at or behind a byte that ends no line. Bytes come in order.
    fn line_of(&mut self, byte: u64) -> u32 {
        let bytes = self.text.as_bytes();
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).clamp(self.at, bytes.len());
        self.line = self.line.saturating_add(breaks(&bytes[self.at..byte]));
        self.at = byte;
        let empty = bytes[byte..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.line.saturating_add(breaks(&bytes[byte..byte + empty]))
    }
}

fn breaks(bytes: &[u8]) -> u32 {
    let count = bytes.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Vec<u32>, usize) {
        let mut reading = Reading::of("rows");
        let (_, mut records) = Records::of(text, b',').expect("a first line");
        let lines =
            std::iter::from_fn(|| records.next(&mut reading)).map(|(line, _)| line).collect();
        (lines, reading.finish().1.len())
    }

    #[test]
    fn records_know_their_lines() {
        assert_eq!(lines("a,b\n1,2\n\n\n3,4\n"), (vec![2, 5], 0));
        assert_eq!(lines("a,b\r\n1,2\r\n\r\n3,4"), (vec![2, 4], 0));
        assert_eq!(lines("\na,b\n1,\"x\ny\"\n3,4\n"), (vec![3, 5], 0));
    }

    #[test]
    fn a_quotation_mark_that_nothing_closes_is_told() {
        let text = format!("a,b\n1,2\n3,\"x\n{}", "4,5\n".repeat(60));
        assert_eq!(lines(&text), (vec![2], 1));
    }
}
