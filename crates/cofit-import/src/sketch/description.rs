//! A sketch as it was read: checked words and parsed expressions, nothing expanded yet.

use std::fmt;
use std::ops::Range;

use super::expression::Expression;
use super::keys::{LayerKey, LayerKind};

/// Something with its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

impl<T> Located<T> {
    pub(crate) const fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

/// A number or an expression.
///
/// `text_start` is where the expression's text begins in the file, where the file has that text
/// letter by letter, so that a mistake can be underlined within it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) expression: Expression,
    pub(crate) span: Range<usize>,
    pub(crate) text_start: Option<usize>,
}

impl Number {
    /// The place of `part` of the expression's text in the file.
    pub(crate) fn part(&self, part: Range<usize>) -> Range<usize> {
        match self.text_start {
            Some(start) if part.end <= self.span.len() => start + part.start..start + part.end,
            Some(_) | None => self.span.clone(),
        }
    }
}

/// A word of a list, or `$` and the name of a parameter that holds one.
pub(crate) type Word = Located<String>;

/// What surrounds a window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Border {
    /// `same`, `valid` or `causal`, or a parameter.
    Word(Word),
    /// One, two or four numbers.
    Numbers(Vec<Number>),
}

/// Element types; missing ones are inherited.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PrecisionText {
    pub(crate) weights: Option<Bits>,
    pub(crate) activations: Option<Bits>,
}

/// An element type by name, or so many bits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bits {
    Word(Word),
    Number(Number),
}

impl Bits {
    pub(crate) const fn span(&self) -> &Range<usize> {
        match self {
            Self::Word(word) => &word.span,
            Self::Number(number) => &number.span,
        }
    }
}

/// A value that a block's parameter is bound to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Binding {
    Number(Number),
    Word(Word),
}

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(Number),
    Extent(Vec<Number>),
    Word(Word),
    Border(Border),
    Name(Located<String>),
    Names(Vec<Located<String>>),
    Lengths(Vec<Number>),
    Bindings(Vec<(Located<String>, Binding)>),
    Precision(PrecisionText),
}

/// One layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    /// Its number in its list, from 1.
    pub(crate) number: usize,
    /// The line of the file that it begins on, from 1.
    pub(crate) line: usize,
    /// Its kind, and where the kind stands.
    pub(crate) kind: Located<LayerKind>,
    /// The value of the kind.
    pub(crate) main: Value,
    /// The other keys.
    pub(crate) keys: Vec<(LayerKey, Located<Value>)>,
}

impl Layer {
    /// The value of `key`.
    pub(crate) fn get(&self, key: LayerKey) -> Option<&Located<Value>> {
        self.keys.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }
}

/// A number or a word that a parameter has.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A number; a truth value is 1 or 0.
    Number(f64),
    /// A word.
    Word(String),
}

/// What a parameter may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Anything of its type.
    Any,
    /// A number between two others, both included.
    Between(f64, f64),
    /// One of these.
    Choices(Vec<Scalar>),
}

impl Domain {
    /// Why `value` is not within, in words that follow "is".
    pub(crate) fn admits(&self, value: &Scalar) -> Result<(), String> {
        match (self, value) {
            (Self::Any, _) => Ok(()),
            (Self::Between(least, most), Scalar::Number(number)) => {
                if number < least {
                    Err(format!("{number}, which is below {least}"))
                } else if number > most {
                    Err(format!("{number}, which is above {most}"))
                } else {
                    Ok(())
                }
            }
            (Self::Between(..), Scalar::Word(word)) => Err(format!("`{word}`, which is no number")),
            (Self::Choices(choices), _) => {
                if choices.contains(value) {
                    Ok(())
                } else {
                    let known: Vec<String> = choices.iter().map(Scalar::to_string).collect();
                    Err(format!("{value}, which is none of {}", known.join(", ")))
                }
            }
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// A parameter of a sketch: what the command line may change and a search may vary.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value unless another is given.
    pub value: Scalar,
    /// What it may be.
    pub domain: Domain,
    /// Bytes of the file that its value takes.
    pub span: Range<usize>,
}

/// A block of the file's own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) layers: Vec<Layer>,
}

/// Everything that a sketch file says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) input: Located<Vec<Number>>,
    pub(crate) outputs: Vec<Located<String>>,
    pub(crate) precision: PrecisionText,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) defaults: Vec<(LayerKey, Located<Value>)>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) layers: Vec<Layer>,
}
