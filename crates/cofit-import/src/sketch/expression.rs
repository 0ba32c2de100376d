//! Arithmetic over parameters, such as `round8(32 * width)`.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = power { ("*" | "/") power }
//! power   = ["-"] atom ["^" power]
//! atom    = number | name | function "(" sum { "," sum } ")" | "(" sum ")"
//! ```

use std::ops::Range;

/// Longest text of an expression in bytes. An expression is evaluated once for every repetition of
/// its layer, so its length bounds the work.
pub(crate) const MAXIMUM_LENGTH: usize = 128;

/// Deepest nesting of parentheses, calls and signs.
pub(crate) const MAXIMUM_DEPTH: usize = 64;

macro_rules! functions {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $least:literal..=$most:literal;)*) => {
        /// A function that an expression can call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Function {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Function {
            /// Every function.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in text.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How few and how many arguments it takes.
            const fn arity(self) -> (usize, usize) {
                match self { $(Self::$variant => ($least, $most),)* }
            }
        }
    };
}

functions! {
    /// The smallest argument.
    Minimum = "min", 2..=8;
    /// The largest argument.
    Maximum = "max", 2..=8;
    /// The largest whole number that is not above the argument.
    Floor = "floor", 1..=1;
    /// The smallest whole number that is not below the argument.
    Ceil = "ceil", 1..=1;
    /// The nearest whole number; a half goes away from zero.
    Round = "round", 1..=1;
    /// The multiple of 8 that MobileNets round channels to.
    Round8 = "round8", 1..=1;
    /// The same rule for the multiple in the second argument.
    Divisible = "divisible", 2..=2;
}

/// What went wrong, and where in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExpressionError {
    /// What, in one sentence.
    pub(crate) message: String,
    /// Bytes of the text.
    pub(crate) at: Range<usize>,
    /// Whether it is a name that no parameter has.
    pub(crate) unknown_name: Option<String>,
}

impl ExpressionError {
    fn new(message: impl Into<String>, at: Range<usize>) -> Self {
        Self { message: message.into(), at, unknown_name: None }
    }
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Name(String, Range<usize>),
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>, Range<usize>),
    Call(Function, Vec<Node>, Range<usize>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lookup {
    /// A number.
    Number(f64),
    /// A word, which has no place in arithmetic.
    Word,
    /// Nothing.
    Unknown,
}

impl Expression {
    /// A number.
    pub(crate) const fn number(value: f64) -> Self {
        Self(Node::Number(value))
    }

    /// Parses `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAXIMUM_LENGTH {
            return Err(ExpressionError::new(
                format!("the expression is longer than {MAXIMUM_LENGTH} bytes"),
                0..text.len(),
            ));
        }
        let mut parser = Parser { text, at: 0, depth: 0 };
        let node = parser.sum()?;
        parser.skip_space();
        if parser.at < text.len() {
            return Err(parser.unexpected("an operator or the end"));
        }
        Ok(Self(node))
    }

    /// The names that occur, with their places.
    pub(crate) fn names(&self) -> Vec<(&str, Range<usize>)> {
        fn collect<'a>(node: &'a Node, names: &mut Vec<(&'a str, Range<usize>)>) {
            match node {
                Node::Number(_) => {}
                Node::Name(name, at) => names.push((name, at.clone())),
                Node::Negate(inner) => collect(inner, names),
                Node::Binary(_, left, right, _) => {
                    collect(left, names);
                    collect(right, names);
                }
                Node::Call(_, arguments, _) => {
                    arguments.iter().for_each(|argument| collect(argument, names));
                }
            }
        }
        let mut names = Vec::new();
        collect(&self.0, &mut names);
        names
    }

    /// The value, with `lookup` saying what a name stands for. Always finite.
    pub(crate) fn evaluate(&self, lookup: &dyn Fn(&str) -> Lookup) -> Result<f64, ExpressionError> {
        let value = evaluate(&self.0, lookup)?;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(ExpressionError::new("the value is too large for a number", 0..usize::MAX))
        }
    }
}

fn evaluate(node: &Node, lookup: &dyn Fn(&str) -> Lookup) -> Result<f64, ExpressionError> {
    Ok(match node {
        Node::Number(value) => *value,
        Node::Name(name, at) => match lookup(name) {
            Lookup::Number(value) => value,
            Lookup::Word => {
                return Err(ExpressionError::new(
                    format!("`{name}` is a word and has no place in arithmetic"),
                    at.clone(),
                ));
            }
            Lookup::Unknown => {
                return Err(ExpressionError {
                    unknown_name: Some(name.clone()),
                    ..ExpressionError::new(format!("there is no parameter `{name}`"), at.clone())
                });
            }
        },
        Node::Negate(inner) => -evaluate(inner, lookup)?,
        Node::Binary(operator, left, right, at) => {
            let (left, right) = (evaluate(left, lookup)?, evaluate(right, lookup)?);
            match operator {
                Operator::Add => left + right,
                Operator::Subtract => left - right,
                Operator::Multiply => left * right,
                Operator::Divide if right == 0.0 => {
                    return Err(ExpressionError::new("division by zero", at.clone()));
                }
                Operator::Divide => left / right,
                Operator::Power => power(left, right).ok_or_else(|| {
                    ExpressionError::new("an exponent is a whole number from 0 to 64", at.clone())
                })?,
            }
        }
        Node::Call(function, arguments, at) => {
            let values = arguments
                .iter()
                .map(|node| evaluate(node, lookup))
                .collect::<Result<Vec<_>, _>>()?;
            if *function == Function::Divisible && values.get(1).is_none_or(|&n| n <= 0.0) {
                return Err(ExpressionError::new("a divisor is above zero", at.clone()));
            }
            call(*function, &values)
        }
    })
}

/// `base` to a small whole exponent by multiplication, which unlike a library's power function
/// rounds the same way everywhere.
fn power(base: f64, exponent: f64) -> Option<f64> {
    if exponent.fract() != 0.0 || !(0.0..=64.0).contains(&exponent) {
        return None;
    }
    Some((0..exponent as u32).fold(1.0, |product, _| product * base))
}

fn call(function: Function, values: &[f64]) -> f64 {
    match (function, values) {
        (Function::Minimum, _) => values.iter().copied().fold(f64::INFINITY, f64::min),
        (Function::Maximum, _) => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        (Function::Floor, &[x]) => nudge(x).floor(),
        (Function::Ceil, &[x]) => nudge(x).ceil(),
        (Function::Round, &[x]) => nudge(x).round(),
        (Function::Round8, &[x]) => make_divisible(x, 8.0),
        (Function::Divisible, &[x, divisor]) => make_divisible(x, divisor),
        (
            Function::Floor
            | Function::Ceil
            | Function::Round
            | Function::Round8
            | Function::Divisible,
            _,
        ) => f64::NAN,
    }
}

/// `x`, or the whole number that it misses only by rounding errors: `100 * 0.29` is 29, not the
/// 28.999… of binary fractions.
pub(crate) fn nudge(x: f64) -> f64 {
    let whole = x.round();
    if (x - whole).abs() <= 1e-9 * whole.abs().max(1.0) { whole } else { x }
}

/// The channel count nearest to `value` that `divisor` divides, at least `divisor`, and not more
/// than a tenth below `value`.
///
/// Source: `_make_divisible` in tensorflow/models `research/slim/nets/mobilenet/mobilenet.py`.
pub(crate) fn make_divisible(value: f64, divisor: f64) -> f64 {
    let value = nudge(value);
    let rounded = ((nudge(value + divisor / 2.0) / divisor).floor() * divisor).max(divisor);
    if rounded < 0.9 * value { rounded + divisor } else { rounded }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes one of `symbols`, if it comes next.
    fn take(&mut self, symbols: &[u8]) -> Option<u8> {
        self.skip_space();
        let symbol = self.peek().filter(|byte| symbols.contains(byte))?;
        self.at += 1;
        Some(symbol)
    }

    fn unexpected(&self, wanted: &str) -> ExpressionError {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => ExpressionError::new(
                format!("`{}` where {wanted} is needed", found.escape_debug()),
                self.at..self.at + found.len_utf8(),
            ),
            None => ExpressionError::new(
                format!("the expression ends where {wanted} is needed"),
                self.at.saturating_sub(1)..self.at,
            ),
        }
    }

    fn sum(&mut self) -> Result<Node, ExpressionError> {
        let mut left = self.product()?;
        while let Some(symbol) = self.take(b"+-") {
            let at = self.at - 1..self.at;
            let right = self.product()?;
            let operator = if symbol == b'+' { Operator::Add } else { Operator::Subtract };
            left = Node::Binary(operator, Box::new(left), Box::new(right), at);
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Node, ExpressionError> {
        let mut left = self.power()?;
        while let Some(symbol) = self.take(b"*/") {
            let at = self.at - 1..self.at;
            let right = self.power()?;
            let operator = if symbol == b'*' { Operator::Multiply } else { Operator::Divide };
            left = Node::Binary(operator, Box::new(left), Box::new(right), at);
        }
        Ok(left)
    }

    fn power(&mut self) -> Result<Node, ExpressionError> {
        self.depth += 1;
        if self.depth > MAXIMUM_DEPTH {
            return Err(ExpressionError::new(
                format!("the expression nests deeper than {MAXIMUM_DEPTH}"),
                0..self.text.len(),
            ));
        }
        let node = if self.take(b"-").is_some() {
            Node::Negate(Box::new(self.power()?))
        } else {
            let base = self.atom()?;
            if self.take(b"^").is_some() {
                let at = self.at - 1..self.at;
                let exponent = self.power()?;
                Node::Binary(Operator::Power, Box::new(base), Box::new(exponent), at)
            } else {
                base
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    fn atom(&mut self) -> Result<Node, ExpressionError> {
        self.skip_space();
        let start = self.at;
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                let inner = self.sum()?;
                self.close()?;
                Ok(inner)
            }
            Some(b'0'..=b'9' | b'.') => {
                while self.peek().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.') {
                    self.at += 1;
                }
                let digits = &self.text[start..self.at];
                digits.parse().map(Node::Number).map_err(|_| {
                    ExpressionError::new(format!("`{digits}` is no number"), start..self.at)
                })
            }
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    self.at += 1;
                }
                let name = self.text[start..self.at].to_owned();
                let at = start..self.at;
                if self.take(b"(").is_some() {
                    self.call(&name, at)
                } else {
                    Ok(Node::Name(name, at))
                }
            }
            Some(_) | None => Err(self.unexpected("a number, a parameter or a parenthesis")),
        }
    }

    fn call(&mut self, name: &str, at: Range<usize>) -> Result<Node, ExpressionError> {
        let Some(function) = Function::ALL.iter().copied().find(|known| known.name() == name)
        else {
            let known: Vec<&str> = Function::ALL.iter().map(|function| function.name()).collect();
            return Err(ExpressionError::new(
                format!("there is no function `{name}`; known are {}", known.join(", ")),
                at,
            ));
        };
        let mut arguments = vec![self.sum()?];
        while self.take(b",").is_some() {
            arguments.push(self.sum()?);
        }
        self.close()?;
        let (least, most) = function.arity();
        if !(least..=most).contains(&arguments.len()) {
            let wanted =
                if least == most { least.to_string() } else { format!("{least} to {most}") };
            return Err(ExpressionError::new(
                format!("`{name}` takes {wanted} arguments, not {}", arguments.len()),
                at,
            ));
        }
        Ok(Node::Call(function, arguments, at))
    }

    fn close(&mut self) -> Result<(), ExpressionError> {
        match self.take(b")") {
            Some(_) => Ok(()),
            None => Err(self.unexpected("`)`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: f64) {
        let lookup = |name: &str| match name {
            "width" => Lookup::Number(0.35),
            "block" => Lookup::Word,
            _ => Lookup::Unknown,
        };
        let value = Expression::parse(text).and_then(|parsed| parsed.evaluate(&lookup));
        assert_eq!(value, Ok(expected), "{text}");
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let lookup = |name: &str| if name == "block" { Lookup::Word } else { Lookup::Unknown };
        let value = Expression::parse(text).and_then(|parsed| parsed.evaluate(&lookup));
        assert_eq!(value.map_err(|error| error.message), Err(expected.to_owned()), "{text}");
    }

    #[test]
    fn arithmetic_binds_as_usual() {
        check("1 + 2 * 3 - 4 / 2", 5.0);
        check("(1 + 2) * 3", 9.0);
        check("10 - 3 - 2", 5.0);
        check("-2 ^ 2", -4.0);
        check("2 ^ 3 ^ 2", 512.0);
        check("min(3, 1, 2) + max(4, 9)", 10.0);
        check("floor(2.5) + ceil(2.5) + round(2.5)", 8.0);
        check("floor(100 * 0.29)", 29.0);
    }

    /// The channels of MobileNetV2 0.35, whose layers Keras Applications lists as 16, 8, 16, 24,
    /// 32, 56 and 112; and 1.4 whose first convolution has 48.
    #[test]
    fn channels_round_as_mobilenets_do() {
        check("round8(32 * width)", 16.0);
        check("round8(16 * width)", 8.0);
        check("round8(24 * width)", 8.0);
        check("round8(32 * width)", 16.0);
        check("round8(64 * width)", 24.0);
        check("round8(96 * width)", 32.0);
        check("round8(160 * width)", 56.0);
        check("round8(320 * width)", 112.0);
        check("round8(32 * 1.4)", 48.0);
        check("divisible(10, 4)", 12.0);
    }

    #[test]
    fn mistakes_are_named() {
        refused(
            "1 +",
            "the expression ends where a number, a parameter or a parenthesis is needed",
        );
        refused("1 1", "`1` where an operator or the end is needed");
        refused("(1", "the expression ends where `)` is needed");
        refused("1.2.3", "`1.2.3` is no number");
        refused("depth", "there is no parameter `depth`");
        refused("block", "`block` is a word and has no place in arithmetic");
        refused("1 / 0", "division by zero");
        refused("2 ^ 0.5", "an exponent is a whole number from 0 to 64");
        refused("max(1)", "`max` takes 2 to 8 arguments, not 1");
        refused("9^64 * 9^64 * 9^64 * 9^64 * 9^64 * 9^64", "the value is too large for a number");
        refused("divisible(1, 0)", "a divisor is above zero");
        refused("é", "`é` where a number, a parameter or a parenthesis is needed");
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = format!("{}1", "(".repeat(65));
        refused(&nested, "the expression nests deeper than 64");
        refused(&"-".repeat(120), "the expression nests deeper than 64");
        refused(&"1+".repeat(200), "the expression is longer than 128 bytes");
        check(&format!("{}1{}", "(".repeat(60), ")".repeat(60)), 1.0);
    }
}
