//! A model as source for a training framework.
//!
//! The source builds the same layers with fresh weights: what is trained, not what was trained. Types
//! and scales of integers are left out, for frameworks train in floats; where the model quantises, the
//! source goes on. [`program`] reads the graph once; [`keras`] and [`pytorch`] write it down.

pub mod call;
pub mod keras;
pub mod program;
pub mod pytorch;

use cofit_ir::Model;
use cofit_vocab::Diagnostics;

use program::Program;

/// Whose layers the source names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// PyTorch.
    Torch,
    /// Keras 3, on any of its backends.
    Keras,
}

/// The model as Python source.
///
/// # Errors
/// An operator that the frameworks have no layer for, by name.
pub fn write(model: &Model, framework: Framework) -> Result<String, Diagnostics> {
    let program = Program::of(model)?;
    Ok(match framework {
        Framework::Torch => pytorch::write(&program),
        Framework::Keras => keras::write(&program),
    })
}

/// Numbers as Python writes a tuple.
pub(crate) fn tuple<T: ToString>(numbers: &[T]) -> String {
    let list: Vec<String> = numbers.iter().map(T::to_string).collect();
    match list.as_slice() {
        [only] => format!("({only},)"),
        _ => format!("({})", list.join(", ")),
    }
}

/// A float as Python writes it.
pub(crate) fn float(number: f32) -> String {
    // The debug form has the fewest digits that read back, and a point or an exponent.
    format!("{number:?}")
}

/// A name in words, each with a capital: that of a class.
pub(crate) fn class_name(name: &str) -> String {
    let mut text = String::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let mut letters = part.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    match text.bytes().next() {
        Some(first) if first.is_ascii_alphabetic() => text,
        _ => format!("Net{text}"),
    }
}
