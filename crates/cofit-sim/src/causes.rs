//! Why cycles are spent: the closed set of causes, and counts of cycles by cause.

use std::fmt;
use std::ops::{Add, AddAssign};

use cofit_vocab::Cycles;

/// Why a cycle is spent. The set is closed, so that the causes of a profile add up to its total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Arithmetic that the model asks for, on the engine it is meant for.
    Compute,
    /// Waiting for weights: from flash, from DRAM, over a DMA channel.
    WeightFetch,
    /// Waiting for activations to be read or written.
    ActivationTraffic,
    /// Programming transfers and kernels: register writes, descriptors, calls.
    TransferSetup,
    /// Arithmetic repeated where tiles overlap.
    HaloRecompute,
    /// Arithmetic that imitates a precision or operator the engine lacks.
    Emulation,
    /// Arithmetic on a processor because the engine refuses the operator.
    Fallback,
    /// Nothing runs.
    Stall,
}

impl Cause {
    /// Every cause, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Compute,
        Self::WeightFetch,
        Self::ActivationTraffic,
        Self::TransferSetup,
        Self::HaloRecompute,
        Self::Emulation,
        Self::Fallback,
        Self::Stall,
    ];

    /// The name in JSON and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::WeightFetch => "weight_fetch",
            Self::ActivationTraffic => "activation_traffic",
            Self::TransferSetup => "transfer_setup",
            Self::HaloRecompute => "halo_recompute",
            Self::Emulation => "emulation",
            Self::Fallback => "fallback",
            Self::Stall => "stall",
        }
    }

    /// Who is charged for an instant at which several causes are at work: the lowest rank.
    ///
    /// Arithmetic hides everything else, useful arithmetic before arithmetic that a better plan
    /// or chip would avoid: a transfer behind a busy engine costs nothing. Among transfers,
    /// weights come before activations and both before set-up, because that is the order in which
    /// a larger memory would remove them.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Compute => 0,
            Self::HaloRecompute => 1,
            Self::Emulation => 2,
            Self::Fallback => 3,
            Self::WeightFetch => 4,
            Self::ActivationTraffic => 5,
            Self::TransferSetup => 6,
            Self::Stall => 7,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Cycles by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Causes([Cycles; Cause::ALL.len()]);

impl Causes {
    /// No cycles at all.
    pub const ZERO: Self = Self([Cycles::ZERO; Cause::ALL.len()]);

    /// `cycles` of one cause.
    pub fn of(cause: Cause, cycles: Cycles) -> Self {
        let mut causes = Self::ZERO;
        causes.charge(cause, cycles);
        causes
    }

    /// The cycles of `cause`.
    pub const fn get(&self, cause: Cause) -> Cycles {
        self.0[cause as usize]
    }

    /// Adds `cycles` to `cause`.
    pub fn charge(&mut self, cause: Cause, cycles: Cycles) {
        self.0[cause as usize] += cycles;
    }

    /// The cycles of all causes together.
    pub fn sum(&self) -> Cycles {
        self.0.iter().copied().sum()
    }

    /// Every cause with its cycles, in the order of [`Cause::ALL`], zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (Cause, Cycles)> + '_ {
        Cause::ALL.into_iter().zip(self.0.iter().copied())
    }

    /// The cause with the most cycles, the first one of equals; nothing where all are zero.
    pub fn dominant(&self) -> Option<(Cause, Cycles)> {
        self.iter()
            .filter(|(_, cycles)| !cycles.is_zero())
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}

impl Add for Causes {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Causes {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

impl std::iter::Sum for Causes {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_lists_every_cause_at_its_own_index_and_rank() {
        for (index, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, index);
        }
        let ranks: BTreeSet<u8> = Cause::ALL.into_iter().map(Cause::rank).collect();
        assert_eq!(ranks.len(), Cause::ALL.len());
    }

    #[test]
    fn causes_add_cause_by_cause() {
        let mut causes = Causes::of(Cause::Compute, Cycles(7));
        causes.charge(Cause::WeightFetch, Cycles(9));
        let doubled = causes + causes;
        assert_eq!(doubled.get(Cause::Compute), Cycles(14));
        assert_eq!(doubled.get(Cause::Stall), Cycles::ZERO);
        assert_eq!(doubled.sum(), Cycles(32));
        assert_eq!(doubled.dominant(), Some((Cause::WeightFetch, Cycles(18))));
        assert_eq!(Causes::ZERO.dominant(), None);
    }
}
