//! Which contents lie in which memory: an exact search for the least cost.
//!
//! An [`Item`] is something that needs bytes: an activation, a copy of weights. It has
//! [`Choice`]s, each with a cost and with the bytes it takes of which memory for how long: all of
//! its life in one memory, or some of it in a fast one and the rest in a slow one. One choice of
//! every item is wanted, so that the costs add up to the least and every memory's bytes can be
//! laid out within its room.
//!
//! The search is a branch and bound over the items. A choice is tried only where the bytes live at
//! once stay within the room; a complete assignment counts only when [`cofit_pack`] has laid it
//! out. What the rest must cost at least is bounded: where more bytes are live than
//! the fastest memories have, some must leave, and leaving has a price per byte. Effort is counted
//! in nodes, so equal questions have equal answers; where the nodes run out, the answer states the
//! best assignment found and a bound below which none exists.

mod bound;
mod local;
mod room;
mod ways;

use cofit_pack::{Budget, Problem};
use smallvec::SmallVec;

use self::bound::Bounder;
use self::room::Room;
use self::ways::Ways;

/// A memory as the search sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Bytes that the contents may reach.
    pub capacity: u64,
    /// Bytes of the largest single content.
    pub block: u64,
    /// Every content lies at a multiple of it; at least 1.
    pub alignment: u64,
}

/// Bytes of one memory for some instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The memory, as a position in [`Question::regions`].
    pub region: usize,
    /// The first instant at which the bytes are taken.
    pub begin: u64,
    /// The last instant at which the bytes are taken.
    pub end: u64,
    /// How many.
    pub bytes: u64,
}

/// One way to place an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What it takes.
    pub extents: SmallVec<[Extent; 1]>,
    /// What it costs, in any unit.
    pub cost: u128,
}

/// Something to be placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The ways to place it. An item without one makes the question unanswerable.
    pub choices: Vec<Choice>,
}

/// What is to be placed, and where there is room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The memories, the cheapest first.
    pub regions: Vec<Region>,
    /// What is to be placed.
    pub items: Vec<Item>,
    /// Nodes that the search may visit.
    pub nodes: u64,
}

/// The best assignment that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The position of every item's choice.
    pub chosen: Vec<usize>,
    /// What the choices cost together.
    pub cost: u128,
    /// No assignment costs less.
    pub lower_bound: u128,
    /// Nodes visited.
    pub nodes: u64,
}

/// Why there is no assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// None fits: the search looked at every case.
    Impossible,
    /// The nodes ran out before one was found.
    NotFound,
}

/// Costs beyond this are taken to be this, so that sums and ratios of them cannot overflow.
const HIGHEST_COST: u128 = 1 << 80;

/// Nodes that the packing of one memory may take. Few do where the bytes live at once fit.
const LAYOUT_BUDGET: Budget = Budget { nodes: 500 };

/// Layouts that are tried before the search gives up proving: assignments whose bytes fit at every
/// instant can nearly always be laid out.
const LAYOUTS: u64 = 64;

/// Questions with more undecided items than this are only bounded: each is a level of recursion.
const MOST_ITEMS: usize = 600;

/// Finds the assignment of least cost. `known` is an assignment to improve on, if one is at hand;
/// one that does not fit is disregarded.
///
/// # Errors
///
/// [`NoAnswer`] where the search found no assignment that fits.
pub fn solve(question: &Question, known: Option<&[usize]>) -> Result<Answer, NoAnswer> {
    if question.items.iter().any(|item| item.choices.is_empty()) {
        return Err(NoAnswer::Impossible);
    }
    let ways = Ways::of(question);
    let mut search = Search {
        question,
        ways: &ways,
        bounder: Bounder::new(&ways, question.regions.len()),
        room: Room::new(question, &ways),
        best: None,
        nodes_left: question.nodes,
        layouts_left: LAYOUTS,
        missed: None,
        chosen: vec![0; question.items.len()],
    };
    for known in known.into_iter().map(<[usize]>::to_vec) {
        search.offer(&known);
        if let Some(better) = local::improve(question, &ways, &known) {
            search.offer(&better);
        }
    }
    let order = search.order();
    let is_fixed = |at: &&usize| question.items[**at].choices.len() == 1;
    let fixed = order.iter().take_while(is_fixed).count();
    let mut spent = 0;
    for &at in &order[..fixed] {
        let way = ways.items[at].ways[0].as_ref().ok_or(NoAnswer::Impossible)?;
        if !search.room.take(way) {
            return Err(NoAnswer::Impossible);
        }
        spent += way.price;
    }
    let free = &order[fixed..];
    let root = search.bounder.root(&search.room, free);
    let root = root.ok_or(NoAnswer::Impossible)?.saturating_add(spent);
    if free.len() <= MOST_ITEMS {
        search.visit(free, 0, spent);
    } else {
        search.miss(root);
    }
    let nodes = question.nodes - search.nodes_left;
    // Branches that were given up could hold anything from their own bound upwards.
    let missed = search.missed;
    let Some((cost, chosen)) = search.best else {
        return Err(if missed.is_some() { NoAnswer::NotFound } else { NoAnswer::Impossible });
    };
    let lower_bound = missed.map_or(cost, |missed| missed.min(cost)).max(root.min(cost));
    Ok(Answer { chosen, cost, lower_bound, nodes })
}

/// What an assignment costs.
fn cost(question: &Question, chosen: &[usize]) -> u128 {
    question.items.iter().zip(chosen).map(|(item, &at)| price(&item.choices[at])).sum()
}

/// The cost of a choice, within what the search can add up.
fn price(choice: &Choice) -> u128 {
    choice.cost.min(HIGHEST_COST)
}

/// Whether an assignment has a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Found,
    Impossible,
    NotFound,
}

struct Search<'a> {
    question: &'a Question,
    ways: &'a Ways,
    bounder: Bounder<'a>,
    room: Room,
    best: Option<(u128, Vec<usize>)>,
    nodes_left: u64,
    layouts_left: u64,
    /// The least bound of what was left unexplored.
    missed: Option<u128>,
    chosen: Vec<usize>,
}

impl Search<'_> {
    /// The items, those first whose choice matters most.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.question.items.len()).collect();
        // What an item has to lose, for every byte and instant that it takes.
        let regret = |at: &usize| {
            let choices = &self.question.items[*at].choices;
            let costs = choices.iter().map(price);
            let least = costs.clone().min().unwrap_or(0);
            let extents = choices.iter().flat_map(|choice| &choice.extents);
            let size = extents.map(|it| {
                it.bytes.saturating_mul(it.end.saturating_sub(it.begin).saturating_add(1))
            });
            (costs.max().unwrap_or(0) - least) * 1024 / u128::from(size.max().unwrap_or(1).max(1))
        };
        // What has one choice comes first: it takes its room whatever else is decided.
        order.sort_by_key(|at| {
            (self.question.items[*at].choices.len() > 1, std::cmp::Reverse(regret(at)), *at)
        });
        order
    }

    /// Explores every choice of `order[depth]` under the choices made so far, which cost `spent`.
    fn visit(&mut self, order: &[usize], depth: usize, spent: u128) {
        let limit = self.best.as_ref().map_or(u128::MAX, |(cost, _)| *cost);
        let Some(&item) = order.get(depth) else {
            self.finish(spent);
            return;
        };
        let Some(rest) =
            self.bounder.bound(&self.room, &order[depth..], limit.saturating_sub(spent))
        else {
            return;
        };
        let bound = rest.saturating_add(spent);
        if bound >= limit {
            return;
        }
        if self.nodes_left == 0 {
            self.miss(bound);
            return;
        }
        self.nodes_left -= 1;
        let ways = self.ways;
        for (at, way) in ways.items[item].cheapest_first() {
            if self.room.take(way) {
                self.chosen[item] = at;
                self.visit(order, depth + 1, spent + way.price);
                self.room.give_back(way);
            }
        }
    }

    /// A complete assignment: an answer if it can be laid out.
    fn finish(&mut self, spent: u128) {
        if self.best.as_ref().is_some_and(|(cost, _)| *cost <= spent) {
            return;
        }
        if self.layouts_left == 0 {
            self.miss(spent);
            return;
        }
        self.layouts_left -= 1;
        match self.has_layout(&self.chosen) {
            Layout::Found => self.best = Some((spent, self.chosen.clone())),
            Layout::Impossible => {}
            Layout::NotFound => self.miss(spent),
        }
    }

    fn miss(&mut self, bound: u128) {
        self.missed = Some(self.missed.map_or(bound, |missed| missed.min(bound)));
    }

    /// Takes a complete assignment from elsewhere, if it can be laid out and is the best so far.
    fn offer(&mut self, chosen: &[usize]) {
        if chosen.len() != self.question.items.len() || self.has_layout(chosen) != Layout::Found {
            return;
        }
        let cost = cost(self.question, chosen);
        if self.best.as_ref().is_none_or(|(best, _)| cost < *best) {
            self.best = Some((cost, chosen.to_vec()));
        }
    }

    /// Whether every region's contents can be laid out.
    fn has_layout(&self, chosen: &[usize]) -> Layout {
        if chosen.len() != self.question.items.len() {
            return Layout::Impossible;
        }
        let mut worst = Layout::Found;
        for (at, region) in self.question.regions.iter().enumerate() {
            let extents = self.question.items.iter().zip(chosen).flat_map(|(item, &choice)| {
                item.choices.get(choice).into_iter().flat_map(|choice| &choice.extents)
            });
            let own: Vec<&Extent> = extents.filter(|extent| extent.region == at).collect();
            if own.iter().any(|extent| extent.bytes > region.block) {
                return Layout::Impossible;
            }
            match layout(region, &own) {
                Layout::Found => {}
                Layout::Impossible => return Layout::Impossible,
                Layout::NotFound => worst = Layout::NotFound,
            }
        }
        worst
    }
}

/// Whether `extents` can be laid out within a region.
fn layout(region: &Region, extents: &[&Extent]) -> Layout {
    let buffers = extents
        .iter()
        .map(|extent| {
            cofit_pack::Buffer::new(extent.begin, extent.end.saturating_add(1), extent.bytes)
                .aligned(region.alignment.max(1))
        })
        .collect();
    let problem = Problem { buffers, capacity: None };
    match cofit_pack::solve_minimise(&problem, LAYOUT_BUDGET) {
        Ok(solution) if solution.height <= region.capacity => Layout::Found,
        Ok(solution) if solution.lower_bound > region.capacity => Layout::Impossible,
        Ok(_) => Layout::NotFound,
        Err(_) => Layout::Impossible,
    }
}

#[cfg(test)]
mod tests;
