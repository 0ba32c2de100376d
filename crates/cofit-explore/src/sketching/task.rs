//! What networks are for, and the forms that serve it.

/// A form of network: a sketch with choices and sizes.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Convolutions over maps.
static MAPS: Template = Template { name: "maps", text: include_str!("templates/maps.toml") };

/// Dilated convolutions along a sequence.
static SEQUENCE: Template =
    Template { name: "sequence", text: include_str!("templates/sequence.toml") };

/// Dense layers.
static DENSE: Template = Template { name: "dense", text: include_str!("templates/dense.toml") };

/// Dense layers to a code and back.
static AUTOENCODER: Template =
    Template { name: "autoencoder", text: include_str!("templates/autoencoder.toml") };

/// Two heads of boxes over maps.
static DETECTION: Template =
    Template { name: "detection", text: include_str!("templates/detection.toml") };

/// Encoders with attention.
static TRANSFORMER: Template =
    Template { name: "transformer", text: include_str!("templates/transformer.toml") };

/// Forms of classifiers of maps.
static CLASSIFIERS: [&Template; 2] = [&MAPS, &DENSE];

/// Forms of classifiers of sequences.
static SEQUENCES: [&Template; 3] = [&SEQUENCE, &MAPS, &DENSE];

/// Forms with attention.
static TRANSFORMERS: [&Template; 1] = [&TRANSFORMER];

/// Forms that reproduce their input.
static REPRODUCERS: [&Template; 1] = [&AUTOENCODER];

/// Forms of detectors.
static DETECTORS: [&Template; 1] = [&DETECTION];

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Which of some classes an image shows.
    ImageClassification,
    /// Which of some words is spoken, from frames of spectral coefficients.
    KeywordSpotting,
    /// Whether one word is spoken.
    WakeWord,
    /// Whether a signal is unlike those of training, by how badly it is reproduced.
    AnomalyDetection,
    /// Which of some classes a stretch of samples belongs to, as of vibration.
    TimeSeries,
    /// Where in an image things are.
    Detection,
    /// Which of some words is spoken, by a transformer.
    KeywordTransformer,
}

impl Task {
    /// Every task.
    pub const ALL: &[Self] = &[
        Self::ImageClassification,
        Self::KeywordSpotting,
        Self::WakeWord,
        Self::AnomalyDetection,
        Self::TimeSeries,
        Self::Detection,
        Self::KeywordTransformer,
    ];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ImageClassification => "image-classification",
            Self::KeywordSpotting => "keyword-spotting",
            Self::WakeWord => "wake-word",
            Self::AnomalyDetection => "anomaly-detection",
            Self::TimeSeries => "time-series",
            Self::Detection => "detection",
            Self::KeywordTransformer => "keyword-transformer",
        }
    }

    /// Rows, columns and channels of an input that is usual for the task. Those of images, spectra and
    /// anomalies are MLPerf Tiny's (C. Banbury et al., 2021).
    pub const fn usual_input(self) -> [u32; 3] {
        match self {
            Self::ImageClassification => [32, 32, 3],
            Self::KeywordSpotting | Self::WakeWord | Self::KeywordTransformer => [49, 10, 1],
            Self::AnomalyDetection => [1, 1, 640],
            Self::TimeSeries => [512, 1, 3],
            Self::Detection => [96, 96, 3],
        }
    }

    /// Classes that are usual for the task.
    pub const fn usual_classes(self) -> u32 {
        match self {
            Self::ImageClassification => 10,
            Self::KeywordSpotting | Self::KeywordTransformer => 12,
            Self::WakeWord | Self::Detection => 2,
            Self::AnomalyDetection => 1,
            Self::TimeSeries => 5,
        }
    }

    /// Forms that serve the task, the preferred first.
    pub fn templates(self) -> &'static [&'static Template] {
        match self {
            Self::ImageClassification | Self::KeywordSpotting | Self::WakeWord => &CLASSIFIERS,
            Self::AnomalyDetection => &REPRODUCERS,
            Self::TimeSeries => &SEQUENCES,
            Self::Detection => &DETECTORS,
            Self::KeywordTransformer => &TRANSFORMERS,
        }
    }
}
