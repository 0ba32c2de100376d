//! The fallback model: the longer of arithmetic and traffic.
//!
//! For engines of which little is known. A step takes a fixed overhead, then the longer of its
//! arithmetic at a share of the engine's peak and of its slowest memory's traffic at that
//! memory's bandwidth (Williams, Waterman and Patterson, "Roofline: an insightful visual
//! performance model", CACM 52(4), 2009). Memories work beside each other and beside the engine.

use cofit_vocab::{Bytes, Cycles};

use crate::causes::{Cause, Causes};
use crate::work::{Access, Work};

/// What is known of an engine and its memories.
#[derive(Clone, Debug, PartialEq)]
pub struct Roofline {
    /// Multiply-accumulates per cycle at best.
    pub peak: f64,
    /// Elements per cycle of operators without multiply-accumulates.
    pub elements_per_cycle: f64,
    /// Bytes per cycle of each memory, in cycles of the engine. A memory that costs nothing has
    /// an infinite rate.
    pub bytes_per_cycle: Vec<f64>,
    /// Cycles of a step whatever its size.
    pub overhead: Cycles,
}

impl Roofline {
    /// The cycles of `work` that reaches the share `utilisation` of the peak, by cause; nothing
    /// where a memory is unknown.
    ///
    /// The overhead is set-up. Traffic beyond the arithmetic is charged to weight fetch and to
    /// activation traffic in proportion to the bytes that the slowest memory moves for each. A
    /// rate that is not positive never finishes: any work on it takes [`Cycles::MAX`].
    pub fn cost(&self, work: &Work, utilisation: f64) -> Option<Causes> {
        let compute = if work.macs.is_zero() {
            at_rate(work.outputs.max(work.inputs), self.elements_per_cycle)
        } else {
            at_rate(work.macs.0, self.peak * utilisation)
        };
        let mut traffic = Cycles::ZERO;
        let mut weight_share = Share { weights: Bytes::ZERO, all: Bytes::ZERO };
        for memory in work.traffic.iter().map(|traffic| traffic.memory) {
            let all = work.bytes(|traffic| traffic.memory == memory);
            let cycles = at_rate(all.0, *self.bytes_per_cycle.get(memory)?);
            if cycles > traffic {
                let weights = work.bytes(|traffic| {
                    traffic.memory == memory && traffic.access == Access::WeightRead
                });
                traffic = cycles;
                weight_share = Share { weights, all };
            }
        }
        let exposed = traffic - compute;
        let fetch = weight_share.of(exposed);
        let mut causes = Causes::of(Cause::TransferSetup, self.overhead);
        causes.charge(Cause::Compute, compute);
        causes.charge(Cause::WeightFetch, fetch);
        causes.charge(Cause::ActivationTraffic, exposed - fetch);
        Some(causes)
    }
}

/// How much of a memory's traffic is weights.
struct Share {
    weights: Bytes,
    all: Bytes,
}

impl Share {
    /// The share of `cycles`, rounded down.
    fn of(&self, cycles: Cycles) -> Cycles {
        let scaled = u128::from(cycles.0) * u128::from(self.weights.0);
        let share = scaled.checked_div(u128::from(self.all.0)).unwrap_or(0);
        Cycles(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

/// The cycles of `count` at `rate` per cycle, rounded up.
fn at_rate(count: u64, rate: f64) -> Cycles {
    if count == 0 {
        return Cycles::ZERO;
    }
    if rate > 0.0 { Cycles::ceil_from(count as f64 / rate) } else { Cycles::MAX }
}

#[cfg(test)]
mod tests {
    use cofit_vocab::Macs;
    use proptest::prelude::*;

    use super::*;

    fn roofline() -> Roofline {
        Roofline {
            peak: 16.0,
            elements_per_cycle: 2.0,
            bytes_per_cycle: vec![8.0, 0.5, f64::INFINITY],
            overhead: Cycles(100),
        }
    }

    #[track_caller]
    fn check(work: Work, expected: &str) {
        let causes = roofline().cost(&work, 0.5).expect("the memories exist");
        let text: Vec<String> = causes
            .iter()
            .filter(|(_, cycles)| !cycles.is_zero())
            .map(|(cause, cycles)| format!("{cause}={}", cycles.0))
            .collect();
        assert_eq!(text.join(" "), expected);
    }

    #[test]
    fn arithmetic_binds_where_traffic_is_small() {
        let work = Work { macs: Macs(8000), ..Work::default() };
        check(work.clone(), "compute=1000 transfer_setup=100");
        check(work.with(0, Access::Read, Bytes(8000)), "compute=1000 transfer_setup=100");
    }

    #[test]
    fn exposed_traffic_is_shared_by_bytes_of_the_slowest_memory() {
        let work = Work { macs: Macs(8000), ..Work::default() }
            .with(0, Access::Read, Bytes(4000))
            .with(1, Access::WeightRead, Bytes(300))
            .with(1, Access::Write, Bytes(300))
            .with(2, Access::Read, Bytes(u64::MAX));
        check(work, "compute=1000 weight_fetch=100 activation_traffic=100 transfer_setup=100");
    }

    #[test]
    fn operators_without_products_go_by_elements() {
        let work = Work { inputs: 50, outputs: 21, ..Work::default() };
        check(work, "compute=25 transfer_setup=100");
    }

    #[test]
    fn unknown_memories_have_no_cost_and_useless_rates_no_end() {
        let work = Work { macs: Macs(1), ..Work::default() };
        assert_eq!(roofline().cost(&work.clone().with(3, Access::Read, Bytes(1)), 0.5), None);
        for utilisation in [0.0, -1.0, f64::NAN] {
            let causes = roofline().cost(&work, utilisation).expect("no memory is named");
            assert_eq!(causes.get(Cause::Compute), Cycles::MAX);
        }
    }

    proptest! {
        #[test]
        fn the_total_is_the_overhead_and_the_longer_side(
            macs in 1_u64..1 << 40, weights in 0_u64..1 << 30, read in 0_u64..1 << 30,
        ) {
            let work = Work { macs: Macs(macs), ..Work::default() }
                .with(1, Access::WeightRead, Bytes(weights))
                .with(1, Access::Read, Bytes(read));
            let causes = roofline().cost(&work, 1.0).expect("the memory exists");
            let longer = macs.div_ceil(16).max((weights + read) * 2);
            prop_assert_eq!(causes.sum(), Cycles(100 + longer));
        }
    }
}
