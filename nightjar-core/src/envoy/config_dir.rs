//! Configuration folder that a set of files was made for.

use super::{
    error::FilesError,
    file::Files,
    proto_json::{dynamic_source, parse, source_path},
};

/// The configuration folder as the bootstrap itself spells it: what comes before the names of the
/// files in the paths that it gives for clusters and listeners.
///
/// `None` if the bootstrap names none of the files, as one without subscriptions does.
///
/// # Errors
/// [`FilesError::Malformed`] if the bootstrap does not parse.
pub fn config_dir_of(files: &Files, bootstrap: &str) -> Result<Option<String>, FilesError> {
    let Some(text) = files.get(bootstrap) else {
        return Ok(None);
    };
    let value = parse(bootstrap, text)?;
    let sources = ["cds_config", "lds_config"];
    let paths = sources
        .into_iter()
        .filter_map(|name| source_path(dynamic_source(&value, name)?));
    let mut folders = paths.filter_map(|path| {
        let before = |name: &String| path.strip_suffix(name.as_str())?.strip_suffix('/');
        // Of `cds.json` and `sub/cds.json` the longer name is the one that is meant.
        files.keys().filter_map(before).min_by_key(|it| it.len())
    });
    Ok(folders.next().map(ToOwned::to_owned))
}
