//! What the chip is, and where its figures come from.

use crate::table::{card_table, card_words};

card_words! {
    /// What kind of part a card describes.
    pub enum ChipKind, "a kind of chip" {
        /// A microcontroller: one or more CPU cores run the network.
        Mcu = "mcu";
        /// An accelerator without the system around it.
        Npu = "npu";
        /// A microcontroller with an accelerator.
        McuNpu = "mcu+npu";
        /// A digital signal processor.
        Dsp = "dsp";
        /// A single-board computer.
        Sbc = "sbc";
        /// A system on chip with several engines.
        Soc = "soc";
    }

    /// How much of the card is known.
    pub enum Maturity, "a maturity" {
        /// Compared with measurements on silicon.
        Measured = "measured";
        /// Compared with the vendor's own model or simulator.
        Modelled = "modelled";
        /// Much is assumed.
        Sparse = "sparse";
    }

    /// What kind of text a source is.
    pub enum SourceKind, "a kind of source" {
        /// Vendor source, vendor document, or a benchmark submission signed by the vendor.
        Primary = "primary";
        /// Forum, press, a copy of a page, a third party's paper.
        Secondary = "secondary";
        /// Arithmetic on other sources; `formula` says which.
        Derived = "derived";
        /// An article whose claims a card replays.
        Article = "article";
    }
}

card_table! {
    /// The chip's identity.
    pub struct Target {
        /// The id by which commands name the chip.
        id: String, required;
        /// The name for a reader.
        name: String, optional;
        /// Who makes it.
        vendor: String, optional;
        /// What kind of part it is.
        kind: ChipKind, default(ChipKind::Mcu);
        /// The processor core, such as `cortex-m7`. Chips of one core share what a kernel library
        /// costs on it.
        core: String, optional;
        /// The runtimes that the chip has of those that the card and its bases declare, the default
        /// first. Left out: all of them, in the order of their declaration.
        runtimes: Vec<String>, optional;
        /// The engine that runs operators no other engine takes. Without it they are refused.
        host: String, optional;
        /// How much of the card is known.
        maturity: Maturity, default(Maturity::Sparse);
        /// One sentence on what to know before using the card.
        summary: String, optional;
    }

    /// A text that figures were read from.
    pub struct Source {
        /// What kind of text it is.
        kind: SourceKind, default(SourceKind::Primary);
        /// The repository, as owner/name.
        repo: String, optional;
        /// The path in the repository.
        path: String, optional;
        /// The commit or tag.
        commit: String, optional;
        /// The title of a document.
        title: String, optional;
        /// The date of a document.
        date: String, optional;
        /// Where a document is found.
        url: String, optional;
        /// The arithmetic of a derived source.
        formula: String, optional;
    }
}

impl Source {
    /// The source in one line: `owner/name:path at commit`, or the title.
    pub fn citation(&self) -> String {
        let mut text = match (&self.repo, &self.path) {
            (Some(repo), Some(path)) => format!("{repo}:{path}"),
            (Some(repo), None) => repo.clone(),
            (None, Some(path)) => path.clone(),
            (None, None) => String::new(),
        };
        for (lead, part) in [
            (" at ", &self.commit),
            (", ", &self.title),
            (", ", &self.date),
            (", ", &self.url),
            (", ", &self.formula),
        ] {
            if let Some(part) = part {
                text.push_str(lead);
                text.push_str(part);
            }
        }
        text.trim_start_matches([',', ' ']).to_owned()
    }
}
