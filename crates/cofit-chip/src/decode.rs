//! From the tree of a card to typed values: all mistakes collected, none fatal to the rest.

use cofit_vocab::diagnostic::{Code, card};
use cofit_vocab::{Diagnostic, Diagnostics};
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;

use crate::node::{Node, Table, Token, Value};
use crate::sourced::{Confidence, Provenance, Sourced};
use crate::sources::Sources;

/// A value that was assumed because the card states none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// The dotted path of the figure, as `--set` takes it.
    pub key: String,
    /// The assumed value as text, with its unit.
    pub value: String,
    /// Why this value.
    pub why: String,
}

/// A figure that states no source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsourced {
    /// The dotted path.
    pub key: String,
    /// Where the figure stands.
    pub token: Token,
}

/// A source as it is cited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Citation {
    /// The key of the source.
    pub source: String,
    /// Where it is cited.
    pub token: Token,
    /// The dotted path of the table that cites it.
    pub key: String,
}

/// What is gathered while a card is read.
pub(crate) struct Context<'a> {
    /// The texts, for places.
    pub sources: &'a Sources,
    /// The mistakes.
    pub diagnostics: Diagnostics,
    /// Values that the card leaves out.
    pub assumptions: Vec<Assumption>,
    /// Figures without a source.
    pub unsourced: Vec<Unsourced>,
    /// Sources that are cited.
    pub cited: Vec<Citation>,
    path: Vec<String>,
}

/// A value that a card can hold.
pub(crate) trait CardValue: Sized {
    /// Reads the value, or reports why it cannot be read.
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self>;

    /// Its JSON Schema.
    fn schema(generator: &mut SchemaGenerator) -> Schema;

    /// A name for the definition that [`Sourced`] makes of it.
    fn name() -> String;

    /// The value in words, for the list of assumptions.
    fn in_words(&self) -> String;
}

impl<'a> Context<'a> {
    pub fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            diagnostics: Diagnostics::new(),
            assumptions: Vec::new(),
            unsourced: Vec::new(),
            cited: Vec::new(),
            path: Vec::new(),
        }
    }

    /// The dotted path of the value being read.
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    fn key_of(&self, child: &str) -> String {
        if self.path.is_empty() { child.to_owned() } else { format!("{}.{child}", self.key()) }
    }

    /// Runs `read` with `segment` added to the path.
    pub fn within<T>(&mut self, segment: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment.to_owned());
        let result = read(self);
        self.path.pop();
        result
    }

    /// Reports an error at `token`.
    pub fn error(&mut self, code: &'static Code, message: impl Into<String>, token: Token) {
        let place = self.sources.place(token, &self.key());
        self.diagnostics.push(Diagnostic::error(code, message, place));
    }

    /// Reports an error at `token` with help of its own.
    pub fn error_with_help(
        &mut self,
        code: &'static Code,
        message: impl Into<String>,
        token: Token,
        help: impl Into<String>,
    ) {
        let place = self.sources.place(token, &self.key());
        self.diagnostics.push(Diagnostic::error(code, message, place).with_help(help));
    }

    /// Reports that `node` should have been `wanted`.
    pub fn wrong_type(&mut self, node: &Node, wanted: &str) {
        let message = format!("expected {wanted}, found {}", node.describe());
        self.error(&card::WRONG_TYPE, message, node.token);
    }

    /// Notes that a key left out takes `value`.
    pub fn assume<T: CardValue>(&mut self, key: &str, value: T, why: &str) -> Sourced<T> {
        let assumption =
            Assumption { key: self.key_of(key), value: value.in_words(), why: why.to_owned() };
        self.assumptions.push(assumption);
        Sourced::assumed(value, why)
    }
}

/// Keys that every table takes besides its own: they apply to each figure in it.
pub(crate) const PROVENANCE_KEYS: &[&str] = &["src", "conf", "note"];

/// One table being read.
pub(crate) struct TableReader<'n> {
    table: &'n Table,
    token: Token,
}

impl<'n> TableReader<'n> {
    /// Starts reading `node`, or reports that it is no table.
    pub fn open(node: &'n Node, context: &mut Context<'_>) -> Option<Self> {
        let Some(table) = node.table() else {
            context.wrong_type(node, "a table");
            return None;
        };
        check_provenance(table, context);
        Some(Self { table, token: node.token })
    }

    /// Ends reading: keys that are not in `known` are mistakes.
    pub fn close(self, known: &[&str], context: &mut Context<'_>) {
        for (key, entry) in self.table {
            if known.contains(&key.as_str()) || PROVENANCE_KEYS.contains(&key.as_str()) {
                continue;
            }
            unknown_key(key, entry.key, known, context);
        }
    }

    /// The value under `key`, if it is there and can be read.
    pub fn optional<T: CardValue>(&self, key: &str, context: &mut Context<'_>) -> Option<T> {
        let entry = self.table.get(key)?;
        context.within(key, |context| T::decode(&entry.node, context))
    }

    /// The value under `key`, which must be there.
    pub fn required<T: CardValue>(&self, key: &str, context: &mut Context<'_>) -> Option<T> {
        if !self.table.contains_key(key) {
            let message = format!("`{key}` is missing");
            context.error(&card::MISSING_KEY, message, self.token);
        }
        self.optional(key, context)
    }

    /// The figure under `key`, or `value` with the reason `why`.
    pub fn assumed<T: CardValue>(
        &self,
        key: &str,
        value: T,
        why: &str,
        context: &mut Context<'_>,
    ) -> Sourced<T> {
        match self.table.get(key) {
            // A figure that cannot be read was reported; the stand-in lets the rest be read.
            Some(_) => self.optional(key, context).unwrap_or_else(|| Sourced::assumed(value, why)),
            None => context.assume(key, value, why),
        }
    }
}

fn unknown_key(key: &str, token: Token, known: &[&str], context: &mut Context<'_>) {
    let help = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys here are: {}", known.join(", ")),
    };
    let table = context.key();
    let message = if table.is_empty() {
        format!("unknown key `{key}`")
    } else {
        format!("unknown key `{key}` in `{table}`")
    };
    context.error_with_help(&card::UNKNOWN_KEY, message, token, help);
}

/// Checks the keys of provenance and returns the note.
fn check_provenance(table: &Table, context: &mut Context<'_>) -> Option<String> {
    if let Some(entry) = table.get("src") {
        match entry.node.text() {
            Some(source) => {
                let key = context.key();
                context.cited.push(Citation {
                    source: source.to_owned(),
                    token: entry.node.token,
                    key,
                });
            }
            None => context.wrong_type(&entry.node, "the key of a source, as text"),
        }
    }
    if let Some(entry) = table.get("conf") {
        context
            .within("conf", |context| word(&entry.node, Confidence::ALL, "a confidence", context));
    }
    let entry = table.get("note")?;
    context.within("note", |context| String::decode(&entry.node, context))
}

/// One word of a closed set.
pub(crate) fn word<T: Copy>(
    node: &Node,
    words: &[(&str, T)],
    what: &str,
    context: &mut Context<'_>,
) -> Option<T> {
    let Some(text) = node.text() else {
        context.wrong_type(node, &format!("{what}, as text"));
        return None;
    };
    let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let help = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("use one of {}", names.join(", ")),
        };
        let message = format!("\"{text}\" is not {what}");
        context.error_with_help(&card::UNKNOWN_WORD, message, node.token, help);
    }
    found
}

impl<T: CardValue> CardValue for Sourced<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let long = node.table().filter(|table| {
            table.contains_key("v") || table.contains_key("unknown") || table.contains_key("assume")
        });
        match long {
            Some(table) => long_form(node, table, context),
            None => {
                let value = T::decode(node, context)?;
                let provenance = Provenance::clone(&node.cited);
                note_unsourced(&provenance, node.token, context);
                Some(Self { value, provenance })
            }
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        crate::schema::sourced::<T>(generator)
    }

    fn name() -> String {
        format!("Sourced{}", T::name())
    }

    fn in_words(&self) -> String {
        self.value.in_words()
    }
}

fn note_unsourced(provenance: &Provenance, token: Token, context: &mut Context<'_>) {
    if provenance.source.is_none() {
        let key = context.key();
        context.unsourced.push(Unsourced { key, token });
    }
}

fn long_form<T: CardValue>(
    node: &Node,
    table: &Table,
    context: &mut Context<'_>,
) -> Option<Sourced<T>> {
    let note = check_provenance(table, context);
    let mut provenance = Provenance { note, ..Provenance::clone(&node.cited) };
    let known: &[&str] = &["v", "unknown", "assume", "why"];
    for (key, entry) in table {
        if !known.contains(&key.as_str()) && !PROVENANCE_KEYS.contains(&key.as_str()) {
            unknown_key(
                key,
                entry.key,
                &["v", "src", "conf", "note", "unknown", "assume", "why"],
                context,
            );
        }
    }
    if let Some(entry) = table.get("v") {
        for key in ["unknown", "assume"] {
            if let Some(other) = table.get(key) {
                let message = format!("a figure with a value `v` cannot also have `{key}`");
                context.error(&card::CONTRADICTION, message, other.key);
            }
        }
        let value = T::decode(&entry.node, context)?;
        note_unsourced(&provenance, node.token, context);
        return Some(Sourced { value, provenance });
    }
    let reader = TableReader { table, token: node.token };
    match table.get("unknown").map(|entry| &entry.node.value) {
        Some(Value::Boolean(true)) => {}
        Some(_) | None => {
            context.error(
                &card::WRONG_TYPE,
                "a figure without `v` needs `unknown = true`",
                node.token,
            );
            return None;
        }
    }
    let value: Option<T> = reader.required("assume", context);
    let why: Option<String> = reader.required("why", context);
    let (value, why) = (value?, why?);
    context.assumptions.push(Assumption {
        key: context.key(),
        value: value.in_words(),
        why: why.clone(),
    });
    provenance.assumed = Some(why);
    provenance.confidence = Some(Confidence::Unknown);
    Some(Sourced { value, provenance })
}

/// The word of `candidates` that differs least from `text`, if it is near enough to be meant.
pub(crate) fn nearest<'c>(
    text: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    // One slip in three letters; two letters and fewer are no likeness.
    let limit = text.chars().count() / 3;
    candidates
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, capped for long texts so that a hostile key costs nothing.
fn distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 64;
    if left.len() > LONGEST || right.len() > LONGEST {
        return LONGEST;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_slip_is_recognised_and_another_word_is_not() {
        let keys = ["size", "banks", "bandwidth"];
        assert_eq!(nearest("sise", keys.into_iter()), Some("size"));
        assert_eq!(nearest("bandwith", keys.into_iter()), Some("bandwidth"));
        assert_eq!(nearest("colour", keys.into_iter()), None);
    }
}
