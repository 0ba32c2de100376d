//! `elu`.
//!
//! int8 by a table of 256 entries (`kernels/elu.cc` of TFLM), uint8 alike. int16, which nobody
//! defines, is computed on the reals that it stands for and rounded to nearest.

use crate::call::Kernel;
use crate::lookup::{Words, by_real};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    by_real(site, Words::Each, |x| if x < 0.0 { x.exp_m1() } else { x })
}
