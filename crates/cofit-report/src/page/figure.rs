//! Pictures: SVG with marks that a pointer or the keyboard can ask for details.
//!
//! A mark is an element of class `m`. Its `<title>` holds the details, one `name: value` a line, and
//! `data-s` the numbers of the layers that it is about; the page's script makes them reachable by
//! keyboard and shows what belongs together. Without the script they are tooltips.

use cofit_sim::Cause;
use cofit_vocab::{Bytes, units};

use crate::markup::{escaped, number, put};

/// Width of pictures that take the whole page, in user units; one is a pixel on a page of the usual
/// width.
pub(super) const WIDTH: f64 = 960.0;

/// Left and right margin of the plots.
pub(super) const LEFT: f64 = 76.0;
pub(super) const RIGHT: f64 = 24.0;

/// Width of the plots.
pub(super) const PLOT: f64 = WIDTH - LEFT - RIGHT;

/// The longest name in details, in characters.
pub(super) const LONGEST: usize = 120;

/// About the width of a character, in user units.
const CHARACTER: f64 = 7.2;

/// A picture without its frame.
pub(super) struct Picture {
    /// What it shows.
    pub(super) title: String,
    /// What there is to learn from it, for who does not see it.
    pub(super) description: String,
    /// Width in user units.
    pub(super) width: f64,
    /// Height in user units.
    pub(super) height: f64,
    /// Its elements.
    pub(super) body: String,
    /// What the script offers: `sort` reorders its columns, `zoom` enlarges it.
    pub(super) role: &'static str,
}

impl Picture {
    /// The picture as part of a page.
    pub(super) fn inline(&self) -> String {
        format!(
            "<div class=\"scroll\"><svg class=\"fig{}\" role=\"group\" data-role=\"{}\" \
             viewBox=\"0 0 {} {}\" aria-label=\"{}. {}\">{}</svg></div>",
            if self.width < WIDTH { " half" } else { "" },
            self.role,
            number(self.width),
            number(self.height),
            escaped(&self.title, LONGEST),
            escaped(&self.description, 600),
            self.body
        )
    }
}

/// Pictures below each other as one document that needs nothing beside it.
pub(super) fn document(title: &str, pictures: &[Picture]) -> String {
    const HEAD: f64 = 40.0;
    const BETWEEN: f64 = 36.0;
    let mut body = String::new();
    let mut y = HEAD;
    for picture in pictures {
        let name = escaped(&picture.title, LONGEST);
        put(
            &mut body,
            format_args!(
                "<text class=\"sub\" x=\"12\" y=\"{}\">{name}</text>\n\
                 <svg x=\"0\" y=\"{}\" width=\"{}\" height=\"{}\" role=\"group\" \
                 aria-label=\"{name}\"><desc>{}</desc>{}</svg>\n",
                number(y + 16.0),
                number(y + 24.0),
                number(picture.width),
                number(picture.height),
                escaped(&picture.description, 600),
                picture.body
            ),
        );
        y += picture.height + 24.0 + BETWEEN;
    }
    let title = escaped(title, LONGEST);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"fig\" viewBox=\"0 0 {WIDTH} {h}\" \
         width=\"{WIDTH}\" height=\"{h}\" role=\"img\" aria-label=\"{title}\">\n\
         <title>{title}</title>\n<style>{style}</style>\n{patterns}\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{h}\"/>\n\
         <text class=\"head\" x=\"12\" y=\"26\">{title}</text>\n{body}</svg>\n",
        h = number(y),
        style = include_str!("figure.css"),
        patterns = patterns(),
    )
}

/// The lines of a mark's details.
#[derive(Default)]
pub(super) struct Details(String);

impl Details {
    /// Details that begin with a heading.
    pub(super) fn of(heading: &str) -> Self {
        Self(escaped(heading, LONGEST))
    }

    /// One more line.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        put(&mut self.0, format_args!("\n{name}: {}", escaped(value, LONGEST)));
        self
    }

    /// One more line, if there is something to say.
    pub(super) fn with_some(self, name: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.with(name, &value),
            None => self,
        }
    }
}

/// A rectangle with details.
pub(super) struct Mark<'a> {
    /// Its classes beside `m`.
    pub(super) class: &'a str,
    /// Left, top, width and height.
    pub(super) place: (f64, f64, f64, f64),
    /// The layers that it is about, as in `3 7`.
    pub(super) steps: &'a str,
    /// What there is to say about it.
    pub(super) details: Details,
}

impl Mark<'_> {
    /// The mark as SVG.
    pub(super) fn svg(&self) -> String {
        let (x, y, width, height) = self.place;
        format!(
            "<rect class=\"m {}\" data-s=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\">\
             <title>{}</title></rect>",
            self.class,
            self.steps,
            number(x),
            number(y),
            number(width),
            number(height),
            self.details.0
        )
    }
}

/// A group of shapes with details.
pub(super) fn group(class: &str, steps: &str, more: &str, details: &Details, body: &str) -> String {
    format!(
        "<g class=\"m {class}\" data-s=\"{steps}\"{more}><title>{}</title>{body}</g>",
        details.0
    )
}

/// Beside a fill, the class that parts a mark from its neighbours: a line would hide a narrow one.
pub(super) fn parted(fill: &str, width: f64) -> String {
    /// Twice the line, and as much to be seen.
    const WIDE: f64 = 3.0;
    if width < WIDE { fill.to_owned() } else { format!("{fill} part") }
}

/// A rectangle without details.
pub(super) fn bar(class: &str, (x, y, width, height): (f64, f64, f64, f64)) -> String {
    format!(
        "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
        number(x),
        number(y),
        number(width.max(0.0)),
        number(height.max(0.0))
    )
}

/// Words at a place.
pub(super) fn text(class: &str, x: f64, y: f64, words: &str) -> String {
    format!(
        "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
        number(x),
        number(y),
        escaped(words, LONGEST)
    )
}

/// A straight line.
pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    format!(
        "<path class=\"{class}\" d=\"M{} {}L{} {}\"/>",
        number(from.0),
        number(from.1),
        number(to.0),
        number(to.1)
    )
}

/// Characters that fit into a width.
pub(super) fn room(width: f64) -> usize {
    ((width - 6.0) / CHARACTER).max(0.0) as usize
}

/// Round values from zero up to `most`, about `count` of them.
pub(super) fn ticks(most: f64, count: usize) -> Vec<f64> {
    let decade = |rough: f64| 10f64.powf(rough.log10().floor());
    multiples(most, count, &[1.0, 2.0, 5.0, 10.0], decade)
}

/// The same for bytes: powers of two.
pub(super) fn byte_ticks(most: f64, count: usize) -> Vec<f64> {
    let power = |rough: f64| 2f64.powf(rough.log2().floor());
    multiples(most, count, &[1.0, 2.0], power)
}

fn multiples(most: f64, count: usize, steps: &[f64], base: impl Fn(f64) -> f64) -> Vec<f64> {
    let rough = most / count.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return vec![0.0];
    }
    let base = base(rough);
    let step = steps.iter().map(|factor| factor * base).find(|&step| step >= rough);
    let step = step.unwrap_or(most).max(f64::MIN_POSITIVE);
    // Rounding cannot make more of them than were asked for.
    (0..=count.saturating_mul(2)).map(|at| at as f64 * step).take_while(|&at| at <= most).collect()
}

/// A count in few characters: `950`, `12.3 k`, `4.1 M`.
pub(super) fn brief(count: f64) -> String {
    const SCALES: [(f64, &str); 5] =
        [(1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    match SCALES.iter().find(|(scale, _)| count >= *scale) {
        Some((scale, name)) => {
            let text = format!("{:.1}", count / scale);
            format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
        }
        None => number(count),
    }
}

/// A size in few characters, without a fraction where there is none.
pub(super) fn brief_bytes(bytes: f64) -> String {
    Bytes(bytes.max(0.0) as u64).human().replace(".0 ", " ")
}

/// A number of things, as in `1 buffer` and `2 buffers`.
pub(super) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", units::grouped(count as u64))
}

/// Bytes for details: as a person reads them, and exactly.
pub(super) fn exact_bytes(bytes: Bytes) -> String {
    if bytes.get() < 1024 {
        return bytes.human();
    }
    format!("{} ({} bytes)", bytes.human(), units::grouped(bytes.get()))
}

/// The class that fills a cause.
pub(super) fn cause_class(cause: Cause) -> &'static str {
    match cause {
        Cause::Compute => "k0",
        Cause::WeightFetch => "k1",
        Cause::ActivationTraffic => "k2",
        Cause::TransferSetup => "k3",
        Cause::HaloRecompute => "k4",
        Cause::Emulation => "k5",
        Cause::Fallback => "k6",
        Cause::Stall => "k7",
    }
}

/// What a cause is called on a page.
pub(super) fn cause_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Compute => "compute",
        Cause::WeightFetch => "weight fetch",
        Cause::ActivationTraffic => "activation traffic",
        Cause::TransferSetup => "transfer set-up",
        Cause::HaloRecompute => "halo recompute",
        Cause::Emulation => "emulation",
        Cause::Fallback => "fallback",
        Cause::Stall => "stall",
    }
}

/// A legend of fills and their words, from `y` downwards, and its height.
pub(super) fn legend(entries: &[(&str, &str)], y: f64) -> (String, f64) {
    legend_within(entries, y, (LEFT, WIDTH - RIGHT))
}

/// The same between a left and a right edge.
pub(super) fn legend_within(
    entries: &[(&str, &str)],
    y: f64,
    (left, right): (f64, f64),
) -> (String, f64) {
    const ROW: f64 = 20.0;
    let mut svg = String::from("<g class=\"legend\" aria-hidden=\"true\">");
    let (mut x, mut row) = (left, 0.0);
    for (class, words) in entries {
        let width = 34.0 + words.chars().count() as f64 * CHARACTER;
        if x + width > right && x > left {
            x = left;
            row += 1.0;
        }
        let top = y + row * ROW;
        svg += &bar(class, (x, top, 14.0, 12.0));
        svg += &text("note", x + 20.0, top + 10.5, words);
        x += width;
    }
    svg += "</g>";
    (svg, (row + 1.0) * ROW)
}

/// The fills: a colour and a hatch each, so that no two differ by hue alone. The colours, in the
/// style sheet, are Okabe and Ito's ("Color Universal Design", 2008).
pub(super) fn patterns() -> String {
    /// Name and hatch, in a tile of eight by eight.
    const HATCHES: [(&str, &str); 15] = [
        ("k0", ""),
        ("k1", "M-2 2L2-2M-2 10L10-2M6 10L10 6"),
        ("k2", "M-2 6L2 10M-2-2L10 10M6-2L10 2"),
        ("k3", "M1.5 2H3.5M5.5 6H7.5"),
        ("k4", "M0 0L8 8M8 0L0 8"),
        ("k5", "M2 0V8M6 0V8"),
        ("k6", "M0 2H8M0 6H8"),
        ("k7", "M0 8L8 0"),
        ("r0", ""),
        ("r1", "M-2 2L2-2M-2 10L10-2M6 10L10 6"),
        ("r2", "M1.5 2H3.5M5.5 6H7.5"),
        ("r3", "M-2 6L2 10M-2-2L10 10M6-2L10 2"),
        ("r4", "M0 2H8M0 6H8"),
        ("r5", "M0 0L8 8M8 0L0 8"),
        ("r6", "M2 0V8M6 0V8"),
    ];
    let mut svg = String::from(
        "<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\" focusable=\"false\"><defs>",
    );
    for (name, hatch) in HATCHES {
        put(
            &mut svg,
            format_args!(
                "<pattern id=\"{name}\" class=\"{name}p\" width=\"8\" height=\"8\" \
                 patternUnits=\"userSpaceOnUse\"><rect width=\"8\" height=\"8\"/>"
            ),
        );
        if !hatch.is_empty() {
            put(&mut svg, format_args!("<path d=\"{hatch}\"/>"));
        }
        svg += "</pattern>";
    }
    svg + "</defs></svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(95.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0]);
        let kib: Vec<f64> = byte_ticks(300.0 * 1024.0, 5).iter().map(|at| at / 1024.0).collect();
        assert_eq!(kib, [0.0, 64.0, 128.0, 192.0, 256.0]);
        for most in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300, 1.0, 7.0, 123_456.0] {
            assert!(ticks(most, 6).len() <= 13, "{most}");
            assert!(byte_ticks(most, 6).len() <= 13, "{most}");
        }
    }

    #[test]
    fn counts_are_brief() {
        for (count, text) in [(0.0, "0"), (950.0, "950"), (12_340.0, "12.3 k"), (4e6, "4 M")] {
            assert_eq!(brief(count), text);
        }
    }
}
