//! Schedules with one thing wrong are found out, each for what is wrong with it.
