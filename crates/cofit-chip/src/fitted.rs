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

fitted! {
    "alif-e8-m55"
    "apollo510"
    "efr32xg24"
    "efr32xg24-mvp"
    "esp32"
    "esp32-c3"
    "esp32-p4"
    "esp32-s2"
    "esp32-s3"
    "imxrt1062"
    "imxrt1170"
    "ndp120"
    "nrf52840"
    "nrf5340"
    "psoc62"
    "ra6m4"
    "ra8d1"
    "rp2040"
    "rp2350"
    "rpi-zero2w"
    "rpi3b-plus"
    "rpi4"
    "rpi5"
    "samd21"
    "samd51"
    "stm32f103c8"
    "stm32f103rc"
    "stm32f401"
    "stm32f411ce"
    "stm32f746"
    "stm32f767"
    "stm32f769"
    "stm32g0b1"
    "stm32g474re"
    "stm32h743"
    "stm32h747"
    "stm32h750"
    "stm32h7a3"
    "stm32l496"
    "stm32l4r5"
    "stm32mp135"
    "stm32mp157"
    "stm32mp257"
    "stm32n657"
    "stm32u385"
    "stm32u575"
    "stm32u585"
    "vs640"
    "vs680"
}

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
