//! When what ran: layers, engines, memory ports and DMA channels over the cycles of one inference, and
//! how full each memory was.

use cofit_compile::plan::{MemoryId, StepId};
use cofit_sim::Cause;
use cofit_sim::profile::ResourceKind;
use cofit_vocab::{Bytes, Cycles, units};
use cranelift_entity::EntityRef;

use super::cycles::legend;
use super::figure::{self, Details, LEFT, Mark, PLOT, Picture, RIGHT, WIDTH};
use super::rows::{self, Row};
use crate::markup::{number, put, shortened, tail};
use crate::{Subject, trace, words};

/// Height of a track, and from one track's top to the next one's.
const TRACK: f64 = 24.0;
const PITCH: f64 = 34.0;

/// Height of a memory's occupancy.
const AREA: f64 = 40.0;

/// Work shorter than this on the page joins its neighbour, so that a track has a bounded number of
/// marks.
const SHORTEST: f64 = 1.6;

/// A stretch of a track.
struct Stretch {
    from: Cycles,
    to: Cycles,
    steps: Vec<u32>,
    /// Cycles by cause, of which the largest gives the colour.
    causes: cofit_sim::Causes,
    /// What to call it, where it is one thing with a name of its own.
    name: Option<String>,
    /// More lines of details.
    lines: Vec<(&'static str, String)>,
}

impl Stretch {
    fn new(from: Cycles, to: Cycles, step: u32, cause: Cause) -> Self {
        let causes = cofit_sim::Causes::of(cause, to.saturating_sub(from));
        Self { from, to, steps: vec![step], causes, name: None, lines: Vec::new() }
    }

    fn join(&mut self, other: Self) {
        self.to = self.to.max(other.to);
        for step in other.steps {
            if !self.steps.contains(&step) && self.steps.len() < 32 {
                self.steps.push(step);
            }
        }
        self.causes += other.causes;
        self.name = None;
        self.lines.clear();
    }
}

/// The picture, or nothing where nothing ran.
pub(super) fn pictures(subject: &Subject<'_>, rows: &[Row]) -> Vec<Picture> {
    let profile = &subject.evaluation.profile;
    if profile.cycles.is_zero() {
        return Vec::new();
    }
    let x = |at: Cycles| LEFT + at.as_f64() / profile.cycles.as_f64() * PLOT;
    let mut body = axis(subject);
    let mut y = 34.0;
    body += &ribbon(subject, rows, y, &x);
    y += PITCH;
    let mut tracks = 0;
    for (name, kind, stretches) in tracks_of(subject) {
        let merged = merged(stretches, &x);
        body += &figure::text("end", LEFT - 8.0, y + 11.0, &shortened(&name, 10));
        body += &figure::text("end tiny", LEFT - 8.0, y + 22.0, kind);
        body += &figure::bar("plain", (LEFT, y, PLOT, TRACK));
        for stretch in &merged {
            body += &mark(subject, stretch, &name, y, &x);
        }
        y += PITCH;
        tracks += 1;
    }
    let grid_top = 26.0;
    for (at, memory) in rows::live_bytes(subject).iter().enumerate() {
        if let Some(area) = occupancy(subject, at, memory, y, &x) {
            body += &area;
            y += AREA + 14.0;
        }
    }
    let mut grid = String::new();
    for tick in figure::ticks(profile.cycles.as_f64(), 8) {
        let at = LEFT + tick / profile.cycles.as_f64() * PLOT;
        grid += &figure::line("grid", (at, grid_top), (at, y - 8.0));
    }
    let (legend, height) = legend(&profile.causes, y + 4.0);
    let copies = match subject.evaluation.plan.transfers.len() {
        0 => String::new(),
        1 => " One copy between memories runs beside it.".to_owned(),
        count => format!(" {count} copies between memories run beside it."),
    };
    vec![Picture {
        title: "Engines, memory ports and DMA channels".to_owned(),
        description: format!(
            "One inference of {} cycles on {}.{copies} What is shorter than a mark \
             can show is drawn together with its neighbour.",
            units::grouped(profile.cycles.get()),
            figure::counted(tracks, "resource")
        ),
        width: WIDTH,
        height: y + 4.0 + height,
        body: grid + &body + &legend,
        role: "zoom",
    }]
}

/// Cycles above, times below where the clock means anything.
fn axis(subject: &Subject<'_>) -> String {
    let profile = &subject.evaluation.profile;
    let mut body = String::new();
    for tick in figure::ticks(profile.cycles.as_f64(), 8) {
        let at = LEFT + tick / profile.cycles.as_f64() * PLOT;
        body += &figure::text("mid", at, 10.0, &figure::brief(tick));
        if !profile.accuracy.is_structural && tick > 0.0 {
            let time = Cycles(tick as u64).at(profile.clock).to_string();
            body += &figure::text("mid tiny", at, 21.0, &time);
        }
    }
    body + &figure::text("end", LEFT - 16.0, 10.0, "cycles")
}

/// The layers, one after another.
fn ribbon(subject: &Subject<'_>, rows: &[Row], y: f64, x: &impl Fn(Cycles) -> f64) -> String {
    let ends = subject.evaluation.profile.step_ends();
    let begin = |id: StepId| {
        let before = id.as_u32().checked_sub(1).map(StepId::from_u32);
        before.and_then(|id| ends.get(id)).copied().unwrap_or(Cycles::ZERO)
    };
    let mut body = figure::text("end", LEFT - 8.0, y + 15.0, "layers");
    let mut drawn = LEFT;
    for row in rows {
        let (from, to) = (begin(row.id), ends[row.id]);
        let (left, right) = (x(from), x(to));
        // Of layers that share a pixel the first stands for all.
        if right - drawn < SHORTEST && right < LEFT + PLOT {
            continue;
        }
        let left = left.min(drawn.max(left));
        drawn = right;
        let number = row.number().to_string();
        let class = if row.number() % 2 == 0 { "even part" } else { "odd part" };
        body += &Mark {
            class,
            place: (left, y, (right - left).max(0.5), TRACK),
            steps: &number,
            details: Details::of(&format!("{} {}", row.number(), row.short()))
                .with("operators", &row.operators)
                .with("on", &row.engine)
                .with("from", &format!("cycle {}", units::grouped(from.get())))
                .with("to", &format!("cycle {}", units::grouped(to.get())))
                .with("charged", &format!("{} cycles", units::grouped(row.cycles.get()))),
        }
        .svg();
        let room = figure::room(right - left);
        if room >= number.len() {
            let label = match room.saturating_sub(number.len() + 1) {
                rest @ 10.. => format!("{number} {}", tail(&row.label, rest)),
                _ => number,
            };
            body += &figure::text("ink", left + 3.0, y + TRACK / 2.0 + 4.0, &label);
        }
    }
    body
}

/// What ran on each resource that had anything to do.
fn tracks_of(subject: &Subject<'_>) -> Vec<(String, &'static str, Vec<Stretch>)> {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let names = profile.schedule.resources();
    let mut tracks: Vec<(String, ResourceKind, Vec<Stretch>)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let kind = profile.resources.get(at).copied().unwrap_or(ResourceKind::Port);
            (name.clone(), kind, Vec::new())
        })
        .collect();
    for (task, span) in profile.schedule.tasks().iter().zip(&profile.timeline.spans) {
        for resource in &task.resources {
            let Some((_, kind, stretches)) = tracks.get_mut(resource.index()) else { continue };
            if *kind == ResourceKind::Link || span.start >= span.end {
                continue;
            }
            let next = Stretch::new(span.start, span.end, task.step.0, task.cause);
            match stretches.last_mut() {
                Some(last) if last.to == next.from && last.steps == next.steps => last.join(next),
                _ => stretches.push(next),
            }
        }
    }
    let links: Vec<usize> =
        (0..tracks.len()).filter(|&at| tracks[at].1 == ResourceKind::Link).collect();
    for (id, transfer) in &plan.transfers {
        let Some(ran) = profile.transfers.get(id).filter(|ran| ran.start < ran.end) else {
            continue;
        };
        let Some(&at) = links.get(transfer.link as usize) else { continue };
        let cause = match transfer.role {
            cofit_compile::plan::TransferRole::Weights { .. } => Cause::WeightFetch,
            cofit_compile::plan::TransferRole::Spill
            | cofit_compile::plan::TransferRole::FetchBack => Cause::ActivationTraffic,
        };
        let mut stretch = Stretch::new(ran.start, ran.end, transfer.step.as_u32(), cause);
        stretch.name = Some(trace::transfer_name(subject, transfer));
        let memory = |id: MemoryId| rows::memory(subject, id);
        stretch.lines = vec![
            ("moves", figure::exact_bytes(transfer.bytes)),
            ("from", memory(transfer.from).to_owned()),
            ("into", memory(transfer.to).to_owned()),
            ("waited for", format!("{} cycles", units::grouped(ran.unhidden.get()))),
        ];
        tracks[at].2.push(stretch);
    }
    tracks
        .into_iter()
        .filter(|(_, _, stretches)| !stretches.is_empty())
        .map(|(name, kind, mut stretches)| {
            stretches.sort_by_key(|stretch| (stretch.from, stretch.to));
            (name, kind.name(), stretches)
        })
        .collect()
}

/// Stretches of which each is wide enough to be seen, or stands for several.
fn merged(stretches: Vec<Stretch>, x: &impl Fn(Cycles) -> f64) -> Vec<Stretch> {
    let mut merged: Vec<Stretch> = Vec::new();
    for next in stretches {
        match merged.last_mut() {
            Some(last)
                if x(next.from) - x(last.to) < SHORTEST / 2.0
                    && (x(next.to) - x(next.from) < SHORTEST
                        || x(last.to) - x(last.from) < SHORTEST) =>
            {
                last.join(next);
            }
            _ => merged.push(next),
        }
    }
    merged
}

fn mark(
    subject: &Subject<'_>,
    stretch: &Stretch,
    resource: &str,
    y: f64,
    x: &impl Fn(Cycles) -> f64,
) -> String {
    let plan = &subject.evaluation.plan;
    let cause = stretch.causes.dominant().map_or(Cause::Stall, |(cause, _)| cause);
    let step_name = |step: u32| {
        let id = StepId::from_u32(step);
        plan.steps.get(id).map_or_else(String::new, |_| {
            format!("{step} {}", words::short_name(&plan.step_name(id)))
        })
    };
    let heading = match (&stretch.name, stretch.steps.as_slice()) {
        (Some(name), _) => name.clone(),
        (None, [one]) => step_name(*one),
        (None, steps) => format!("{} layers from {}", steps.len(), steps.first().unwrap_or(&0)),
    };
    let mut details = Details::of(&heading).with("on", resource);
    for (name, value) in &stretch.lines {
        details = details.with(name, value);
    }
    details = details
        .with("from", &format!("cycle {}", units::grouped(stretch.from.get())))
        .with("to", &format!("cycle {}", units::grouped(stretch.to.get())));
    for (cause, cycles) in stretch.causes.iter().filter(|(_, cycles)| !cycles.is_zero()) {
        details = details
            .with(figure::cause_words(cause), &format!("{} cycles", units::grouped(cycles.get())));
    }
    let steps: Vec<String> = stretch.steps.iter().map(ToString::to_string).collect();
    let left = x(stretch.from);
    let width = (x(stretch.to) - left).max(0.5);
    Mark {
        class: &figure::parted(figure::cause_class(cause), width),
        place: (left, y, width, TRACK),
        steps: &steps.join(" "),
        details,
    }
    .svg()
}

/// How full a memory was: bytes of live buffers, step by step.
fn occupancy(
    subject: &Subject<'_>,
    at: usize,
    live: &[Bytes],
    y: f64,
    x: &impl Fn(Cycles) -> f64,
) -> Option<String> {
    let most = live.iter().copied().max().filter(|most| !most.is_zero())?;
    let ends = subject.evaluation.profile.step_ends();
    let bottom = y + AREA;
    let mut path = format!("M{} {}", number(LEFT), number(bottom));
    let mut level = -1.0;
    let mut from = Cycles::ZERO;
    let mut drawn = f64::NEG_INFINITY;
    for (id, &end) in &ends {
        let bytes = live.get(id.index()).copied().unwrap_or(Bytes::ZERO);
        let height = bottom - bytes.as_f64() / most.as_f64() * AREA;
        // Steps of no width and of no change add nothing to the path.
        if end > from && (height - level).abs() > 0.01 && x(end) - drawn > 0.3 {
            put(
                &mut path,
                format_args!(
                    "L{0} {1}L{0} {2}",
                    number(x(from)),
                    number(if level < 0.0 { bottom } else { level }),
                    number(height)
                ),
            );
            level = height;
            drawn = x(from);
        }
        from = end;
    }
    put(
        &mut path,
        format_args!(
            "L{0} {1}L{0} {2}Z",
            number(LEFT + PLOT),
            number(level.max(y)),
            number(bottom)
        ),
    );
    let name = rows::memory(subject, MemoryId::new(at));
    let mut svg = figure::text("end", LEFT - 8.0, y + 14.0, &shortened(name, 10));
    svg += &figure::text("end tiny", LEFT - 8.0, y + 26.0, "bytes live");
    put(&mut svg, format_args!("<path class=\"area\" d=\"{path}\"/>"));
    svg += &figure::line("axis", (LEFT, bottom), (WIDTH - RIGHT, bottom));
    let word = format!("most {}", most.human());
    svg += &figure::text("end tiny", WIDTH - RIGHT - 4.0, y + 8.0, &word);
    Some(svg)
}
