//! A command of the user's that tells the accuracy of a candidate.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cofit_vocab::Place;
use cofit_vocab::diagnostic::search as codes;
use serde_json::Value;

use crate::failure::Failure;

/// The longest answer that is read, in bytes.
const ANSWER_LIMIT: u64 = 1 << 16;

/// How often a running evaluator is looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// The command and the time that it may take.
#[derive(Clone, Debug)]
pub struct Evaluator {
    /// A command line for `sh`.
    pub command: String,
    /// The longest time for one candidate.
    pub timeout: Duration,
}

impl Evaluator {
    /// Runs the command on a candidate.
    ///
    /// # Errors
    /// It cannot be started, fails, takes too long, or answers anything but a finite accuracy.
    pub fn accuracy(&self, candidate: &Value) -> Result<f64, Failure> {
        let refuse = |message: String| {
            let place = Place::default().with_file(self.command.clone());
            Failure::new(&codes::EVALUATOR_FAILED, message, place)
        };
        let mut child = Command::new("sh")
            .args(["-c", &self.command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| refuse(error.to_string()))?;
        let question = format!("{candidate}\n");
        let mut input = child.stdin.take();
        // A pipe holds thousands of bytes; whoever does not read them still answers.
        let writer = std::thread::spawn(move || {
            input.as_mut().map(|input| input.write_all(question.as_bytes()));
        });
        let output = child.stdout.take();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            let read = output.map(|output| output.take(ANSWER_LIMIT).read_to_string(&mut text));
            read.and_then(Result::ok).map(|_| text)
        });
        let started = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if started.elapsed() < self.timeout => std::thread::sleep(INTERVAL),
                Ok(None) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    let seconds = self.timeout.as_secs();
                    return Err(refuse(format!("it took longer than {seconds} s")));
                }
                Err(error) => return Err(refuse(error.to_string())),
            }
        };
        let _ = writer.join();
        if !status.success() {
            return Err(refuse(format!("it ended with {status}")));
        }
        let text = reader.join().ok().flatten().unwrap_or_default();
        let accuracy = serde_json::from_str::<Value>(text.trim())
            .ok()
            .and_then(|answer| answer["accuracy"].as_f64())
            .filter(|accuracy| accuracy.is_finite());
        accuracy.ok_or_else(|| refuse("its answer holds no accuracy".to_owned()))
    }
}
