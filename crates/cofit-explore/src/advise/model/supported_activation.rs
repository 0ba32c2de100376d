//! `supported-activation`: an operator becomes the nearest one that the engine has.
//!
//! Functions of one element that a chip refuses or hands to its host, or that cost more than a
//! rectifier, become a rectifier: the clipped one first, which is the closest to those that level off.
//! A softmax at the end is left to whoever reads the outputs: the greatest stays the greatest.

use cofit_canonical::passes::fuse_activations;
use cofit_ir::{Graph, Op, OperatorId, ops};
use cofit_vocab::OperatorKind;

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, Weights, edit};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    let mut kinds: Vec<OperatorKind> =
        graph.operators.values().filter(|it| is_bent(&it.op)).map(|it| it.kind()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let together = (kinds.len() > 1).then(|| kinds.clone());
    for kinds in kinds.into_iter().map(|kind| vec![kind]).chain(together) {
        let instead: [(&str, Op); 2] =
            [("relu6", ops::Relu6 {}.into()), ("relu", ops::Relu {}.into())];
        for (name, op) in instead {
            let mut changed = graph.clone();
            let count = rectify(&mut changed, &kinds, &op);
            fuse_activations::run(&mut changed);
            let Some(model) = edit::verified(&setting.model, changed) else { continue };
            let plural = if count == 1 { "" } else { "s" };
            found.candidates.push(Candidate {
                kind: Kind::SupportedActivation,
                place: format!("{count} operator{plural}"),
                change: format!(
                    "{} -> {name}",
                    kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                ),
                keeps: Keeps::Nothing(Weights::Kept),
                notes: vec!["weights were trained with the other function".to_owned()],
                edit: Edit::Model(model),
            });
        }
    }
    found.candidates.extend(last_softmax(setting));
}

/// Whether an operator is a function of one element that a rectifier can stand for.
const fn is_bent(op: &Op) -> bool {
    matches!(
        op,
        Op::Elu(_) | Op::Gelu(_) | Op::HardSwish(_) | Op::LeakyRelu(_) | Op::Prelu(_) | Op::Tanh(_)
    )
}

/// Puts a rectifier in the place of every operator of some kinds; how many those were.
fn rectify(graph: &mut Graph, kinds: &[OperatorKind], op: &Op) -> usize {
    let ids: Vec<OperatorId> = graph
        .operators
        .iter()
        .filter(|(_, it)| kinds.contains(&it.kind()) && is_bent(&it.op))
        .map(|(id, _)| id)
        .collect();
    for &id in &ids {
        graph.operators[id].op = op.clone();
        graph.operators[id].inputs.truncate(1);
    }
    ids.len()
}

/// The model without the softmax that makes its last result.
fn last_softmax(setting: &Setting) -> Option<Candidate> {
    let mut graph = setting.model.main_graph().clone();
    let &[output] = graph.outputs.as_slice() else { return None };
    let (id, operator) = graph.operators.iter().next_back()?;
    if !matches!(operator.op, Op::Softmax(_)) || operator.outputs.first() != Some(&output) {
        return None;
    }
    let place = graph.operator_name(id);
    let input = operator.input(0).filter(|input| !graph.inputs.contains(input))?;
    graph.outputs = vec![input];
    edit::replace_operator(&mut graph, id, Vec::new());
    Some(Candidate {
        kind: Kind::SupportedActivation,
        place,
        change: "the last softmax is left to who reads the output".to_owned(),
        keeps: Keeps::Nothing(Weights::Kept),
        notes: vec!["the greatest output stays the greatest; outputs are no probabilities".into()],
        edit: Edit::Model(edit::verified(&setting.model, graph)?),
    })
}
