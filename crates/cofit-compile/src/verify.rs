//! What a well-formed plan is, checked independently of the passes that made it.
//!
//! A plan is well-formed when
//! 1. every operator of the graph is covered by exactly one step, and a step covers its main
//!    operator;
//! 2. steps stand in an order in which every activation is written before it is read;
//! 3. every activation that a step reads or writes has exactly one buffer that is live during that
//!    step, at least as large as the densely packed tensor;
//! 4. a buffer with an address has a memory, and its address is a multiple of its alignment;
//! 5. no two buffers of one memory overlap in both bytes and halves of steps;
//! 6. a memory's packed height is not exceeded by any of its buffers, and a plan without refusals
//!    exceeds no memory;
//! 7. an input that a step overwrites has no later reader and is no output of the graph;
//! 8. a refused step has a refusal, and a buffer without an address has one too;
//! 9. transfers are what `verify/transfers.rs` says: each fills a live buffer of its target memory within
//!    its window, all weights of a staged step arrive once each, and an activation that is moved
//!    away comes back before its next use.
//! 10. the steps of a cascade are single operations of the NPU, what they touch is live throughout,
//!     and in every rolling buffer each row stays until its last reader.
//!
//! A breach is always a mistake of cofit, never of the user: `CF-PLN` codes exit 70.

mod cascades;

use cofit_ir::TensorId;
use cofit_vocab::diagnostic::plan as rule;
use cofit_vocab::{Bytes, Code, Diagnostic, Diagnostics, Place};
use cranelift_entity::{EntityRef, EntitySet, SecondaryMap};
use smallvec::SmallVec;

use crate::plan::{BufferId, BufferRole, Placement, Plan, StepSchedule};

mod transfers;

/// Checks a plan; no messages means that it is well-formed.
pub fn verify(plan: &Plan) -> Diagnostics {
    let mut checker = Checker { plan, found: Diagnostics::new() };
    checker.coverage();
    checker.order();
    checker.buffers();
    checker.overlaps();
    checker.memories();
    checker.transfers();
    checker.cascades();
    checker.found
}

struct Checker<'a> {
    plan: &'a Plan,
    found: Diagnostics,
}

impl Checker<'_> {
    fn report(&mut self, code: &'static Code, message: String) {
        self.found.push(Diagnostic::error(code, message, Place::default()));
    }

    fn coverage(&mut self) {
        let plan = self.plan;
        let mut covered = SecondaryMap::<_, u32>::new();
        for (id, step) in &plan.steps {
            if !step.operators.contains(&step.main) {
                self.report(&rule::COVERAGE, format!("{id} does not cover its main operator"));
            }
            for &operator in &step.operators {
                covered[operator] += 1;
            }
        }
        for operator in plan.graph.operators.keys() {
            if covered[operator] != 1 {
                self.report(
                    &rule::COVERAGE,
                    format!(
                        "`{}` is covered by {} steps",
                        plan.graph.operator_name(operator),
                        covered[operator]
                    ),
                );
            }
        }
    }

    fn order(&mut self) {
        let plan = self.plan;
        let producers = plan.graph.producers();
        let mut written: EntitySet<TensorId> = EntitySet::new();
        for (id, step) in &plan.steps {
            for &input in &step.inputs {
                let tensor = &plan.graph.tensors[input];
                let is_state = tensor.role == cofit_ir::TensorRole::Variable;
                if producers[input].is_some() && !written.contains(input) && !is_state {
                    self.report(
                        &rule::ORDER,
                        format!("{id} reads `{}` before it is written", tensor.name),
                    );
                }
            }
            for &operator in &step.operators {
                for &output in &plan.graph.operators[operator].outputs {
                    written.insert(output);
                }
            }
        }
    }

    fn buffers(&mut self) {
        let plan = self.plan;
        let mut owners: SecondaryMap<TensorId, SmallVec<[BufferId; 1]>> = SecondaryMap::new();
        for (id, buffer) in &plan.buffers {
            if let BufferRole::Stream(tensor) = &buffer.role {
                owners[*tensor].push(id);
            }
            if let BufferRole::Activation(tensors) = &buffer.role {
                for &tensor in tensors {
                    owners[tensor].push(id);
                    if buffer.bytes < plan.graph.tensors[tensor].bytes() {
                        let name = &plan.graph.tensors[tensor].name;
                        self.report(&rule::BUFFER, format!("{id} is too small for `{name}`"));
                    }
                }
            }
            match (buffer.memory, buffer.address) {
                (Some(_), Some(address)) => {
                    if !address.get().is_multiple_of(buffer.alignment.max(1)) {
                        self.report(&rule::ALIGNMENT, format!("{id} lies at {address}"));
                    }
                }
                (None, Some(_)) => {
                    self.report(&rule::BUFFER, format!("{id} has an address in no memory"));
                }
                (_, None) if plan.refusals.is_empty() => {
                    self.report(&rule::BUFFER, format!("{id} has no address and no refusal"));
                }
                (_, None) => {}
            }
        }
        let mut overwritten: EntitySet<TensorId> = EntitySet::new();
        for (id, step) in &plan.steps {
            for &tensor in step.inputs.iter().filter(|&&tensor| overwritten.contains(tensor)) {
                let name = &plan.graph.tensors[tensor].name;
                self.report(&rule::OVERLAP, format!("{id} reads `{name}`, which is overwritten"));
            }
            if let StepSchedule::EthosU { overwrites: Some(tensor), .. } = &step.schedule {
                overwritten.insert(*tensor);
                if plan.graph.outputs.contains(tensor) {
                    let name = &plan.graph.tensors[*tensor].name;
                    self.report(&rule::OVERLAP, format!("{id} overwrites the output `{name}`"));
                }
            }
            for &tensor in step.inputs.iter().chain(&step.outputs) {
                let own = owners[tensor].iter().map(|&buffer| &plan.buffers[buffer]);
                let live = own.filter(|one| one.first_step <= id && id <= one.last_step).count();
                let name = &plan.graph.tensors[tensor].name;
                match live {
                    0 if owners[tensor].is_empty() => {
                        self.report(&rule::BUFFER, format!("`{name}` has no buffer"));
                    }
                    0 => self.report(&rule::BUFFER, format!("`{name}` is not live during {id}")),
                    1 => {}
                    _ => self.report(&rule::BUFFER, format!("`{name}` has two buffers in {id}")),
                }
            }
            if step.placement == Placement::Refused
                && !plan.refusals.iter().any(|refusal| refusal.step == Some(id))
            {
                self.report(&rule::COVERAGE, format!("{id} is refused without a refusal"));
            }
        }
    }

    fn overlaps(&mut self) {
        let plan = self.plan;
        let placed: Vec<_> = plan
            .buffers
            .iter()
            .filter_map(|(id, buffer)| {
                let start = buffer.address?.get();
                let end = start.saturating_add(buffer.bytes.get());
                Some((id, buffer.memory?, start..end, buffer.halves()))
            })
            .collect();
        // Networks have hundreds of buffers, so comparing all pairs is cheap and obviously right.
        for (at, (a, a_memory, a_bytes, a_halves)) in placed.iter().enumerate() {
            for (b, b_memory, b_bytes, b_halves) in &placed[at + 1..] {
                let same_bytes = a_bytes.start < b_bytes.end && b_bytes.start < a_bytes.end;
                let same_time = a_halves.0 <= b_halves.1 && b_halves.0 <= a_halves.1;
                if a_memory == b_memory && same_bytes && same_time {
                    self.report(&rule::OVERLAP, format!("{a} and {b} overlap"));
                }
            }
        }
    }

    fn memories(&mut self) {
        let plan = self.plan;
        for (id, used) in &plan.memories {
            let height = used.activations + used.scratch;
            for (buffer_id, buffer) in &plan.buffers {
                let end = buffer.address.map(|address| address + buffer.bytes);
                if buffer.memory == Some(id) && end.is_some_and(|end| end > height) {
                    self.report(&rule::CAPACITY, format!("{buffer_id} ends above its memory"));
                }
            }
            if plan.refusals.is_empty() && !used.fits() {
                self.report(
                    &rule::CAPACITY,
                    format!("{} is over its size without a refusal", id.index()),
                );
            }
            if used.lower_bound > height && height > Bytes::ZERO {
                self.report(&rule::CAPACITY, format!("{id} is packed below its lower bound"));
            }
        }
    }
}
