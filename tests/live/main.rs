//! Tests against a real control plane.
#![allow(missing_docs, clippy::disallowed_methods, reason = "tests read the environment and the clock")]
mod admission;
mod chart;
mod crash;
mod dead;
mod decisions;
mod drain;
mod duties;
mod edits;
mod ends;
mod evidence;
mod examples;
mod gitops;
mod life;
mod matrix;
mod permissions;
mod plugin;
mod presets;
mod races;
mod record;
mod renewal;
mod replay;
mod retention;
mod running;
mod second;
mod standing;
mod time;
