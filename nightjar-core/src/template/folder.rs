//! Template folders, which people edit directly.
//!
//! ```text
//! gateway/<namespace|_default>/<purpose>.mustache
//! service/<namespace|_default>/<service|_default>/<color|_default>/<purpose>.mustache
//! ```
//!
//! A purpose may have sub-folders. The version is a hash of all names and texts.

mod listing;

use crate::document::{
    SchemaVersion,
    discovery_map::{Name, Text},
    templates::{GatewayTemplate, ServiceTemplate, Templates},
};
use listing::Listing;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, SystemTime},
};
use xxhash_rust::xxh3::Xxh3;

/// The folder that stands for any namespace, service or color.
pub const ANY: &str = "_default";
/// Ends the names of the files. What comes before it is the purpose.
pub const SUFFIX: &str = ".mustache";
/// How long the folder has to stay the same after a recent edit. Several files are often saved
/// one after the other, as when a repository is updated, and belong together.
const SETTLE_TIME: Duration = Duration::from_millis(100);
/// An edit that is older than this is not part of one that still goes on.
const RECENT: Duration = Duration::from_secs(1);
/// How often a folder that changes while it is read is read again.
const MAX_READS: usize = 10;

/// What was found in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderTemplates {
    /// The templates as a document.
    pub templates: Templates,
    /// Remarks about files that look like templates and are where no template belongs.
    pub notes: Vec<String>,
}

/// Why a folder gives no templates.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no such folder, yet.
    #[error("{} is not there yet", .0.display())]
    Missing(PathBuf),
    /// Files change while they are read.
    #[error("{} keeps changing while it is read", .0.display())]
    Changing(PathBuf),
    /// The folder holds no templates and no place for them.
    #[error("{} contains neither a folder `gateway` nor a folder `service`", .0.display())]
    NoTemplates(PathBuf),
    /// A name or a text is not UTF-8.
    #[error("{what} of {} is not UTF-8", .path.display())]
    NotUtf8 {
        /// The name or the text.
        what: &'static str,
        /// Of which file.
        path: PathBuf,
    },
    /// A folder's or file's name cannot be what it stands for.
    #[error("{}: {reason}", .path.display())]
    Name {
        /// Of which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder contains itself.
    #[error("{} is a symbolic link to a folder that contains it", .0.display())]
    Loop(PathBuf),
    /// A file or folder cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl FolderError {
    /// Turns an error of reading `path` into what it means.
    fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.into();
            match source.kind() {
                io::ErrorKind::NotFound => Self::Missing(path),
                _ => Self::Read { path, source },
            }
        }
    }
}

/// The folder's templates, unless `previous` is their version.
///
/// # Errors
/// [`FolderError`]; [`FolderError::Changing`] if the files change during each reading.
pub fn read(folder: &Path, previous: Option<&str>) -> Result<Option<FolderTemplates>, FolderError> {
    for _ in 0..MAX_READS {
        let listing = Listing::of(folder)?;
        let Some(texts) = read_texts(&listing)? else {
            continue;
        };
        let version = version(&listing, &texts);
        let unchanged = previous == Some(&*version);
        if !unchanged && was_edited_just_now(&listing) {
            sleep(SETTLE_TIME);
        }
        if Listing::of(folder)? != listing {
            continue;
        }
        if unchanged {
            return Ok(None);
        }
        return Ok(Some(FolderTemplates {
            templates: document(&listing, texts, version)?,
            notes: listing.notes,
        }));
    }
    Err(FolderError::Changing(folder.to_owned()))
}

/// The files that a folder needs to hold these templates: relative path, and text.
pub fn files(templates: &Templates) -> BTreeMap<String, String> {
    let gateway = templates.gateway_templates.iter();
    let service = templates.service_templates.iter();
    gateway
        .map(|item| (path_of_gateway(item), item.template.clone()))
        .chain(service.map(|item| (path_of_service(item), item.template.clone())))
        .collect()
}

/// The path of a gateway's template in a folder.
pub fn path_of_gateway(item: &GatewayTemplate) -> String {
    let namespace = item.namespace.as_deref().unwrap_or(ANY);
    format!("gateway/{namespace}/{}{SUFFIX}", item.purpose)
}

/// The path of a sidecar's template in a folder.
pub fn path_of_service(item: &ServiceTemplate) -> String {
    let whom = [&item.namespace, &item.service, &item.color];
    let [namespace, service, color] = whom.map(|name| name.as_deref().unwrap_or(ANY));
    format!(
        "service/{namespace}/{service}/{color}/{}{SUFFIX}",
        item.purpose
    )
}

/// The texts of all templates, or nothing if a file has gone meanwhile.
fn read_texts(listing: &Listing) -> Result<Option<Vec<String>>, FolderError> {
    let mut texts = Vec::with_capacity(listing.templates.len());
    for entry in &listing.templates {
        let bytes = match fs::read(&entry.path).map_err(FolderError::read(&entry.path)) {
            Err(FolderError::Missing(_)) => return Ok(None),
            read => read?,
        };
        let text = String::from_utf8(bytes).map_err(|_| FolderError::NotUtf8 {
            what: "the text",
            path: entry.path.clone(),
        })?;
        texts.push(text);
    }
    Ok(Some(texts))
}

fn version(listing: &Listing, texts: &[String]) -> Text {
    let mut hash = Xxh3::new();
    for (entry, text) in listing.templates.iter().zip(texts) {
        // With the lengths no two sets of files run together to the same bytes.
        for part in [entry.name.as_str(), text] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    Text::of_hash(hash.digest128())
}

fn was_edited_just_now(listing: &Listing) -> bool {
    let newest = listing
        .templates
        .iter()
        .map(|entry| entry.stamp.modified)
        .max();
    newest.is_some_and(|edit| {
        SystemTime::now()
            .duration_since(edit)
            .is_ok_and(|age| age < RECENT)
    })
}

fn document(
    listing: &Listing,
    texts: Vec<String>,
    version: Text,
) -> Result<Templates, FolderError> {
    let mut templates = Templates {
        schema_version: SchemaVersion::V1,
        document_version: version,
        gateway_templates: Vec::new(),
        service_templates: Vec::new(),
    };
    for (entry, template) in listing.templates.iter().zip(texts) {
        // A listing holds only files that have a place.
        add(&mut templates, &entry.name, template).map_err(|reason| FolderError::Name {
            path: entry.path.clone(),
            reason,
        })?;
    }
    Ok(templates)
}

/// The levels of folders above a purpose.
enum TemplateLocation<'a> {
    Gateway {
        namespace: &'a str,
        purpose: &'a str,
    },
    Service {
        namespace: &'a str,
        service: &'a str,
        color: &'a str,
        purpose: &'a str,
    },
}

impl<'a> TemplateLocation<'a> {
    /// Reads the place out of a file's name relative to the template folder.
    fn of(name: &'a str) -> Option<Self> {
        let (kind, rest) = name.strip_suffix(SUFFIX)?.split_once('/')?;
        let (namespace, rest) = rest.split_once('/')?;
        match kind {
            "gateway" => Some(Self::Gateway {
                namespace,
                purpose: rest,
            }),
            "service" => {
                let (service, rest) = rest.split_once('/')?;
                let (color, purpose) = rest.split_once('/')?;
                Some(Self::Service {
                    namespace,
                    service,
                    color,
                    purpose,
                })
            }
            _ => None,
        }
    }
}

/// Adds the template that a file at this path in a folder holds. Returns whether a template belongs
/// there.
///
/// # Errors
/// Why a part of the path cannot be what it stands for.
pub fn add(templates: &mut Templates, path: &str, template: String) -> Result<bool, String> {
    let unless_any = |name: &str| (name != ANY).then(|| name.parse::<Name>()).transpose();
    match TemplateLocation::of(path) {
        Some(TemplateLocation::Gateway { namespace, purpose }) => {
            templates.gateway_templates.push(GatewayTemplate {
                namespace: unless_any(namespace)?,
                purpose: purpose.parse()?,
                template,
            });
        }
        Some(TemplateLocation::Service {
            namespace,
            service,
            color,
            purpose,
        }) => {
            templates.service_templates.push(ServiceTemplate {
                namespace: unless_any(namespace)?,
                service: unless_any(service)?,
                color: unless_any(color)?,
                purpose: purpose.parse()?,
                template,
            });
        }
        None => return Ok(false),
    }
    Ok(true)
}
