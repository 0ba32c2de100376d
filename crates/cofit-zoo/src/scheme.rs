//! The naming schemes of measured rows: patterns for model names, and what they stand for.
//!
//! `networks/schemes.txt` is read line by line. A line `data NAME CLASSES FEATURES` gives the number of
//! classes of a data set, and of features where its samples are short lists. Every other line is a
//! pattern, `->`, the name of an architecture and values for its parameters; the first pattern that
//! matches counts. In a pattern
//!
//! - `{name}` stands for a number, which values may use by that name;
//! - `{name%}` stands for digits that are hundredths, as `035` is 0.35;
//! - `{data}` stands for the name of a data set, and in values for its number of classes, `{features}`
//!   for that of its features;
//! - `(a|b|)` stands for one of these texts;
//! - `*` at the end stands for anything;
//! - every other letter stands for itself, `-` and `_` for each other, and case does not count.

/// An architecture and values for its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The name of the architecture.
    pub architecture: &'static str,
    /// Values of parameters, by name.
    pub parameters: Vec<(String, String)>,
}

/// The schemes.
const SCHEMES: &str = include_str!("../networks/schemes.txt");

/// Names longer than this are no model's: it bounds the work of matching.
const LONGEST: usize = 160;

/// What a captured part of a name stands for, by the capture's name.
type Captures<'p> = Vec<(&'p str, String)>;

/// A pattern, the architecture's name, and values for its parameters.
pub(crate) struct Scheme {
    pub(crate) pattern: &'static str,
    pub(crate) architecture: &'static str,
    values: Vec<(&'static str, &'static str)>,
}

/// The schemes in the order in which they are tried.
pub(crate) fn schemes() -> impl Iterator<Item = Scheme> {
    lines().filter_map(|line| {
        let (pattern, meaning) = line.split_once("->")?;
        let mut words = meaning.split_whitespace();
        let architecture = words.next()?;
        let values = words.filter_map(|word| word.split_once('=')).collect();
        Some(Scheme { pattern: pattern.trim(), architecture, values })
    })
}

fn lines() -> impl Iterator<Item = &'static str> {
    SCHEMES.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// What the first scheme that knows `model` says of it.
pub fn resolve(model: &str) -> Option<Resolved> {
    if model.len() > LONGEST {
        return None;
    }
    let name: String = model
        .chars()
        .map(|letter| if letter == '-' { '_' } else { letter.to_ascii_lowercase() })
        .collect();
    schemes().find_map(|scheme| {
        let mut captures = Vec::new();
        if !matches(scheme.pattern, &name, &mut captures) {
            return None;
        }
        let parameters = scheme.values.iter().map(|&(key, value)| {
            let value =
                value.strip_prefix('{').and_then(|value| value.strip_suffix('}')).map_or_else(
                    || Some(value.to_owned()),
                    |wanted| {
                        let capture = captures.iter().find(|(name, _)| *name == wanted);
                        capture.map(|(_, text)| text.clone())
                    },
                );
            value.map(|value| (key.to_owned(), value))
        });
        Some(Resolved {
            architecture: scheme.architecture,
            parameters: parameters.collect::<Option<_>>()?,
        })
    })
}

/// The number of classes of a data set, and of features where the scheme's list states it.
fn data_set(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    lines().filter_map(|line| line.strip_prefix("data ")).find_map(|line| {
        let mut words = line.split_whitespace();
        let known = words.next() == Some(name);
        let classes = words.next().filter(|_| known)?;
        Some((classes, words.next()))
    })
}

/// Whether `name` is what `pattern` describes, with what its captures hold.
fn matches<'p>(pattern: &'p str, name: &str, captures: &mut Captures<'p>) -> bool {
    let Some(first) = pattern.chars().next() else { return name.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => true,
        '(' => {
            let Some((choices, behind)) = rest.split_once(')') else { return false };
            choices.split('|').any(|choice| {
                let held = captures.len();
                let tail = strip(name, choice);
                let fits = tail.is_some_and(|tail| matches(behind, tail, captures));
                if !fits {
                    captures.truncate(held);
                }
                fits
            })
        }
        '{' => {
            let Some((capture, behind)) = rest.split_once('}') else { return false };
            capture_of(capture, behind, name, captures)
        }
        letter => match name.strip_prefix(if letter == '-' { '_' } else { letter }) {
            Some(tail) => matches(rest, tail, captures),
            None => false,
        },
    }
}

/// Tries the capture's longest text first.
fn capture_of<'p>(
    capture: &'p str,
    behind: &'p str,
    name: &str,
    captures: &mut Captures<'p>,
) -> bool {
    let (key, hundredths) = match capture.strip_suffix('%') {
        Some(key) => (key, true),
        None => (capture, false),
    };
    let is_data = key == "data";
    let fits = |letter: char| match is_data {
        true => letter.is_ascii_alphanumeric() || letter == '_',
        false => letter.is_ascii_digit() || letter == '.' && !hundredths,
    };
    let longest = name.find(|letter| !fits(letter)).unwrap_or(name.len());
    (1..=longest).rev().any(|length| {
        // What fits is ASCII, so that every length is a boundary.
        let (text, tail) = name.split_at(length);
        let held = captures.len();
        let meaning = if is_data {
            data_set(text).map(|(classes, features)| {
                captures.extend(features.map(|number| ("features", number.to_owned())));
                classes.to_owned()
            })
        } else if hundredths {
            text.parse::<u32>().ok().map(|hundredths| (f64::from(hundredths) / 100.0).to_string())
        } else {
            text.parse::<f64>().ok().map(|_| text.to_owned())
        };
        let Some(meaning) = meaning else { return false };
        captures.push((key, meaning));
        let fits = matches(behind, tail, captures);
        if !fits {
            captures.truncate(held);
        }
        fits
    })
}

/// `name` without `text` before it, `-` as `_`.
fn strip<'n>(name: &'n str, text: &str) -> Option<&'n str> {
    let mut tail = name;
    for letter in text.chars() {
        tail = tail.strip_prefix(if letter == '-' { '_' } else { letter })?;
    }
    Some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: &str, expected: &str) {
        let text = resolve(model).map_or("unknown".to_owned(), |found| {
            let values: Vec<String> =
                found.parameters.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{}{}", found.architecture, values.concat())
        });
        assert_eq!(text, expected, "{model}");
    }

    #[test]
    fn names_of_every_scheme_resolve_and_so_do_their_siblings() {
        check(
            "stzoo_mobilenet_v1_0.25_96_grayscale_tfs__flowers",
            "mobilenet_v1 width=0.25 resolution=96 classes=5 channels=1",
        );
        check(
            "stzoo_mobilenet_v2_0.5_160_fft__food-101",
            "mobilenet_v2 width=0.5 resolution=160 classes=101",
        );
        check("mobilenet_v2_0.75_160", "mobilenet_v2 width=0.75 resolution=160");
        check("tinymaix_mbnet160_mobilenetv1_025_160", "mobilenet_v1 width=0.25 resolution=160");
        check("stzoo_mobilenet_v2_0.5_160_fft__no-such-data", "unknown");
        check("stzoo_mobilenet_v2_wide", "unknown");
        check("", "unknown");
    }
}
