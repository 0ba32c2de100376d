//! A figure of a card together with where it comes from.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

/// A figure and its provenance. Reads as the bare value through `Deref`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sourced<T> {
    /// The figure, in its unit.
    pub value: T,
    /// Where it comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// Where a figure comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The key of the card's `[sources]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How firm the source is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// What else to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why this value was assumed; `None` for a figure that somebody stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed: Option<String>,
}

impl<T> Sourced<T> {
    /// A figure without provenance.
    pub fn plain(value: T) -> Self {
        Self { value, provenance: Provenance::default() }
    }

    /// A value that stands in for an unknown one.
    pub fn assumed(value: T, why: impl Into<String>) -> Self {
        let provenance = Provenance { assumed: Some(why.into()), ..Provenance::default() };
        Self { value, provenance }
    }

    /// Why the value was assumed, or `None` where somebody stated it.
    pub fn assumption(&self) -> Option<&str> {
        self.provenance.assumed.as_deref()
    }

    /// Whether the value stands in for an unknown one.
    pub const fn is_assumed(&self) -> bool {
        self.provenance.assumed.is_some()
    }
}

impl<T: Copy> Sourced<T> {
    /// The bare value.
    pub const fn get(&self) -> T {
        self.value
    }
}

impl<T> Deref for Sourced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Sourced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// How firm a source is, in the letters that cards use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Confidence {
    /// Vendor source, vendor document, or a benchmark submission signed by the vendor.
    #[serde(rename = "P")]
    Primary,
    /// Forum, press, a copy of a page, a third party's paper.
    #[serde(rename = "S")]
    Secondary,
    /// Follows from primary or secondary figures by arithmetic.
    #[serde(rename = "D")]
    Derived,
    /// Looked for and not found.
    #[serde(rename = "U")]
    Unknown,
    /// A claim of an article, kept to replay it.
    #[serde(rename = "article")]
    Article,
}

impl Confidence {
    /// Every level with the letters of the card.
    pub const ALL: &[(&str, Self)] = &[
        ("P", Self::Primary),
        ("S", Self::Secondary),
        ("D", Self::Derived),
        ("U", Self::Unknown),
        ("article", Self::Article),
    ];

    /// The level with the letters `letters`.
    pub(crate) fn from_letters(letters: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == letters).map(|(_, level)| *level)
    }

    /// The word for a reader.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Derived => "derived",
            Self::Unknown => "unknown",
            Self::Article => "article",
        }
    }
}
