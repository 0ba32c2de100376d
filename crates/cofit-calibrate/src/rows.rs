//! Measured rows, and the layouts in which people have them.
//!
//! [`read`] recognises a layout by its content. Whatever it is, the result is [`Row`]s; what a layout
//! does not say (the chip, the runtime, the model) stays empty and is filled in by who asks.
//!
//! | layout | what writes it | documented in |
//! |---|---|---|
//! | table | people, cofit's own rows | `rows/table.rs` |
//! | Vela | `vela`: its summary and its table of layers | `rows/vela.rs` |
//! | ST | `stedgeai validate --mode target`, X-CUBE-AI | `rows/stedgeai.rs` |
//! | ESP-DL | `dl::Model::profile()`, through a serial monitor | `rows/esp_dl.rs` |
//! | TFLM | `MicroProfiler` and the benchmarks of TFLite Micro | `rows/tflm.rs` |
//! | layers | people: `layer,cycles` or `layer,ms` | `rows/layers.rs` |

mod cost;
mod esp_dl;
mod esp_idf;
mod layers;
mod reading;
mod records;
mod stedgeai;
mod table;
mod tflm;
mod vela;

use cofit_vocab::diagnostic::calibration;
use cofit_vocab::{Diagnostic, Diagnostics, Hertz, PicoJoules, Place, Seconds};

use reading::Reading;

/// What a row is a figure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// One inference of a network.
    Model,
    /// A layer, or all layers of one kind, of a network.
    Layer,
    /// A kernel by itself.
    Kernel,
}

/// A layout in which rows come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// A table of our own columns.
    Table,
    /// Vela's summary or its table of layers.
    Vela,
    /// A report of ST's tools about a run on a board.
    StEdgeAi,
    /// ESP-DL's table of modules.
    EspDl,
    /// TFLite Micro's profiler.
    Tflm,
    /// A plain table of layers.
    Layers,
}

impl Layout {
    /// Every layout, in the order in which they are tried: those that only a tool writes come before
    /// those that people do.
    pub const ALL: [Self; 6] =
        [Self::Table, Self::Vela, Self::StEdgeAi, Self::EspDl, Self::Tflm, Self::Layers];

    /// What it is called in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table of measured rows",
            Self::Vela => "Vela's summary or layers",
            Self::StEdgeAi => "report of ST Edge AI Core or X-CUBE-AI",
            Self::EspDl => "profile of ESP-DL",
            Self::Tflm => "log of TFLM's profiler",
            Self::Layers => "table of layers",
        }
    }

    /// Whether a text is of this layout.
    fn is_of(self, text: &str) -> bool {
        match self {
            Self::Table => table::is_one(text),
            Self::Vela => vela::is_one(text),
            Self::StEdgeAi => stedgeai::is_one(text),
            Self::EspDl => esp_dl::is_one(text),
            Self::Tflm => tflm::is_one(text),
            Self::Layers => layers::is_one(text),
        }
    }
}

/// A measured row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The line of the file, from 1.
    pub line: u32,
    /// The chip's card; empty where the row names none.
    pub card: String,
    /// The runtime on the card; empty where the row names none.
    pub runtime: String,
    /// The runtime as the source calls it, with its release.
    pub release: String,
    /// The chip as the source calls it.
    pub chip: String,
    /// The network's id; for a layer followed by `/` and the layer.
    pub model: String,
    /// The model's file, relative to the folder of models.
    pub model_file: Option<String>,
    /// Element types as the source states them, such as `int8` or `float32`.
    pub precision: String,
    /// What it is a figure of.
    pub level: Level,
    /// The clock of the engine.
    pub clock: Option<Hertz>,
    /// Threads; 1 where the source does not say.
    pub threads: u32,
    /// The time of one inference, layer or call.
    pub latency: Option<Seconds>,
    /// How exactly the time was written down: half a unit of its last decimal place.
    pub resolution: Seconds,
    /// Cycles, where they were counted.
    pub cycles: Option<f64>,
    /// Energy of one inference.
    pub energy: Option<PicoJoules>,
    /// Where it was read.
    pub source: String,
    /// What to know about it.
    pub note: String,
}

impl Row {
    /// A row of which nothing is known yet.
    pub fn blank(line: u32, level: Level) -> Self {
        Self {
            line,
            card: String::new(),
            runtime: String::new(),
            release: String::new(),
            chip: String::new(),
            model: String::new(),
            model_file: None,
            precision: String::new(),
            level,
            clock: None,
            threads: 1,
            latency: None,
            resolution: Seconds(0.0),
            cycles: None,
            energy: None,
            source: String::new(),
            note: String::new(),
        }
    }

    /// The network, without the layer.
    pub fn network(&self) -> &str {
        self.model.split_once('/').map_or(self.model.as_str(), |(network, _)| network)
    }

    /// The layer within the network, where the row is of one.
    pub fn layer(&self) -> Option<&str> {
        self.model.split_once('/').map(|(_, layer)| layer)
    }

    /// Cycles at `clock`: those counted, else the time's.
    pub fn cycles_at(&self, clock: Hertz) -> Option<f64> {
        self.cycles.or_else(|| self.latency.map(|latency| latency.get() * clock.get()))
    }

    /// Whether the arithmetic is in floats.
    pub fn is_float(&self) -> bool {
        ["float", "fp", "f32", "f16"].iter().any(|word| self.precision.starts_with(word))
    }
}

/// The largest file of rows that is read.
pub const MAX_BYTES: usize = 64 << 20;

/// Reads rows of any known layout.
///
/// Lines that say nothing measurable are passed over with a message each; the file is refused where
/// no line says anything.
///
/// # Errors
/// The text has no layout that is known, or no row.
pub fn read(text: &str, file: &str) -> Result<(Layout, Vec<Row>, Diagnostics), Diagnostics> {
    let refuse = |message: &str| {
        let place = Place::default().with_file(file.to_owned());
        Diagnostics::from(Diagnostic::error(&calibration::UNKNOWN_LAYOUT, message, place))
    };
    if text.len() > MAX_BYTES {
        return Err(refuse("the text is larger than 64 MiB, and no rows are"));
    }
    // Spreadsheets put a byte order mark in front of what they export.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(layout) = detect(text) else {
        return Err(refuse("the text is of no layout that is known"));
    };
    let mut reading = Reading::of(file);
    match layout {
        Layout::Table => table::read(text, &mut reading),
        Layout::Vela => vela::read(text, &mut reading),
        Layout::StEdgeAi => stedgeai::read(text, &mut reading),
        Layout::EspDl => esp_dl::read(text, &mut reading),
        Layout::Tflm => tflm::read(text, &mut reading),
        Layout::Layers => layers::read(text, &mut reading),
    }
    let (rows, mut messages) = reading.finish();
    if rows.is_empty() {
        messages.extend(refuse("no line has a time, cycles or energy").into_vec());
        return Err(messages);
    }
    Ok((layout, rows, messages))
}

/// The layout of a text, by its content.
fn detect(text: &str) -> Option<Layout> {
    Layout::ALL.into_iter().find(|layout| layout.is_of(text))
}
