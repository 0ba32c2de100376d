//! Schedules executed in arenas of exactly their size, every piece compared to the bit with what the
//! same model computes operator by operator.

mod chains;
mod channels;
mod execution;
mod faults;
mod planned;
mod rooms;
mod shared_models;
