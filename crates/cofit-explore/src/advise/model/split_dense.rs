//! `split-dense`: a dense layer is computed in parts, each for some of its outputs.
//!
//! Every output is the same sum as before, so that results are the same to the bit. Weights that are
//! copied to a fast memory before their layer need room for one part at a time.

use cofit_ir::{Graph, Op, Operator, OperatorId, ops};

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, edit};

/// Layers that are tried.
const MOST_SITES: usize = 4;
/// Most outputs of a layer: a file without values may state any number.
const MOST_OUTPUTS: u32 = 1 << 20;
/// Numbers of parts that are tried.
const PARTS: [u32; 3] = [2, 4, 8];

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    for site in edit::sites(graph, MOST_SITES, |it| matches!(it.op, Op::FullyConnected(_))) {
        for parts in PARTS {
            let mut changed = graph.clone();
            if split(&mut changed, site, parts).is_none() {
                continue;
            }
            let Some(model) = edit::verified(&setting.model, changed) else { continue };
            found.candidates.push(Candidate {
                kind: Kind::SplitDense,
                place: graph.operator_name(site),
                change: format!("dense layer in {parts} parts"),
                keeps: Keeps::Bits,
                notes: Vec::new(),
                edit: Edit::Model(model),
            });
        }
    }
}

/// Parts the outputs of a dense layer; `None` where they do not divide.
fn split(graph: &mut Graph, site: OperatorId, parts: u32) -> Option<()> {
    let operator = graph.operators[site].clone();
    let Op::FullyConnected(dense) = &operator.op else { return None };
    let weights = graph.tensors[operator.input(1)?].clone();
    let bias = operator.input(2).map(|id| graph.tensors[id].clone());
    let output = *operator.outputs.first()?;
    let result = graph.tensors[output].clone();
    let outputs = weights.shape.get(0)?;
    let is_constant = weights.is_constant() && bias.as_ref().is_none_or(|it| it.is_constant());
    if outputs > MOST_OUTPUTS || !outputs.is_multiple_of(parts) || outputs == parts || !is_constant
    {
        return None;
    }
    let each = outputs / parts;
    let name = graph.operator_name(site);
    let rank = result.shape.rank();
    let mut shape = result.shape.clone();
    *shape.dimensions_mut().last_mut()? = each;
    let mut operators = Vec::new();
    let mut results = Vec::new();
    for part in 0..parts {
        let kept: Vec<usize> = (part * each..(part + 1) * each).map(|at| at as usize).collect();
        let mut cut = edit::take(&weights, 0, &kept)?;
        // Values that cannot be cut at whole bytes would be lost.
        if cut.data().is_none() != weights.data().is_none() {
            return None;
        }
        cut.name = format!("{name}/part{part}/weights");
        let mut inputs = vec![operator.input(0)?, graph.tensor(cut)];
        if let Some(bias) = &bias {
            let mut cut = edit::take(bias, 0, &kept)?;
            cut.name = format!("{name}/part{part}/bias");
            inputs.push(graph.tensor(cut));
        }
        let to = graph.tensor(edit::like(&result, format!("{name}/part{part}"), shape.clone()));
        operators.push(Operator::new(dense.clone().into(), &inputs, &[to]));
        results.push(to);
    }
    let axis = i32::try_from(rank).ok()? - 1;
    let joined = ops::Concatenation { axis, ..ops::Concatenation::default() };
    operators.push(Operator::new(joined.into(), &results, &[output]));
    edit::replace_operator(graph, site, operators);
    Some(())
}
