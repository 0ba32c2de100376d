//! A layout together with what shows that none is much lower.

use crate::bound::Certificate;
use crate::problem::{Buffer, Problem, Solution};

/// A layout and a lower bound, each with what another needs to check it: see [`crate::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The layout and the bound.
    pub solution: Solution,
    /// Why no layout is lower than [`Solution::lower_bound`].
    pub witness: Witness,
}

/// Why no layout is lower than a bound. Buffers are indices into [`Problem::buffers`], ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// These buffers are live at this instant and need room side by side. Sizes count as rounded
    /// up to the greatest common divisor of the buffers' alignments, save for the one at the top.
    Instant {
        /// The instant.
        instant: u64,
        /// All buffers live at it.
        buffers: Vec<usize>,
    },
    /// This buffer is fixed, and ends there.
    Fixed {
        /// The buffer.
        buffer: usize,
    },
    /// These buffers alone have no layout of this height: every case was looked at. To check it,
    /// [`Proof::subproblem`] has to be searched again.
    Exhausted {
        /// The buffers.
        buffers: Vec<usize>,
        /// The height in bytes that was searched through; the bound is above it.
        height: u64,
        /// Search nodes that this took.
        nodes: u64,
    },
}

impl Witness {
    /// The buffers that the bound follows from.
    pub fn buffers(&self) -> &[usize] {
        match self {
            Self::Instant { buffers, .. } | Self::Exhausted { buffers, .. } => buffers,
            Self::Fixed { buffer } => std::slice::from_ref(buffer),
        }
    }
}

impl Proof {
    /// The problem of the witness's buffers alone. Its minimum is no greater than the whole
    /// problem's, so whatever bounds it from below bounds that too.
    pub fn subproblem(&self, problem: &Problem) -> Problem {
        let buffers = self.witness.buffers();
        let buffer = |&i: &usize| problem.buffers.get(i).cloned();
        Problem { buffers: buffers.iter().filter_map(buffer).collect(), capacity: None }
    }
}

/// A layout on the way to the minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incumbent<'a> {
    /// The offset of every buffer, by index.
    pub offsets: &'a [u64],
    /// The highest end of any buffer that takes part, in bytes.
    pub height: u64,
    /// No layout is lower than this, in bytes.
    pub lower_bound: u64,
    /// Search nodes spent so far.
    pub nodes: u64,
}

impl Certificate {
    /// The buffers that show the bound, for the problem that it was computed of.
    pub fn witness(&self, problem: &Problem) -> Witness {
        let live = |(_, buffer): &(usize, &Buffer)| {
            buffer.size > 0
                && (buffer.lower..buffer.upper).contains(&self.instant)
                && !buffer.gaps.iter().any(|&(from, to)| (from..to).contains(&self.instant))
        };
        let ends_there = |(_, buffer): &(usize, &Buffer)| {
            buffer.fixed.and_then(|at| at.checked_add(buffer.size)) == Some(self.bound)
        };
        let numbered = || problem.buffers.iter().enumerate().filter(live);
        match numbered().find(ends_there) {
            Some((buffer, _)) => Witness::Fixed { buffer },
            None => {
                let buffers = numbered().map(|(buffer, _)| buffer).collect();
                Witness::Instant { instant: self.instant, buffers }
            }
        }
    }
}
