//! Folds batch normalisation into the layer before it, or behind it.
//!
//! At inference a batch normalisation is `y = (x - mean) * gamma / sqrt(variance + epsilon) + beta`
//! per channel: a factor and an offset. Exporters also write it as a product and a sum with
//! constants. Behind a convolution or dense layer it is a scale of the layer's weights and a change
//! of its bias. In front of one it is so too, where the layer pads with nothing, because what it pads
//! with would get the offset otherwise. Every chip in the catalogue wants that done before
//! quantisation; left in place it is a pass over memory.
//!
//! Float weights are recomputed, or become absent where a value is absent. Integer weights cannot be
//! scaled without quantising anew and are left alone; [`run_for_sizes`] gives up their values
//! instead, for who wants to know sizes and time and not results.

use cofit_ir::{
    Activation, ConstantData, Graph, Op, Operator, OperatorId, Padding, Shape, Tensor, TensorId,
    TensorRole,
};
use cofit_vocab::{Bytes, ElementType, OperatorKind};

use crate::constants::{Allowance, floats, set_floats};
use crate::passes::Pass;
use crate::rewrite::Rewriter;

/// The pass.
pub const PASS: Pass = Pass {
    name: "fold_batch_normalization",
    description: "folds batch normalisation into the layer before it",
    run,
};

/// Folds what can be folded without losing a value.
pub fn run(graph: &mut Graph) -> usize {
    let mut rewriter = Rewriter::new(graph);
    let mut allowance = Allowance::new();
    let ids = rewriter.ids();
    for &id in &ids {
        if fold_back(&mut rewriter, id, Integers::Keep, &mut allowance).is_some() {
            rewriter.count();
        }
    }
    // What found no layer before it looks for one behind it, the nearest first.
    for &id in ids.iter().rev() {
        if fold_forward(&mut rewriter, id, &mut allowance).is_some() {
            rewriter.count();
        }
    }
    rewriter.finish()
}

/// Folds batch normalisations that are written as such into the layer before them as every converter
/// does, also into integer weights, whose values become absent: sizes, time and memory are those of
/// the model quantised anew. Arithmetic with constants stays, because an interpreter runs it.
pub fn run_for_sizes(graph: &mut Graph) -> usize {
    let mut rewriter = Rewriter::new(graph);
    let mut allowance = Allowance::new();
    for id in rewriter.ids() {
        let is_written_as_such = rewriter
            .operator(id)
            .is_some_and(|operator| operator.kind() == OperatorKind::BatchNormalization);
        if is_written_as_such
            && fold_back(&mut rewriter, id, Integers::GiveUp, &mut allowance).is_some()
        {
            rewriter.count();
        }
    }
    rewriter.finish()
}

/// What happens to weights that are no float32.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Integers {
    /// They stay, and the normalisation with them.
    Keep,
    /// Their values become absent.
    GiveUp,
}

/// `y = factor * x + offset`, channel by channel.
struct Normalisation {
    x: TensorId,
    /// Factor and offset of every channel; `None` where a value is absent.
    values: Option<(Vec<f64>, Vec<f64>)>,
    /// Whether it is written as such and not as arithmetic.
    is_batch_normalization: bool,
    /// What is applied to the result.
    activation: Activation,
}

impl Normalisation {
    fn scales(&self) -> bool {
        self.values.as_ref().is_none_or(|(factors, _)| factors.iter().any(|&factor| factor != 1.0))
    }

    fn shifts(&self) -> bool {
        self.values.as_ref().is_none_or(|(_, offsets)| offsets.iter().any(|&offset| offset != 0.0))
    }
}

/// An operator as a normalisation, if it is one with finite values.
fn normalisation(
    rewriter: &Rewriter<'_>,
    operator: &Operator,
    allowance: &mut Allowance,
) -> Option<Normalisation> {
    let channels = rewriter.tensor(*operator.outputs.first()?).shape.last();
    if !allowance.take(Bytes(u64::from(channels) * 2 * size_of::<f64>() as u64)) {
        return None;
    }
    let found = match &operator.op {
        Op::BatchNormalization(op) => {
            let x = operator.input(0)?;
            let channels = rewriter.tensor(x).shape.last() as usize;
            let read = |index: usize| -> Option<Vec<f32>> {
                let values = floats(rewriter.tensor(operator.input(index)?))?;
                (values.len() == channels).then_some(values)
            };
            let statistics = (|| Some([read(1)?, read(2)?, read(3)?, read(4)?]))();
            let values = statistics.map(|[gamma, beta, mean, variance]| {
                let spread = variance
                    .iter()
                    .map(|&variance| (f64::from(variance) + f64::from(op.epsilon)).sqrt());
                let factors: Vec<f64> = gamma
                    .iter()
                    .zip(spread)
                    .map(|(&gamma, spread)| f64::from(gamma) / spread)
                    .collect();
                let offsets = beta
                    .iter()
                    .zip(mean.iter().zip(&factors))
                    .map(|(&beta, (&mean, factor))| f64::from(beta) - f64::from(mean) * factor)
                    .collect();
                (factors, offsets)
            });
            Normalisation { x, values, is_batch_normalization: true, activation: Activation::None }
        }
        Op::Add(op) => arithmetic(rewriter, operator, op.activation, |_, c| (1.0, c))?,
        Op::Mul(op) => arithmetic(rewriter, operator, op.activation, |_, c| (c, 0.0))?,
        Op::Sub(op) => arithmetic(rewriter, operator, op.activation, |is_first, c| {
            if is_first { (-1.0, c) } else { (1.0, -c) }
        })?,
        Op::Div(op) if !rewriter.tensor(operator.input(0)?).is_constant() => {
            arithmetic(rewriter, operator, op.activation, |_, c| (1.0 / c, 0.0))?
        }
        _ => return None,
    };
    let is_finite = found.values.as_ref().is_none_or(|(factors, offsets)| {
        factors.iter().chain(offsets).all(|&value| (value as f32).is_finite())
    });
    (is_finite && rewriter.is_fixed(found.x)).then_some(found)
}

/// Float arithmetic with a constant of one element or one for each channel. `meaning` makes factor
/// and offset of an element of the constant, and is told whether the constant is the first operand.
fn arithmetic(
    rewriter: &Rewriter<'_>,
    operator: &Operator,
    activation: Activation,
    meaning: impl Fn(bool, f64) -> (f64, f64),
) -> Option<Normalisation> {
    let (a, b) = (operator.input(0)?, operator.input(1)?);
    let (x, constant, is_first) =
        match (rewriter.tensor(a).is_constant(), rewriter.tensor(b).is_constant()) {
            (false, true) => (a, b, false),
            (true, false) => (b, a, true),
            (true, true) | (false, false) => return None,
        };
    let result = rewriter.tensor(*operator.outputs.first()?);
    let (shape, constant) = (&rewriter.tensor(x).shape, rewriter.tensor(constant));
    let channels = shape.last() as usize;
    let (length, count) = (constant.shape.last() as usize, constant.shape.elements());
    let is_per_channel = count == 1 || (length == channels && count == channels as u64);
    let is_float = rewriter.is_float(x) && constant.element == ElementType::Float32;
    if !is_float || !is_per_channel || shape.rank() == 0 || result.shape != *shape {
        return None;
    }
    let values = floats(constant).map(|values| {
        (0..channels)
            .map(|channel| {
                let value = if count == 1 { values[0] } else { values[channel] };
                meaning(is_first, f64::from(value))
            })
            .unzip()
    });
    Some(Normalisation { x, values, is_batch_normalization: false, activation })
}

/// A layer with weights.
struct Layer {
    weights: TensorId,
    /// The axis of the weights that runs along output channels.
    axis: usize,
    /// Where its bias is among its operands.
    bias_index: usize,
}

/// An operator as a layer that can take a scale, with its activation to change.
fn layer<'o>(operator: &Operator, op: &'o mut Op) -> Option<(Layer, &'o mut Activation)> {
    let (axis, bias_index, activation) = match op {
        Op::Conv2d(conv) => (0, 2, &mut conv.activation),
        Op::DepthwiseConv2d(conv) => (3, 2, &mut conv.activation),
        Op::FullyConnected(dense) => (0, 2, &mut dense.activation),
        Op::TransposeConv2d(conv) => (0, 3, &mut conv.activation),
        _ => return None,
    };
    Some((Layer { weights: operator.input(1)?, axis, bias_index }, activation))
}

/// Folds a normalisation into the layer before it; `None` where it must stay.
fn fold_back(
    rewriter: &mut Rewriter<'_>,
    id: OperatorId,
    integers: Integers,
    allowance: &mut Allowance,
) -> Option<()> {
    let operator = rewriter.operator(id)?;
    let result = *operator.outputs.first()?;
    let is_behind_layer = operator.inputs.iter().flatten().any(|&input| {
        rewriter
            .inner(input)
            .is_some_and(|(_, before)| layer(before, &mut before.op.clone()).is_some())
    });
    if !is_behind_layer {
        return None;
    }
    let found = normalisation(rewriter, operator, allowance)?;
    let (producer, before) = rewriter.inner(found.x)?;
    let mut op = before.op.clone();
    let (layer, activation) = layer(before, &mut op)?;
    if *activation != Activation::None {
        return None;
    }
    *activation = found.activation;
    let channels = rewriter.tensor(layer.weights).shape.get(layer.axis)?;
    let bias = before.input(layer.bias_index);
    let is_wide = |values: &(Vec<f64>, Vec<f64>)| values.0.len() == channels as usize;
    let values = found.values.as_ref().filter(|values| is_wide(values));
    let is_known = is_scalable(rewriter, layer.weights);
    if found.values.is_some() != values.is_some() || (!is_known && integers == Integers::Keep) {
        return None;
    }
    let new_weights = match found.scales() {
        true => {
            // Weights that another operator shares would change under it.
            let bytes = rewriter.tensor(layer.weights).bytes();
            if !rewriter.is_read_once(layer.weights) || !allowance.take(bytes) {
                return None;
            }
            let weights = rewriter.tensor(layer.weights);
            let inner = weights.shape.dimensions()[layer.axis + 1..]
                .iter()
                .fold(1usize, |product, &length| product.saturating_mul(length as usize));
            let scaled = floats(weights).zip(values).map(|(weights, (factors, _))| {
                let factor = |at: usize| factors[at / inner.max(1) % factors.len().max(1)];
                weights
                    .iter()
                    .enumerate()
                    .map(|(at, &weight)| (f64::from(weight) * factor(at)) as f32)
                    .collect::<Vec<f32>>()
            });
            Some(scaled)
        }
        false => None,
    };
    let old_bias = bias_values(rewriter, bias, channels, integers)?;
    // A sum into integer weights has no bias of its own type to go to.
    let is_given_up = new_weights.as_ref().is_some_and(Option::is_none);
    let new_bias = match values {
        Some((factors, offsets)) if !is_given_up => old_bias.map(|bias| {
            let folded = bias.iter().zip(factors.iter().zip(offsets));
            folded
                .map(|(&bias, (factor, offset))| (f64::from(bias) * factor + offset) as f32)
                .collect()
        }),
        Some(_) | None => None,
    };
    let wants_bias = found.is_batch_normalization || bias.is_some() || found.shifts();
    if let Some(weights) = new_weights {
        set_floats(rewriter.constant_mut(layer.weights), weights.as_deref());
    }
    if wants_bias {
        let bias = folded_bias(rewriter, result, layer.weights, channels, new_bias);
        rewriter.set_input(producer, layer.bias_index, bias);
    }
    rewriter.set_op(producer, op);
    // The layer takes over the normalisation's result, with its quantisation and name.
    rewriter.take_over(producer, id);
    Some(())
}

/// Folds a normalisation into the one layer that reads it; `None` where it must stay.
fn fold_forward(
    rewriter: &mut Rewriter<'_>,
    id: OperatorId,
    allowance: &mut Allowance,
) -> Option<()> {
    let operator = rewriter.operator(id)?;
    let between = *operator.outputs.first()?;
    if !rewriter.is_read_once(between) {
        return None;
    }
    let &[reader] = rewriter.readers(between).as_slice() else { return None };
    let after = rewriter.operator(reader)?;
    let mut op = after.op.clone();
    let (layer, _) = layer(after, &mut op)?;
    let found = normalisation(rewriter, operator, allowance)?;
    if after.input(0) != Some(between) || found.activation != Activation::None {
        return None;
    }
    let result = *after.outputs.first()?;
    let weights = rewriter.tensor(layer.weights);
    let is_ready = is_scalable(rewriter, layer.weights)
        && rewriter.is_read_once(layer.weights)
        && rewriter.is_float(found.x)
        && (!found.shifts() || pads_nothing(rewriter, after));
    if !is_ready || !allowance.take(weights.bytes()) {
        return None;
    }
    let channels = weights.shape.get(layer.axis)?;
    let inputs = rewriter.tensor(found.x).shape.last();
    let channel_of = input_channels(&op, &weights.shape, inputs)?;
    let bias = after.input(layer.bias_index);
    let old_bias = bias_values(rewriter, bias, channels, Integers::Keep)?;
    let inner = weights.shape.dimensions()[layer.axis + 1..]
        .iter()
        .fold(1usize, |product, &length| product.saturating_mul(length as usize));
    let folded = floats(weights).zip(found.values.as_ref()).map(|(weights, (factors, offsets))| {
        let mut sums = vec![0.0; channels as usize];
        let scaled: Vec<f32> = weights
            .iter()
            .enumerate()
            .map(|(at, &weight)| {
                let channel = channel_of(at);
                sums[at / inner.max(1) % channels as usize] += f64::from(weight) * offsets[channel];
                (f64::from(weight) * factors[channel]) as f32
            })
            .collect();
        (scaled, sums)
    });
    let new_bias = folded.as_ref().zip(old_bias).map(|((_, sums), bias)| {
        bias.iter().zip(sums).map(|(&bias, sum)| (f64::from(bias) + sum) as f32).collect()
    });
    let shifts = found.shifts();
    set_floats(rewriter.constant_mut(layer.weights), folded.as_ref().map(|(it, _)| it.as_slice()));
    if shifts {
        let bias = folded_bias(rewriter, result, layer.weights, channels, new_bias);
        rewriter.set_input(reader, layer.bias_index, bias);
    }
    rewriter.set_input(reader, 0, found.x);
    Some(())
}

/// Whether the weights are a float32 constant, or a float constant without values.
fn is_scalable(rewriter: &Rewriter<'_>, weights: TensorId) -> bool {
    let tensor = rewriter.tensor(weights);
    match &tensor.role {
        TensorRole::Constant(ConstantData::Present(_)) => tensor.element == ElementType::Float32,
        TensorRole::Constant(ConstantData::Absent) => tensor.element.is_float(),
        TensorRole::Activation | TensorRole::Variable => false,
    }
}

/// The values of a bias, zeros where there is none, or `Some(None)` where they are absent or given
/// up; `None` where it is no constant.
fn bias_values(
    rewriter: &Rewriter<'_>,
    bias: Option<TensorId>,
    channels: u32,
    integers: Integers,
) -> Option<Option<Vec<f32>>> {
    let Some(bias) = bias else { return Some(Some(vec![0.0; channels as usize])) };
    let tensor = rewriter.tensor(bias);
    let is_given_up = integers == Integers::GiveUp && tensor.is_constant();
    (is_given_up || is_scalable(rewriter, bias)).then(|| floats(tensor))
}

/// Whether a layer reads nothing but its input: it has no padding.
fn pads_nothing(rewriter: &Rewriter<'_>, operator: &Operator) -> bool {
    let (Some(input), Some(weights)) = (operator.input(0), operator.input(1)) else { return false };
    let weights = &rewriter.tensor(weights).shape;
    let (window, padding) = match &operator.op {
        Op::FullyConnected(_) => return true,
        Op::Conv2d(conv) => (conv.window(weights), conv.padding),
        Op::DepthwiseConv2d(conv) => (conv.window(weights), conv.padding),
        _ => return false,
    };
    let shape = &rewriter.tensor(input).shape;
    let amounts = window
        .zip(shape.get(1).zip(shape.get(2)))
        .and_then(|(window, (height, width))| window.padding_amounts(height, width, padding).ok());
    padding == Padding::Valid || amounts == Some(Default::default())
}

/// For each element of the weights, the channel of the input that it is multiplied with.
fn input_channels(
    op: &Op,
    weights: &Shape,
    inputs: u32,
) -> Option<impl Fn(usize) -> usize + use<>> {
    let dimensions = weights.dimensions();
    let inputs = inputs as usize;
    // An element's position is parted into its output channel and the rest.
    let (outer, depth, group) = match op {
        Op::Conv2d(_) => {
            let &[outputs, height, width, depth] = dimensions else { return None };
            let groups = inputs.checked_div(depth as usize)?;
            let per_group = (outputs as usize).checked_div(groups)?;
            let volume =
                (height as usize).checked_mul(width as usize)?.checked_mul(depth as usize)?;
            (volume.checked_mul(per_group)?, depth as usize, depth as usize)
        }
        Op::FullyConnected(_) => {
            let &[_, depth] = dimensions else { return None };
            if !(depth as usize).is_multiple_of(inputs) {
                return None;
            }
            (usize::MAX, inputs, 0)
        }
        Op::DepthwiseConv2d(_) => {
            let &[_, _, _, outputs] = dimensions else { return None };
            let multiplier = (outputs as usize).checked_div(inputs)?;
            return (multiplier > 0)
                .then_some(Channels::Own { outputs: outputs as usize, multiplier }.of());
        }
        _ => return None,
    };
    (outer > 0 && depth > 0).then_some(Channels::Shared { outer, depth, group }.of())
}

/// How elements of weights meet channels of the input.
#[derive(Clone, Copy)]
enum Channels {
    /// Every `outer` elements belong to the next group of `group` channels; channels of a group
    /// take turns along `depth`.
    Shared { outer: usize, depth: usize, group: usize },
    /// Output channels run innermost; every `multiplier` of them share a channel.
    Own { outputs: usize, multiplier: usize },
}

impl Channels {
    fn of(self) -> impl Fn(usize) -> usize + use<> {
        move |at| match self {
            Self::Shared { outer, depth, group } => at / outer * group + at % depth,
            Self::Own { outputs, multiplier } => at % outputs / multiplier,
        }
    }
}

/// A bias for the layer that writes `result`, absent where `values` are.
fn folded_bias(
    rewriter: &mut Rewriter<'_>,
    result: TensorId,
    weights: TensorId,
    channels: u32,
    values: Option<Vec<f32>>,
) -> TensorId {
    let element = match rewriter.tensor(weights).element {
        element @ (ElementType::Float16 | ElementType::Float32 | ElementType::Float64) => element,
        _ => ElementType::Int32,
    };
    let name = format!("{}/folded_bias", rewriter.tensor(result).name);
    let mut bias = Tensor::weightless(name, element, Shape::new(&[channels]));
    if element == ElementType::Float32 && values.is_some() {
        set_floats(&mut bias, values.as_deref());
    }
    rewriter.add_tensor(bias)
}
