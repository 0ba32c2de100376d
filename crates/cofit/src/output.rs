//! Where results and messages go.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::Path;

use cofit_report::Rendering;
use cofit_vocab::Place;
use cofit_vocab::diagnostic::usage;

use crate::args::OutputArgs;
use crate::failure::Failure;

/// How text is to look on standard output: as wide as the terminal or `COLUMNS`, and unlimited
/// where a program reads it. Bars and colours are for a terminal, or for who asks with
/// `CLICOLOR_FORCE`; files get neither.
pub fn rendering(output: &OutputArgs) -> Rendering {
    rendering_for(output.output.as_deref())
}

/// The same where the result goes to the file, if one is given.
pub fn rendering_for(file: Option<&Path>) -> Rendering {
    let stated = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let is_shown = file.is_none() && std::io::stdout().is_terminal();
    let measured =
        || is_shown.then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0.into());
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_dumb = variable("TERM").is_none_or(|term| term == "dumb");
    // The first of these that is set decides the locale's characters (POSIX.1-2017, 8.2).
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    let locale = locale.unwrap_or_default().to_uppercase();
    // https://no-color.org and https://bixense.com/clicolors state the two variables.
    let is_forced = variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let has_colour = variable("NO_COLOR").is_none() && (is_forced || !is_dumb);
    Rendering {
        width: stated.or_else(measured).unwrap_or(usize::MAX),
        has_bars: is_shown || (is_forced && file.is_none()),
        has_colour,
        is_unicode: !is_dumb && (locale.contains("UTF-8") || locale.contains("UTF8")),
    }
}

/// Writes a result to standard output, or to the new file that `-o` names.
///
/// # Errors
/// The file exists already or cannot be written.
pub fn write(text: &str, output: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = output else {
        // A reader that has seen enough, as `head` does, is no failure.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
        return Ok(());
    };
    write_new(path, text.as_bytes())
}

/// Writes a new file.
///
/// # Errors
/// The file exists already or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let place = Place::default().with_file(path.display().to_string());
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::new(&usage::OUTPUT_EXISTS, "the file exists already", place)
        } else {
            Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), place)
        }
    })?;
    file.write_all(bytes).map_err(|error| {
        let place = Place::default().with_file(path.display().to_string());
        Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), place)
    })
}

/// Writes a file that cofit made and may make again, through a temporary one beside it, so that it is
/// whole or as it was.
///
/// # Errors
/// It cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let refuse = |error: std::io::Error| {
        let place = Place::default().with_file(path.display().to_string());
        Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), place)
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(refuse)?;
    file.write_all(bytes).map_err(refuse)?;
    file.persist(path).map_err(|error| refuse(error.error))?;
    Ok(())
}

/// Writes messages to standard error.
pub fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
