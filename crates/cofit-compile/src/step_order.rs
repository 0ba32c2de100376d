//! The order of steps that needs the fewest bytes at once.
//!
//! The peak of an order is the largest sum of live buffers over its steps. Finding the best order
//! is NP-hard in general, yet networks are nearly chains: a best-first search over sets of
//! executed steps, cheapest peak first, meets few states before it executes everything, and the
//! first complete set it takes up is then optimal. The search gives up after
//! [`STATE_LIMIT`] states and says so.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cofit_vocab::Bytes;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::plan::OrderProof;

/// States taken up before the search gives up. Real networks of up to 240 operators were seen to
/// need fewer than 300.
pub const STATE_LIMIT: usize = 20_000;

/// What the order of steps is about: which values each step reads and writes, by index.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// For every step, the values it reads and those it writes.
    pub steps: Vec<StepValues>,
    /// Size of every value.
    pub bytes: Vec<Bytes>,
    /// Values that are live from the start: inputs and state.
    pub live_in: Vec<usize>,
    /// Values that stay live to the end: outputs and state.
    pub live_out: Vec<usize>,
}

/// The values of one step.
#[derive(Clone, Debug, Default)]
pub struct StepValues {
    /// Values read.
    pub reads: SmallVec<[usize; 2]>,
    /// Values written.
    pub writes: SmallVec<[usize; 1]>,
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
        let proof = OrderProof { peak, lower_bound: floor, is_optimal: true };
        return Solution { order: given, proof };
    }
    match search(problem, peak) {
        Searched::Better(order, best) => {
            let proof = OrderProof { peak: best, lower_bound: best, is_optimal: true };
            Solution { order, proof }
        }
        Searched::NoneBetter => {
            let proof = OrderProof { peak, lower_bound: peak, is_optimal: true };
            Solution { order: given, proof }
        }
        Searched::GaveUp => {
            let proof = OrderProof { peak, lower_bound: floor, is_optimal: false };
            Solution { order: given, proof }
        }
    }
}

/// Bytes at the busiest step of an order.
pub fn peak_of(problem: &Problem, order: &[usize]) -> Bytes {
    let mut remaining = readers(problem);
    let mut live: Vec<bool> = vec![false; problem.bytes.len()];
    let mut now = Bytes::ZERO;
    let mut peak = Bytes::ZERO;
    for &value in &problem.live_in {
        // An input that nobody reads needs no room.
        if remaining[value] > 0 && !std::mem::replace(&mut live[value], true) {
            now += problem.bytes[value];
        }
    }
    for &step in order {
        let step = &problem.steps[step];
        for &value in &step.writes {
            if !std::mem::replace(&mut live[value], true) {
                now += problem.bytes[value];
            }
        }
        peak = peak.max(now);
        for &value in &step.reads {
            remaining[value] -= 1;
        }
        for &value in step.reads.iter().chain(&step.writes) {
            if remaining[value] == 0 && std::mem::replace(&mut live[value], false) {
                now = now - problem.bytes[value];
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
        values.iter().map(|&value| problem.bytes[value]).sum()
    };
    problem.steps.iter().map(alone).max().unwrap_or_default()
}

/// How often each value is still to be read; one more where it stays live to the end.
fn readers(problem: &Problem) -> Vec<u32> {
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
    GaveUp,
}

/// A set of executed steps, one bit each.
type Executed = SmallVec<[u64; 4]>;

fn search(problem: &Problem, incumbent: Bytes) -> Searched {
    let count = problem.steps.len();
    let words = count.div_ceil(64);
    let mut writers: Vec<SmallVec<[usize; 1]>> = vec![SmallVec::new(); problem.bytes.len()];
    for (at, step) in problem.steps.iter().enumerate() {
        for &value in &step.writes {
            writers[value].push(at);
        }
    }
    let readers = readers(problem);
    // Where each set came from: the set before it, and the step that led here.
    let mut best: FxHashMap<Executed, (Bytes, usize)> = FxHashMap::default();
    // Cheapest peak first; among equals the set with most steps, so that chains run through.
    let mut open: BinaryHeap<(Reverse<Bytes>, usize, Reverse<Executed>)> = BinaryHeap::new();
    let start: Executed = SmallVec::from_elem(0, words);
    best.insert(start.clone(), (Bytes::ZERO, usize::MAX));
    open.push((Reverse(Bytes::ZERO), 0, Reverse(start)));
    let mut taken = 0;
    while let Some((Reverse(peak), done, Reverse(executed))) = open.pop() {
        if best.get(&executed).is_some_and(|&(known, _)| known < peak) {
            continue;
        }
        if done == count {
            return Searched::Better(trace(&best, executed, count), peak);
        }
        taken += 1;
        if taken > STATE_LIMIT {
            return Searched::GaveUp;
        }
        let has = |step: usize| executed[step / 64] >> (step % 64) & 1 == 1;
        let live = live_bytes(problem, &readers, &writers, has);
        for step in (0..count).filter(|&step| !has(step)) {
            let ready = problem.steps[step]
                .reads
                .iter()
                .all(|&value| writers[value].iter().all(|&writer| writer == step || has(writer)));
            if !ready {
                continue;
            }
            let written: Bytes =
                problem.steps[step].writes.iter().map(|&value| problem.bytes[value]).sum();
            let reached = peak.max(live + written);
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
    Searched::NoneBetter
}

/// Bytes live between steps once a set of them was executed.
fn live_bytes(
    problem: &Problem,
    readers: &[u32],
    writers: &[SmallVec<[usize; 1]>],
    has: impl Fn(usize) -> bool,
) -> Bytes {
    let mut remaining = readers.to_vec();
    for (at, step) in problem.steps.iter().enumerate() {
        if has(at) {
            for &value in &step.reads {
                remaining[value] -= 1;
            }
        }
    }
    let mut live: Vec<bool> =
        writers.iter().map(|writers| writers.iter().any(|&writer| has(writer))).collect();
    for &value in &problem.live_in {
        live[value] = true;
    }
    (0..problem.bytes.len())
        .filter(|&value| live[value] && remaining[value] > 0)
        .map(|value| problem.bytes[value])
        .sum()
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

    use super::*;

    /// Steps as `(reads, writes)`; value 0 is the input, the last value the output.
    fn problem(bytes: &[u64], steps: &[(&[usize], &[usize])]) -> Problem {
        Problem {
            steps: steps
                .iter()
                .map(|(reads, writes)| StepValues {
                    reads: SmallVec::from_slice(reads),
                    writes: SmallVec::from_slice(writes),
                })
                .collect(),
            bytes: bytes.iter().copied().map(Bytes).collect(),
            live_in: vec![0],
            live_out: vec![bytes.len() - 1],
        }
    }

    #[test]
    fn a_chain_is_proved_without_a_search() {
        let solution = solve(&problem(&[4, 8, 2], &[(&[0], &[1]), (&[1], &[2])]));
        assert_eq!(solution.order, [0, 1]);
        assert_eq!(
            solution.proof,
            OrderProof { peak: Bytes(12), lower_bound: Bytes(12), is_optimal: true }
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

    /// The best peak over every order, for small problems.
    fn brute_force(problem: &Problem) -> Bytes {
        fn extend(problem: &Problem, order: &mut Vec<usize>, best: &mut Bytes) {
            let count = problem.steps.len();
            if order.len() == count {
                *best = (*best).min(peak_of(problem, order));
                return;
            }
            for step in 0..count {
                let ready = !order.contains(&step)
                    && problem.steps[step].reads.iter().all(|value| {
                        problem.live_in.contains(value)
                            || order.iter().any(|&s| problem.steps[s].writes.contains(value))
                    });
                if ready {
                    order.push(step);
                    extend(problem, order, best);
                    order.pop();
                }
            }
        }
        let mut best = Bytes::MAX;
        extend(problem, &mut Vec::new(), &mut best);
        best
    }

    proptest! {
        /// Random graphs of up to seven steps, each writing one value from earlier ones.
        #[test]
        fn the_search_matches_every_order_tried(
            sizes in proptest::collection::vec(1u64..100, 2..8),
            picks in proptest::collection::vec((0usize..100, 0usize..100), 8),
        ) {
            let count = sizes.len() - 1;
            let steps = (0..count)
                .map(|at| {
                    let (a, b) = (picks[at].0 % (at + 1), picks[at].1 % (at + 1));
                    let reads = if a == b { vec![a] } else { vec![a, b] };
                    StepValues { reads: reads.into(), writes: SmallVec::from_slice(&[at + 1]) }
                })
                .collect();
            let problem = Problem {
                steps,
                bytes: sizes.iter().copied().map(Bytes).collect(),
                live_in: vec![0],
                live_out: vec![count],
            };
            let solution = solve(&problem);
            prop_assert!(solution.proof.is_optimal);
            prop_assert_eq!(peak_of(&problem, &solution.order), solution.proof.peak);
            prop_assert_eq!(solution.proof.peak, brute_force(&problem));
        }
    }
}
