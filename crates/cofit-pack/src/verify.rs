//! Checking a layout. Shares nothing with the solver, so that a mistake there shows here.

use crate::problem::{Buffer, Problem, Solution};

/// What is wrong with a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overlap {
    /// The layout has more or fewer offsets than the problem has buffers.
    #[error("{offsets} offsets for {buffers} buffers")]
    Count {
        /// Offsets of the layout.
        offsets: usize,
        /// Buffers of the problem.
        buffers: usize,
    },
    /// Two buffers share bytes while both are live.
    #[error("buffers {first} and {second} share bytes while both are live")]
    Bytes {
        /// Index of the one.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// An offset is no multiple of the buffer's alignment.
    #[error("buffer {buffer} is misaligned")]
    Alignment {
        /// Index of the buffer.
        buffer: usize,
    },
    /// A buffer does not lie where it is fixed.
    #[error("buffer {buffer} is not at its fixed offset")]
    Fixed {
        /// Index of the buffer.
        buffer: usize,
    },
    /// A buffer ends beyond the capacity, or beyond the stated height.
    #[error("buffer {buffer} ends beyond the limit of {limit} bytes")]
    Limit {
        /// Index of the buffer.
        buffer: usize,
        /// The capacity or the stated height.
        limit: u64,
    },
    /// The stated height lies below the stated lower bound, or the optimality claim contradicts
    /// them.
    #[error("the height contradicts the lower bound or the claim of optimality")]
    Claim,
}

/// Whether two buffers are ever live at one instant; of a buffer and itself, whether it is ever
/// live. Whether two sets of half-open intervals meet
/// shows at the start of some interval, so only the instants at which either becomes live matter.
fn meet(a: &Buffer, b: &Buffer) -> bool {
    let live = |x: &Buffer, t: u64| {
        x.lower <= t && t < x.upper && !x.gaps.iter().any(|&(lo, hi)| lo <= t && t < hi)
    };
    let starts = |x: &Buffer, y: &Buffer| {
        std::iter::once(x.lower)
            .chain(x.gaps.iter().map(|&(_, hi)| hi))
            .any(|t| live(x, t) && live(y, t))
    };
    a.lower.max(b.lower) < a.upper.min(b.upper) && (starts(a, b) || starts(b, a))
}

/// Checks that `solution` is a layout of `problem` and that what it says of itself is true, except
/// for the lower bound, which is a claim about all other layouts ([`crate::certificate`]).
///
/// # Errors
///
/// The first fault found. Buffers of size zero or without lifetime must be aligned and at their
/// fixed offset, but take no bytes.
pub fn verify(problem: &Problem, solution: &Solution) -> Result<(), Overlap> {
    let buffers = &problem.buffers;
    let offsets = &solution.offsets;
    if offsets.len() != buffers.len() {
        return Err(Overlap::Count { offsets: offsets.len(), buffers: buffers.len() });
    }
    let optimal = solution.height == solution.lower_bound;
    if solution.height < solution.lower_bound || optimal != solution.proven_optimal {
        return Err(Overlap::Claim);
    }
    let limit = problem.capacity.unwrap_or(u64::MAX).min(solution.height);
    let mut by_offset = Vec::new();
    for (i, (buffer, &offset)) in buffers.iter().zip(offsets).enumerate() {
        if offset % buffer.alignment.max(1) != 0 {
            return Err(Overlap::Alignment { buffer: i });
        }
        if buffer.fixed.is_some_and(|fixed| fixed != offset) {
            return Err(Overlap::Fixed { buffer: i });
        }
        if buffer.size == 0 || !meet(buffer, buffer) {
            continue;
        }
        match offset.checked_add(buffer.size) {
            Some(end) if end <= limit => by_offset.push((offset, end, i)),
            _ => return Err(Overlap::Limit { buffer: i, limit }),
        }
    }
    by_offset.sort_unstable();
    for (k, &(_, end, i)) in by_offset.iter().enumerate() {
        for &(_, _, j) in by_offset[k + 1..].iter().take_while(|other| other.0 < end) {
            if meet(&buffers[i], &buffers[j]) {
                return Err(Overlap::Bytes { first: i.min(j), second: i.max(j) });
            }
        }
    }
    Ok(())
}
