//! The cards that come with cofit, one chip a file under `cards/`.

/// A card of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// The id by which commands and `extends` name the card.
    pub id: &'static str,
    /// The name of its file, for messages.
    pub file_name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Whether it stands for a chip or only for what several chips share.
    pub role: Role,
}

/// What a card of the catalogue stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A chip.
    Chip,
    /// What the chips of a family share. Not listed; found by `extends`.
    Family,
}

macro_rules! catalogue {
    ($($id:literal, $role:ident;)*) => {
        static CATALOGUE: &[CatalogueEntry] = &[$(
            CatalogueEntry {
                id: $id,
                file_name: concat!($id, ".toml"),
                text: include_str!(concat!("../cards/", $id, ".toml")),
                role: Role::$role,
            },
        )*];
    };
}

catalogue! {
    "ethos-u55", Family;
    "ethos-u55-32", Chip;
    "ethos-u55-64", Chip;
    "ethos-u55-128", Chip;
    "ethos-u55-256", Chip;
    "gap8", Chip;
    "gap9", Chip;
    "k210", Chip;
    "max78000", Chip;
    "max78002", Chip;
    "ne16", Chip;
    "nvdla-small", Chip;
    "esp32-s3", Chip;
    "imxrt1170", Chip;
    "stm32h747", Chip;
}

/// The chips of the catalogue, families together, smaller before larger.
pub fn catalogue() -> impl Iterator<Item = &'static CatalogueEntry> {
    CATALOGUE.iter().filter(|entry| entry.role == Role::Chip)
}

/// The card `id`, families included.
pub fn find(id: &str) -> Option<&'static CatalogueEntry> {
    CATALOGUE.iter().find(|entry| entry.id == id)
}

/// The id of the catalogue that is nearest to `id`, if any is near enough to be meant.
pub fn suggest(id: &str) -> Option<&'static str> {
    crate::decode::nearest(id, CATALOGUE.iter().map(|entry| entry.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<&str> = CATALOGUE.iter().map(|entry| entry.id).collect();
        ids.sort_unstable();
        assert!(ids.is_sorted_by(|left, right| left < right));
    }
}
