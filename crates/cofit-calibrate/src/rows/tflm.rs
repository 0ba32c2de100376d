//! What TFLite Micro's profiler prints (`tensorflow/lite/micro/micro_profiler.cc` of
//! `tensorflow/tflite-micro`): the logs of its benchmarks, of `tflm_benchmark`
//! (`tools/benchmarking/README.md`, 2024), and of every program that calls the profiler.
//!
//! - `MicroProfiler::Log`: `CONV_2D took 249560 ticks (9 ms).`, a line an operator in the order of
//!   execution, an inference a block of lines without a gap.
//! - `LogCsv`: the head `"Event","Tag","Ticks"`, in older releases with `"ms"` behind, and a line
//!   `2,CONV_2D,249560` an operator.
//! - `LogTicksPerTagCsv`: sums by kind below `"Unique Tag",...`, and `"total number of ticks", N`.
//! - The benchmarks' `WithPersonDataIterations(10) took N ticks (M ms)`: so many inferences
//!   together.
//!
//! What other loggers put in front of a line (ESP-IDF's `I (MS) TAG: `, times) does not matter; chip and
//! clock are those of ESP-IDF's boot messages where the log has them. The
//! mean of equal inferences is taken. Sums by kind are read where operators are not listed one by
//! one. `Tflite…` and `Initialize…` are no layers.
//!
//! A tick is what the port's `GetCurrentTimeTicks` counts, and the milliseconds beside it are the
//! only word about its length. They are whole, so they bound it from both sides: a tick of a
//! microsecond or a millisecond is recognised, a slower timer's ticks become time by the middle of
//! the bounds, and ticks faster than [`FASTEST_TIMER`] are cycles. Without milliseconds ticks are
//! taken as cycles, and rows say so.

use cofit_vocab::Seconds;

use super::cost::{Cost, Kinds};
use super::esp_idf::Boot;
use super::reading::{Reading, layer, leading_number, name, numbered, positive};
use super::{Level, Row};

/// Ticks a millisecond above which they are cycles of a processor: none runs at a megahertz, which
/// is the usual rate of a port's timer, and twice that leaves room for the rounding of the bounds.
const FASTEST_TIMER: f64 = 2000.0;

/// Whether the text has a line of the profiler.
pub(super) fn is_one(text: &str) -> bool {
    text.lines().any(|line| {
        is_head_of_events(line) || is_head_of_tags(line) || Event::logged(line, 0).is_some()
    })
}

fn is_head_of_events(line: &str) -> bool {
    line.contains("\"Event\",\"Tag\",\"Ticks\"")
}

fn is_head_of_tags(line: &str) -> bool {
    line.contains("\"Unique Tag\",")
}

/// Something timed.
#[derive(Clone, Copy, Debug)]
struct Event<'a> {
    line: u32,
    tag: &'a str,
    /// `None` where what stands there is not a positive number.
    ticks: Option<f64>,
    milliseconds: Option<f64>,
}

impl<'a> Event<'a> {
    /// `TAG took N ticks (M ms).`
    fn logged(text: &'a str, line: u32) -> Option<Self> {
        let (before, after) = text.split_once(" took ")?;
        let tag = before.split_whitespace().next_back()?;
        let (ticks, rest) = after.split_once(" ticks")?;
        let milliseconds = rest
            .trim_start()
            .strip_prefix('(')
            .and_then(leading_number)
            .filter(|(_, unit)| unit.trim_start().starts_with("ms"))
            .and_then(|(number, _)| number.parse().ok());
        Some(Self { line, tag, ticks: positive(ticks), milliseconds })
    }

    /// `PLACE,TAG,N` or `PLACE,TAG,N,M`.
    fn listed(text: &'a str, line: u32) -> Option<Self> {
        let mut fields = text.split(',').map(str::trim);
        let _place: u32 = fields.next()?.split_whitespace().next_back()?.parse().ok()?;
        let (tag, ticks) = (fields.next()?, fields.next()?);
        let milliseconds = fields.next().and_then(|number| number.parse().ok());
        Some(Self { line, tag, ticks: positive(ticks), milliseconds })
    }

    /// How many inferences it is the time of.
    fn inferences(&self) -> Option<f64> {
        let (_, count) = self.tag.strip_suffix(')')?.rsplit_once('(')?;
        positive(count)
    }

    fn is_layer(&self) -> bool {
        !["Tflite", "Initialize"].iter().any(|prefix| self.tag.starts_with(prefix))
    }
}

/// Bounds of the ticks a millisecond has.
#[derive(Clone, Copy, Debug)]
struct Rate {
    low: f64,
    high: f64,
}

/// What a tick is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tick {
    /// A cycle of the processor; `is_stated` where milliseconds beside ticks say so.
    Cycle { is_stated: bool },
    /// So many seconds.
    Time(f64),
}

impl Rate {
    const UNKNOWN: Self = Self { low: 0.0, high: f64::INFINITY };

    /// Whole milliseconds that ticks were rounded down to bound the rate.
    fn hear(&mut self, event: &Event<'_>) {
        let (Some(ticks), Some(milliseconds)) = (event.ticks, event.milliseconds) else { return };
        if (0.0..1e12).contains(&milliseconds) {
            self.low = self.low.max(ticks / (milliseconds + 1.0));
            if milliseconds > 0.0 {
                self.high = self.high.min(ticks / milliseconds);
            }
        }
    }

    fn tick(self) -> Tick {
        let holds = |rate: f64| self.low <= rate && rate <= self.high;
        if !self.high.is_finite() || self.low > self.high || self.high > FASTEST_TIMER {
            return Tick::Cycle { is_stated: self.high.is_finite() && self.low <= self.high };
        }
        let rate = if holds(1000.0) {
            1000.0
        } else if holds(1.0) {
            1.0
        } else {
            f64::midpoint(self.low, self.high)
        };
        Tick::Time(1e-3 / rate)
    }
}

impl Tick {
    fn cost(self, ticks: f64) -> Cost {
        match self {
            Self::Cycle { .. } => Cost::of_cycles(ticks),
            Self::Time(seconds) => {
                Cost::of_time((Seconds(ticks * seconds), Seconds(seconds / 2.0)))
            }
        }
    }

    /// A row of so many ticks on a chip.
    fn row(self, boot: &Boot, (line, level, model): (u32, Level, String), ticks: f64) -> Row {
        let note = match self {
            Self::Cycle { is_stated: false } => "ticks are taken as cycles".to_owned(),
            Self::Cycle { is_stated: true } | Self::Time(_) => String::new(),
        };
        let row = boot_row(boot, line, level);
        self.cost(ticks).on(Row { model, note, ..row })
    }
}

fn boot_row(boot: &Boot, line: u32, level: Level) -> Row {
    Row {
        release: "TFLM".to_owned(),
        chip: boot.chip.clone(),
        clock: boot.clock,
        ..Row::blank(line, level)
    }
}

/// All that a log says.
struct Log<'a> {
    boot: Boot,
    rate: Rate,
    /// Inferences operator by operator, the first and how often it was met.
    first: Vec<Event<'a>>,
    /// Ticks and measurements of each of its operators over all equal inferences.
    sums: Vec<(f64, f64)>,
    /// The inference whose lines are being read.
    block: Vec<Event<'a>>,
    /// The first line, ticks and number of whole inferences.
    whole: Option<(u32, f64, f64)>,
    tags: Vec<Event<'a>>,
    total: Option<Event<'a>>,
}

/// The rows of a log.
pub(super) fn read(text: &str, reading: &mut Reading<'_>) {
    let mut log = Log {
        boot: Boot::default(),
        rate: Rate::UNKNOWN,
        first: Vec::new(),
        sums: Vec::new(),
        block: Vec::new(),
        whole: None,
        tags: Vec::new(),
        total: None,
    };
    log.hear(text, reading);
    log.rows(reading);
}

/// The table that the lines belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Log,
    Events,
    Tags,
}

impl<'a> Log<'a> {
    fn hear(&mut self, text: &'a str, reading: &mut Reading<'_>) {
        let mut part = Part::Log;
        for (line, content) in numbered(text) {
            if is_head_of_events(content) || is_head_of_tags(content) {
                self.end_block(reading);
                part = if is_head_of_tags(content) { Part::Tags } else { Part::Events };
                continue;
            }
            let logged = Event::logged(content, line);
            let event = match part {
                Part::Log => logged,
                Part::Events => Event::listed(content, line).or(logged).or_else(|| {
                    // A line that is cut keeps its place, so that those below keep theirs.
                    let is_cut = content.contains(',');
                    is_cut.then_some(Event { line, tag: "?", ticks: None, milliseconds: None })
                }),
                Part::Tags => {
                    if self.tag(content, line, reading) {
                        continue;
                    }
                    logged
                }
            };
            match event {
                Some(event) => self.event(event, reading),
                None => {
                    self.end_block(reading);
                    part = Part::Log;
                    self.boot.hear(content);
                }
            }
        }
        self.end_block(reading);
    }

    fn event(&mut self, event: Event<'a>, reading: &mut Reading<'_>) {
        self.rate.hear(&event);
        if let Some(inferences) = event.inferences() {
            self.end_block(reading);
            match event.ticks {
                Some(ticks) => {
                    let whole = self.whole.get_or_insert((event.line, 0.0, 0.0));
                    whole.1 += ticks;
                    whole.2 += inferences;
                }
                None => no_ticks(&event, reading),
            }
        } else if event.is_layer() {
            self.block.push(event);
        }
    }

    /// A line below `"Unique Tag"`; whether it is one.
    fn tag(&mut self, content: &'a str, line: u32, reading: &mut Reading<'_>) -> bool {
        let Some((tag, ticks)) = content.rsplit_once(',') else { return false };
        let tag = tag.trim().trim_matches('"');
        let is_total = tag.ends_with("total number of ticks");
        let tag = tag.split_whitespace().next_back().unwrap_or_default();
        let event = Event { line, tag, ticks: positive(ticks), milliseconds: None };
        match (event.ticks, is_total) {
            (None, _) => no_ticks(&event, reading),
            (Some(_), true) => self.total = Some(event),
            (Some(_), false) if event.is_layer() => self.tags.push(event),
            (Some(_), false) => {}
        }
        true
    }

    fn end_block(&mut self, reading: &mut Reading<'_>) {
        let block = std::mem::take(&mut self.block);
        let Some(head) = block.first() else { return };
        if self.first.is_empty() {
            self.first.clone_from(&block);
            self.sums = vec![(0.0, 0.0); block.len()];
        } else if !self.first.iter().map(|event| event.tag).eq(block.iter().map(|event| event.tag))
        {
            reading.pass_over(head.line, "the layers are not those of the inference before");
            return;
        }
        for (event, sum) in block.iter().zip(&mut self.sums) {
            if let Some(ticks) = event.ticks {
                *sum = (sum.0 + ticks, sum.1 + 1.0);
            }
        }
    }

    fn rows(self, reading: &mut Reading<'_>) {
        let tick = self.rate.tick();
        let model = String::new();
        match (self.whole, self.total, self.first.first()) {
            (Some((line, ticks, inferences)), _, _) => {
                reading.row(tick.row(&self.boot, (line, Level::Model, model), ticks / inferences));
            }
            (None, Some(Event { line, ticks: Some(ticks), .. }), _) => {
                reading.row(tick.row(&self.boot, (line, Level::Model, model), ticks));
            }
            (None, _, Some(first)) => {
                let sum: f64 = self.sums.iter().filter_map(mean).sum();
                if sum > 0.0 {
                    reading.row(tick.row(&self.boot, (first.line, Level::Model, model), sum));
                }
            }
            (None, _, None) => {}
        }
        for (place, (event, sum)) in self.first.iter().zip(&self.sums).enumerate() {
            match mean(sum) {
                Some(ticks) => {
                    let model = layer("", place, event.tag);
                    reading.row(tick.row(&self.boot, (event.line, Level::Layer, model), ticks));
                }
                None => no_ticks(event, reading),
            }
        }
        if self.first.is_empty() {
            let mut kinds = Kinds::default();
            for event in &self.tags {
                let Some(ticks) = event.ticks else { continue };
                kinds.add(event.tag, event.line, tick.cost(ticks), reading);
            }
            kinds.rows(
                "",
                |line| boot_row(&self.boot, line, Level::Layer),
                |_| "sum of all layers of the kind".to_owned(),
                reading,
            );
        }
    }
}

fn mean(&(sum, count): &(f64, f64)) -> Option<f64> {
    (count > 0.0).then(|| sum / count)
}

fn no_ticks(event: &Event<'_>, reading: &mut Reading<'_>) {
    reading.pass_over(event.line, &format!("{} has no positive number of ticks", name(event.tag)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(events: &[(f64, f64)]) -> Tick {
        let mut rate = Rate::UNKNOWN;
        for &(ticks, milliseconds) in events {
            let event =
                Event { line: 1, tag: "", ticks: Some(ticks), milliseconds: Some(milliseconds) };
            rate.hear(&event);
        }
        rate.tick()
    }

    #[test]
    fn milliseconds_say_what_a_tick_is() {
        assert_eq!(tick(&[(12345.0, 12.0), (999.0, 0.0)]), Tick::Time(1e-6));
        assert_eq!(tick(&[(12.0, 12.0)]), Tick::Time(1e-3));
        assert_eq!(tick(&[(249_560.0, 9.0)]), Tick::Cycle { is_stated: true });
        // A watch crystal's 32.768 ticks a millisecond.
        let Tick::Time(seconds) = tick(&[(32768.0, 1000.0)]) else { panic!("a time") };
        assert!((seconds * 32768.0 - 1.0).abs() < 1e-3);
        // Nothing, and what contradicts itself.
        assert_eq!(tick(&[]), Tick::Cycle { is_stated: false });
        assert_eq!(tick(&[(1000.0, 1.0), (9.0, 9.0)]), Tick::Cycle { is_stated: false });
    }

    #[test]
    fn lines_of_the_profiler_are_found_behind_what_loggers_write() {
        let event = Event::logged("I (31) main: CONV_2D took 12345 ticks (12 ms).", 1);
        let event = event.expect("an event");
        assert_eq!((event.tag, event.ticks), ("CONV_2D", Some(12345.0)));
        assert_eq!(event.milliseconds, Some(12.0));
        assert!(Event::logged("it took 3 minutes", 1).is_none());
        let whole = Event::logged("NoPersonDataIterations(10) took 5 ticks", 1).expect("an event");
        assert_eq!(whole.inferences(), Some(10.0));
    }
}
