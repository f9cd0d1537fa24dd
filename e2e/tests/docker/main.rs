//! The images and the compose examples, from outside: what people run, on a real Docker Engine.
//!
//! `make test-docker` builds the images and runs this; `cargo test` alone leaves it out. One test
//! runs at a time, as each takes what the machine has. Load goes to ports that the engine publishes
//! on 127.0.0.1.

#![cfg(test)]

mod engine;
mod example;
mod images;
mod lifecycle;
mod shared_map;
mod steps;
mod walks;
