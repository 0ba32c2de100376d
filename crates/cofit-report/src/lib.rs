//! Every output format.
//!
//! Text for terminals, JSON for machines, CSV and Markdown for tables. This crate turns results
//! into strings; it computes no figure and prints nothing itself.
//!
//! One command, one file: [`check`], [`inspect`], [`pack`], [`plan`] with [`plan_map`], [`tflm`],
//! [`pareto`], [`cascades`], [`sim`], [`compare`], [`diff`], [`choose`], [`chips`],
//! [`lint`], [`explain`], [`run`],
//! [`verify`]; pictures for pages are [`scatter`]. What
//! they share is [`table`], [`bars`] (for terminals), [`words`] (figures as a reader sees them) and [`json`] (figures as the
//! machine contract has them).

pub mod bars;
pub mod calibrate;
pub mod cascades;
pub mod check;
pub mod chips;
pub mod choose;
pub mod compare;
pub mod diff;
pub mod eval;
pub mod explain;
pub mod inspect;
pub mod json;
pub mod lint;
pub mod pack;
pub mod pareto;
pub mod plan;
pub mod plan_map;
pub mod quantize;
pub mod run;
pub mod scatter;
pub mod score;
pub mod sensitivity;
pub mod sim;
mod subject;
pub mod table;
pub mod tflm;
mod transfers;
pub mod validate;
pub mod verify;
pub mod words;

pub use subject::{Rendering, Subject};
pub use table::{ColumnKind, Table};
