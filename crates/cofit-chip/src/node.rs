//! A card as a tree of values, each with the file and the byte range it was written at.
//!
//! The tree stands between the TOML text and the typed [`Chip`](crate::Chip). Overlays, runtimes,
//! operating points and `--set` all work on it, so that whatever a figure went through, a mistake
//! in it still points at the token somebody typed.

use std::sync::Arc;

use indexmap::IndexMap;
use toml::de::{DeTable, DeValue};

use crate::sourced::{Confidence, Provenance};

/// Which text of [`Sources`](crate::Sources) a node was read from.
pub(crate) type FileId = usize;

/// Where a token stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Token {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// One value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// The value.
    pub value: Value,
    /// Where the value stands.
    pub token: Token,
    /// The source that the value or a table around it cites. It is worked out before texts are
    /// laid over each other, so that a changed figure does not pass for one of the base's source.
    pub cited: Arc<Provenance>,
}

/// A TOML value. Dates have no meaning in a card and keep only their text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A whole number.
    Integer(i64),
    /// A number too large for `i64`, or a date: its text, which fits no field.
    Unfit(String),
    /// A number with a point or an exponent, or `inf` or `nan`.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// Text.
    String(String),
    /// A list.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

/// Keys in the order they were written.
pub(crate) type Table = IndexMap<String, Entry>;

/// A key's value, and where the key itself stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Where the key stands.
    pub key: Token,
    /// What it holds.
    pub node: Node,
}

impl Node {
    /// An empty table at `token`.
    pub fn empty_table(token: Token) -> Self {
        Self { value: Value::Table(Table::new()), token, cited: Arc::default() }
    }

    /// The table, if it is one.
    pub const fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub const fn table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn array(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value under `key` of a table.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.table()?.get(key).map(|entry| &entry.node)
    }

    /// The `id` of an item of a list of tables.
    pub fn id(&self) -> Option<&str> {
        self.get("id")?.text()
    }

    /// The token at the dotted path `key`, or at the deepest part of it that exists. List items
    /// are named by their `id` or their number.
    pub fn locate(&self, key: &str) -> Token {
        let mut node = self;
        let mut token = self.token;
        for segment in key.split('.') {
            let next = match &node.value {
                Value::Table(table) => table.get(segment).map(|entry| &entry.node),
                Value::Array(items) => items
                    .iter()
                    .find(|item| item.id() == Some(segment))
                    .or_else(|| items.get(segment.parse::<usize>().ok()?)),
                Value::Integer(_)
                | Value::Unfit(_)
                | Value::Float(_)
                | Value::Boolean(_)
                | Value::String(_) => None,
            };
            let Some(next) = next else { break };
            node = next;
            token = node.token;
        }
        token
    }

    /// What the value is, in the words of a message.
    pub const fn describe(&self) -> &'static str {
        match &self.value {
            Value::Integer(_) => "an integer",
            Value::Unfit(_) => "a date or an oversized number",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "a boolean",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// The tree of a parsed document.
pub(crate) fn from_document(document: &DeTable<'_>, file: FileId, length: usize) -> Node {
    let token = Token { file, start: 0, end: length.min(1) };
    let cited = Arc::new(Provenance::default());
    Node { value: Value::Table(table_of(document, file, &cited)), token, cited }
}

/// The tree of a single value.
pub(crate) fn from_value(value: &DeValue<'_>, span: std::ops::Range<usize>, file: FileId) -> Node {
    node_of(value, span, file, &Arc::new(Provenance::default()))
}

fn table_of(table: &DeTable<'_>, file: FileId, cited: &Arc<Provenance>) -> Table {
    table
        .iter()
        .map(|(key, value)| {
            let span = key.span();
            let entry = Entry {
                key: Token { file, start: span.start, end: span.end },
                node: node_of(value.get_ref(), value.span(), file, cited),
            };
            (key.get_ref().to_string(), entry)
        })
        .collect()
}

/// The source that `table` cites, which stands inside one that cites `outer`.
fn cited_by(table: &DeTable<'_>, outer: &Arc<Provenance>) -> Arc<Provenance> {
    let text = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str());
    let source = text("src");
    let confidence = text("conf").and_then(Confidence::from_letters);
    if source.is_none() && confidence.is_none() {
        return Arc::clone(outer);
    }
    Arc::new(Provenance {
        source: source.map_or_else(|| outer.source.clone(), |source| Some(source.to_owned())),
        // The confidence of an outer source says nothing about this one.
        confidence: confidence.or(if source.is_none() { outer.confidence } else { None }),
        note: None,
        assumed: None,
    })
}

fn node_of(
    value: &DeValue<'_>,
    span: std::ops::Range<usize>,
    file: FileId,
    outer: &Arc<Provenance>,
) -> Node {
    let token = Token { file, start: span.start, end: span.end };
    let mut cited = Arc::clone(outer);
    let value = match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::Unfit(number.as_str().to_owned()), Value::Integer),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or_else(|_| Value::Unfit(number.as_str().to_owned()), Value::Float),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(date) => Value::Unfit(date.to_string()),
        DeValue::Array(items) => Value::Array(
            items.iter().map(|item| node_of(item.get_ref(), item.span(), file, outer)).collect(),
        ),
        DeValue::Table(table) => {
            cited = cited_by(table, outer);
            Value::Table(table_of(table, file, &cited))
        }
    };
    Node { value, token, cited }
}

impl Node {
    /// Makes every token of the tree `token`: the values of a `--set` stand on one line.
    pub fn retoken(&mut self, token: Token) {
        self.token = token;
        match &mut self.value {
            Value::Array(items) => items.iter_mut().for_each(|item| item.retoken(token)),
            Value::Table(table) => {
                for entry in table.values_mut() {
                    entry.key = token;
                    entry.node.retoken(token);
                }
            }
            Value::Integer(_)
            | Value::Unfit(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::String(_) => {}
        }
    }
}
