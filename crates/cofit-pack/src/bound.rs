//! The lower bound: bytes live at one instant.

use crate::instance::Instance;
use crate::problem::{PackError, Problem};

/// A lower bound that anyone can check: so many bytes are live at that instant, and they need
/// room side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// No layout is lower, in bytes. Sizes count as rounded up to the alignment that all live
    /// buffers of the problem have in common, save for the one at the top. A buffer fixed higher
    /// up raises the bound to its end.
    pub bound: u64,
    /// The instant that witnesses the bound. Zero for a problem without live buffers.
    pub instant: u64,
}

/// The bytes live at the fullest instant of a problem, which every layout needs.
///
/// # Errors
///
/// Those of [`crate::solve_minimise`] that concern alignment and address range.
///
/// ```
/// use cofit_pack::{Buffer, Problem, certificate};
/// let problem =
///     Problem { buffers: vec![Buffer::new(0, 2, 10), Buffer::new(1, 3, 20)], capacity: None };
/// assert_eq!(certificate(&problem)?.bound, 30);
/// assert_eq!(certificate(&problem)?.instant, 1);
/// # Ok::<(), cofit_pack::PackError>(())
/// ```
pub fn certificate(problem: &Problem) -> Result<Certificate, PackError> {
    let instance = Instance::new(problem)?;
    let mut best = Certificate::default();
    for part in &instance.parts {
        let bound = part_bound(&instance, part)?;
        if bound.bound > best.bound {
            best = bound;
        }
    }
    Ok(best)
}

/// The bound of one part.
pub(crate) fn part_bound(
    instance: &Instance,
    part: &std::ops::Range<usize>,
) -> Result<Certificate, PackError> {
    let items = &instance.items[part.clone()];
    let mut best = Certificate::default();
    let mut overflow = None;
    for item in items {
        if let Some(offset) = item.fixed {
            let error = PackError::AddressRange { buffer: item.buffer };
            let end = instance.top(item, offset).ok_or(error)?;
            if end > best.bound {
                best = Certificate { bound: end, instant: item.start };
            }
        }
    }
    instance.sweep(part, |instant, live| {
        let mut units = Some(0u64);
        let mut pad = 0;
        for &i in live {
            let item = &items[i as usize];
            units = units.and_then(|sum| sum.checked_add(item.size));
            pad = item.pad.max(pad);
        }
        match units.and_then(|units| units.checked_mul(instance.unit)) {
            Some(bytes) if bytes - pad > best.bound => {
                best = Certificate { bound: bytes - pad, instant };
            }
            Some(_) => {}
            None => overflow = live.iter().map(|&i| items[i as usize].buffer).max(),
        }
    });
    match overflow {
        Some(buffer) => Err(PackError::AddressRange { buffer }),
        None => Ok(best),
    }
}
