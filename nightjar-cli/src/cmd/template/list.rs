//! `nightjar template list`

#![expect(clippy::doc_markdown, reason = "help shows these comments as they are")]

use super::place;
use crate::{
    ExitStatus,
    format::Format,
    output,
    store::{Store, StoreArgs},
};
use clap::ArgAction;
use nightjar_core::{
    document::templates::Templates,
    extension::DocumentName,
    report::printable,
    template::{Origin, Precedence, TemplateScope, folder, gateway_precedence, service_precedence},
};
use serde::Serialize;

/// List the templates in a data store and which of them are used, or its older versions of them
#[derive(clap::Args)]
#[command(after_help = "\
Below the templates of the store: where gateways and sidecars have the template of each purpose
from, and why. Of several of one purpose, a proxy takes the first that is for it. A shipped one
makes a file only if a file that Envoy reads names it.

Example:
  nightjar template list --store prod
  nightjar template list --store prod --versions
  DATA_STORE_EXEC=ext-store-local nightjar template list --format json")]
pub(crate) struct List {
    #[command(flatten)]
    store: StoreArgs,
    /// List the versions that the store can hand over, newest first, instead of the templates
    #[arg(long)]
    versions: bool,
    /// List the templates of this version
    #[arg(long, value_name = "VERSION", conflicts_with = "versions")]
    document_version: Option<String>,
    /// Whether the shipped templates make what Envoy needs and those of the store do not make
    /// (NJ_SHIPPED_TEMPLATES)
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    shipped_templates: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The templates as programs read them.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    document_version: String,
    templates: Vec<Row>,
    origins: Vec<OriginRow>,
}

#[derive(Serialize)]
struct Row {
    template: String,
    r#for: &'static str,
    namespace: Option<String>,
    service: Option<String>,
    color: Option<String>,
    purpose: String,
    bytes: usize,
}

/// Where proxies have the template of a purpose from.
#[derive(Serialize)]
struct OriginRow {
    r#for: &'static str,
    purpose: String,
    /// The template of the store; none if it is the shipped one.
    template: Option<String>,
    #[serde(skip)]
    source: String,
    reason: String,
}

/// A version as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct VersionRow {
    document_version: String,
    time: String,
    current: bool,
}

impl List {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let store = self.store.open()?;
        if self.versions {
            return list_versions(&store, self.format);
        }
        let version = self.document_version.as_deref();
        let held = store.get(&DocumentName::TEMPLATES, version)?;
        let templates = store.read::<Templates>(&held)?;
        let rows = rows(&templates);
        let origins = origins(&templates, self.shipped_templates);
        let count = output::counted(rows.len(), "template");
        match self.format {
            Format::Text => output::lines(text(rows, origins))?,
            Format::Json => output::json(&Listed {
                document_version: held.version.clone(),
                templates: rows,
                origins,
            })?,
        }
        output::message(&format!(
            "nightjar: {}: {count}, version {}",
            store.name,
            printable(&held.version)
        ));
        Ok(ExitStatus::Success)
    }
}

fn rows(templates: &Templates) -> Vec<Row> {
    let rows = place::set(templates).into_iter().map(|(place, text)| {
        let mut names = place.scope.names().into_iter();
        let mut next = || names.next().flatten().map(ToOwned::to_owned);
        Row {
            template: place.to_string(),
            r#for: place.scope.kind(),
            namespace: next(),
            service: next(),
            color: next(),
            purpose: place.purpose.to_string(),
            bytes: text.len(),
        }
    });
    rows.collect()
}

fn origins(templates: &Templates, shipped: bool) -> Vec<OriginRow> {
    let gateways = gateway_precedence(templates, shipped).into_iter();
    let sidecars = service_precedence(templates, shipped).into_iter();
    let gateways = gateways.map(|item| ("gateway", item));
    let sidecars = sidecars.map(|item| ("service", item));
    let mut rows: Vec<OriginRow> = Vec::new();
    for (kind, Precedence { purpose, origin }) in gateways.chain(sidecars) {
        let is_next = |last: &OriginRow| last.r#for == kind && last.purpose == purpose;
        let (template, reason) = match &origin {
            Origin::Store { scope, reason } => {
                (Some(path(kind, scope, &purpose)), reason.to_string())
            }
            Origin::Shipped if rows.last().is_some_and(is_next) => {
                (None, "the store has none for other proxies".to_owned())
            }
            Origin::Shipped => (None, "the store has none".to_owned()),
        };
        rows.push(OriginRow {
            r#for: kind,
            purpose,
            template,
            source: origin.source(),
            reason,
        });
    }
    rows
}

/// What a template of the store is called.
fn path(kind: &str, scope: &TemplateScope, purpose: &str) -> String {
    let any = |name: &Option<String>| name.clone().unwrap_or_else(|| folder::ANY.to_owned());
    let namespace = any(&scope.namespace);
    match kind {
        "service" => {
            let (service, color) = (any(&scope.service), any(&scope.color));
            format!("{kind}/{namespace}/{service}/{color}/{purpose}")
        }
        _ => format!("{kind}/{namespace}/{purpose}"),
    }
}

/// Two tables: the templates of the store, and those that proxies use.
fn text(rows: Vec<Row>, origins: Vec<OriginRow>) -> Vec<String> {
    let mut lines = output::table(
        ["FOR", "NAMESPACE", "SERVICE", "COLOR", "PURPOSE", "BYTES"],
        rows.into_iter().map(Row::cells),
    );
    lines.push(String::new());
    lines.extend(output::table(
        ["FOR", "PURPOSE", "ORIGIN", "WHY"],
        origins
            .into_iter()
            .map(|row| [row.r#for.to_owned(), row.purpose, row.source, row.reason]),
    ));
    lines
}

impl Row {
    fn cells(self) -> [String; 6] {
        let any = |name: Option<String>| name.unwrap_or_else(|| folder::ANY.to_owned());
        let of_service = |name| match self.r#for {
            "service" => any(name),
            _ => "-".to_owned(),
        };
        [
            self.r#for.to_owned(),
            any(self.namespace),
            of_service(self.service),
            of_service(self.color),
            self.purpose,
            self.bytes.to_string(),
        ]
    }
}

fn list_versions(store: &Store, format: Format) -> anyhow::Result<ExitStatus> {
    let versions = store.versions(&DocumentName::TEMPLATES)?;
    let current = store.current(&DocumentName::TEMPLATES)?.version;
    // A version that came back is listed twice by some stores.
    let position = versions
        .iter()
        .position(|listed| listed.document_version == current);
    let rows = versions
        .into_iter()
        .enumerate()
        .map(|(index, listed)| VersionRow {
            current: Some(index) == position,
            document_version: listed.document_version,
            time: listed.time,
        });
    match format {
        Format::Text => output::lines(output::table(
            ["TIME", "VERSION", ""],
            rows.map(|row| {
                let mark = if row.current { "current" } else { "" };
                [row.time, row.document_version, mark.to_owned()]
                    .map(|cell| printable(&cell).into_owned())
            }),
        ))?,
        Format::Json => output::json(&rows.collect::<Vec<_>>())?,
    }
    Ok(ExitStatus::Success)
}
