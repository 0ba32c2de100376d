//! Any bytes as a chip card, and as a change to one: read, resolve, lint, show every message.

#![no_main]

use std::sync::LazyLock;

use cofit_chip::{Card, Selection};
use libfuzzer_sys::fuzz_target;

static K210: LazyLock<Card> = LazyLock::new(|| {
    let card = Card::from_catalogue("k210").expect("in the catalogue");
    card.expect("a card")
});

fuzz_target!(|bytes: &[u8]| {
    // A base that is itself hostile: the same bytes again.
    let loader = |name: &str| {
        let text = std::str::from_utf8(bytes).ok()?;
        Some((name.to_owned(), text.to_owned()))
    };
    match Card::parse_bytes(bytes, "card.toml", &loader) {
        Ok(card) => {
            match card.resolve(&Selection::default()) {
                Ok(chip) => {
                    for memory in &chip.memories {
                        let _ = (memory.usable(u64::MAX), chip.bytes_per_cycle(memory));
                    }
                }
                Err(rejected) => assert!(!rejected.render().is_empty()),
            }
            let _ = card.sources().render_all(&card.lint());
        }
        Err(rejected) => assert!(!rejected.render().is_empty()),
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut card = K210.clone();
        let accepted = card.set(text).is_ok();
        if accepted {
            let _ = card.resolve(&Selection::default()).map_err(|rejected| rejected.render());
        }
    }
});
