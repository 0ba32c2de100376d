//! What the compiler knows of an Ethos-U beyond the machine model itself: the machine that a card
//! describes, and the operations that a step becomes. The pass `schedule_ethos_u` uses both.

pub(crate) mod lower;
pub(crate) mod machine;
