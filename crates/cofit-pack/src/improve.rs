//! Lowering the layout of a part, and raising its bound, by exact searches.

use crate::draft::Draft;
use crate::instance::Instance;
use crate::race::Race;
use crate::search::Outcome;

/// Nodes of the first attempt at a height, per item: several rounds of every order.
const ATTEMPT_PER_ITEM: u64 = 12;

/// A height that was searched through without finding a layout.
#[derive(Clone, Debug)]
pub(crate) struct Exhausted {
    /// The items that have no layout of this height, as indices from the start of the part.
    pub items: Vec<u32>,
    /// The height in bytes.
    pub height: u64,
    /// Nodes that this took.
    pub nodes: u64,
}

/// Lowers a draft towards `goal` and gives the greatest height refuted. `lowered` is called with
/// every layout that is lower than the ones before.
///
/// The goal is tried first, since it is reached more often than not; then the heights between
/// what is refuted or seems out of reach and what is in hand, by halving. What the budget leaves
/// goes into the same again with longer attempts.
pub(crate) fn improve(
    instance: &Instance,
    draft: &mut Draft<'_>,
    goal: u64,
    nodes_left: &mut u64,
    lowered: &mut dyn FnMut(&Draft<'_>, u64),
) -> Option<Exhausted> {
    if *nodes_left == 0 || draft.conflicts.is_none() {
        return None;
    }
    let race = Race::new(instance, draft);
    let mut refuted = None;
    let mut attempt = ATTEMPT_PER_ITEM * draft.range.len() as u64;
    let mut target = goal;
    let mut least = goal;
    let mut hopeless = goal;
    while hopeless < draft.height && *nodes_left > 0 {
        let found = race.run(instance, draft, target, attempt.min(*nodes_left));
        *nodes_left -= found.nodes.min(*nodes_left);
        match found.outcome {
            Outcome::Found => {
                draft.adopt(instance, found.offsets);
                lowered(draft, *nodes_left);
            }
            Outcome::Refuted => {
                let items = (0..draft.range.len() as u32).collect();
                refuted = Some(Exhausted { items, height: target, nodes: found.nodes });
                least = target.saturating_add(1);
                hopeless = hopeless.max(least);
            }
            // A part that cannot be searched costs nothing and never ends.
            Outcome::OutOfNodes if found.nodes == 0 => break,
            Outcome::OutOfNodes => hopeless = hopeless.max(target.saturating_add(1)),
        }
        if hopeless >= draft.height {
            hopeless = least;
            target = least;
            attempt = attempt.saturating_mul(4);
        } else {
            target = hopeless + (draft.height - 1 - hopeless) / 2;
        }
    }
    refuted
}
