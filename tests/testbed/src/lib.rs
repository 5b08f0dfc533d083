//! A real control plane, people with credentials, and faults: what Curfew is tested on.
//!
//! [`control_plane::ControlPlane`] starts and stops the processes; [`connection::Connection`] is what a test holds of
//! one that `curfew-testbed run` has started for it.

pub mod arguments;
pub mod authority;
pub mod bed;
pub mod binaries;
pub mod browser;
pub mod build;
pub mod chart;
pub mod checksums;
pub mod connection;
pub mod control;
pub mod control_plane;
pub mod credentials;
pub mod demo;
pub mod download;
pub mod faults;
pub mod kubernetes;
pub mod ports;
pub mod progress;
pub mod scope;
pub mod settings;
pub mod supervise;
pub mod trail;
