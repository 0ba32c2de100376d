//! A first layout of every part, by rule.

use std::ops::Range;

use crate::bound::Certificate;
use crate::first_fit::{Conflicts, Fit, Order, fixed_collision, place};
use crate::instance::Instance;
use crate::problem::PackError;
use crate::scan_fit::{mend, scan};
use crate::sweep_fit::{stack, sweep, sweeps};

/// A rule: the order of the items and the room that each takes.
pub(crate) type Rule = (Order, Fit);

/// The rule that succeeds most often on networks' tensors.
pub(crate) const QUICK: &[Rule] = &[(Order::Size, Fit::First)];

/// All rules, the most successful first.
pub(crate) const THOROUGH: &[Rule] = &[
    (Order::Size, Fit::First),
    (Order::Urgency, Fit::First),
    (Order::Area, Fit::First),
    (Order::Duration, Fit::First),
    (Order::Start, Fit::First),
    (Order::Size, Fit::Best),
];

/// Placed items looked at for a part with too many conflicts to list, beyond which no further
/// layout is begun: a second or two.
const MOST_WORK: u64 = 1_000_000_000;
/// Likewise for the layouts in order of time, which are there even where that is much more.
const MOST_SWEPT: u64 = 10 * MOST_WORK;

/// One part on the way to its layout.
pub(crate) struct Draft<'a> {
    /// The items of the part.
    pub range: Range<usize>,
    /// The bound of bytes live at one instant.
    pub bound: Certificate,
    /// Offsets in units, by item of the part.
    pub offsets: Vec<u64>,
    /// Height in bytes.
    pub height: u64,
    /// What the rules found out about the part, where they did not reach their goal.
    pub conflicts: Option<Conflicts<'a>>,
}

/// Room for [`draft`] to work in, kept from part to part.
#[derive(Default)]
pub(crate) struct Scratch {
    urgency: Vec<u64>,
    order: Vec<u32>,
    offsets: Vec<u64>,
}

/// The most units live at an instant of each item's life.
pub(crate) fn urgency(instance: &Instance, range: &Range<usize>, urgency: &mut Vec<u64>) {
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

/// Places a part by rules, stopping at the first layout no higher than `goal`.
pub(crate) fn draft<'a>(
    instance: &'a Instance,
    range: &Range<usize>,
    bound: Certificate,
    goal: u64,
    rules: &[Rule],
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
        place_many(&conflicts, goal, &mut draft, scratch);
        if draft.offsets.is_empty() {
            let buffer = items.iter().map(|item| item.buffer).max().unwrap_or(0);
            return Err(PackError::AddressRange { buffer });
        }
        return Ok(draft);
    }
    draft.conflicts = Some(conflicts);
    scratch.urgency.clear();
    draft.place(instance, goal, rules, scratch);
    if draft.offsets.is_empty() {
        draft.place(instance, goal, THOROUGH, scratch);
    }
    if draft.offsets.is_empty() {
        let buffer = items.iter().map(|item| item.buffer).max().unwrap_or(0);
        return Err(PackError::AddressRange { buffer });
    }
    if draft.height <= goal {
        draft.conflicts = None;
    }
    Ok(draft)
}

/// Places a part with too many conflicts to list in as many ways as are worth their time.
fn place_many(conflicts: &Conflicts<'_>, goal: u64, draft: &mut Draft<'_>, scratch: &mut Scratch) {
    let mut work = 0;
    for way in sweeps() {
        let placed = sweep(conflicts, way, &mut scratch.offsets, &mut work, MOST_SWEPT);
        if draft.lower(placed, scratch) && draft.height <= goal {
            return;
        }
    }
    if draft.offsets.is_empty() {
        let placed = stack(conflicts, &mut scratch.offsets);
        draft.lower(placed, scratch);
    }
    let most = 2 * MOST_WORK;
    let mut best_order = Vec::new();
    for order in [Order::Size, Order::Area, Order::Duration] {
        if work > MOST_WORK {
            return;
        }
        order.sort(conflicts.items(), &[], &mut scratch.order);
        let placed = scan(conflicts, &scratch.order, &mut scratch.offsets, &mut work, most);
        if draft.lower(placed, scratch) {
            if draft.height <= goal {
                return;
            }
            best_order.clone_from(&scratch.order);
        }
    }
    while !best_order.is_empty() && work <= MOST_WORK {
        mend(conflicts, goal, &draft.offsets, &mut best_order);
        let placed = scan(conflicts, &best_order, &mut scratch.offsets, &mut work, most);
        if draft.lower(placed, scratch) && draft.height <= goal {
            return;
        }
    }
}

impl Draft<'_> {
    /// Takes over the scratch's layout if it is lower. Tells whether it is.
    fn lower(&mut self, placed: Option<u64>, scratch: &mut Scratch) -> bool {
        let Some(height) = placed else { return false };
        let is_lower = height < self.height || self.offsets.is_empty();
        if is_lower {
            self.height = height;
            std::mem::swap(&mut self.offsets, &mut scratch.offsets);
        }
        is_lower
    }

    /// Tries rules and keeps the lowest layout, stopping at the first no higher than `goal`.
    pub fn place(&mut self, instance: &Instance, goal: u64, rules: &[Rule], scratch: &mut Scratch) {
        let Some(conflicts) = self.conflicts.take() else { return };
        let items = conflicts.items();
        for &(order, fit) in rules {
            if scratch.urgency.len() != items.len() && matches!(order, Order::Urgency) {
                urgency(instance, &self.range, &mut scratch.urgency);
            }
            order.sort(items, &scratch.urgency, &mut scratch.order);
            let placed = place(&conflicts, &scratch.order, fit, &mut scratch.offsets);
            self.lower(placed, scratch);
            if self.height <= goal && !self.offsets.is_empty() {
                break;
            }
        }
        self.conflicts = Some(conflicts);
    }

    /// Takes a layout over if it is lower.
    pub fn adopt(&mut self, instance: &Instance, offsets: Vec<u64>) {
        let items = &instance.items[self.range.clone()];
        let tops = items.iter().zip(&offsets).map(|(item, &offset)| instance.top(item, offset));
        let height = tops.map(|top| top.unwrap_or(u64::MAX)).max().unwrap_or(0);
        if height < self.height {
            self.height = height;
            self.offsets = offsets;
        }
    }
}
