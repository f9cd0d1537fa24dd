//! Reading what a person names.

use anyhow::Context as _;
use nightjar_core::{
    document::{self, Document, templates::Templates},
    envoy::Files,
    template::folder,
};
use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

/// What a person calls standard input.
const STANDARD_INPUT: &str = "-";

/// The bytes of a file, or of standard input for `-`.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if path == Path::new(STANDARD_INPUT) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(bytes)
    } else {
        fs::read(path)
    }
}

/// The text of a file, or of standard input for `-`.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    let bytes = bytes(path).with_context(|| cannot_read(path))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{} is not UTF-8 text: byte {at} is invalid", path.display())
    })
}

/// A document in a file.
pub(crate) fn document<D: Document>(path: &Path) -> anyhow::Result<D> {
    let bytes = bytes(path).with_context(|| cannot_read(path))?;
    document::read(&bytes).with_context(|| path.display().to_string())
}

/// The templates in a file that holds their document, or in a folder, held to the same rules.
/// Gives remarks about the folder too.
pub(crate) fn templates(path: &Path) -> anyhow::Result<(Templates, Vec<String>)> {
    if !path.is_dir() {
        return Ok((document(path)?, Vec::new()));
    }
    let found = folder::read(path, None)?
        .with_context(|| format!("{} gives no templates", path.display()))?;
    Ok((found.templates, found.notes))
}

/// Every text file of a folder and its sub-folders, by its path in the folder. Leaves out hidden
/// ones, which no template makes.
pub(crate) fn folder(root: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let mut open = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| cannot_read(&folder))? {
            let path = entry.with_context(|| cannot_read(&folder))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                anyhow::bail!("the name of {} is not UTF-8", path.display());
            };
            let name = format!("{prefix}{name}");
            if name
                .rsplit('/')
                .next()
                .is_some_and(|it| it.starts_with('.'))
            {
                continue;
            }
            if path.is_dir() {
                open.push((path, format!("{name}/")));
            } else {
                files.insert(name, text(&path)?);
            }
        }
    }
    Ok(files)
}

/// The start of a message.
pub(crate) fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}
