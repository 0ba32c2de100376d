//! Rooflines: for each memory, what layers reach against what the engine and the memory allow.
//!
//! The model is that of Williams, Waterman and Patterson ("Roofline", CACM 52(4), 2009): a layer of I
//! multiply-accumulates per byte that it moves reaches at most min(peak, I times bandwidth). Both
//! axes are logarithmic. A point is a layer, its size grows with its share of the cycles, its fill is
//! the cause of most of them.

use std::collections::BTreeMap;

use cofit_compile::plan::MemoryId;
use cofit_vocab::units;
use cranelift_entity::EntityRef;

use super::figure::{self, Details, Picture};
use super::rows::{self, Row};
use super::table;
use crate::markup::{escaped, number, put};
use crate::{Subject, words};

/// Width of a picture: two stand beside each other.
const WIDTH: f64 = 470.0;

/// The plot in it.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 26.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
const HEIGHT: f64 = 230.0;

/// Decades that an axis may span.
const DECADES: f64 = 9.0;

/// Layers drawn in a plot; of more, those that take the most cycles.
const DRAWN: usize = 400;

/// A roof: an engine's peak in multiply-accumulates per cycle of the reference clock.
struct Peak<'a> {
    engine: &'a str,
    rate: f64,
}

/// A layer in the plot of a memory.
struct Point<'a> {
    row: &'a Row,
    /// Multiply-accumulates per byte moved.
    intensity: f64,
    /// Multiply-accumulates per cycle.
    rate: f64,
}

/// One picture for every memory that moves bytes at a known rate.
pub(super) fn pictures(subject: &Subject<'_>, rows: &[Row]) -> Vec<Picture> {
    let peaks = peaks(subject, rows);
    let memories = subject.evaluation.profile.traffic.keys();
    memories.filter_map(|id| plot(subject, rows, id, &peaks)).collect()
}

/// The peaks of the engines that run layers with multiply-accumulates.
fn peaks<'a>(subject: &Subject<'a>, rows: &[Row]) -> Vec<Peak<'a>> {
    let chip = subject.chip;
    let reference = chip.reference_clock().map(|clock| clock.value.get());
    let plan = &subject.evaluation.plan;
    let is_used =
        |at: usize| rows.iter().any(|row| row.macs > 0 && plan.steps[row.id].engine.index() == at);
    chip.engines
        .iter()
        .enumerate()
        .filter(|(at, _)| is_used(*at))
        .map(|(_, engine)| {
            let own = chip.clock(engine.clock_domain()).map(|clock| clock.value.get());
            let scale = match (own, reference) {
                (Some(own), Some(reference)) if reference > 0.0 => own / reference,
                _ => 1.0,
            };
            Peak { engine: &engine.id, rate: engine.peak_macs_per_cycle.value * scale }
        })
        .filter(|peak| peak.rate.is_finite() && peak.rate > 0.0)
        .collect()
}

/// Whole decades around values.
#[derive(Clone, Copy)]
struct Axis {
    first: f64,
    last: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let logs = values.filter(|value| *value > 0.0 && value.is_finite()).map(f64::log10);
        let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| {
            (low.min(log), high.max(log))
        });
        if low > high {
            return Self { first: 0.0, last: 1.0 };
        }
        let last = (high + 0.15).ceil();
        Self { first: (low - 0.05).floor().max(last - DECADES).min(last - 1.0), last }
    }

    /// Where a value lies, 0 to 1; what is outside lies at the edge.
    fn share(self, value: f64) -> f64 {
        let log = if value > 0.0 { value.log10() } else { self.first };
        ((log - self.first) / (self.last - self.first)).clamp(0.0, 1.0)
    }

    fn decades(self) -> impl Iterator<Item = f64> {
        let count = (self.last - self.first) as u32;
        (0..=count).map(move |at| 10f64.powf(self.first + f64::from(at)))
    }
}

fn plot(
    subject: &Subject<'_>,
    rows: &[Row],
    memory: MemoryId,
    peaks: &[Peak<'_>],
) -> Option<Picture> {
    let profile = &subject.evaluation.profile;
    let bandwidth = subject.chip.bytes_per_cycle(subject.chip.memories.get(memory.index())?)?;
    let mut points: Vec<Point<'_>> = rows
        .iter()
        .filter_map(|row| {
            let moved = profile.steps[row.id].traffic.get(memory)?.total();
            let is_point = row.macs > 0 && !moved.is_zero() && !row.cycles.is_zero();
            is_point.then(|| Point {
                row,
                intensity: row.macs as f64 / moved.as_f64(),
                rate: row.macs as f64 / row.cycles.as_f64(),
            })
        })
        .collect();
    if points.is_empty() || !(bandwidth > 0.0 && bandwidth.is_finite()) {
        return None;
    }
    points.sort_by_key(|point| (std::cmp::Reverse(point.row.cycles), point.row.id));
    let undrawn = points.len().saturating_sub(DRAWN);
    points.truncate(DRAWN);
    let most = peaks.iter().map(|peak| peak.rate).fold(0.0, f64::max);
    let ridge = most / bandwidth;
    let x = Axis::of(points.iter().map(|point| point.intensity).chain([ridge]));
    let y =
        Axis::of(points.iter().map(|point| point.rate).chain(peaks.iter().map(|peak| peak.rate)));
    let at = |intensity: f64, rate: f64| {
        (LEFT + x.share(intensity) * PLOT, 8.0 + (1.0 - y.share(rate)) * HEIGHT)
    };
    let mut body = grid(x, y);
    body += &roofs(subject, memory, bandwidth, peaks, (x, y));
    let mut under_slope = 0;
    points.sort_by_key(|point| point.row.id);
    for point in &points {
        let roof = (point.intensity * bandwidth).min(most.max(f64::MIN_POSITIVE));
        if point.intensity < ridge {
            under_slope += 1;
        }
        let (cx, cy) = at(point.intensity, point.rate);
        let radius = 3.0 + 7.0 * point.row.share.clamp(0.0, 1.0).sqrt();
        let class = point.row.bound().map_or("k7", figure::cause_class);
        let shape = format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
            number(cx),
            number(cy),
            number(radius)
        );
        let details = Details::of(&format!("{} {}", point.row.number(), point.row.short()))
            .with("reaches", &format!("{} MACs a cycle", words::significant(point.rate)))
            .with("roof", &format!("{} MACs a cycle", words::significant(roof)))
            .with("intensity", &format!("{} MACs a byte", words::significant(point.intensity)))
            .with("share", &format!("{:.1} % of the cycles", point.row.share * 100.0))
            .with("bound by", point.row.bound().map_or("-", figure::cause_words));
        let steps = point.row.number().to_string();
        body += &figure::group(&format!("{class} dot"), &steps, "", &details, &shape);
    }
    let bottom = HEIGHT + 8.0;
    let name = rows::memory(subject, memory);
    let axis = format!("MACs per byte of {name}; upwards: MACs per cycle");
    body += &figure::text("note", LEFT, bottom + 31.0, &axis);
    let mut causes: Vec<cofit_sim::Cause> =
        points.iter().filter_map(|point| point.row.bound()).collect();
    causes.sort_unstable();
    causes.dedup();
    let entries: Vec<(&str, &str)> = causes
        .into_iter()
        .map(|cause| (figure::cause_class(cause), figure::cause_words(cause)))
        .collect();
    let (legend, height) = figure::legend_within(&entries, bottom + 42.0, (LEFT, WIDTH - RIGHT));
    body += &legend;
    let left_out = match undrawn {
        0 => String::new(),
        count => format!(" {count} layers of few cycles are not drawn."),
    };
    Some(Picture {
        title: format!("{name}: {} B a cycle", words::significant(bandwidth)),
        description: format!(
            "Below {} multiply-accumulates a byte {name} is the lower roof: so it is for {under_slope} \
             of {} layers, and the engine's peak for the others.{left_out}",
            words::significant(ridge),
            points.len()
        ),
        width: WIDTH,
        height: bottom + 42.0 + height,
        body,
        role: "",
    })
}

fn grid(x: Axis, y: Axis) -> String {
    let mut body = String::new();
    let bottom = HEIGHT + 8.0;
    for value in x.decades() {
        let at = LEFT + x.share(value) * PLOT;
        body += &figure::line("grid", (at, 8.0), (at, bottom));
        body += &figure::text("mid", at, bottom + 15.0, &decade(value));
    }
    for value in y.decades() {
        let at = 8.0 + (1.0 - y.share(value)) * HEIGHT;
        body += &figure::line("grid", (LEFT, at), (WIDTH - RIGHT, at));
        body += &figure::text("end", LEFT - 8.0, at + 4.0, &decade(value));
    }
    body
}

/// A power of ten in few characters.
fn decade(value: f64) -> String {
    if value >= 1e4 { figure::brief(value) } else { words::significant(value) }
}

/// The engines' peaks, and the memory's slope up to the highest.
fn roofs(
    subject: &Subject<'_>,
    memory: MemoryId,
    bandwidth: f64,
    peaks: &[Peak<'_>],
    (x, y): (Axis, Axis),
) -> String {
    let at = |intensity: f64, rate: f64| {
        (LEFT + x.share(intensity) * PLOT, 8.0 + (1.0 - y.share(rate)) * HEIGHT)
    };
    let mut body = String::new();
    let most = peaks.iter().map(|peak| peak.rate).fold(0.0, f64::max);
    for peak in peaks {
        let from = at((peak.rate / bandwidth).max(10f64.powf(x.first)), peak.rate);
        let to = (WIDTH - RIGHT, from.1);
        body += &figure::line("roof", from, to);
        let word = format!("{} {} MACs a cycle", peak.engine, words::significant(peak.rate));
        body += &figure::text("end", WIDTH - RIGHT - 4.0, from.1 - 5.0, &word);
    }
    // The slope within the plot: from where it enters to where it meets the highest peak.
    let (left, floor) = (10f64.powf(x.first), 10f64.powf(y.first));
    let enters = left.max(floor / bandwidth);
    let meets = (most / bandwidth).min(10f64.powf(x.last));
    if enters < meets {
        let (from, to) = (at(enters, enters * bandwidth), at(meets, meets * bandwidth));
        body += &figure::line("roof", from, to);
        let name = rows::memory(subject, memory);
        let word = format!("{name} {} B a cycle", words::significant(bandwidth));
        let middle = ((from.0 + to.0) / 2.0 + 8.0, (from.1 + to.1) / 2.0 + 16.0);
        body += &figure::text("note", middle.0, middle.1, &word);
    }
    body
}

/// Which resource each layer would take longest on if it had it for itself, summed up.
pub(super) fn binding(subject: &Subject<'_>, rows: &[Row]) -> String {
    let profile = &subject.evaluation.profile;
    let mut by_name: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for row in rows {
        let demands = &profile.steps[row.id].demands;
        // Of equals the first: engines stand before memories.
        let most = demands.iter().rev().max_by_key(|demand| demand.cycles);
        if let Some(demand) = most {
            let entry = by_name.entry(&demand.resource).or_default();
            entry.0 += 1;
            entry.1 = entry.1.saturating_add(row.cycles.get());
        }
    }
    if by_name.is_empty() {
        return String::new();
    }
    let mut list: Vec<(&str, u64, u64)> =
        by_name.into_iter().map(|(name, (layers, cycles))| (name, layers, cycles)).collect();
    list.sort_by_key(|&(name, _, cycles)| (std::cmp::Reverse(cycles), name));
    let tier = list.first().map_or("-", |(name, _, _)| name);
    let mut html = format!(
        "<p>In the simulation the binding tier is <strong>{}</strong>: each layer is bound by what it \
         would take longest on, had it that alone.</p>",
        escaped(tier, 60)
    );
    let mut body = String::new();
    for (name, layers, cycles) in list {
        let share = cycles as f64 / profile.cycles.as_f64().max(1.0);
        put(
            &mut body,
            format_args!(
                "<tr><th scope=\"row\">{}</th><td>{layers}</td><td>{}</td><td>{}</td></tr>",
                escaped(name, 60),
                units::grouped(cycles),
                table::share(share, "k0")
            ),
        );
    }
    let columns =
        [("resource that binds", false), ("layers", true), ("cycles", true), ("share", false)];
    html += &table::table("what binds the layers", &columns, &body, "");
    html
}
