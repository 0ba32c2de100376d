//! `narrow-width`: every layer between input and output gets fewer channels.
//!
//! The width multiplier of MobileNets (A. G. Howard et al., 2017, section 3.3), laid over a network
//! that is there: three quarters and half of the channels of every layer whose width nothing outside
//! fixes, in multiples of 8 where there are that many. Those with the least weights go.

use crate::advise::channels::{Class, Classes, narrow};
use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, Weights, edit};

/// Widths that are tried, in quarters.
const QUARTERS: [u32; 2] = [3, 2];

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    let classes: Vec<Class> = Classes::of(graph).free().cloned().collect();
    for quarters in QUARTERS {
        let mut changed = graph.clone();
        let mut count = 0usize;
        let mut is_chosen = true;
        for class in &classes {
            let width = width(class.channels, quarters);
            if width == class.channels {
                continue;
            }
            let mut next = changed.clone();
            match narrow(&mut next, class, width) {
                Ok(chosen) => {
                    is_chosen &= chosen;
                    count += 1;
                    changed = next;
                }
                Err(reason) => found.refuse(Kind::NarrowWidth, reason),
            }
        }
        let Some(model) = edit::verified(&setting.model, changed).filter(|_| count > 0) else {
            continue;
        };
        let weights = if is_chosen { Weights::Pruned } else { Weights::Absent };
        let plural = if count == 1 { "" } else { "s" };
        found.candidates.push(Candidate {
            kind: Kind::NarrowWidth,
            place: format!("{count} width{plural}"),
            change: format!("channels x {:.2}", f64::from(quarters) / 4.0),
            keeps: Keeps::Nothing(weights),
            notes: Vec::new(),
            edit: Edit::Model(model),
        });
    }
}

/// So many quarters of a width, rounded to multiples of 8 where it has at least 16.
fn width(channels: u32, quarters: u32) -> u32 {
    let exact = u64::from(channels) * u64::from(quarters) / 4;
    let step = if channels >= 16 { 8 } else { 1 };
    let rounded = (exact + step / 2) / step * step;
    u32::try_from(rounded.max(step)).unwrap_or(channels).min(channels)
}
