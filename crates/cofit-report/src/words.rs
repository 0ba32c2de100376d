//! Figures as a reader sees them.

use cofit_explore::{Measure, Status};
pub use cofit_ir::tensor::short_name;
use cofit_vocab::{Bytes, Figure, PicoJoules, Quantity, Seconds, Unit, Watts, units};

/// How a table writes its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// For a reader: thousands apart, bytes in the unit that suits them.
    Grouped,
    /// For a program: digits, bytes as bytes.
    Plain,
}

impl Numbers {
    /// A count.
    pub fn count(self, number: u64) -> String {
        match self {
            Self::Grouped => units::grouped(number),
            Self::Plain => number.to_string(),
        }
    }

    /// A size.
    pub fn bytes(self, bytes: Bytes) -> String {
        match self {
            Self::Grouped => bytes.human(),
            Self::Plain => bytes.get().to_string(),
        }
    }
}

/// A figure's value in its unit.
pub fn value(amount: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => Bytes(amount.max(0.0) as u64).human(),
        Unit::Cycles => units::grouped(amount.max(0.0) as u64),
        Unit::Seconds => Seconds(amount).to_string(),
        Unit::Joules => PicoJoules(amount * 1e12).to_string(),
        Unit::Watts => Watts(amount).to_string(),
        Unit::Decibels => format!("{amount:.1} dB"),
        Unit::One => format!("{amount:.3}"),
    }
}

/// A figure with its interval where it has one: `6.90 ms [6.10 ms, 8.30 ms]`.
pub fn figure(figure: &Figure) -> String {
    let middle = value(figure.value, figure.unit);
    if figure.low == figure.high {
        return middle;
    }
    format!("{middle} [{}, {}]", value(figure.low, figure.unit), value(figure.high, figure.unit))
}

/// A quantity, or the reason why there is none.
pub fn quantity(quantity: &Quantity) -> String {
    match quantity {
        Quantity::Known(known) => figure(known),
        Quantity::Unavailable(reason) => format!("unknown: {reason}"),
    }
}

/// A need or a limit in a table cell.
pub fn measure(measure: &Measure) -> String {
    match measure {
        Measure::Figure(Quantity::Known(figure)) => value(figure.value, figure.unit),
        Measure::Figure(Quantity::Unavailable(_)) => "unknown".to_owned(),
        Measure::Words(words) => words.clone(),
    }
}

/// The unit of a need or limit that has one.
pub fn unit_of(measure: &Measure) -> Option<Unit> {
    match measure {
        Measure::Figure(quantity) => quantity.figure().map(|figure| figure.unit),
        Measure::Words(_) => None,
    }
}

/// Headroom with its sign; `ok` or `FAIL` where there is no number.
pub fn headroom(amount: Option<f64>, unit: Option<Unit>, status: Status) -> String {
    match (amount, unit) {
        (Some(amount), Some(unit)) => {
            let sign = if amount < 0.0 { "-" } else { "+" };
            format!("{sign}{}", value(amount.abs(), unit))
        }
        _ => match status {
            Status::Pass => "ok".to_owned(),
            Status::Unknown => "?".to_owned(),
            Status::Fail => "FAIL".to_owned(),
        },
    }
}

/// A number of any magnitude with four significant digits.
pub fn significant(number: f64) -> String {
    let magnitude = number.abs();
    match magnitude {
        0.0 => "0".to_owned(),
        1e-3..1e5 => {
            let decimals = (3 - magnitude.log10().floor() as i32).clamp(0, 6) as usize;
            let text = format!("{number:.decimals$}");
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        _ => format!("{number:.3e}"),
    }
}

/// A share as whole per cent.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// `text` in lines of at most `width` characters, broken at spaces; all but the first are
/// indented. A word longer than the line stays whole.
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let body = text.trim_start_matches(' ');
    let mut length = text.len() - body.len();
    let mut lines = " ".repeat(length);
    let mut is_first = true;
    for word in body.split(' ') {
        let word_length = word.chars().count();
        if !is_first && length + 1 + word_length > width {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            length = indent;
        } else if !is_first {
            lines.push(' ');
            length += 1;
        }
        is_first = false;
        lines.push_str(word);
        length += word_length;
    }
    lines
}

/// The first eight digits of a hash.
pub fn short_hash(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use cofit_vocab::FigureKind;

    use super::*;

    #[test]
    fn figures_carry_their_interval() {
        let point = Figure::point(0.0069, Unit::Seconds, FigureKind::Simulated);
        assert_eq!(figure(&point), "6.90 ms");
        let range = Figure::between(0.0069, Unit::Seconds, FigureKind::Calibrated, 0.0061, 0.0083);
        assert_eq!(figure(&range), "6.90 ms [6.10 ms, 8.30 ms]");
    }

    #[test]
    fn numbers_keep_four_digits() {
        for (number, text) in [
            (0.0, "0"),
            (0.123456, "0.1235"),
            (-12.5, "-12.5"),
            (1234.56, "1235"),
            (1e-7, "1.000e-7"),
            (3.0, "3"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(significant(number), text);
        }
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("one two three", 7, 2), "one two\n  three");
        assert_eq!(wrapped("  at: here", 6, 4), "  at:\n    here");
        assert_eq!(wrapped("immeasurable", 4, 2), "immeasurable");
    }

    #[test]
    fn headroom_keeps_its_sign() {
        assert_eq!(headroom(Some(-2048.0), Some(Unit::Bytes), Status::Fail), "-2.0 KiB");
        assert_eq!(headroom(None, None, Status::Fail), "FAIL");
    }
}
