//! From TOML to a [`Description`]: every word checked, every expression parsed, nothing expanded.
//!
//! The reader goes on after a mistake, so that one run reports them all.

use std::ops::Range;

use cofit_vocab::diagnostic::sketch as codes;
use cofit_vocab::{Code, Diagnostic, Diagnostics, Place};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::description::{Block, Description, Layer, Located, Number, Parameter, PrecisionText};
use super::keys::{BLOCK_KEYS, LayerKey, LayerKind, TOP_KEYS, nearest};
use super::limits;

/// The version of the form that this reader knows.
const VERSION: i64 = 1;

/// Reads a sketch.
pub(crate) fn read(source: &str, file: &str) -> Result<Description, Diagnostics> {
    let mut reader = Reader::new(source, file);
    let description = reader.file();
    match description {
        Some(description) if !reader.diagnostics.has_errors() => Ok(description),
        Some(_) | None => Err(reader.diagnostics),
    }
}

/// A table of the file.
pub(super) type Table<'s> = DeTable<'s>;

pub(super) struct Reader<'a> {
    pub(super) source: &'a str,
    file: &'a str,
    line_starts: Vec<usize>,
    pub(super) diagnostics: Diagnostics,
    /// Names that expressions may use here.
    pub(super) names: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, file: &'a str) -> Self {
        let breaks = source.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        Self {
            source,
            file,
            line_starts: breaks.map(|(at, _)| at + 1).collect(),
            diagnostics: Diagnostics::new(),
            names: Vec::new(),
        }
    }

    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        Place::span(span.start, span.end).with_file(self.file)
    }

    pub(super) fn error(
        &mut self,
        code: &'static Code,
        message: impl Into<String>,
        span: &Range<usize>,
    ) {
        let place = self.place(span);
        self.diagnostics.push(Diagnostic::error(code, message, place));
    }

    /// The line that a byte stands on, from 1.
    fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at) + 1
    }

    /// A complaint about a key, with the word that was perhaps meant.
    pub(super) fn unknown_key(&mut self, key: &str, span: &Range<usize>, known: &[&str], of: &str) {
        let place = self.place(span);
        let message = format!("{of} has no key `{}`", shortened(key));
        let mut diagnostic = Diagnostic::error(&codes::UNKNOWN_KEY, message, place);
        diagnostic = match nearest(key, known.iter().copied()) {
            Some(meant) => diagnostic.with_help(format!("Did you mean `{meant}`?")),
            None => diagnostic.with_help(format!("Known are {}.", known.join(", "))),
        };
        self.diagnostics.push(diagnostic);
    }

    fn file(&mut self) -> Option<Description> {
        if self.source.len() > limits::SOURCE_BYTES {
            let message = format!(
                "the sketch has {} bytes where {} are the limit",
                self.source.len(),
                limits::SOURCE_BYTES
            );
            self.error(&codes::TOO_LARGE, message, &(0..0));
            return None;
        }
        let root = match DeTable::parse(self.source) {
            Ok(root) => root.into_inner(),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                self.error(&codes::SYNTAX, error.message().to_owned(), &span);
                return None;
            }
        };
        self.version(&root)?;
        for (key, _) in in_file_order(&root) {
            if !TOP_KEYS.contains(&key.get_ref().as_ref()) {
                self.unknown_key(key.get_ref(), &key.span(), TOP_KEYS, "a sketch");
            }
        }

        let parameters = match root.get("parameters") {
            Some(value) => {
                self.table(value, "parameters").map_or(Vec::new(), |table| self.parameters(table))
            }
            None => Vec::new(),
        };
        self.names = parameters.iter().map(|parameter| parameter.name.clone()).collect();
        let outer = self.names.clone();

        let name = match root.get("name") {
            Some(value) => self.identifier(value, "name").map_or(String::new(), |name| name.value),
            None => "sketch".to_owned(),
        };
        let input = self.input(&root);
        let outputs = root.get("outputs").map_or(Vec::new(), |value| self.names(value, "outputs"));
        let precision = match root.get("precision") {
            Some(value) => self.precision(value),
            None => PrecisionText::default(),
        };
        let defaults = root.get("defaults").map_or(Vec::new(), |value| self.defaults(value));
        let mut blocks = Vec::new();
        if let Some(table) = root.get("block").and_then(|value| self.table(value, "block")) {
            if table.len() > limits::BLOCKS {
                let message = format!("more than {} blocks", limits::BLOCKS);
                self.error(&codes::TOO_LARGE, message, &(0..0));
                return None;
            }
            for (key, value) in in_file_order(table) {
                self.names.clone_from(&outer);
                blocks.extend(self.block(key, value));
            }
        }
        self.names = outer;
        let layers = match root.get("layer") {
            Some(value) => self.layers(value),
            None => {
                self.error(&codes::MISSING_KEY, "the sketch has no `[[layer]]`", &(0..0));
                Vec::new()
            }
        };
        Some(Description {
            name,
            input: input?,
            outputs,
            precision,
            parameters,
            defaults,
            blocks,
            layers,
        })
    }

    fn version(&mut self, root: &Table<'a>) -> Option<()> {
        let Some(value) = root.get("sketch") else {
            self.error(&codes::VERSION, "the file does not state `sketch = 1`", &(0..0));
            return None;
        };
        let stated = value
            .get_ref()
            .as_integer()
            .and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok());
        if stated == Some(VERSION) {
            return Some(());
        }
        self.error(&codes::VERSION, "the only version is `sketch = 1`", &value.span());
        None
    }

    fn input(&mut self, root: &Table<'a>) -> Option<Located<Vec<Number>>> {
        let Some(value) = root.get("input") else {
            self.error(&codes::MISSING_KEY, "the sketch has no `input`", &(0..0));
            return None;
        };
        let lengths = self.lengths(value, "input")?;
        if (1..=3).contains(&lengths.len()) {
            return Some(Located::new(lengths, value.span()));
        }
        self.error(
            &codes::BAD_VALUE,
            format!(
                "`input` has {} lengths where 1 to 3 are needed: [features], [length, channels] \
                 or [height, width, channels]",
                lengths.len()
            ),
            &value.span(),
        );
        None
    }

    fn defaults(&mut self, value: &Spanned<DeValue<'a>>) -> Vec<(LayerKey, Located<super::Value>)> {
        let Some(table) = self.table(value, "defaults") else { return Vec::new() };
        let known: Vec<&str> = LayerKey::DEFAULTS.iter().map(|key| key.name()).collect();
        let mut defaults = Vec::new();
        for (key, value) in in_file_order(table) {
            let word = key.get_ref().as_ref();
            match LayerKey::DEFAULTS.iter().copied().find(|known| known.name() == word) {
                Some(key) => {
                    if let Some(read) = self.value(key.form(), value, word) {
                        defaults.push((key, Located::new(read, value.span())));
                    }
                }
                None => self.unknown_key(word, &key.span(), &known, "`[defaults]`"),
            }
        }
        defaults
    }

    fn block(
        &mut self,
        key: &Spanned<std::borrow::Cow<'a, str>>,
        value: &Spanned<DeValue<'a>>,
    ) -> Option<Block> {
        let name = key.get_ref().as_ref();
        self.check_name(name, &key.span(), "block");
        let table = self.table(value, name)?;
        for (key, _) in in_file_order(table) {
            if !BLOCK_KEYS.contains(&key.get_ref().as_ref()) {
                self.unknown_key(key.get_ref(), &key.span(), BLOCK_KEYS, "a block");
            }
        }
        let parameters = match table.get("parameters") {
            Some(value) => {
                self.table(value, "parameters").map_or(Vec::new(), |table| self.parameters(table))
            }
            None => Vec::new(),
        };
        self.names.extend(parameters.iter().map(|parameter| parameter.name.clone()));
        let Some(layers) = table.get("layer") else {
            let message = format!("block `{}` has no `[[block.….layer]]`", shortened(name));
            self.error(&codes::MISSING_KEY, message, &key.span());
            return None;
        };
        let layers = self.layers(layers);
        Some(Block { name: name.to_owned(), parameters, layers })
    }

    fn layers(&mut self, value: &Spanned<DeValue<'a>>) -> Vec<Layer> {
        let Some(array) = value.get_ref().as_array() else {
            self.error(&codes::BAD_VALUE, "`layer` is written `[[layer]]`", &value.span());
            return Vec::new();
        };
        let mut layers = Vec::new();
        for (index, entry) in array.iter().enumerate() {
            if let Some(table) = self.table(entry, "layer") {
                layers.extend(self.layer(index + 1, table, &entry.span()));
            }
        }
        if array.is_empty() {
            self.error(&codes::MISSING_KEY, "the list of layers is empty", &value.span());
        }
        layers
    }

    fn layer(&mut self, number: usize, table: &Table<'a>, span: &Range<usize>) -> Option<Layer> {
        let entries = in_file_order(table);
        let kind_of = |word: &str| LayerKind::ALL.iter().copied().find(|kind| kind.name() == word);
        let mut kinds = entries
            .iter()
            .filter_map(|(key, value)| Some((kind_of(key.get_ref())?, key.span(), *value)));
        let Some((kind, kind_span, main)) = kinds.next() else {
            self.no_kind(number, &entries, span);
            return None;
        };
        if let Some((second, second_span, _)) = kinds.next() {
            let message =
                format!("layer {number} is both `{}` and `{}`", kind.name(), second.name());
            self.error(&codes::LAYER_KIND, message, &second_span);
            return None;
        }
        let main = self.value(kind.form(), main, kind.name());
        let mut keys = Vec::new();
        for (key, value) in &entries {
            let word = key.get_ref().as_ref();
            if word == kind.name() {
                continue;
            }
            match LayerKey::ALL.iter().copied().find(|known| known.name() == word) {
                Some(key) if kind.has(key) => {
                    if let Some(read) = self.value(key.form(), value, word) {
                        keys.push((key, Located::new(read, value.span())));
                    }
                }
                Some(_) | None => {
                    let known: Vec<&str> =
                        kind.keys().iter().chain(LayerKey::COMMON).map(|key| key.name()).collect();
                    let of = format!("a `{}` layer", kind.name());
                    self.unknown_key(word, &key.span(), &known, &of);
                }
            }
        }
        let line = self.line(kind_span.start);
        Some(Layer { number, line, kind: Located::new(kind, kind_span), main: main?, keys })
    }

    fn no_kind(
        &mut self,
        number: usize,
        entries: &[(&Spanned<std::borrow::Cow<'a, str>>, &Spanned<DeValue<'a>>)],
        span: &Range<usize>,
    ) {
        let kinds: Vec<&str> = LayerKind::ALL.iter().map(|kind| kind.name()).collect();
        let strange = entries
            .iter()
            .find(|(key, _)| LayerKey::ALL.iter().all(|known| known.name() != key.get_ref()));
        match strange {
            Some((key, _)) => {
                let of = format!("layer {number}, which has no kind,");
                self.unknown_key(key.get_ref(), &key.span(), &kinds, &of);
            }
            None => {
                let place = self.place(span);
                self.diagnostics.push(
                    Diagnostic::error(
                        &codes::LAYER_KIND,
                        format!("layer {number} has no kind"),
                        place,
                    )
                    .with_help(format!("Kinds are {}.", kinds.join(", "))),
                );
            }
        }
    }

    pub(super) fn table<'v>(
        &mut self,
        value: &'v Spanned<DeValue<'a>>,
        name: &str,
    ) -> Option<&'v Table<'a>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let message = format!("`{}` is not a table", shortened(name));
            self.error(&codes::BAD_VALUE, message, &value.span());
        }
        table
    }

    pub(super) fn parameters(&mut self, table: &Table<'a>) -> Vec<Parameter> {
        if table.len() > limits::PARAMETERS {
            let message = format!("more than {} parameters", limits::PARAMETERS);
            let span = in_file_order(table).last().map_or(0..0, |(key, _)| key.span());
            self.error(&codes::TOO_LARGE, message, &span);
            return Vec::new();
        }
        in_file_order(table)
            .into_iter()
            .filter_map(|(key, value)| self.parameter(key, value))
            .collect()
    }
}

/// A table's entries in the order of the file.
pub(super) fn in_file_order<'t, 's>(
    table: &'t Table<'s>,
) -> Vec<(&'t Spanned<std::borrow::Cow<'s, str>>, &'t Spanned<DeValue<'s>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// A word of the user's, cut to a length that a message can hold.
pub(super) fn shortened(word: &str) -> String {
    const LONGEST: usize = 64;
    if word.chars().count() <= LONGEST {
        return word.escape_debug().to_string();
    }
    let head: String = word.chars().take(LONGEST - 1).collect();
    format!("{}…", head.escape_debug())
}
