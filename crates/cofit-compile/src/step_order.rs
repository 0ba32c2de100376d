//! The order of steps that needs the fewest bytes at once.
//!
//! The peak of an order is the largest load over its steps. Finding the best order is NP-hard in
//! general, yet networks are nearly chains: a best-first search over sets of executed steps,
//! cheapest peak first, meets few states before it executes everything, and the first complete set
//! it takes up is then optimal. The search gives up after [`STATE_LIMIT`] states and says so.
//!
//! The load of values that are live together is what any layout of them takes: their sizes rounded
//! up to the alignment of addresses, save for the one at the top. So peaks, and bounds on peaks, are
//! bounds on packed heights as well, and [`joint_order`](crate::joint_order) closes the rest.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use cofit_vocab::Bytes;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::plan::OrderProof;

/// States taken up before the search gives up. Real networks of up to 240 operators were seen to
/// need fewer than 300.
pub const STATE_LIMIT: usize = 20_000;

/// Steps looked at before the search gives up, over all states: what bounds the time for networks
/// of many thousand steps.
const WORK_LIMIT: usize = 20_000_000;

/// What the order of steps is about: which values each step reads and writes, by index.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// The steps, in an order that is valid.
    pub steps: Vec<StepValues>,
    /// Size of every value.
    pub bytes: Vec<Bytes>,
    /// Values that are live from the start: inputs and state.
    pub live_in: Vec<usize>,
    /// Values that stay live to the end: outputs and state.
    pub live_out: Vec<usize>,
    /// Addresses are multiples of it; 0 and 1 mean any address.
    pub alignment: u64,
}

/// The values of one step, and what must run before it.
#[derive(Clone, Debug, Default)]
pub struct StepValues {
    /// Values read, each once.
    pub reads: SmallVec<[usize; 2]>,
    /// Values written, each once.
    pub writes: SmallVec<[usize; 1]>,
    /// Steps that run earlier: those that write what this one reads, and those whose effects it
    /// must not overtake. All of them stand before it in [`Problem::steps`].
    pub after: SmallVec<[usize; 2]>,
}

/// An order of steps with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// Positions of the given steps, in the order to run them.
    pub order: Vec<usize>,
    /// How good the order is.
    pub proof: OrderProof,
}

/// The best order found, which is never worse than the given one.
pub fn solve(problem: &Problem) -> Solution {
    let given: Vec<usize> = (0..problem.steps.len()).collect();
    let peak = peak_of(problem, &given);
    let floor = lower_bound(problem);
    if peak <= floor {
        let proof = OrderProof { peak, lower_bound: floor, is_optimal: true, states: 0 };
        return Solution { order: given, proof };
    }
    let (searched, states) = search(problem, peak);
    match searched {
        Searched::Better(order, best) => {
            let proof = OrderProof { peak: best, lower_bound: best, is_optimal: true, states };
            Solution { order, proof }
        }
        Searched::NoneBetter => {
            let proof = OrderProof { peak, lower_bound: peak, is_optimal: true, states };
            Solution { order: given, proof }
        }
        Searched::GaveUp(reached) => {
            let lower_bound = floor.max(reached);
            let proof = OrderProof { peak, lower_bound, is_optimal: false, states };
            Solution { order: given, proof }
        }
    }
}

/// Values that are live together, and what they take.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    alignment: u64,
    /// Sum of the sizes, rounded up.
    rounded: Bytes,
    /// What rounding added to each value, counted: the value at the top is spared the largest.
    pads: BTreeMap<u64, usize>,
}

impl Load {
    pub(crate) fn new(problem: &Problem) -> Self {
        Self { alignment: problem.alignment.max(1), ..Self::default() }
    }

    pub(crate) fn add(&mut self, bytes: Bytes) {
        let rounded = bytes.round_up_to(self.alignment);
        self.rounded += rounded;
        *self.pads.entry((rounded - bytes).get()).or_default() += 1;
    }

    fn remove(&mut self, bytes: Bytes) {
        let rounded = bytes.round_up_to(self.alignment);
        self.rounded = self.rounded - rounded;
        let pad = (rounded - bytes).get();
        if let Some(count) = self.pads.get_mut(&pad) {
            *count -= 1;
            if *count == 0 {
                self.pads.remove(&pad);
            }
        }
    }

    /// No layout of the values ends lower.
    pub(crate) fn bytes(&self) -> Bytes {
        let spared = self.pads.keys().next_back().copied().unwrap_or(0);
        self.rounded - Bytes(spared)
    }

    /// What [`Load::bytes`] would be with more values.
    pub(crate) fn with(&self, more: impl Iterator<Item = Bytes>) -> Bytes {
        let mut rounded = self.rounded;
        let mut spared = self.pads.keys().next_back().copied().unwrap_or(0);
        for bytes in more {
            let whole = bytes.round_up_to(self.alignment);
            rounded += whole;
            spared = spared.max((whole - bytes).get());
        }
        rounded - Bytes(spared)
    }
}

/// Load of the busiest step of an order.
pub fn peak_of(problem: &Problem, order: &[usize]) -> Bytes {
    let mut remaining = readers(problem);
    let mut live: Vec<bool> = vec![false; problem.bytes.len()];
    let mut now = Load::new(problem);
    let mut peak = Bytes::ZERO;
    for &value in &problem.live_in {
        // An input that nobody reads needs no room.
        if remaining[value] > 0 && !std::mem::replace(&mut live[value], true) {
            now.add(problem.bytes[value]);
        }
    }
    for &step in order {
        let step = &problem.steps[step];
        for &value in &step.writes {
            if !std::mem::replace(&mut live[value], true) {
                now.add(problem.bytes[value]);
            }
        }
        peak = peak.max(now.bytes());
        for &value in &step.reads {
            remaining[value] -= 1;
        }
        for &value in step.reads.iter().chain(&step.writes) {
            if remaining[value] == 0 && std::mem::replace(&mut live[value], false) {
                now.remove(problem.bytes[value]);
            }
        }
    }
    peak
}

/// No order can do with less than its hungriest step alone.
fn lower_bound(problem: &Problem) -> Bytes {
    let alone = |step: &StepValues| {
        let mut values: SmallVec<[usize; 8]> =
            step.reads.iter().chain(&step.writes).copied().collect();
        values.sort_unstable();
        values.dedup();
        let mut load = Load::new(problem);
        values.iter().for_each(|&value| load.add(problem.bytes[value]));
        load.bytes()
    };
    problem.steps.iter().map(alone).max().unwrap_or_default()
}

/// How often each value is still to be read; one more where it stays live to the end.
pub(crate) fn readers(problem: &Problem) -> Vec<u32> {
    let mut readers = vec![0; problem.bytes.len()];
    for step in &problem.steps {
        for &value in &step.reads {
            readers[value] += 1;
        }
    }
    for &value in &problem.live_out {
        readers[value] += 1;
    }
    readers
}

enum Searched {
    Better(Vec<usize>, Bytes),
    NoneBetter,
    /// No order has a lower peak than this; whether one reaches it is not known.
    GaveUp(Bytes),
}

/// A set of executed steps, one bit each.
pub(crate) type Executed = SmallVec<[u64; 4]>;

/// Whether a set holds a step.
pub(crate) fn holds(executed: &Executed, step: usize) -> bool {
    executed[step / 64] >> (step % 64) & 1 == 1
}

/// The states of a problem: sets of executed steps, and what is live between steps there.
pub(crate) struct States<'a> {
    problem: &'a Problem,
    readers: Vec<u32>,
    writers: Vec<SmallVec<[usize; 1]>>,
}

/// A state, looked at.
pub(crate) struct State {
    live: Vec<bool>,
    load: Load,
}

impl<'a> States<'a> {
    pub(crate) fn new(problem: &'a Problem) -> Self {
        let mut writers: Vec<SmallVec<[usize; 1]>> = vec![SmallVec::new(); problem.bytes.len()];
        for (at, step) in problem.steps.iter().enumerate() {
            for &value in &step.writes {
                writers[value].push(at);
            }
        }
        Self { problem, readers: readers(problem), writers }
    }

    /// Nothing executed.
    pub(crate) fn start(&self) -> Executed {
        SmallVec::from_elem(0, self.problem.steps.len().div_ceil(64))
    }

    /// What is live once a set of steps was executed.
    pub(crate) fn look(&self, executed: &Executed) -> State {
        let problem = self.problem;
        let mut remaining = self.readers.clone();
        for (at, step) in problem.steps.iter().enumerate() {
            if holds(executed, at) {
                step.reads.iter().for_each(|&value| remaining[value] -= 1);
            }
        }
        let is_written =
            |writers: &SmallVec<[usize; 1]>| writers.iter().any(|&writer| holds(executed, writer));
        let mut live: Vec<bool> = self.writers.iter().map(is_written).collect();
        problem.live_in.iter().for_each(|&value| live[value] = true);
        let mut load = Load::new(problem);
        for (value, live) in live.iter_mut().enumerate() {
            *live &= remaining[value] > 0;
            if *live {
                load.add(problem.bytes[value]);
            }
        }
        State { live, load }
    }

    /// The steps that may run next, with the load while each runs.
    pub(crate) fn next(&self, executed: &Executed, state: &State) -> Vec<(usize, Bytes)> {
        let problem = self.problem;
        let is_ready = |&at: &usize| {
            !holds(executed, at)
                && problem.steps[at].after.iter().all(|&before| holds(executed, before))
        };
        let loaded = |at: usize| {
            let new = problem.steps[at].writes.iter().filter(|&&value| !state.live[value]);
            (at, state.load.with(new.map(|&value| problem.bytes[value])))
        };
        (0..problem.steps.len()).filter(is_ready).map(loaded).collect()
    }
}

/// Looks for an order with a peak below `incumbent`; counts the states that it took up.
fn search(problem: &Problem, incumbent: Bytes) -> (Searched, u64) {
    let count = problem.steps.len();
    let limit = STATE_LIMIT.min(WORK_LIMIT / count.max(1));
    let states = States::new(problem);
    // Where each set came from: the set before it, and the step that led here.
    let mut best: FxHashMap<Executed, (Bytes, usize)> = FxHashMap::default();
    // Cheapest peak first; among equals the set with most steps, so that chains run through.
    let mut open: BinaryHeap<(Reverse<Bytes>, usize, Reverse<Executed>)> = BinaryHeap::new();
    let start = states.start();
    best.insert(start.clone(), (Bytes::ZERO, usize::MAX));
    open.push((Reverse(Bytes::ZERO), 0, Reverse(start)));
    let mut taken = 0;
    while let Some((Reverse(peak), done, Reverse(executed))) = open.pop() {
        if best.get(&executed).is_some_and(|&(known, _)| known < peak) {
            continue;
        }
        if done == count {
            return (Searched::Better(trace(&best, executed, count), peak), taken as u64);
        }
        if taken == limit {
            return (Searched::GaveUp(peak), taken as u64);
        }
        taken += 1;
        let state = states.look(&executed);
        for (step, load) in states.next(&executed, &state) {
            let reached = peak.max(load);
            if reached >= incumbent {
                continue;
            }
            let mut next = executed.clone();
            next[step / 64] |= 1 << (step % 64);
            if best.get(&next).is_none_or(|&(known, _)| reached < known) {
                best.insert(next.clone(), (reached, step));
                open.push((Reverse(reached), done + 1, Reverse(next)));
            }
        }
    }
    (Searched::NoneBetter, taken as u64)
}

/// The steps that led to a set, first to last.
fn trace(
    best: &FxHashMap<Executed, (Bytes, usize)>,
    mut set: Executed,
    count: usize,
) -> Vec<usize> {
    let mut order = Vec::with_capacity(count);
    while order.len() < count {
        let Some(&(_, step)) = best.get(&set) else { break };
        order.push(step);
        set[step / 64] &= !(1 << (step % 64));
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{every_order, random_problem};
    use super::*;

    /// Steps as `(reads, writes)`; value 0 is the input, the last value the output.
    fn problem(bytes: &[u64], steps: &[(&[usize], &[usize])]) -> Problem {
        Problem {
            steps: steps
                .iter()
                .map(|(reads, writes)| StepValues {
                    reads: SmallVec::from_slice(reads),
                    writes: SmallVec::from_slice(writes),
                    after: steps
                        .iter()
                        .enumerate()
                        .filter(|(_, (_, written))| written.iter().any(|it| reads.contains(it)))
                        .map(|(at, _)| at)
                        .collect(),
                })
                .collect(),
            bytes: bytes.iter().copied().map(Bytes).collect(),
            live_in: vec![0],
            live_out: vec![bytes.len() - 1],
            alignment: 1,
        }
    }

    #[test]
    fn a_chain_is_proved_without_a_search() {
        let solution = solve(&problem(&[4, 8, 2], &[(&[0], &[1]), (&[1], &[2])]));
        assert_eq!(solution.order, [0, 1]);
        assert_eq!(
            solution.proof,
            OrderProof { peak: Bytes(12), lower_bound: Bytes(12), is_optimal: true, states: 0 }
        );
    }

    #[test]
    fn the_branch_that_shrinks_runs_before_the_one_that_grows() {
        // 0 feeds a wide branch (1 -> 2) and a shrinking one (3): running 3 first frees nothing,
        // but finishing the wide branch first keeps its large middle away from 3.
        let branches = problem(
            &[10, 50, 50, 5, 1],
            &[(&[0], &[1]), (&[0], &[2]), (&[1], &[3]), (&[2, 3], &[4])],
        );
        let solution = solve(&branches);
        assert_eq!(solution.order, [0, 2, 1, 3]);
        assert_eq!(solution.proof.peak, Bytes(65));
        assert_eq!(peak_of(&branches, &[0, 1, 2, 3]), Bytes(110));
    }

    #[test]
    fn what_is_at_the_top_is_not_rounded_up() {
        let mut chain = problem(&[10, 20], &[(&[0], &[1])]);
        chain.alignment = 16;
        // 10 below 20 end at 16 + 20, 20 below 10 at 32 + 10.
        assert_eq!(solve(&chain).proof.peak, Bytes(36));
    }

    #[test]
    fn a_value_seen_in_two_shapes_takes_its_bytes_once() {
        // Two views in a row: steps 1 and 2 read and write value 1, and 3 reads it.
        let mut views =
            problem(&[4, 8, 2], &[(&[0], &[1]), (&[1], &[1]), (&[1], &[1]), (&[1], &[2])]);
        for (at, after) in [vec![], vec![0], vec![1], vec![2]].into_iter().enumerate() {
            views.steps[at].after = after.into();
        }
        let states = States::new(&views);
        let mut executed = states.start();
        executed[0] = 0b1;
        let state = states.look(&executed);
        assert_eq!(states.next(&executed, &state), [(1, Bytes(8))]);
        assert!(solve(&views).proof.is_optimal);
    }

    /// The best peak over every order, for small problems.
    fn brute_force(problem: &Problem) -> Bytes {
        every_order(problem).iter().map(|order| peak_of(problem, order)).min().unwrap_or_default()
    }

    proptest! {
        #[test]
        fn the_search_matches_every_order_tried(problem in random_problem()) {
            let solution = solve(&problem);
            prop_assert!(solution.proof.is_optimal);
            prop_assert_eq!(peak_of(&problem, &solution.order), solution.proof.peak);
            prop_assert_eq!(solution.proof.peak, brute_force(&problem));
        }
    }
}

/// Problems for property tests, here and of the joint optimum.
#[cfg(test)]
pub(crate) mod testing {
    use proptest::prelude::*;

    use super::*;

    /// Random graphs of up to seven steps, each writing one value from one or two earlier ones.
    pub(crate) fn random_problem() -> impl Strategy<Value = Problem> {
        let sizes = proptest::collection::vec(1u64..100, 2..8);
        let picks = proptest::collection::vec((0usize..100, 0usize..100), 8);
        let alignment = prop_oneof![Just(1u64), Just(4), Just(16)];
        (sizes, picks, alignment).prop_map(|(sizes, picks, alignment)| {
            let count = sizes.len() - 1;
            let steps = (0..count)
                .map(|at| {
                    let (a, b) = (picks[at].0 % (at + 1), picks[at].1 % (at + 1));
                    let reads = if a == b { vec![a] } else { vec![a, b] };
                    // Step `n` writes value `n + 1`.
                    let after = reads.iter().filter_map(|value| value.checked_sub(1)).collect();
                    let writes = SmallVec::from_slice(&[at + 1]);
                    StepValues { reads: reads.into(), writes, after }
                })
                .collect();
            Problem {
                steps,
                bytes: sizes.iter().copied().map(Bytes).collect(),
                live_in: vec![0],
                live_out: vec![count],
                alignment,
            }
        })
    }

    /// Every order in which the steps may run.
    pub(crate) fn every_order(problem: &Problem) -> Vec<Vec<usize>> {
        fn extend(problem: &Problem, order: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
            if order.len() == problem.steps.len() {
                found.push(order.clone());
                return;
            }
            for step in 0..problem.steps.len() {
                let is_ready = problem.steps[step].after.iter().all(|it| order.contains(it));
                if !order.contains(&step) && is_ready {
                    order.push(step);
                    extend(problem, order, found);
                    order.pop();
                }
            }
        }
        let mut found = Vec::new();
        extend(problem, &mut Vec::new(), &mut found);
        found
    }
}
