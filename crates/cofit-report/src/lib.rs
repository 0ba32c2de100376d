//! Every output format.
//!
//! Text for terminals, JSON for machines, CSV and Markdown for tables. This crate turns results
//! into strings; it computes no figure and prints nothing itself.
//!
//! One command, one file: [`advise`], [`check`], [`inspect`], [`pack`], [`plan`] with [`plan_map`],
//! [`tflm`], [`pareto`], [`cascades`], [`sim`], [`compare`], [`diff`], [`choose`], [`chips`],
//! [`lint`], [`explain`], [`run`], [`search`], [`sketch`],
//! [`verify`]. What people look at is [`page`], the report in one file, and [`scatter`], a picture for
//! pages; what other programs show is [`trace`], [`folded`] and [`model_explorer`]; [`source`] is a
//! model for a training framework. What
//! they share is [`table`], [`bars`] (for terminals), [`words`] (figures as a reader sees them) and
//! [`json`] (figures as the machine contract has them).

pub mod advise;
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
pub mod folded;
pub mod inspect;
pub mod json;
pub mod lint;
mod markup;
pub mod model_explorer;
pub mod pack;
pub mod page;
pub mod pareto;
pub mod plan;
pub mod plan_map;
pub mod quantize;
pub mod run;
pub mod scatter;
pub mod score;
pub mod search;
pub mod sensitivity;
pub mod sim;
pub mod sketch;
pub mod source;
mod subject;
pub mod table;
pub mod tflm;
pub mod trace;
mod transfers;
pub mod validate;
pub mod verify;
pub mod words;

pub use subject::{Rendering, Subject};
pub use table::{ColumnKind, Table};
