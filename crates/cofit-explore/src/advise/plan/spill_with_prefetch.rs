//! `spill-with-prefetch`: what a fast memory has no room for waits in a slower one, and comes back
//! while the step before computes.
//!
//! Offered where the chip has a link that copies beside arithmetic and its runtime makes less of it:
//! buffers that lie in the slower memory for good, or weights that are read where they are stored.

use cofit_chip::{Staging, TilingMode};

use crate::advise::{Found, Kind, Setting};

/// What has to be said of a way to run that a runtime does not have.
const NOTE: &str =
    "the runtime does not do this by itself; generated code or its own tools have to";

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let chip = &setting.chip;
    if chip.links.is_empty() {
        return;
    }
    if chip.tiling.mode == TilingMode::Spill && !chip.tiling.fetch_back {
        let mut other = chip.clone();
        other.tiling.fetch_back = true;
        let change = "spilled buffers come back over the link";
        found.policy(Kind::SpillWithPrefetch, change, NOTE, other);
    }
    if chip.weights.staging != Staging::Double {
        let mut other = chip.clone();
        other.weights.staging = Staging::Double;
        let change = "weights come while the layer before computes";
        found.policy(Kind::SpillWithPrefetch, change, NOTE, other);
    }
}
