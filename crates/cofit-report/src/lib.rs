//! Every output format.
//!
//! Text for terminals, JSON for machines, CSV and Markdown for tables. This crate turns results
//! into strings; it computes no figure and prints nothing itself.
//!
//! One command, one file: [`check`], [`inspect`], [`pack`], [`plan`], [`sim`], [`compare`], [`chips`],
//! [`lint`], [`explain`], [`run`],
//! [`verify`]. What
//! they share is [`table`], [`words`] (figures as a reader sees them) and [`json`] (figures as the
//! machine contract has them).

pub mod check;
pub mod chips;
pub mod compare;
pub mod eval;
pub mod explain;
pub mod inspect;
pub mod json;
pub mod lint;
pub mod pack;
pub mod plan;
pub mod quantize;
pub mod run;
pub mod score;
pub mod sensitivity;
pub mod sim;
mod subject;
pub mod table;
pub mod verify;
pub mod words;

pub use subject::{Rendering, Subject};
pub use table::{ColumnKind, Table};
