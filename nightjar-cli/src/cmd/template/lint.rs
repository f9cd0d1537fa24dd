//! `nightjar template lint`

use super::purpose;
use crate::{ExitStatus, format::Format, input, output};
use nightjar_core::{
    document::templates::Templates,
    template::{BaseLayer, Diagnostic, Severity, folder, lint, lint_all},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Find faults in templates, and names that no context has
#[derive(clap::Args)]
#[command(after_help = "\
A file's name without .mustache is what the template makes: a tag in it, as in
rds-{{mesh_port}}.json.mustache, lets the template see one listener's fields on top of the proxy's.

Example:
  nightjar template lint templates/
  nightjar template lint --strict cds.json.mustache")]
pub(crate) struct Lint {
    /// Templates, or folders of them (gateway/NAMESPACE/…, service/NAMESPACE/SERVICE/COLOR/…)
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Let warnings count as faults
    #[arg(long)]
    strict: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A finding as programs read it.
#[derive(Serialize)]
struct Row {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    severity: &'static str,
    message: String,
}

impl Lint {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let (mut count, mut findings) = (0, Vec::new());
        for path in &self.paths {
            let (looked_at, found) = look(path)?;
            count += looked_at;
            findings.extend(found);
        }
        match self.format {
            Format::Text => output::lines(&findings)?,
            Format::Json => output::json(&findings.iter().map(row).collect::<Vec<_>>())?,
        }
        let of = |severity| findings.iter().filter(move |it| it.severity == severity);
        let (errors, warnings) = (of(Severity::Error).count(), of(Severity::Warning).count());
        output::message(&format!(
            "nightjar: {}: {}, {}",
            output::counted(count, "template"),
            output::counted(errors, "error"),
            output::counted(warnings, "warning"),
        ));
        Ok(if errors > 0 || (self.strict && warnings > 0) {
            ExitStatus::Findings
        } else {
            ExitStatus::Success
        })
    }
}

/// How many templates a path leads to, and what was found in them, each finding with its file.
fn look(path: &Path) -> anyhow::Result<(usize, Vec<Diagnostic>)> {
    if !path.is_dir() {
        let mut findings = lint(&purpose(path), &input::text(path)?);
        for finding in &mut findings {
            finding.error.template = path.display().to_string();
        }
        return Ok((1, findings));
    }
    let (templates, notes) = input::templates(path)?;
    for note in &notes {
        output::warning(note);
    }
    let count = templates.gateway_templates.len() + templates.service_templates.len();
    let findings = found_in(&templates, BaseLayer::Shipped, |file| {
        path.join(file).display().to_string()
    });
    Ok((count, findings))
}

/// What a lint finds in a set of templates, each finding with the name of its template's file.
pub(super) fn found_in(
    templates: &Templates,
    base: BaseLayer,
    name: impl Fn(String) -> String,
) -> Vec<Diagnostic> {
    let gateway = templates.gateway_templates.iter().enumerate();
    let gateway = gateway.map(|(index, item)| ("gateway", index, folder::path_of_gateway(item)));
    let service = templates.service_templates.iter().enumerate();
    let service = service.map(|(index, item)| ("service", index, folder::path_of_service(item)));
    let files: BTreeMap<String, String> = gateway
        .chain(service)
        .map(|(kind, index, file)| (format!("/{kind}-templates/{index}/template"), name(file)))
        .collect();
    lint_all(templates, base)
        .into_iter()
        .map(|(pointer, mut finding)| {
            finding.error.template = files.get(&pointer).cloned().unwrap_or(pointer);
            finding
        })
        .collect()
}

fn row(finding: &Diagnostic) -> Row {
    let place = finding.error.position;
    Row {
        file: finding.error.template.clone(),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: finding.error.message.clone(),
    }
}
