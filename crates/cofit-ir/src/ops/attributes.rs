//! Attributes as text: how the text form of a model prints and reads them.

use std::fmt;

use cofit_vocab::ElementType;

use crate::GraphId;

/// A value that an attribute can have.
pub trait AttributeValue: Sized {
    /// The value as text: a word, a number, a `[list]`, or a `"string"`; no white space outside
    /// strings.
    fn print(&self) -> String;

    /// The value that [`AttributeValue::print`] printed.
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! by_display {
    ($($type:ty),*) => {
        $(impl AttributeValue for $type {
            fn print(&self) -> String {
                self.to_string()
            }

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })*
    };
}

/// Prints as `g1`.
impl AttributeValue for GraphId {
    fn print(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        let index: u32 = text.strip_prefix('g')?.parse().ok()?;
        // The largest index is reserved for "none".
        (index != u32::MAX).then(|| Self::from_u32(index))
    }
}

by_display!(bool, i32, i64, u32, ElementType);

/// Shortest text that reads back to the same bits, which Rust's own float printing guarantees for
/// all but NaN; a NaN is `nan:` and its bits in hexadecimal.
impl AttributeValue for f32 {
    fn print(&self) -> String {
        if self.is_nan() { format!("nan:{:08x}", self.to_bits()) } else { format!("{self:?}") }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("nan:") {
            Some(bits) => u32::from_str_radix(bits, 16).ok().map(Self::from_bits),
            None => text.parse().ok(),
        }
    }
}

impl AttributeValue for String {
    fn print(&self) -> String {
        format!("{self:?}")
    }

    fn parse(text: &str) -> Option<Self> {
        crate::text::unquote(text)
    }
}

impl<T: AttributeValue> AttributeValue for Vec<T> {
    fn print(&self) -> String {
        let items: Vec<String> = self.iter().map(AttributeValue::print).collect();
        format!("[{}]", items.join(","))
    }

    fn parse(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?.trim();
        if inner.is_empty() {
            return Some(Self::new());
        }
        inner.split(',').map(|item| T::parse(item.trim())).collect()
    }
}

/// Bytes in hexadecimal, for attributes that only their author can read.
impl AttributeValue for bytes::Bytes {
    fn print(&self) -> String {
        let digits: String = self.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("x{digits}")
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('x')?.as_bytes();
        if !digits.len().is_multiple_of(2) {
            return None;
        }
        let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
        digits
            .chunks_exact(2)
            .map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?))
            .collect::<Option<Vec<u8>>>()
            .map(Self::from)
    }
}

/// Attributes read from text, each to be taken once.
#[derive(Clone, Debug, Default)]
pub struct AttributeReader {
    pairs: Vec<(String, String)>,
}

impl AttributeReader {
    /// Attributes as `(name, text)`.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs }
    }

    /// Takes the attribute `name`, or `default` where it was not given.
    ///
    /// # Errors
    /// A text that is no value of the wanted type.
    pub fn take<T: AttributeValue>(
        &mut self,
        name: &'static str,
        default: T,
    ) -> Result<T, AttributeError> {
        let Some(at) = self.pairs.iter().position(|(given, _)| given == name) else {
            return Ok(default);
        };
        let (_, text) = self.pairs.remove(at);
        T::parse(&text).ok_or_else(|| AttributeError::BadValue { name: name.to_owned(), text })
    }

    /// Checks that every attribute was taken.
    ///
    /// # Errors
    /// An attribute that nobody took: the operator has none of that name.
    pub fn finish(&self) -> Result<(), AttributeError> {
        match self.pairs.first() {
            Some((name, _)) => Err(AttributeError::Unknown { name: name.clone() }),
            None => Ok(()),
        }
    }
}

/// Why attributes could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeError {
    /// The text is no value of the attribute's type.
    BadValue {
        /// The attribute.
        name: String,
        /// What was given.
        text: String,
    },
    /// The operator has no such attribute.
    Unknown {
        /// What was given.
        name: String,
    },
}

impl fmt::Display for AttributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadValue { name, text } => write!(f, "`{text}` is no value of `{name}`"),
            Self::Unknown { name } => write!(f, "the operator has no attribute `{name}`"),
        }
    }
}

impl std::error::Error for AttributeError {}

/// Declares an operator's struct with its attributes, their names in text and their defaults, and
/// the two functions that print and read them.
macro_rules! attributes {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $($(#[$field_doc:meta])* pub $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// Names and types of the attributes.
            pub(crate) const ATTRIBUTE_TYPES: &'static [(&'static str, &'static str)] =
                &[$((stringify!($field), stringify!($type)),)*];

            /// Attributes that are not at their default, as text.
            fn attribute_texts(&self) -> Vec<(&'static str, String)> {
                #[allow(unused_mut, reason = "an operator may have no attributes")]
                let mut texts = Vec::new();
                // Compared as text, so that -0.0 and NaN survive.
                $({
                    let default: $type = $default;
                    let text = $crate::ops::AttributeValue::print(&self.$field);
                    if text != $crate::ops::AttributeValue::print(&default) {
                        texts.push((stringify!($field), text));
                    }
                })*
                texts
            }

            /// Attributes from text; missing ones take their default.
            fn read_attributes(
                reader: &mut $crate::ops::AttributeReader,
            ) -> Result<Self, $crate::ops::AttributeError> {
                let read = Self { $($field: reader.take(stringify!($field), $default)?,)* };
                reader.finish()?;
                Ok(read)
            }
        }
    };
}

pub(crate) use attributes;

/// The two text functions of [`OperatorRules`](super::OperatorRules), by way of those that
/// [`attributes!`] wrote.
macro_rules! attribute_text {
    () => {
        fn attributes(&self) -> Vec<(&'static str, String)> {
            self.attribute_texts()
        }

        fn from_attributes(
            reader: &mut $crate::ops::AttributeReader,
        ) -> Result<Self, $crate::ops::AttributeError> {
            Self::read_attributes(reader)
        }
    };
}

pub(crate) use attribute_text;
