//! `nightjar template list`

use super::place;
use crate::{
    ExitStatus,
    format::Format,
    output,
    store::{Store, StoreArgs},
};
use nightjar_core::{
    document::templates::Templates, extension::DocumentName, report::printable, template::folder,
};
use serde::Serialize;

/// List the templates in a data store, or its older versions of them
#[derive(clap::Args)]
#[command(after_help = "\
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
        let rows: Vec<Row> = place::set(&store.read::<Templates>(&held)?)
            .into_iter()
            .map(|(place, text)| {
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
            })
            .collect();
        let count = rows.len();
        match self.format {
            Format::Text => output::lines(output::table(
                ["FOR", "NAMESPACE", "SERVICE", "COLOR", "PURPOSE", "BYTES"],
                rows.into_iter().map(Row::cells),
            ))?,
            Format::Json => output::json(&Listed {
                document_version: held.version.clone(),
                templates: rows,
            })?,
        }
        let count = output::counted(count, "template");
        output::message(&format!(
            "nightjar: {}: {count}, version {}",
            store.name,
            printable(&held.version)
        ));
        Ok(ExitStatus::Success)
    }
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
