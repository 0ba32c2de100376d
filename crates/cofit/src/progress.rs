//! A bar on standard error for work that takes more than a moment.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long work runs before its bar is drawn: what is over sooner needs none.
const DELAY: Duration = Duration::from_millis(700);

/// A bar that is gone when it is dropped. Nothing is drawn where standard error is no terminal.
pub struct Bar {
    bar: ProgressBar,
    started: Instant,
    is_drawn: bool,
}

impl Bar {
    /// A bar for a task.
    pub fn new(task: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(task);
        Self { bar, started: Instant::now(), is_drawn: false }
    }

    /// Tells how far the work is. Never stops it.
    pub fn step(&mut self, done: usize, all: usize) -> ControlFlow<()> {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        if !self.is_drawn && self.started.elapsed() > DELAY {
            self.is_drawn = true;
            // Hidden by itself where standard error is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        ControlFlow::Continue(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
