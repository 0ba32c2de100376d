//! Where tests and developer tasks find data that lies beside the project: real models, measured
//! rows, outputs of vendors' tools. A user's machine has none of it.

use std::path::{Path, PathBuf};

/// The folder of shared data: `COFIT_SHARED`, or `../shared` beside the workspace. `None` where it
/// is absent, after saying so on standard error: a test that gets none skips.
///
/// # Panics
/// The folder is absent and `COFIT_REQUIRE_SHARED` is set, as in CI, where nothing may skip.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub fn shared_dir() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("COFIT_SHARED").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("COFIT_REQUIRE_SHARED").is_none(),
        "{} is absent and COFIT_REQUIRE_SHARED is set",
        folder.display()
    );
    eprintln!("skipped: ../shared is absent");
    None
}
