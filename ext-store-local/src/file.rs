//! A document in one file.
//!
//! Its version is a hash of the file's bytes: an unchanged fetch reads and hashes, and parses
//! nothing. A commit renames a finished file into place, so a fetch, which opens the file once,
//! has one version whole, whatever is committed meanwhile.

use crate::error::StoreError;
use nightjar_core::extension::Answer;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{
    fmt,
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::xxh3_128;

const VERSION_FIELD: &str = "document-version";

/// The file's document with its version put in, unless `previous` is that version.
pub(crate) fn fetch(path: &Path, previous: Option<&str>) -> Result<Answer, StoreError> {
    let bytes = read(path)?;
    let version = format!("{:032x}", xxh3_128(&bytes));
    if previous == Some(version.as_str()) {
        return Ok(Answer::Unchanged);
    }
    let object: Object<'_> = serde_json::from_slice(&bytes).map_err(|source| {
        let path = path.to_owned();
        if source.is_data() {
            StoreError::NotAnObject { path, source }
        } else {
            StoreError::Incomplete { path, source }
        }
    })?;
    Ok(Answer::New(with_version(&object, &version, bytes.len())))
}

/// Makes what is in `input` the document.
pub(crate) fn commit(path: &Path, input: &Path) -> Result<(), StoreError> {
    let bytes = fs::read(input).map_err(|source| StoreError::Read {
        path: input.into(),
        source,
    })?;
    serde_json::from_slice::<Object<'_>>(&bytes).map_err(StoreError::BadCommit)?;
    write(path, &bytes).map_err(|source| StoreError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Reads a file, and notices if somebody writes into it meanwhile.
fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    let read = || {
        let mut file = File::open(path)?;
        let before = file.metadata()?;
        let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        let after = file.metadata()?;
        let same = before.modified()? == after.modified()? && after.len() == bytes.len() as u64;
        Ok((bytes, same))
    };
    match read().map_err(StoreError::read(path))? {
        (bytes, true) => Ok(bytes),
        (_, false) => Err(StoreError::Changing(path.to_owned())),
    }
}

/// Writes a file so that it is there whole or not at all, even after a crash.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays a link: the file that it leads to is replaced.
    let path = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        resolved => resolved?,
    };
    let folder = path
        .parent()
        .map_or_else(|| PathBuf::from("/"), Path::to_owned);
    fs::create_dir_all(&folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".nightjar-")
        .tempfile_in(&folder)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    File::open(&folder)?.sync_all()
}

/// The fields of a JSON object as they were written, in their order.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    fields.push((name, value));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// The object with another version, and everything else as it was.
fn with_version(object: &Object<'_>, version: &str, size: usize) -> Vec<u8> {
    let mut json = Vec::with_capacity(size + 80);
    json.extend_from_slice(format!("{{\"{VERSION_FIELD}\":\"{version}\"").as_bytes());
    for (name, value) in object.0.iter().filter(|(name, _)| name != VERSION_FIELD) {
        json.push(b',');
        json.extend_from_slice(
            serde_json::Value::from(name.as_str())
                .to_string()
                .as_bytes(),
        );
        json.push(b':');
        json.extend_from_slice(value.get().as_bytes());
    }
    json.extend_from_slice(b"}\n");
    json
}
