//! Chip cards: schema, catalogue, overlays, lint.
//!
//! A card is a TOML text that says what a chip is: memories, engines, precisions, operators,
//! runtimes, energy. A [`Card`] is such a text with its bases; [`Card::resolve`] makes of it the
//! typed [`Chip`] for one runtime and one operating point. Nothing here knows what a model is, and
//! nothing here reads files: whoever names a card file brings the text and a [`Loader`].
//!
//! # What a card says
//!
//! - **Figures** are plain (`size = "512 KiB"`), sourced (`{ v = "512 KiB", src = "key", conf =
//!   "P" }`), or unknown with a stand-in (`{ unknown = true, assume = 4, why = ".." }`). `src` and
//!   `conf` in a table hold for every figure in it. See [`Sourced`].
//! - **Whatever is left out** is either without effect or assumed; assumed values are listed in
//!   [`Chip::assumptions`], so that a card of three facts (memory, precisions, operators) runs
//!   everything and hides nothing. A list left empty allows nothing.
//! - **`extends`** names a card that this one changes. Tables merge key by key, lists of tables by
//!   `id`, whether written `[[memory]]` or `[memory.sram]`; everything else is replaced.
//! - **Runtimes and operating points** are chosen by name, the first of each by default. Each may
//!   carry an `overlay`: tables of the card that are laid over it while it is chosen. That is how
//!   Vela's memory modes (runtimes) and system presets (operating points) are cards' data.
//! - **Families** are cards that others extend: what chips of a core share. They declare every runtime
//!   that exists; a chip's `target.runtimes` says which of them it has, the default first. Cards
//!   above the chip's may declare further ones. `target.core` and a runtime's `library` say whose
//!   kernel costs hold for which chips.
//! - **`--set`** is laid over all of it ([`Card::set`]).
//!
//! Every mistake is a [`Diagnostic`](cofit_vocab::Diagnostic) with the byte range of its token, all
//! of them at once; [`Sources::render`] underlines it.
//!
//! ```
//! use cofit_chip::{Card, Selection};
//!
//! let card = Card::from_catalogue("ethos-u55-128").expect("in the catalogue").expect("sound");
//! let selection = Selection { runtime: Some("vela-sram-only".to_owned()), ..Selection::default() };
//! let chip = card.resolve(&selection).expect("sound");
//! assert_eq!(chip.engines[0].timing.model(), "ethos_u");
//! ```

mod card;
pub mod catalogue;
mod check;
pub mod chip;
mod complete;
mod decode;
mod fitted;
mod lint;
mod merge;
mod node;
pub mod quantity;
pub mod scalar;
mod schema;
mod sourced;
mod sources;
mod table;
mod template;

pub use card::{Card, Loader, MAX_CARD_BYTES, Rejected, Selection};
pub use catalogue::{CatalogueEntry, catalogue};
pub use chip::*;
pub use decode::Assumption;
pub use quantity::{BytesPerSecond, Watts};
pub use scalar::{Extent, Span};
pub use schema::json_schema;
pub use sourced::{Confidence, Provenance, Sourced};
pub use sources::{SourceText, Sources};
pub use template::new_card_template;

pub use cofit_vocab::Severity;
