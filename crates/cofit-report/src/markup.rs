//! Text inside HTML and SVG.
//!
//! Names come from model files and may hold anything; whatever they hold stays text.

use std::fmt::{Arguments, Write as _};

/// The text within so many characters.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    if text.chars().nth(longest).is_none() {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

/// The end of a path within so many characters, cut where a part begins if it can be: what tells layers
/// apart stands at the end of their names.
pub(crate) fn tail(path: &str, longest: usize) -> String {
    let count = path.chars().count();
    if count <= longest {
        return path.to_owned();
    }
    let kept: String = path.chars().skip(count - longest.saturating_sub(1)).collect();
    match kept.find('/').filter(|at| at * 2 < kept.len()) {
        Some(at) => format!("…{}", &kept[at..]),
        None => format!("…{kept}"),
    }
}

/// The text within so many characters, for the content and the quoted attributes of HTML and XML.
///
/// What XML 1.0 has no place for (section 2.2), other controls, and marks that turn the direction of
/// what follows become the replacement character.
pub(crate) fn escaped(text: &str, longest: usize) -> String {
    let mut result = String::new();
    for c in shortened(text, longest).chars() {
        match c {
            '&' => result += "&amp;",
            '<' => result += "&lt;",
            '>' => result += "&gt;",
            '"' => result += "&quot;",
            '\'' => result += "&#39;",
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => result.push(' '),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                result.push('\u{fffd}');
            }
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => result.push('\u{fffd}'),
            c => result.push(c),
        }
    }
    result
}

/// Appends formatted text.
pub(crate) fn put(out: &mut String, text: Arguments<'_>) {
    // A string takes everything.
    let _ = out.write_fmt(text);
}

/// A coordinate: at most two decimals, and none where it is whole.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_text() {
        assert_eq!(
            escaped("</script><b a='\"'>&\n\u{1b}[0m\u{202e}\u{85}", 100),
            "&lt;/script&gt;&lt;b a=&#39;&quot;&#39;&gt;&amp; \u{fffd}[0m\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(escaped("äöü<", 3), "äö…");
        assert_eq!(shortened("abc", 3), "abc");
    }

    #[test]
    fn paths_keep_their_end() {
        assert_eq!(tail("a/b/c", 5), "a/b/c");
        assert_eq!(tail("net/block_3/expand/Relu6", 16), "…/expand/Relu6");
        assert_eq!(tail("äöüßäöüß", 4), "…öüß");
        assert_eq!(tail("ab", 0), "…");
    }

    #[test]
    fn coordinates_are_short() {
        for (value, text) in
            [(1.0, "1"), (-0.001, "0"), (2.345, "2.35"), (f64::NAN, "0"), (12.5, "12.5")]
        {
            assert_eq!(number(value), text);
        }
    }
}
