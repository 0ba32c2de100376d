//! Bars behind the lines of a table, for a person at a terminal.
//!
//! Nothing is drawn where a program reads. Every cause of cycles has a colour of its own; red is for
//! what is violated, and for nothing else.

use anstyle::{AnsiColor, Style};
use cofit_sim::Cause;

use crate::Rendering;

/// Characters of the longest bar.
const LONGEST: usize = 24;

/// Characters of the shortest that still tells shares apart.
const SHORTEST: usize = 6;

/// What a bar stands for, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A quantity among others.
    Plain,
    /// Cycles of a cause.
    Cause(Cause),
    /// A limit that is violated.
    Violated,
}

impl Meaning {
    const fn colour(self) -> AnsiColor {
        match self {
            Self::Plain => AnsiColor::Cyan,
            Self::Violated => AnsiColor::Red,
            Self::Cause(cause) => match cause {
                Cause::Compute => AnsiColor::Green,
                Cause::WeightFetch => AnsiColor::Yellow,
                Cause::ActivationTraffic => AnsiColor::Blue,
                Cause::TransferSetup => AnsiColor::Magenta,
                Cause::HaloRecompute => AnsiColor::Cyan,
                Cause::Emulation => AnsiColor::BrightYellow,
                Cause::Fallback => AnsiColor::BrightMagenta,
                Cause::Stall => AnsiColor::BrightBlack,
            },
        }
    }
}

/// A share, 1 for the longest bar, and what it stands for; `None` for lines without a bar.
pub type Bar = Option<(f64, Meaning)>;

/// A table's text with a bar behind every line but the titles. The text stays as it is where nothing
/// is drawn, or where no bar has room.
pub fn behind(text: &str, bars: &[Bar], rendering: Rendering) -> String {
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let room = rendering.width.saturating_sub(longest + 2).min(LONGEST);
    if !rendering.has_bars || room < SHORTEST {
        return text.to_owned();
    }
    let mut drawn = String::new();
    let bars = std::iter::once(&None).chain(bars).chain(std::iter::repeat(&None));
    for (line, bar) in text.lines().zip(bars) {
        drawn.push_str(line);
        if let Some((share, meaning)) = bar {
            let gap = longest + 2 - line.chars().count();
            drawn.extend(std::iter::repeat_n(' ', gap));
            drawn.push_str(&painted(
                &cells(*share, room, rendering.is_unicode),
                *meaning,
                rendering,
            ));
        }
        drawn.push('\n');
    }
    drawn
}

/// A share of `room` characters, in eighths of one where the terminal can show them. What is more than
/// nothing is never drawn as nothing.
fn cells(share: f64, room: usize, is_unicode: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * room as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    if is_unicode {
        format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
    } else {
        "#".repeat(eighths.div_ceil(8))
    }
}

/// A text in the colour of its meaning, where colours are shown.
fn painted(text: &str, meaning: Meaning, rendering: Rendering) -> String {
    if !rendering.has_colour || text.is_empty() {
        return text.to_owned();
    }
    let style = Style::new().fg_color(Some(meaning.colour().into()));
    format!("{}{text}{}", style.render(), style.render_reset())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CAUSE  CYCLES\na          10\nb           5\ntotal      15\n";

    fn drawn(rendering: Rendering) -> String {
        let bars = [Some((1.0, Meaning::Cause(Cause::Compute))), Some((0.5, Meaning::Violated))];
        behind(TABLE, &bars, rendering)
    }

    #[test]
    fn a_program_reads_the_table_alone() {
        assert_eq!(drawn(Rendering::plain(80)), TABLE);
    }

    #[test]
    fn bars_fit_the_line_or_are_left_out() {
        let bars = |width| Rendering { has_bars: true, ..Rendering::plain(width) };
        let text = drawn(bars(25));
        assert_eq!(
            text,
            "CAUSE  CYCLES\na          10  ##########\nb           5  #####\ntotal      15\n"
        );
        assert_eq!(drawn(bars(20)), TABLE);
        let unicode = Rendering { is_unicode: true, ..bars(23) };
        assert!(drawn(unicode).contains("a          10  ████████\nb           5  ████\n"));
    }

    #[test]
    fn colours_are_reset_and_red_is_a_violation() {
        let text = drawn(Rendering { has_bars: true, has_colour: true, ..Rendering::plain(25) });
        assert!(text.contains("\u{1b}[32m##########\u{1b}[0m\n"), "{text:?}");
        assert!(text.contains("\u{1b}[31m#####\u{1b}[0m\n"), "{text:?}");
    }

    #[test]
    fn a_share_that_is_no_number_has_no_bar() {
        assert_eq!(cells(f64::NAN, 8, true), "");
        assert_eq!(cells(1e-9, 8, false), "#");
        assert_eq!(cells(7.0, 3, true), "███");
    }
}
