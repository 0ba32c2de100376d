//! Networks that published measurements name: sketches (`docs/sketch.md`) of their architectures, and
//! which architecture with which parameters a measurement's own name for a model stands for.
//!
//! `networks/NAME.toml` holds one architecture each, with its parameters: width, resolution, classes
//! and, in every one of them, the `precision`. `networks/schemes.txt` holds how measured rows write
//! their models' names, as patterns, so that rows of networks that nobody has met yet resolve too;
//! [`scheme`] reads it. `networks/published.csv` holds parameters and MACs that publications state,
//! which a test compares with what the sketches expand to.
//!
//! The crate is text and names: `cofit-import` expands the sketches, callers choose the precision.

mod catalogue;
pub mod scheme;

pub use catalogue::{Architecture, architectures};

/// A network by its architecture and the values of the sketch's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The architecture's name, that of its file in `networks/`.
    pub architecture: &'static str,
    /// The sketch.
    pub text: &'static str,
    /// Values for the sketch's parameters, by name, `precision` not among them.
    pub parameters: Vec<(String, String)>,
    /// The element type that the model's name states, if it states one.
    pub precision: Option<String>,
}

impl Instance {
    /// The parameters with the precision set: `precision` where the model's name states none.
    ///
    /// ```
    /// let instance = cofit_zoo::find("mobilenet_v2_0.75_160").expect("a known scheme");
    /// let parameters = instance.parameters_at("float32");
    /// assert_eq!(parameters.last().map(|(_, value)| value.as_str()), Some("float32"));
    /// ```
    pub fn parameters_at(&self, precision: &str) -> Vec<(String, String)> {
        let word = self.precision.as_deref().unwrap_or(precision);
        let mut parameters = self.parameters.clone();
        parameters.push(("precision".to_owned(), word.to_owned()));
        parameters
    }
}

/// The network that a measured row calls `model`; `None` where no scheme knows the name.
///
/// ```
/// let instance = cofit_zoo::find("mobilenet_v2_0.75_160").expect("a known scheme");
/// assert_eq!(instance.architecture, "mobilenet_v2");
/// assert!(instance.parameters.contains(&("width".to_owned(), "0.75".to_owned())));
/// assert_eq!(cofit_zoo::find("no_such_network"), None);
/// ```
pub fn find(model: &str) -> Option<Instance> {
    let found = scheme::resolve(model)?;
    let architecture =
        architectures().iter().find(|architecture| architecture.name == found.architecture)?;
    let mut parameters = found.parameters;
    let precision = parameters
        .iter()
        .position(|(name, _)| name == "precision")
        .map(|index| parameters.remove(index).1);
    Some(Instance {
        architecture: architecture.name,
        text: architecture.text,
        parameters,
        precision,
    })
}
