//! An Ethos-U whose feature maps lie in external memory, with the SRAM as a cache.

use cofit_ethos_u::memory::Role;
use cofit_ethos_u::operation::{FeatureMap, Unit};
use cofit_ethos_u::staging::greedy::{self, Greedy};
use cofit_ethos_u::staging::{Guest, choose, moved};
use cofit_ethos_u::{Config, Network, NpuOperation, Schedule, WeightEncoding};
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
    /// plan's.
    ///
    /// # Errors
    /// As [`greedy::plan`].
    pub fn run(
        &self,
        plan: &Plan,
        mut lowered: Vec<Lowered<'_>>,
        network: &Network<'_>,
    ) -> Result<(Schedule, Vec<bool>), Box<Diagnostic>> {
        let (mut fixed, mut after_cpu) = (Vec::new(), Vec::new());
        let mut begin = 0;
        for one in &lowered {
            if one.after_cpu {
                after_cpu.push(begin);
            }
            let is_fixed = |tensor: &TensorId| {
                self.values.of[*tensor].is_none_or(|value| self.is_external[value])
            };
            if plan.steps[one.step].inputs.first().is_none_or(is_fixed) {
                fixed.push(begin);
            }
            begin += one.operations.len();
        }
        let encoding = WeightEncoding::default();
        let greedy = greedy::plan(network, self.config, encoding, self.limit, &fixed, &after_cpu)?;
        let is_staged = self.staged(plan, &lowered, network, &greedy);
        self.place(plan, &mut lowered, &|value| is_staged[value]);
        let operations: Vec<NpuOperation<'_>> =
            lowered.into_iter().flat_map(|one| one.operations).collect();
        Ok((moved(&operations, greedy, &after_cpu, self.config), is_staged))
    }

    /// Which values lie in SRAM.
    fn staged(
        &self,
        plan: &Plan,
        lowered: &[Lowered<'_>],
        network: &Network<'_>,
        greedy: &Greedy,
    ) -> Vec<bool> {
        let mut taken: Vec<Bytes> = network
            .stages
            .iter()
            .map(|stage| {
                let own = greedy.plans.get(stage.operations.clone()).unwrap_or_default();
                let most = own.iter().map(|it| it.buffers[0] + it.buffers[1]).max();
                // Where a result takes an input's place, both are counted once.
                most.unwrap_or_default() - stage.overwritten
            })
            .collect();
        let mut is_staged = vec![false; network.values.len()];
        for cascade in &greedy.cascades {
            // The stages of a cascade take turns.
            let stages = cascade.first..=cascade.last;
            let rolling: Bytes = cascade.rolling.iter().map(|buffer| buffer.bytes).sum();
            let all = rolling + taken[stages.clone()].iter().copied().sum();
            taken[stages].fill(all);
            cascade.rolling.iter().for_each(|buffer| is_staged[buffer.value] = true);
        }
        let made = self.made_in_stripes(plan, lowered, greedy);
        let accesses = self.accesses(plan, lowered);
        let candidates: Vec<usize> = (0..network.values.len())
            .filter(|&value| {
                !self.is_external[value]
                    && !is_staged[value]
                    && !made[value]
                    && !network.values[value].bytes.is_zero()
            })
            .collect();
        let guests: Vec<Guest> = candidates
            .iter()
            .map(|&value| {
                let map = network.values[value];
                let (mut first, mut last) = (map.first, map.last);
                for cascade in &greedy.cascades {
                    if first <= cascade.last && cascade.first <= last {
                        (first, last) = (first.min(cascade.first), last.max(cascade.last));
                    }
                }
                Guest { bytes: map.bytes, first, last, accesses: accesses[value] }
            })
            .collect();
        let kept = choose(&guests, &taken, self.limit);
        for (&value, kept) in candidates.iter().zip(&kept) {
            is_staged[value] = *kept;
        }
        self.align_operands(plan, lowered, &candidates, &mut is_staged);
        is_staged
    }

    /// The values that members of cascades make; what is not in a rolling buffer stays outside.
    fn made_in_stripes(&self, plan: &Plan, lowered: &[Lowered<'_>], greedy: &Greedy) -> Vec<bool> {
        let mut made = vec![false; self.is_external.len()];
        for one in lowered {
            let at = one.step.as_u32() as usize;
            if greedy.cascades.iter().any(|cascade| (cascade.first..=cascade.last).contains(&at)) {
                let outputs = plan.steps[one.step].outputs.iter();
                outputs.filter_map(|it| self.values.of[*it]).for_each(|value| made[value] = true);
            }
        }
        made
    }

    /// Both operands of an elementwise operation lie in one memory: where one is outside, the
    /// other goes there too, unless something else than such operations reads it.
    fn align_operands(
        &self,
        plan: &Plan,
        lowered: &[Lowered<'_>],
        candidates: &[usize],
        is_staged: &mut [bool],
    ) {
        let is_elementwise = |one: &Lowered<'_>| {
            one.operations.first().is_some_and(|it| it.kind.unit() == Unit::Elementwise)
        };
        let operands = |one: &Lowered<'_>| -> Vec<usize> {
            plan.steps[one.step].inputs.iter().filter_map(|it| self.values.of[*it]).collect()
        };
        for one in lowered.iter().filter(|one| is_elementwise(one)) {
            let values = operands(one);
            if values.iter().all(|value| is_staged[*value]) {
                continue;
            }
            for value in values {
                let only = lowered
                    .iter()
                    .filter(|other| operands(other).contains(&value))
                    .all(is_elementwise);
                if only && candidates.contains(&value) {
                    is_staged[value] = false;
                }
            }
        }
    }

    /// Elements of every value that operations read and write.
    fn accesses(&self, plan: &Plan, lowered: &[Lowered<'_>]) -> Vec<u64> {
        let mut sums = vec![0u64; self.is_external.len()];
        for one in lowered {
            let step = &plan.steps[one.step];
            let first = one.operations.first().map_or(0, |it| it.ifm.shape.elements());
            let last = one.operations.last().map_or(0, |it| it.ofm.shape.elements());
            for (tensors, elements) in [(&step.inputs[..], first), (&step.outputs[..], last)] {
                for value in tensors.iter().filter_map(|it| self.values.of[*it]) {
                    sums[value] = sums[value].saturating_add(elements);
                }
            }
        }
        sums
    }
}

/// Moves a map of activations.
fn set(map: &mut FeatureMap, role: Role) {
    match map.role {
        Role::Arena | Role::Staging => map.role = role,
        Role::Constants => {}
    }
}
