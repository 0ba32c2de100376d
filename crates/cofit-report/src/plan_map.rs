//! The memory plan as a map: addresses upwards, steps to the right.
//!
//! Every buffer has a letter; a cell shows the buffer that holds most of the cell's addresses during
//! the cell's first step, and a dot where nothing lies. The map is drawn in ASCII, so that it reads
//! the same in a terminal, a log and a comment.

use std::fmt::Write as _;

use cofit_compile::plan::{Buffer, MemoryId, Plan};
use cofit_vocab::units;

/// Rows of a map.
const ROWS: u64 = 16;

/// Columns of a map at most.
const COLUMNS: usize = 100;

/// Letters for buffers, in the plan's order; they begin again where a memory holds more.
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A buffer with its letter, and where it lies.
struct Placed<'a> {
    letter: char,
    buffer: &'a Buffer,
    start: u64,
    end: u64,
}

/// The map of one memory in `width` characters, with the legend's letters; empty where nothing lies
/// there.
pub fn text(plan: &Plan, memory: MemoryId, width: usize) -> String {
    let in_memory = plan.buffers.values().filter(|buffer| buffer.memory == Some(memory));
    let placed: Vec<Placed<'_>> = in_memory
        .zip(LETTERS.iter().cycle())
        .filter_map(|(buffer, &letter)| {
            let start = buffer.address?.get();
            let end = start.saturating_add(buffer.bytes.get());
            (end > start).then_some(Placed { letter: char::from(letter), buffer, start, end })
        })
        .collect();
    let top = placed.iter().map(|it| it.end).max().unwrap_or(0);
    if top == 0 {
        return String::new();
    }
    let rows = ROWS.min(top);
    let margin = units::grouped(top).len();
    let columns = width.saturating_sub(margin + 2).clamp(8, COLUMNS);
    let steps = plan.steps.len();
    // Whole steps to a column, so that all columns are alike.
    let stride = steps.div_ceil(columns).max(1);
    let mut text = String::new();
    for row in (0..rows).rev() {
        let (low, high) = (edge(top, rows, row), edge(top, rows, row + 1));
        let _ = write!(text, "{:>margin$}  ", units::grouped(low));
        text.extend((0..steps).step_by(stride).map(|step| cell(&placed, step, low, high)));
        text.push('\n');
    }
    let each = if stride == 1 { "a step".to_owned() } else { format!("{stride} steps") };
    let _ = writeln!(text, "{:>margin$}  one column is {each}, from step 0 to the right", "");
    text
}

/// The lowest address of a row.
fn edge(top: u64, rows: u64, row: u64) -> u64 {
    let edge = u128::from(top) * u128::from(row) / u128::from(rows.max(1));
    u64::try_from(edge).unwrap_or(u64::MAX)
}

/// The buffer that holds most of the addresses from `low` to `high` during a step.
fn cell(placed: &[Placed<'_>], step: usize, low: u64, high: u64) -> char {
    let is_live = |it: &&Placed<'_>| {
        let (first, last) = (it.buffer.first_step.as_u32(), it.buffer.last_step.as_u32());
        first as usize <= step && step <= last as usize
    };
    let shared = |it: &Placed<'_>| it.end.min(high).saturating_sub(it.start.max(low));
    placed
        .iter()
        .filter(is_live)
        .map(|it| (shared(it), it.letter))
        .filter(|&(bytes, _)| bytes > 0)
        // Of equals the first of the plan.
        .rev()
        .max_by_key(|&(bytes, _)| bytes)
        .map_or('.', |(_, letter)| letter)
}

/// The letter of every buffer of the plan, in its order.
pub fn letters(plan: &Plan) -> Vec<char> {
    let mut counts = vec![0usize; plan.memories.len() + 1];
    plan.buffers
        .values()
        .map(|buffer| {
            let at = buffer.memory.map_or(plan.memories.len(), |id| id.as_u32() as usize);
            let count = counts.get_mut(at);
            let number = count.map_or(0, |count| {
                *count += 1;
                *count - 1
            });
            char::from(LETTERS[number % LETTERS.len()])
        })
        .collect()
}
