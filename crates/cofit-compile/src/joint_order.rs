//! The order of steps whose packed height is lowest: order and layout decided together.
//!
//! The best peak of any order bounds every packed height from below, since both count bytes in the
//! same way ([`step_order`]). Nearly always a layout of the best order reaches its peak, and the
//! joint optimum is proved. Where it does not, the other orders whose peak is lower than the height
//! in hand are tried, those of the best peak first; if none is left, the height in hand is proved to
//! be the joint optimum although it stays above the bound.

use cofit_pack::{Budget, Buffer, Decision, Solution, decide, solve_minimise};
use cofit_vocab::Bytes;
use rustc_hash::FxHashSet;

use crate::plan::OrderProof;
use crate::step_order::{self, Executed, Problem, States, readers};

/// Complete orders that are packed before the search for a better one gives up.
pub const ORDER_LIMIT: u64 = 64;

/// Sets of executed steps that the search for other orders may enter.
const VISIT_LIMIT: u64 = 20_000;

/// Longest network for which other orders are tried; it bounds the depth of the search.
const STEP_LIMIT: usize = 500;

/// How the joint optimum was shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// The layout is as low as the best peak of any order.
    #[default]
    ByOrderBound,
    /// The layout is higher, and every order with a lower peak was shown to have no lower layout.
    ByExhaustion,
    /// It was not: a budget ran out.
    Open,
}

/// An order and a layout.
#[derive(Clone, Debug)]
pub struct Joint {
    /// Positions of the given steps, in the order to run them.
    pub order: Vec<usize>,
    /// How good the order is by its peak.
    pub proof: OrderProof,
    /// The address of every value; `None` for those that need no room.
    pub offsets: Vec<Option<u64>>,
    /// The packed height.
    pub height: Bytes,
    /// No layout of this order is lower.
    pub packing_bound: Bytes,
    /// No layout of any order is lower.
    pub lower_bound: Bytes,
    /// How that was shown.
    pub shown: Shown,
    /// Orders that were packed.
    pub orders: u64,
    /// Search nodes spent on packing.
    pub nodes: u64,
}

/// Finds the order and the layout of lowest height.
///
/// `None` where addresses would pass 2^64, which only sizes from a hostile file do.
pub fn solve(problem: &Problem) -> Option<Joint> {
    let best = step_order::solve(problem);
    from_order(problem, best)
}

/// Keeps the given order, and finds its layout of lowest height.
///
/// `None` where addresses would pass 2^64.
pub fn solve_as_given(problem: &Problem) -> Option<Joint> {
    let order: Vec<usize> = (0..problem.steps.len()).collect();
    let peak = step_order::peak_of(problem, &order);
    let proof = OrderProof { peak, lower_bound: peak, is_optimal: true, states: 0 };
    packed(problem, step_order::Solution { order, proof })
}

/// The layout of one order.
fn packed(problem: &Problem, solution: step_order::Solution) -> Option<Joint> {
    let (values, packing) = buffers(problem, &solution.order);
    let layout = solve_minimise(&packing, Budget::STANDARD).ok()?;
    let lower_bound = solution.proof.lower_bound;
    let shown = if layout.height <= lower_bound.get() { Shown::ByOrderBound } else { Shown::Open };
    Some(Joint {
        offsets: offsets(problem, &values, &layout),
        height: Bytes(layout.height),
        packing_bound: Bytes(layout.lower_bound),
        order: solution.order,
        proof: solution.proof,
        lower_bound,
        shown,
        orders: 1,
        nodes: layout.nodes,
    })
}

fn from_order(problem: &Problem, best: step_order::Solution) -> Option<Joint> {
    let mut joint = packed(problem, best)?;
    if joint.shown == Shown::ByOrderBound || problem.steps.len() > STEP_LIMIT {
        return Some(joint);
    }
    // Orders of the best peak first, then all whose peak leaves room below the height in hand.
    let mut is_exhausted = false;
    for is_wide in [false, true] {
        let mut others = Others {
            problem,
            states: States::new(problem),
            is_wide,
            joint: &mut joint,
            dead: FxHashSet::default(),
            visits: 0,
            nodes_left: Budget::STANDARD.nodes,
            is_complete: true,
        };
        let start = others.states.start();
        others.visit(&start, &mut Vec::new());
        is_exhausted = others.is_complete;
        if joint.height <= joint.lower_bound {
            joint.shown = Shown::ByOrderBound;
            return Some(joint);
        }
    }
    if is_exhausted {
        joint.lower_bound = joint.height;
        joint.shown = Shown::ByExhaustion;
    }
    Some(joint)
}

/// A walk over the orders that may have a lower layout than the one in hand.
struct Others<'a> {
    problem: &'a Problem,
    states: States<'a>,
    /// Whether peaks above the best one are let through.
    is_wide: bool,
    joint: &'a mut Joint,
    /// Sets from which no order leads to the end below the limit. Limits only fall.
    dead: FxHashSet<Executed>,
    visits: u64,
    /// Search nodes that packing may still spend, over all orders.
    nodes_left: u64,
    /// Whether every order was seen to the end.
    is_complete: bool,
}

impl Others<'_> {
    /// The largest load that is let through.
    fn limit(&self) -> Bytes {
        let below = self.joint.height.saturating_sub(Bytes(1));
        if self.is_wide { below } else { below.min(self.joint.proof.lower_bound) }
    }

    /// Goes through the orders that begin with `order`, which executed `executed`. Whether one of
    /// them reaches the end.
    fn visit(&mut self, executed: &Executed, order: &mut Vec<usize>) -> bool {
        if order.len() == self.problem.steps.len() {
            self.pack(order);
            return true;
        }
        if self.dead.contains(executed) {
            return false;
        }
        self.visits += 1;
        if self.visits > VISIT_LIMIT || self.joint.orders > ORDER_LIMIT {
            self.is_complete = false;
            return true;
        }
        let state = self.states.look(executed);
        let mut next = self.states.next(executed, &state);
        next.sort_by_key(|&(step, load)| (load, step));
        let mut reaches = false;
        for (step, load) in next {
            if load > self.limit() {
                break;
            }
            let mut then = executed.clone();
            then[step / 64] |= 1 << (step % 64);
            order.push(step);
            reaches |= self.visit(&then, order);
            order.pop();
            if self.joint.height <= self.joint.lower_bound {
                return true;
            }
        }
        if !reaches {
            self.dead.insert(executed.clone());
        }
        reaches
    }

    /// Packs a complete order, and keeps it if it is lower.
    fn pack(&mut self, order: &[usize]) {
        let (values, packing) = buffers(self.problem, order);
        let capacity = self.joint.height.get().saturating_sub(1);
        self.joint.orders += 1;
        match decide(&packing, capacity, Budget { nodes: self.nodes_left }) {
            Ok(Decision::Fits(layout)) => {
                self.spend(layout.nodes);
                // What fits may be lowered further.
                let lower = solve_minimise(&packing, Budget { nodes: self.nodes_left });
                let layout = match lower {
                    Ok(lower) if lower.height <= layout.height => {
                        self.spend(lower.nodes);
                        lower
                    }
                    Ok(_) | Err(_) => layout,
                };
                self.joint.order = order.to_vec();
                let peak = step_order::peak_of(self.problem, order);
                self.joint.proof.peak = peak;
                self.joint.proof.is_optimal = peak == self.joint.proof.lower_bound;
                self.joint.offsets = offsets(self.problem, &values, &layout);
                self.joint.height = Bytes(layout.height);
                self.joint.packing_bound = Bytes(layout.lower_bound);
                self.is_complete &= layout.proven_optimal;
            }
            Ok(Decision::ExceedsBound(_)) => {}
            Ok(Decision::Exhausted { nodes, .. }) => self.spend(nodes),
            Ok(Decision::Unknown { nodes }) => {
                self.spend(nodes);
                self.is_complete = false;
            }
            Err(_) => self.is_complete = false,
        }
    }

    fn spend(&mut self, nodes: u64) {
        self.joint.nodes += nodes;
        self.nodes_left = self.nodes_left.saturating_sub(nodes);
    }
}

/// The values that need room, and their lifetimes in an order.
fn buffers(problem: &Problem, order: &[usize]) -> (Vec<usize>, cofit_pack::Problem) {
    let end = order.len() as u64;
    let readers = readers(problem);
    let mut lives: Vec<Option<(u64, u64)>> = vec![None; problem.bytes.len()];
    let touch = |life: &mut Option<(u64, u64)>, from: u64, to: u64| {
        let (first, last) = life.unwrap_or((from, to));
        *life = Some((first.min(from), last.max(to)));
    };
    for (at, &step) in order.iter().enumerate() {
        let step = &problem.steps[step];
        for &value in step.reads.iter().chain(&step.writes) {
            touch(&mut lives[value], at as u64, at as u64 + 1);
        }
    }
    for &value in problem.live_in.iter().filter(|&&value| readers[value] > 0) {
        touch(&mut lives[value], 0, 1.min(end));
    }
    for &value in &problem.live_out {
        if let Some((first, _)) = lives[value] {
            lives[value] = Some((first, end));
        }
    }
    let values: Vec<usize> = (0..lives.len()).filter(|&value| lives[value].is_some()).collect();
    let buffers = values
        .iter()
        .filter_map(|&value| {
            let (first, last) = lives[value]?;
            let bytes = problem.bytes[value].get();
            Some(Buffer::new(first, last, bytes).aligned(problem.alignment.max(1)))
        })
        .collect();
    (values, cofit_pack::Problem { buffers, capacity: None })
}

/// Addresses by value.
fn offsets(problem: &Problem, values: &[usize], layout: &Solution) -> Vec<Option<u64>> {
    let mut offsets = vec![None; problem.bytes.len()];
    for (&value, &offset) in values.iter().zip(&layout.offsets) {
        offsets[value] = Some(offset);
    }
    offsets
}

#[cfg(test)]
mod tests {
    use cofit_pack::certificate;
    use proptest::prelude::*;

    use super::*;
    use crate::step_order::peak_of;
    use crate::step_order::testing::{every_order, random_problem};

    proptest! {
        #[test]
        fn peaks_are_the_bounds_of_packing(problem in random_problem()) {
            for order in every_order(&problem).iter().take(8) {
                let (_, packing) = buffers(&problem, order);
                let bound = certificate(&packing).expect("sizes are small").bound;
                prop_assert_eq!(peak_of(&problem, order), Bytes(bound));
            }
        }

        #[test]
        fn the_joint_optimum_is_the_lowest_layout_of_every_order(problem in random_problem()) {
            let joint = solve(&problem).expect("sizes are small");
            let lowest = every_order(&problem)
                .iter()
                .map(|order| {
                    let packing = buffers(&problem, order).1;
                    let layout = solve_minimise(&packing, Budget::STANDARD).expect("sizes are small");
                    assert!(layout.proven_optimal, "seven buffers are packed exactly");
                    layout.height
                })
                .min();
            prop_assert_eq!(Some(joint.height.get()), lowest);
            prop_assert_eq!(joint.lower_bound, joint.height);
            prop_assert_ne!(joint.shown, Shown::Open);
            // The layout is one of the order that stands beside it.
            let (values, packing) = buffers(&problem, &joint.order);
            let layout = Solution {
                offsets: values
                    .iter()
                    .map(|&value| joint.offsets[value].expect("it needs room"))
                    .collect(),
                height: joint.height.get(),
                lower_bound: joint.packing_bound.get(),
                proven_optimal: joint.height == joint.packing_bound,
                nodes: 0,
            };
            prop_assert!(cofit_pack::verify(&packing, &layout).is_ok());
        }
    }
}
