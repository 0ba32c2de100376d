//! A bare packing problem: how low it goes, why not lower, and whether that fits.

use std::fmt::Write as _;

use cofit_pack::csv::{self, Table as Buffers};
use cofit_pack::{Solution, Witness};
use cofit_vocab::{Bytes, Figure, FigureKind, Unit, units};
use serde_json::{Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, json, words};

/// Whether a layout keeps to the capacity that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// No capacity was asked for.
    Unasked,
    /// It does.
    Fits,
    /// There is no such layout.
    Exceeds,
    /// The search ended before it knew.
    Undecided,
}

impl Fit {
    /// The word in JSON.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Unasked => None,
            Self::Fits => Some("yes"),
            Self::Exceeds => Some("no"),
            Self::Undecided => Some("undecided"),
        }
    }
}

/// What became of a problem.
#[derive(Clone, Debug)]
pub struct Packed<'a> {
    /// The file as the user named it.
    pub file: &'a str,
    /// The problem with the names of its buffers.
    pub buffers: &'a Buffers,
    /// The capacity asked for, in bytes.
    pub capacity: Option<u64>,
    /// Whether it is kept.
    pub fit: Fit,
    /// The layout, where there is one to show.
    pub layout: Option<Solution>,
    /// No layout is lower than this, in bytes.
    pub lower_bound: u64,
    /// Why not.
    pub witness: Witness,
    /// Search nodes spent.
    pub nodes: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Packed<'_> {
    fn is_optimal(&self) -> bool {
        self.layout.as_ref().is_some_and(|layout| layout.height == self.lower_bound)
    }

    fn id(&self, buffer: usize) -> &str {
        self.buffers.ids.get(buffer).map_or("", String::as_str)
    }

    /// Why no layout is lower, in a sentence.
    fn reason(&self) -> String {
        let bound = Bytes(self.lower_bound);
        match &self.witness {
            Witness::Instant { instant, buffers } => {
                let count = buffers.len();
                format!("{count} buffers live at {instant} need {bound} side by side")
            }
            Witness::Fixed { buffer } => {
                format!("the fixed buffer {} ends at {bound}", self.id(*buffer))
            }
            Witness::Exhausted { buffers, height, nodes } => format!(
                "{} buffers have no layout of {}: {} search nodes looked at every case",
                buffers.len(),
                Bytes(*height),
                units::grouped(*nodes),
            ),
        }
    }
}

/// A few lines for a terminal: the layout itself is for [`csv_text`].
pub fn text(packed: &Packed<'_>, rendering: Rendering) -> String {
    let mut text = format!("{}: {} buffers\n", packed.file, packed.buffers.ids.len());
    let bound = Bytes(packed.lower_bound);
    if let Some(layout) = &packed.layout {
        let proof = if packed.is_optimal() { "proved lowest" } else { "not proved lowest" };
        let bytes = Bytes(layout.height);
        let _ = writeln!(text, "packed {bytes}, bound {bound}, {proof}");
    } else {
        let _ = writeln!(text, "no layout, bound {bound}");
    }
    if let Some(capacity) = packed.capacity {
        let capacity = Bytes(capacity);
        let _ = match packed.fit {
            Fit::Unasked => Ok(()),
            Fit::Fits => writeln!(text, "fits {capacity}"),
            Fit::Exceeds => writeln!(text, "does not fit {capacity}"),
            Fit::Undecided => {
                let nodes = units::grouped(packed.nodes);
                let line = format!(
                    "not known to fit {capacity}: neither a layout nor a proof (search nodes: \
                     {nodes}); give more with --nodes"
                );
                writeln!(text, "{}", words::wrapped(&line, rendering.width, 2))
            }
        };
    }
    let line = format!("bound: {}", packed.reason());
    let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 2));
    text
}

/// The problem as CSV, with the offsets of the layout if there is one.
pub fn csv_text(packed: &Packed<'_>) -> String {
    csv::write(packed.buffers, packed.layout.as_ref())
}

/// The buffers with their offsets.
pub fn markdown(packed: &Packed<'_>) -> String {
    let mut table = Table::new(&[
        ("BUFFER", ColumnKind::Name),
        ("LOWER", ColumnKind::Number),
        ("UPPER", ColumnKind::Number),
        ("BYTES", ColumnKind::Number),
        ("OFFSET", ColumnKind::Number),
    ]);
    for (i, buffer) in packed.buffers.problem.buffers.iter().enumerate() {
        let offset = packed.layout.as_ref().and_then(|layout| layout.offsets.get(i));
        table.row(vec![
            packed.id(i).to_owned(),
            buffer.lower.to_string(),
            buffer.upper.to_string(),
            buffer.size.to_string(),
            offset.map(u64::to_string).unwrap_or_default(),
        ]);
    }
    table.markdown()
}

/// The machine contract. `seconds` is the only figure that differs from run to run.
pub fn json_value(packed: &Packed<'_>) -> Value {
    let bytes = |bytes: u64, kind| json::bytes(Bytes(bytes), kind);
    let height = match &packed.layout {
        Some(layout) => bytes(layout.height, FigureKind::Planned),
        None => json!({ "unavailable": "no layout was found" }),
    };
    let ids = |buffers: &[usize]| -> Vec<&str> { buffers.iter().map(|&i| packed.id(i)).collect() };
    let certificate = match &packed.witness {
        Witness::Instant { instant, buffers } => json!({
            "kind": "live at once",
            "instant": instant,
            "buffers": ids(buffers),
        }),
        Witness::Fixed { buffer } => json!({ "kind": "fixed", "buffers": [packed.id(*buffer)] }),
        Witness::Exhausted { buffers, height, nodes } => json!({
            "kind": "searched through",
            "height": bytes(*height, FigureKind::Exact),
            "nodes": nodes,
            "buffers": ids(buffers),
        }),
    };
    let offset = |i: usize| packed.layout.as_ref().and_then(|layout| layout.offsets.get(i));
    let layout: Vec<Value> = (0..packed.buffers.ids.len())
        .map(|i| json!({ "id": packed.id(i), "offset": offset(i) }))
        .collect();
    let seconds = Figure::point(packed.seconds, Unit::Seconds, FigureKind::Measured);
    json!({
        "schema": json::SCHEMA,
        "tool": json::tool(),
        "file": packed.file,
        "capacity": packed.capacity.map(|capacity| bytes(capacity, FigureKind::Exact)),
        "fits": packed.fit.name(),
        "bytes": height,
        "lower_bound": bytes(packed.lower_bound, FigureKind::Planned),
        "optimal": packed.is_optimal(),
        "nodes": packed.nodes,
        "seconds": json::figure(&seconds),
        "certificate": certificate,
        "buffers": layout,
    })
}
