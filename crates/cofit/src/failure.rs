//! How a command fails: messages on standard error, and an exit code that says whose fault it is.

use std::fmt::Write as _;

use cofit_vocab::{Code, Diagnostic, Diagnostics, Fault, Place, Severity};

/// A source text that spans of diagnostics point into.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// The file as the user named it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Why a command did not produce its result.
#[derive(Debug)]
pub struct Failure {
    diagnostics: Diagnostics,
    sources: Vec<SourceText>,
}

impl Failure {
    /// One message without a source text.
    pub fn new(code: &'static Code, message: impl Into<String>, place: Place) -> Self {
        Self { diagnostics: Diagnostic::error(code, message, place).into(), sources: Vec::new() }
    }

    /// Messages that point into texts.
    pub fn with_sources(diagnostics: Diagnostics, sources: Vec<SourceText>) -> Self {
        Self { diagnostics, sources }
    }

    /// The same failure, with a text that its messages point into.
    #[must_use]
    pub fn in_text(mut self, source: SourceText) -> Self {
        self.sources.push(source);
        self
    }

    /// The exit code of the gravest fault among the errors.
    pub fn exit_code(&self) -> u8 {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .map(|diagnostic| exit_code(diagnostic.code.fault))
            .max()
            .unwrap_or(70)
    }

    /// The first message in one line.
    pub fn headline(&self) -> String {
        let first = self.diagnostics.iter().find(|one| one.severity == Severity::Error);
        first.map_or_else(String::new, |one| format!("[{}] {}", one.code.id, one.message))
    }

    /// The messages as a person reads them.
    pub fn render(&self) -> String {
        render(&self.diagnostics, &self.sources, SHOWN)
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { diagnostics, sources: Vec::new() }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: diagnostic.into(), sources: Vec::new() }
    }
}

/// The exit code that stands for a fault.
pub const fn exit_code(fault: Fault) -> u8 {
    match fault {
        Fault::Constraint => 1,
        Fault::Usage => 2,
        Fault::Card | Fault::Model | Fault::Data => 3,
        Fault::Reservation => 0,
        Fault::Comparison => 4,
        Fault::Internal => 70,
    }
}

/// Messages of a failure before the rest are only counted: a broken file can yield hundreds.
pub const SHOWN: usize = 8;

/// Messages with their place, underlined in the text where they point into one; `most` of them,
/// the rest counted.
pub fn render(diagnostics: &Diagnostics, sources: &[SourceText], most: usize) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(most) {
        let file = diagnostic.place.file.as_deref();
        let source = sources.iter().find(|source| file.is_none_or(|file| file == source.name));
        match source.zip(diagnostic.place.span) {
            Some((source, span)) => text.push_str(&underlined(diagnostic, source, span)),
            None => text.push_str(&plain(diagnostic)),
        }
    }
    let hidden = diagnostics.len().saturating_sub(most) + diagnostics.dropped();
    if hidden > 0 {
        let _ = writeln!(text, "... and {hidden} more messages");
    }
    text
}

/// A message that points into no text.
fn plain(diagnostic: &Diagnostic) -> String {
    let mut text =
        format!("{}[{}]: {}\n", diagnostic.severity.name(), diagnostic.code.id, diagnostic.message);
    let place = diagnostic.place.to_string();
    if !place.is_empty() {
        let _ = writeln!(text, "  at: {place}");
    }
    let _ = writeln!(text, "  do: {}", diagnostic.cure());
    text
}

/// A message with the token it points at underlined.
fn underlined(diagnostic: &Diagnostic, source: &SourceText, span: (usize, usize)) -> String {
    use miette::{
        GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource,
    };

    let (start, end) = (span.0.min(source.text.len()), span.1.min(source.text.len()));
    let severity = match diagnostic.severity {
        Severity::Note => miette::Severity::Advice,
        Severity::Warning => miette::Severity::Warning,
        Severity::Error => miette::Severity::Error,
    };
    let report = miette::Report::new(
        MietteDiagnostic::new(diagnostic.message.clone())
            .with_severity(severity)
            .with_code(diagnostic.code.id)
            .with_help(diagnostic.cure())
            .with_label(LabeledSpan::underline(start..end.max(start))),
    )
    .with_source_code(NamedSource::new(&source.name, source.text.clone()));
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    if handler.render_report(&mut text, report.as_ref()).is_err() {
        return plain(diagnostic);
    }
    text
}
