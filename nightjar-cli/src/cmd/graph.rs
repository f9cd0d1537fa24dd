//! `nightjar graph`

use crate::{ExitStatus, drawing, input, output};
use nightjar_core::{document::discovery_map::DiscoveryMap, picture::Mesh};
use std::path::PathBuf;

/// Print the mesh as a picture
#[derive(clap::Args)]
#[command(after_help = "\
An arrow leads from a gateway to each service with a public route, and from a service to what it calls in
other namespaces.

Example:
  nightjar graph --discovery-map map.json --format svg >mesh.svg
  nightjar graph --discovery-map map.json --format html >mesh.html
  nightjar graph --discovery-map map.json --format mermaid")]
pub(crate) struct Graph {
    /// The discovery map; - is standard input
    #[arg(long, value_name = "FILE")]
    discovery_map: PathBuf,
    /// What to print
    #[arg(long, value_enum)]
    format: Language,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    /// Graphviz
    Dot,
    /// What Markdown pages show in many places
    Mermaid,
    /// A picture
    Svg,
    /// A page with the picture, a search and details; it needs no network
    Html,
}

impl Graph {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let map: DiscoveryMap = input::document(&self.discovery_map)?;
        let mesh = Mesh::new(&map);
        output::data(&match self.format {
            Language::Dot => mesh.dot(),
            Language::Mermaid => mesh.mermaid(),
            Language::Svg => drawing::svg(&mesh),
            Language::Html => drawing::html(&mesh),
        })?;
        Ok(ExitStatus::Success)
    }
}
