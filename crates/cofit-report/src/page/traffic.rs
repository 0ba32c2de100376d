//! Bytes that one inference moves in each memory.

use cofit_vocab::{Bytes, units};
use cranelift_entity::EntityRef;

use super::figure::{self, Details, LEFT, Mark, Picture, RIGHT, WIDTH};
use super::rows;
use crate::markup::shortened;
use crate::{Subject, words};

/// Height of a memory's row, and of each of its bars.
const ROW: f64 = 46.0;
const BAR: f64 = 14.0;

/// Width left for words behind the bars.
const WORDS: f64 = 250.0;

/// The picture, or nothing where nothing moves.
pub(super) fn pictures(subject: &Subject<'_>) -> Vec<Picture> {
    let profile = &subject.evaluation.profile;
    let moved: Vec<_> =
        profile.traffic.iter().filter(|(_, moved)| !moved.total().is_zero()).collect();
    let largest = moved.iter().flat_map(|(_, moved)| [moved.read, moved.written]).max();
    let Some(largest) = largest else { return Vec::new() };
    let width = |bytes: Bytes| bytes.as_f64() / largest.as_f64() * (WIDTH - LEFT - RIGHT - WORDS);
    let mut body = String::new();
    let mut y = 8.0;
    let mut whole = Bytes::ZERO;
    for (id, moved) in moved {
        let name = rows::memory(subject, id);
        body += &figure::text("end", LEFT - 8.0, y + 18.0, &shortened(name, 10));
        let rate = subject
            .chip
            .memories
            .get(id.index())
            .and_then(|memory| subject.chip.bytes_per_cycle(memory))
            .filter(|rate| *rate > 0.0);
        let busy = rate.map(|rate| {
            let share = moved.total().as_f64() / rate / profile.cycles.as_f64().max(1.0);
            format!(
                "{} of the cycles at {} B a cycle",
                words::percent(share),
                words::significant(rate)
            )
        });
        for (bytes, word, class, top) in
            [(moved.read, "read", "r0", y), (moved.written, "written", "r2", y + BAR + 3.0)]
        {
            body += &Mark {
                class: &format!("{class} part"),
                place: (LEFT, top, width(bytes).max(1.0), BAR),
                steps: "",
                details: Details::of(&format!("{name}, {word}"))
                    .with("bytes", &figure::exact_bytes(bytes))
                    .with_some("both ways", busy.clone()),
            }
            .svg();
            let label = format!("{word} {} ({})", bytes.human(), units::grouped(bytes.get()));
            body += &figure::text("note", LEFT + width(bytes) + 8.0, top + 11.0, &label);
        }
        whole += moved.total();
        y += ROW;
    }
    vec![Picture {
        title: "Traffic by memory".to_owned(),
        description: format!("{} moved by one inference, all memories together.", whole.human()),
        width: WIDTH,
        height: y,
        body,
        role: "",
    }]
}
