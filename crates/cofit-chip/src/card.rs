//! A card as read from text, before a runtime and an operating point are chosen.

use std::collections::BTreeMap;
use std::sync::Arc;

use cofit_vocab::diagnostic::{card, usage};
use cofit_vocab::{Diagnostic, Diagnostics, Hertz, Place};
use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

use crate::catalogue;
use crate::chip::{CardBody, Chip};
use crate::decode::{CardValue, Context, nearest};
use crate::fitted;
use crate::merge::{lay_over, tables_to_lists};
use crate::node::{self, Entry, Node, Table, Token, Value};
use crate::sources::Sources;

/// The largest card that is read.
pub const MAX_CARD_BYTES: usize = 1 << 20;

/// How many cards may stand between a card and the last of its bases.
const MAX_BASES: usize = 8;

/// Lists whose items have ids, so that an overlay may write them as tables.
const LISTS: &[&str] =
    &["operating_point", "memory", "layout", "link", "engine", "fusion", "runtime"];

/// A card with its bases merged in.
#[derive(Clone, Debug)]
pub struct Card {
    pub(crate) tree: Node,
    pub(crate) sources: Sources,
    changes: Vec<Node>,
}

/// What to choose of a card.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The runtime. `None`: the card's first.
    pub runtime: Option<String>,
    /// The operating point. `None`: the card's first.
    pub operating_point: Option<String>,
    /// The clock of the first engine, in place of the operating point's.
    pub clock: Option<Hertz>,
    /// Threads of the engines that can run several. `None`: what the card or its runtime says.
    pub threads: Option<u32>,
}

/// Why a card cannot be used, with the texts that the messages point into.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The messages.
    pub diagnostics: Diagnostics,
    /// The texts.
    pub sources: Sources,
}

impl Rejected {
    /// The messages with their tokens underlined, as plain text.
    pub fn render(&self) -> String {
        self.sources.render_all(&self.diagnostics)
    }

    fn one(diagnostic: Diagnostic, sources: &Sources) -> Box<Self> {
        Box::new(Self { diagnostics: diagnostic.into(), sources: sources.clone() })
    }
}

/// Finds the text of a base card by what `extends` says: `(name for messages, text)`. The
/// library reads no files, so whoever names a card file brings the function that reads its
/// neighbours. Ids of the catalogue are found without it.
pub type Loader<'a> = dyn Fn(&str) -> Option<(String, String)> + 'a;

impl Card {
    /// Reads a card and its bases.
    ///
    /// # Errors
    ///
    /// Mistakes of syntax, and bases that cannot be found. Everything else is reported by
    /// [`Card::resolve`], which sees the card whole.
    pub fn parse(text: &str, file_name: &str, loader: &Loader<'_>) -> Result<Self, Box<Rejected>> {
        let base = Base { name: file_name.to_owned(), text: Arc::from(text), fitted: None };
        Self::layered(base, loader)
    }

    fn layered(top: Base, loader: &Loader<'_>) -> Result<Self, Box<Rejected>> {
        let mut sources = Sources::default();
        let mut layers = Vec::new();
        let mut next = Some(top);
        while let Some(base) = next {
            let layer = read_layer(&base.name, base.text, &mut sources)?;
            next = base_of(&layer, layers.len(), loader, &sources)?;
            if let Some((name, text)) = base.fitted {
                layers.push(read_layer(name, Arc::from(text), &mut sources)?);
            }
            layers.push(layer);
        }
        let mut tree = Node::empty_table(Token::default());
        for layer in layers.iter().rev() {
            lay_over(&mut tree, layer);
            if states_runtimes(layer) {
                choose_runtimes(&mut tree);
            }
        }
        Ok(Self { tree, sources, changes: Vec::new() })
    }

    /// Reads a card from bytes that may not be text.
    ///
    /// # Errors
    ///
    /// As [`Card::parse`], and `CF-CRD-018` for bytes that are not UTF-8.
    pub fn parse_bytes(
        bytes: &[u8],
        file_name: &str,
        loader: &Loader<'_>,
    ) -> Result<Self, Box<Rejected>> {
        if bytes.len() > MAX_CARD_BYTES {
            let place = Place::default().with_file(file_name);
            return Err(Rejected::one(too_large(bytes.len(), place), &Sources::default()));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text, file_name, loader),
            Err(error) => {
                let at = error.valid_up_to();
                let place = Place::span(at, at + 1).with_file(file_name);
                let message = format!("byte {at} is not UTF-8");
                let diagnostic = Diagnostic::error(&card::NOT_TEXT, message, place);
                Err(Rejected::one(diagnostic, &Sources::default()))
            }
        }
    }

    /// The card `id` of the catalogue, or `None` if there is none of that id.
    ///
    /// # Errors
    ///
    /// None in a build whose tests pass: the catalogue is part of the program.
    pub fn from_catalogue(id: &str) -> Option<Result<Self, Box<Rejected>>> {
        let entry = catalogue::find(id)?;
        Some(Self::layered(Base::of_catalogue(entry), &|_| None))
    }

    /// The card `id` of the catalogue without what was fitted to it: what a fit starts from.
    ///
    /// # Errors
    ///
    /// As [`Card::from_catalogue`].
    pub fn from_catalogue_unfitted(id: &str) -> Option<Result<Self, Box<Rejected>>> {
        let entry = catalogue::find(id)?;
        Some(Self::layered(Base { fitted: None, ..Base::of_catalogue(entry) }, &|_| None))
    }

    /// The texts of the card and its bases.
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Changes one figure, as `--set` does: `memory.sram.size=384KiB`. List items are named by
    /// their id. Changes are laid over the card after the runtime and the operating point.
    ///
    /// # Errors
    ///
    /// `CF-USE-004` when the path names nothing in the card. A path or value that no card could
    /// have is reported by [`Card::resolve`] under the same code.
    pub fn set(&mut self, assignment: &str) -> Result<(), Box<Rejected>> {
        let bad = |message: String, sources: &Sources| {
            let place = Place::key(assignment.split('=').next().unwrap_or_default().trim());
            Rejected::one(Diagnostic::error(&usage::BAD_OVERRIDE, message, place), sources)
        };
        if assignment.len() > MAX_CARD_BYTES {
            return Err(bad("the change is longer than any card".to_owned(), &self.sources));
        }
        let Some((path, value)) = assignment.split_once('=') else {
            let message = format!("`{assignment}` has no `=`: write KEY=VALUE");
            return Err(bad(message, &self.sources));
        };
        let segments: Vec<&str> = path.trim().split('.').map(str::trim).collect();
        if segments.iter().any(|segment| segment.is_empty()) || segments.len() > 16 {
            let message = format!("`{}` is no dotted path", path.trim());
            return Err(bad(message, &self.sources));
        }
        self.check_path(&segments).map_err(|message| bad(message, &self.sources))?;
        let file = self.sources.add(format!("--set {assignment}"), assignment);
        let start = path.len() + 1;
        let whole = Token { file, start, end: assignment.len() };
        let mut node = match DeValue::parse(value.trim()) {
            Ok(parsed) => node::from_value(parsed.get_ref(), 0..0, file),
            // `384KiB` is no TOML; as text it is a size.
            Err(_) => Node {
                value: Value::String(value.trim().to_owned()),
                token: whole,
                cited: Arc::default(),
            },
        };
        node.retoken(whole);
        let key = Token { file, start: 0, end: path.len() };
        for segment in segments.iter().rev() {
            let mut table = Table::new();
            table.insert((*segment).to_owned(), Entry { key, node });
            node = Node { value: Value::Table(table), token: key, cited: Arc::default() };
        }
        if segments == ["target", "runtimes"] {
            lay_over(&mut self.tree, &node);
            choose_runtimes(&mut self.tree);
        }
        self.changes.push(node);
        Ok(())
    }

    /// Whether the path leads through items that exist, or says what does not.
    fn check_path(&self, segments: &[&str]) -> Result<(), String> {
        let mut node = &self.tree;
        let mut walked: Vec<&str> = Vec::new();
        for segment in segments {
            let next = match &node.value {
                Value::Table(table) => match table.get(*segment) {
                    Some(entry) => &entry.node,
                    // Whether the key may be there at all is for the reader of the table to say.
                    None => return Ok(()),
                },
                Value::Array(items) => {
                    let ids = || items.iter().filter_map(Node::id);
                    match items.iter().find(|item| item.id() == Some(segment)) {
                        Some(item) => item,
                        None if ids().next().is_none() => {
                            return Err(format!("`{}` has no ids to choose by", walked.join(".")));
                        }
                        None => {
                            let near = nearest(segment, ids()).map_or_else(String::new, |near| {
                                format!("; did you mean `{near}`?")
                            });
                            let names: Vec<&str> = ids().collect();
                            return Err(format!(
                                "`{}` has no `{segment}`, only {}{near}",
                                walked.join("."),
                                names.join(", ")
                            ));
                        }
                    }
                }
                Value::Integer(_)
                | Value::Unfit(_)
                | Value::Float(_)
                | Value::Boolean(_)
                | Value::String(_) => {
                    return Err(format!("`{}` holds a value and no keys", walked.join(".")));
                }
            };
            walked.push(segment);
            node = next;
        }
        Ok(())
    }

    /// The chip for the selected runtime and operating point.
    ///
    /// # Errors
    ///
    /// Every mistake of the card, or a selection that the card does not have.
    pub fn resolve(&self, selection: &Selection) -> Result<Chip, Box<Rejected>> {
        self.resolve_verbose(selection).map(|resolved| resolved.chip)
    }

    /// As [`Card::resolve`], with what the lint looks at.
    pub(crate) fn resolve_verbose(&self, selection: &Selection) -> Result<Resolved, Box<Rejected>> {
        let tree = self.selected_tree(selection)?;
        let mut context = Context::new(&self.sources);
        crate::check::check_schema(&tree, &mut context);
        let body = CardBody::decode(&tree, &mut context);
        let chip = body.map(|body| {
            crate::check::check(&body, &tree, &mut context);
            crate::complete::complete(body, selection, self.digest(), &mut context)
        });
        let sources = &self.sources;
        let found = std::mem::take(&mut context.diagnostics);
        let diagnostics = blame_changes(in_reading_order(found, sources));
        match chip {
            Some(chip) if !diagnostics.has_errors() => {
                Ok(Resolved { chip, tree, unsourced: context.unsourced, cited: context.cited })
            }
            Some(_) | None => Err(Box::new(Rejected { diagnostics, sources: sources.clone() })),
        }
    }

    /// The tree with the overlays of the selected runtime and operating point, and the changes.
    fn selected_tree(&self, selection: &Selection) -> Result<Node, Box<Rejected>> {
        let mut tree = self.tree.clone();
        for (list, chosen, code) in [
            ("operating_point", &selection.operating_point, &usage::UNKNOWN_OPERATING_POINT),
            ("runtime", &selection.runtime, &usage::UNKNOWN_RUNTIME),
        ] {
            let items = self.tree.get(list).and_then(Node::array).unwrap_or_default();
            let item = match chosen {
                None => items.first(),
                Some(id) => match items.iter().find(|item| is_called(item, id)) {
                    Some(item) => Some(item),
                    None => return Err(self.not_in_card(list, id, items, code)),
                },
            };
            if let Some(overlay) = item.and_then(|item| item.get("overlay"))
                && overlay.table().is_some()
            {
                lay_over(&mut tree, overlay);
            }
        }
        for change in &self.changes {
            lay_over(&mut tree, change);
        }
        Ok(tree)
    }

    fn not_in_card(
        &self,
        list: &str,
        id: &str,
        items: &[Node],
        code: &'static cofit_vocab::Code,
    ) -> Box<Rejected> {
        let ids: Vec<&str> = items.iter().filter_map(Node::id).collect();
        let what = list.replace('_', " ");
        let card = self.tree.get("target").and_then(Node::id).unwrap_or("the card");
        let message = if ids.is_empty() {
            format!("{card} names no {what}")
        } else {
            format!("{card} has no {what} `{id}`, only {}", ids.join(", "))
        };
        Rejected::one(Diagnostic::error(code, message, Place::default()), &self.sources)
    }

    /// SHA-256 of every text that the card is made of, in lower-case hex.
    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for file in self.sources.files() {
            hash.update((file.text.len() as u64).to_le_bytes());
            hash.update(file.text.as_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether the layer says by itself which runtimes there are.
fn states_runtimes(layer: &Node) -> bool {
    layer.get("target").is_some_and(|target| target.get("runtimes").is_some())
}

/// Leaves of the tree's runtimes those that `target.runtimes` lists, in its order. A layer above
/// may declare further ones. A list that names what is not there changes nothing: it is reported
/// when the card is checked, with the runtimes that there are.
fn choose_runtimes(tree: &mut Node) {
    let Some(wanted) = tree.get("target").and_then(|target| target.get("runtimes")) else { return };
    let Some(wanted) = wanted.array() else { return };
    let declared = tree.get("runtime").and_then(Node::array).unwrap_or_default();
    // The first of equal ids, as everywhere else; `None` once it is taken.
    let mut by_id: BTreeMap<&str, Option<&Node>> = BTreeMap::new();
    for item in declared {
        if let Some(id) = item.id() {
            by_id.entry(id).or_insert(Some(item));
        }
    }
    let mut chosen: Vec<Node> = Vec::with_capacity(by_id.len());
    for id in wanted {
        let Some(found) = id.text().and_then(|id| by_id.get_mut(id)) else { return };
        chosen.extend(found.take().cloned());
    }
    if let Some(entry) = tree.table_mut().and_then(|table| table.get_mut("runtime")) {
        entry.node.value = Value::Array(chosen);
    }
}

/// Whether `item` has `id` as its id or among its aliases.
fn is_called(item: &Node, id: &str) -> bool {
    let aliases = item.get("aliases").and_then(Node::array).unwrap_or_default();
    item.id() == Some(id) || aliases.iter().any(|alias| alias.text() == Some(id))
}

/// A chip and what the lint looks at besides.
pub(crate) struct Resolved {
    pub chip: Chip,
    pub tree: Node,
    pub unsourced: Vec<crate::decode::Unsourced>,
    pub cited: Vec<crate::decode::Citation>,
}

/// Mistakes inside a `--set` are the command line's and not the card's.
fn blame_changes(diagnostics: Diagnostics) -> Diagnostics {
    let mut blamed = Diagnostics::new();
    for mut diagnostic in diagnostics.into_vec() {
        let file = diagnostic.place.file.as_deref().unwrap_or_default();
        if file.starts_with("--set ") {
            if diagnostic.help.is_none() {
                diagnostic.help = Some(diagnostic.code.cure.to_owned());
            }
            diagnostic.code = &usage::BAD_OVERRIDE;
        }
        blamed.push(diagnostic);
    }
    blamed
}

fn too_large(bytes: usize, place: Place) -> Diagnostic {
    let message = format!("{bytes} bytes; cards have at most {MAX_CARD_BYTES}");
    Diagnostic::error(&card::TOO_LARGE, message, place)
}

fn read_layer(name: &str, text: Arc<str>, sources: &mut Sources) -> Result<Node, Box<Rejected>> {
    if text.len() > MAX_CARD_BYTES {
        let place = Place::default().with_file(name);
        return Err(Rejected::one(too_large(text.len(), place), sources));
    }
    let file = sources.add(name, Arc::clone(&text));
    let (document, errors) = DeTable::parse_recoverable(&text);
    if errors.is_empty() {
        let mut node = node::from_document(document.get_ref(), file, text.len());
        tables_to_lists(&mut node, LISTS);
        return Ok(node);
    }
    let mut diagnostics = Diagnostics::new();
    for error in errors {
        let span = error.span().unwrap_or_default();
        let token = Token { file, start: span.start, end: span.end };
        let code =
            if error.message().contains("recursion") { &card::TOO_DEEP } else { &card::SYNTAX };
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        diagnostics.push(Diagnostic::error(code, message, sources.place(token, "")));
    }
    let diagnostics = without_cascade(in_reading_order(diagnostics, sources));
    Err(Box::new(Rejected { diagnostics, sources: sources.clone() }))
}

/// Mistakes of syntax that are shown together; more than that mostly follow from the first.
const CASCADE: usize = 3;

/// Only the first mistake of syntax where there are many: an inline table left open makes one of
/// every line after it.
fn without_cascade(diagnostics: Diagnostics) -> Diagnostics {
    let rest = diagnostics.len().saturating_sub(1) + diagnostics.dropped();
    if rest < CASCADE {
        return diagnostics;
    }
    match diagnostics.into_vec().into_iter().next() {
        Some(first) => {
            let help = format!("{} {rest} more follow and may go with it.", first.cure());
            first.with_help(help).into()
        }
        None => Diagnostics::new(),
    }
}

/// The messages by file and position, as a person reads the card.
fn in_reading_order(diagnostics: Diagnostics, sources: &Sources) -> Diagnostics {
    let dropped = diagnostics.dropped();
    let mut list = diagnostics.into_vec();
    list.sort_by_key(|diagnostic| {
        let name = diagnostic.place.file.as_deref();
        let file = sources.files().iter().position(|file| Some(file.name.as_str()) == name);
        (file, diagnostic.place.span)
    });
    let mut sorted: Diagnostics = Diagnostics::new();
    sorted.extend(list);
    if dropped > 0 {
        let message = format!("{dropped} more mistakes are not shown");
        sorted.push(Diagnostic::error(&card::SYNTAX, message, Place::default()));
    }
    sorted
}

/// A card's text before it is read, with the overlay that was fitted to it.
struct Base {
    name: String,
    text: Arc<str>,
    fitted: Option<(&'static str, &'static str)>,
}

impl Base {
    fn of_catalogue(entry: &catalogue::CatalogueEntry) -> Self {
        Self {
            name: entry.file_name.to_owned(),
            text: Arc::from(entry.text),
            fitted: fitted::find(entry.id),
        }
    }
}

/// The base that `layer` extends, if it extends one; `above` layers stand over it already.
fn base_of(
    layer: &Node,
    above: usize,
    loader: &Loader<'_>,
    sources: &Sources,
) -> Result<Option<Base>, Box<Rejected>> {
    let Some(extends) = layer.get("extends") else { return Ok(None) };
    // Anything but text is reported when the table is read.
    let Some(wanted) = extends.text() else { return Ok(None) };
    let place = sources.place(extends.token, "extends");
    let found = match catalogue::find(wanted) {
        Some(entry) => Some(Base::of_catalogue(entry)),
        None => {
            loader(wanted).map(|(name, text)| Base { name, text: Arc::from(text), fitted: None })
        }
    };
    let Some(base) = found else {
        let message = format!("no card `{wanted}` in the catalogue or beside this one");
        let mut diagnostic = Diagnostic::error(&card::UNKNOWN_BASE, message, place);
        if let Some(near) = catalogue::suggest(wanted) {
            diagnostic = diagnostic.with_help(format!("did you mean \"{near}\"?"));
        }
        return Err(Rejected::one(diagnostic, sources));
    };
    let mut chain: Vec<&str> = sources.files().iter().map(|file| file.name.as_str()).collect();
    if chain.contains(&base.name.as_str()) || above >= MAX_BASES {
        chain.push(&base.name);
        let message = format!("the cards extend each other: {}", chain.join(" -> "));
        let diagnostic = Diagnostic::error(&card::EXTENDS_CYCLE, message, place);
        return Err(Rejected::one(diagnostic, sources));
    }
    Ok(Some(base))
}
