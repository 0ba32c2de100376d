//! A run: every task of every group, from arena to arena.

use std::collections::BTreeMap;

use cofit_ir::{Graph, Model, Op, TensorId};
use cofit_stream::{
    ChannelRole, Group, Manner, Pieces, Schedule, Stage, StageId, StripColumns, Task, Uses,
    ValueId, visit_tasks,
};
use cofit_vocab::diagnostic::execution as rules;
use cofit_vocab::{Bytes, Diagnostic, Place};
use smallvec::SmallVec;

use super::last_use::{End, PIXEL_NOTES, ends};
use super::memory::{Condition, Loss, Memories, Owner};
use super::part::{Part, Run, Scope};
use super::piece::{PieceKernels, Signature};
use super::{Account, Piece, PieceObserver, check};
use crate::buffer::{Buffer, Slice};
use crate::call::Fault;
use crate::kernels::channel_sums::ChannelSums;
use crate::kernels::sums::Sums;
use crate::network::{Network, State, Stop};
use crate::site::{Refusal, Site};

/// Runs one inference; returns the outputs and what it took.
pub(super) fn run(
    network: &Network,
    state: &mut State,
    inputs: &[Buffer],
    stages: &cofit_stream::Network,
    schedule: &Schedule,
    observer: &mut dyn PieceObserver,
) -> Result<(Vec<Buffer>, Account), Stop> {
    let graph = network.model().main_graph();
    check::check(graph, stages, schedule).map_err(Stop::Wrong)?;
    let limit = network.options().memory_limit;
    let notes = schedule.groups.iter().map(|group| notes_of(stages, group)).max().unwrap_or(0);
    let left = limit.saturating_sub(Bytes(notes)).get();
    let is_summed = |id: StageId| {
        let mut by_channels =
            schedule.groups.iter().filter(|it| matches!(it.pieces, Pieces::Channels(_)));
        by_channels.any(|group| group.last == id)
    };
    let sums = |id: StageId| match stages.stages[id].channels {
        ChannelRole::Dense { sums: Some(bytes) } if is_summed(id) => bytes,
        ChannelRole::Dense { .. } | ChannelRole::Apart | ChannelRole::None => {
            sum_bytes(&stages.stages[id])
        }
    };
    let memories = Memories::new(stages, schedule, sums, left);
    let memories = memories.ok_or_else(|| {
        let message = format!(
            "an arena of {}, with what is noted about its bytes and pixels, takes more than {limit}",
            schedule.arena
        );
        Stop::Wrong(Diagnostic::error(&rules::TOO_LARGE, message, Place::default()).into())
    })?;
    let uses = Uses::of(stages);
    let mut runner = Runner {
        network,
        graph,
        stages,
        state,
        observer,
        memories,
        kernels: BTreeMap::new(),
        channel_sums: None,
        account: Account::default(),
        bytes: Vec::new(),
    };
    for (&id, input) in graph.inputs.iter().zip(inputs) {
        runner.feed(id, input)?;
    }
    for group in &schedule.groups {
        let scope = Scope { network: stages, uses: &uses, group };
        runner.group(scope, schedule)?;
    }
    let outputs = graph.outputs.iter().map(|&id| runner.output(id));
    let outputs = outputs.collect::<Result<_, _>>()?;
    let mut account = runner.account;
    account.highest = Bytes(runner.memories.highest);
    Ok((outputs, account))
}

/// Bytes noted about the pixels of a group, at most.
fn notes_of(network: &cofit_stream::Network, group: &Group) -> u64 {
    let values = group.stages().flat_map(|id| {
        let stage = &network.stages[id];
        stage.reads.iter().map(|read| read.value).chain(stage.writes.iter().copied())
    });
    let bytes = values.map(|value| network.values[value].grid.area().saturating_mul(PIXEL_NOTES));
    bytes.fold(0, u64::saturating_add)
}

/// All sums of a stage.
const fn sums_of(stage: &Stage) -> Run {
    Run { stored: 0, byte: 0, length: sum_bytes(stage) }
}

/// Bytes of the sums of a stage.
const fn sum_bytes(stage: &Stage) -> u64 {
    match stage.manner {
        Manner::Accumulated { bytes } => bytes,
        Manner::Streamed { .. } | Manner::Whole => 0,
    }
}

struct Runner<'a> {
    network: &'a Network,
    graph: &'a Graph,
    stages: &'a cofit_stream::Network,
    state: &'a mut State,
    observer: &'a mut dyn PieceObserver,
    memories: Memories,
    /// Kernels for pieces of the stages of the group that runs.
    kernels: BTreeMap<StageId, PieceKernels>,
    /// The last stage of a group that runs by channels.
    channel_sums: Option<ChannelSums>,
    account: Account,
    /// Scratch.
    bytes: Vec<u8>,
}

impl Runner<'_> {
    /// Puts an input into its place.
    fn feed(&mut self, id: TensorId, input: &Buffer) -> Result<(), Stop> {
        let Some(value) = self.stages.value_of[id] else { return Ok(()) };
        if !self.memories.has_place(value) {
            return Ok(());
        }
        let tensor = &self.graph.tensors[id];
        let bytes = input.to_packed(tensor.element).ok_or_else(|| {
            let message = format!("`{}` is not of {}", tensor.name, tensor.element);
            let place = Place::tensor(tensor.name.clone());
            Stop::Wrong(Diagnostic::error(&rules::WRONG_INPUT, message, place).into())
        })?;
        self.store(&Part::whole(self.stages, value), &bytes);
        Ok(())
    }

    /// The value of an output.
    fn output(&mut self, id: TensorId) -> Result<Buffer, Stop> {
        let Some(value) = self.stages.value_of[id] else {
            return self.network.fixed_output(Model::main_id(), id, self.state);
        };
        let part = Part::whole(self.stages, value);
        self.bytes.clear();
        let read = self.memories.gather(self.stages, &part, &mut self.bytes);
        read.map_err(|loss| self.lost("the caller", Place::default(), &loss))?;
        let tensor = &self.graph.tensors[id];
        let count = usize::try_from(tensor.shape.elements()).unwrap_or(usize::MAX);
        Buffer::from_packed(tensor.element, count, &self.bytes).ok_or_else(|| {
            let message = format!("output `{}` has no value", tensor.name);
            let place = Place::tensor(tensor.name.clone());
            Stop::Wrong(Diagnostic::error(&rules::RUN_FAULT, message, place).into())
        })
    }

    fn group(&mut self, scope: Scope<'_>, schedule: &Schedule) -> Result<(), Stop> {
        let outside = |value: ValueId| schedule.values[value] == cofit_stream::Storage::Outside;
        let ends = ends(scope, outside);
        let mut dead = ends.iter().peekable();
        let mut number: u32 = 0;
        let mut outcome = Ok(());
        visit_tasks(scope.network, scope.uses, scope.group, &mut |task, strip| {
            if outcome.is_err() {
                return;
            }
            outcome = self.task(scope, task, strip);
            while let Some(end) = dead.next_if(|end| end.task == number) {
                self.end(scope, strip, end);
            }
            number = number.saturating_add(1);
        });
        self.kernels.clear();
        self.channel_sums = None;
        outcome
    }

    /// Poisons pixels that were used for the last time.
    fn end(&mut self, scope: Scope<'_>, strip: &StripColumns, end: &End) {
        let End { value, row, ref columns, .. } = *end;
        let held = scope.held(value, strip);
        let part =
            Part { value, rows: row..row + 1, columns: columns.clone(), held, channels: None };
        for run in part.runs(self.stages).into_iter().flatten() {
            self.memories.free(Owner::Value(value), run);
        }
    }

    fn task(&mut self, scope: Scope<'_>, task: &Task, strip: &StripColumns) -> Result<(), Stop> {
        let stage = &self.stages.stages[task.stage];
        let operands = scope.operands(task, strip);
        let results = scope.results(task, strip);
        self.account.pieces = self.account.pieces.saturating_add(1);
        if task.channels.is_none() || task.is_first {
            self.account.constant_bytes += Bytes(stage.constant_bytes);
        }
        if scope.is_summed(task) {
            return self.add_channels(stage, task, &operands, &results);
        }
        let is_all = operands.iter().all(|(_, part)| part.is_whole(self.stages))
            && results.iter().all(|part| part.is_whole(self.stages));
        let is_in_place =
            stage.manner == Manner::Streamed { in_place: true } && task.channels.is_none();
        let sums = Owner::Sums(task.stage);
        if task.is_first && scope.group.pieces != Pieces::Whole {
            self.memories.promise(sums, sums_of(stage));
        }
        if !is_in_place {
            for part in &results {
                for run in part.runs(self.stages).into_iter().flatten() {
                    self.memories.promise(Owner::Value(part.value), run);
                }
            }
        }
        let computed: SmallVec<[Buffer; 1]> = match stage.manner {
            Manner::Accumulated { .. } if !(is_all && task.is_first && task.is_last) => {
                self.accumulate(stage, task, &operands)?.into_iter().collect()
            }
            Manner::Streamed { .. } if !is_all => {
                let read = self.fetch(stage, &operands)?;
                let part = results.first().ok_or_else(|| self.fault(stage, "it has no result"))?;
                let parts: SmallVec<[Part; 2]> =
                    operands.iter().map(|(_, part)| part.clone()).collect();
                let signature = Signature::of(stage, task, &parts, part);
                let rounding = self.network.options().rounding;
                let kernels = self.kernels.entry(task.stage).or_default();
                let kernel = kernels.get(self.graph, stage, signature, rounding);
                let kernel = kernel.map_err(Stop::Wrong)?;
                self.account.macs[task.stage] += kernel.macs;
                let result = kernel.run(&read);
                let result = result.map_err(|Fault(message)| self.fault(stage, &message))?;
                [result].into_iter().collect()
            }
            Manner::Streamed { .. } | Manner::Accumulated { .. } | Manner::Whole => {
                self.account.macs[task.stage] += stage.macs;
                self.whole(stage, &operands)?
            }
        };
        for (part, result) in results.iter().zip(computed) {
            self.keep(stage, task.stage, part, result.as_slice(), is_in_place, &operands)?;
        }
        if task.is_last {
            self.memories.free(sums, sums_of(stage));
        }
        self.free_slices(&operands);
        Ok(())
    }

    /// Poisons slices, which have one reader each.
    fn free_slices(&mut self, operands: &[(cofit_stream::Read, Part)]) {
        for (_, part) in operands.iter().filter(|(_, part)| part.channels.is_some()) {
            for run in part.runs(self.stages).into_iter().flatten() {
                self.memories.free(Owner::Value(part.value), run);
            }
        }
    }

    /// Adds channels to the sums of a pointwise convolution; after the last, makes its result of them.
    fn add_channels(
        &mut self,
        stage: &Stage,
        task: &Task,
        operands: &[(cofit_stream::Read, Part)],
        results: &[Part],
    ) -> Result<(), Stop> {
        let owner = Owner::Sums(task.stage);
        let ChannelRole::Dense { sums: Some(length) } = stage.channels else {
            return Err(self.fault(stage, "it has no sums"));
        };
        let all = Run { stored: 0, byte: 0, length };
        let kernel = match self.channel_sums.take() {
            Some(kernel) => kernel,
            None => self.prepare_channel_sums(stage).map_err(Stop::Wrong)?,
        };
        let mut sums = vec![0; usize::try_from(length / 4).unwrap_or(0)];
        if task.is_first {
            self.memories.promise(owner, all);
        } else {
            self.bytes.clear();
            let read = self.memories.read(owner, all, &mut self.bytes);
            read.map_err(|loss| self.lost_by(stage, &loss))?;
            for (sum, &bytes) in sums.iter_mut().zip(self.bytes.as_chunks::<4>().0) {
                *sum = i32::from_le_bytes(bytes);
            }
        }
        let channels = task.channels.clone().unwrap_or_default();
        for (_, pixels) in self.fetch(stage, operands)? {
            let channels = channels.start as usize..channels.end as usize;
            kernel
                .add(&mut sums, pixels.as_slice(), channels)
                .map_err(|Fault(message)| self.fault(stage, &message))?;
        }
        let bytes: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        self.memories.write(owner, all, &bytes);
        self.free_slices(operands);
        if let Some(part) = results.first() {
            self.account.macs[task.stage] += stage.macs;
            let result = self.finish_channels(stage, task.stage, &kernel, part, sums.len())?;
            self.memories.free(owner, all);
            self.keep(stage, task.stage, part, result.as_slice(), false, operands)?;
        }
        self.channel_sums = Some(kernel);
        Ok(())
    }

    fn prepare_channel_sums(&self, stage: &Stage) -> Result<ChannelSums, Refusal> {
        let site = Site::new(self.graph, stage.operator, self.network.options().rounding);
        match &self.graph.operators[stage.operator].op {
            Op::Conv2d(conv) => ChannelSums::new(conv, &site),
            _ => Err(site.unsupported()),
        }
    }

    /// Makes a result of sums in the arena: each byte is written when its sum has been read, and may
    /// lie where sums lay that have.
    fn finish_channels(
        &mut self,
        stage: &Stage,
        id: StageId,
        kernel: &ChannelSums,
        part: &Part,
        count: usize,
    ) -> Result<Buffer, Stop> {
        let tensor = self.stages.values[part.value].tensors.first();
        let element = tensor.map(|&id| self.graph.tensors[id].element);
        let element = element.ok_or_else(|| self.fault(stage, "it has no result"))?;
        let mut packed = Vec::with_capacity(count);
        for at in 0..count {
            let byte = at as u64;
            let sum = Run { stored: byte * 4, byte: byte * 4, length: 4 };
            self.bytes.clear();
            let read = self.memories.read(Owner::Sums(id), sum, &mut self.bytes);
            read.map_err(|loss| self.lost_by(stage, &loss))?;
            let sum = self.bytes.as_chunks::<4>().0.first().copied().unwrap_or_default();
            // The low byte is the element, signed or not.
            let [low, ..] = kernel.finish(at, i32::from_le_bytes(sum)).to_le_bytes();
            let run = Run { stored: byte, byte, length: 1 };
            self.memories.write(Owner::Value(part.value), run, &[low]);
            packed.push(low);
        }
        Buffer::from_packed(element, count, &packed)
            .ok_or_else(|| self.fault(stage, "a result has a type without kernels"))
    }

    /// Runs an operator at once. Returns those of its results that are values.
    fn whole(
        &mut self,
        stage: &Stage,
        operands: &[(cofit_stream::Read, Part)],
    ) -> Result<SmallVec<[Buffer; 1]>, Stop> {
        let read = self.fetch(stage, operands)?;
        let values = |tensor: TensorId| {
            let at = operands.iter().position(|(read, _)| read.tensor == tensor)?;
            read.get(at).map(|(_, buffer)| buffer)
        };
        let results =
            self.network.run_step(Model::main_id(), stage.operator, values, self.state)?;
        let outputs = &self.graph.operators[stage.operator].outputs;
        let of_values = outputs.iter().zip(results);
        let of_values = of_values.filter(|(output, _)| self.stages.value_of[**output].is_some());
        Ok(of_values.map(|(_, result)| result).collect())
    }

    /// Adds pixels to the sums of a stage. Returns what the sums become after the last.
    fn accumulate(
        &mut self,
        stage: &Stage,
        task: &Task,
        operands: &[(cofit_stream::Read, Part)],
    ) -> Result<Option<Buffer>, Stop> {
        let owner = Owner::Sums(task.stage);
        let run = sums_of(stage);
        let mut sums = vec![0; usize::try_from(run.length / 4).unwrap_or(0)];
        if !task.is_first {
            self.bytes.clear();
            let read = self.memories.read(owner, run, &mut self.bytes);
            read.map_err(|loss| self.lost_by(stage, &loss))?;
            for (sum, &bytes) in sums.iter_mut().zip(self.bytes.as_chunks::<4>().0) {
                *sum = i32::from_le_bytes(bytes);
            }
        }
        for (_, pixels) in self.fetch(stage, operands)? {
            Sums::add(&mut sums, pixels.as_slice())
                .map_err(|Fault(message)| self.fault(stage, &message))?;
        }
        let bytes: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        self.memories.write(owner, run, &bytes);
        if !task.is_last {
            return Ok(None);
        }
        self.account.macs[task.stage] += stage.macs;
        let finished = self.finish(stage, &sums).map_err(Stop::Wrong)?;
        finished.map(Some).map_err(|Fault(message)| self.fault(stage, &message))
    }

    /// What sums over a whole map become.
    fn finish(&self, stage: &Stage, sums: &[i32]) -> Result<Result<Buffer, Fault>, Refusal> {
        let site = Site::new(self.graph, stage.operator, self.network.options().rounding);
        let count = usize::try_from(stage.grid.area()).unwrap_or(usize::MAX);
        let finish = Sums::new(&site, count)?;
        let result = Buffer::zeros(site.output(0)?.element, sums.len());
        let mut result = result.ok_or_else(|| site.unsupported())?;
        Ok(finish.finish(sums, &mut result).map(|()| result))
    }

    /// Operands from their places, with their positions.
    fn fetch(
        &mut self,
        stage: &Stage,
        operands: &[(cofit_stream::Read, Part)],
    ) -> Result<SmallVec<[(usize, Buffer); 2]>, Stop> {
        let mut fetched = SmallVec::new();
        for (read, part) in operands {
            self.bytes.clear();
            let gathered = self.memories.gather(self.stages, part, &mut self.bytes);
            gathered.map_err(|loss| self.lost_by(stage, &loss))?;
            let element = self.graph.tensors[read.tensor].element;
            let count = self.bytes.len() * 8 / element.bits() as usize;
            let count = match part.is_whole(self.stages) {
                // The last byte of a value may hold less than it could.
                true => self.graph.tensors[read.tensor].shape.elements() as usize,
                false => count,
            };
            let buffer = Buffer::from_packed(element, count, &self.bytes)
                .ok_or_else(|| self.fault(stage, "an operand has a type without kernels"))?;
            fetched.push((read.operand, buffer));
        }
        Ok(fetched)
    }

    /// Puts a result into its place and shows it.
    fn keep(
        &mut self,
        stage: &Stage,
        id: StageId,
        part: &Part,
        result: Slice<'_>,
        is_in_place: bool,
        operands: &[(cofit_stream::Read, Part)],
    ) -> Result<(), Stop> {
        let tensor = self.stages.values[part.value].tensors.first();
        let element = tensor.map(|&id| self.graph.tensors[id].element);
        let pixel = self.stages.values[part.value].pixel_bytes;
        if is_in_place {
            let width = element.map_or(1, |element| u64::from(element.bits().div_ceil(8)));
            let position = |value: ValueId, byte: u64| {
                let (_, read) = operands.iter().find(|(read, _)| read.value == value)?;
                let columns = u64::from(self.stages.values[value].grid.columns.max(1));
                let (at, inside) = (byte.checked_div(pixel)?, byte.checked_rem(pixel)?);
                let row = (at / columns).checked_sub(read.rows.start.into())?;
                let column = (at % columns).checked_sub(read.columns.start.into())?;
                let (rows, columns) = read.extent();
                let is_read = row < rows.into() && column < columns.into();
                is_read.then(|| (row * u64::from(columns) + column) * pixel + inside)
            };
            let mut before = 0;
            for run in part.runs(self.stages).into_iter().flatten() {
                let owner = Owner::Value(part.value);
                if let Some(loss) = self.memories.overtaken(owner, run, before, width, position) {
                    return Err(self.lost_by(stage, &loss));
                }
                before += run.length;
            }
        }
        let packed = element.and_then(|element| result.to_buffer().to_packed(element));
        let packed = packed.ok_or_else(|| self.fault(stage, "a result is of another type"))?;
        if packed.len() as u64 != part.bytes(self.stages) {
            return Err(self.fault(stage, "a result has another length than its piece"));
        }
        self.store(part, &packed);
        let piece = Piece {
            stage: id,
            operator: stage.operator,
            value: part.value,
            rows: part.rows.clone(),
            columns: part.columns.clone(),
            channels: part.channels.clone(),
            elements: result,
        };
        match self.observer.piece(&piece).is_break() {
            true => Err(Stop::Enough),
            false => Ok(()),
        }
    }

    fn store(&mut self, part: &Part, bytes: &[u8]) {
        let mut rest = bytes;
        for run in part.runs(self.stages).into_iter().flatten() {
            let (row, others) = rest.split_at(rest.len().min(run.length as usize));
            self.memories.write(Owner::Value(part.value), run, row);
            rest = others;
        }
    }

    fn fault(&self, stage: &Stage, message: &str) -> Stop {
        Stop::fault(self.graph, stage.operator, message.to_owned())
    }

    fn lost_by(&self, stage: &Stage, loss: &Loss) -> Stop {
        let name = self.graph.operator_name(stage.operator);
        self.lost(&format!("`{name}`"), Place::operator(name.clone()), loss)
    }

    /// Says which byte is not there, and what is instead.
    fn lost(&self, reader: &str, place: Place, loss: &Loss) -> Stop {
        let needed = self.byte(loss.owner, loss.byte);
        let message = match (loss.address, loss.found) {
            (None, _) => format!("{reader} needs {needed}, which has no place"),
            (Some(address), None) => {
                format!("{reader} needs {needed} at address {address}, where nothing was written")
            }
            (Some(address), Some((owner, byte, condition))) => {
                let other = self.byte(owner, byte);
                let state = match condition {
                    Condition::There => "lies",
                    Condition::Promised => "is being written",
                    Condition::Freed => "was freed",
                };
                format!("{reader} needs {needed} at address {address}, where {other} {state}")
            }
        };
        Stop::Wrong(Diagnostic::error(&rules::BYTE_LOST, message, place).into())
    }

    /// Names a byte.
    fn byte(&self, owner: Owner, byte: u64) -> String {
        match owner {
            Owner::Value(value) => {
                let it = &self.stages.values[value];
                let name = it.tensors.first().map_or("", |&id| &self.graph.tensors[id].name);
                let pixel = byte / it.pixel_bytes.max(1);
                let columns = u64::from(it.grid.columns.max(1));
                format!(
                    "byte {} of `{name}` at row {}, column {}",
                    byte % it.pixel_bytes.max(1),
                    pixel / columns,
                    pixel % columns
                )
            }
            Owner::Sums(stage) => {
                let operator = self.stages.stages[stage].operator;
                format!("byte {byte} of the sums of `{}`", self.graph.operator_name(operator))
            }
        }
    }
}
