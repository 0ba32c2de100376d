//! Cycles as folded stacks: what flame graph tools and speedscope read.
//!
//! A line is `chip;engine;step layer;cause cycles`, the form of Brendan Gregg's stackcollapse scripts.

use std::fmt::Write as _;

use crate::{Subject, sim, words};

/// One line a layer and cause; their cycles add up to the inference's.
pub fn text(subject: &Subject<'_>) -> String {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let chip = frame(subject.chip.id());
    let mut text = String::new();
    for (id, step) in &plan.steps {
        let (engine, layer) =
            (frame(&sim::engine(subject, step)), frame(words::short_name(&plan.step_name(id))));
        for (cause, cycles) in profile.steps[id].causes.iter() {
            if !cycles.is_zero() {
                let _ = writeln!(
                    text,
                    "{chip};{engine};{} {layer};{} {}",
                    id.as_u32(),
                    cause.name(),
                    cycles.get()
                );
            }
        }
    }
    text
}

/// A name as a frame: what separates frames and lines becomes something else.
fn frame(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            ';' => ',',
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_cannot_add_frames_or_lines() {
        assert_eq!(super::frame("a;b\nc\r\u{85}d"), "a,b c  d");
    }
}
