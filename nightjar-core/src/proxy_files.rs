//! Files of one proxy, from its templates and its context, layers included.

use crate::{
    document::proxy_input::ProxyInput,
    envoy::{Configuration, FilesError},
    template::{FileWarning, Inherited, TemplateErrors, TemplateSet, repeated_members},
};

/// Why a proxy's files cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProxyFilesError {
    /// A template cannot be rendered.
    #[error("invalid templates:\n{0}")]
    Templates(TemplateErrors),
    /// The files are not what Envoy needs.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// The files of a proxy.
#[derive(Debug)]
pub struct ProxyFiles {
    /// The files as Envoy reads them.
    pub configuration: Configuration,
    /// What files of the set's own repeat, and what hooks repeat because of the map.
    pub warnings: Vec<FileWarning>,
}

impl From<TemplateErrors> for ProxyFilesError {
    fn from(errors: TemplateErrors) -> Self {
        Self::Templates(errors)
    }
}

/// Makes the files of a proxy: those of the set's templates, and of the shipped ones beneath it those
/// that a file that Envoy reads names and the set does not make.
///
/// `bootstrap` is the name of the bootstrap; files of `before` that are still the same are shared.
///
/// # Errors
/// [`ProxyFilesError`]
pub fn make(
    set: &TemplateSet,
    input: &ProxyInput,
    bootstrap: &str,
    before: Option<&Configuration>,
) -> Result<ProxyFiles, ProxyFilesError> {
    let files = set.render(input)?;
    let mut warnings = repeated_members(&files);
    let inherited = |path: &str| {
        let made = set.inherited(path, input)?;
        Ok::<_, ProxyFilesError>(made.map(|Inherited { text, warning }| {
            warnings.extend(warning);
            text
        }))
    };
    let read = Configuration::read_layered(files, inherited, bootstrap, &input.config_dir, before);
    read.map(|configuration| ProxyFiles {
        configuration,
        warnings,
    })
}
