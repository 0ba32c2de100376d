//! Studies of a search: one SQLite file with the question and every evaluation.
//!
//! A study knows nothing of what it stores: the question and the results are texts, and a result has
//! the number and the key of its point. Each call to [`Study::record`] or [`Study::tell`] is one
//! transaction that is on the disk when the call returns (a write-ahead log, synchronised in full), so
//! that a process which is killed at any moment leaves every earlier result and no part of a later one.
//! Numbers and keys are unique: nothing is recorded twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use cofit_vocab::diagnostic::search as codes;
use cofit_vocab::{Diagnostic, Diagnostics, Place};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

/// The version of the tables.
const VERSION: i64 = 1;

/// What tells a study from other SQLite files: `cofs` in the header's field for it.
const APPLICATION: i64 = 0x636f_6673;

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(20);

/// The tables of a study.
const TABLES: &str = "
    CREATE TABLE question (only INTEGER PRIMARY KEY CHECK (only = 1), text TEXT NOT NULL);
    CREATE TABLE evaluation (
        id INTEGER PRIMARY KEY,
        point TEXT NOT NULL UNIQUE,
        result TEXT NOT NULL
    );
    CREATE TABLE accuracy (
        id INTEGER PRIMARY KEY REFERENCES evaluation (id),
        value REAL NOT NULL
    );
";

/// One evaluation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The point's number, from 1.
    pub id: u64,
    /// What the point is, unique within the study.
    pub point: String,
    /// What came out.
    pub result: String,
}

/// Everything that a study holds beside its question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Results by the point that they belong to.
    pub results: BTreeMap<String, String>,
    /// Accuracies that were told, by the point's number.
    pub accuracies: BTreeMap<u64, f64>,
}

/// An open study.
#[derive(Debug)]
pub struct Study {
    connection: Connection,
    file: String,
}

impl Study {
    /// A new study with its question.
    ///
    /// # Errors
    /// The file exists and is no empty one, or cannot be written.
    pub fn create(path: &Path, question: &str) -> Result<Self, Diagnostics> {
        let file = path.display().to_string();
        let mut connection = Connection::open(path).map_err(|error| broken(&file, &error))?;
        let make = |connection: &mut Connection| -> rusqlite::Result<()> {
            prepare(connection)?;
            let transaction = connection.transaction()?;
            transaction.execute_batch(TABLES)?;
            transaction.execute("INSERT INTO question VALUES (1, ?1)", params![question])?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()
        };
        make(&mut connection).map_err(|error| broken(&file, &error))?;
        Ok(Self { connection, file })
    }

    /// Whether a file is an SQLite database in which nothing is, as [`Self::create`] leaves it when it
    /// is killed. Such a file may be created again.
    pub fn is_blank(path: &Path) -> bool {
        let count = || -> rusqlite::Result<(i64, i64)> {
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            let tables =
                connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
            let application =
                connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
            Ok((tables, application))
        };
        count().is_ok_and(|counted| counted == (0, 0))
    }

    /// An existing study.
    ///
    /// # Errors
    /// The file is no study of this version, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Diagnostics> {
        let file = path.display().to_string();
        let open = || -> rusqlite::Result<(Connection, i64, i64)> {
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            let number =
                |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            let (application, version) = (number("application_id")?, number("user_version")?);
            Ok((connection, application, version))
        };
        let (connection, application, version) = open().map_err(|error| broken(&file, &error))?;
        if (application, version) != (APPLICATION, VERSION) {
            return Err(refusal(&file, "it is an SQLite file and no study of this version"));
        }
        prepare(&connection).map_err(|error| broken(&file, &error))?;
        Ok(Self { connection, file })
    }

    /// The question, as [`Self::create`] took it.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn question(&self) -> Result<String, Diagnostics> {
        self.connection
            .query_row("SELECT text FROM question", [], |row| row.get(0))
            .optional()
            .map_err(|error| broken(&self.file, &error))?
            .ok_or_else(|| refusal(&self.file, "it has no question"))
    }

    /// Everything that was recorded.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn stored(&self) -> Result<Stored, Diagnostics> {
        let read = || -> rusqlite::Result<Stored> {
            let mut results =
                self.connection.prepare("SELECT point, result FROM evaluation ORDER BY id")?;
            let results = results
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let mut accuracies =
                self.connection.prepare("SELECT id, value FROM accuracy WHERE id > 0")?;
            let accuracies = accuracies
                .query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Stored { results, accuracies })
        };
        read().map_err(|error| broken(&self.file, &error))
    }

    /// Records evaluations, all of them or none.
    ///
    /// # Errors
    /// The file cannot be written, or one of the points is recorded already.
    pub fn record(&mut self, entries: &[Entry]) -> Result<(), Diagnostics> {
        let write = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            {
                let mut insert =
                    transaction.prepare_cached("INSERT INTO evaluation VALUES (?1, ?2, ?3)")?;
                for entry in entries {
                    let id = i64::try_from(entry.id).unwrap_or(i64::MAX);
                    insert.execute(params![id, entry.point, entry.result])?;
                }
            }
            transaction.commit()
        };
        write(&mut self.connection).map_err(|error| broken(&self.file, &error))
    }

    /// Records the accuracy of an evaluated point. The first one that is told stays.
    ///
    /// # Errors
    /// The file cannot be written, or there is no such point. Whether the accuracy was new.
    pub fn tell(&mut self, id: u64, accuracy: f64) -> Result<bool, Diagnostics> {
        let id = i64::try_from(id).unwrap_or(i64::MAX);
        let write = |connection: &Connection| -> rusqlite::Result<usize> {
            connection.execute(
                "INSERT INTO accuracy SELECT id, ?2 FROM evaluation WHERE id = ?1 \
                 ON CONFLICT DO NOTHING",
                params![id, accuracy],
            )
        };
        let written = write(&self.connection).map_err(|error| broken(&self.file, &error))?;
        Ok(written > 0)
    }
}

/// Settings under which a kill at any moment loses nothing that was committed.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn broken(file: &str, error: &rusqlite::Error) -> Diagnostics {
    refusal(file, &error.to_string())
}

fn refusal(file: &str, message: &str) -> Diagnostics {
    let place = Place::default().with_file(file.to_owned());
    Diagnostic::error(&codes::BROKEN_STUDY, message.to_owned(), place).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, point: &str) -> Entry {
        Entry { id, point: point.to_owned(), result: format!("result {id}") }
    }

    #[test]
    fn what_was_recorded_is_there_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sqlite");
        let mut study = Study::create(&path, "why?").expect("a new study");
        study.record(&[entry(1, "a"), entry(2, "b")]).expect("recorded");
        assert!(study.tell(2, 0.1 + 0.2).expect("told"));
        assert!(!study.tell(2, 0.5).expect("told again"));
        assert!(!study.tell(9, 0.5).expect("nobody has that number"));
        drop(study);
        let study = Study::open(&path).expect("a study");
        assert_eq!(study.question().expect("a question"), "why?");
        let stored = study.stored().expect("entries");
        assert_eq!(stored.results["b"], "result 2");
        assert_eq!(stored.accuracies[&2].to_bits(), (0.1f64 + 0.2).to_bits());
    }

    #[test]
    fn nothing_is_recorded_twice_and_no_half_of_a_batch() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sqlite");
        let mut study = Study::create(&path, "").expect("a new study");
        study.record(&[entry(1, "a")]).expect("recorded");
        assert!(study.record(&[entry(2, "b"), entry(3, "a")]).is_err());
        assert!(study.record(&[entry(1, "c")]).is_err());
        assert_eq!(study.stored().expect("entries").results.len(), 1);
        assert!(Study::create(&path, "").is_err());
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sqlite");
        assert!(Study::open(&path).is_err(), "there is no file");
        std::fs::write(&path, "no database at all, however long it may be").expect("written");
        assert!(Study::open(&path).is_err() && !Study::is_blank(&path));
        std::fs::write(&path, "").expect("written");
        assert!(Study::open(&path).is_err(), "an empty database is no study");
        assert!(Study::is_blank(&path));
        drop(Study::create(&path, "why?").expect("a blank file becomes a study"));
        assert!(!Study::is_blank(&path));
    }
}
