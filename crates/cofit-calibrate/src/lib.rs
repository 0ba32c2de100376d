//! Fits cards to measured rows, and says how wrong they are.
//!
//! A card's times are sums of amounts times coefficients ([`cofit_sim::terms`]). Measured rows tell
//! about the coefficients; this crate fits them, all chips and kernel libraries together, and turns
//! what is left into intervals.
//!
//! - [`rows`]: measured rows, and the layouts in which people have them.
//! - [`hierarchy`]: a coefficient as a product of effects, shared between rows as far as they share a
//!   library, a core, a chip; how far each effect may lie from one.
//! - [`fit`]: the most probable effects under the rows, and how sure they are.
//! - [`pool`]: every row of every chip as one problem.
//! - [`leave_out`]: predictions of each network by rows of the others.
//! - [`conformal`]: residuals to intervals whose coverage is checked.
//! - [`overlay`]: fitted coefficients as a card's overlay.
//!
//! # Method
//!
//! The logarithm of a coefficient is the sum of a prior mean, which is stated by class of operator
//! ([`hierarchy::PRIOR`]), and of effects with normal priors of stated widths
//! ([`hierarchy::Effect::width`]). The logarithm of a measured time is that of the sum of the terms,
//! with an error whose width is the trust in the row. The fit is the mode of the posterior, found by
//! Gauss-Newton steps in the space of rows; with few rows the priors decide, so that four rows can be
//! fitted without nonsense and what rows cannot tell stays where the prior put it.
//!
//! No effect belongs to a network: a row of a network that was never measured is predicted exactly
//! like one that was.

pub mod conformal;
pub mod fit;
pub mod hierarchy;
pub mod leave_out;
pub mod network;
pub mod overlay;
pub mod pool;
pub mod rows;
pub mod validation;
