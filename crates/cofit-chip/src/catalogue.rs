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
    "cortex-m", Family;
    "cortex-m0plus", Family;
    "cortex-m3", Family;
    "cortex-m4", Family;
    "cortex-m7", Family;
    "cortex-m33", Family;
    "cortex-m55", Family;
    "cortex-m85", Family;
    "ethos-u", Family;
    "ethos-u55", Family;
    "ethos-u55-32", Chip;
    "ethos-u55-64", Chip;
    "ethos-u55-128", Chip;
    "ethos-u55-256", Chip;
    "ethos-u65", Family;
    "ethos-u65-256", Chip;
    "ethos-u65-512", Chip;
    "ethos-u85", Family;
    "ethos-u85-128", Chip;
    "ethos-u85-256", Chip;
    "ethos-u85-512", Chip;
    "ethos-u85-1024", Chip;
    "ethos-u85-2048", Chip;
    "alif-e8-u55", Chip;
    "alif-e8-u55-he", Chip;
    "gap8", Chip;
    "gap9", Chip;
    "k210", Chip;
    "max78000", Chip;
    "max78002", Chip;
    "espressif", Family;
    "esp32-c3", Chip;
    "esp32-s2", Chip;
    "esp32", Chip;
    "ne16", Chip;
    "nvdla-small", Chip;
    "esp32-s3", Chip;
    "stm32g0b1", Chip;
    "rp2040", Chip;
    "samd21", Chip;
    "stm32f103c8", Chip;
    "stm32f103rc", Chip;
    "stm32f401", Chip;
    "stm32f411ce", Chip;
    "stm32g474re", Chip;
    "stm32l496", Chip;
    "stm32l4r5", Chip;
    "nrf52840", Chip;
    "samd51", Chip;
    "psoc62", Chip;
    "stm32u385", Chip;
    "stm32u575", Chip;
    "stm32u585", Chip;
    "efr32xg24", Chip;
    "nrf5340", Chip;
    "ra6m4", Chip;
    "rp2350", Chip;
    "apollo510", Chip;
    "alif-e8-m55", Chip;
    "ra8d1", Chip;
    "stm32f746", Chip;
    "stm32f767", Chip;
    "stm32f769", Chip;
    "stm32h743", Chip;
    "stm32h747", Chip;
    "stm32h750", Chip;
    "stm32h7a3", Chip;
    "imxrt1062", Chip;
    "imxrt1170", Chip;
    "esp32-p4", Chip;
    "edge-tpu", Family;
    "coral-usb", Chip;
    "coral-dev-board", Chip;
    "cortex-a-linux", Family;
    "raspberry-pi", Family;
    "rpi-zero2w", Chip;
    "rpi3b-plus", Chip;
    "rpi4", Chip;
    "rpi5", Chip;
    "stm32mp135", Chip;
    "stm32mp157", Chip;
    "stm32mp257", Chip;
    "vs640", Chip;
    "vs680", Chip;
    "stm32n657", Chip;
    "efr32xg24-mvp", Chip;
    "ndp120", Chip;
    "hifi5", Chip;
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
