//! An Ethos-U whose feature maps lie in external memory, with the SRAM as a cache.

use cofit_ethos_u::cascade::search::Search;
use cofit_ethos_u::memory::Role;
use cofit_ethos_u::operation::FeatureMap;
use cofit_ethos_u::staging::{Guest, choose, moved};
use cofit_ethos_u::{Config, NpuOperation, Options, Schedule, WeightEncoding, schedule};
use cofit_ir::TensorId;
use cofit_vocab::{Bytes, Diagnostic};

use crate::ethos_u::network::Lowered;
use crate::plan::Plan;
use crate::values::Values;

/// What there is to decide on.
pub(crate) struct Staging<'s> {
    /// The values of the plan.
    pub values: &'s Values,
    /// Whether each crosses to the outside or to another engine, and so stays where it is.
    pub is_external: &'s [bool],
    /// The machine.
    pub config: &'s Config,
    /// The SRAM.
    pub limit: Bytes,
}

impl Staging<'_> {
    /// The maps of an operation in SRAM or not, as `is_staged` says of their values. What is
    /// between the operations of one step is small and always in SRAM.
    pub fn place(&self, plan: &Plan, all: &mut [Lowered<'_>], is_staged: &dyn Fn(usize) -> bool) {
        for at in 0..all.len() {
            // What joined another step wrote that step's result.
            let last = (at + 1..all.len())
                .take_while(|&next| all[next].operations.is_empty())
                .last()
                .unwrap_or(at);
            let outputs = &plan.steps[all[last].step].outputs;
            let result = self.role(outputs.first().copied(), is_staged);
            let step = &plan.steps[all[at].step];
            let main = &plan.graph.operators[step.main];
            let second = main.input(1).filter(|id| self.values.of[*id].is_some());
            let inputs =
                [self.role(step.inputs.first().copied(), is_staged), self.role(second, is_staged)];
            let joined: Vec<Role> = (at + 1..=last)
                .map(|next| {
                    let step = &plan.steps[all[next].step];
                    let kept = step.inputs.iter().copied().find(|input| {
                        self.values.of[*input] != self.written_before(plan, all, next)
                    });
                    self.role(kept, is_staged)
                })
                .collect();
            let operations = &mut all[at].operations;
            let end = operations.len().saturating_sub(1);
            for (index, operation) in operations.iter_mut().enumerate() {
                let inside = if index == 0 { inputs } else { [Role::Staging; 2] };
                set(&mut operation.ifm, inside[0]);
                if let Some(map) = &mut operation.ifm2 {
                    set(map, inside[1]);
                }
                let written = if index == end { result } else { Role::Staging };
                set(&mut operation.ofm, written);
                for (chained, role) in operation.chained.iter_mut().zip(&joined) {
                    if let Some(map) = &mut chained.other {
                        set(map, *role);
                    }
                    set(&mut chained.ofm, result);
                }
            }
        }
    }

    /// The value that the step before wrote.
    fn written_before(&self, plan: &Plan, all: &[Lowered<'_>], at: usize) -> Option<usize> {
        let before = plan.steps[all[at - 1].step].outputs.first()?;
        self.values.of[*before]
    }

    fn role(&self, tensor: Option<TensorId>, is_staged: &dyn Fn(usize) -> bool) -> Role {
        match tensor.and_then(|tensor| self.values.of[tensor]) {
            Some(value) if is_staged(value) => Role::Staging,
            Some(_) | None => Role::Arena,
        }
    }

    /// Decides which values lie in SRAM, and schedules the steps with them there. `network` is the
    /// plan's with every map in SRAM, for cascades where not all fit.
    ///
    /// # Errors
    /// As [`schedule()`].
    pub fn run(
        &self,
        plan: &Plan,
        mut lowered: Vec<Lowered<'_>>,
        network: &mut cofit_ethos_u::Network<'_>,
    ) -> Result<(Schedule, Vec<bool>), Box<Diagnostic>> {
        let mut options = Options::default();
        let mut begins = Vec::with_capacity(lowered.len());
        let mut operations: Vec<NpuOperation<'_>> = Vec::new();
        self.place(plan, &mut lowered, &|_| false);
        for one in &lowered {
            if one.after_cpu {
                options.after_cpu.push(operations.len());
            }
            let is_fixed = |tensor: &TensorId| {
                self.values.of[*tensor].is_none_or(|value| self.is_external[value])
            };
            if plan.steps[one.step].inputs.first().is_none_or(is_fixed) {
                options.fixed_inputs.push(operations.len());
            }
            begins.push(operations.len());
            operations.extend(one.operations.iter().cloned());
        }
        options.free_sram = vec![self.limit; operations.len()];
        let planned = schedule(&operations, self.config, &options)?;

        let mut taken = vec![Bytes::ZERO; plan.steps.len()];
        for (one, &begin) in lowered.iter().zip(&begins) {
            let at = one.step.as_u32() as usize;
            let own = planned.operations.get(begin..begin + one.operations.len());
            let most = own.unwrap_or_default().iter().map(|it| it.staging_bytes()).max();
            taken[at] = most.unwrap_or_default();
        }
        let candidates: Vec<usize> = (0..network.values.len())
            .filter(|&value| !self.is_external[value] && !network.values[value].bytes.is_zero())
            .collect();
        let guests: Vec<Guest> = candidates
            .iter()
            .map(|&value| {
                let map = network.values[value];
                Guest {
                    bytes: map.bytes,
                    first: map.first,
                    last: map.last,
                    accesses: self.accesses(plan, &lowered, value),
                }
            })
            .collect();
        let overwritten = network.stages.iter().map(|stage| stage.overwritten);
        let limit = self.limit;
        // Where a result takes an input's place, both are counted once.
        let taken: Vec<Bytes> = taken.iter().zip(overwritten).map(|(a, b)| *a - b).collect();
        let kept = choose(&guests, &taken, limit);
        let mut is_staged = vec![false; network.values.len()];
        for (&value, kept) in candidates.iter().zip(&kept) {
            is_staged[value] = *kept;
        }
        if kept.iter().any(|kept| !kept)
            && let Some(found) = self.cascaded(plan, network, &candidates)
        {
            return Ok(found);
        }
        self.place(plan, &mut lowered, &|value| is_staged[value]);
        let operations: Vec<NpuOperation<'_>> =
            lowered.into_iter().flat_map(|one| one.operations).collect();
        let done = moved(&operations, planned, &options.after_cpu, self.config);
        Ok((done, is_staged))
    }

    /// The schedule with cascades of fewest cycles of which all maps lie in SRAM, but those that
    /// are external; none where there is none.
    fn cascaded(
        &self,
        plan: &Plan,
        network: &mut cofit_ethos_u::Network<'_>,
        candidates: &[usize],
    ) -> Option<(Schedule, Vec<bool>)> {
        let mut is_staged = vec![false; network.values.len()];
        candidates.iter().for_each(|&value| is_staged[value] = true);
        for (value, is_staged) in network.values.iter_mut().zip(&is_staged) {
            if !is_staged {
                value.bytes = Bytes::ZERO;
            }
        }
        debug_assert_eq!(network.stages.len(), plan.steps.len(), "one stage a step");
        let search = Search::new(network, self.config, WeightEncoding::default()).ok()?;
        let point = search.within(self.limit)?;
        Some((point.schedule, is_staged))
    }

    /// Elements of a value that operations read and write.
    fn accesses(&self, plan: &Plan, lowered: &[Lowered<'_>], value: usize) -> u64 {
        let of = |tensor: &TensorId| self.values.of[*tensor] == Some(value);
        let mut sum = 0u64;
        for one in lowered {
            let step = &plan.steps[one.step];
            let first = one.operations.first().map_or(0, |it| it.ifm.shape.elements());
            let last = one.operations.last().map_or(0, |it| it.ofm.shape.elements());
            if step.inputs.iter().any(of) {
                sum = sum.saturating_add(first);
            }
            if step.outputs.iter().any(of) {
                sum = sum.saturating_add(last);
            }
        }
        sum
    }
}

/// Moves a map of activations.
fn set(map: &mut FeatureMap, role: Role) {
    match map.role {
        Role::Arena | Role::Staging => map.role = role,
        Role::Constants => {}
    }
}
