//! Models from text.

use std::collections::{HashMap, HashSet};

use bytes::Bytes as SharedBytes;
use cofit_vocab::diagnostic::model as rules;
use cofit_vocab::element::ElementClass;
use cofit_vocab::{Code, Diagnostic, Diagnostics, ElementType, OperatorKind, Place};
use smallvec::SmallVec;

use super::lexer::{Lexer, Token, TokenKind};
use super::{RESERVED, unquote};
use crate::ops::{AttributeError, AttributeReader, AttributeValue};
use crate::{
    ConstantData, Graph, Model, Op, Operator, Origin, Quantisation, Shape, Tensor, TensorId,
    TensorRole,
};

/// The model that `text` describes. It is not verified. Messages name `file`, if given.
///
/// # Errors
/// Every statement that is not well formed, with its byte range in the text.
pub fn parse(text: &str, file: Option<&str>) -> Result<Model, Diagnostics> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        tokens: Vec::new(),
        end: text.len(),
        file,
        found: Diagnostics::new(),
    };
    let model = parser.model();
    if parser.found.has_errors() { Err(parser.found) } else { Ok(model) }
}

/// What is wrong with a statement.
struct Fault {
    code: &'static Code,
    message: String,
    span: (usize, usize),
}

impl Fault {
    fn syntax(message: impl Into<String>, span: (usize, usize)) -> Self {
        Self { code: &rules::TEXT_SYNTAX, message: message.into(), span }
    }

    fn attribute(message: impl Into<String>, span: (usize, usize)) -> Self {
        Self { code: &rules::TEXT_ATTRIBUTE, message: message.into(), span }
    }

    fn label(message: impl Into<String>, span: (usize, usize)) -> Self {
        Self { code: &rules::TEXT_LABEL, message: message.into(), span }
    }
}

/// The tokens of a statement that are still to be read.
struct Statement<'a, 't> {
    tokens: &'t [Token<'a>],
    /// Where the statement ends, for messages about what is missing there.
    end: usize,
}

impl<'a> Statement<'a, '_> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.first().copied()
    }

    fn next(&mut self, wanted: &str) -> Result<Token<'a>, Fault> {
        let (&token, rest) = self.tokens.split_first().ok_or_else(|| {
            Fault::syntax(
                format!("the statement ends where {wanted} should be"),
                (self.end, self.end),
            )
        })?;
        self.tokens = rest;
        Ok(token)
    }

    fn token(&mut self, kind: TokenKind, wanted: &str) -> Result<Token<'a>, Fault> {
        let token = self.next(wanted)?;
        if token.kind == kind { Ok(token) } else { Err(unexpected(token, wanted)) }
    }

    fn mark(&mut self, mark: &str) -> Result<(), Fault> {
        let wanted = format!("`{mark}`");
        let token = self.token(TokenKind::Mark, &wanted)?;
        if token.text == mark { Ok(()) } else { Err(unexpected(token, &wanted)) }
    }

    /// Takes `mark` if it comes next.
    fn took(&mut self, mark: &str) -> bool {
        let is_next =
            self.peek().is_some_and(|token| token.kind == TokenKind::Mark && token.text == mark);
        if is_next {
            self.tokens = &self.tokens[1..];
        }
        is_next
    }

    fn string(&mut self) -> Result<String, Fault> {
        let token = self.token(TokenKind::String, "a quoted string")?;
        unquote(token.text)
            .ok_or_else(|| Fault::syntax("the string has an escape without meaning", token.span()))
    }

    fn labels(&mut self) -> Result<Vec<Token<'a>>, Fault> {
        let mut labels = vec![self.token(TokenKind::Word, "a label")?];
        while self.took(",") {
            labels.push(self.token(TokenKind::Word, "a label")?);
        }
        Ok(labels)
    }

    /// The value behind `name=`.
    fn value(&mut self) -> Result<Token<'a>, Fault> {
        self.mark("=")?;
        let token = self.next("a value")?;
        match token.kind {
            TokenKind::Word | TokenKind::String | TokenKind::List => Ok(token),
            TokenKind::Mark | TokenKind::Stray => Err(unexpected(token, "a value")),
        }
    }

    fn finish(&self) -> Result<(), Fault> {
        match self.peek() {
            Some(token) => Err(unexpected(token, "the end of the line")),
            None => Ok(()),
        }
    }
}

fn unexpected(token: Token<'_>, wanted: &str) -> Fault {
    let text = cut(token.text);
    Fault::syntax(format!("`{text}` where {wanted} should be"), token.span())
}

/// The beginning of a text's first line, for messages.
fn cut(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    &line[..line.floor_char_boundary(40)]
}

/// The items of a list token, each with its place.
fn items<'a>(list: Token<'a>) -> impl Iterator<Item = Token<'a>> {
    let inner = list.text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let inner = inner.unwrap_or_default();
    let is_empty = inner.trim().is_empty();
    let mut start = list.start + 1;
    inner.split(',').filter(move |_| !is_empty).map(move |item| {
        let leading = item.len() - item.trim_start().len();
        let token = Token { kind: TokenKind::Word, text: item.trim(), start: start + leading };
        start += item.len() + 1;
        token
    })
}

/// A number or a list of numbers.
fn one_or_list<T: AttributeValue>(token: Token<'_>) -> Result<Vec<T>, Fault> {
    let values = match token.kind {
        TokenKind::List => Vec::parse(token.text),
        TokenKind::Word | TokenKind::String | TokenKind::Mark | TokenKind::Stray => {
            T::parse(token.text).map(|value| vec![value])
        }
    };
    let message = || format!("`{}` is no number or list of numbers", cut(token.text));
    values.ok_or_else(|| Fault::attribute(message(), token.span()))
}

/// An operator whose labels are not looked up yet.
struct PendingOperator<'a> {
    op: Op,
    inputs: SmallVec<[Token<'a>; 4]>,
    outputs: SmallVec<[Token<'a>; 1]>,
    intermediates: Vec<Token<'a>>,
}

/// A graph whose labels are not looked up yet.
#[derive(Default)]
struct PendingGraph<'a> {
    graph: Graph,
    labels: HashMap<&'a str, TensorId>,
    inputs: Vec<Token<'a>>,
    outputs: Vec<Token<'a>>,
    operators: Vec<PendingOperator<'a>>,
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    tokens: Vec<Token<'a>>,
    end: usize,
    file: Option<&'a str>,
    found: Diagnostics,
}

impl<'a> Parser<'a> {
    fn report(&mut self, fault: Fault) {
        let mut place = Place::span(fault.span.0, fault.span.1);
        if let Some(file) = self.file {
            place = place.with_file(file);
        }
        self.found.push(Diagnostic::error(fault.code, fault.message, place));
    }

    /// Reads the next statement and hands it to `read`; false at the end of the text.
    fn statement(
        &mut self,
        read: impl FnOnce(&mut Self, Statement<'a, '_>) -> Result<(), Fault>,
    ) -> bool {
        let mut tokens = std::mem::take(&mut self.tokens);
        self.lexer.statement(&mut tokens);
        let end = tokens.last().map_or(self.end, Token::end);
        let is_some = !tokens.is_empty();
        if is_some && let Err(fault) = read(self, Statement { tokens: &tokens, end }) {
            self.report(fault);
        }
        self.tokens = tokens;
        is_some
    }

    fn model(&mut self) -> Model {
        let mut model = Model::default();
        let named = self.statement(|_, mut statement| {
            let first = statement.next("`model`")?;
            if first.text != "model" {
                return Err(unexpected(first, "`model \"NAME\"`"));
            }
            model.name = statement.string()?;
            statement.finish()
        });
        if !named {
            self.report(Fault::syntax("the text is empty", (0, 0)));
        }
        let mut graph = None;
        while self
            .statement(|parser, statement| parser.top_level(&mut model, &mut graph, statement))
        {
            if let Some(pending) = graph.take() {
                let graph = self.graph(pending);
                model.graphs.push(graph);
            }
        }
        model
    }

    fn top_level(
        &mut self,
        model: &mut Model,
        graph: &mut Option<PendingGraph<'a>>,
        mut statement: Statement<'a, '_>,
    ) -> Result<(), Fault> {
        let first = statement.next("a statement")?;
        match first.text {
            "description" => model.description = statement.string()?,
            "source" => {
                model.source.file = statement.string()?;
                model.source.sha256 = statement.string()?;
            }
            "metadata" => {
                let name = statement.string()?;
                let token = statement.token(TokenKind::Word, "hexadecimal data")?;
                let data = SharedBytes::parse(token.text)
                    .ok_or_else(|| unexpected(token, "hexadecimal data"))?;
                model.metadata.push((name, data));
            }
            "graph" => {
                // The body is read even where the head is broken, or its lines would all be wrong.
                let pending = graph.insert(PendingGraph::default());
                pending.graph.name = statement.string()?;
                statement.mark("{")?;
            }
            _ => return Err(unexpected(first, "`graph` or another statement of the model")),
        }
        statement.finish()
    }

    /// Reads statements up to the closing brace.
    fn graph(&mut self, mut pending: PendingGraph<'a>) -> Graph {
        let mut closed = false;
        while !closed {
            let is_some = self.statement(|_, statement| {
                closed = statement.peek().is_some_and(|first| first.text == "}");
                if closed { Ok(()) } else { graph_statement(&mut pending, statement) }
            });
            if !is_some {
                self.report(Fault::syntax("the graph is not closed", (self.end, self.end)));
                break;
            }
        }
        self.resolve(pending)
    }

    /// Looks up the labels of a graph.
    fn resolve(&mut self, pending: PendingGraph<'a>) -> Graph {
        let PendingGraph { mut graph, labels, inputs, outputs, operators } = pending;
        let mut look_up = |token: Token<'a>| {
            let id = labels.get(token.text).copied();
            if id.is_none() {
                let message = format!("no tensor of the graph is labelled `{}`", cut(token.text));
                self.report(Fault::label(message, token.span()));
            }
            id
        };
        graph.inputs = inputs.into_iter().filter_map(&mut look_up).collect();
        graph.outputs = outputs.into_iter().filter_map(&mut look_up).collect();
        for PendingOperator { op, inputs, outputs, intermediates } in operators {
            let operand = |token: Token<'a>| match token.text {
                "_" => None,
                _ => look_up(token),
            };
            let inputs = inputs.into_iter().map(operand).collect();
            let outputs = outputs.into_iter().filter_map(&mut look_up).collect();
            let intermediates = intermediates.into_iter().filter_map(&mut look_up).collect();
            let origin = Origin::default();
            graph.operators.push(Operator { op, inputs, outputs, intermediates, origin });
        }
        graph
    }
}

fn graph_statement<'a>(
    pending: &mut PendingGraph<'a>,
    mut statement: Statement<'a, '_>,
) -> Result<(), Fault> {
    match statement.peek().map_or("", |first| first.text) {
        "input" => {
            statement.next("`input`")?;
            pending.inputs.extend(statement.labels()?);
        }
        "output" => {
            statement.next("`output`")?;
            pending.outputs.extend(statement.labels()?);
        }
        "tensor" => {
            statement.next("`tensor`")?;
            let label = statement.token(TokenKind::Word, "a label")?;
            if RESERVED.contains(&label.text) {
                let message = format!("`{}` cannot be a label", label.text);
                return Err(Fault::label(message, label.span()));
            }
            let id = pending.graph.tensors.next_key();
            if pending.labels.insert(label.text, id).is_some() {
                let message = format!("`{}` is declared twice", cut(label.text));
                return Err(Fault::label(message, label.span()));
            }
            // The id is taken even where the rest is broken, so that later lines still resolve.
            let mut tensor = Tensor::activation("", ElementType::Int8, Shape::scalar());
            let read = read_tensor(&mut tensor, &mut statement);
            pending.graph.tensors.push(tensor);
            read?;
        }
        _ => pending.operators.push(operator(&mut statement)?),
    }
    statement.finish()
}

fn read_tensor(tensor: &mut Tensor, statement: &mut Statement<'_, '_>) -> Result<(), Fault> {
    tensor.name = statement.string()?;
    let element = statement.token(TokenKind::Word, "an element type")?;
    tensor.element = element.text.parse().map_err(|_| unexpected(element, "an element type"))?;
    tensor.shape = shape(statement.token(TokenKind::List, "a shape")?)?;
    let mut zero_points: Option<Vec<i64>> = None;
    let mut given = HashSet::new();
    while let Some(name) = statement.peek() {
        statement.next("a property")?;
        if !given.insert(name.text) {
            let message = format!("`{}` is given twice", cut(name.text));
            return Err(Fault::attribute(message, name.span()));
        }
        if !matches!(name.text, "const" | "variable" | "scale" | "zero" | "axis" | "min" | "max") {
            return Err(unexpected(name, "a property of a tensor"));
        }
        match name.text {
            "const" => {
                tensor.role = TensorRole::Constant(constant(statement, tensor.element)?);
                break;
            }
            "variable" => {
                tensor.role = TensorRole::Variable;
                break;
            }
            _ => {}
        }
        let value = statement.value()?;
        let quantisation = tensor.quantisation.get_or_insert_default();
        match name.text {
            "scale" => quantisation.scales = one_or_list(value)?.into(),
            "zero" => zero_points = Some(one_or_list(value)?),
            "min" => quantisation.minimum = one_or_list(value)?.into(),
            "max" => quantisation.maximum = one_or_list(value)?.into(),
            _ => {
                let axis = value.text.parse();
                quantisation.axis = axis.map_err(|_| unexpected(value, "an axis"))?;
            }
        }
    }
    if let Some(Quantisation { scales, zero_points: zeros, .. }) = &mut tensor.quantisation {
        *zeros = zero_points.unwrap_or_else(|| vec![0; scales.len()]).into();
    }
    Ok(())
}

fn shape(list: Token<'_>) -> Result<Shape, Fault> {
    let mut lengths = SmallVec::<[u32; 4]>::new();
    for item in items(list) {
        if lengths.len() == Shape::MAX_RANK {
            let message = format!("a shape of more than {} axes", Shape::MAX_RANK);
            return Err(Fault { code: &rules::TOO_MANY_AXES, message, span: item.span() });
        }
        let length = item.text.parse().map_err(|_| unexpected(item, "an axis length"))?;
        lengths.push(length);
    }
    Ok(lengths.into_iter().collect())
}

/// The data of a constant of elements of type `element`.
fn constant(
    statement: &mut Statement<'_, '_>,
    element: ElementType,
) -> Result<ConstantData, Fault> {
    const WANTED: &str = "`absent`, hexadecimal data or a list of numbers";
    let token = statement.next(WANTED)?;
    let data = match token.kind {
        TokenKind::Word if token.text == "absent" => return Ok(ConstantData::Absent),
        TokenKind::Word => SharedBytes::parse(token.text),
        TokenKind::List => elements(token.text, element).map(SharedBytes::from),
        TokenKind::String | TokenKind::Mark | TokenKind::Stray => None,
    };
    data.map(ConstantData::Present).ok_or_else(|| {
        Fault::attribute(
            format!("`{}` where {WANTED} of {element} should be", cut(token.text)),
            token.span(),
        )
    })
}

/// A list of numbers as the bytes of elements; `None` for a number that the type cannot hold.
fn elements(list: &str, element: ElementType) -> Option<Vec<u8>> {
    if element == ElementType::Float32 {
        return Some(Vec::<f32>::parse(list)?.into_iter().flat_map(f32::to_le_bytes).collect());
    }
    let bits = element.bits();
    if !bits.is_multiple_of(8) {
        return None;
    }
    let (low, high) = match element.class() {
        ElementClass::Signed => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
        ElementClass::Unsigned | ElementClass::Boolean => (0, (1i128 << bits) - 1),
        ElementClass::Float => return None,
    };
    let width = (bits / 8) as usize;
    let mut data = Vec::new();
    for value in Vec::<i64>::parse(list)? {
        if !(low..=high).contains(&i128::from(value)) {
            return None;
        }
        data.extend_from_slice(&value.to_le_bytes()[..width]);
    }
    Some(data)
}

fn operator<'a>(statement: &mut Statement<'a, '_>) -> Result<PendingOperator<'a>, Fault> {
    let first = statement.labels()?;
    let (outputs, kind) = if statement.took("=") {
        (first, statement.token(TokenKind::Word, "an operator")?)
    } else if let &[kind] = first.as_slice() {
        (Vec::new(), kind)
    } else {
        return Err(Fault::syntax("results without `=`", first[0].span()));
    };
    statement.mark("(")?;
    let parsed: OperatorKind = kind.text.parse().map_err(|_| Fault {
        code: &rules::TEXT_OPERATOR,
        message: format!("`{}` is no operator", cut(kind.text)),
        span: kind.span(),
    })?;
    let mut inputs = SmallVec::new();
    if !statement.took(")") {
        inputs.extend(statement.labels()?);
        statement.mark(")")?;
    }
    let mut intermediates = Vec::new();
    let mut names: Vec<Token<'a>> = Vec::new();
    let mut attributes = Vec::new();
    while statement.peek().is_some() {
        let name = statement.token(TokenKind::Word, "an attribute")?;
        let value = statement.value()?;
        // No operator has many attributes; a long list is wrong at its first stranger anyway.
        if names.len() >= 64 || names.iter().any(|given| given.text == name.text) {
            let message = format!("`{}` is given twice, or too many are", cut(name.text));
            return Err(Fault::attribute(message, name.span()));
        }
        names.push(name);
        if name.text != "intermediates" {
            attributes.push((name.text.to_owned(), value.text.to_owned()));
        } else if value.kind == TokenKind::List {
            intermediates = items(value).collect();
        } else {
            return Err(unexpected(value, "a list of labels"));
        }
    }
    let op = Op::from_attributes(parsed, &mut AttributeReader::new(attributes));
    let op = op.map_err(|error| {
        let (AttributeError::BadValue { name, .. } | AttributeError::Unknown { name }) = &error;
        let span = names.iter().find(|given| given.text == name).map_or(kind.span(), Token::span);
        let message = match &error {
            AttributeError::BadValue { text, .. } => {
                format!("`{}` is no value of `{name}`", cut(text))
            }
            AttributeError::Unknown { .. } => {
                format!("`{parsed}` has no attribute `{}`", cut(name))
            }
        };
        Fault::attribute(message, span)
    })?;
    Ok(PendingOperator { op, inputs, outputs: outputs.into(), intermediates })
}
