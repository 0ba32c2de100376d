//! Why a node cannot be imported.

use cofit_vocab::Code;
use cofit_vocab::diagnostic::onnx as code;

/// A breach of a rule, before its place is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    /// The rule.
    pub code: &'static Code,
    /// What happened.
    pub message: String,
    /// What to do, where it can be said better than the rule's cure.
    pub help: Option<&'static str>,
}

/// What a node's import comes to.
pub(crate) type Imported<T = ()> = Result<T, Refusal>;

impl Refusal {
    /// A breach of `code`.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    /// An attribute or operand whose value has no counterpart.
    pub fn form(message: impl Into<String>) -> Self {
        Self::new(&code::UNSUPPORTED_FORM, message)
    }

    /// A node that contradicts its operator's definition.
    pub fn node(message: impl Into<String>) -> Self {
        Self::new(&code::BAD_NODE, message)
    }

    /// An operand that must be known when the model is read and is not.
    pub fn dynamic(what: impl Into<String>) -> Self {
        Self::new(&code::DYNAMIC, what)
    }

    /// The same refusal with help of its own.
    #[must_use]
    pub const fn with_help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }
}
