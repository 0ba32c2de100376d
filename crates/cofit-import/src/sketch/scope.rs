//! What names in expressions stand for, and the values of keys under them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use cofit_ir::{Extent2d, Padding};
use cofit_vocab::diagnostic::sketch as codes;
use cofit_vocab::{Code, Diagnostic, ElementType, Place};

use super::builder::Precision;
use super::description::{Bits, Border, Number, PrecisionText, Scalar, Word};
use super::expression::{Lookup, nudge};
use super::keys::{self, REPETITION};
use super::limits;
use super::read::shortened;

/// A complaint that ends the expansion, in a box because it is large and rare.
pub(super) type Expanded<T> = Result<T, Box<Diagnostic>>;

/// Whether a single number for an extent counts for height and width or for the height alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimensions {
    /// The input is `[length, channels]`: the length is the height, and the width is 1.
    One,
    /// The input is `[height, width, channels]`.
    Two,
}

/// Values of names at one place of the sketch.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    file: &'a str,
    values: Rc<BTreeMap<String, Scalar>>,
    /// The number of the repetition, from 0.
    pub(super) repetition: u32,
    pub(super) dimensions: Dimensions,
}

impl<'a> Scope<'a> {
    pub(super) fn new(file: &'a str, values: &[(String, Scalar)], dimensions: Dimensions) -> Self {
        Self { file, values: Rc::new(values.iter().cloned().collect()), repetition: 0, dimensions }
    }

    /// The same scope with more names, which hide those of before.
    pub(super) fn with(&self, values: Vec<(String, Scalar)>) -> Self {
        let mut inner = self.clone();
        if !values.is_empty() {
            Rc::make_mut(&mut inner.values).extend(values);
        }
        inner.repetition = 0;
        inner
    }

    pub(super) fn error<T>(
        &self,
        code: &'static Code,
        message: impl Into<String>,
        span: &Range<usize>,
    ) -> Expanded<T> {
        let place = Place::span(span.start, span.end).with_file(self.file);
        Err(Box::new(Diagnostic::error(code, message, place)))
    }

    fn find(&self, name: &str) -> Option<&Scalar> {
        self.values.get(name)
    }

    /// The value of an expression.
    pub(super) fn number(&self, number: &Number) -> Expanded<f64> {
        let lookup = |name: &str| match self.find(name) {
            _ if name == REPETITION => Lookup::Number(f64::from(self.repetition)),
            Some(Scalar::Number(value)) => Lookup::Number(*value),
            Some(Scalar::Word(_)) => Lookup::Word,
            None => Lookup::Unknown,
        };
        number.expression.evaluate(&lookup).or_else(|error| {
            let span = number.part(error.at);
            let code = match error.unknown_name {
                Some(_) => &codes::UNKNOWN_PARAMETER,
                None => &codes::EXPRESSION,
            };
            self.error(code, error.message, &span)
        })
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole(
        &self,
        number: &Number,
        what: &str,
        least: i64,
        most: i64,
    ) -> Expanded<i64> {
        let value = nudge(self.number(number)?);
        if value.fract() != 0.0 {
            let message = format!(
                "`{what}` is {value}, which is not whole; round it with round8, floor, ceil or round"
            );
            return self.error(&codes::BAD_SIZE, message, &number.span);
        }
        if value < least as f64 || value > most as f64 {
            let message = format!("`{what}` is {value}, which is not between {least} and {most}");
            return self.error(&codes::BAD_SIZE, message, &number.span);
        }
        Ok(value as i64)
    }

    /// A length from 1.
    pub(super) fn length(&self, number: &Number, what: &str) -> Expanded<u32> {
        // The bounds make the cast exact.
        self.whole(number, what, 1, i64::from(limits::LENGTH)).map(|length| length as u32)
    }

    /// A truth value.
    pub(super) fn flag(&self, number: &Number) -> Expanded<bool> {
        self.number(number).map(|value| value != 0.0)
    }

    /// A height and a width from one number or two.
    pub(super) fn extent(&self, numbers: &[Number], what: &str) -> Expanded<Extent2d> {
        let lengths =
            numbers.iter().map(|n| self.length(n, what)).collect::<Expanded<Vec<u32>>>()?;
        Ok(match (lengths.as_slice(), self.dimensions) {
            (&[height, width], _) => Extent2d::new(height, width),
            (&[length], Dimensions::Two) => Extent2d::new(length, length),
            (&[length], Dimensions::One) => Extent2d::new(length, 1),
            _ => Extent2d::ONE,
        })
    }

    /// The extent that a single number stands for.
    pub(super) const fn square(&self, length: u32) -> Extent2d {
        match self.dimensions {
            Dimensions::One => Extent2d::new(length, 1),
            Dimensions::Two => Extent2d::new(length, length),
        }
    }

    /// The word that is written, or that the named parameter holds.
    pub(super) fn word(&self, word: &Word, key: &str, words: &[&str]) -> Expanded<String> {
        let Some(name) = word.value.strip_prefix('$') else { return Ok(word.value.clone()) };
        match self.find(name) {
            Some(Scalar::Word(held)) if words.is_empty() || words.contains(&held.as_str()) => {
                Ok(held.clone())
            }
            Some(Scalar::Word(held)) => {
                let message = format!(
                    "`{key}` is `{}`, which is none of {}",
                    shortened(held),
                    words.join(", ")
                );
                self.error(&codes::BAD_VALUE, message, &word.span)
            }
            Some(Scalar::Number(number)) => {
                let message = format!("`{key}` is {number} where a word is needed");
                self.error(&codes::BAD_VALUE, message, &word.span)
            }
            None => {
                let message = format!("there is no parameter `{}`", shortened(name));
                self.error(&codes::UNKNOWN_PARAMETER, message, &word.span)
            }
        }
    }

    /// Rows above and below, columns to the left and to the right.
    pub(super) fn border(&self, numbers: &[Number], what: &str) -> Expanded<[u32; 4]> {
        let lengths = numbers
            .iter()
            .map(|n| self.whole(n, what, 0, i64::from(limits::LENGTH)).map(|n| n as u32))
            .collect::<Expanded<Vec<u32>>>()?;
        Ok(match (lengths.as_slice(), self.dimensions) {
            (&[all], Dimensions::Two) => [all; 4],
            (&[all], Dimensions::One) => [all, all, 0, 0],
            (&[rows, columns], Dimensions::Two) => [rows, rows, columns, columns],
            (&[before, after], Dimensions::One) => [before, after, 0, 0],
            (&[top, bottom, left, right], _) => [top, bottom, left, right],
            _ => [0; 4],
        })
    }

    /// What surrounds a window of `kernel` taps `dilation` apart.
    pub(super) fn padding(
        &self,
        border: &Border,
        kernel: Extent2d,
        dilation: Extent2d,
    ) -> Expanded<Padding> {
        let word = match border {
            Border::Numbers(numbers) => {
                let [top, bottom, left, right] = self.border(numbers, "padding")?;
                return Ok(Padding::Explicit { top, bottom, left, right });
            }
            Border::Word(word) => word,
        };
        match self.word(word, "padding", &["same", "valid", "causal"])?.as_str() {
            "same" => Ok(Padding::Same),
            "causal" if self.dimensions == Dimensions::One => {
                let top = (kernel.height - 1).saturating_mul(dilation.height);
                Ok(Padding::Explicit { top, bottom: 0, left: 0, right: 0 })
            }
            "causal" => {
                let message = "`causal` padding needs an input of [length, channels]";
                self.error(&codes::BAD_VALUE, message, &word.span)
            }
            _ => Ok(Padding::Valid),
        }
    }

    /// The element types that `text` states, and those of `outer` where it states none.
    pub(super) fn precision(&self, text: &PrecisionText, outer: Precision) -> Expanded<Precision> {
        let mut precision = outer;
        if let Some(bits) = &text.weights {
            precision.weights = self.element(bits, outer.weights)?;
            let element = precision.weights;
            if !matches!(
                element,
                ElementType::Int1
                    | ElementType::Int2
                    | ElementType::Int4
                    | ElementType::Int8
                    | ElementType::UInt8
                    | ElementType::Int16
                    | ElementType::Float16
                    | ElementType::Float32
            ) {
                let message = format!("weights cannot be {element}");
                return self.error(&codes::PRECISION, message, bits.span());
            }
        }
        if let Some(bits) = &text.activations {
            precision.activations = self.element(bits, outer.activations)?;
            let element = precision.activations;
            if !matches!(
                element,
                ElementType::Int4
                    | ElementType::Int8
                    | ElementType::UInt8
                    | ElementType::Int16
                    | ElementType::Float16
                    | ElementType::Float32
            ) {
                let message = format!("activations cannot be {element}");
                return self.error(&codes::PRECISION, message, bits.span());
            }
        }
        if precision.weights.is_float() && !precision.activations.is_float() {
            let message = format!(
                "{} activations cannot be multiplied by {} weights",
                precision.activations, precision.weights
            );
            let span = text.weights.as_ref().or(text.activations.as_ref()).map(Bits::span);
            return self.error(&codes::PRECISION, message, span.unwrap_or(&(0..0)));
        }
        Ok(precision)
    }

    fn element(&self, bits: &Bits, outer: ElementType) -> Expanded<ElementType> {
        let word = match bits {
            Bits::Number(number) => {
                let bits = self.whole(number, "precision", 1, 32)?;
                return match bits {
                    1 => Ok(ElementType::Int1),
                    2 => Ok(ElementType::Int2),
                    4 => Ok(ElementType::Int4),
                    8 if outer == ElementType::UInt8 => Ok(ElementType::UInt8),
                    8 => Ok(ElementType::Int8),
                    16 => Ok(ElementType::Int16),
                    other => {
                        let message = format!("no element type has {other} bits");
                        self.error(&codes::PRECISION, message, &number.span)
                    }
                };
            }
            Bits::Word(word) => word,
        };
        // A parameter that holds the precision may hold bits or a name.
        let held = match word.value.strip_prefix('$').and_then(|name| self.find(name)) {
            Some(Scalar::Number(bits)) => format!("int{bits}"),
            Some(Scalar::Word(_)) | None => self.word(word, "precision", &[])?,
        };
        held.parse().or_else(|_| {
            let message = format!("`{}` is no element type", shortened(&held));
            let mut complaint = self.error(&codes::PRECISION, message, &word.span);
            let names = ElementType::ALL.iter().map(|element| element.name());
            if let (Err(complaint), Some(meant)) = (&mut complaint, keys::nearest(&held, names)) {
                complaint.help = Some(format!("Did you mean `{meant}`?"));
            }
            complaint
        })
    }
}
