//! Copies between memories: what moves when, what it waits for, and what nothing hides.

use std::fmt::Write as _;

use cofit_compile::plan::{StepId, Transfer, TransferId, TransferRole};
use cofit_sim::profile::TransferProfile;
use cofit_vocab::{Bytes, Cycles, FigureKind, units};
use cranelift_entity::EntityRef;
use serde_json::{Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, Subject, json, words};

fn memory<'a>(subject: &Subject<'a>, id: cofit_compile::plan::MemoryId) -> &'a str {
    &subject.chip.memories[id.index()].id
}

/// Transfers of one step and role in one row: what goes where, and from which step on.
fn table(subject: &Subject<'_>) -> Table {
    let mut table = Table::new(&[
        ("COPY", ColumnKind::Word),
        ("FROM", ColumnKind::Word),
        ("TO", ColumnKind::Word),
        ("BYTES", ColumnKind::Number),
        ("PARTS", ColumnKind::Number),
        ("STEPS", ColumnKind::Number),
        ("FOR", ColumnKind::Name),
    ]);
    let plan = &subject.evaluation.plan;
    for one in plan.transfers.values().filter(|one| is_first(one)) {
        let same = plan.transfers.values().filter(|other| {
            other.step == one.step && other.role.name() == one.role.name() && !is_other(one, other)
        });
        let bytes: Bytes = same.clone().map(|other| other.bytes).sum();
        let begin = one.after.map_or(0, |after| after.as_u32() + 1);
        table.row(vec![
            one.role.name().to_owned(),
            memory(subject, one.from).to_owned(),
            memory(subject, one.to).to_owned(),
            Numbers::Grouped.count(bytes.get()),
            same.count().to_string(),
            format!("{begin}-{}", one.step.as_u32()),
            words::short_name(&plan.step_name(one.step)).to_owned(),
        ]);
    }
    table
}

/// Whether a transfer begins a row: slices after the first stand in the first one's.
fn is_first(one: &Transfer) -> bool {
    match one.role {
        TransferRole::Weights { slice, .. } => slice == 0,
        TransferRole::Spill | TransferRole::FetchBack => true,
    }
}

/// Whether two transfers of one step have rows of their own.
fn is_other(one: &Transfer, other: &Transfer) -> bool {
    match one.role {
        TransferRole::Weights { .. } => false,
        TransferRole::Spill | TransferRole::FetchBack => one.target != other.target,
    }
}

/// What the plan copies, and how good the distribution over memories is; nothing where nothing
/// had to be decided.
pub(crate) fn plan_text(subject: &Subject<'_>, rendering: Rendering) -> String {
    let plan = &subject.evaluation.plan;
    let mut text = String::new();
    if !plan.transfers.is_empty() {
        text.push_str(&table(subject).text(rendering.width));
        text.push('\n');
    }
    let proof = &plan.distribution;
    if proof.cost > 0 {
        let traffic = proof.slow_traffic.human();
        let word = if proof.is_optimal() {
            "no distribution costs less".to_owned()
        } else {
            let gap = (proof.cost - proof.lower_bound) as f64 / proof.cost as f64;
            // A gap that rounds to nothing is there all the same.
            format!("within {} of the least cost", words::percent(gap.max(0.01)))
        };
        let _ = writeln!(text, "memories: {traffic} of traffic beside the preferred; {word}");
    }
    text
}

/// The steps that wait for a transfer, those that wait longest first.
pub(crate) fn sim_text(subject: &Subject<'_>, rendering: Rendering) -> String {
    /// Steps named; the rest is counted.
    const NAMED: usize = 8;
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    if plan.transfers.is_empty() {
        return String::new();
    }
    let mut late: Vec<(Cycles, StepId)> = profile
        .steps
        .iter()
        .filter(|(_, step)| !step.unhidden.is_zero())
        .map(|(id, step)| (step.unhidden, id))
        .collect();
    late.sort_by_key(|&(cycles, id)| (std::cmp::Reverse(cycles), id));
    let mut text = String::from("\n");
    let copied: Bytes = plan.transfers.values().map(|one| one.bytes).sum();
    let _ = write!(text, "copies  {} in {}", copied.human(), plan.transfers.len());
    let waited: Cycles = late.iter().map(|(cycles, _)| *cycles).sum();
    if waited.is_zero() {
        text.push_str(", all hidden behind arithmetic\n");
        return text;
    }
    let _ = writeln!(text, "; {} cycles not hidden:", units::grouped(waited.get()));
    for &(cycles, id) in late.iter().take(NAMED) {
        let name = plan.step_name(id);
        let line = format!(
            "L{} {} waits {} cycles{}",
            id.as_u32(),
            words::short_name(&name),
            units::grouped(cycles.get()),
            reason(subject, id)
        );
        let _ = writeln!(text, "{}", words::wrapped(&line, rendering.width, 2));
    }
    if late.len() > NAMED {
        let _ = writeln!(text, "and {} more layers", late.len() - NAMED);
    }
    text
}

/// Why a step waits: the bytes, the window, and the rates needed and there.
fn reason(subject: &Subject<'_>, step: StepId) -> String {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let own: Vec<(TransferId, &Transfer)> =
        plan.transfers.iter().filter(|(_, one)| one.step == step).collect();
    let bytes: Bytes = own.iter().map(|(_, one)| one.bytes).sum();
    let worst = own
        .into_iter()
        .max_by_key(|(id, _)| (profile.transfers[*id].unhidden, std::cmp::Reverse(*id)));
    let Some((id, one)) = worst else { return String::new() };
    let ran = &profile.transfers[id];
    let what = match one.role {
        TransferRole::Weights { .. } => "weights",
        TransferRole::Spill => "the spill of an activation",
        TransferRole::FetchBack => "an activation",
    };
    let mut text = format!(" for {what}: {} from {}", bytes.human(), memory(subject, one.from));
    match (needed(one, ran), ran.rate) {
        (Some(needed), Some(rate)) => {
            let _ = write!(
                text,
                "; {} in a window of {} cycles need {needed:.2} B/cycle of {rate:.2}",
                one.bytes.human(),
                units::grouped(ran.window.get()),
            );
            if needed <= rate {
                text.push_str("; other copies held the link");
            }
        }
        (None, Some(rate)) => {
            let _ = write!(text, " at {rate:.2} B/cycle, and no step runs meanwhile");
        }
        (_, None) => {}
    }
    text
}

/// Bytes per cycle that would hide a transfer in its window; nothing would in none.
fn needed(one: &Transfer, ran: &TransferProfile) -> Option<f64> {
    (!ran.window.is_zero()).then(|| one.bytes.as_f64() / ran.window.as_f64())
}

/// One transfer as planned.
fn planned(subject: &Subject<'_>, id: TransferId) -> Value {
    let one = &subject.evaluation.plan.transfers[id];
    let (slice, slices) = match one.role {
        TransferRole::Weights { slice, slices, .. } => (slice, slices),
        TransferRole::Spill | TransferRole::FetchBack => (0, 1),
    };
    let link = subject.chip.links.get(one.link as usize).map(|link| link.id.as_str());
    json!({
        "id": id.as_u32(),
        "role": one.role.name(),
        "from": memory(subject, one.from),
        "to": memory(subject, one.to),
        "link": link,
        "bytes": one.bytes.get(),
        "source": one.source.map(|buffer| buffer.as_u32()),
        "target": one.target.as_u32(),
        "after": one.after.map(|step| step.as_u32()),
        "step": one.step.as_u32(),
        "slice": slice,
        "slices": slices,
    })
}

/// Every transfer as the plan has it.
pub(crate) fn plan_json(subject: &Subject<'_>) -> Value {
    subject.evaluation.plan.transfers.keys().map(|id| planned(subject, id)).collect()
}

/// How good the distribution over memories is.
pub(crate) fn distribution_json(subject: &Subject<'_>) -> Value {
    let proof = &subject.evaluation.plan.distribution;
    let cost = proof.cost as f64;
    let gap = if proof.cost == 0 { 0.0 } else { (proof.cost - proof.lower_bound) as f64 / cost };
    json!({
        "slow_traffic": json::bytes(proof.slow_traffic, FigureKind::Planned),
        "optimal": proof.is_optimal(),
        "gap": gap,
    })
}

/// Every transfer with how it ran.
pub(crate) fn sim_json(subject: &Subject<'_>) -> Value {
    let profile = &subject.evaluation.profile;
    subject
        .evaluation
        .plan
        .transfers
        .iter()
        .map(|(id, one)| {
            let ran = &profile.transfers[id];
            let mut value = planned(subject, id);
            value["start"] = json::cycles(ran.start, profile);
            value["end"] = json::cycles(ran.end, profile);
            value["window"] = json::cycles(ran.window, profile);
            value["unhidden"] = json::cycles(ran.unhidden, profile);
            value["bytes_per_cycle_needed"] = json!(needed(one, ran));
            value["bytes_per_cycle"] = json!(ran.rate);
            value
        })
        .collect()
}
