//! `channel-multiple`: a layer's channels become a multiple that the engine computes at once.
//!
//! An engine that computes 16 channels at once takes as long for 17 as for 32. Which multiple counts
//! is not read off the card: the widths at multiples of 4, 8, 16, 32 and 64 below the layer's own are
//! simulated, and the step down is one to a multiple if it saves more than its share of the width
//! promises, by what a second step of the same size saves.
//!
//! Wider layers are not offered: none of cofit's figures gets better by them.

use crate::advise::channels::{Class, Classes, narrow};
use crate::advise::{Candidate, Edit, Figures, Found, Keeps, Kind, Setting, Weights, edit};
use crate::evaluate;

/// Layers that are tried.
const MOST_SITES: usize = 8;
/// Channels that one step takes away at most, as a share of the layer's.
const MOST_DROPPED: f64 = 0.25;
/// Share of the cycles that the first step has to save.
const LEAST_SAVED: f64 = 0.01;
/// How much more than a second step the first has to save.
const LEAST_GAIN: f64 = 1.5;

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let classes = Classes::of(setting.model.main_graph());
    for class in classes.free().take(MOST_SITES) {
        let mut tried = Vec::new();
        for multiple in [4, 8, 16, 32, 64] {
            let width = class.channels / multiple * multiple;
            let dropped = class.channels - width;
            let is_small = f64::from(dropped) <= MOST_DROPPED * f64::from(class.channels);
            if width == 0 || dropped == 0 || !is_small || tried.contains(&width) {
                continue;
            }
            tried.push(width);
            found.candidates.extend(candidate(setting, class, width));
        }
    }
}

/// The step down to `width`, if it is one to a multiple.
fn candidate(setting: &Setting, class: &Class, width: u32) -> Option<Candidate> {
    let dropped = class.channels - width;
    let first = cut(setting, class, width)?;
    let cycles = |model| -> Option<f64> {
        let evaluation = evaluate(model, &setting.chip, &setting.budget).ok()?;
        Figures::of(&evaluation, &setting.chip).cycles.map(|cycles| cycles as f64)
    };
    let (whole, one) = (setting.figures().cycles? as f64, cycles(&first.0)?);
    let saved = whole - one;
    if saved < LEAST_SAVED * whole {
        return None;
    }
    let second = cut(setting, class, width.checked_sub(dropped).filter(|&it| it > 0)?)?;
    let next = one - cycles(&second.0)?;
    if saved < LEAST_GAIN * next {
        return None;
    }
    let weights = if first.1 { Weights::Pruned } else { Weights::Absent };
    Some(Candidate {
        kind: Kind::ChannelMultiple,
        place: class.name.clone(),
        change: format!("{} channels -> {width}", class.channels),
        keeps: Keeps::Nothing(weights),
        notes: Vec::new(),
        edit: Edit::Model(first.0),
    })
}

/// The model with fewer channels, and whether they were chosen by their weights.
fn cut(setting: &Setting, class: &Class, width: u32) -> Option<(cofit_ir::Verified, bool)> {
    let mut graph = setting.model.main_graph().clone();
    let is_chosen = narrow(&mut graph, class, width).ok()?;
    Some((edit::verified(&setting.model, graph)?, is_chosen))
}
