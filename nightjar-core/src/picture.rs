//! A mesh as a picture: namespaces with their services and gateways, and who may call whom. Pure, and in
//! the same order whatever the order of the map.

mod languages;
mod mesh;

pub use mesh::{Access, Group, Mesh, Namespace, Route, Service, Share};
