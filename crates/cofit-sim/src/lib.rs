//! Plan and chip to a profile: timing models and the event simulator.
//!
//! - [`causes`]: why cycles are spent, a closed set.
//! - [`clock`]: cycles of one clock domain in another.
//! - [`edge_tpu`]: rounded channels and the weight cache of the Edge TPU.
//! - [`event`]: tasks on engines, DMA channels and memory ports, and who waited for whom.
//! - [`kpu_k210`]: rows, AI memory and weight stream of the Kendryte K210.
//! - [`loading`]: what it takes to bring weights to where they are used.
//! - [`mac_array`]: any array of multipliers, from its unrolling, buffer and port.
//! - [`max7800x`]: the vendor's layer formula for MAX78000 and MAX78002.
//! - [`simd`]: a CPU or DSP with a kernel library, structured for calibration.
//! - [`roofline`]: the fallback where little is known.
//! - [`ne16`]: tiles, passes and bits of PULP NE16, the engine of GAP9.
//! - [`profile`]: what a simulated plan costs.
//! - [`streaming`]: what a step costs that runs piece by piece.
//! - [`terms`]: a plan's time as amounts times coefficients of the card, for calibration.
//! - [`work`]: an operator as counts, the input of `simd` and `roofline`.

pub mod causes;
pub mod clock;
pub mod edge_tpu;
mod energy;
pub mod event;
mod issuer;
pub mod kpu_k210;
pub mod loading;
pub mod mac_array;
pub mod max7800x;
pub mod ne16;
pub mod profile;
pub mod roofline;
pub mod simd;
mod simulate;
pub mod streaming;
pub mod terms;
mod timing;
pub mod work;

pub use causes::{Cause, Causes};
pub use profile::Profile;
pub use simulate::{ASSUMED_CLOCK, simulate};
pub use timing::processor::class_of;
