//! Searches: the question, the evaluation of points on threads, and the study that keeps results.

mod drive;
mod evaluator;
mod question;
mod record;
mod subject;

pub use drive::{Driver, Waiting};
pub use evaluator::Evaluator;
pub use question::Question;
pub use subject::Setting;
