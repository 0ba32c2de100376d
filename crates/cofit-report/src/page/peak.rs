//! What is alive at the peak of each memory: who has to shrink or move for the model to need less.

use cofit_compile::plan::{Buffer, MemoryId};
use cofit_vocab::units;

use super::memory_map::{role_class, role_words};
use super::rows;
use super::table;
use crate::markup::{escaped, put};
use crate::{Subject, words};

/// Buffers listed of a memory; the rest is counted.
const LISTED: usize = 24;

/// A table for every memory that has a peak.
pub(super) fn html(subject: &Subject<'_>) -> String {
    let mut html = String::new();
    for (id, used) in &subject.evaluation.plan.memories {
        if let Some(peak) = used.peak_step {
            html += &memory(subject, id, peak);
        }
    }
    html
}

fn memory(subject: &Subject<'_>, id: MemoryId, peak: cofit_compile::plan::StepId) -> String {
    let plan = &subject.evaluation.plan;
    let mut alive: Vec<(_, &Buffer)> =
        plan.live_at(peak).filter(|(_, buffer)| buffer.memory == Some(id)).collect();
    if alive.is_empty() {
        return String::new();
    }
    alive.sort_by_key(|(id, buffer)| (std::cmp::Reverse(buffer.bytes), *id));
    let whole: cofit_vocab::Bytes = alive.iter().map(|(_, buffer)| buffer.bytes).sum();
    let used = &plan.memories[id];
    let mut html = String::new();
    let proof = if used.is_optimal {
        "No layout of these buffers is lower."
    } else {
        "A lower layout may exist."
    };
    put(
        &mut html,
        format_args!(
            "<h3>{}: alive at step {} <small>{}</small></h3><p>{} live, in a layout {} high; no \
             layout can be lower than {}. {proof}</p>",
            escaped(rows::memory(subject, id), 40),
            peak.as_u32(),
            escaped(words::short_name(&plan.step_name(peak)), 120),
            whole.human(),
            (used.activations + used.scratch).human(),
            used.lower_bound.human(),
        ),
    );
    let rest = alive.len().saturating_sub(LISTED);
    let mut body = String::new();
    for (_, buffer) in alive.iter().take(LISTED) {
        let share = buffer.bytes.as_f64() / whole.as_f64().max(1.0);
        let address = buffer
            .address
            .map_or_else(|| "no room".to_owned(), |address| units::grouped(address.get()));
        let name = plan.buffer_name(buffer);
        let (first, last) = (buffer.first_step.as_u32(), buffer.last_step.as_u32());
        put(
            &mut body,
            format_args!(
                "<tr data-s=\"{first}\"><th scope=\"row\" title=\"{}\">{}</th><td>{}</td>\
                 <td>{}</td><td>{address}</td><td>{first} – {last}</td><td>{}</td></tr>",
                escaped(&name, 120),
                escaped(words::short_name(&name), 60),
                role_words(&buffer.role),
                units::grouped(buffer.bytes.get()),
                table::share(share, role_class(&buffer.role)),
            ),
        );
    }
    html += &table::table(
        "buffers alive at the peak",
        &[
            ("buffer", false),
            ("holds", false),
            ("bytes", true),
            ("address", true),
            ("steps", true),
            ("share", false),
        ],
        &body,
        "",
    );
    if rest > 0 {
        put(&mut html, format_args!("<p class=\"note\">and {rest} smaller ones.</p>"));
    }
    html
}
