//! From a description to a model: parameters, repetitions, blocks and named results.

use std::collections::BTreeMap;
use std::ops::Range;

use cofit_ir::{Model, Origin, Shape, TensorId};
use cofit_vocab::diagnostic::sketch as codes;
use cofit_vocab::{Diagnostic, ElementType, Place};

use super::builder::{BuildError, Builder, Precision};
use super::description::{Binding, Block, Description, Layer, Located, Number, Scalar, Value};
use super::keys::{LayerKey, LayerKind, RESERVED_RESULTS, nearest};
use super::read::shortened;
use super::scope::{Dimensions, Expanded, Scope};
use super::{Weights, limits};

/// The element types of a sketch that states none.
const DEFAULT_PRECISION: Precision =
    Precision { weights: ElementType::Int8, activations: ElementType::Int8 };

/// The model that `description` stands for when its parameters have `values`.
pub(super) fn expand(
    description: &Description,
    file: &str,
    values: &[(String, Scalar)],
    weights: Weights,
) -> Expanded<Model> {
    let dimensions = match description.input.value.len() {
        2 => Dimensions::One,
        _ => Dimensions::Two,
    };
    let scope = Scope::new(file, values, dimensions);
    let precision = scope.precision(&description.precision, DEFAULT_PRECISION)?;
    let lengths = description
        .input
        .value
        .iter()
        .map(|length| scope.length(length, "input"))
        .collect::<Expanded<Vec<u32>>>()?;
    let shape = match *lengths.as_slice() {
        [length, channels] => Shape::new(&[1, length, 1, channels]),
        _ => [1].into_iter().chain(lengths).collect(),
    };

    let mut builder = Builder::new(&description.name, weights);
    let input = match builder.input(shape, precision.activations) {
        Ok(input) => input,
        Err(BuildError::Rule(message) | BuildError::Limit(message)) => {
            return scope.error(&codes::TOO_LARGE, message, &description.input.span);
        }
    };
    let mut expander = Expander { description, file, builder, layers: 0 };
    let mut frame = Frame {
        scope,
        precision,
        input,
        current: input,
        results: BTreeMap::new(),
        prefix: String::new(),
        depth: 0,
    };
    expander.layers(&description.layers, &mut frame)?;

    let mut outputs = Vec::new();
    for name in &description.outputs {
        outputs.push(frame.result(name)?);
    }
    if outputs.is_empty() {
        outputs.push(frame.current);
    }
    let mut graph = expander.builder.graph;
    graph.outputs = outputs;
    Ok(Model::of(description.name.clone(), graph))
}

/// Where the expansion stands in a list of layers.
pub(super) struct Frame<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) precision: Precision,
    input: TensorId,
    pub(super) current: TensorId,
    results: BTreeMap<String, TensorId>,
    prefix: String,
    depth: usize,
}

impl Frame<'_> {
    /// The result that `name` names.
    pub(super) fn result(&self, name: &Located<String>) -> Expanded<TensorId> {
        match name.value.as_str() {
            "previous" => return Ok(self.current),
            "input" => return Ok(self.input),
            _ => {}
        }
        if let Some(&result) = self.results.get(&name.value) {
            return Ok(result);
        }
        let message = format!("no earlier layer's result is named `{}`", shortened(&name.value));
        let known = self.results.keys().map(String::as_str).chain(RESERVED_RESULTS.iter().copied());
        let mut complaint = self.scope.error(&codes::UNKNOWN_NAME, message, &name.span);
        if let (Err(complaint), Some(meant)) = (&mut complaint, nearest(&name.value, known)) {
            complaint.help = Some(format!("Did you mean `{meant}`?"));
        }
        complaint
    }
}

/// The expansion under way.
pub(super) struct Expander<'a> {
    pub(super) description: &'a Description,
    file: &'a str,
    pub(super) builder: Builder,
    /// Layers so far, repetitions counted.
    layers: usize,
}

impl<'a> Expander<'a> {
    fn layers(&mut self, layers: &'a [Layer], frame: &mut Frame<'a>) -> Expanded<()> {
        for layer in layers {
            self.repeated(layer, frame)?;
        }
        Ok(())
    }

    /// One layer of the file, as often as it is repeated.
    fn repeated(&mut self, layer: &'a Layer, frame: &mut Frame<'a>) -> Expanded<()> {
        frame.scope.repetition = 0;
        let repeat = match layer.get(LayerKey::Repeat).map(|located| &located.value) {
            Some(Value::Number(number)) => {
                frame.scope.whole(number, "repeat", 0, limits::LAYERS as i64)? as u32
            }
            Some(_) | None => 1,
        };
        let outer = frame.precision;
        let base = match layer.get(LayerKey::As).map(|located| &located.value) {
            Some(Value::Name(name)) => name.value.clone(),
            Some(_) | None => format!("{}{}", layer.kind.value.name(), layer.number),
        };
        if let Some(Value::Precision(text)) =
            layer.get(LayerKey::Precision).map(|located| &located.value)
        {
            frame.precision = frame.scope.precision(text, outer)?;
        }
        // A layer that is left out hands on what it would have read.
        if let (0, Some(Value::Name(from))) =
            (repeat, layer.get(LayerKey::From).map(|located| &located.value))
        {
            frame.current = frame.result(from)?;
        }
        for repetition in 0..repeat {
            self.layers += 1;
            if self.layers > limits::LAYERS {
                let message = format!("the sketch expands to more than {} layers", limits::LAYERS);
                return frame.scope.error(&codes::TOO_LARGE, message, &layer.kind.span);
            }
            frame.scope.repetition = repetition;
            let mut name = format!("{}{base}", frame.prefix);
            if repeat > 1 {
                name.push_str(&format!(".{}", repetition + 1));
            }
            self.builder.origin = Origin {
                index: u32::try_from(layer.number - 1).ok(),
                offset: Some(layer.kind.span.start as u64),
                axes: None,
            };
            let x = match layer.get(LayerKey::From).map(|located| &located.value) {
                Some(Value::Name(from)) if repetition == 0 => frame.result(from)?,
                Some(_) | None => frame.current,
            };
            let result = if layer.kind.value == LayerKind::Use {
                self.block(layer, x, frame, &name)
            } else {
                self.layer(layer, x, frame, &name)
            };
            frame.current = result?;
        }
        frame.precision = outer;
        frame.scope.repetition = 0;
        if let Some(Value::Name(name)) = layer.get(LayerKey::As).map(|located| &located.value) {
            Self::remember(name, frame)?;
        }
        Ok(())
    }

    fn remember(name: &Located<String>, frame: &mut Frame<'a>) -> Expanded<()> {
        let taken = RESERVED_RESULTS.contains(&name.value.as_str())
            || frame.results.insert(name.value.clone(), frame.current).is_some();
        if taken {
            let message = format!("the name `{}` is taken", name.value);
            return frame.scope.error(&codes::BAD_NAME, message, &name.span);
        }
        Ok(())
    }

    /// The layers of a block of the file's own.
    fn block(
        &mut self,
        layer: &'a Layer,
        x: TensorId,
        frame: &Frame<'a>,
        name: &str,
    ) -> Expanded<TensorId> {
        let Value::Word(used) = &layer.main else { return Ok(x) };
        let blocks = &self.description.blocks;
        let wanted = frame.scope.word(used, "use", &[])?;
        let Some(block) = blocks.iter().find(|block| block.name == wanted) else {
            let message = format!("there is no block `{}`", shortened(&wanted));
            let known = blocks.iter().map(|block| block.name.as_str());
            let mut complaint = frame.scope.error(&codes::UNKNOWN_NAME, message, &used.span);
            if let (Err(complaint), Some(meant)) = (&mut complaint, nearest(&wanted, known)) {
                complaint.help = Some(format!("Did you mean `{meant}`?"));
            }
            return complaint;
        };
        if frame.depth >= limits::NESTING {
            let message = format!("`{wanted}` stands in more than {} blocks", limits::NESTING);
            return frame.scope.error(&codes::NESTING, message, &used.span);
        }
        let values = bound(layer, block, &frame.scope)?;
        let mut inner = Frame {
            scope: frame.scope.with(values),
            precision: frame.precision,
            input: x,
            current: x,
            results: BTreeMap::new(),
            prefix: format!("{name}/"),
            depth: frame.depth + 1,
        };
        self.layers(&block.layers, &mut inner)?;
        Ok(inner.current)
    }

    /// A complaint of the graph, said of a layer.
    pub(super) fn refused(&self, layer: &Layer, name: &str, error: BuildError) -> Box<Diagnostic> {
        let (code, message) = match error {
            BuildError::Rule(message) => (&codes::SHAPE, message),
            BuildError::Limit(message) => (&codes::TOO_LARGE, message),
        };
        self.complaint(layer, name, code, &message, &layer.kind.span)
    }

    pub(super) fn complaint(
        &self,
        layer: &Layer,
        name: &str,
        code: &'static cofit_vocab::Code,
        message: &str,
        span: &Range<usize>,
    ) -> Box<Diagnostic> {
        let message = format!(
            "layer {} (`{}`, line {}): {message}",
            layer.number,
            layer.kind.value.name(),
            layer.line
        );
        let place = Place::span(span.start, span.end).with_file(self.file).with_operator(name);
        Box::new(Diagnostic::error(code, message, place))
    }
}

/// The values of a block's parameters where `layer` uses it.
fn bound(layer: &Layer, block: &Block, scope: &Scope<'_>) -> Expanded<Vec<(String, Scalar)>> {
    let mut values: Vec<(String, Scalar)> = block
        .parameters
        .iter()
        .map(|parameter| (parameter.name.clone(), parameter.value.clone()))
        .collect();
    let Some(Value::Bindings(bindings)) = layer.get(LayerKey::With).map(|located| &located.value)
    else {
        return Ok(values);
    };
    for (name, binding) in bindings {
        let Some(index) = block.parameters.iter().position(|own| own.name == name.value) else {
            let message =
                format!("block `{}` has no parameter `{}`", block.name, shortened(&name.value));
            let known = block.parameters.iter().map(|parameter| parameter.name.as_str());
            let mut complaint = scope.error(&codes::UNKNOWN_PARAMETER, message, &name.span);
            if let (Err(complaint), Some(meant)) = (&mut complaint, nearest(&name.value, known)) {
                complaint.help = Some(format!("Did you mean `{meant}`?"));
            }
            return complaint;
        };
        let parameter = &block.parameters[index];
        let (value, span) = match (binding, &parameter.value) {
            (Binding::Number(number), Scalar::Number(_)) => {
                (Scalar::Number(scope.number(number)?), &number.span)
            }
            (Binding::Word(word), Scalar::Word(_)) => {
                (Scalar::Word(scope.word(word, &name.value, &[])?), &word.span)
            }
            (Binding::Number(Number { span, .. }), Scalar::Word(_)) => {
                let message = format!("`{}` is a number where a word is needed", parameter.name);
                return scope.error(&codes::BAD_VALUE, message, span);
            }
            (Binding::Word(word), Scalar::Number(_)) => {
                let message = format!("there is no parameter `{}`", shortened(&word.value));
                return scope.error(&codes::UNKNOWN_PARAMETER, message, &word.span);
            }
        };
        if let Err(reason) = parameter.domain.admits(&value) {
            let message = format!("`{}` is {reason}", parameter.name);
            return scope.error(&codes::BAD_VALUE, message, span);
        }
        values[index].1 = value;
    }
    Ok(values)
}
