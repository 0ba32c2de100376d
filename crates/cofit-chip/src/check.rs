//! What must hold between the figures of a card, so that no later pass divides by zero, looks up
//! what is not there, or plans into bytes that do not exist.

use cofit_vocab::diagnostic::{Code, card};
use cofit_vocab::{Bytes, OperatorKind};

use crate::Sourced;
use crate::chip::{
    CardBody, Engine, EthosUTiming, Fallback, Layout, Memory, OperatorClass, SeparateBuffers,
    SimdThreads, Tiles, Timing,
};
use crate::decode::{Context, nearest};
use crate::node::{Node, Value};

/// The largest alignment that any bus asks for; larger ones are slips.
const MAX_ALIGNMENT: Bytes = Bytes(1 << 20);

/// More threads than any processor of a card has cores; larger numbers are slips.
const MAX_THREADS: u32 = 1024;

/// The version of the card's rules that this crate reads.
const SCHEMA: i64 = 1;

/// Reports a card that was written for other rules. Works on the tree, so that it is seen even
/// where the card cannot be read.
pub(crate) fn check_schema(tree: &Node, context: &mut Context<'_>) {
    if let Some(node) = tree.get("schema")
        && let Value::Integer(version) = node.value
        && version != SCHEMA
    {
        let message = format!("schema {version} is not known; this cofit reads {SCHEMA}");
        context.error(&card::UNKNOWN_SCHEMA, message, node.token);
    }
}

/// Reports every contradiction.
pub(crate) fn check(body: &CardBody, tree: &Node, context: &mut Context<'_>) {
    let whole = !context.diagnostics.has_errors();
    let mut checker = Checker { body, tree, context };
    checker.presence();
    checker.clocks();
    body.memories.iter().for_each(|memory| checker.memory(memory));
    body.layouts.iter().for_each(|layout| checker.layout(layout));
    body.engines.iter().for_each(|engine| checker.engine(engine));
    checker.sources();
    // An item that could not be read is missing from its list, so references to it would be
    // reported although the card has it.
    if whole {
        checker.references();
    }
}

struct Checker<'a, 'c, 's> {
    body: &'a CardBody,
    tree: &'a Node,
    context: &'c mut Context<'s>,
}

impl Checker<'_, '_, '_> {
    fn report(&mut self, code: &'static Code, key: &str, message: String) {
        let token = self.tree.locate(key);
        let place = self.context.sources.place(token, key);
        self.context.diagnostics.push(cofit_vocab::Diagnostic::error(code, message, place));
    }

    fn report_with_help(&mut self, code: &'static Code, key: &str, message: String, help: String) {
        let token = self.tree.locate(key);
        let place = self.context.sources.place(token, key);
        self.context
            .diagnostics
            .push(cofit_vocab::Diagnostic::error(code, message, place).with_help(help));
    }

    fn positive(&mut self, key: &str, value: f64) {
        if value <= 0.0 {
            self.report(&card::OUT_OF_RANGE, key, format!("`{key}` must be more than zero"));
        }
    }

    fn positive_if_stated(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.positive(key, value);
        }
    }

    /// `id` must be one of `ids`.
    fn known(&mut self, key: &str, what: &str, id: &str, ids: &[&str]) {
        if ids.contains(&id) {
            return;
        }
        let help = match nearest(id, ids.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if ids.is_empty() => format!("the card declares no {what}"),
            None => format!("the card declares {}", ids.join(", ")),
        };
        self.report_with_help(&card::UNKNOWN_REFERENCE, key, format!("no {what} `{id}`"), help);
    }

    fn presence(&mut self) {
        for (list, items) in
            [("memory", self.body.memories.len()), ("engine", self.body.engines.len())]
        {
            // An item that could not be read was reported, and leaves a shorter list.
            let written = self.tree.get(list).and_then(Node::array).unwrap_or_default();
            if items == 0 && written.is_empty() {
                self.report(&card::MISSING_KEY, list, format!("a card needs at least one {list}"));
            }
        }
    }

    fn clocks(&mut self) {
        for point in &self.body.operating_points {
            for (name, domain) in crate::chip::Domain::ALL {
                let key = format!("operating_point.{}.{name}", point.id);
                self.positive_if_stated(&key, point.clock(*domain).map(|clock| clock.value.get()));
            }
        }
    }

    fn memory(&mut self, memory: &Memory) {
        let key = |field: &str| format!("memory.{}.{field}", memory.id);
        let size = memory.size.value;
        self.positive(&key("size"), size.as_f64());
        if let Some(block) = &memory.max_contiguous {
            self.positive(&key("max_contiguous"), block.value.as_f64());
            if block.value > size {
                let message = format!(
                    "a contiguous block of {} does not fit into {} of {}",
                    block.value.human(),
                    memory.id,
                    size.human()
                );
                self.report(&card::CONTRADICTION, &key("max_contiguous"), message);
            }
        }
        if let (Some(banks), Some(bank)) = (memory.banks, &memory.bank_size)
            && bank.value * u64::from(banks) > size
        {
            let message =
                format!("{banks} banks of {} are more than {}", bank.value.human(), size.human());
            self.report(&card::CONTRADICTION, &key("bank_size"), message);
        }
        let reserved = memory.reserve.total(0);
        if reserved > size {
            let message = format!(
                "the reserve of {} is larger than {} of {}",
                reserved.human(),
                memory.id,
                size.human()
            );
            self.report(&card::CONTRADICTION, &key("reserve"), message);
        }
        let alignment = memory.alignment;
        if !alignment.get().is_power_of_two() || alignment > MAX_ALIGNMENT {
            let message = format!("an alignment of {alignment} is no power of two up to 1 MiB");
            self.report(&card::OUT_OF_RANGE, &key("alignment"), message);
        }
        if memory.bandwidth.is_some() && memory.bytes_per_cycle.is_some() {
            let message = "`bandwidth` and `bytes_per_cycle` are two ways to say one thing";
            self.report(&card::CONTRADICTION, &key("bytes_per_cycle"), message.to_owned());
        }
        self.positive_if_stated(
            &key("bandwidth"),
            memory.bandwidth.as_ref().map(|b| b.value.get()),
        );
        self.positive_if_stated(
            &key("bytes_per_cycle"),
            memory.bytes_per_cycle.as_ref().map(Sourced::get),
        );
        self.positive_if_stated(&key("burst"), memory.burst.as_ref().map(|b| b.value.as_f64()));
        self.positive(&key("ports"), f64::from(memory.ports));
    }

    fn layout(&mut self, layout: &Layout) {
        let key = |field: &str| format!("layout.{}.{field}", layout.id);
        self.positive(&key("row_align"), layout.row_align.as_f64());
        self.positive(&key("channel_round"), f64::from(layout.channel_round));
        for group in &layout.groups {
            self.positive(&key("groups"), f64::from(group.channels));
        }
    }

    fn engine(&mut self, engine: &Engine) {
        let key = |field: &str| format!("engine.{}.{field}", engine.id);
        self.positive(&key("peak_macs_per_cycle"), engine.peak_macs_per_cycle.value);
        self.positive(&key("count"), f64::from(engine.count.value));
        for (index, pair) in engine.precision.iter().enumerate() {
            for (field, bits) in [("w", pair.weight_bits), ("a", pair.activation_bits)] {
                if !(1..=64).contains(&bits) {
                    let message = format!("{bits} bits are not between 1 and 64");
                    self.report(
                        &card::OUT_OF_RANGE,
                        &key(&format!("precision.{index}.{field}")),
                        message,
                    );
                }
            }
            for kind in pair.cycle_factors.keys() {
                let names: Vec<&str> = OperatorKind::ALL.iter().map(|kind| kind.name()).collect();
                let at = key(&format!("precision.{index}.cycle_factors.{kind}"));
                self.known(&at, "operator kind", kind, &names);
            }
        }
        if let Some(layout) = &engine.layout {
            let layouts: Vec<&str> =
                self.body.layouts.iter().map(|layout| layout.id.as_str()).collect();
            self.known(&key("layout"), "layout", layout, &layouts);
        }
        if let Some(host) = &self.body.target.host
            && *host == engine.id
            && engine.fallback == Fallback::PartitionTail
        {
            let message = "the host engine cannot fall back to itself".to_owned();
            self.report(&card::CONTRADICTION, &key("fallback"), message);
        }
        self.timing(engine);
    }

    /// The shared buffer of an Ethos-U55 or Ethos-U65.
    fn shared_buffer(&mut self, key: &impl Fn(&str) -> String, timing: &EthosUTiming) {
        let granules = &timing.granules;
        for (field, value) in [
            ("shram_banks", timing.shram_banks.value),
            ("element_units", timing.element_units.value),
            ("granules.ifm8", granules.ifm8),
            ("granules.ifm16", granules.ifm16),
            ("granules.ifm8_elementwise", granules.ifm8_elementwise),
            ("granules.ifm16_elementwise", granules.ifm16_elementwise),
            ("granules.ifm32", granules.ifm32),
            ("granules.acc16", granules.acc16),
            ("granules.acc32", granules.acc32),
            ("granules.acc40", granules.acc40),
        ] {
            self.positive(&key(field), f64::from(value));
        }
    }

    /// The buffers of an Ethos-U85.
    fn separate_buffers(&mut self, key: &str, buffers: &SeparateBuffers) {
        /// The block search visits what fits a buffer.
        const MOST: u64 = 1 << 20;
        for (field, bytes) in [
            ("ifm", buffers.ifm.value),
            ("accumulators", buffers.accumulators.value),
            ("chaining", buffers.chaining.value),
            ("output", buffers.output.value),
        ] {
            self.positive(&format!("{key}.{field}"), bytes.as_f64());
            if bytes.get() > MOST {
                let message = "a buffer has more than 1 MiB".to_owned();
                self.report(&card::OUT_OF_RANGE, &format!("{key}.{field}"), message);
            }
        }
        self.positive(&format!("{key}.decoders"), f64::from(buffers.decoders.value));
        if buffers.decoders.value > 4 {
            let message = "there are more than 4 decoders".to_owned();
            self.report(&card::OUT_OF_RANGE, &format!("{key}.decoders"), message);
        }
    }

    fn timing(&mut self, engine: &Engine) {
        let key = |field: &str| format!("engine.{}.timing.{field}", engine.id);
        match &engine.timing {
            Timing::EdgeTpu(timing) => {
                self.positive(&key("cache"), timing.cache.value.as_f64());
                self.positive(&key("to_device"), timing.to_device.value.get());
                self.positive(&key("from_device"), timing.from_device.value.get());
                self.positive(&key("input_channels"), f64::from(timing.input_channels.value));
                self.positive(&key("output_channels"), f64::from(timing.output_channels.value));
            }
            Timing::EthosU(timing) => {
                self.positive(&key("macs"), f64::from(timing.macs.value));
                self.positive(&key("cores"), f64::from(timing.cores.value));
                let mut blocks = vec![("max_block", timing.max_block.value)];
                if let Some(buffers) = &timing.buffers {
                    self.separate_buffers(&key("buffers"), buffers);
                } else {
                    self.shared_buffer(&key, timing);
                    blocks.push(("ofm_micro_block", timing.ofm_micro_block.value));
                    blocks.push(("ifm_micro_block", timing.ifm_micro_block.value));
                }
                for (field, block) in blocks {
                    block.iter().for_each(|side| self.positive(&key(field), f64::from(*side)));
                    // The block search visits every block, so its size is bounded here.
                    if block.iter().any(|side| *side > 1024) {
                        let message = "a side of a block is more than 1,024".to_owned();
                        self.report(&card::OUT_OF_RANGE, &key(field), message);
                    }
                }
                for side in timing.sub_kernel.value {
                    self.positive(&key("sub_kernel"), f64::from(side));
                }
                self.positive(&key("bank_size"), timing.bank_size.value.as_f64());
                self.positive(&key("axi_width"), timing.axi_width.value.as_f64());
            }
            Timing::Max7800x(timing) => {
                self.positive(&key("channels_per_pass"), f64::from(timing.channels_per_pass.value));
                for part in timing.streaming_factor.value {
                    self.positive(&key("streaming_factor"), f64::from(part));
                }
            }
            Timing::KpuK210(timing) => {
                self.positive(&key("macs_per_cycle"), timing.macs_per_cycle.value);
                self.positive(&key("weight_stream"), timing.weight_stream.value.get());
                self.positive(&key("measured_at"), timing.measured_at.value.get());
                self.positive(&key("kernel_chunk"), timing.kernel_chunk.value.as_f64());
                self.positive(&key("line"), timing.line.value.as_f64());
            }
            Timing::Ne16(timing) => {
                for (field, value) in [
                    ("tile", timing.tile.value[0].min(timing.tile.value[1])),
                    ("tile_channels", timing.tile_channels.value),
                    ("pass_channels", timing.pass_channels.value),
                    ("linear_channels", timing.linear_channels.value),
                    ("scales_per_cycle", timing.scales_per_cycle.value),
                    ("biases_per_cycle", timing.biases_per_cycle.value),
                ] {
                    self.positive(&key(field), f64::from(value));
                }
                self.tiles(&key("tiles"), timing.tiles.as_ref());
            }
            Timing::MacArray(timing) => {
                let unroll = &timing.unroll;
                let [fewest, most] = timing.stripe.value;
                for (field, value) in [
                    ("unroll.inputs", unroll.inputs.value),
                    ("unroll.outputs", unroll.outputs.value),
                    ("unroll.positions", unroll.positions.value),
                    ("unroll.taps", unroll.taps.value),
                    ("stripe", fewest),
                    ("channel_granule", timing.channel_granule.value),
                ] {
                    self.positive(&key(field), f64::from(value));
                }
                if fewest > most {
                    let message = format!("{fewest} positions at least, but {most} at most");
                    self.report(&card::OUT_OF_RANGE, &key("stripe"), message);
                }
                self.positive(&key("read_rate"), timing.read_rate.value);
                self.positive(&key("buffer"), timing.buffer.value.as_f64());
                if let Some(rate) = &timing.write_rate {
                    self.positive(&key("write_rate"), rate.value);
                }
                if let Some(pooling) = &timing.pooling {
                    let at = key("pooling.elements_per_cycle");
                    self.positive(&at, pooling.elements_per_cycle.value);
                }
            }
            Timing::Simd(timing) => {
                let memories: Vec<&str> =
                    self.body.memories.iter().map(|memory| memory.id.as_str()).collect();
                for access in &timing.access {
                    let at = key(&format!("access.{}", access.id));
                    self.known(&at, "memory", &access.id, &memories);
                }
                if let Some(threads) = &timing.threads {
                    self.threads(threads, &key("threads"));
                }
                self.tiles(&key("tiles"), timing.tiles.as_ref());
            }
            Timing::Roofline(timing) => {
                self.share(&key("utilisation"), timing.utilisation.value);
                for (class, share) in &timing.utilisations {
                    let at = key(&format!("utilisations.{class}"));
                    let names: Vec<&str> =
                        OperatorClass::ALL.iter().map(|(name, _)| *name).collect();
                    self.known(&at, "class of operators", class, &names);
                    self.share(&at, share.value);
                }
                self.positive(&key("elements_per_cycle"), timing.elements_per_cycle.value);
            }
        }
    }

    /// Threads within what any processor has, the default among them, and efficiencies that are
    /// shares.
    fn threads(&mut self, threads: &SimdThreads, key: &str) {
        let (most, default) = (threads.most.value, threads.default.value);
        if !(1..=MAX_THREADS).contains(&most) || !(1..=most).contains(&default) {
            let message = format!(
                "{default} of {most} threads: the most must be 1 to {MAX_THREADS}, and the default 1 to the most"
            );
            self.report(&card::OUT_OF_RANGE, key, message);
        }
        self.share(&format!("{key}.efficiency"), threads.efficiency.value);
        for (class, share) in &threads.efficiencies {
            let at = format!("{key}.efficiencies.{class}");
            let names: Vec<&str> = OperatorClass::ALL.iter().map(|(name, _)| *name).collect();
            self.known(&at, "class of operators", class, &names);
            self.share(&at, share.value);
        }
    }

    /// Tiles pass through a memory of the card, at some rate.
    fn tiles(&mut self, key: &str, tiles: Option<&Tiles>) {
        let Some(tiles) = tiles else { return };
        let body = self.body;
        let memories: Vec<&str> = body.memories.iter().map(|memory| memory.id.as_str()).collect();
        self.known(&format!("{key}.memory"), "memory", &tiles.memory, &memories);
        self.positive(&format!("{key}.rate"), tiles.rate.value);
    }

    /// A share of a peak: more than 0, at most 1.
    fn share(&mut self, key: &str, value: f64) {
        self.positive(key, value);
        if value > 1.0 {
            let message = format!("{value} is more than the whole of the peak");
            self.report(&card::OUT_OF_RANGE, key, message);
        }
    }

    fn references(&mut self) {
        let body = self.body;
        let memories: Vec<&str> = body.memories.iter().map(|item| item.id.as_str()).collect();
        let engines: Vec<&str> = body.engines.iter().map(|item| item.id.as_str()).collect();
        let runtimes: Vec<&str> = body.runtimes.iter().map(|item| item.id.as_str()).collect();
        let points: Vec<&str> = body.operating_points.iter().map(|item| item.id.as_str()).collect();
        if let Some(host) = &body.target.host {
            self.known("target.host", "engine", host, &engines);
        }
        for runtime in body.target.runtimes.iter().flatten() {
            self.known("target.runtimes", "runtime", runtime, &runtimes);
        }
        for link in &body.links {
            self.known(&format!("link.{}.from", link.id), "memory", &link.from, &memories);
            self.known(&format!("link.{}.to", link.id), "memory", &link.to, &memories);
        }
        for engine in &body.engines {
            let lists = &engine.memories;
            for (name, ids) in
                [("act", &lists.activation), ("weight", &lists.weight), ("bias", &lists.bias)]
            {
                for id in ids.iter().flatten() {
                    let key = format!("engine.{}.memories.{name}", engine.id);
                    self.known(&key, "memory", id, &memories);
                }
            }
        }
        for fusion in &body.fusions {
            if let Some(engine) = &fusion.engine {
                self.known(&format!("fusion.{}.engine", fusion.id), "engine", engine, &engines);
            }
            if fusion.pattern.is_empty() {
                let key = format!("fusion.{}.pattern", fusion.id);
                self.report(&card::OUT_OF_RANGE, &key, "the pattern is empty".to_owned());
            }
        }
        for runtime in &body.runtimes {
            if let Some(ids) = &runtime.engines {
                let key = format!("runtime.{}.engines", runtime.id);
                ids.iter().for_each(|id| self.known(&key, "engine", id, &engines));
                if ids.is_empty() {
                    let message = format!("{} runs on no engine", runtime.id);
                    self.report(&card::OUT_OF_RANGE, &key, message);
                }
            }
            if let Some(memory) = &runtime.ram.memory {
                let key = format!("runtime.{}.ram.memory", runtime.id);
                self.known(&key, "memory", memory, &memories);
            }
            if let Some(alignment) = runtime.alignment
                && (!alignment.get().is_power_of_two() || alignment > MAX_ALIGNMENT)
            {
                let key = format!("runtime.{}.alignment", runtime.id);
                let message = format!("an alignment of {alignment} is no power of two up to 1 MiB");
                self.report(&card::OUT_OF_RANGE, &key, message);
            }
        }
        for level in &body.tiling.levels {
            self.known("tiling.levels", "memory", level, &memories);
        }
        for class in body.energy.iter().flat_map(|energy| energy.per_mac_of.keys()) {
            let names: Vec<&str> = OperatorClass::ALL.iter().map(|(name, _)| *name).collect();
            self.known(&format!("energy.per_mac_of.{class}"), "class of operators", class, &names);
        }
        if let Some(load) = &body.weights.load {
            for (key, id) in [("from", &load.from), ("to", &load.to)] {
                if let Some(id) = id {
                    self.known(&format!("weights.load.{key}"), "memory", id, &memories);
                }
            }
            let bandwidth = load.bandwidth.as_ref().map(|rate| rate.value.get());
            self.positive_if_stated("weights.load.bandwidth", bandwidth);
            let clock = load.clock.as_ref().map(|clock| clock.value.get());
            self.positive_if_stated("weights.load.clock", clock);
        }
        for (index, row) in body.calibration.iter().enumerate() {
            if let Some(point) = &row.operating_point {
                let key = format!("calibration.{index}.operating_point");
                self.known(&key, "operating point", point, &points);
            }
            if let Some(runtime) = &row.runtime {
                let key = format!("calibration.{index}.runtime");
                self.known(&key, "runtime", runtime, &runtimes);
            }
        }
    }

    fn sources(&mut self) {
        let declared: Vec<&str> = self.body.sources.keys().map(String::as_str).collect();
        for citation in std::mem::take(&mut self.context.cited) {
            if !declared.contains(&citation.source.as_str()) {
                let help = match nearest(&citation.source, declared.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("declare it under [sources.{}]", citation.source),
                };
                let place = self.context.sources.place(citation.token, &citation.key);
                let message = format!("no source `{}` is declared", citation.source);
                self.context.diagnostics.push(
                    cofit_vocab::Diagnostic::error(&card::UNKNOWN_SOURCE, message, place)
                        .with_help(help),
                );
            }
            self.context.cited.push(citation);
        }
    }
}
