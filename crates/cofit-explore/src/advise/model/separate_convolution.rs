//! `separate-convolution`: a convolution becomes a depthwise and a pointwise one.
//!
//! A depthwise window and a sum over channels take `k^2 + n` products where the convolution takes
//! `k^2 n` for n results (A. G. Howard et al., "MobileNets", 2017, section 3.1). The first layer of a
//! network, whose input has few channels, gains little and is left out below four of them.
//!
//! The weights are absent: only some convolutions are such a pair.

use cofit_ir::{ConstantData, Graph, Op, Operator, OperatorId, Shape, TensorRole, ops};

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, Weights, edit};

/// Layers that are tried one by one.
const MOST_SITES: usize = 12;
/// Fewest channels of the input.
const FEWEST_CHANNELS: u32 = 4;

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    let sites = edit::sites(graph, MOST_SITES, |it| is_site(graph, it));
    for &site in &sites {
        let mut changed = graph.clone();
        if separate(&mut changed, site).is_some() {
            let kernel = graph.operators[site].input(1).map(|id| &graph.tensors[id].shape);
            let side = |axis: usize| kernel.and_then(|shape| shape.get(axis)).unwrap_or(0);
            let change = format!("{}x{} convolution -> depthwise and 1x1", side(1), side(2));
            let place = graph.operator_name(site);
            found.candidates.extend(candidate(setting, changed, place, change));
        }
    }
    if sites.len() < 2 {
        return;
    }
    let mut all = sites;
    all.sort_unstable();
    let mut changed = graph.clone();
    let count = all.iter().rev().filter(|&&site| separate(&mut changed, site).is_some()).count();
    let change = "convolutions -> depthwise and 1x1".to_owned();
    found.candidates.extend(candidate(setting, changed, format!("{count} layers"), change));
}

fn candidate(
    setting: &Setting,
    changed: Graph,
    place: String,
    change: String,
) -> Option<Candidate> {
    Some(Candidate {
        kind: Kind::SeparateConvolution,
        place,
        change,
        keeps: Keeps::Nothing(Weights::Absent),
        notes: Vec::new(),
        edit: Edit::Model(edit::verified(&setting.model, changed)?),
    })
}

/// Whether an operator is a dense convolution with a window and enough channels.
fn is_site(graph: &Graph, operator: &Operator) -> bool {
    let (Op::Conv2d(_), Some(input), Some(weights)) =
        (&operator.op, operator.input(0), operator.input(1))
    else {
        return false;
    };
    let (input, weights) = (&graph.tensors[input], &graph.tensors[weights]);
    let &[_, height, width, depth] = weights.shape.dimensions() else { return false };
    weights.is_constant()
        && depth == input.shape.last()
        && depth >= FEWEST_CHANNELS
        && u64::from(height) * u64::from(width) > 1
}

/// Puts a depthwise and a pointwise convolution in the place of one.
fn separate(graph: &mut Graph, site: OperatorId) -> Option<()> {
    let operator = graph.operators[site].clone();
    let Op::Conv2d(conv) = &operator.op else { return None };
    let input = graph.tensors[operator.input(0)?].clone();
    let old_weights = graph.tensors[operator.input(1)?].clone();
    let output = *operator.outputs.first()?;
    let wanted = graph.tensors[output].shape.clone();
    let &[outputs, height, width, depth] = old_weights.shape.dimensions() else { return None };
    let name = graph.operator_name(site);

    let mut shape = Shape::new(&[1, height, width, depth]);
    let mut weights = edit::absent_like(&old_weights, format!("{name}/depthwise/weights"), shape);
    // Scales run along the outputs, which are the last axis of a depthwise convolution's weights.
    weights.quantisation = weights.quantisation.map(|found| match found.scales.as_slice() {
        [] | [_] => found,
        scales => {
            let largest = scales.iter().copied().fold(0.0, f32::max);
            cofit_ir::Quantisation::per_tensor(largest, 0)
        }
    });
    let weights = graph.tensor(weights);
    let mut between = edit::like(&input, format!("{name}/depthwise"), input.shape.clone());
    between.role = TensorRole::Activation;
    let between = graph.tensor(between);
    let mut inputs = vec![operator.input(0)?, weights];
    if let Some(bias) = operator.input(2) {
        let old = graph.tensors[bias].clone();
        let bias = edit::absent_like(&old, format!("{name}/depthwise/bias"), Shape::new(&[depth]));
        inputs.push(graph.tensor(bias));
    }
    let depthwise = ops::DepthwiseConv2d {
        stride: conv.stride,
        dilation: conv.dilation,
        padding: conv.padding,
        activation: conv.activation,
        multiplier: 1,
    };
    let depthwise = Operator::new(depthwise.into(), &inputs, &[between]);

    shape = Shape::new(&[outputs, 1, 1, depth]);
    let weights = edit::absent_like(&old_weights, format!("{name}/pointwise/weights"), shape);
    let mut inputs = vec![between, graph.tensor(weights)];
    if let Some(bias) = operator.input(2) {
        let mut new = graph.tensors[bias].clone();
        new.role = TensorRole::Constant(ConstantData::Absent);
        new.name = format!("{name}/pointwise/bias");
        inputs.push(graph.tensor(new));
    }
    let pointwise = ops::Conv2d { activation: conv.activation, ..ops::Conv2d::default() };
    let pointwise = Operator::new(pointwise.into(), &inputs, &[output]);
    edit::replace_operator(graph, site, vec![depthwise, pointwise]);
    edit::infer_again(graph).ok()?;
    (graph.tensors[output].shape == wanted).then_some(())
}
