//! Coded messages: whose fault, where, which rule, what to do.
//!
//! A [`Code`] is a documented rule with a stable identifier that `cofit explain` prints. The rules
//! are listed one file per area under `diagnostic/`; [`Code::all`] is their union. Library code
//! collects [`Diagnostic`]s and never prints them.

use std::fmt;

pub mod calibration;
pub mod card;
pub mod chip_rule;
pub mod comparison;
pub mod data;
pub mod execution;
pub mod model;
pub mod npu;
pub mod onnx;
pub mod packing;
pub mod plan;
pub mod quantisation;
pub mod search;
pub mod simulation;
pub mod sketch;
pub mod source;
pub mod tflite;
pub mod usage;

/// Whose fault a message is, which decides the exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The command line or the configuration is wrong: exit 2.
    Usage,
    /// The card cannot be read: exit 3.
    Card,
    /// The model cannot be read: exit 3.
    Model,
    /// Samples, labels or buffers cannot be read, or do not suit the model: exit 3.
    Data,
    /// The model is sound, but the chip or the budget refuses it: exit 1.
    Constraint,
    /// Nothing is at fault, and a result is to be read with a reservation: exit 0.
    Reservation,
    /// Two results are compared where that would mislead: exit 4.
    Comparison,
    /// A mistake in cofit itself: exit 70.
    Internal,
}

/// A documented rule with a stable identifier such as `CF-TFL-003`.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable identifier. Never reused for another rule.
    pub id: &'static str,
    /// The rule in one line.
    pub title: &'static str,
    /// Whose fault a breach is.
    pub fault: Fault,
    /// Why the rule exists and when it is met, in plain sentences.
    pub why: &'static str,
    /// What to do about it.
    pub cure: &'static str,
}

impl Code {
    /// Every rule of every area, by area and number.
    pub fn all() -> impl Iterator<Item = &'static Code> {
        [
            card::CODES,
            chip_rule::CODES,
            comparison::CODES,
            data::CODES,
            execution::CODES,
            model::CODES,
            npu::CODES,
            onnx::CODES,
            packing::CODES,
            plan::CODES,
            quantisation::CODES,
            search::CODES,
            simulation::CODES,
            calibration::CODES,
            sketch::CODES,
            source::CODES,
            tflite::CODES,
            usage::CODES,
        ]
        .into_iter()
        .flatten()
        .copied()
    }

    /// The rule with the identifier `id`, in any letter case.
    pub fn find(id: &str) -> Option<&'static Code> {
        Self::all().find(|code| code.id.eq_ignore_ascii_case(id))
    }
}

/// Declares the rules of one area: a `static` each, and their list `CODES`.
#[macro_export]
macro_rules! codes {
    ($($name:ident = $id:literal, $fault:ident, $title:literal, why: $why:literal, cure: $cure:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: $crate::Code = $crate::Code {
                id: $id,
                title: $title,
                fault: $crate::Fault::$fault,
                why: $why,
                cure: $cure,
            };
        )*

        /// The rules of this area, in order of number.
        pub static CODES: &[&$crate::Code] = &[$(&$name,)*];
    };
}

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// The result stands, with a reservation.
    Warning,
    /// The result cannot be had, or the answer is no.
    Error,
}

impl Severity {
    /// The word in text and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One place that a message points at. Fields that do not apply stay empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it.
    pub file: Option<String>,
    /// A byte range in the file, for text files and for offsets into binary ones.
    pub span: Option<(usize, usize)>,
    /// The operator, by its name or by its index and kind.
    pub operator: Option<String>,
    /// The tensor, by the user's own name.
    pub tensor: Option<String>,
    /// The dotted key of a card or sketch, such as `memory.sram.size`.
    pub key: Option<String>,
}

impl Place {
    /// A byte range.
    pub fn span(start: usize, end: usize) -> Self {
        Self { span: Some((start, end)), ..Self::default() }
    }

    /// An operator.
    pub fn operator(name: impl Into<String>) -> Self {
        Self { operator: Some(name.into()), ..Self::default() }
    }

    /// A tensor.
    pub fn tensor(name: impl Into<String>) -> Self {
        Self { tensor: Some(name.into()), ..Self::default() }
    }

    /// A key of a card or sketch.
    pub fn key(key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }

    /// The same place, with the operator named.
    #[must_use]
    pub fn with_operator(mut self, name: impl Into<String>) -> Self {
        self.operator = Some(name.into());
        self
    }

    /// The same place, with the tensor named.
    #[must_use]
    pub fn with_tensor(mut self, name: impl Into<String>) -> Self {
        self.tensor = Some(name.into());
        self
    }

    /// The same place, with the file named.
    #[must_use]
    pub fn with_file(mut self, name: impl Into<String>) -> Self {
        self.file = Some(name.into());
        self
    }

    /// The same place, with a byte range.
    #[must_use]
    pub const fn with_span(mut self, start: usize, end: usize) -> Self {
        self.span = Some((start, end));
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut part = |f: &mut fmt::Formatter<'_>, text: String| {
            let written = write!(f, "{separator}{text}");
            separator = ", ";
            written
        };
        if let Some(file) = &self.file {
            part(f, file.clone())?;
        }
        if let Some(key) = &self.key {
            part(f, format!("key `{key}`"))?;
        }
        if let Some(operator) = &self.operator {
            part(f, format!("operator `{operator}`"))?;
        }
        if let Some(tensor) = &self.tensor {
            part(f, format!("tensor `{tensor}`"))?;
        }
        if let Some((start, _)) = self.span {
            part(f, format!("byte {start}"))?;
        }
        Ok(())
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule.
    pub code: &'static Code,
    /// How grave it is.
    pub severity: Severity,
    /// What happened, in one sentence, with the values at fault.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What to do here, where it can be said better than the rule's general cure.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static Code, message: impl Into<String>, place: Place) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), place, help: None }
    }

    /// A warning.
    pub fn warning(code: &'static Code, message: impl Into<String>, place: Place) -> Self {
        Self { code, severity: Severity::Warning, message: message.into(), place, help: None }
    }

    /// A note.
    pub fn note(code: &'static Code, message: impl Into<String>, place: Place) -> Self {
        Self { code, severity: Severity::Note, message: message.into(), place, help: None }
    }

    /// The same message with help of its own.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message's own help, or the rule's cure.
    pub fn cure(&self) -> &str {
        self.help.as_deref().unwrap_or(self.code.cure)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.id, self.message)?;
        let place = self.place.to_string();
        if !place.is_empty() {
            write!(f, " ({place})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// Messages in the order they were found, bounded in number so that a hostile file cannot fill
/// memory with complaints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    dropped: usize,
}

impl Diagnostics {
    /// Messages kept; further ones are only counted.
    pub const LIMIT: usize = 1000;

    /// No messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message, or counts it once [`Diagnostics::LIMIT`] are held.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < Self::LIMIT {
            self.list.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether any message is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The messages.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many messages were counted but not kept.
    pub const fn dropped(&self) -> usize {
        self.dropped
    }

    /// Number of messages kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The messages, by value.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic], dropped: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn identifiers_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for code in Code::all() {
            assert!(seen.insert(code.id), "{} is declared twice", code.id);
            let parts: Vec<&str> = code.id.split('-').collect();
            assert!(
                parts.len() == 3 && parts[0] == "CF" && parts[2].len() == 3,
                "{} is not of the form CF-AREA-NNN",
                code.id
            );
            assert!(!code.why.is_empty() && !code.cure.is_empty(), "{} explains nothing", code.id);
        }
    }

    #[test]
    fn codes_are_found_in_any_letter_case() {
        let first = Code::all().next().expect("there are rules");
        assert_eq!(Code::find(&first.id.to_lowercase()), Some(first));
        assert_eq!(Code::find("CF-NONE-000"), None);
    }

    #[test]
    fn a_flood_of_messages_is_counted_and_not_kept() {
        let code = Code::all().next().expect("there are rules");
        let mut messages = Diagnostics::new();
        for _ in 0..Diagnostics::LIMIT + 5 {
            messages.push(Diagnostic::warning(code, "again", Place::default()));
        }
        assert_eq!((messages.len(), messages.dropped()), (Diagnostics::LIMIT, 5));
    }
}
