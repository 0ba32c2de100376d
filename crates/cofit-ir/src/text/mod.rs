//! The text form of a model.
//!
//! [`print()`] writes a model as text and [`parse()`] reads it back: the same names, shapes,
//! attributes, quantisation and bytes, floats to the last bit. File offsets
//! ([`Origin`](crate::Origin)) are not part of the text.
//!
//! # Example
//! ```
//! let text = r#"model "kws"
//! graph "main" {
//!   input t0
//!   output t5, t6
//!   tensor t0 "input" int8[1,49,10,1] scale=0.58 zero=83
//!   tensor t1 "weights" int8[2,10,4,1] axis=0 scale=[0.5,0.25] const absent
//!   tensor t2 "bias" int32[2] axis=0 scale=[0.29,0.145] const [7,-40]
//!   tensor t3 "features" int8[1,25,5,2] scale=0.1 zero=-128
//!   tensor t4 "axis" int32[] const [3]
//!   tensor t5 "left" int8[1,25,5,1] scale=0.1 zero=-128
//!   tensor t6 "right" int8[1,25,5,1] scale=0.1 zero=-128
//!   t3 = conv2d(t0, t1, t2) stride=2x2 activation=relu
//!   t5, t6 = split(t4, t3) num_splits=2
//! }
//! "#;
//! let model = cofit_ir::text::parse(text, None)?;
//! assert_eq!(model.to_string(), text);
//! let verified = cofit_ir::Verified::new(model)?;
//! assert_eq!(verified.main_graph().total_macs().get(), 25 * 5 * 2 * 10 * 4);
//! # Ok::<(), cofit_vocab::Diagnostics>(())
//! ```
//!
//! # Grammar
//! One statement a line; a line goes on inside parentheses and brackets. `#` starts a comment.
//! Strings are quoted, with the escapes `\\ \" \' \n \r \t \0 \u{hex}`.
//!
//! | statement | meaning |
//! |---|---|
//! | `model "NAME"` | comes first |
//! | `description "TEXT"` | the file's description |
//! | `source "FILE" "SHA-256"` | where the model came from |
//! | `metadata "NAME" xHEX` | a named byte string; may be repeated |
//! | `graph "NAME" {` … `}` | the first is the main one; the others are called `g1`, `g2`, … |
//! | `input LABEL, …` and `output LABEL, …` | the graph's inputs and outputs |
//! | `tensor LABEL "NAME" TYPE[AXES] …` | a tensor |
//! | `LABEL, … = KIND(LABEL, …) NAME=VALUE …` | an operator; `_` is a missing operand; without results there is no `=` |
//!
//! A label stands for a tensor of the same graph and may be used before the tensor is declared.
//! Tensors get their ids in the order of their statements; the printer labels `t0`, `t1`, …
//!
//! After a tensor's shape come, each if needed and in any order but the last: `scale=` and `zero=`,
//! a number or a list of them, where missing zero points are as many zeros as there are scales;
//! `axis=N` for scales of slices; `min=` and `max=`, the calibration range; `variable`; and `const`
//! with the data: `absent`, `xHEX`, or a list of numbers for integers of whole bytes and float32.
//!
//! Attributes that are not given have their default. An operator's scratch tensors are
//! `intermediates=[LABEL,…]`. A NaN is written `nan:HEX` with its bits.

mod lexer;
mod parse;
mod print;

pub use parse::parse;
pub use print::{ConstantText, print};

/// Words that begin a statement and therefore are no labels; `_` is a missing operand.
const RESERVED: &[&str] = &["_", "graph", "input", "model", "output", "tensor"];

/// The string inside a quoted text with Rust's escapes, as `{:?}` prints it.
pub(crate) fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut result = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match characters.next()? {
            'n' => result.push('\n'),
            'r' => result.push('\r'),
            't' => result.push('\t'),
            '0' => result.push('\0'),
            escaped @ ('\\' | '"' | '\'') => result.push(escaped),
            'u' => {
                let (digits, rest) = characters.as_str().strip_prefix('{')?.split_once('}')?;
                result.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                characters = rest.chars();
            }
            _ => return None,
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::unquote;

    #[test]
    fn strings_read_back() {
        for text in ["", "a b", "\"\\'", "\u{0}\u{1f}\u{7f}\u{200b}é\r\n\t", "\u{301}x"] {
            assert_eq!(unquote(&format!("{text:?}")).as_deref(), Some(text));
        }
        for broken in ["\"", "\"\\\"", "\"\\x41\"", "\"\\u{d800}\"", "\"\\u{41\"", "a"] {
            assert_eq!(unquote(broken), None, "{broken}");
        }
    }
}
