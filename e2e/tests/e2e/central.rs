//! The program that runs discovery once for everybody, with real stores and real proxies.

mod command;
mod faults;
mod mesh;
mod s3;
pub(crate) mod scene;
mod several;
