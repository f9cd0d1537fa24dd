//! `nightjar template render`

use super::purpose;
use crate::{ExitStatus, Usage, input, output};
use anyhow::Context as _;
use clap::ValueEnum;
use nightjar_core::template::{Escape, Partials, Template, TemplateError, TemplateErrors};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Render one template over any JSON, to standard output
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  nightjar context --discovery-map map.json --mode gateway --namespace store \\
      --listen-port 8080 > gateway.json
  nightjar template render --template cds.json.mustache --context gateway.json")]
pub(crate) struct Render {
    /// The template; - is standard input
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// Any JSON value; - is standard input
    #[arg(long, value_name = "FILE")]
    context: PathBuf,
    /// A folder of templates to contain: {{>NAME}} is the file NAME, or else NAME.mustache
    #[arg(long, value_name = "DIR")]
    partials: Option<PathBuf>,
    /// How values are written; chosen by the template's file name if not given
    #[arg(long, value_enum)]
    escape: Option<How>,
}

#[derive(Clone, Copy, ValueEnum)]
enum How {
    /// Entities, as in HTML and XML
    Html,
    /// Escapes of a string, as in JSON and YAML
    Json,
    /// As they are
    None,
}

impl From<How> for Escape {
    fn from(how: How) -> Self {
        match how {
            How::Html => Self::Html,
            How::Json => Self::Json,
            How::None => Self::None,
        }
    }
}

impl Render {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        if self.template == self.context && self.template == Path::new("-") {
            let message = "--template and --context cannot both be standard input";
            return Err(Usage(message.to_owned()).into());
        }
        let escape = match self.escape {
            Some(how) => how.into(),
            None => Escape::for_file(&purpose(&self.template)),
        };
        let text = input::text(&self.template)?;
        let context: Value = serde_json::from_str(&input::text(&self.context)?)
            .with_context(|| format!("{} is not JSON", self.context.display()))?;
        let template = Template::parse(&self.template.to_string_lossy(), &text);
        let partials = read_partials(self.partials.as_deref())?;
        let rendered = both(template, partials)
            .and_then(|(template, partials)| template.render(&partials, &context, escape))
            .map_err(|faults| anyhow::anyhow!("the template is faulty:\n{faults}"))?;
        output::data(&rendered)?;
        Ok(ExitStatus::Success)
    }
}

fn read_partials(folder: Option<&Path>) -> anyhow::Result<Result<Partials, TemplateErrors>> {
    let Some(folder) = folder else {
        return Ok(Ok(Partials::default()));
    };
    let mut partials = Partials::default();
    let mut faults = Vec::new();
    for (file, text) in &input::folder(folder)? {
        if let Err(TemplateErrors(found)) = partials.insert(file, text) {
            let path = folder.join(file).display().to_string();
            faults.extend(found.into_iter().map(|fault| TemplateError {
                template: path.clone(),
                ..fault
            }));
        }
    }
    Ok(if faults.is_empty() {
        Ok(partials)
    } else {
        Err(TemplateErrors(faults))
    })
}

/// Both, or the faults of both.
fn both<A, B>(
    one: Result<A, TemplateErrors>,
    other: Result<B, TemplateErrors>,
) -> Result<(A, B), TemplateErrors> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(TemplateErrors(mut faults)), Err(TemplateErrors(more))) => {
            faults.extend(more);
            Err(TemplateErrors(faults))
        }
        (Err(faults), _) | (_, Err(faults)) => Err(faults),
    }
}
