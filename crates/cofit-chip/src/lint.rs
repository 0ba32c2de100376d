//! What is worth a remark in a card that can be used.

use cofit_vocab::diagnostic::{Code, card};
use cofit_vocab::{Diagnostic, Diagnostics, Severity};

use crate::card::{Card, Resolved, Selection};
use crate::chip::{Content, Fallback};
use crate::node::Node;

impl Card {
    /// Whatever is worth a remark, in every runtime and operating point: errors first of all,
    /// then doubts, then notes. A card without errors and warnings is fit for the catalogue.
    pub fn lint(&self) -> Diagnostics {
        let mut lint = Lint { card: self, found: Vec::new() };
        let mut found = Vec::new();
        for selection in self.selections() {
            match self.resolve_verbose(&selection) {
                Ok(resolved) => {
                    lint.contents(&resolved, &selection);
                    lint.engines(&resolved);
                    lint.provenance(&resolved);
                    found.push(resolved);
                }
                Err(rejected) => lint.found.extend(rejected.diagnostics.into_vec()),
            }
        }
        if let Some(default) = found.first() {
            lint.memories(default, &found);
            lint.unused_sources(default, &found);
            lint.absences(default);
        }
        lint.finish()
    }

    /// Every runtime at the default operating point, and every other operating point at the
    /// default runtime.
    fn selections(&self) -> Vec<Selection> {
        let ids = |list: &str| -> Vec<String> {
            let items = self.tree.get(list).and_then(Node::array).unwrap_or_default();
            items.iter().filter_map(|item| item.id().map(str::to_owned)).collect()
        };
        let mut selections = vec![Selection::default()];
        for runtime in ids("runtime").into_iter().skip(1) {
            selections.push(Selection { runtime: Some(runtime), ..Selection::default() });
        }
        for point in ids("operating_point").into_iter().skip(1) {
            selections.push(Selection { operating_point: Some(point), ..Selection::default() });
        }
        selections
    }
}

struct Lint<'a> {
    card: &'a Card,
    found: Vec<Diagnostic>,
}

impl Lint<'_> {
    fn report(
        &mut self,
        severity: Severity,
        code: &'static Code,
        tree: &Node,
        key: &str,
        message: String,
    ) {
        let place = self.card.sources().place(tree.locate(key), key);
        self.found.push(Diagnostic { code, severity, message, place, help: None });
    }

    fn contents(&mut self, resolved: &Resolved, selection: &Selection) {
        for (content, what) in [(Content::Activation, "activations"), (Content::Weight, "weights")]
        {
            if resolved.chip.memories_for(content).next().is_none() {
                let runtime = selection.runtime.as_deref();
                let with = runtime.map_or_else(String::new, |id| format!(" with runtime {id}"));
                let message = format!("no memory holds {what}{with}");
                let tree = &resolved.tree;
                self.report(Severity::Warning, &card::NO_MEMORY_FOR, tree, "memory", message);
            }
        }
    }

    fn engines(&mut self, resolved: &Resolved) {
        let tree = &resolved.tree;
        for engine in &resolved.chip.engines {
            if engine.operators.is_empty() {
                let message = format!("{} allows nothing: it has no operators", engine.id);
                let key = format!("engine.{}.operators", engine.id);
                self.report(Severity::Warning, &card::EMPTY_OPERATORS, tree, &key, message);
            }
            if engine.precision.is_empty() {
                let message = format!("{} has no precision pairs", engine.id);
                let key = format!("engine.{}.precision", engine.id);
                self.report(Severity::Warning, &card::NO_PRECISION, tree, &key, message);
            }
            // A card of three facts never says `fallback`, and a remark on it would be noise.
            let stated = tree.locate(&format!("engine.{}.fallback", engine.id))
                != tree.locate(&format!("engine.{}", engine.id));
            let by_rule =
                engine.operators.0.iter().any(|rule| rule.fallback == Some(Fallback::Host));
            if resolved.chip.host().is_none()
                && (by_rule || stated && engine.fallback == Fallback::Host)
            {
                let message = format!("{} falls back to a host that the card lacks", engine.id);
                let key = format!("engine.{}.fallback", engine.id);
                self.report(Severity::Warning, &card::NO_HOST, tree, &key, message);
            }
        }
    }

    fn memories(&mut self, resolved: &Resolved, all: &[Resolved]) {
        for memory in &resolved.chip.memories {
            let used = all.iter().any(|other| {
                other.chip.memory(&memory.id).is_some_and(|memory| !memory.contents().is_empty())
            });
            if !used {
                let message = format!("nothing is put into {}", memory.id);
                let key = format!("memory.{}.holds", memory.id);
                let tree = &resolved.tree;
                self.report(Severity::Warning, &card::UNUSED_MEMORY, tree, &key, message);
            }
        }
    }

    fn provenance(&mut self, resolved: &Resolved) {
        for figure in &resolved.unsourced {
            let place = self.card.sources().place(figure.token, &figure.key);
            let message = format!("`{}` has no source", figure.key);
            self.found.push(Diagnostic::warning(&card::UNSOURCED_FIGURE, message, place));
        }
        for assumption in &resolved.chip.assumptions {
            let message = format!(
                "`{}` is taken as {}: {}",
                assumption.key, assumption.value, assumption.why
            );
            let tree = &resolved.tree;
            self.report(Severity::Note, &card::ASSUMED_FIGURE, tree, &assumption.key, message);
        }
    }

    fn unused_sources(&mut self, resolved: &Resolved, all: &[Resolved]) {
        for source in resolved.chip.sources.keys() {
            let cited = |other: &Resolved| other.cited.iter().any(|one| one.source == *source);
            if !all.iter().any(cited) {
                let message = format!("no figure cites the source `{source}`");
                let key = format!("sources.{source}");
                let tree = &resolved.tree;
                self.report(Severity::Note, &card::UNUSED_SOURCE, tree, &key, message);
            }
        }
    }

    fn absences(&mut self, resolved: &Resolved) {
        let tree = &resolved.tree;
        if resolved.chip.runtimes.is_empty() {
            let message = "the card names no runtime".to_owned();
            self.report(Severity::Warning, &card::NO_RUNTIME, tree, "target", message);
        }
        if resolved.chip.calibration.is_empty() {
            let message = "the card has no measured row to compare with".to_owned();
            self.report(Severity::Note, &card::NO_CALIBRATION, tree, "target", message);
        }
    }

    /// The gravest first, each once, otherwise in the order found.
    fn finish(mut self) -> Diagnostics {
        self.found.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
        let mut once = Diagnostics::new();
        let mut seen = std::collections::BTreeSet::new();
        for diagnostic in self.found {
            if seen.insert((diagnostic.code.id, diagnostic.message.clone())) {
                once.push(diagnostic);
            }
        }
        once
    }
}
