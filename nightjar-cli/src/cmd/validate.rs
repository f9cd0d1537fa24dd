//! `nightjar validate`

use crate::{ExitStatus, format::Format, input, output};
use clap::ValueEnum;
use nightjar_core::{
    document::{
        self, Document, DocumentError, Finding, PROXY_INPUT, discovery_map::DiscoveryMap,
        templates::Templates,
    },
    review,
    template::{BaseLayer, Position, Severity, lint_all},
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
  nightjar validate --strict discovery-map.json
  ext-store-local --api-version=1 --document=templates --action=fetch \\
      --action-file=templates.json && nightjar validate templates.json")]
pub(crate) struct Validate {
    /// The files; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Which document they should be, instead of what they look like
    #[arg(long, value_enum)]
    document: Option<Kind>,
    /// Let warnings count as faults
    #[arg(long)]
    strict: bool,
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

    /// What is wrong with a document, and what is doubtful in it.
    fn judge(self, bytes: &[u8]) -> Findings {
        match self {
            Self::DiscoveryMap => {
                let (map, unknown) = document::inspect::<DiscoveryMap>(bytes);
                let mut findings = Findings::of(&map, unknown);
                let doubts = map.iter().flat_map(review::discovery_map);
                findings.warnings.extend(doubts.map(Note::from));
                findings
            }
            Self::ProxyInput => Findings::of(&document::read_proxy_input(bytes), Vec::new()),
            Self::Templates => {
                let (templates, unknown) = document::inspect::<Templates>(bytes);
                let mut findings = Findings::of(&templates, unknown);
                if let Ok(templates) = &templates {
                    findings.add_texts(templates);
                }
                findings
            }
        }
    }
}

/// What was found in a document.
#[derive(Default)]
struct Findings {
    faults: Vec<Note>,
    unlisted: usize,
    warnings: Vec<Note>,
}

/// What was found out about one file.
#[derive(Serialize)]
struct Report {
    file: String,
    document: Option<&'static str>,
    valid: bool,
    faults: Vec<Note>,
    /// How many more faults there are.
    #[serde(skip_serializing_if = "is_zero")]
    unlisted: usize,
    warnings: Vec<Note>,
}

/// One finding, and where in the document and in a template's text it is.
#[derive(Serialize)]
struct Note {
    pointer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl From<Finding> for Note {
    fn from(finding: Finding) -> Self {
        Self {
            pointer: finding.pointer,
            subject: finding.subject,
            line: None,
            column: None,
            message: finding.message,
        }
    }
}

impl Findings {
    fn of<D>(read: &Result<D, DocumentError>, unknown: Vec<Finding>) -> Self {
        let (faults, unlisted) = match read {
            Ok(_) => (Vec::new(), 0),
            Err(error) => (error.faults.clone(), error.unlisted),
        };
        Self {
            faults: faults.into_iter().map(Note::from).collect(),
            unlisted,
            warnings: unknown.into_iter().map(Note::from).collect(),
        }
    }

    fn of_document(message: impl Into<String>) -> Self {
        Self {
            faults: vec![Finding::of_document(message).into()],
            ..Self::default()
        }
    }

    /// What a lint finds in the texts of templates.
    fn add_texts(&mut self, templates: &Templates) {
        for (pointer, finding) in lint_all(templates, BaseLayer::Shipped) {
            let place: Option<Position> = finding.error.position;
            let note = Note {
                pointer,
                subject: None,
                line: place.map(|place| place.line),
                column: place.map(|place| place.column),
                message: finding.error.message,
            };
            match finding.severity {
                Severity::Error => self.faults.push(note),
                Severity::Warning => self.warnings.push(note),
            }
        }
    }
}

impl Validate {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let files = self.files.iter();
        let reports: Vec<Report> = files.map(|file| report(file, self.document)).collect();
        match self.format {
            Format::Text => output::lines(&reports)?,
            Format::Json => output::json(&reports)?,
        }
        let is_good =
            |report: &Report| report.valid && (!self.strict || report.warnings.is_empty());
        Ok(if reports.iter().all(is_good) {
            ExitStatus::Success
        } else {
            ExitStatus::Findings
        })
    }
}

fn report(file: &Path, asked: Option<Kind>) -> Report {
    let (document, findings) = match input::bytes(file) {
        Err(error) => (
            asked,
            Findings::of_document(format!("cannot be read: {error}")),
        ),
        Ok(bytes) => match asked.or_else(|| Kind::of(&bytes)) {
            Some(kind) => (Some(kind), kind.judge(&bytes)),
            None => (None, unrecognised(&bytes)),
        },
    };
    Report {
        file: file.display().to_string(),
        document: document.map(Kind::name),
        valid: findings.faults.is_empty(),
        faults: findings.faults,
        unlisted: findings.unlisted,
        warnings: findings.warnings,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, document) = (&self.file, self.document.unwrap_or("unknown"));
        let valid = if self.valid { ", valid" } else { "" };
        write!(f, "{file}: {document}{valid}")?;
        for fault in &self.faults {
            write!(f, "\n{file}: {fault}: {}", fault.message)?;
        }
        if self.unlisted > 0 {
            write!(f, "\n{file}: and {} more", self.unlisted)?;
        }
        for warning in &self.warnings {
            write!(f, "\n{file}: {warning}: warning: {}", warning.message)?;
        }
        Ok(())
    }
}

impl fmt::Display for Note {
    /// Where it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finding = Finding {
            pointer: self.pointer.clone(),
            subject: self.subject.clone(),
            message: String::new(),
        };
        f.write_str(finding.to_string().trim_end_matches(": "))?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, ": line {line}, column {column}"),
            _ => Ok(()),
        }
    }
}

/// What is wrong with a text that looks like no document.
fn unrecognised(bytes: &[u8]) -> Findings {
    if document::is_object(bytes) {
        return Findings::of_document(
            "looks like no document: it has neither namespaces, nor gateway-templates or \
             service-templates, nor listeners and clusters",
        );
    }
    // Not even a JSON object, and that is said in the same words for every document.
    Findings::of(&document::read::<DiscoveryMap>(bytes), Vec::new())
}
