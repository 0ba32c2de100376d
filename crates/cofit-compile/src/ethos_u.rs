//! What the compiler knows of an Ethos-U beyond the machine model itself: the machine that a card
//! describes, the operations that a step becomes, and the network that the search for cascades
//! sees. The pass `schedule_ethos_u` uses them; [`front()`] lists what every amount of SRAM gets.

pub(crate) mod chain;
mod front;
pub(crate) mod lower;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod staging;

pub use cofit_ethos_u::WeightEncoding;
pub use front::{Front, Point, front, within};
