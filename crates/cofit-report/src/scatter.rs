//! Predicted against measured times as a picture: an SVG that needs nothing beside it.
//!
//! Both axes are logarithmic and span the same decades, so that a perfect prediction lies on the
//! diagonal and an error of a given share at a given distance from it; the band is ±25 %. Each
//! point carries its interval as whiskers and its label as a tooltip. Colours follow the reader's
//! light or dark scheme; with more than eight series the mark tells them apart too. The same points
//! give the same bytes.

use std::collections::BTreeSet;
use std::fmt::Write;

use cofit_vocab::{Seconds, Unit};

use crate::markup::{escaped, shortened};
use crate::words;

/// One prediction of one measured time.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What was run, as the tooltip shows it.
    pub label: String,
    /// What points of one colour share, such as a chip and runtime.
    pub series: String,
    /// The measured time.
    pub measured: Seconds,
    /// The predicted time.
    pub predicted: Seconds,
    /// The lower end of the prediction's interval.
    pub low: Seconds,
    /// The upper end of the prediction's interval.
    pub high: Seconds,
}

/// Half the width of the band around the diagonal, as a share.
const BAND: f64 = 0.25;

/// The plot's edge, in user units.
const EDGE: f64 = 480.0;

/// The plot's left and upper edge within the picture.
const LEFT: f64 = 84.0;
const TOP: f64 = 48.0;

/// The legend: entries a row, and the height of a row.
const COLUMNS: usize = 3;
const ROW: f64 = 18.0;

/// Half the size of a mark.
const MARK: f64 = 3.5;

/// The longest label and name of a series that are shown, in characters.
const LONGEST_LABEL: usize = 160;
const LONGEST_SERIES: usize = 24;

/// Decades that an axis may span: a picosecond to thirty years. What lies outside is at the edge.
const DECADES: std::ops::RangeInclusive<i32> = -12..=9;

/// Colours for a light ground and for a dark one, by hues that colour-blind readers tell apart: the
/// order of Okabe and Ito's palette ("Color Universal Design", 2008), darkened or lightened until
/// each stands out from its ground.
const COLOURS: [(&str, &str); 8] = [
    ("#0072b2", "#56b4e9"),
    ("#c84f00", "#ff8c42"),
    ("#00795a", "#2fc79b"),
    ("#a8508a", "#e39ac9"),
    ("#8f6a00", "#f0c33c"),
    ("#2b7fb8", "#a7d8f5"),
    ("#555555", "#c8c8c8"),
    ("#6d3fb0", "#b79cf0"),
];

/// The picture as a complete SVG document.
///
/// Points without a positive, finite measured and predicted time are not drawn; the description says
/// how many.
pub fn svg(title: &str, points: &[Point]) -> String {
    let drawn: Vec<&Point> = points.iter().filter(|point| point.is_drawable()).collect();
    let names: BTreeSet<&str> = drawn.iter().map(|point| point.series.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let axis = Axis::of(&drawn);
    let rows = names.len().div_ceil(COLUMNS);
    let width = LEFT + EDGE + 24.0;
    let height = TOP + EDGE + 56.0 + rows as f64 * ROW;

    let mut out = String::new();
    let mut put = |text: String| {
        out += &text;
        out.push('\n');
    };
    put(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"cofit-scatter\" role=\"img\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         aria-label=\"{}\">",
        escaped(title, LONGEST_LABEL)
    ));
    put(format!("<title>{}</title>", escaped(title, LONGEST_LABEL)));
    put(format!("<desc>{}</desc>", description(&drawn, points.len(), names.len())));
    put(style(names.len()));
    put(format!("<rect class=\"ground\" width=\"{width:.0}\" height=\"{height:.0}\"/>"));
    put(format!("<text class=\"head\" x=\"16\" y=\"28\">{}</text>", escaped(title, 64)));
    put(axis.grid());
    put(axis.words());
    // A picture within the picture cuts off what runs over the plot's edge.
    put(format!(
        "<svg x=\"{LEFT:.0}\" y=\"{TOP:.0}\" width=\"{EDGE:.0}\" height=\"{EDGE:.0}\" \
         overflow=\"hidden\">"
    ));
    put(axis.band());
    for point in &drawn {
        let series = names.binary_search(&point.series.as_str()).unwrap_or_default();
        put(axis.point(point, series));
    }
    put("</svg>".to_owned());
    for (series, name) in names.iter().enumerate() {
        put(legend(series, name));
    }
    put("</svg>".to_owned());
    out
}

impl Point {
    fn is_drawable(&self) -> bool {
        [self.measured, self.predicted]
            .iter()
            .all(|time| time.get().is_finite() && time.get() > 0.0)
    }

    /// Whether the prediction lies within the band.
    fn is_within_band(&self) -> bool {
        (self.predicted.get() / self.measured.get() - 1.0).abs() <= BAND
    }
}

/// The decades that both axes span.
#[derive(Clone, Copy)]
struct Axis {
    first: i32,
    last: i32,
}

impl Axis {
    /// Whole decades around every time, at least one.
    fn of(points: &[&Point]) -> Self {
        let times = points.iter().flat_map(|point| [point.measured, point.predicted]);
        let logs = times.map(|time| time.get().log10());
        let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| {
            (low.min(log), high.max(log))
        });
        if low > high {
            return Self { first: -3, last: 0 };
        }
        let clamp = |decade: f64| (decade as i32).clamp(*DECADES.start(), *DECADES.end());
        let first = clamp(low.floor()).min(DECADES.end() - 1);
        Self { first, last: clamp(high.ceil()).max(first + 1) }
    }

    /// The distance from the axis' beginning, which a time outside has at the nearer end.
    fn along(self, time: f64) -> f64 {
        let log = if time > 0.0 { time.log10() } else { f64::NEG_INFINITY };
        let share = (log - f64::from(self.first)) / f64::from(self.last - self.first);
        // A margin lets lines that leave the plot do so out of sight.
        share.clamp(-0.1, 1.1) * EDGE
    }

    /// The place of a point in the plot, downwards from its upper left corner.
    fn place(self, measured: f64, predicted: f64) -> (f64, f64) {
        (self.along(measured), EDGE - self.along(predicted))
    }

    /// Lines at every decade.
    fn grid(self) -> String {
        let mut path = String::new();
        for decade in self.first..=self.last {
            let at = self.along(10_f64.powi(decade));
            let (x, y) = (LEFT + at, TOP + EDGE - at);
            let (right, bottom) = (LEFT + EDGE, TOP + EDGE);
            put(
                &mut path,
                format_args!("M{x:.1} {TOP:.1}V{bottom:.1}M{LEFT:.1} {y:.1}H{right:.1}"),
            );
        }
        format!("<path class=\"grid\" d=\"{path}\"/>")
    }

    /// What stands at the axes. Not every decade has room where there are many.
    fn words(self) -> String {
        let mut text = String::new();
        let step = usize::try_from((self.last - self.first) / 8 + 1).unwrap_or(1);
        for decade in (self.first..=self.last).step_by(step) {
            let time = 10_f64.powi(decade);
            let word = escaped(&words::value(time, Unit::Seconds), LONGEST_SERIES);
            let at = self.along(time);
            let (x, y) = (LEFT + at, TOP + EDGE - at);
            let below = TOP + EDGE + 16.0;
            put(
                &mut text,
                format_args!(
                    "<text class=\"tick below\" x=\"{x:.1}\" y=\"{below:.1}\">{word}</text>"
                ),
            );
            let (left, y) = (LEFT - 6.0, y + 4.0);
            put(
                &mut text,
                format_args!(
                    "<text class=\"tick beside\" x=\"{left:.1}\" y=\"{y:.1}\">{word}</text>"
                ),
            );
        }
        let (middle, below) = (LEFT + EDGE / 2.0, TOP + EDGE + 34.0);
        let side = TOP + EDGE / 2.0;
        put(
            &mut text,
            format_args!(
                "<text class=\"axis\" x=\"{middle:.1}\" y=\"{below:.1}\">measured</text>\
                 <text class=\"axis\" transform=\"translate(18 {side:.1}) rotate(-90)\">predicted</text>"
            ),
        );
        text
    }

    /// The diagonal and the band around it.
    fn band(self) -> String {
        let decades = f64::from(self.last - self.first);
        let up = (1.0 + BAND).log10() / decades * EDGE;
        let down = -(1.0 - BAND).log10() / decades * EDGE;
        format!(
            "<path class=\"band\" d=\"M0 {:.1}L{EDGE:.1} {:.1}V{:.1}L0 {:.1}Z\"/>\
             <path class=\"diagonal\" d=\"M0 {EDGE:.1}L{EDGE:.1} 0\"/>",
            EDGE - up,
            -up,
            down,
            EDGE + down
        )
    }

    /// A mark with its whiskers and its tooltip.
    fn point(self, point: &Point, series: usize) -> String {
        let (measured, predicted) = (point.measured.get(), point.predicted.get());
        let (x, y) = self.place(measured, predicted);
        let (low, high) = (point.low.get(), point.high.get());
        let has_interval = low.is_finite() && high.is_finite() && low <= high;
        let time = |time: f64| words::value(time, Unit::Seconds);
        let mut about = format!(
            "{}; {}: measured {}, predicted {}",
            shortened(&point.label, LONGEST_LABEL),
            shortened(&point.series, LONGEST_LABEL),
            time(measured),
            time(predicted)
        );
        let mut whiskers = String::new();
        if has_interval {
            put(&mut about, format_args!(" ({} to {})", time(low), time(high)));
            let (_, bottom) = self.place(measured, low);
            let (_, top) = self.place(measured, high);
            whiskers = format!("<path class=\"whisker\" d=\"M{x:.1} {bottom:.1}V{top:.1}\"/>");
        }
        format!(
            "<g class=\"s{}\"><title>{}</title>{whiskers}{}</g>",
            series % COLOURS.len(),
            escaped(&about, usize::MAX),
            mark(x, y, series)
        )
    }
}

/// The mark of a series: round for the first eight, then square, diamond and triangle.
fn mark(x: f64, y: f64, series: usize) -> String {
    let (left, right, top, bottom) = (x - MARK, x + MARK, y - MARK, y + MARK);
    match series / COLOURS.len() % 4 {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{MARK}\"/>"),
        1 => format!("<path d=\"M{left:.1} {top:.1}H{right:.1}V{bottom:.1}H{left:.1}Z\"/>"),
        2 => format!(
            "<path d=\"M{x:.1} {top:.1}L{right:.1} {y:.1}L{x:.1} {bottom:.1}L{left:.1} {y:.1}Z\"/>"
        ),
        _ => format!("<path d=\"M{x:.1} {top:.1}L{right:.1} {bottom:.1}H{left:.1}Z\"/>"),
    }
}

/// A series' mark and name below the plot.
fn legend(series: usize, name: &str) -> String {
    let (column, row) = (series % COLUMNS, series / COLUMNS);
    let x = LEFT + column as f64 * (EDGE / COLUMNS as f64);
    let y = TOP + EDGE + 52.0 + row as f64 * ROW;
    format!(
        "<g class=\"s{}\">{}<text class=\"series\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
        series % COLOURS.len(),
        mark(x, y, series),
        x + 9.0,
        y + 4.0,
        escaped(name, LONGEST_SERIES)
    )
}

/// What the picture shows, for who does not see it.
fn description(drawn: &[&Point], points: usize, series: usize) -> String {
    let within = drawn.iter().filter(|point| point.is_within_band()).count();
    let mut text = format!(
        "Predicted against measured time of {} in {series} series, both axes logarithmic; {within} \
         of them within 25 % of the diagonal.",
        if drawn.len() == 1 { "1 point".to_owned() } else { format!("{} points", drawn.len()) },
    );
    let left_out = points - drawn.len();
    if left_out > 0 {
        put(&mut text, format_args!(" {left_out} without a positive time are not shown."));
    }
    text
}

/// Colours and type, for both schemes.
fn style(series: usize) -> String {
    let mut light = String::new();
    let mut dark = String::new();
    for (index, (on_light, on_dark)) in COLOURS.iter().enumerate().take(series) {
        put(&mut light, format_args!(".cofit-scatter .s{index}{{color:{on_light}}}"));
        put(&mut dark, format_args!(".cofit-scatter .s{index}{{color:{on_dark}}}"));
    }
    format!(
        "<style>\
         .cofit-scatter{{font:12px system-ui,sans-serif;color:#1b1b1b}}\
         .cofit-scatter .ground{{fill:#ffffff}}\
         .cofit-scatter text{{fill:#1b1b1b}}\
         .cofit-scatter .head{{font-size:14px;font-weight:600}}\
         .cofit-scatter .below,.cofit-scatter .axis{{text-anchor:middle}}\
         .cofit-scatter .beside{{text-anchor:end}}\
         .cofit-scatter .grid{{fill:none;stroke:#dcdcdc}}\
         .cofit-scatter .band{{fill:#7f7f7f;fill-opacity:.15}}\
         .cofit-scatter .diagonal{{stroke:#7f7f7f}}\
         .cofit-scatter .whisker{{stroke:currentColor;stroke-opacity:.45}}\
         .cofit-scatter circle,.cofit-scatter g path{{fill:currentColor}}\
         {light}\
         @media (prefers-color-scheme:dark){{\
         .cofit-scatter .ground{{fill:#16181c}}\
         .cofit-scatter text{{fill:#e6e6e6}}\
         .cofit-scatter .grid{{stroke:#34383f}}\
         {dark}}}</style>"
    )
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("strings take all");
}
