//! Macros that declare a table or a closed set of words of the card once, and make of it the
//! public type, its reader, and its JSON Schema.

/// Declares tables: a public struct, [`CardValue`](crate::decode::CardValue) and its schema.
///
/// Each field is `name [as "key"]: Type, mode;` with one of the modes
/// `required`, `optional` (the field becomes an `Option`), `default(expression)`,
/// `otherwise(function)` (which is given the context, to list assumptions of its own), and
/// `assume(expression, "why")` (the type is a [`Sourced`](crate::Sourced), and the value is listed
/// among the chip's assumptions when the key is left out).
macro_rules! card_table {
    ($(
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident $(as $key:literal)?: $type:ty, $mode:ident $(($($argument:tt)*))?;
            )*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        pub struct $name {
            $(
                $(#[doc = $field_doc])*
                $(#[serde(rename = $key)])?
                pub $field: $crate::table::field_type!($mode, $type),
            )*
        }

        impl $name {
            const KEYS: &[&str] = &[$($crate::table::key_of!($field $(, $key)?),)*];
        }

        impl $crate::decode::CardValue for $name {
            fn decode(
                node: &$crate::node::Node,
                context: &mut $crate::decode::Context<'_>,
            ) -> Option<Self> {
                let reader = $crate::decode::TableReader::open(node, context)?;
                $(
                    let $field: Option<$crate::table::field_type!($mode, $type)> =
                        $crate::table::read_field!(
                            reader, context, $crate::table::key_of!($field $(, $key)?),
                            $mode $(($($argument)*))?
                        );
                )*
                reader.close(Self::KEYS, context);
                Some(Self { $($field: $field?,)* })
            }

            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::schema::definition(generator, stringify!($name), |generator| {
                    let mut table = $crate::schema::TableSchema::new(&[$($doc),*]);
                    $(
                        let field = <$type as $crate::decode::CardValue>::schema(generator);
                        table.field(
                            $crate::table::key_of!($field $(, $key)?),
                            field,
                            &[$($field_doc),*],
                            $crate::table::is_required!($mode),
                        );
                    )*
                    table.finish()
                })
            }

            fn name() -> String {
                stringify!($name).to_owned()
            }

            fn in_words(&self) -> String {
                stringify!($name).to_owned()
            }
        }
    )*};
}

/// The type of a field of the given mode.
macro_rules! field_type {
    (required, $type:ty) => { $type };
    (optional, $type:ty) => { Option<$type> };
    (default, $type:ty) => { $type };
    (assume, $type:ty) => { $type };
    (otherwise, $type:ty) => { $type };
}

/// The key of a field: its name unless it says otherwise.
macro_rules! key_of {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident, $key:literal) => {
        $key
    };
}

/// Reads one field.
macro_rules! read_field {
    ($reader:ident, $context:ident, $key:expr, required) => {
        $reader.required($key, $context)
    };
    ($reader:ident, $context:ident, $key:expr, optional) => {
        Some($reader.optional($key, $context))
    };
    ($reader:ident, $context:ident, $key:expr, default($value:expr)) => {
        Some($reader.optional($key, $context).unwrap_or_else(|| $value))
    };
    ($reader:ident, $context:ident, $key:expr, otherwise($make:expr)) => {
        Some($reader.optional($key, $context).unwrap_or_else(|| $make($context)))
    };
    ($reader:ident, $context:ident, $key:expr, assume($value:expr, $why:expr)) => {
        Some($reader.assumed($key, $value, $why, $context))
    };
}

/// Whether a card must state a field of the given mode.
macro_rules! is_required {
    (required) => {
        $crate::schema::Presence::Required
    };
    ($mode:ident) => {
        $crate::schema::Presence::Optional
    };
}

/// Declares a closed set of words: a public enum, its names, its reader and its schema.
macro_rules! card_words {
    ($(
        $(#[doc = $doc:literal])*
        pub enum $name:ident, $what:literal {
            $(
                $(#[doc = $variant_doc:literal])*
                $variant:ident = $word:literal;
            )*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub enum $name {
            $($(#[doc = $variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every value with its word, in declaration order.
            pub const ALL: &[(&str, Self)] = &[$(($word, Self::$variant),)*];

            /// The word in cards, text and JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl $crate::decode::CardValue for $name {
            fn decode(
                node: &$crate::node::Node,
                context: &mut $crate::decode::Context<'_>,
            ) -> Option<Self> {
                $crate::decode::word(node, Self::ALL, $what, context)
            }

            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::schema::definition(generator, stringify!($name), |_| {
                    $crate::schema::words(
                        &[$($doc),*],
                        &[$(($word, &[$($variant_doc),*]),)*],
                    )
                })
            }

            fn name() -> String {
                stringify!($name).to_owned()
            }

            fn in_words(&self) -> String {
                (*self).name().to_owned()
            }
        }
    )*};
}

pub(crate) use {card_table, card_words, field_type, is_required, key_of, read_field};
