//! `downsample-early`: a stride moves to an earlier layer.
//!
//! A convolution of stride 1 takes over the stride of the next window of stride 2 behind it, so that
//! everything between them runs on a quarter of the positions (half of them along a single axis).
//! Shapes behind the later window stay what they were. Weights stay and now see another grid.

use cofit_ir::{Extent2d, Graph, Op, OperatorId};

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, Weights, edit};

/// Pairs of layers that are tried.
const MOST_SITES: usize = 12;
/// Longest stride that is moved; a global pool's is none.
const LONGEST: u32 = 3;
/// Operators between the two.
const FARTHEST: usize = 8;

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    let early = edit::sites(graph, MOST_SITES, |it| stride(&it.op) == Some(Extent2d::ONE));
    for first in early.into_iter().filter(|&it| is_convolution(graph, it)) {
        let Some(second) = next_stride(graph, first) else { continue };
        let mut changed = graph.clone();
        let Some(moved) = stride(&changed.operators[second].op) else { continue };
        set_stride(&mut changed.operators[first].op, moved);
        set_stride(&mut changed.operators[second].op, Extent2d::ONE);
        let Some(&result) = graph.operators[second].outputs.first() else { continue };
        if edit::infer_again(&mut changed).is_err()
            || changed.tensors[result].shape != graph.tensors[result].shape
        {
            continue;
        }
        let Some(model) = edit::verified(&setting.model, changed) else { continue };
        found.candidates.push(Candidate {
            kind: Kind::DownsampleEarly,
            place: graph.operator_name(first),
            change: format!("stride {moved} of {} moved here", graph.operator_name(second)),
            keeps: Keeps::Nothing(Weights::Kept),
            notes: vec!["weights were trained on a finer grid".to_owned()],
            edit: Edit::Model(model),
        });
    }
}

fn is_convolution(graph: &Graph, id: OperatorId) -> bool {
    matches!(graph.operators[id].op, Op::Conv2d(_) | Op::DepthwiseConv2d(_))
}

/// The next window with a stride behind an operator, along results that one operator reads.
fn next_stride(graph: &Graph, from: OperatorId) -> Option<OperatorId> {
    let consumers = graph.consumers();
    let mut at = from;
    for _ in 0..FARTHEST {
        let &[output] = graph.operators[at].outputs.as_slice() else { return None };
        let &[reader] = consumers[output].as_slice() else { return None };
        if graph.outputs.contains(&output) {
            return None;
        }
        match stride(&graph.operators[reader].op) {
            Some(stride) if stride != Extent2d::ONE => {
                let is_step = stride.height.max(stride.width) <= LONGEST;
                return is_step.then_some(reader);
            }
            Some(_) | None => at = reader,
        }
    }
    None
}

/// The stride of a windowed operator.
const fn stride(op: &Op) -> Option<Extent2d> {
    match op {
        Op::Conv2d(conv) => Some(conv.stride),
        Op::DepthwiseConv2d(conv) => Some(conv.stride),
        Op::MaxPool2d(pool) => Some(pool.stride),
        Op::AveragePool2d(pool) => Some(pool.stride),
        // Nothing else slides over a map.
        _ => None,
    }
}

const fn set_stride(op: &mut Op, stride: Extent2d) {
    match op {
        Op::Conv2d(conv) => conv.stride = stride,
        Op::DepthwiseConv2d(conv) => conv.stride = stride,
        Op::MaxPool2d(pool) => pool.stride = stride,
        Op::AveragePool2d(pool) => pool.stride = stride,
        _ => {}
    }
}
