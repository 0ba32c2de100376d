//! Sizes on the command line.

use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Bytes, Place};

use crate::failure::Failure;

/// Units of bytes, longest first where one ends another.
const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// A number of bytes, as in `65536` or `64KiB`.
///
/// # Errors
/// Any other text, and parts of a byte.
pub(crate) fn parse(text: &str) -> Result<Bytes, Failure> {
    let (number, factor) = UNITS
        .iter()
        .find_map(|&(unit, factor)| Some((text.strip_suffix(unit)?.trim_end(), factor)))
        .unwrap_or((text, 1));
    let whole = || number.parse::<u64>().ok()?.checked_mul(factor);
    let parts = || {
        let bytes = number.parse::<f64>().ok()? * factor as f64;
        let is_whole = bytes.fract() == 0.0 && (0.0..9e15).contains(&bytes);
        is_whole.then_some(bytes as u64)
    };
    whole().or_else(parts).map(Bytes).ok_or_else(|| {
        let message = format!("`{text}` is no size; write it as in `64KiB` or `65536`");
        Failure::new(&usage::BAD_ARGUMENT, message, Place::default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_bytes() {
        let size = |text| parse(text).ok();
        assert_eq!(size("65536"), Some(Bytes(65_536)));
        assert_eq!(size("64KiB"), Some(Bytes(65_536)));
        assert_eq!(size("64 kB"), Some(Bytes(64_000)));
        assert_eq!(size("1.5MiB"), Some(Bytes(1_572_864)));
        assert_eq!(size("18446744073709551615B"), Some(Bytes(u64::MAX)));
        for odd in ["", "KiB", "-1", "0.3KiB", "64K", "1e99", "nan", "18446744073709551615KiB"] {
            assert_eq!(size(odd), None, "{odd}");
        }
    }
}
