//! Putting it together: bounds and first fit on every part, the exact search where they disagree.

use std::ops::Range;

use crate::bound::{Certificate, part_bound};
use crate::first_fit::{Conflicts, Fit, Order, fixed_collision, place, place_by_start};
use crate::instance::Instance;
use crate::problem::{Budget, Decision, PackError, Problem, Solution};
use crate::search::{Outcome, Part, Search};

/// Heights beyond this are not searched exactly, so that sums in the search cannot overflow.
const HIGHEST_SEARCHED: u64 = 1 << 61;

/// One part on the way to its layout.
struct Draft<'a> {
    range: Range<usize>,
    bound: Certificate,
    /// Offsets in units, by item of the part.
    offsets: Vec<u64>,
    /// Height in bytes.
    height: u64,
    /// What the rules found out about the part, where they did not reach their goal.
    conflicts: Option<Conflicts<'a>>,
}

/// Finds a low layout and a lower bound.
///
/// Parts that share no instant are solved independently. Each is first placed by rule; parts that
/// end above the bound of the whole problem are then searched exactly, until their bound is
/// reached, a lower layout is refuted, or the budget is spent. The layout in hand is always
/// valid.
///
/// # Errors
///
/// [`PackError`] where no layout exists at any height. [`Problem::capacity`] is not looked at.
///
/// ```
/// use cofit_pack::{Budget, Buffer, Problem, solve_minimise};
/// let buffers = vec![Buffer::new(0, 2, 10), Buffer::new(1, 3, 20), Buffer::new(2, 4, 10)];
/// let problem = Problem { buffers, capacity: None };
/// let solution = solve_minimise(&problem, Budget::STANDARD)?;
/// assert_eq!(solution.height, 30);
/// assert!(solution.proven_optimal);
/// # Ok::<(), cofit_pack::PackError>(())
/// ```
pub fn solve_minimise(problem: &Problem, budget: Budget) -> Result<Solution, PackError> {
    let instance = Instance::new(problem)?;
    let mut bound = 0;
    let mut bounds = Vec::with_capacity(instance.parts.len());
    for part in &instance.parts {
        let own = part_bound(&instance, part)?;
        bound = own.bound.max(bound);
        bounds.push(own);
    }
    let mut scratch = Scratch::default();
    let mut drafts = Vec::with_capacity(bounds.len());
    for (range, own) in instance.parts.iter().zip(bounds) {
        drafts.push(draft(&instance, range, own, bound, &mut scratch)?);
    }
    // The parts with the most to prove first: the others need not be lower than what those reach.
    let mut by_bound: Vec<usize> = (0..drafts.len()).collect();
    by_bound.sort_by_key(|&i| std::cmp::Reverse(drafts[i].bound.bound));
    let mut nodes_left = budget.nodes;
    let mut height = 0;
    for &i in &by_bound {
        let draft = &mut drafts[i];
        let goal = bound.max(height);
        if draft.height > goal {
            let proven = improve(&instance, draft, goal, &mut nodes_left);
            bound = bound.max(proven);
        }
        height = draft.height.max(height);
    }
    let nodes = budget.nodes - nodes_left;
    Ok(assemble(problem, &instance, &drafts, height, bound, nodes))
}

/// Decides whether a layout of at most `capacity` bytes exists. [`Problem::capacity`] is not
/// looked at.
///
/// # Errors
///
/// [`PackError`] where no layout exists at any height.
pub fn decide(problem: &Problem, capacity: u64, budget: Budget) -> Result<Decision, PackError> {
    let instance = Instance::new(problem)?;
    let mut bound = Certificate::default();
    let mut bounds = Vec::with_capacity(instance.parts.len());
    for part in &instance.parts {
        let own = part_bound(&instance, part)?;
        if own.bound > bound.bound {
            bound = own;
        }
        bounds.push(own);
    }
    if bound.bound > capacity {
        return Ok(Decision::ExceedsBound(bound));
    }
    let mut scratch = Scratch::default();
    let mut drafts = Vec::with_capacity(bounds.len());
    let mut nodes_left = budget.nodes;
    let mut height = 0;
    for (range, own) in instance.parts.iter().zip(bounds) {
        let mut draft = draft(&instance, range, own, capacity, &mut scratch)?;
        if draft.height > capacity {
            let searched = Searched::new(&instance, &draft);
            let share = nodes_left;
            match searched.run(&instance, &mut draft, capacity, share, &mut nodes_left) {
                Outcome::Found => {}
                Outcome::Refuted => {
                    return Ok(Decision::Exhausted { nodes: budget.nodes - nodes_left });
                }
                Outcome::OutOfNodes => {
                    return Ok(Decision::Unknown { nodes: budget.nodes - nodes_left });
                }
            }
        }
        height = draft.height.max(height);
        drafts.push(draft);
    }
    let nodes = budget.nodes - nodes_left;
    Ok(Decision::Fits(assemble(problem, &instance, &drafts, height, bound.bound, nodes)))
}

#[derive(Default)]
struct Scratch {
    urgency: Vec<u64>,
    order: Vec<u32>,
    offsets: Vec<u64>,
}

/// The most units live at an instant of each item's life.
fn urgency(instance: &Instance, range: &Range<usize>, urgency: &mut Vec<u64>) {
    let items = &instance.items[range.clone()];
    urgency.clear();
    urgency.resize(items.len(), 0);
    instance.sweep(range, |_, live| {
        let units = live.iter().fold(0u64, |sum, &i| sum.saturating_add(items[i as usize].size));
        for &i in live {
            let most = &mut urgency[i as usize];
            *most = units.max(*most);
        }
    });
}

/// Places a part by rule, stopping at the first layout no higher than `goal`.
fn draft<'a>(
    instance: &'a Instance,
    range: &Range<usize>,
    bound: Certificate,
    goal: u64,
    scratch: &mut Scratch,
) -> Result<Draft<'a>, PackError> {
    let items = &instance.items[range.clone()];
    let mut draft = Draft {
        range: range.clone(),
        bound,
        offsets: Vec::new(),
        height: u64::MAX,
        conflicts: None,
    };
    if let [item] = items {
        let offset = item.fixed.unwrap_or(0);
        draft.offsets.push(offset);
        let error = PackError::AddressRange { buffer: item.buffer };
        draft.height = instance.top(item, offset).ok_or(error)?;
        return Ok(draft);
    }
    let conflicts = Conflicts::new(instance, range);
    if let Some((first, second)) = fixed_collision(&conflicts) {
        return Err(PackError::FixedCollision { first, second });
    }
    if !conflicts.are_stored() {
        let error = PackError::AddressRange { buffer: items[items.len() - 1].buffer };
        draft.height = place_by_start(&conflicts, &mut draft.offsets).ok_or(error)?;
        return Ok(draft);
    }
    scratch.urgency.clear();
    let first = Order::ALL.map(|order| (order, Fit::First));
    for (order, fit) in first.into_iter().chain([(Order::Size, Fit::Best)]) {
        if scratch.urgency.is_empty() && matches!(order, Order::Urgency) {
            urgency(instance, range, &mut scratch.urgency);
        }
        order.sort(items, &scratch.urgency, &mut scratch.order);
        let placed = place(&conflicts, &scratch.order, fit, &mut scratch.offsets);
        if let Some(height) = placed
            && (height < draft.height || draft.offsets.is_empty())
        {
            draft.height = height;
            std::mem::swap(&mut draft.offsets, &mut scratch.offsets);
        }
        if draft.height <= goal && !draft.offsets.is_empty() {
            return Ok(draft);
        }
    }
    draft.conflicts = Some(conflicts);
    if draft.offsets.is_empty() {
        let buffer = items.iter().map(|item| item.buffer).max().unwrap_or(0);
        return Err(PackError::AddressRange { buffer });
    }
    Ok(draft)
}

/// A part made ready for the exact search, with the orders that it races.
struct Searched {
    part: Option<Part>,
    orders: Vec<Vec<u32>>,
}

impl Searched {
    fn new(instance: &Instance, draft: &Draft<'_>) -> Self {
        let part = draft.conflicts.as_ref().and_then(|it| Part::new(instance, &draft.range, it));
        let mut scratch = Vec::new();
        urgency(instance, &draft.range, &mut scratch);
        let items = &instance.items[draft.range.clone()];
        // Each order is descending. The first is one that minimalloc races by default
        // (google/minimalloc, README.md, `preordering_heuristics`).
        let duration = |item: &crate::instance::Item| item.end - item.start;
        let key = |which: usize, i: u32| {
            let item = &items[i as usize];
            let width = u128::from(duration(item));
            let area = u128::from(item.size) * width;
            let crowd = u128::from(scratch[i as usize]);
            match which {
                0 => [width, area, crowd],
                1 => [u128::from(item.start), area, crowd],
                2 => [u128::from(u64::MAX - item.end), area, crowd],
                _ => [area, crowd, width],
            }
        };
        let orders = (0..4)
            .map(|which| {
                let mut order: Vec<u32> = (0..items.len() as u32).collect();
                order.sort_by_key(|&i| std::cmp::Reverse(key(which, i)));
                order
            })
            .collect();
        Self { part, orders }
    }

    /// Searches for a layout no higher than `height` bytes, and puts it into the draft.
    fn run(
        &self,
        instance: &Instance,
        draft: &mut Draft<'_>,
        height: u64,
        share: u64,
        nodes_left: &mut u64,
    ) -> Outcome {
        let Some(part) = self.part.as_ref().filter(|_| height < HIGHEST_SEARCHED) else {
            return Outcome::OutOfNodes;
        };
        let items = &instance.items[draft.range.clone()];
        let mut search = Search::new(part, |i| instance.limit(&items[i], height));
        let share = share.min(*nodes_left);
        // Search effort is heavy-tailed, so the orders are raced in rounds of growing length.
        let mut round = 3 * items.len() as u64 / 2;
        let mut outcome = Outcome::OutOfNodes;
        'race: while search.nodes < share {
            for order in &self.orders {
                outcome = search.run(order, round.min(share - search.nodes));
                if outcome != Outcome::OutOfNodes || search.nodes >= share {
                    break 'race;
                }
            }
            round = round.saturating_mul(2);
        }
        *nodes_left -= search.nodes.min(*nodes_left);
        if outcome == Outcome::Found {
            draft.offsets = search.offsets;
            draft.height = items
                .iter()
                .zip(&draft.offsets)
                .filter_map(|(item, &offset)| instance.top(item, offset))
                .max()
                .unwrap_or(0);
        }
        outcome
    }
}

/// Nodes of the first attempt at a height, per item: several rounds of every order.
const ATTEMPT_PER_ITEM: u64 = 12;

/// Lowers a draft towards `goal` and gives the lower bound proven for it.
///
/// The goal is tried first, since it is reached more often than not; then the heights between
/// what is refuted or seems out of reach and what is in hand, by halving. What the budget leaves
/// goes into the same again with longer attempts.
fn improve(instance: &Instance, draft: &mut Draft<'_>, goal: u64, nodes_left: &mut u64) -> u64 {
    let mut proven = draft.bound.bound;
    if *nodes_left == 0 || draft.conflicts.is_none() {
        return proven;
    }
    let searched = Searched::new(instance, draft);
    let mut attempt = ATTEMPT_PER_ITEM * draft.range.len() as u64;
    let mut target = goal;
    let mut hopeless = goal;
    while hopeless < draft.height && *nodes_left > 0 {
        let nodes_before = *nodes_left;
        match searched.run(instance, draft, target, attempt, nodes_left) {
            Outcome::Found => {}
            Outcome::Refuted => {
                proven = proven.max(target.saturating_add(1));
                hopeless = hopeless.max(target.saturating_add(1));
            }
            // A part that cannot be searched costs nothing and never ends.
            Outcome::OutOfNodes if *nodes_left == nodes_before => break,
            Outcome::OutOfNodes => hopeless = hopeless.max(target.saturating_add(1)),
        }
        if hopeless >= draft.height {
            hopeless = goal.max(proven);
            target = hopeless;
            attempt = attempt.saturating_mul(4);
        } else {
            target = hopeless + (draft.height - 1 - hopeless) / 2;
        }
    }
    proven.min(draft.height)
}

fn assemble(
    problem: &Problem,
    instance: &Instance,
    drafts: &[Draft<'_>],
    height: u64,
    bound: u64,
    nodes: u64,
) -> Solution {
    let mut offsets: Vec<u64> =
        problem.buffers.iter().map(|buffer| buffer.fixed.unwrap_or(0)).collect();
    for draft in drafts {
        for (item, &offset) in instance.items[draft.range.clone()].iter().zip(&draft.offsets) {
            offsets[item.buffer] = offset.saturating_mul(instance.unit);
        }
    }
    let lower_bound = bound.min(height);
    Solution { offsets, height, lower_bound, proven_optimal: height == lower_bound, nodes }
}
