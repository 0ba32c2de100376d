//! Cross-layer equalisation: neighbouring layers share out their ranges.
//!
//! A channel that a layer makes small and the next one scales up again wastes most of an activation's
//! integers, and of the weights' too where one scale serves them all. For a positively homogeneous
//! activation, `f(s x) = s f(x)`, the channel can be divided by any `s > 0` in the first layer and
//! multiplied by it in the second without a change of the network. With the ranges `r1` of the
//! channel's weights in the first layer and `r2` in the second, `s = sqrt(r1 / r2)` makes both equal
//! (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
//! section 4.1).

use cofit_exec::Buffer;
use cofit_ir::ops::Relu;
use cofit_ir::{
    Activation, ConstantData, Graph, Model, Op, OperatorId, TensorId, TensorRole, Verified,
};
use cofit_vocab::{Diagnostics, ElementType};

use crate::calibration::constant_floats;
use crate::operator_rules::{Treatment, WeightedOperands, treatment};
use crate::weights::ChannelLayout;

/// Most passes over all pairs.
const PASSES: usize = 20;

/// Factors closer to 1 than this end the passes.
const CLOSE: f32 = 1e-3;

/// What becomes of a rectifier with an upper end, which is not homogeneous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relu6 {
    /// It stays, and separates the layers.
    #[default]
    Keep,
    /// It becomes one without an upper end, which changes the network where values exceed 6.
    Replace,
}

/// A model with balanced layers.
#[derive(Clone, Debug)]
pub struct Equalised {
    /// The model.
    pub model: Verified,
    /// The pairs of layers that were balanced, by the names of their first results.
    pub pairs: Vec<(String, String)>,
}

/// Balances all neighbouring layers of the main graph that are joined by nothing but rectifiers,
/// pools and reshapes. The model computes the same as before, but for the rounding of floats.
///
/// # Errors
/// None that a sound model causes.
pub fn equalise(model: &Verified, relu6: Relu6) -> Result<Equalised, Diagnostics> {
    let mut changed = Model::clone(model.model());
    let mut names = Vec::new();
    if let Some(graph) = changed.main_mut() {
        if relu6 == Relu6::Replace {
            replace_relu6(graph);
        }
        let pairs = pairs(graph);
        for pass in 0..PASSES {
            let mut farthest = 0.0_f32;
            for pair in &pairs {
                farthest = farthest.max(balance(graph, pair).unwrap_or(0.0));
            }
            if farthest < CLOSE && pass > 0 {
                break;
            }
        }
        names = pairs
            .iter()
            .map(|pair| (graph.operator_name(pair.first.id), graph.operator_name(pair.second.id)))
            .collect();
    }
    Ok(Equalised { model: Verified::new(changed)?, pairs: names })
}

/// A layer with its constants.
struct Layer {
    id: OperatorId,
    operands: WeightedOperands,
    weights: TensorId,
    bias: Option<TensorId>,
}

/// Two layers, of which the second reads nothing but what the first makes.
struct Pair {
    first: Layer,
    second: Layer,
}

fn replace_relu6(graph: &mut Graph) {
    for operator in graph.operators.values_mut() {
        if let Some(activation) = activation_mut(&mut operator.op)
            && *activation == Activation::Relu6
        {
            *activation = Activation::Relu;
        }
        if matches!(operator.op, Op::Relu6(_)) {
            operator.op = Relu {}.into();
        }
    }
}

/// The activation of a layer with weights.
const fn activation_mut(op: &mut Op) -> Option<&mut Activation> {
    match op {
        Op::Conv2d(op) => Some(&mut op.activation),
        Op::DepthwiseConv2d(op) => Some(&mut op.activation),
        Op::FullyConnected(op) => Some(&mut op.activation),
        Op::TransposeConv2d(op) => Some(&mut op.activation),
        _ => None,
    }
}

const fn is_homogeneous(activation: Activation) -> bool {
    match activation {
        Activation::None | Activation::Relu => true,
        Activation::ReluN1To1 | Activation::Relu6 | Activation::Tanh | Activation::SignBit => false,
    }
}

/// Whether scaling the operator's input channels scales its output channels alike.
fn passes_scales(op: &Op) -> bool {
    match op {
        // A reshape keeps the order of elements, and with it the channel of every one, modulo the
        // number of channels.
        Op::Relu(_) | Op::Reshape(_) => true,
        Op::MaxPool2d(op) => is_homogeneous(op.activation),
        Op::AveragePool2d(op) => is_homogeneous(op.activation),
        _ => false,
    }
}

/// The layer `id`, where its constants are float and nobody else's.
fn layer(graph: &Graph, id: OperatorId) -> Option<Layer> {
    let operator = &graph.operators[id];
    let Treatment::Weighted(operands) = treatment(&operator.op) else { return None };
    let consumers = graph.consumers();
    let owned = |tensor: TensorId| {
        let found = &graph.tensors[tensor];
        consumers[tensor].len() == 1
            && !graph.outputs.contains(&tensor)
            && found.element == ElementType::Float32
            && found.data().is_some()
    };
    let weights = operator.input(operands.weights).filter(|&id| owned(id))?;
    let bias = operator.input(operands.bias);
    bias.is_none_or(owned).then_some(Layer { id, operands, weights, bias })
}

fn pairs(graph: &Graph) -> Vec<Pair> {
    let consumers = graph.consumers();
    let mut found = Vec::new();
    for (id, operator) in &graph.operators {
        let activation = match &operator.op {
            Op::Conv2d(op) => op.activation,
            Op::DepthwiseConv2d(op) => op.activation,
            Op::FullyConnected(op) => op.activation,
            Op::TransposeConv2d(op) => op.activation,
            _ => continue,
        };
        let (true, Some(first)) = (is_homogeneous(activation), layer(graph, id)) else { continue };
        // Down the chain of single readers to the next layer.
        let mut tensor = operator.outputs.first().copied();
        let next = loop {
            let Some(at) = tensor.filter(|at| !graph.outputs.contains(at)) else { break None };
            let &[reader] = consumers[at].as_slice() else { break None };
            let following = &graph.operators[reader];
            if !passes_scales(&following.op) {
                break Some((reader, at));
            }
            tensor = following.outputs.first().copied();
        };
        let second = next.and_then(|(reader, tensor)| {
            let second = layer(graph, reader)?;
            let reads = graph.operators[reader].input(second.operands.input) == Some(tensor);
            reads.then_some(second)
        });
        if let Some(second) = second {
            found.push(Pair { first, second });
        }
    }
    found
}

/// Balances one pair; returns how far the farthest factor was from 1. `None` where shapes do not
/// match.
fn balance(graph: &mut Graph, pair: &Pair) -> Option<f32> {
    let mut first = constant_floats(&graph.tensors[pair.first.weights])?;
    let mut second = constant_floats(&graph.tensors[pair.second.weights])?;
    let shape = graph.tensors[pair.first.weights].shape.clone();
    let layout = ChannelLayout::along(shape.dimensions(), pair.first.operands.axis);
    let inputs = InputChannels::of(graph, &pair.second, layout.channels)?;
    let mut ranges = vec![(0.0_f32, 0.0_f32); layout.channels];
    for (at, weight) in first.iter().enumerate() {
        let range = &mut ranges[layout.channel(at)].0;
        *range = range.max(weight.abs());
    }
    for (at, weight) in second.iter().enumerate() {
        let range = &mut ranges[inputs.channel(at)].1;
        *range = range.max(weight.abs());
    }
    let factors: Vec<f32> = ranges
        .iter()
        .map(|&(r1, r2)| {
            let factor = (r1 / r2).sqrt();
            // A dead channel has no range to share.
            if r1 > 0.0 && r2 > 0.0 && factor.is_normal() { factor } else { 1.0 }
        })
        .collect();
    for (at, weight) in first.iter_mut().enumerate() {
        *weight /= factors[layout.channel(at)];
    }
    for (at, weight) in second.iter_mut().enumerate() {
        *weight *= factors[inputs.channel(at)];
    }
    if let Some(bias) = pair.first.bias {
        let values = constant_floats(&graph.tensors[bias])?;
        let scaled = values.iter().zip(&factors).map(|(value, factor)| value / factor).collect();
        store(graph, bias, scaled);
    }
    store(graph, pair.first.weights, first);
    store(graph, pair.second.weights, second);
    Some(factors.iter().map(|factor| (factor - 1.0).abs()).fold(0.0, f32::max))
}

fn store(graph: &mut Graph, id: TensorId, values: Vec<f32>) {
    let bytes = Buffer::F32(values).as_slice().to_le_bytes();
    graph.tensors[id].role = TensorRole::Constant(ConstantData::Present(bytes.into()));
}

/// Which input channel each weight of a layer multiplies.
enum InputChannels {
    /// `[outputs, depth]`, on rows that hold whole pixels of so many channels.
    Dense { depth: usize, channels: usize },
    /// `[outputs, ..., depth]`, one group or more.
    Innermost { depth: usize, per_group: usize, filter: usize },
    /// `[1, height, width, channels * multiplier]`.
    Depthwise { outputs: usize, multiplier: usize },
}

impl InputChannels {
    /// Of the weights of `layer`, which reads `channels` channels.
    fn of(graph: &Graph, layer: &Layer, channels: usize) -> Option<Self> {
        let shape = &graph.tensors[layer.weights].shape;
        let last = shape.last() as usize;
        if last == 0 || channels == 0 {
            return None;
        }
        if matches!(graph.operators[layer.id].op, Op::FullyConnected(_)) {
            let fits = last.is_multiple_of(channels);
            return fits.then_some(Self::Dense { depth: last, channels });
        }
        let input = graph.operators[layer.id].input(layer.operands.input)?;
        if graph.tensors[input].shape.last() as usize != channels {
            return None;
        }
        if matches!(graph.operators[layer.id].op, Op::DepthwiseConv2d(_)) {
            let fits = last.is_multiple_of(channels);
            return fits.then_some(Self::Depthwise { outputs: last, multiplier: last / channels });
        }
        let outputs = shape.get(0)? as usize;
        let groups = channels / last;
        if !channels.is_multiple_of(last) || !outputs.is_multiple_of(groups) || outputs == 0 {
            return None;
        }
        let filter = usize::try_from(shape.elements()).ok()? / outputs;
        Some(Self::Innermost { depth: last, per_group: outputs / groups, filter })
    }

    fn channel(&self, at: usize) -> usize {
        match *self {
            Self::Dense { depth, channels } => at % depth % channels,
            Self::Innermost { depth, per_group, filter } => {
                at / filter / per_group * depth + at % depth
            }
            Self::Depthwise { outputs, multiplier } => at % outputs / multiplier,
        }
    }
}
