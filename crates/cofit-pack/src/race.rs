//! The exact search with several orders side by side.
//!
//! The effort of a search is heavy-tailed: with one preference among candidates it finds a layout
//! at once, with another in minutes. The orders are therefore raced in rounds of growing length,
//! each with an equal number of nodes. The answer of a round is that of its first order that has
//! one, whichever thread ended first; later orders are called off and do not count. So the answer
//! and the nodes are the same on one core as on many.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::draft::{Draft, urgency};
use crate::instance::{Instance, Item};
use crate::search::{Cancel, Outcome, Part, Search};

/// Heights beyond this are not searched exactly, so that sums in the search cannot overflow.
const HIGHEST_SEARCHED: u64 = 1 << 61;
/// Parts with fewer items are searched before a thread would have started.
const LEAST_SHARED: usize = 100;
/// Room for the deepest search on a thread of its own.
const STACK_BYTES: usize = 1 << 25;

/// A part made ready for the exact search, with the orders that it races.
pub(crate) struct Race {
    part: Option<Part>,
    orders: Vec<Vec<u32>>,
}

/// What a race found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub outcome: Outcome,
    /// Nodes that count.
    pub nodes: u64,
    /// The offsets in units, where a layout was found.
    pub offsets: Vec<u64>,
}

impl Race {
    /// Prepares a part.
    pub fn new(instance: &Instance, draft: &Draft<'_>) -> Self {
        let part = draft.conflicts.as_ref().and_then(|it| Part::new(instance, &draft.range, it));
        let mut crowds = Vec::new();
        urgency(instance, &draft.range, &mut crowds);
        let items = &instance.items[draft.range.clone()];
        Self { part, orders: orders(items, &crowds) }
    }

    /// Searches for a layout no higher than `height` bytes within a number of nodes.
    pub fn run(&self, instance: &Instance, draft: &Draft<'_>, height: u64, nodes: u64) -> Found {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.run_on(cores, instance, draft, height, nodes)
    }

    fn run_on(
        &self,
        cores: usize,
        instance: &Instance,
        draft: &Draft<'_>,
        height: u64,
        nodes: u64,
    ) -> Found {
        let nothing = Found { outcome: Outcome::OutOfNodes, nodes: 0, offsets: Vec::new() };
        let Some(part) = self.part.as_ref().filter(|_| height < HIGHEST_SEARCHED) else {
            return nothing;
        };
        let items = &instance.items[draft.range.clone()];
        let search = || Search::new(part, |i| instance.limit(&items[i], height));
        let mut runs: Vec<Run<'_>> =
            self.orders.iter().map(|order| Run { order, search: None, share: 0 }).collect();
        let mut found = nothing;
        let mut round = 3 * items.len() as u64 / 2;
        while found.nodes < nodes {
            let mut left = nodes - found.nodes;
            for run in &mut runs {
                run.share = round.min(left);
                left -= run.share;
            }
            let (winner, done) = race(runs, cores, &search);
            runs = done;
            for run in runs.iter().take(winner) {
                found.nodes += run.share;
            }
            if let Some(search) = runs.get_mut(winner).and_then(|run| run.search.as_mut()) {
                found.nodes += search.spent;
                found.outcome = search.outcome;
                if found.outcome == Outcome::Found {
                    found.offsets = std::mem::take(&mut search.offsets);
                }
                return found;
            }
            round = round.saturating_mul(2);
        }
        found
    }
}

/// The preferences among candidates that are raced. Each is descending. The first is one that
/// minimalloc races by default (google/minimalloc, README.md, `preordering_heuristics`).
fn orders(items: &[Item], crowds: &[u64]) -> Vec<Vec<u32>> {
    let key = |which: usize, i: u32| {
        let item = &items[i as usize];
        let width = u128::from(item.end - item.start);
        let area = u128::from(item.size) * width;
        let crowd = u128::from(crowds[i as usize]);
        match which {
            0 => [width, area, crowd],
            1 => [u128::from(item.start), area, crowd],
            2 => [u128::from(u64::MAX - item.end), area, crowd],
            _ => [area, crowd, width],
        }
    };
    (0..4)
        .map(|which| {
            let mut order: Vec<u32> = (0..items.len() as u32).collect();
            order.sort_by_key(|&i| std::cmp::Reverse(key(which, i)));
            order
        })
        .collect()
}

/// One order's search, and the nodes that it has in a round.
struct Run<'a> {
    order: &'a [u32],
    /// Made when the order's turn comes.
    search: Option<Search<'a>>,
    share: u64,
}

/// Runs one round. Gives the first order that has an answer, or the number of orders if none has.
fn race<'a>(
    runs: Vec<Run<'a>>,
    cores: usize,
    new: &(impl Fn() -> Search<'a> + Sync),
) -> (usize, Vec<Run<'a>>) {
    let count = runs.len();
    let shared = runs.first().is_some_and(|run| run.order.len() >= LEAST_SHARED);
    let helpers = if shared { cores.clamp(1, count) - 1 } else { 0 };
    let first = AtomicUsize::new(count);
    let next = AtomicUsize::new(0);
    let runs: Vec<Mutex<Run<'_>>> = runs.into_iter().map(Mutex::new).collect();
    let work = || {
        loop {
            let mine = next.fetch_add(1, Ordering::Relaxed);
            // Later orders cannot change the answer any more.
            if mine >= first.load(Ordering::Relaxed) {
                return;
            }
            let Some(run) = runs.get(mine) else { return };
            let mut run = run.lock().unwrap_or_else(PoisonError::into_inner);
            let Run { order, search, share } = &mut *run;
            let search = search.get_or_insert_with(new);
            let outcome = search.run(order, *share, Cancel { first: &first, mine });
            if outcome != Outcome::OutOfNodes {
                first.fetch_min(mine, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            // Without a helper the work is done here.
            let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
            let _ = builder.spawn_scoped(scope, work);
        }
        work();
    });
    let unlock = |run: Mutex<_>| run.into_inner().unwrap_or_else(PoisonError::into_inner);
    (first.into_inner(), runs.into_iter().map(unlock).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::{QUICK, Scratch, draft};
    use crate::problem::{Buffer, Problem};

    /// Buffers that interlock so that the orders need several rounds.
    fn interlocked(seed: u64) -> Problem {
        let mut x = seed;
        let mut below = |limit: u64| {
            x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (x >> 33) % limit
        };
        let buffers = (0..2 * LEAST_SHARED as u64)
            .map(|i| Buffer::new(i, i + 5 + below(30), 1 + below(50)))
            .collect();
        Problem { buffers, capacity: None }
    }

    /// The answer and the nodes do not depend on how many threads race.
    #[test]
    fn as_many_threads_as_there_are() {
        let mut rounds = 0;
        for seed in 0..12 {
            let problem = interlocked(seed);
            let instance = Instance::new(&problem).expect("nothing is fixed");
            let range = &instance.parts[0];
            let bound = crate::bound::part_bound(&instance, range).expect("sums are small");
            let draft = draft(&instance, range, bound, 0, QUICK, &mut Scratch::default())
                .expect("nothing is fixed");
            let race = Race::new(&instance, &draft);
            for height in [bound.bound, bound.bound + 8] {
                let run = |cores| race.run_on(cores, &instance, &draft, height, 5000);
                let alone = run(1);
                rounds += u64::from(alone.nodes > 3 * range.len() as u64);
                for cores in [2, 3, 8] {
                    assert_eq!(run(cores), alone, "seed {seed}, {height} bytes, {cores} cores");
                }
            }
        }
        assert!(rounds > 0, "no problem needed more than its first order");
    }
}
