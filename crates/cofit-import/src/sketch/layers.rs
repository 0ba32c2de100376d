//! What each kind of layer becomes.

use cofit_ir::{Extent2d, Padding, TensorId};
use cofit_vocab::diagnostic::sketch as codes;

use super::builder::{Bias, Built, Convolution, Mixing, Nonlinearity, Normalisation, Pooling};
use super::description::{Border, Layer, Located, Value};
use super::expand::{Expander, Frame};
use super::expression::nudge;
use super::keys::{ACTIVATIONS, LayerKey, LayerKind, RETURNED, SHORTCUTS};
use super::limits;
use super::scope::{Expanded, Scope};
use super::sequences::{Recurrence, Returned};

/// The slope of `leaky_relu` where none is given: that of Darknet's `activations.h`.
const DEFAULT_SLOPE: f64 = 0.1;

/// The widening of an inverted residual where none is given: M. Sandler et al., "MobileNetV2"
/// (2018), table 2.
const DEFAULT_EXPANSION: f64 = 6.0;

/// How a block joins its input to its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortcut {
    /// The input itself where shapes allow; otherwise a projection, or nothing for kinds without.
    Auto,
    /// The input itself.
    Identity,
    /// A pointwise convolution of the input.
    Projection,
    /// Not at all.
    None,
}

impl<'a> Expander<'a> {
    /// One layer that is not a block of the file's own.
    pub(super) fn layer(
        &mut self,
        layer: &'a Layer,
        x: TensorId,
        frame: &Frame<'a>,
        name: &str,
    ) -> Expanded<TensorId> {
        let scope = &frame.scope;
        let precision = frame.precision;
        let x = self
            .builder
            .convert(x, precision.activations, name)
            .map_err(|error| self.refused(layer, name, error))?;
        let built = match layer.kind.value {
            LayerKind::Conv => {
                let groups = match self.key(layer, LayerKey::Groups) {
                    Some(Value::Number(number)) => scope.length(number, "groups")?,
                    Some(_) | None => 1,
                };
                let channels = main_length(layer, scope)?;
                let mixing = Mixing::Dense { channels, groups };
                let convolution = self.convolution(layer, scope, mixing)?;
                self.builder.convolution(x, &convolution, precision, name)
            }
            LayerKind::Depthwise => {
                let multiplier = main_length(layer, scope)?;
                let mixing = Mixing::Depthwise { multiplier };
                let convolution = self.convolution(layer, scope, mixing)?;
                self.builder.convolution(x, &convolution, precision, name)
            }
            LayerKind::Separable => self.separable(layer, x, frame, name)?,
            LayerKind::InvertedResidual => return self.inverted_residual(layer, x, frame, name),
            LayerKind::Residual => return self.residual(layer, x, frame, name),
            LayerKind::MaxPool => self.pool(layer, x, scope, Pooling::Largest, name)?,
            LayerKind::AveragePool => self.pool(layer, x, scope, Pooling::Average, name)?,
            LayerKind::GlobalAveragePool => self.switched(layer, scope, x, |expander| {
                let filter = match expander.builder.shape(x).as_nhwc() {
                    Some([_, height, width, _]) => Extent2d::new(height, width),
                    None => Extent2d::ONE,
                };
                expander.builder.pool(x, Pooling::Average, filter, filter, Padding::Valid, name)
            })?,
            LayerKind::Dense => {
                let units = main_length(layer, scope)?;
                let nonlinearity = self.nonlinearity(layer, scope)?;
                let bias = match self.flag(layer, LayerKey::Bias, scope)? {
                    Some(false) => Bias::Absent,
                    Some(true) | None => Bias::Present,
                };
                self.builder.dense(x, units, nonlinearity, bias, precision, name)
            }
            LayerKind::Gru => self.recurrent(layer, x, frame, Recurrence::Gru, name)?,
            LayerKind::Lstm => self.recurrent(layer, x, frame, Recurrence::Lstm, name)?,
            LayerKind::Attention => {
                let heads = main_length(layer, scope)?;
                self.builder.attention(x, heads, precision, name)
            }
            LayerKind::LayerNorm => {
                self.switched(layer, scope, x, |expander| expander.builder.layer_norm(x, name))?
            }
            LayerKind::Flatten => {
                self.switched(layer, scope, x, |expander| expander.builder.flatten(x, name))?
            }
            LayerKind::Reshape => {
                let Value::Lengths(numbers) = &layer.main else { return Ok(x) };
                let lengths = numbers
                    .iter()
                    .map(|n| scope.whole(n, "reshape", -1, i64::from(i32::MAX)).map(|n| n as i32))
                    .collect::<Expanded<Vec<i32>>>()?;
                self.builder.reshape(x, &lengths, name)
            }
            LayerKind::Softmax => {
                self.switched(layer, scope, x, |expander| expander.builder.softmax(x, name))?
            }
            LayerKind::Activate => {
                let Value::Word(word) = &layer.main else { return Ok(x) };
                let word = scope.word(word, "activate", ACTIVATIONS)?;
                let slope = self.slope(layer, scope)?;
                self.builder.nonlinearity(x, activation(&word, slope), name)
            }
            LayerKind::Pad => {
                let Value::Border(border) = &layer.main else { return Ok(x) };
                match border {
                    Border::Numbers(numbers) => {
                        let border = scope.border(numbers, "pad")?;
                        self.builder.pad(x, border, name)
                    }
                    Border::Word(word) => {
                        let message = "`pad` is a number, or a list of two or four numbers";
                        return scope.error(&codes::BAD_VALUE, message, &word.span);
                    }
                }
            }
            LayerKind::Upsample => {
                let Value::Extent(numbers) = &layer.main else { return Ok(x) };
                let factor = scope.extent(numbers, "upsample")?;
                self.builder.upsample(x, factor, name)
            }
            LayerKind::TransposeConv => {
                let channels = main_length(layer, scope)?;
                let convolution =
                    self.convolution(layer, scope, Mixing::Dense { channels, groups: 1 })?;
                self.builder.transpose_convolution(x, channels, &convolution, precision, name)
            }
            LayerKind::SqueezeExcite => {
                let squeezed = main_length(layer, scope)?;
                let between = self.nonlinearity(layer, scope)?;
                let gate = match self.key(layer, LayerKey::Gate) {
                    Some(Value::Word(word)) => {
                        let word = scope.word(word, LayerKey::Gate.name(), ACTIVATIONS)?;
                        activation(&word, self.slope(layer, scope)?)
                    }
                    Some(_) | None => Nonlinearity::Sigmoid,
                };
                self.builder.squeeze_excite(x, squeezed, between, gate, precision, name)
            }
            LayerKind::Resize => {
                let Value::Extent(numbers) = &layer.main else { return Ok(x) };
                let size = scope.extent(numbers, "resize")?;
                self.builder.resize(x, size, name)
            }
            LayerKind::Slice => {
                let Value::Lengths(numbers) = &layer.main else { return Ok(x) };
                let most = i64::from(limits::LENGTH);
                let [first, count] = numbers.as_slice() else {
                    let message = "`slice` is a list of two: the first channel, and how many";
                    return scope.error(&codes::BAD_VALUE, message, &layer.kind.span);
                };
                // The bounds make the casts exact.
                let first = scope.whole(first, "slice", 0, most)? as i32;
                let count = scope.whole(count, "slice", -1, most)? as i32;
                self.builder.slice(x, first, count, name)
            }
            LayerKind::Shuffle => {
                let groups = main_length(layer, scope)?;
                self.builder.shuffle(x, groups, name)
            }
            LayerKind::Multiply => {
                let operands = self.operands(layer, frame, name)?;
                let nonlinearity = self.nonlinearity(layer, scope)?;
                self.builder.multiply(&operands, nonlinearity, name)
            }
            LayerKind::Add => {
                let operands = self.operands(layer, frame, name)?;
                let nonlinearity = self.nonlinearity(layer, scope)?;
                self.builder.add(&operands, nonlinearity, name)
            }
            LayerKind::Concat => {
                let operands = self.operands(layer, frame, name)?;
                self.builder.concatenate(&operands, name)
            }
            // Blocks are the caller's: they have a scope of their own.
            LayerKind::Use => Ok(x),
        };
        built.map_err(|error| self.refused(layer, name, error))
    }

    /// A layer whose value switches it on.
    fn switched(
        &mut self,
        layer: &Layer,
        scope: &Scope<'_>,
        x: TensorId,
        build: impl FnOnce(&mut Self) -> Built,
    ) -> Expanded<Built> {
        let on = match &layer.main {
            Value::Number(number) => scope.flag(number)?,
            _ => true,
        };
        Ok(if on { build(self) } else { Ok(x) })
    }

    /// The named operands of a sum or a concatenation, in the layer's element type.
    fn operands(
        &mut self,
        layer: &Layer,
        frame: &Frame<'a>,
        name: &str,
    ) -> Expanded<Vec<TensorId>> {
        let Value::Names(names) = &layer.main else { return Ok(Vec::new()) };
        let mut operands = Vec::with_capacity(names.len());
        for (index, operand) in names.iter().enumerate() {
            let result = frame.result(operand)?;
            let name = format!("{name}/operand{}", index + 1);
            let converted = self.builder.convert(result, frame.precision.activations, &name);
            operands.push(converted.map_err(|error| self.refused(layer, &name, error))?);
        }
        Ok(operands)
    }

    fn pool(
        &mut self,
        layer: &Layer,
        x: TensorId,
        scope: &Scope<'_>,
        pooling: Pooling,
        name: &str,
    ) -> Expanded<Built> {
        let Value::Extent(numbers) = &layer.main else { return Ok(Ok(x)) };
        let filter = scope.extent(numbers, layer.kind.value.name())?;
        let stride = self.extent(layer, LayerKey::Stride, scope)?.unwrap_or(filter);
        let padding = match self.key(layer, LayerKey::Padding) {
            Some(Value::Border(border)) => scope.padding(border, filter, Extent2d::ONE)?,
            Some(_) | None => Padding::Valid,
        };
        Ok(self.builder.pool(x, pooling, filter, stride, padding, name))
    }

    /// A recurrent layer, written out.
    fn recurrent(
        &mut self,
        layer: &Layer,
        x: TensorId,
        frame: &Frame<'a>,
        recurrence: Recurrence,
        name: &str,
    ) -> Expanded<Built> {
        let cells = main_length(layer, &frame.scope)?;
        let returned = match self.key(layer, LayerKey::Returns) {
            Some(Value::Word(word)) => {
                match frame.scope.word(word, LayerKey::Returns.name(), RETURNED)?.as_str() {
                    "all" => Returned::All,
                    _ => Returned::Last,
                }
            }
            Some(_) | None => Returned::Last,
        };
        Ok(self.builder.recurrent(x, cells, recurrence, returned, frame.precision, name))
    }

    /// A depthwise convolution and a pointwise one, each with the activation behind it.
    fn separable(
        &mut self,
        layer: &Layer,
        x: TensorId,
        frame: &Frame<'a>,
        name: &str,
    ) -> Expanded<Built> {
        let channels = main_length(layer, &frame.scope)?;
        let own = self.convolution(layer, &frame.scope, Mixing::Depthwise { multiplier: 1 })?;
        let pointwise = pointwise(&own, channels, own.nonlinearity);
        let precision = frame.precision;
        let depthwise = self.builder.convolution(x, &own, precision, &format!("{name}/depthwise"));
        Ok(depthwise.and_then(|x| {
            self.builder.convolution(x, &pointwise, precision, &format!("{name}/pointwise"))
        }))
    }

    /// Widen, convolve each channel, narrow without an activation, and add the input where the
    /// shape is kept.
    fn inverted_residual(
        &mut self,
        layer: &Layer,
        x: TensorId,
        frame: &Frame<'a>,
        name: &str,
    ) -> Expanded<TensorId> {
        let scope = &frame.scope;
        let precision = frame.precision;
        let channels = main_length(layer, scope)?;
        let own = self.convolution(layer, scope, Mixing::Depthwise { multiplier: 1 })?;
        let depth = self.builder.shape(x).last();
        let expansion = match self.key(layer, LayerKey::Expansion) {
            Some(Value::Number(number)) => scope.number(number)?,
            Some(_) | None => DEFAULT_EXPANSION,
        };
        let wide = nudge(f64::from(depth) * expansion).round();
        if !(1.0..=f64::from(limits::LENGTH)).contains(&wide) {
            let message = format!("{depth} channels widened {expansion} times are {wide}");
            let span =
                layer.get(LayerKey::Expansion).map_or(&layer.kind.span, |located| &located.span);
            return Err(self.complaint(layer, name, &codes::BAD_SIZE, &message, span));
        }
        // The range check makes the cast exact.
        let wide = wide as u32;
        let refuse = |expander: &Self, error| expander.refused(layer, name, error);
        let mut y = x;
        if wide != depth {
            let expand = pointwise(&own, wide, own.nonlinearity);
            y = self
                .builder
                .convolution(y, &expand, precision, &format!("{name}/expand"))
                .map_err(|error| refuse(self, error))?;
        }
        y = self
            .builder
            .convolution(y, &own, precision, &format!("{name}/depthwise"))
            .map_err(|error| refuse(self, error))?;
        let project = pointwise(&own, channels, Nonlinearity::None);
        y = self
            .builder
            .convolution(y, &project, precision, &format!("{name}/project"))
            .map_err(|error| refuse(self, error))?;

        let kept = self.builder.shape(x) == self.builder.shape(y);
        let shortcut = self.shortcut(layer, scope)?;
        match (shortcut, kept) {
            (Shortcut::None, _) | (Shortcut::Auto, false) => Ok(y),
            (Shortcut::Auto | Shortcut::Identity, true) => self
                .builder
                .add(&[x, y], Nonlinearity::None, name)
                .map_err(|error| refuse(self, error)),
            (Shortcut::Identity, false) => Err(self.no_identity(layer, name, x, y)),
            (Shortcut::Projection, _) => {
                let message = "an inverted residual has no projection";
                let span = &layer.kind.span;
                Err(self.complaint(layer, name, &codes::SHORTCUT, message, span))
            }
        }
    }

    /// Two convolutions, the second without an activation; the input, projected where the shape
    /// changes, is added before the activation.
    fn residual(
        &mut self,
        layer: &Layer,
        x: TensorId,
        frame: &Frame<'a>,
        name: &str,
    ) -> Expanded<TensorId> {
        let scope = &frame.scope;
        let precision = frame.precision;
        let channels = main_length(layer, scope)?;
        let mixing = Mixing::Dense { channels, groups: 1 };
        let first = self.convolution(layer, scope, mixing)?;
        let second =
            Convolution { stride: Extent2d::ONE, nonlinearity: Nonlinearity::None, ..first };
        let project =
            Convolution { stride: first.stride, ..pointwise(&first, channels, Nonlinearity::None) };
        let shortcut = self.shortcut(layer, scope)?;
        let refuse = |expander: &Self, error| expander.refused(layer, name, error);
        let y = self
            .builder
            .convolution(x, &first, precision, &format!("{name}/conv1"))
            .map_err(|error| refuse(self, error))?;
        let y = self
            .builder
            .convolution(y, &second, precision, &format!("{name}/conv2"))
            .map_err(|error| refuse(self, error))?;

        let kept = self.builder.shape(x) == self.builder.shape(y);
        let side = match (shortcut, kept) {
            (Shortcut::None, _) => None,
            (Shortcut::Auto | Shortcut::Identity, true) => Some(x),
            (Shortcut::Identity, false) => return Err(self.no_identity(layer, name, x, y)),
            (Shortcut::Auto, false) | (Shortcut::Projection, _) => {
                let side = self
                    .builder
                    .convolution(x, &project, precision, &format!("{name}/shortcut"))
                    .map_err(|error| refuse(self, error))?;
                if self.builder.shape(side) != self.builder.shape(y) {
                    return Err(self.no_identity(layer, name, side, y));
                }
                Some(side)
            }
        };
        let sum = match side {
            Some(side) => self.builder.add(&[side, y], first.nonlinearity, name),
            None => self.builder.nonlinearity(y, first.nonlinearity, name),
        };
        sum.map_err(|error| refuse(self, error))
    }

    fn no_identity(
        &self,
        layer: &Layer,
        name: &str,
        x: TensorId,
        y: TensorId,
    ) -> Box<cofit_vocab::Diagnostic> {
        let message = format!(
            "a shortcut of shape {} cannot be added to a result of shape {}",
            self.builder.shape(x),
            self.builder.shape(y)
        );
        let span = layer.get(LayerKey::Shortcut).map_or(&layer.kind.span, |located| &located.span);
        self.complaint(layer, name, &codes::SHORTCUT, &message, span)
    }

    /// The keys that convolutions share.
    fn convolution(
        &self,
        layer: &Layer,
        scope: &Scope<'_>,
        mixing: Mixing,
    ) -> Expanded<Convolution> {
        let kernel =
            self.extent(layer, LayerKey::Kernel, scope)?.unwrap_or_else(|| scope.square(3));
        let dilation = self.extent(layer, LayerKey::Dilation, scope)?.unwrap_or(Extent2d::ONE);
        // A repeated layer changes the resolution once, as the stages of MobileNets and ResNets.
        let stride = match scope.repetition {
            0 => self.extent(layer, LayerKey::Stride, scope)?.unwrap_or(Extent2d::ONE),
            _ => Extent2d::ONE,
        };
        let padding = match self.key(layer, LayerKey::Padding) {
            Some(Value::Border(border)) => scope.padding(border, kernel, dilation)?,
            Some(_) | None => Padding::Same,
        };
        let normalisation = match self.flag(layer, LayerKey::BatchNorm, scope)? {
            Some(true) => Normalisation::Separate,
            Some(false) | None => Normalisation::Folded,
        };
        let bias = match (self.flag(layer, LayerKey::Bias, scope)?, normalisation) {
            (Some(true), _) | (None, Normalisation::Folded) => Bias::Present,
            (Some(false), _) | (None, Normalisation::Separate) => Bias::Absent,
        };
        let nonlinearity = self.nonlinearity(layer, scope)?;
        Ok(Convolution {
            mixing,
            kernel,
            stride,
            dilation,
            padding,
            nonlinearity,
            bias,
            normalisation,
        })
    }

    /// The value of `key` of the layer, or that of `[defaults]` where the layer takes it.
    fn key<'v>(&self, layer: &'v Layer, key: LayerKey) -> Option<&'v Value>
    where
        'a: 'v,
    {
        let default = || {
            let defaults = &self.description.defaults;
            let known = defaults.iter().find(|(known, _)| *known == key);
            known.filter(|_| layer.kind.value.takes_defaults()).map(|(_, value)| value)
        };
        layer.get(key).or_else(default).map(|located: &Located<Value>| &located.value)
    }

    fn flag(&self, layer: &Layer, key: LayerKey, scope: &Scope<'_>) -> Expanded<Option<bool>> {
        match self.key(layer, key) {
            Some(Value::Number(number)) => scope.flag(number).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    fn extent(
        &self,
        layer: &Layer,
        key: LayerKey,
        scope: &Scope<'_>,
    ) -> Expanded<Option<Extent2d>> {
        match self.key(layer, key) {
            Some(Value::Extent(numbers)) => scope.extent(numbers, key.name()).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    fn slope(&self, layer: &Layer, scope: &Scope<'_>) -> Expanded<f32> {
        let slope = match self.key(layer, LayerKey::Slope) {
            Some(Value::Number(number)) => scope.number(number)?,
            Some(_) | None => DEFAULT_SLOPE,
        };
        Ok(slope.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32)
    }

    fn nonlinearity(&self, layer: &Layer, scope: &Scope<'_>) -> Expanded<Nonlinearity> {
        let slope = self.slope(layer, scope)?;
        match self.key(layer, LayerKey::Activation) {
            Some(Value::Word(word)) => {
                let word = scope.word(word, "activation", ACTIVATIONS)?;
                Ok(activation(&word, slope))
            }
            Some(_) | None => Ok(Nonlinearity::None),
        }
    }

    fn shortcut(&self, layer: &Layer, scope: &Scope<'_>) -> Expanded<Shortcut> {
        match self.key(layer, LayerKey::Shortcut) {
            Some(Value::Word(word)) => {
                Ok(match scope.word(word, "shortcut", SHORTCUTS)?.as_str() {
                    "identity" => Shortcut::Identity,
                    "projection" => Shortcut::Projection,
                    "none" => Shortcut::None,
                    _ => Shortcut::Auto,
                })
            }
            Some(_) | None => Ok(Shortcut::Auto),
        }
    }
}

/// The number that the kind of a layer is given.
fn main_length(layer: &Layer, scope: &Scope<'_>) -> Expanded<u32> {
    match &layer.main {
        Value::Number(number) => scope.length(number, layer.kind.value.name()),
        _ => Ok(1),
    }
}

/// A convolution of one tap beside `own`.
fn pointwise(own: &Convolution, channels: u32, nonlinearity: Nonlinearity) -> Convolution {
    Convolution {
        mixing: Mixing::Dense { channels, groups: 1 },
        kernel: Extent2d::ONE,
        stride: Extent2d::ONE,
        dilation: Extent2d::ONE,
        padding: Padding::Same,
        nonlinearity,
        ..*own
    }
}

/// The activation of a word of [`ACTIVATIONS`].
fn activation(word: &str, slope: f32) -> Nonlinearity {
    match word {
        "relu" => Nonlinearity::Relu,
        "relu6" => Nonlinearity::Relu6,
        "relu_n1_to_1" => Nonlinearity::ReluN1To1,
        "leaky_relu" => Nonlinearity::LeakyRelu(slope),
        "hard_swish" => Nonlinearity::HardSwish,
        "swish" => Nonlinearity::Swish,
        "sigmoid" => Nonlinearity::Sigmoid,
        "hard_sigmoid" => Nonlinearity::HardSigmoid,
        "tanh" => Nonlinearity::Tanh,
        _ => Nonlinearity::None,
    }
}
