//! Numbers, text and lists of a card.

use cofit_vocab::diagnostic::card;
use cofit_vocab::{Bytes, Cycles, ElementType, Hertz, OperatorKind, PicoJoules, Seconds};
use indexmap::IndexMap;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::decode::{CardValue, Context, nearest};
use crate::node::{Node, Value};
use crate::quantity::{self, BytesPerSecond, Dimension, Watts};

/// An inclusive range of whole numbers, written `[least, most]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The least value allowed.
    pub least: u64,
    /// The greatest value allowed.
    pub most: u64,
}

impl Span {
    /// Whether `value` lies in the range.
    pub const fn contains(&self, value: u64) -> bool {
        self.least <= value && value <= self.most
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.least == self.most {
            write!(f, "{}", self.least)
        } else {
            write!(f, "{} to {}", self.least, self.most)
        }
    }
}

/// A height and a width, written `"3x3"`, or `3` for a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// Rows.
    pub height: u64,
    /// Columns.
    pub width: u64,
}

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

fn quantity_of(node: &Node, dimension: &Dimension, context: &mut Context<'_>) -> Option<f64> {
    let value = match &node.value {
        Value::Integer(value) => *value as f64,
        Value::Float(value) => *value,
        Value::String(text) => match dimension.parse(text) {
            Ok(value) => value,
            Err(why) => {
                context.error(&card::BAD_UNIT, why, node.token);
                return None;
            }
        },
        Value::Unfit(_) | Value::Boolean(_) | Value::Array(_) | Value::Table(_) => {
            let wanted = format!(
                "{}: a number of {}, or text such as {}",
                dimension.name, dimension.base, dimension.example
            );
            context.wrong_type(node, &wanted);
            return None;
        }
    };
    if !value.is_finite() || value < 0.0 {
        let message = format!("{} cannot be {value}", dimension.name);
        context.error(&card::OUT_OF_RANGE, message, node.token);
        return None;
    }
    Some(value)
}

fn quantity_schema(dimension: &Dimension) -> Schema {
    let units: Vec<&str> = dimension.units.iter().map(|(name, _)| *name).collect();
    json_schema!({
        "description": format!(
            "{}: a number of {}, or text such as {}", dimension.name, dimension.base, dimension.example
        ),
        "type": ["number", "string"],
        "minimum": 0,
        "pattern": format!(r"^\s*[0-9][0-9_]*(\.[0-9]+)?([eE][-+]?[0-9]+)?\s*({})\s*$", units.join("|")),
    })
}

impl CardValue for Bytes {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let value = quantity_of(node, &quantity::SIZE, context)?;
        // Sizes of 8 PiB and above are not exact in f64, and no chip has them.
        if value.fract() != 0.0 || value >= 9e15 {
            let message = format!("{value} is no whole number of bytes");
            context.error(&card::OUT_OF_RANGE, message, node.token);
            return None;
        }
        Some(Self(value as u64))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        quantity_schema(&quantity::SIZE)
    }

    fn name() -> String {
        "Size".to_owned()
    }

    fn in_words(&self) -> String {
        self.human()
    }
}

macro_rules! physical {
    ($($type:ident, $dimension:ident, $name:literal;)*) => {$(
        impl CardValue for $type {
            fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
                quantity_of(node, &quantity::$dimension, context).map($type)
            }

            fn schema(_: &mut SchemaGenerator) -> Schema {
                quantity_schema(&quantity::$dimension)
            }

            fn name() -> String {
                $name.to_owned()
            }

            fn in_words(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

physical! {
    Hertz, CLOCK, "Clock";
    BytesPerSecond, RATE, "Bandwidth";
    Seconds, TIME, "Duration";
    PicoJoules, ENERGY, "Energy";
    Watts, POWER, "Power";
}

impl CardValue for f64 {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let value = match &node.value {
            Value::Integer(value) => *value as Self,
            Value::Float(value) => *value,
            Value::Unfit(_)
            | Value::Boolean(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Table(_) => {
                context.wrong_type(node, "a number");
                return None;
            }
        };
        if !value.is_finite() || value < 0.0 {
            let message = format!("the figure cannot be {value}");
            context.error(&card::OUT_OF_RANGE, message, node.token);
            return None;
        }
        Some(value)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0 })
    }

    fn name() -> String {
        "Number".to_owned()
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole {
    ($($type:ty, $least:expr, $name:literal;)*) => {$(
        impl CardValue for $type {
            fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
                let Value::Integer(value) = &node.value else {
                    context.wrong_type(node, "a whole number");
                    return None;
                };
                let fitting = Self::try_from(*value).ok();
                if fitting.is_none() {
                    let message = format!("{value} is not between {} and {}", <$type>::MIN, <$type>::MAX);
                    context.error(&card::OUT_OF_RANGE, message, node.token);
                }
                fitting
            }

            fn schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "integer", "minimum": $least })
            }

            fn name() -> String {
                $name.to_owned()
            }

            fn in_words(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole! {
    u32, 0, "Count";
    u64, 0, "LargeCount";
    i64, i64::MIN, "Integer";
}

impl CardValue for Cycles {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        u64::decode(node, context).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        u64::schema(generator)
    }

    fn name() -> String {
        "Cycles".to_owned()
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl CardValue for bool {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if let Value::Boolean(truth) = &node.value {
            return Some(*truth);
        }
        context.wrong_type(node, "true or false");
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean" })
    }

    fn name() -> String {
        "Truth".to_owned()
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl CardValue for String {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let text = node.text();
        if text.is_none() {
            context.wrong_type(node, "text");
        }
        text.map(str::to_owned)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }

    fn name() -> String {
        "Text".to_owned()
    }

    fn in_words(&self) -> String {
        self.clone()
    }
}

impl CardValue for OperatorKind {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(node, context)?;
        let kind = text.parse().ok();
        if kind.is_none() {
            let help = nearest(&text, Self::ALL.iter().map(|kind| kind.name())).map_or_else(
                || card::UNKNOWN_OPERATOR.cure.to_owned(),
                |near| format!("did you mean \"{near}\"?"),
            );
            let message = format!("\"{text}\" is no operator kind");
            context.error_with_help(&card::UNKNOWN_OPERATOR, message, node.token, help);
        }
        kind
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
        json_schema!({ "enum": names })
    }

    fn name() -> String {
        "OperatorKind".to_owned()
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl CardValue for ElementType {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let words: Vec<(&str, Self)> =
            Self::ALL.iter().map(|element| (element.name(), *element)).collect();
        crate::decode::word(node, &words, "an element type", context)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|element| element.name()).collect();
        json_schema!({ "enum": names })
    }

    fn name() -> String {
        "ElementType".to_owned()
    }

    fn in_words(&self) -> String {
        self.name().to_owned()
    }
}

impl CardValue for Span {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let ends: Vec<u64> = Vec::decode(node, context)?;
        let [least, most] = ends[..] else {
            let message = format!("a range has two ends, found {}", ends.len());
            context.error(&card::WRONG_TYPE, message, node.token);
            return None;
        };
        if least > most {
            let message = format!("the range [{least}, {most}] is empty");
            context.error(&card::CONTRADICTION, message, node.token);
            return None;
        }
        Some(Self { least, most })
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An inclusive range: least and most",
            "type": "array",
            "items": { "type": "integer", "minimum": 0 },
            "minItems": 2,
            "maxItems": 2,
        })
    }

    fn name() -> String {
        "Span".to_owned()
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl CardValue for Extent {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Integer(side) if *side > 0 => {
                Some(Self { height: side.unsigned_abs(), width: side.unsigned_abs() })
            }
            Value::String(text) => {
                let parsed = text.split_once('x').and_then(|(height, width)| {
                    Some(Self { height: height.parse().ok()?, width: width.parse().ok()? })
                });
                if parsed.is_none() {
                    let message = format!("\"{text}\" is no height and width");
                    context.error_with_help(
                        &card::WRONG_TYPE,
                        message,
                        node.token,
                        "write rows, x, columns, such as \"3x3\", or one number for a square",
                    );
                }
                parsed
            }
            Value::Integer(_)
            | Value::Unfit(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Array(_)
            | Value::Table(_) => {
                context.wrong_type(node, "a height and width such as \"3x3\"");
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Rows and columns such as \"3x3\", or one number for a square",
            "type": ["integer", "string"],
            "minimum": 1,
            "pattern": "^[0-9]+x[0-9]+$",
        })
    }

    fn name() -> String {
        "Extent".to_owned()
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl<T: CardValue> CardValue for Vec<T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let Some(items) = node.array() else {
            context.wrong_type(node, "a list");
            return None;
        };
        let mut read = Self::with_capacity(items.len());
        let mut seen: Vec<&str> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(id) = item.id() {
                if seen.contains(&id) {
                    let token = item.get("id").map_or(item.token, |node| node.token);
                    let message = format!("the id `{id}` is used twice in `{}`", context.key());
                    context.error(&card::DUPLICATE_ID, message, token);
                }
                seen.push(id);
            }
            let segment = item.id().map_or_else(|| index.to_string(), str::to_owned);
            read.extend(context.within(&segment, |context| T::decode(item, context)));
        }
        // An item that cannot be read was reported; the list without it lets the rest be checked.
        Some(read)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": T::schema(generator) })
    }

    fn name() -> String {
        format!("ListOf{}", T::name())
    }

    fn in_words(&self) -> String {
        self.iter().map(T::in_words).collect::<Vec<_>>().join(", ")
    }
}

impl<T: CardValue, const N: usize> CardValue for [T; N] {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let items: Vec<T> = Vec::decode(node, context)?;
        let found = items.len();
        let array = Self::try_from(items).ok();
        if array.is_none() {
            let message = format!("expected {N} numbers, found {found}");
            context.error(&card::WRONG_TYPE, message, node.token);
        }
        array
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array", "items": T::schema(generator), "minItems": N, "maxItems": N
        })
    }

    fn name() -> String {
        format!("{N}{}", T::name())
    }

    fn in_words(&self) -> String {
        self.iter().map(T::in_words).collect::<Vec<_>>().join(", ")
    }
}

impl<T: CardValue> CardValue for IndexMap<String, T> {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let Some(table) = node.table() else {
            context.wrong_type(node, "a table");
            return None;
        };
        let mut read = Self::with_capacity(table.len());
        for (key, entry) in table {
            let value = context.within(key, |context| T::decode(&entry.node, context));
            read.extend(value.map(|value| (key.clone(), value)));
        }
        Some(read)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": T::schema(generator) })
    }

    fn name() -> String {
        format!("TableOf{}", T::name())
    }

    fn in_words(&self) -> String {
        self.iter()
            .map(|(key, value)| format!("{key} {}", value.in_words()))
            .collect::<Vec<_>>()
            .join(", ")
    }
}
