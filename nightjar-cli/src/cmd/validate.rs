//! `nightjar validate`

use crate::{Verdict, format::Format, input, output};
use clap::ValueEnum;
use nightjar_core::{
    document::{
        self, Document as _, InvalidDocument, PROXY_INPUT, discovery_map::DiscoveryMap,
        templates::Templates,
    },
    template::{Place, Template, TemplateFaults},
};
use serde::Serialize;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Say which document each file is, and everything that is wrong with it
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  nightjar validate discovery-map.json templates.json
  ext-store-local --api-version=1 --document=templates --action=fetch \\
      --action-file=templates.json && nightjar validate templates.json")]
pub(crate) struct Validate {
    /// The files; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Which document they should be, instead of what they look like
    #[arg(long, value_enum)]
    document: Option<Kind>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The whole mesh
    DiscoveryMap,
    /// Templates for its proxies
    Templates,
    /// What templates know of one proxy
    ProxyInput,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::DiscoveryMap => DiscoveryMap::NAME,
            Self::Templates => Templates::NAME,
            Self::ProxyInput => PROXY_INPUT,
        }
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let name = document::recognise(bytes)?;
        let all = Self::value_variants().iter().copied();
        all.into_iter().find(|kind| kind.name() == name)
    }

    fn faults(self, bytes: &[u8]) -> Vec<Fault> {
        let refused = match self {
            Self::DiscoveryMap => document::read::<DiscoveryMap>(bytes).err(),
            Self::ProxyInput => document::read_proxy_input(bytes).err(),
            Self::Templates => match document::read::<Templates>(bytes) {
                Ok(templates) => return faults_of_texts(&templates),
                Err(refused) => Some(refused),
            },
        };
        refused.map(faults).unwrap_or_default()
    }
}

/// What was found out about one file.
#[derive(Serialize)]
struct Report {
    file: String,
    document: Option<&'static str>,
    valid: bool,
    faults: Vec<Fault>,
}

/// One fault, and where in the document and in a template's text it is.
#[derive(Serialize)]
struct Fault {
    pointer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    message: String,
}

impl Validate {
    pub(crate) fn run(self) -> anyhow::Result<Verdict> {
        let files = self.files.iter();
        let reports: Vec<Report> = files.map(|file| report(file, self.document)).collect();
        match self.format {
            Format::Text => output::lines(&reports)?,
            Format::Json => output::json(&reports)?,
        }
        Ok(if reports.iter().all(|report| report.valid) {
            Verdict::Good
        } else {
            Verdict::Faults
        })
    }
}

fn report(file: &Path, asked: Option<Kind>) -> Report {
    let (document, faults) = match input::bytes(file) {
        Err(error) => (
            asked,
            vec![Fault::of_all(format!("cannot be read: {error}"))],
        ),
        Ok(bytes) => match asked.or_else(|| Kind::of(&bytes)) {
            Some(kind) => (Some(kind), kind.faults(&bytes)),
            None => (None, faults_of_unknown(&bytes)),
        },
    };
    Report {
        file: file.display().to_string(),
        document: document.map(Kind::name),
        valid: faults.is_empty(),
        faults,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, document) = (&self.file, self.document.unwrap_or("unknown"));
        let valid = if self.valid { ", valid" } else { "" };
        write!(f, "{file}: {document}{valid}")?;
        for fault in &self.faults {
            write!(f, "\n{file}: {fault}")?;
        }
        Ok(())
    }
}

impl Fault {
    /// A fault of a document as a whole.
    fn of_all(message: String) -> Self {
        Self {
            pointer: String::new(),
            line: None,
            column: None,
            message,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str("(document): ")?,
            pointer => write!(f, "{pointer}: ")?,
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)
    }
}

fn faults(refused: InvalidDocument) -> Vec<Fault> {
    let faults = refused.faults.into_iter();
    faults
        .map(|fault| Fault {
            pointer: fault.pointer,
            ..Fault::of_all(fault.message)
        })
        .collect()
}

/// The faults in the texts of templates that are a valid document.
fn faults_of_texts(templates: &Templates) -> Vec<Fault> {
    let gateway = templates.gateway_templates.iter().enumerate();
    let service = templates.service_templates.iter().enumerate();
    let texts = gateway
        .map(|(index, item)| {
            (
                format!("/gateway-templates/{index}/template"),
                &item.template,
            )
        })
        .chain(service.map(|(index, item)| {
            (
                format!("/service-templates/{index}/template"),
                &item.template,
            )
        }));
    let mut found = Vec::new();
    for (pointer, text) in texts {
        if let Err(TemplateFaults(faults)) = Template::parse(&pointer, text) {
            found.extend(faults.into_iter().map(|fault| {
                let place: Option<Place> = fault.place;
                Fault {
                    pointer: pointer.clone(),
                    line: place.map(|place| place.line),
                    column: place.map(|place| place.column),
                    message: fault.message,
                }
            }));
        }
    }
    found
}

/// What is wrong with a text that looks like no document.
fn faults_of_unknown(bytes: &[u8]) -> Vec<Fault> {
    if document::is_object(bytes) {
        let message = "looks like no document: it has neither namespaces, nor gateway-templates or \
                       service-templates, nor listeners and clusters";
        return vec![Fault::of_all(message.to_owned())];
    }
    // Not even a JSON object, and that is said in the same words for every document.
    document::read::<DiscoveryMap>(bytes)
        .err()
        .map(faults)
        .unwrap_or_default()
}
