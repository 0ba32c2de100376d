//! Feature maps in external memory, with the SRAM as a cache: `Dedicated_Sram`.
//!
//! Blocks and weight buffers are decided as if all maps lay in external memory, but where inputs
//! will be read from SRAM they compete with weights for it ([`crate::buffering`]). Then the maps
//! are chosen that lie in SRAM: all, where all fit beside the weight buffers; otherwise those that
//! fit whatever the others do, and of the rest those that are read and written most. Every
//! operation is then measured with its maps where they are.
//! Source: Vela 5.2.0, `compiler/faststorage_allocator.cpp`, `compiler/scheduler.cpp` `Process`.

pub mod greedy;

use cofit_vocab::{Bytes, Cycles};

use crate::config::Config;
use crate::operation::NpuOperation;
use crate::schedule::{Schedule, measure};
use crate::staging::greedy::Greedy;

/// Maps that compete for SRAM at once; more are taken in turn (Vela 5.2.0, `MAX_COMPONENT_SIZE`).
const TOGETHER: usize = 20;
/// Choices that are compared for one group of maps.
const TRIALS: u32 = 1 << 16;

/// A map that may lie in SRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Bytes.
    pub bytes: Bytes,
    /// The first stage during which it is alive.
    pub first: usize,
    /// The last stage during which it is alive.
    pub last: usize,
    /// Elements that are read and written.
    pub accesses: u64,
}

/// Which of `guests` lie in SRAM. `taken` is what each stage needs in any case, `limit` the SRAM.
pub fn choose(guests: &[Guest], taken: &[Bytes], limit: Bytes) -> Vec<bool> {
    let mut most = taken.to_vec();
    let mut least = taken.to_vec();
    let mut stays = vec![true; guests.len()];
    for guest in guests {
        add(&mut most, guest);
    }
    if most.iter().all(|bytes| *bytes <= limit) {
        return stays;
    }
    let peak = |usage: &[Bytes], guest: &Guest| {
        usage.get(guest.first..=guest.last).unwrap_or_default().iter().copied().max()
    };
    // What cannot fit at all gives way first.
    for (guest, stays) in guests.iter().zip(&mut stays) {
        if peak(&least, guest).unwrap_or_default() + guest.bytes > limit {
            *stays = false;
            remove(&mut most, guest);
        }
    }
    let mut competing: Vec<usize> = Vec::new();
    for (at, guest) in guests.iter().enumerate().filter(|(at, _)| stays[*at]) {
        if peak(&most, guest).unwrap_or_default() <= limit {
            add(&mut least, guest);
        } else {
            competing.push(at);
        }
    }
    competing.sort_by_key(|&at| (guests[at].first, at));
    let mut from = 0;
    while from < competing.len() {
        let mut to = from + 1;
        let mut end = guests[competing[from]].last;
        while to < competing.len() && to - from <= TOGETHER && guests[competing[to]].first <= end {
            end = end.max(guests[competing[to]].last);
            to += 1;
        }
        let group = &competing[from..to];
        let kept = best(guests, group, &mut least, limit);
        for (&at, kept) in group.iter().zip(kept) {
            stays[at] = kept;
            if kept {
                add(&mut least, &guests[at]);
            }
        }
        from = to;
    }
    stays
}

/// Which of a group stay so that most accesses are to SRAM.
fn best(guests: &[Guest], group: &[usize], usage: &mut [Bytes], limit: Bytes) -> Vec<bool> {
    let mut search = Trials {
        guests,
        group,
        limit,
        usage,
        now: vec![false; group.len()],
        best: vec![false; group.len()],
        best_score: None,
        left: TRIALS,
    };
    let all = group.iter().fold(0u64, |sum, &at| sum.saturating_add(guests[at].accesses));
    search.run(0, 0, all);
    search.best
}

struct Trials<'t> {
    guests: &'t [Guest],
    group: &'t [usize],
    limit: Bytes,
    usage: &'t mut [Bytes],
    now: Vec<bool>,
    best: Vec<bool>,
    best_score: Option<u64>,
    left: u32,
}

impl Trials<'_> {
    /// Decides the guests from `at` on; `ahead` is what all of them could add to the score.
    fn run(&mut self, at: usize, score: u64, ahead: u64) {
        self.left = self.left.saturating_sub(1);
        let hopeless = self.best_score.is_some_and(|best| score.saturating_add(ahead) <= best);
        if hopeless || self.left == 0 {
            return;
        }
        let Some(guest) = self.group.get(at).map(|&at| self.guests[at]) else {
            self.best_score = Some(score);
            self.best.clone_from(&self.now);
            return;
        };
        let ahead = ahead.saturating_sub(guest.accesses);
        let held = self.usage.get(guest.first..=guest.last).unwrap_or_default();
        if held.iter().all(|held| *held + guest.bytes <= self.limit) {
            self.now[at] = true;
            add(self.usage, &guest);
            self.run(at + 1, score.saturating_add(guest.accesses), ahead);
            remove(self.usage, &guest);
        }
        self.now[at] = false;
        self.run(at + 1, score, ahead);
    }
}

fn add(usage: &mut [Bytes], guest: &Guest) {
    for bytes in usage.iter_mut().take(guest.last.saturating_add(1)).skip(guest.first) {
        *bytes += guest.bytes;
    }
}

fn remove(usage: &mut [Bytes], guest: &Guest) {
    for bytes in usage.iter_mut().take(guest.last.saturating_add(1)).skip(guest.first) {
        *bytes = *bytes - guest.bytes;
    }
}

/// The operations of a schedule measured with their maps where `operations` say. Blocks and weight
/// buffers stay. `after_cpu` lists the operations that nothing stands ahead of.
pub fn moved(
    operations: &[NpuOperation<'_>],
    planned: Greedy,
    after_cpu: &[usize],
    config: &Config,
) -> Schedule {
    let mut done = Schedule { cascades: planned.cascades, ..Schedule::default() };
    let mut slack = Cycles::ZERO;
    let decided = planned.blocks.into_iter().zip(planned.plans);
    for (at, (operation, (block, weights))) in operations.iter().zip(decided).enumerate() {
        if after_cpu.binary_search(&at).is_ok() {
            slack = Cycles::ZERO;
        }
        let after = weights.slack.cycles;
        done.push(operation, measure(operation, block, weights, slack, config));
        slack = after;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn guest(bytes: u64, first: usize, last: usize, accesses: u64) -> Guest {
        Guest { bytes: Bytes(bytes), first, last, accesses }
    }

    #[test]
    fn all_stay_where_all_fit() {
        let guests = [guest(10, 0, 1, 1), guest(10, 1, 2, 1)];
        assert_eq!(choose(&guests, &[Bytes(0); 3], Bytes(20)), [true, true]);
    }

    #[test]
    fn what_is_used_most_stays() {
        // At stage 1 only one of both has room; the first never has.
        let guests = [guest(30, 0, 2, 99), guest(12, 0, 1, 5), guest(12, 1, 2, 7)];
        assert_eq!(choose(&guests, &[Bytes(0); 3], Bytes(20)), [false, false, true]);
    }

    #[test]
    fn weight_buffers_come_first() {
        let guests = [guest(10, 0, 0, 1), guest(10, 1, 1, 1)];
        let taken = [Bytes(15), Bytes(5)];
        assert_eq!(choose(&guests, &taken, Bytes(20)), [false, true]);
    }
}
