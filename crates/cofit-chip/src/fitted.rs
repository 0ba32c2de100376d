//! Coefficients that were fitted to measured rows, one chip a file under `fitted/`.
//!
//! `cofit validate --fitted crates/cofit-chip/fitted` writes these files. Each is an overlay over the
//! chip's card: costs of the kernels by runtime, and how far measured times lie from simulated ones. A
//! card says what is known of a chip; what was fitted stands apart, so that it can be made again.

macro_rules! fitted {
    ($($id:literal)*) => {
        static FITTED: &[(&str, &str, &str)] = &[$(
            ($id, concat!("fitted/", $id, ".toml"), include_str!(concat!("../fitted/", $id, ".toml"))),
        )*];
    };
}

fitted! {}

/// Name and text of the overlay of the catalogue's card `id`, where one was fitted.
pub(crate) fn find(id: &str) -> Option<(&'static str, &'static str)> {
    FITTED.iter().find(|(one, _, _)| *one == id).map(|&(_, name, text)| (name, text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fitted");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is part of the project")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        files.sort_unstable();
        let listed: Vec<&str> = super::FITTED.iter().map(|(id, _, _)| *id).collect();
        assert_eq!(files, listed, "the list in fitted.rs is that of the files, in their order");
        for id in listed {
            let entry = crate::catalogue::find(id).expect("only cards of the catalogue are fitted");
            assert_eq!(entry.role, crate::catalogue::Role::Chip, "{id}");
        }
    }
}
