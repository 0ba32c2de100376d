//! A plan as text, for `--print-after`, for tests and for bug reports.

use std::fmt::Write as _;

use cofit_chip::Chip;
use cranelift_entity::EntityRef;

use crate::plan::{BufferRole, MemoryId, Placement, Plan, StepSchedule, TransferRole};

/// The steps, buffers and refusals of a plan, one a line.
pub fn dump(plan: &Plan, chip: &Chip) -> String {
    let mut text = String::new();
    let engine = |index: usize| chip.engines.get(index).map_or("?", |engine| engine.id.as_str());
    if plan.steps.is_empty() {
        for (id, operator) in &plan.graph.operators {
            let _ = writeln!(text, "{id} {} {}", operator.kind(), plan.graph.operator_name(id));
        }
    }
    for (id, step) in &plan.steps {
        let kinds: Vec<&str> = step
            .operators
            .iter()
            .map(|&operator| plan.graph.operators[operator].kind().name())
            .collect();
        let placement = match &step.placement {
            Placement::Native => "",
            Placement::Fallback(_) => " fallback",
            Placement::View => " view",
            Placement::Refused => " refused",
        };
        let schedule = match step.schedule {
            StepSchedule::Whole => String::new(),
            StepSchedule::Streaming => " streaming".to_owned(),
            StepSchedule::EthosU { count, .. } => {
                let stripe = plan.stripe_of(id).map(|rows| format!(" stripe={rows}"));
                format!(" operations={count}{}", stripe.unwrap_or_default())
            }
        };
        let _ = writeln!(
            text,
            "{id} {} on {}{placement}{schedule} \"{}\"",
            kinds.join("+"),
            engine(step.engine.index()),
            plan.step_name(id)
        );
    }
    for (id, buffer) in &plan.buffers {
        let role = match buffer.role {
            BufferRole::Activation(_) => "activation",
            BufferRole::Stream(_) => "stream",
            BufferRole::Spilled(_) => "spilled",
            BufferRole::WeightStaging => "weights",
            BufferRole::ResidentWeights(_) => "resident",
            BufferRole::Scratch => "scratch",
        };
        let place = match (buffer.memory, buffer.address) {
            (Some(memory), Some(address)) => {
                format!("{}+{}", chip.memories[memory.index()].id, address.get())
            }
            _ => "nowhere".to_owned(),
        };
        let _ = writeln!(
            text,
            "{id} {role} {} bytes at {place} {}..{} \"{}\"",
            buffer.bytes.get(),
            buffer.first_step,
            buffer.last_step,
            plan.buffer_name(buffer)
        );
    }
    for (id, one) in &plan.transfers {
        let memory = |id: MemoryId| chip.memories[id.index()].id.as_str();
        let slice = match one.role {
            TransferRole::Weights { slice, slices, .. } if slices > 1 => {
                format!(" {}/{slices}", slice + 1)
            }
            TransferRole::Weights { .. } | TransferRole::Spill | TransferRole::FetchBack => {
                String::new()
            }
        };
        let after = one.after.map_or_else(|| "start".to_owned(), |step| step.to_string());
        let _ = writeln!(
            text,
            "{id} {}{slice} {} bytes {} to {} {} after {after} for {}",
            one.role.name(),
            one.bytes.get(),
            memory(one.from),
            memory(one.to),
            one.target,
            one.step
        );
    }
    for refusal in &plan.refusals {
        let _ = writeln!(text, "refused: {}", refusal.diagnostic);
    }
    text
}
