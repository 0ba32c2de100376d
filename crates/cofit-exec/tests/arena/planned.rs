//! Schedules that the planner makes.
