//! `nightjar template lint`

use super::purpose;
use crate::{Verdict, format::Format, input, output};
use nightjar_core::template::{Finding, Severity, folder, lint};
use serde::Serialize;
use std::path::PathBuf;

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

/// One template to look at.
struct Source {
    path: String,
    purpose: String,
    text: String,
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
    pub(crate) fn run(self) -> anyhow::Result<Verdict> {
        let mut sources = Vec::new();
        for path in &self.paths {
            sources.extend(sources_of(path)?);
        }
        let mut findings = Vec::new();
        for source in &sources {
            for mut finding in lint(&source.purpose, &source.text) {
                finding.fault.template.clone_from(&source.path);
                findings.push(finding);
            }
        }
        match self.format {
            Format::Text => output::lines(&findings)?,
            Format::Json => output::json(&findings.iter().map(row).collect::<Vec<_>>())?,
        }
        let of = |severity| findings.iter().filter(move |it| it.severity == severity);
        let (errors, warnings) = (of(Severity::Error).count(), of(Severity::Warning).count());
        output::message(&format!(
            "nightjar: {}: {}, {}",
            counted(sources.len(), "template"),
            counted(errors, "error"),
            counted(warnings, "warning"),
        ));
        Ok(if errors > 0 || (self.strict && warnings > 0) {
            Verdict::Faults
        } else {
            Verdict::Good
        })
    }
}

fn sources_of(path: &std::path::Path) -> anyhow::Result<Vec<Source>> {
    if !path.is_dir() {
        return Ok(vec![Source {
            path: path.display().to_string(),
            purpose: purpose(path),
            text: input::text(path)?,
        }]);
    }
    let (templates, notes) = input::templates(path)?;
    for note in &notes {
        output::warning(note);
    }
    let purposes = templates
        .gateway_templates
        .iter()
        .map(|item| (folder::path_of_gateway(item), &item.purpose, &item.template))
        .chain(
            templates
                .service_templates
                .iter()
                .map(|item| (folder::path_of_service(item), &item.purpose, &item.template)),
        );
    Ok(purposes
        .map(|(file, purpose, text)| Source {
            path: path.join(file).display().to_string(),
            purpose: purpose.clone(),
            text: text.clone(),
        })
        .collect())
}

fn row(finding: &Finding) -> Row {
    let place = finding.fault.place;
    Row {
        file: finding.fault.template.clone(),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: finding.fault.message.clone(),
    }
}

/// `1 error`, `2 errors`.
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
