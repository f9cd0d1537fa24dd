//! `nightjar graph`

use crate::{Verdict, input, output};
use nightjar_core::{document::discovery_map::DiscoveryMap, picture::Picture};
use std::path::PathBuf;

/// Print the mesh as a graph
#[derive(clap::Args)]
#[command(after_help = "\
An arrow leads from a gateway to each service with a public route, and from a service to what it calls in
other namespaces.

Example:
  nightjar graph --discovery-map map.json --format mermaid
  nightjar graph --discovery-map map.json --format dot | dot -Tsvg >mesh.svg")]
pub(crate) struct Graph {
    /// The discovery map; - is standard input
    #[arg(long, value_name = "FILE")]
    discovery_map: PathBuf,
    /// The language of the graph
    #[arg(long, value_enum)]
    format: Language,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    /// Graphviz
    Dot,
    /// What Markdown pages show in many places
    Mermaid,
}

impl Graph {
    pub(crate) fn run(self) -> anyhow::Result<Verdict> {
        let map: DiscoveryMap = input::document(&self.discovery_map)?;
        let picture = Picture::new(&map);
        output::data(&match self.format {
            Language::Dot => picture.dot(),
            Language::Mermaid => picture.mermaid(),
        })?;
        Ok(Verdict::Good)
    }
}
