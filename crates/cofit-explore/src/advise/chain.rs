//! The cheapest row of suggestions after which a model fits.
//!
//! Best-first search over settings that were reached by suggestions: the next setting to go on from
//! is the one with the lowest sum of costs ([`Keeps::cost`](super::Keeps::cost)), of equal ones the one
//! closest to its limits, and the fastest of those. Only suggestions that bring the setting closer to
//! its limits are followed. Once half of the evaluations are spent, the setting that is closest goes on
//! first, so that the search ends with an answer more often.

use cofit_vocab::Diagnostics;

use super::{Figures, Kind, Options, Setting, Suggestion, apply, candidates};
use crate::advise::Found;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The model fits as it is.
    Fits,
    /// A chain was found; no cheaper one that comes closer with every step exists.
    Cheapest,
    /// A chain was found; a cheaper one may exist, because the evaluations ran short.
    Found,
    /// No suggestion brings any setting that was reached closer.
    None,
    /// The evaluations ran out.
    OutOfEvaluations,
}

/// A row of suggestions.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The steps in the order in which they are applied; each was simulated after those before it.
    /// Without an answer, the steps that come closest.
    pub steps: Vec<Suggestion>,
    /// The sum of the steps' costs.
    pub cost: u32,
    /// How the search ended.
    pub ending: Ending,
    /// Candidates that were tried.
    pub tried: usize,
    /// The figures before the first step.
    pub before: Figures,
}

/// A setting that was reached.
struct Node {
    /// The step that led here and the node before it.
    step: Option<(Suggestion, usize)>,
    cost: u32,
    figures: Figures,
    is_open: bool,
}

/// Longest chain. Nobody follows longer advice, and settings at that depth seldom differ.
const MOST_STEPS: usize = 8;

/// Looks for the cheapest chain after which the setting fits.
///
/// # Errors
/// A plan that breaks its own rules, which is a mistake of cofit.
pub fn until_fits(setting: &Setting, options: &Options) -> Result<Chain, Diagnostics> {
    let before = setting.figures();
    let is_fit = before.fits();
    let mut nodes = vec![Node { step: None, cost: 0, figures: before.clone(), is_open: true }];
    let mut tried = 0;
    let mut is_cheapest = true;
    let ending = loop {
        if is_fit {
            break Ending::Fits;
        }
        let hurries = tried * 2 >= options.most_evaluations;
        let Some(at) = next(&nodes, hurries) else {
            break if tried >= options.most_evaluations {
                Ending::OutOfEvaluations
            } else {
                Ending::None
            };
        };
        if nodes[at].figures.fits() {
            break if is_cheapest { Ending::Cheapest } else { Ending::Found };
        }
        is_cheapest &= !hurries;
        nodes[at].is_open = false;
        if steps_to(&nodes, at).len() >= MOST_STEPS {
            continue;
        }
        let from = match &nodes[at].step {
            None => setting.clone(),
            Some((Suggestion { setting: Some(reached), .. }, _)) => (**reached).clone(),
            Some((Suggestion { setting: None, .. }, _)) => continue,
        };
        let here = nodes[at].figures.clone();
        let done: Vec<Kind> = steps_to(&nodes, at).iter().map(|it| it.candidate.kind).collect();
        for &kind in Kind::ALL.iter().filter(|&&kind| options.wants(kind)) {
            // A target is chosen once; the second choice would undo the first.
            if kind.group() == super::Group::Target && done.contains(&kind) {
                continue;
            }
            let mut found = Found::default();
            candidates(&from, kind, &mut found);
            for candidate in found.candidates {
                if tried >= options.most_evaluations {
                    is_cheapest = false;
                    break;
                }
                tried += 1;
                let suggestion = apply(&from, candidate)?;
                let figures = suggestion.after.clone();
                let is_closer =
                    figures.helps(&here) && (figures.fits() || figures.excess < here.excess);
                let cost = nodes[at].cost + suggestion.cost();
                // The same figures by a cheaper way make this one needless.
                let is_known =
                    nodes.iter().any(|node| node.cost <= cost && node.figures == figures);
                if is_closer && !is_known {
                    nodes.push(Node { step: Some((suggestion, at)), cost, figures, is_open: true });
                }
            }
        }
    };
    let key = |node: &Node| (node.figures.violations, node.figures.excess, node.cost);
    let best = match ending {
        Ending::Fits => 0,
        Ending::Cheapest | Ending::Found => next(&nodes, !is_cheapest).unwrap_or(0),
        Ending::None | Ending::OutOfEvaluations => (0..nodes.len())
            .min_by(|&a, &b| {
                let (a, b) = (key(&nodes[a]), key(&nodes[b]));
                a.1.total_cmp(&b.1).then((a.0, a.2).cmp(&(b.0, b.2)))
            })
            .unwrap_or(0),
    };
    let steps = steps_to(&nodes, best).into_iter().cloned().collect();
    Ok(Chain { steps, cost: nodes[best].cost, ending, tried, before })
}

/// The open node to go on from.
fn next(nodes: &[Node], hurries: bool) -> Option<usize> {
    let open = nodes.iter().enumerate().filter(|(_, node)| node.is_open);
    let chosen = open.min_by(|(_, a), (_, b)| {
        let by_cost = a.cost.cmp(&b.cost);
        let by_excess = a.figures.excess.total_cmp(&b.figures.excess);
        // What fits has no excess, so that it also comes first in a hurry.
        let order = if hurries { by_excess.then(by_cost) } else { by_cost.then(by_excess) };
        order.then(a.figures.time().total_cmp(&b.figures.time()))
    });
    chosen.map(|(at, _)| at)
}

/// The steps that lead to a node, the first first.
fn steps_to(nodes: &[Node], mut at: usize) -> Vec<&Suggestion> {
    let mut steps = Vec::new();
    while let Some((step, before)) = &nodes[at].step {
        steps.push(step);
        at = *before;
    }
    steps.reverse();
    steps
}
