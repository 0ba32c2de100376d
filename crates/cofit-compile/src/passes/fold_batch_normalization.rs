//! Folds batch normalisation into the convolution or dense layer before it.
//!
//! At inference a batch normalisation is `y = (x - mean) * gamma / sqrt(variance + epsilon) + beta`
//! per channel, which is a scale of the producer's weights and a change of its bias. Every chip in
//! the catalogue wants that done before quantisation; left in place it is a pass over memory.
//!
//! Float weights are recomputed. Integer weights cannot be scaled in place without quantising anew,
//! so their values become absent: sizes, time and memory stay right and numerics are not claimed.

use cofit_ir::{ConstantData, Graph, Op, OperatorId, Shape, Tensor, TensorId, TensorRole};
use cofit_vocab::{ElementType, OperatorKind};
use cranelift_entity::EntitySet;

use crate::rewrite;

/// Folds every batch normalisation whose producer allows it.
pub fn run(graph: &mut Graph) {
    let producers = graph.producers();
    let mut doomed: EntitySet<OperatorId> = EntitySet::new();
    let candidates: Vec<OperatorId> = graph
        .operators
        .iter()
        .filter(|(_, operator)| operator.kind() == OperatorKind::BatchNormalization)
        .map(|(id, _)| id)
        .collect();
    for normalisation in candidates {
        let Some(input) = graph.operators[normalisation].input(0) else { continue };
        let Some(producer) = producers[input] else { continue };
        if fold(graph, producer, normalisation, input).is_some() {
            doomed.insert(normalisation);
        }
    }
    if !doomed.is_empty() {
        rewrite::remove_operators(graph, &doomed);
    }
}

/// Folds one normalisation into its producer; `None` where it must stay.
fn fold(
    graph: &mut Graph,
    producer: OperatorId,
    normalisation: OperatorId,
    between: TensorId,
) -> Option<()> {
    let output_axis = output_channel_axis(&graph.operators[producer].op)?;
    if rewrite::use_count(graph, between) != 1 {
        return None;
    }
    let Op::BatchNormalization(attributes) = &graph.operators[normalisation].op else {
        return None;
    };
    let epsilon = attributes.epsilon;
    let weights_id = graph.operators[producer].input(1)?;
    // Weights that another operator shares would change under it.
    if rewrite::use_count(graph, weights_id) != 1 || !graph.tensors[weights_id].is_constant() {
        return None;
    }
    let channels = graph.tensors[weights_id].shape.get(output_axis)?;
    let result = *graph.operators[normalisation].outputs.first()?;
    let factors = factors(graph, normalisation, epsilon, channels as usize);

    let bias_id = graph.operators[producer].input(2);
    let old_bias = match bias_id {
        Some(id) => graph.tensors[id].floats(),
        None => Some(vec![0.0; channels as usize]),
    };
    let folded = factors.zip(old_bias).and_then(|((scale, offset), bias)| {
        let weights = scale_weights(&graph.tensors[weights_id], output_axis, &scale)?;
        let bias: Vec<u8> = bias
            .iter()
            .zip(scale.iter().zip(&offset))
            .flat_map(|(bias, (scale, offset))| (bias * scale + offset).to_le_bytes())
            .collect();
        Some((weights, bias))
    });
    let bias_element = match graph.tensors[weights_id].element {
        element @ (ElementType::Float16 | ElementType::Float32 | ElementType::Float64) => element,
        _ => ElementType::Int32,
    };
    let bias_name = format!("{}/folded_bias", graph.tensors[result].name);
    let mut bias = Tensor::weightless(bias_name, bias_element, Shape::new(&[channels]));
    match folded {
        Some((weights, values)) => {
            graph.tensors[weights_id].role =
                TensorRole::Constant(ConstantData::Present(weights.into()));
            bias.role = TensorRole::Constant(ConstantData::Present(values.into()));
        }
        None => graph.tensors[weights_id].role = TensorRole::Constant(ConstantData::Absent),
    }
    let bias = graph.tensor(bias);
    let operator = &mut graph.operators[producer];
    operator.inputs.resize(3.max(operator.inputs.len()), None);
    operator.inputs[2] = Some(bias);
    // The convolution takes over the normalisation's result, with its quantisation and name.
    operator.outputs[0] = result;
    Some(())
}

/// The axis of the weights that runs along output channels, for producers without an activation of
/// their own; `None` for operators that cannot absorb a scale.
fn output_channel_axis(op: &Op) -> Option<usize> {
    use cofit_ir::Activation;
    match op {
        Op::Conv2d(conv) if conv.activation == Activation::None => Some(0),
        Op::DepthwiseConv2d(conv) if conv.activation == Activation::None => Some(3),
        Op::FullyConnected(dense) if dense.activation == Activation::None => Some(0),
        _ => None,
    }
}

/// Per channel: what the normalisation multiplies by and what it adds; `None` where a value is
/// absent or not float32.
fn factors(
    graph: &Graph,
    normalisation: OperatorId,
    epsilon: f32,
    channels: usize,
) -> Option<(Vec<f32>, Vec<f32>)> {
    let read = |index: usize| -> Option<Vec<f32>> {
        let id = graph.operators[normalisation].input(index)?;
        graph.tensors[id].floats().filter(|values| values.len() == channels)
    };
    let (gamma, beta, mean, variance) = (read(1)?, read(2)?, read(3)?, read(4)?);
    let scale: Vec<f32> = gamma
        .iter()
        .zip(&variance)
        .map(|(gamma, variance)| gamma / (variance + epsilon).sqrt())
        .collect();
    let offset = beta
        .iter()
        .zip(mean.iter().zip(&scale))
        .map(|(beta, (mean, scale))| beta - mean * scale)
        .collect();
    Some((scale, offset))
}

/// Float32 weights with each slice along `axis` multiplied by its factor.
fn scale_weights(weights: &Tensor, axis: usize, scale: &[f32]) -> Option<Vec<u8>> {
    let data = weights.data().filter(|_| weights.element == ElementType::Float32)?;
    let inner: usize =
        weights.shape.dimensions()[axis + 1..].iter().map(|&length| length as usize).product();
    let scaled = data
        .chunks_exact(4)
        .enumerate()
        .flat_map(|(at, chunk)| {
            let value = f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
            (value * scale[at / inner.max(1) % scale.len()]).to_le_bytes()
        })
        .collect();
    Some(scaled)
}
