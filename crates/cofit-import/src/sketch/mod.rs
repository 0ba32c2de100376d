//! Sketches: short parameterised descriptions of networks.
//!
//! A sketch is a TOML file that begins with `sketch = 1`. It lists layers and blocks of layers
//! with sizes that may be expressions over parameters, and expands to a [`Model`] whose weights
//! are absent or seeded at random. The form is described in `docs/sketch.md`; [`keys`] holds its
//! words.
//!
//! [`expand`] is the way from text to model. [`Sketch::parse`] stops half-way, for callers that
//! want the parameters first or expand more than once.
//!
//! # Contract
//! - The same text, parameters and seed give the same model, byte for byte, on every machine.
//! - Without weights the model has the same tensors, shapes and quantisation as with them.
//! - Every shape is the one that the operator's own rule infers.
//! - No text makes the expansion panic, run on or fill memory: [`limits`] bounds it.
//! - Every complaint points at bytes of the text.

mod builder;
mod constants;
mod description;
mod expand;
mod expression;
mod gates;
pub mod keys;
mod layers;
pub mod limits;
mod random;
mod ranges;
mod read;
mod rearrange;
mod scope;
mod seeded;
mod sequences;
mod values;

use cofit_ir::Model;
use cofit_vocab::diagnostic::sketch as codes;
use cofit_vocab::{Diagnostic, Diagnostics, Place};

use description::{Description, Value};
pub use description::{Domain, Parameter, Scalar};

/// Whether and how weights get values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// They have shapes and scales and no bytes.
    Absent,
    /// They are drawn from a generator that this seed starts.
    Random {
        /// The seed.
        seed: u64,
    },
}

/// What to expand a sketch with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SketchOptions {
    /// Values for parameters, by name, as the command line gives them. The last of a name counts.
    pub parameters: Vec<(String, String)>,
    /// Whether and how weights get values.
    pub weights: Weights,
}

/// A sketch that was read and not yet expanded.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    description: Description,
    file: String,
    sha256: String,
}

/// Whether a text is meant as a sketch: its first words are `sketch =`.
///
/// ```
/// # use cofit_import::sketch;
/// assert!(sketch::recognises("# a network\nsketch = 1\n"));
/// assert!(!sketch::recognises("[package]\nname = \"sketch\"\n"));
/// ```
pub fn recognises(source: &str) -> bool {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    source
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .and_then(|line| line.strip_prefix("sketch"))
        .is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// The model that the sketch `source` stands for. `file_name` is how the user named the file.
///
/// # Errors
/// Everything that is wrong with the text; one complaint, with its layer and line, where layers do
/// not fit one another.
///
/// ```
/// # use cofit_import::sketch::{SketchOptions, Weights, expand};
/// let source = r#"
/// sketch = 1
/// input = [28, 28, 1]
/// [parameters]
/// width = 1.0
/// [[layer]]
/// conv = "round8(16 * width)"
/// stride = 2
/// activation = "relu"
/// [[layer]]
/// dense = 10
/// "#;
/// let options = SketchOptions {
///     parameters: vec![("width".to_owned(), "0.5".to_owned())],
///     weights: Weights::Absent,
/// };
/// let model = expand(source, "digits.toml", &options).expect("a sound sketch");
/// let graph = model.main().expect("one graph");
/// assert_eq!(graph.total_macs().0, 14 * 14 * 8 * 9 + 14 * 14 * 8 * 10);
/// ```
pub fn expand(
    source: &str,
    file_name: &str,
    options: &SketchOptions,
) -> Result<Model, Diagnostics> {
    Sketch::parse(source, file_name)?.expand(options)
}

impl Sketch {
    /// Reads a sketch without expanding it.
    ///
    /// # Errors
    /// Everything that is wrong with the text by itself: syntax, keys, values, expressions.
    pub fn parse(source: &str, file_name: &str) -> Result<Self, Diagnostics> {
        Ok(Self {
            description: read::read(source, file_name)?,
            file: file_name.to_owned(),
            sha256: sha256(source),
        })
    }

    /// The sketch's name.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// What the command line may change, in the order of the file.
    pub fn parameters(&self) -> &[Parameter] {
        &self.description.parameters
    }

    /// The model with these parameters and weights.
    ///
    /// # Errors
    /// A parameter that the sketch does not allow, or a layer that cannot be built.
    pub fn expand(&self, options: &SketchOptions) -> Result<Model, Diagnostics> {
        let values = self.values(&options.parameters)?;
        let mut model = expand::expand(&self.description, &self.file, &values, options.weights)
            .map_err(|diagnostic| Diagnostics::from(*diagnostic))?;
        model.source.file.clone_from(&self.file);
        model.source.sha256.clone_from(&self.sha256);
        let mut words: Vec<String> =
            values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        words.push(match options.weights {
            Weights::Absent => "weights absent".to_owned(),
            Weights::Random { seed } => format!("weights seeded with {seed}"),
        });
        model.description = format!("sketch: {}", words.join(", "));
        Ok(model)
    }

    /// The parameters' values, with `given` in place of the sketch's own.
    fn values(&self, given: &[(String, String)]) -> Result<Vec<(String, Scalar)>, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let own = &self.description.parameters;
        let mut values: Vec<(String, Scalar)> =
            own.iter().map(|parameter| (parameter.name.clone(), parameter.value.clone())).collect();
        let refuse = |message: String, help: Option<String>| {
            let place = Place::default().with_file(self.file.clone());
            let diagnostic = Diagnostic::error(&codes::BAD_OVERRIDE, message, place);
            match help {
                Some(help) => diagnostic.with_help(help),
                None => diagnostic,
            }
        };
        for (name, text) in given {
            let short = read::shortened(name);
            let Some(index) = own.iter().position(|parameter| parameter.name == *name) else {
                let names = own.iter().map(|parameter| parameter.name.as_str());
                let help = match keys::nearest(name, names.clone()) {
                    Some(meant) => format!("Did you mean `{meant}`?"),
                    None if own.is_empty() => "The sketch declares no parameters.".to_owned(),
                    None => format!("Declared are {}.", names.collect::<Vec<_>>().join(", ")),
                };
                let message = format!("the sketch has no parameter `{short}`");
                diagnostics.push(refuse(message, Some(help)));
                continue;
            };
            let value = match &own[index].value {
                Scalar::Word(_) if text.len() <= limits::NAME_BYTES => {
                    Some(Scalar::Word(text.clone()))
                }
                Scalar::Word(_) => None,
                Scalar::Number(_) => number(text).map(Scalar::Number),
            };
            match value.map(|value| (own[index].domain.admits(&value), value)) {
                Some((Ok(()), value)) => values[index].1 = value,
                Some((Err(reason), _)) => {
                    diagnostics.push(refuse(format!("`{short}` is {reason}"), None));
                }
                None => {
                    let text = read::shortened(text);
                    let message = format!("`{text}` is no value of parameter `{short}`");
                    diagnostics.push(refuse(message, None));
                }
            }
        }
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(values) }
    }
}

/// The finite number or truth value that a text of the command line is.
fn number(text: &str) -> Option<f64> {
    match text.trim() {
        "true" => Some(1.0),
        "false" => Some(0.0),
        text => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

fn sha256(source: &str) -> String {
    use sha2::Digest;

    sha2::Sha256::digest(source.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
