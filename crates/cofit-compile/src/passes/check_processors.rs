//! Checks what each processor of a MAX7800x holds by itself.
//!
//! The accelerator has 64 processors. A processor works on one input channel, or on several in
//! passes; it has a weight memory of its own for their kernels, in words of 72 bits, and shares a
//! data memory with three neighbours. So a layer of three channels fills three weight memories and
//! leaves the other 61 alone, and no sum over all of them tells whether a network fits.
//!
//! Each map may begin at any fourth processor; the layers that read it then have their kernels
//! there. Whether some choice for all maps fits is the question of [`crate::memory_search`]: every
//! data memory is a region over time, and the weight memories are one region over processors, since
//! a layer's kernels begin at the same word of each. Data memories are packed independently of each
//! other, which the vendor's tools, with one offset a layer, do not do: what is refused here fits
//! nowhere, what passes fits but for such cases.
//!
//! Source of words and passes: analogdevicesinc/ai8x-synthesis, izer/kernels.py (`kern_len`,
//! `kern_count`) and izer/izer.py (`in_expand`, `out_expand` and their thresholds).

use cofit_chip::{Content, Memory, OperatorClass, Timing};
use cofit_ir::TensorId;
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Diagnostic, Place};
use smallvec::SmallVec;

use crate::context::Context;
use crate::layer::Extents;
use crate::memory_search::{Choice, Extent, Item, NoAnswer, Question, Region, solve};
use crate::plan::{
    Buffer, BufferRole, Constraint, EngineId, Placement, Plan, Refusal, Step, StepId,
};
use crate::step_layer::StepLayer;

/// Bytes of a word of weight memory: 72 bits, the nine weights of a 3x3 kernel at 8 bits.
const WORD_BYTES: u64 = 9;

/// Kernels of a layer begin at multiples of so many words.
const WORD_ALIGNMENT: u64 = 4;

/// Graph inputs of at most so many channels can have a data memory for each.
const WIDE_INPUT_CHANNELS: u64 = 16;

/// Arrays of more processors, which no chip has, are not checked: every data memory is a region of
/// the search.
const MOST_PROCESSORS: u64 = 1024;

/// Nodes that the search visits at most.
const NODES: u64 = 2_000;

/// Checks every engine that has processors of its own.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    // What does not fit in sum need not be told again by processor.
    if plan.refusals.iter().any(|refusal| refusal.constraint == Constraint::Memory) {
        return;
    }
    for (id, _) in context.engines() {
        if let Some(array) = Array::of(context, id) {
            array.check(plan);
        }
    }
}

/// The processors of an engine.
struct Array {
    engine: EngineId,
    /// Processors, each with a weight memory.
    processors: u64,
    /// Processors that share a data memory.
    shared: u64,
    /// Bytes of one data memory.
    data: u64,
    /// Words of one weight memory.
    words: u64,
}

/// A map, and what the layers that read it need of each processor.
struct Map<'a> {
    buffer: &'a Buffer,
    name: String,
    /// Bytes of one channel in one pass.
    plane: u64,
    channels: u64,
    is_input: bool,
    /// Words of weights that every processor of the map holds, and for which layer.
    kernels: Vec<(StepId, u64)>,
}

impl Array {
    /// The array of an engine, where it has one and the card states its memories.
    fn of(context: &Context<'_>, engine: EngineId) -> Option<Self> {
        let card = context.engine(engine);
        let timing = match &card.timing {
            Timing::Max7800x(timing) => timing,
            Timing::EdgeTpu(_)
            | Timing::EthosU(_)
            | Timing::KpuK210(_)
            | Timing::Ne16(_)
            | Timing::MacArray(_)
            | Timing::Simd(_)
            | Timing::Roofline(_) => {
                return None;
            }
        };
        let memory = |content| context.chip.memories_of(card, content).first().copied();
        let bank = |memory: &Memory| memory.bank_size.as_ref().map(|size| size.value.get());
        let (data, kernels) = (memory(Content::Activation)?, memory(Content::Weight)?);
        let processors = u64::from(timing.channels_per_pass.value);
        let instances = u64::from(data.banks?);
        let is_sound = processors.is_multiple_of(instances) && processors <= MOST_PROCESSORS;
        (processors > 0 && instances > 0 && is_sound).then_some(())?;
        Some(Self {
            engine,
            processors,
            shared: processors / instances,
            data: bank(data)?,
            words: bank(kernels)? / WORD_BYTES,
        })
    }

    /// Passes over `channels` input channels.
    fn passes(&self, channels: u64) -> u64 {
        channels.div_ceil(self.processors).max(1)
    }

    /// Processors that `channels` channels occupy: as many, or, in several passes, a share of them
    /// rounded up to whole data memories.
    fn width(&self, channels: u64) -> u64 {
        let passes = self.passes(channels);
        let each = channels.div_ceil(passes);
        let width = if passes > 1 { each.next_multiple_of(self.shared) } else { each };
        width.clamp(1, self.processors)
    }

    /// Words of weights that a step puts into each of its processors.
    fn kernel_words(&self, plan: &Plan, step: &Step, channels: u64) -> u64 {
        let layer = StepLayer::of(&plan.graph, step);
        let main = &layer.main;
        if main.weights.is_none() {
            return 0;
        }
        let outputs = u64::from(main.output.channels);
        let passes = self.passes(channels);
        let pixels = layer.before_flatten.map_or(1, |map| map.pixels()).max(1);
        let class = OperatorClass::of(main.kind);
        // Kernels that follow each other in one processor's memory.
        let count = if class == OperatorClass::Depthwise {
            passes
        } else if class == OperatorClass::Dense && pixels > 1 {
            outputs.saturating_mul(passes).saturating_mul(pixels)
        } else if outputs > self.processors {
            self.width(outputs).saturating_mul(self.passes(outputs)).saturating_mul(passes)
        } else {
            outputs.saturating_mul(passes)
        };
        let kernel = u64::from(main.kernel.height).saturating_mul(main.kernel.width.into()).max(1);
        let kernel = if class == OperatorClass::Dense { 1 } else { kernel };
        let bits = u64::from(step.precision.stored_weight_bits).clamp(1, 8);
        // Narrow kernels are filled up to whole bytes.
        let packed = 8 / bits;
        let filling = (count % packed).saturating_mul(kernel).saturating_mul(packed - 1);
        let total = count.saturating_mul(kernel).saturating_mul(bits).saturating_add(filling);
        total.div_ceil(8 * WORD_BYTES)
    }

    /// The maps that the engine's layers read and write.
    fn maps<'a>(&self, plan: &'a Plan) -> Vec<Map<'a>> {
        let mut maps = Vec::new();
        for buffer in plan.buffers.values() {
            // A streamed map passes by, and only its weights stay.
            let (tensors, is_held): (SmallVec<[TensorId; 1]>, bool) = match &buffer.role {
                BufferRole::Activation(tensors) => (tensors.clone(), true),
                BufferRole::Stream(tensor) => (SmallVec::from_slice(&[*tensor]), false),
                BufferRole::Spilled(_)
                | BufferRole::WeightStaging
                | BufferRole::ResidentWeights(_)
                | BufferRole::Scratch => continue,
            };
            let Some(&first) = tensors.first() else { continue };
            let own = plan.steps.iter().filter(|(_, step)| {
                step.engine == self.engine && step.placement == Placement::Native
            });
            let extents = Extents::of(&plan.graph.tensors[first].shape);
            let channels = u64::from(extents.channels).max(1);
            let mut is_touched = false;
            let mut kernels = Vec::new();
            for (id, step) in own {
                let reads = step.inputs.first().is_some_and(|input| tensors.contains(input));
                is_touched |= reads || step.outputs.iter().any(|it| tensors.contains(it));
                let words = if reads { self.kernel_words(plan, step, channels) } else { 0 };
                if words > 0 {
                    kernels.push((id, words));
                }
            }
            if !is_touched {
                continue;
            }
            let element = u64::from(plan.graph.tensors[first].element.bits().div_ceil(8)).max(1);
            let plane = extents.pixels().saturating_mul(element);
            maps.push(Map {
                buffer,
                name: plan.buffer_name(buffer),
                plane: if is_held { plane } else { 0 },
                channels,
                is_input: plan.graph.inputs.contains(&first),
                kernels,
            });
        }
        maps
    }

    /// Refuses what fits no arrangement.
    fn check(&self, plan: &mut Plan) {
        let maps = self.maps(plan);
        let refusal = match self.too_many_words(plan, &maps) {
            Some(found) => Some(found),
            None => match self.search(&maps) {
                Ok(()) => None,
                Err(NoAnswer::Impossible) => Some((None, self.nothing_fits(&maps))),
                Err(NoAnswer::NotFound) => {
                    let message = "sums fit, and no arrangement was found".to_owned();
                    let note = Diagnostic::note(&code::NO_ARRANGEMENT, message, Place::default());
                    plan.notes.push(note);
                    None
                }
            },
        };
        if let Some((step, diagnostic)) = refusal {
            plan.refusals.push(Refusal { constraint: Constraint::Memory, step, diagnostic });
        }
    }

    /// Words that some processor must hold, whatever the arrangement: layers on more than half of
    /// the processors all meet in the middle.
    fn too_many_words(
        &self,
        plan: &Plan,
        maps: &[Map<'_>],
    ) -> Option<(Option<StepId>, Diagnostic)> {
        let wide = maps.iter().filter(|map| self.width(map.channels) > self.processors / 2);
        let mut kernels: Vec<(StepId, u64)> =
            wide.flat_map(|map| map.kernels.iter().copied()).collect();
        let alone = maps.iter().flat_map(|map| &map.kernels).max_by_key(|(_, words)| *words);
        let sum = kernels.iter().fold(0, |sum: u64, (_, words)| sum.saturating_add(*words));
        if sum <= self.words {
            let &(step, words) = alone.filter(|(_, words)| *words > self.words)?;
            kernels = vec![(step, words)];
        }
        let sum = kernels.iter().fold(0, |sum: u64, (_, words)| sum.saturating_add(*words));
        kernels.sort_by_key(|&(step, words)| (std::cmp::Reverse(words), step));
        let named: Vec<String> = kernels
            .iter()
            .take(3)
            .map(|&(step, words)| format!("{} ({words})", plan.step_name(step)))
            .collect();
        let more = kernels.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!(
            "a processor must hold {sum} words of weights and has {}: {}{more}",
            self.words,
            named.join(", ")
        );
        let step = kernels.first()?.0;
        let place = Place::operator(plan.step_name(step));
        Some((Some(step), Diagnostic::error(&code::PROCESSOR_EXCEEDED, message, place)))
    }

    /// A refusal that the search proved.
    fn nothing_fits(&self, maps: &[Map<'_>]) -> Diagnostic {
        let largest = maps.iter().max_by_key(|map| {
            map.plane.saturating_mul(self.passes(map.channels)).saturating_mul(self.shared)
        });
        let message = format!(
            "no choice of processors keeps every map within {} bytes of data for {} processors and \
             every layer's weights within {} words for each",
            self.data, self.shared, self.words
        );
        let place = largest.map_or_else(Place::default, |map| Place::tensor(&map.name));
        Diagnostic::error(&code::PROCESSOR_EXCEEDED, message, place)
    }

    /// Whether some arrangement fits.
    fn search(&self, maps: &[Map<'_>]) -> Result<(), NoAnswer> {
        let instances = self.processors / self.shared;
        let data = Region { capacity: self.data, block: self.data, alignment: 1 };
        let kernels = Region { capacity: self.words, block: self.words, alignment: WORD_ALIGNMENT };
        let mut regions = vec![data; usize::try_from(instances).unwrap_or(0)];
        regions.push(kernels);
        // The heaviest first, each where the load is least so far; the search begins there.
        let mut order: Vec<usize> = (0..maps.len()).collect();
        let words =
            |map: &Map<'_>| map.kernels.iter().fold(0u64, |sum, it| sum.saturating_add(it.1));
        order.sort_by_key(|&at| {
            (std::cmp::Reverse((self.width(maps[at].channels), words(&maps[at]))), at)
        });
        let mut load = vec![0u64; usize::try_from(self.processors).unwrap_or(0)];
        let mut items = vec![Item::default(); maps.len()];
        for at in order {
            let map = &maps[at];
            let mut choices = self.choices(map);
            let peak = |choice: &Choice| {
                let own = choice.extents.iter().filter(|extent| extent.region + 1 == regions.len());
                own.flat_map(|extent| extent.begin..=extent.end)
                    .filter_map(|processor| load.get(usize::try_from(processor).ok()?))
                    .copied()
                    .max()
                    .unwrap_or(0)
            };
            choices.sort_by_key(peak);
            if let Some(first) = choices.first() {
                let own = first.extents.iter().filter(|it| it.region + 1 == regions.len());
                for extent in own {
                    for processor in extent.begin..=extent.end {
                        if let Some(load) = load.get_mut(processor as usize) {
                            *load = load.saturating_add(extent.bytes);
                        }
                    }
                }
            }
            items[at] = Item { choices };
        }
        let known = vec![0; items.len()];
        let question = Question { regions, items, nodes: NODES };
        solve(&question, Some(&known)).map(|_| ())
    }

    /// Where a map and the kernels of its readers may lie.
    fn choices(&self, map: &Map<'_>) -> Vec<Choice> {
        let (begin, end) = map.buffer.halves();
        let instances = self.processors / self.shared;
        let kernel_region = usize::try_from(instances).unwrap_or(0);
        let passes = self.passes(map.channels);
        let width = self.width(map.channels);
        let data = |instance: u64, bytes: u64| Extent {
            region: usize::try_from(instance).unwrap_or(0),
            begin,
            end,
            bytes,
        };
        let kernels = |from: u64, to: u64| {
            map.kernels.iter().map(move |&(_, bytes)| Extent {
                region: kernel_region,
                begin: from,
                end: to,
                bytes,
            })
        };
        let used = width.div_ceil(self.shared);
        let mut choices = Vec::new();
        for first in 0..=instances.saturating_sub(used) {
            let mut extents: SmallVec<[Extent; 1]> = SmallVec::new();
            let bytes = map.plane.saturating_mul(passes).saturating_mul(self.shared);
            if bytes > 0 {
                extents.extend((first..first + used).map(|instance| data(instance, bytes)));
            }
            let from = first * self.shared;
            extents.extend(kernels(from, from + width - 1));
            choices.push(Choice { extents, cost: 0 });
        }
        // A narrow input may have a data memory for each channel.
        if map.is_input && map.channels <= WIDE_INPUT_CHANNELS.min(instances) {
            for first in 0..=instances - map.channels {
                let mut extents: SmallVec<[Extent; 1]> = SmallVec::new();
                for channel in 0..map.channels {
                    if map.plane > 0 {
                        extents.push(data(first + channel, map.plane));
                    }
                    let processor = (first + channel) * self.shared;
                    extents.extend(kernels(processor, processor));
                }
                choices.push(Choice { extents, cost: 0 });
            }
        }
        choices
    }
}
