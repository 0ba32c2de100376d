//! What well-formed transfers are.
//!
//! 1. The source, where it is a buffer, lies in the memory read, and the target in the one written;
//!    both hold the bytes.
//! 2. The window ends after it begins, and the target is live from its beginning to the end of the
//!    step that waits, so that by the rule on overlaps nothing live is overwritten. A source is
//!    live until the window ends.
//! 3. A spill takes place between two neighbouring steps, before anything else begins there: what
//!    begins next may take over the bytes that it frees. So a transfer never precedes, in the
//!    list, one whose window begins earlier, nor a spill of the same instant.
//! 4. A waiting activation is filled once and read back once, and the parts of one activation are
//!    joined by such pairs.
//! 5. The slices of a step are complete, add up to its weights, come from where those lie, and go
//!    to staging buffers; a buffer that several of them use is freed by the slice before.

use cofit_vocab::Bytes;
use cofit_vocab::diagnostic::plan as rule;
use cranelift_entity::SecondaryMap;

use super::Checker;
use crate::plan::{BufferId, BufferRole, ConstantRole, StepId, Transfer, TransferId, TransferRole};

impl Checker<'_> {
    pub(super) fn transfers(&mut self) {
        let plan = self.plan;
        let mut before: Option<(Option<StepId>, bool)> = None;
        for (id, one) in &plan.transfers {
            // Spills sort before what else begins with them.
            let place = (one.after, one.role != TransferRole::Spill);
            if before.is_some_and(|before| before > place) {
                self.fault(id, "is out of order");
            }
            before = Some(place);
            self.window(id, one);
        }
        self.waiting();
        self.slices();
    }

    fn fault(&mut self, id: TransferId, fault: &str) {
        self.report(&rule::TRANSFER, format!("{id} {fault}"));
    }

    /// Memories, sizes and lives of one transfer.
    fn window(&mut self, id: TransferId, one: &Transfer) {
        let plan = self.plan;
        let begin = one.after.map_or(0, |after| 2 * u64::from(after.as_u32()) + 2);
        let needed = 2 * u64::from(one.step.as_u32());
        if begin > needed || one.step.as_u32() as usize >= plan.steps.len() {
            self.fault(id, "ends before it begins");
        }
        let Some(target) = plan.buffers.get(one.target) else {
            return self.fault(id, "fills no buffer");
        };
        if target.memory != Some(one.to) || target.bytes < one.bytes {
            self.fault(id, "does not fit its target");
        }
        let (from, to) = target.halves();
        let is_spill = one.role == TransferRole::Spill;
        if from > begin || to < needed {
            self.fault(id, "fills a buffer that is not live");
        }
        if is_spill && begin != needed {
            self.fault(id, "moves away while a step runs");
        }
        let Some(source) = one.source else {
            return match one.role {
                TransferRole::Weights { .. } => {}
                TransferRole::Spill | TransferRole::FetchBack => self.fault(id, "reads nothing"),
            };
        };
        let Some(source) = plan.buffers.get(source) else {
            return self.fault(id, "reads no buffer");
        };
        if source.memory != Some(one.from) || source.bytes < one.bytes {
            self.fault(id, "does not fit its source");
        }
        // What a spill reads is complete when the step before ends, and free from then on.
        let read_until = if is_spill { begin.saturating_sub(1) } else { needed };
        let (first, last) = source.halves();
        if first > begin || last < read_until {
            self.fault(id, "reads a buffer that is not live");
        }
    }

    /// Activations that wait elsewhere, and the parts that they join.
    fn waiting(&mut self) {
        let plan = self.plan;
        let mut filled: SecondaryMap<BufferId, u32> = SecondaryMap::new();
        let mut read: SecondaryMap<BufferId, u32> = SecondaryMap::new();
        for (id, one) in &plan.transfers {
            if matches!(one.role, TransferRole::Weights { .. }) {
                continue;
            }
            let role = |buffer: BufferId| plan.buffers.get(buffer).map(|buffer| &buffer.role);
            let pair = (one.source.and_then(role), role(one.target));
            let is_same = match (one.role, pair) {
                (
                    TransferRole::Spill,
                    (Some(BufferRole::Activation(a)), Some(BufferRole::Spilled(b))),
                )
                | (
                    TransferRole::FetchBack,
                    (Some(BufferRole::Spilled(a)), Some(BufferRole::Activation(b))),
                ) => a == b,
                _ => false,
            };
            if !is_same {
                self.fault(id, "joins what does not belong together");
            }
            filled[one.target] += 1;
            if let Some(source) = one.source {
                read[source] += 1;
            }
        }
        for (id, buffer) in &plan.buffers {
            let fault = match &buffer.role {
                BufferRole::Spilled(_) => filled[id] != 1 || read[id] != 1,
                BufferRole::Activation(tensors) => {
                    // The first part is written by a step, the others by a transfer each.
                    let is_first = !plan.buffers.iter().any(|(other, part)| {
                        other != id
                            && part.first_step < buffer.first_step
                            && matches!(&part.role, BufferRole::Activation(own) if own == tensors)
                    });
                    filled[id] != u32::from(!is_first)
                }
                BufferRole::Stream(_)
                | BufferRole::WeightStaging
                | BufferRole::ResidentWeights(_)
                | BufferRole::Scratch => false,
            };
            if fault {
                self.report(&rule::TRANSFER, format!("{id} is not filled as it should be"));
            }
        }
    }

    /// Staged weights, step by step.
    fn slices(&mut self) {
        let plan = self.plan;
        let mut by_step: SecondaryMap<StepId, Vec<TransferId>> = SecondaryMap::new();
        for (id, one) in &plan.transfers {
            if matches!(one.role, TransferRole::Weights { .. }) {
                by_step[one.step].push(id);
            }
        }
        for step in plan.steps.keys().filter(|&step| !by_step[step].is_empty()) {
            let mut sum = Bytes::ZERO;
            let stored = plan
                .constants
                .iter()
                .find(|one| one.step == step && one.role == ConstantRole::Weights);
            // The slice that used each buffer last, in the order of slices.
            let mut user: Vec<(BufferId, u32)> = Vec::new();
            let count = by_step[step].len();
            let mut slices = by_step[step].clone();
            let number = |id: &TransferId| match plan.transfers[*id].role {
                TransferRole::Weights { slice, .. } => slice,
                TransferRole::Spill | TransferRole::FetchBack => u32::MAX,
            };
            slices.sort_by_key(number);
            for (at, &id) in slices.iter().enumerate() {
                let one = &plan.transfers[id];
                let TransferRole::Weights { slice, slices, frees } = one.role else { continue };
                if slice as usize != at || slices as usize != count {
                    self.fault(id, "is not the slice that is missing");
                }
                let last = user.iter().rposition(|(buffer, _)| *buffer == one.target);
                if frees != last.map(|last| user[last].1) {
                    self.fault(id, "does not wait for its buffer");
                }
                user.push((one.target, slice));
                let role = plan.buffers.get(one.target).map(|buffer| &buffer.role);
                if role != Some(&BufferRole::WeightStaging) {
                    self.fault(id, "fills no staging buffer");
                }
                let copy = one.source.and_then(|source| plan.buffers.get(source));
                let is_copy =
                    copy.is_some_and(|copy| copy.role == BufferRole::ResidentWeights(step));
                if !is_copy && stored.and_then(|stored| stored.memory) != Some(one.from) {
                    self.fault(id, "does not come from where the weights are");
                }
                sum += one.bytes;
            }
            if stored.map(|stored| stored.bytes) != Some(sum) {
                self.report(&rule::TRANSFER, format!("{step} gets {sum} of its weights"));
            }
        }
    }
}
