//! Checking a proof. Like [`crate::verify`], it shares nothing with the solver.

use crate::problem::{Buffer, Problem};
use crate::proof::{Proof, Witness};
use crate::verify::{Overlap, verify};

/// What a bound that was checked rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// On the problem alone: the bound was computed anew from the witness.
    Computed,
    /// On a search that looked at every case; only its terms were checked.
    Searched,
}

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The layout is no layout.
    #[error("{0}")]
    Layout(#[from] Overlap),
    /// The layout's height is not the one that is claimed.
    #[error("the layout is {found} bytes high, not {claimed}")]
    Height {
        /// The height claimed.
        claimed: u64,
        /// The highest end of a buffer.
        found: u64,
    },
    /// The witness names a buffer that does not exist, is named twice, or is not live or fixed as
    /// the witness says.
    #[error("buffer {buffer} does not witness the bound")]
    Buffer {
        /// Index of the buffer.
        buffer: usize,
    },
    /// The witness shows less than is claimed.
    #[error("the bound of {claimed} bytes is claimed, but {shown} are shown")]
    Bound {
        /// The bound claimed.
        claimed: u64,
        /// The bound that follows from the witness.
        shown: u64,
    },
}

fn live(buffer: &Buffer, instant: u64) -> bool {
    (buffer.lower..buffer.upper).contains(&instant)
        && !buffer.gaps.iter().any(|&(from, to)| (from..to).contains(&instant))
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Checks everything about a proof that can be computed: the layout, its height, and that the
/// witness shows the bound.
///
/// # Errors
///
/// The first fault found.
///
/// ```
/// use cofit_pack::{Budget, Buffer, Problem, Standing, check, minimise};
/// let buffers = vec![Buffer::new(0, 2, 10), Buffer::new(1, 3, 20), Buffer::new(2, 4, 10)];
/// let problem = Problem { buffers, capacity: None };
/// let proof = minimise(&problem, Budget::STANDARD, &mut |_| ())?;
/// assert_eq!(check(&problem, &proof), Ok(Standing::Computed));
/// # Ok::<(), cofit_pack::PackError>(())
/// ```
pub fn check(problem: &Problem, proof: &Proof) -> Result<Standing, Fault> {
    let Proof { solution, witness } = proof;
    verify(problem, solution)?;
    let taking = |buffer: &Buffer| {
        let starts = buffer.gaps.iter().map(|&(_, to)| to).chain([buffer.lower]);
        buffer.size > 0 && starts.into_iter().any(|instant| live(buffer, instant))
    };
    let ends = problem.buffers.iter().zip(&solution.offsets);
    let ends = ends.filter(|(buffer, _)| taking(buffer)).map(|(buffer, at)| at + buffer.size);
    let (claimed, found) = (solution.height, ends.max().unwrap_or(0));
    if claimed != found {
        return Err(Fault::Height { claimed, found });
    }
    let mut before = None;
    let mut members = Vec::new();
    for &buffer in witness.buffers() {
        let known = problem.buffers.get(buffer).filter(|_| before < Some(buffer));
        let witnesses = |it: &&Buffer| match witness {
            Witness::Instant { instant, .. } => live(it, *instant),
            Witness::Fixed { .. } => taking(it) && it.fixed.is_some(),
            Witness::Exhausted { .. } => true,
        };
        members.push(known.filter(witnesses).ok_or(Fault::Buffer { buffer })?);
        before = Some(buffer);
    }
    let shown = match witness {
        Witness::Instant { .. } => {
            let unit = members.iter().fold(0, |unit, it| common_divisor(it.alignment.max(1), unit));
            let rounded = |size: u64| u128::from(size).next_multiple_of(unit.max(1).into());
            let pad = |size: u64| rounded(size) - u128::from(size);
            let sum: u128 = members.iter().map(|it| rounded(it.size)).sum();
            sum - members.iter().map(|it| pad(it.size)).max().unwrap_or(0)
        }
        Witness::Fixed { .. } => {
            let end = |it: &&Buffer| u128::from(it.fixed.unwrap_or(0)) + u128::from(it.size);
            members.iter().map(end).max().unwrap_or(0)
        }
        Witness::Exhausted { height, .. } => u128::from(*height) + 1,
    };
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    let claimed = solution.lower_bound;
    if claimed > shown {
        return Err(Fault::Bound { claimed, shown });
    }
    Ok(match witness {
        Witness::Instant { .. } | Witness::Fixed { .. } => Standing::Computed,
        Witness::Exhausted { .. } => Standing::Searched,
    })
}
