//! `stack-depthwise`: a depthwise convolution of k x k becomes several of 3x3.
//!
//! `(k - 1) / 2` windows of 3x3 one behind the other see what one of k x k sees, with
//! `9 (k - 1) / 2` weights a channel in place of `k^2` (K. Simonyan and A. Zisserman, "Very deep
//! convolutional networks for large-scale image recognition", 2015, section 2.3). Kernels and engines
//! that are made for 3x3 run them several times faster.
//!
//! Only some windows of k x k are products of smaller ones, so that the weights are absent. A stride
//! goes with the first or the last window; both are tried.

use cofit_ir::{Extent2d, Graph, Op, Operator, OperatorId, Padding, Shape};

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, Weights, edit};

/// Layers that are tried one by one.
const MOST_SITES: usize = 12;

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    let sites = edit::sites(graph, MOST_SITES, |it| windows(graph, it).is_some());
    for &site in &sites {
        for stride_first in [true, false] {
            let name = graph.operator_name(site);
            let mut changed = graph.clone();
            if stack(&mut changed, site, stride_first).is_some() {
                found.candidates.extend(candidate(setting, changed, site, name, stride_first));
            }
        }
    }
    if sites.len() < 2 {
        return;
    }
    // From the last to the first, so that ids stay what they are.
    let mut all = sites;
    all.sort_unstable();
    let mut changed = graph.clone();
    let count = all.iter().rev().filter(|&&site| stack(&mut changed, site, true).is_some()).count();
    if let Some(model) = edit::verified(&setting.model, changed) {
        found.candidates.push(Candidate {
            kind: Kind::StackDepthwise,
            place: format!("{count} layers"),
            change: "depthwise windows above 3x3 -> stacked 3x3".to_owned(),
            keeps: Keeps::Nothing(Weights::Absent),
            notes: Vec::new(),
            edit: Edit::Model(model),
        });
    }
}

fn candidate(
    setting: &Setting,
    changed: Graph,
    site: OperatorId,
    place: String,
    stride_first: bool,
) -> Option<Candidate> {
    let graph = setting.model.main_graph();
    let operator = &graph.operators[site];
    let (kernel, count) = windows(graph, operator)?;
    let Op::DepthwiseConv2d(conv) = &operator.op else { return None };
    let mut change = format!("{kernel}x{kernel} depthwise -> {count} stacked 3x3");
    if conv.stride != Extent2d::ONE {
        let which = if stride_first { "first" } else { "last" };
        change.push_str(&format!(", stride {} in the {which}", conv.stride));
    } else if !stride_first {
        // The same again.
        return None;
    }
    Some(Candidate {
        kind: Kind::StackDepthwise,
        place,
        change,
        keeps: Keeps::Nothing(Weights::Absent),
        notes: Vec::new(),
        edit: Edit::Model(edit::verified(&setting.model, changed)?),
    })
}

/// The side of a depthwise convolution's square window, and how many windows of 3x3 see as far.
fn windows(graph: &Graph, operator: &Operator) -> Option<(u32, u32)> {
    let Op::DepthwiseConv2d(conv) = &operator.op else { return None };
    let weights = &graph.tensors[operator.input(1)?];
    let kernel = conv.window(&weights.shape)?.kernel;
    let is_large = kernel.height == kernel.width
        && kernel.height >= 5
        && kernel.height % 2 == 1
        && kernel.height <= 15;
    (is_large && weights.is_constant() && conv.dilation == Extent2d::ONE)
        .then_some((kernel.height, (kernel.height - 1) / 2))
}

/// Puts windows of 3x3 in the place of one; `None` where the result would have another shape.
fn stack(graph: &mut Graph, site: OperatorId, stride_first: bool) -> Option<()> {
    let operator = graph.operators[site].clone();
    let (_, count) = windows(graph, &operator)?;
    let Op::DepthwiseConv2d(conv) = operator.op.clone() else { return None };
    let padding = match conv.padding {
        Padding::Same => Padding::Same,
        Padding::Valid => Padding::Valid,
        Padding::Explicit { top, bottom, left, right } => {
            // Each window takes its share of the border.
            let share = |border: u32| border.is_multiple_of(count).then_some(border / count);
            Padding::Explicit {
                top: share(top)?,
                bottom: share(bottom)?,
                left: share(left)?,
                right: share(right)?,
            }
        }
    };
    let output = *operator.outputs.first()?;
    let wanted = graph.tensors[output].shape.clone();
    let name = graph.operator_name(site);
    let old_weights = graph.tensors[operator.input(1)?].clone();
    let channels = old_weights.shape.last();
    let mut source = operator.input(0)?;
    let mut stacked = Vec::new();
    for at in 0..count {
        let is_first = at == 0;
        let is_last = at + 1 == count;
        let takes_stride = if stride_first { is_first } else { is_last };
        let mut part = conv.clone();
        part.padding = padding;
        part.stride = if takes_stride { conv.stride } else { Extent2d::ONE };
        part.multiplier = if is_first { conv.multiplier } else { 1 };
        let shape = Shape::new(&[1, 3, 3, channels]);
        let weights = edit::absent_like(&old_weights, format!("{name}/3x3_{at}/weights"), shape);
        let weights = graph.tensor(weights);
        let mut inputs = vec![source, weights];
        if let Some(bias) = operator.input(2) {
            let old = graph.tensors[bias].clone();
            let bias = edit::absent_like(&old, format!("{name}/3x3_{at}/bias"), old.shape.clone());
            inputs.push(graph.tensor(bias));
        }
        let result = if is_last {
            output
        } else {
            graph.tensor(edit::like(
                &graph.tensors[output].clone(),
                format!("{name}/3x3_{at}"),
                wanted.clone(),
            ))
        };
        stacked.push(Operator::new(part.into(), &inputs, &[result]));
        source = result;
    }
    edit::replace_operator(graph, site, stacked);
    edit::infer_again(graph).ok()?;
    (graph.tensors[output].shape == wanted).then_some(())
}
