//! The mesh on AWS, told from beginning to end: tasks run, programs publish and follow, requests
//! flow.

mod deployment;
mod gateways;
mod mesh;
mod outage;
mod secrets;
mod standalone;
mod stopping;
mod store;
mod wire;
