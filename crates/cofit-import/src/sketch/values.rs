//! Reading the values of keys by their [`Form`].

use std::ops::Range;

use cofit_vocab::Diagnostic;
use cofit_vocab::diagnostic::sketch as codes;
use toml::Spanned;
use toml::de::DeValue;

use super::description::{
    Binding, Bits, Border, Domain, Located, Number, Parameter, PrecisionText, Scalar, Value, Word,
};
use super::expression::Expression;
use super::keys::{Form, PARAMETER_KEYS, PRECISION_KEYS, REPETITION, nearest};
use super::limits;
use super::read::{Reader, in_file_order, shortened};

/// Words for a border.
const BORDERS: &[&str] = &["same", "valid", "causal"];

impl<'a> Reader<'a> {
    /// The value of `key`, or `None` after a complaint.
    pub(super) fn value(
        &mut self,
        form: Form,
        value: &Spanned<DeValue<'a>>,
        key: &str,
    ) -> Option<Value> {
        match form {
            Form::Number | Form::Flag => self.number(value, key, form).map(Value::Number),
            Form::Extent => self.numbers(value, key, form, &[2]).map(Value::Extent),
            Form::Word(words) => self.word(value, key, form, words).map(Value::Word),
            Form::Border => self.border(value, key).map(Value::Border),
            Form::Name => self.identifier(value, key).map(Value::Name),
            Form::Block => match value.get_ref().as_str() {
                Some(text) if text.starts_with('$') => {
                    self.word(value, key, form, &[]).map(Value::Word)
                }
                Some(_) | None => self.identifier(value, key).map(Value::Word),
            },
            Form::Names => {
                let names = self.names(value, key);
                (!names.is_empty()).then_some(Value::Names(names))
            }
            Form::Lengths => self.lengths(value, key).map(Value::Lengths),
            Form::Bindings => self.bindings(value, key).map(Value::Bindings),
            Form::Precision => Some(Value::Precision(self.precision(value))),
        }
    }

    fn refuse<T>(&mut self, key: &str, form: Form, span: &Range<usize>) -> Option<T> {
        let message = format!("`{}` is {}", shortened(key), form.wanted());
        self.error(&codes::BAD_VALUE, message, span);
        None
    }

    /// A number, a truth value, or an expression whose names are known.
    fn number(&mut self, value: &Spanned<DeValue<'a>>, key: &str, form: Form) -> Option<Number> {
        let span = value.span();
        if let Some(number) = literal(value.get_ref()) {
            return Some(Number { expression: Expression::number(number), span, text_start: None });
        }
        match (value.get_ref(), form) {
            (DeValue::Boolean(flag), Form::Flag) => Some(Number {
                expression: Expression::number(f64::from(u8::from(*flag))),
                span,
                text_start: None,
            }),
            (DeValue::String(text), _) => self.expression(text, span),
            _ => self.refuse(key, form, &span),
        }
    }

    fn expression(&mut self, text: &str, span: Range<usize>) -> Option<Number> {
        // An escape in the string would shift every place behind it.
        let inner = span.start + 1..span.end.saturating_sub(1);
        let text_start = (self.source.get(inner.clone()) == Some(text)).then_some(inner.start);
        match Expression::parse(text) {
            Ok(expression) => {
                let number = Number { expression, span, text_start };
                let unknown: Vec<(String, Range<usize>)> = number
                    .expression
                    .names()
                    .into_iter()
                    .filter(|(name, _)| !self.is_known(name))
                    .map(|(name, part)| (name.to_owned(), number.part(part)))
                    .collect();
                for (name, place) in &unknown {
                    self.unknown_parameter(name, place);
                }
                unknown.is_empty().then_some(number)
            }
            Err(error) => {
                let number = Number { expression: Expression::number(0.0), span, text_start };
                let place = number.part(error.at);
                self.error(&codes::EXPRESSION, error.message, &place);
                None
            }
        }
    }

    fn is_known(&self, name: &str) -> bool {
        name == REPETITION || self.names.iter().any(|known| known == name)
    }

    fn unknown_parameter(&mut self, name: &str, span: &Range<usize>) {
        let place = self.place(span);
        let message = format!("there is no parameter `{}`", shortened(name));
        let mut diagnostic = Diagnostic::error(&codes::UNKNOWN_PARAMETER, message, place);
        let known = self.names.iter().map(String::as_str);
        if let Some(meant) = nearest(name, known.clone()) {
            diagnostic = diagnostic.with_help(format!("Did you mean `{meant}`?"));
        } else if !self.names.is_empty() {
            let known: Vec<&str> = known.collect();
            diagnostic = diagnostic.with_help(format!("Declared are {}.", known.join(", ")));
        }
        self.diagnostics.push(diagnostic);
    }

    /// One number, or a list of as many as `counts` allows.
    fn numbers(
        &mut self,
        value: &Spanned<DeValue<'a>>,
        key: &str,
        form: Form,
        counts: &[usize],
    ) -> Option<Vec<Number>> {
        let Some(array) = value.get_ref().as_array() else {
            return Some(vec![self.number(value, key, form)?]);
        };
        if !counts.contains(&array.len()) {
            return self.refuse(key, form, &value.span());
        }
        array.iter().map(|item| self.number(item, key, form)).collect()
    }

    pub(super) fn lengths(
        &mut self,
        value: &Spanned<DeValue<'a>>,
        key: &str,
    ) -> Option<Vec<Number>> {
        match value.get_ref().as_array() {
            Some(array) if (1..=6).contains(&array.len()) => {
                array.iter().map(|item| self.number(item, key, Form::Lengths)).collect()
            }
            Some(_) | None => self.refuse(key, Form::Lengths, &value.span()),
        }
    }

    /// A word of `words`, or `$` and a parameter.
    fn word(
        &mut self,
        value: &Spanned<DeValue<'a>>,
        key: &str,
        form: Form,
        words: &[&str],
    ) -> Option<Word> {
        let Some(text) = value.get_ref().as_str() else {
            return self.refuse(key, form, &value.span());
        };
        if let Some(name) = text.strip_prefix('$') {
            if !self.is_known(name) {
                self.unknown_parameter(name, &value.span());
                return None;
            }
        } else if !words.contains(&text) {
            let place = self.place(&value.span());
            let message = format!("`{}` is no value of `{key}`", shortened(text));
            let help = match nearest(text, words.iter().copied()) {
                Some(meant) => format!("Did you mean `{meant}`?"),
                None => format!("Known are {}.", words.join(", ")),
            };
            self.diagnostics
                .push(Diagnostic::error(&codes::BAD_VALUE, message, place).with_help(help));
            return None;
        }
        Some(Located::new(text.to_owned(), value.span()))
    }

    fn border(&mut self, value: &Spanned<DeValue<'a>>, key: &str) -> Option<Border> {
        match value.get_ref().as_str() {
            Some(text) if BORDERS.contains(&text) || text.starts_with('$') => {
                self.word(value, key, Form::Border, BORDERS).map(Border::Word)
            }
            Some(_) | None => self.numbers(value, key, Form::Border, &[2, 4]).map(Border::Numbers),
        }
    }

    /// A name that can be given or used.
    pub(super) fn identifier(
        &mut self,
        value: &Spanned<DeValue<'a>>,
        key: &str,
    ) -> Option<Located<String>> {
        let Some(text) = value.get_ref().as_str() else {
            return self.refuse(key, Form::Name, &value.span());
        };
        self.check_name(text, &value.span(), key)
            .then(|| Located::new(text.to_owned(), value.span()))
    }

    /// Whether `name` can be a name; complains otherwise.
    pub(super) fn check_name(&mut self, name: &str, span: &Range<usize>, key: &str) -> bool {
        let letters =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let good = letters && (1..=limits::NAME_BYTES).contains(&name.len());
        if !good {
            let message = format!(
                "`{}` cannot be a {key}: names have 1 to {} letters, digits, `_`, `-` or `.`",
                shortened(name),
                limits::NAME_BYTES
            );
            self.error(&codes::BAD_NAME, message, span);
        }
        good
    }

    /// A list of names; empty after a complaint.
    pub(super) fn names(
        &mut self,
        value: &Spanned<DeValue<'a>>,
        key: &str,
    ) -> Vec<Located<String>> {
        match value.get_ref().as_array() {
            Some(array) if (1..=limits::NAMES).contains(&array.len()) => {
                let names: Vec<_> =
                    array.iter().filter_map(|item| self.identifier(item, key)).collect();
                if names.len() == array.len() { names } else { Vec::new() }
            }
            Some(array) if array.len() > limits::NAMES => {
                let message = format!("`{key}` lists more than {} names", limits::NAMES);
                self.error(&codes::TOO_LARGE, message, &value.span());
                Vec::new()
            }
            Some(_) | None => {
                self.refuse::<()>(key, Form::Names, &value.span());
                Vec::new()
            }
        }
    }

    fn bindings(
        &mut self,
        value: &Spanned<DeValue<'a>>,
        key: &str,
    ) -> Option<Vec<(Located<String>, Binding)>> {
        let Some(table) = value.get_ref().as_table() else {
            return self.refuse(key, Form::Bindings, &value.span());
        };
        let mut bindings = Vec::new();
        for (name, value) in in_file_order(table) {
            // A word stands for itself with `=` before it would be one more rule to learn, so
            // what the block's parameter holds decides how the text is read.
            let binding = match value.get_ref() {
                DeValue::String(text) if text.starts_with('$') => {
                    self.word(value, name.get_ref(), Form::Word(&[]), &[]).map(Binding::Word)
                }
                DeValue::String(text) if !self.reads_as_number(text) => {
                    Some(Binding::Word(Located::new(text.to_string(), value.span())))
                }
                _ => self.number(value, name.get_ref(), Form::Flag).map(Binding::Number),
            };
            let name = Located::new(name.get_ref().to_string(), name.span());
            bindings.push((name, binding?));
        }
        Some(bindings)
    }

    /// Whether a text is an expression over known names.
    fn reads_as_number(&self, text: &str) -> bool {
        match Expression::parse(text) {
            Ok(expression) => {
                let names = expression.names();
                names.iter().all(|(name, _)| self.is_known(name)) || !is_plain_word(text)
            }
            Err(_) => !is_plain_word(text),
        }
    }

    pub(super) fn precision(&mut self, value: &Spanned<DeValue<'a>>) -> PrecisionText {
        let Some(table) = value.get_ref().as_table() else {
            let both = self.bits(value, "precision");
            return PrecisionText { weights: both.clone(), activations: both };
        };
        let mut precision = PrecisionText::default();
        for (key, value) in in_file_order(table) {
            match key.get_ref().as_ref() {
                "weights" => precision.weights = self.bits(value, "weights"),
                "activations" => precision.activations = self.bits(value, "activations"),
                other => self.unknown_key(other, &key.span(), PRECISION_KEYS, "a precision"),
            }
        }
        precision
    }

    fn bits(&mut self, value: &Spanned<DeValue<'a>>, key: &str) -> Option<Bits> {
        match value.get_ref() {
            DeValue::String(text) if text.starts_with('$') => {
                self.word(value, key, Form::Precision, &[]).map(Bits::Word)
            }
            DeValue::String(text) if !self.reads_as_number(text) => {
                Some(Bits::Word(Located::new(text.to_string(), value.span())))
            }
            _ => self.number(value, key, Form::Precision).map(Bits::Number),
        }
    }

    pub(super) fn parameter(
        &mut self,
        key: &Spanned<std::borrow::Cow<'a, str>>,
        value: &Spanned<DeValue<'a>>,
    ) -> Option<Parameter> {
        let name = key.get_ref().as_ref();
        let plain = is_plain_word(name) && name.len() <= limits::NAME_BYTES && name != REPETITION;
        if !plain {
            let message = format!("`{}` cannot be the name of a parameter", shortened(name));
            self.error(&codes::BAD_PARAMETER, message, &key.span());
            return None;
        }
        let name = name.to_owned();
        let Some(table) = value.get_ref().as_table() else {
            let scalar = self.scalar(value, &name)?;
            return Some(Parameter {
                name,
                value: scalar,
                domain: Domain::Any,
                span: value.span(),
            });
        };
        for (key, _) in in_file_order(table) {
            if !PARAMETER_KEYS.contains(&key.get_ref().as_ref()) {
                self.unknown_key(key.get_ref(), &key.span(), PARAMETER_KEYS, "a parameter");
            }
        }
        let Some(own) = table.get("value") else {
            let message = format!("parameter `{name}` has no `value`");
            self.error(&codes::MISSING_KEY, message, &value.span());
            return None;
        };
        let span = own.span();
        let own = self.scalar(own, &name)?;
        let domain = self.domain(table, &name)?;
        if let Err(reason) = domain.admits(&own) {
            self.error(&codes::BAD_PARAMETER, format!("`{name}` is {reason}"), &span);
            return None;
        }
        Some(Parameter { name, value: own, domain, span })
    }

    fn domain(&mut self, table: &super::read::Table<'a>, name: &str) -> Option<Domain> {
        let bound =
            |key: &str| table.get(key).map(|value| (literal(value.get_ref()), value.span()));
        let (minimum, maximum) = (bound("minimum"), bound("maximum"));
        if let Some(choices) = table.get("choices") {
            let read: Option<Vec<Scalar>> = choices
                .get_ref()
                .as_array()
                .filter(|array| (1..=limits::NAMES).contains(&array.len()))
                .map(|array| array.iter().filter_map(|item| self.scalar(item, name)).collect());
            let alone = minimum.is_none() && maximum.is_none();
            if let Some(choices) = read.filter(|_| alone) {
                return Some(Domain::Choices(choices));
            }
            let message = format!("`choices` of `{name}` is a list, and the only range");
            self.error(&codes::BAD_PARAMETER, message, &choices.span());
            return None;
        }
        let mut ends = [f64::NEG_INFINITY, f64::INFINITY];
        for (end, bound) in ends.iter_mut().zip([&minimum, &maximum]) {
            match bound {
                Some((Some(number), _)) => *end = *number,
                Some((None, span)) => {
                    let message = format!("an end of the range of `{name}` is no number");
                    self.error(&codes::BAD_PARAMETER, message, span);
                    return None;
                }
                None => {}
            }
        }
        let any = minimum.is_none() && maximum.is_none();
        Some(if any { Domain::Any } else { Domain::Between(ends[0], ends[1]) })
    }

    /// A number, a truth value or a word.
    fn scalar(&mut self, value: &Spanned<DeValue<'a>>, name: &str) -> Option<Scalar> {
        if let Some(number) = literal(value.get_ref()) {
            return Some(Scalar::Number(number));
        }
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(Scalar::Number(f64::from(u8::from(*flag)))),
            DeValue::String(word) if word.len() <= limits::NAME_BYTES => {
                Some(Scalar::Word(word.to_string()))
            }
            _ => {
                let message = format!("parameter `{name}` is no number, truth value or short word");
                self.error(&codes::BAD_PARAMETER, message, &value.span());
                None
            }
        }
    }
}

/// The finite number that a value is.
fn literal(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok()? as f64
        }
        DeValue::Float(float) => float.as_str().parse().ok()?,
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => return None,
    };
    number.is_finite().then_some(number)
}

/// Whether a text is one word that could be a name in an expression.
fn is_plain_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}
