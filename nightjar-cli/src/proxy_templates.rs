//! Which templates a command renders for a proxy.

#![expect(clippy::doc_markdown, reason = "help shows these comments as they are")]

use crate::{input, output};
use clap::{ArgAction, Args};
use nightjar_core::{
    document::proxy_input::ProxyInput,
    envoy::{Configuration, Files},
    proxy::defaults::BOOTSTRAP,
    proxy_files::{self, ProxyFilesError},
    template::{TemplateErrors, TemplateSet},
};
use std::path::PathBuf;

/// The templates, and the layer beneath them. The defaults are those of nightjar-standalone.
#[derive(Args)]
pub(crate) struct ProxyTemplates {
    /// A templates document, or a folder of templates, over the shipped ones
    #[arg(long, value_name = "FILE|DIR")]
    templates: Option<PathBuf>,
    /// Whether the shipped templates make what Envoy needs and the others do not make
    /// (NJ_SHIPPED_TEMPLATES)
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    shipped_templates: bool,
    /// The file that Envoy is started with (ENVOY_CONFIGURATION_TEMPLATE)
    #[arg(long, value_name = "FILE", default_value = BOOTSTRAP)]
    bootstrap: String,
}

/// The files of a proxy.
pub(crate) struct Rendered {
    /// All of them, or what the templates given make if there is an error.
    pub(crate) files: Files,
    /// Why Envoy could not be started with them.
    pub(crate) error: Option<anyhow::Error>,
}

impl ProxyTemplates {
    /// Makes the files of a proxy, and says where they come from if templates are given.
    pub(crate) fn render(&self, input: &ProxyInput) -> anyhow::Result<Rendered> {
        let set = self.set(input)?;
        let (files, error) = match proxy_files::make(&set, input, &self.bootstrap, None) {
            Ok(made) => {
                for warning in &made.warnings {
                    output::warning(&warning.to_string());
                }
                (texts(&made.configuration), None)
            }
            Err(ProxyFilesError::Files(error)) => {
                (set.render(input).map_err(faulty)?, Some(error.into()))
            }
            Err(ProxyFilesError::Templates(errors)) => return Err(faulty(errors)),
        };
        if self.templates.is_some() {
            for (file, origin) in set.origins(input, files.keys().map(String::as_str)) {
                output::message(&format!("{file}: {origin}"));
            }
        }
        Ok(Rendered { files, error })
    }

    /// Makes the files of a proxy, without a word about where they come from.
    pub(crate) fn files(&self, input: &ProxyInput) -> anyhow::Result<Files> {
        made(&self.set(input)?, input, &self.bootstrap)
    }

    /// The files that the shipped templates make.
    pub(crate) fn shipped(input: &ProxyInput) -> anyhow::Result<Files> {
        let set = TemplateSet::shipped_alone().map_err(faulty)?;
        made(&set, input, BOOTSTRAP)
    }

    fn set(&self, input: &ProxyInput) -> anyhow::Result<TemplateSet> {
        let Some(path) = &self.templates else {
            return TemplateSet::shipped_alone().map_err(faulty);
        };
        let (templates, notes) = input::templates(path)?;
        for note in &notes {
            output::warning(note);
        }
        let set = TemplateSet::for_proxy(&templates, input).map_err(faulty)?;
        if self.shipped_templates {
            set.over_shipped().map_err(faulty)
        } else {
            Ok(set)
        }
    }
}

fn made(set: &TemplateSet, input: &ProxyInput, bootstrap: &str) -> anyhow::Result<Files> {
    let made = proxy_files::make(set, input, bootstrap, None)?;
    Ok(texts(&made.configuration))
}

fn texts(made: &Configuration) -> Files {
    let files = made.iter();
    files
        .map(|file| (file.name().to_owned(), file.text().to_owned()))
        .collect()
}

fn faulty(errors: TemplateErrors) -> anyhow::Error {
    ProxyFilesError::Templates(errors).into()
}
