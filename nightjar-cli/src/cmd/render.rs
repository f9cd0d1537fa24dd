//! `nightjar render`

use crate::{
    ExitStatus, output,
    proxy::Proxy,
    proxy_templates::{ProxyTemplates, Rendered},
    unified::unified,
};
use anyhow::Context as _;
use nightjar_core::envoy::Files;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Write the files that a sidecar or gateway would write, and print their paths
#[derive(clap::Args)]
#[command(after_help = "\
Files of the same names are overwritten, and no other file is touched. With --templates, standard
error says where each file comes from.

Example:
  nightjar render --discovery-map map.json --namespace store --service shop --color blue \\
      --listen-port 3000 --admin-port 9901 --templates templates/ --out /tmp/shop
  nightjar check /tmp/shop

  nightjar render --discovery-map new-map.json --namespace store --service shop --color blue \\
      --listen-port 3000 --admin-port 9901 --templates templates/ --out /tmp/shop --diff")]
pub(crate) struct Render {
    #[command(flatten)]
    proxy: Proxy,
    #[command(flatten)]
    templates: ProxyTemplates,
    /// The folder to write to; it is made if need be
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write nothing, and print what would change in the folder as a unified diff
    #[arg(long)]
    diff: bool,
}

impl Render {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let input = self.proxy.input()?;
        let Rendered { files, error } = self.templates.render(&input)?;
        if self.diff {
            output::diff(&difference(&self.out, &files))?;
            return error.map_or(Ok(ExitStatus::Success), Err);
        }
        write(&self.out, &files)?;
        output::lines(
            files
                .keys()
                .map(|name| self.out.join(name).display().to_string()),
        )?;
        error.map_or(Ok(ExitStatus::Success), Err)
    }
}

fn write(root: &Path, files: &Files) -> anyhow::Result<()> {
    fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
    for (name, text) in files {
        let path = root.join(name);
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// What would change in a folder. Files that are not made are not touched, and so not listed.
fn difference(root: &Path, files: &Files) -> String {
    let mut text = String::new();
    for (name, new) in files {
        let old = fs::read(root.join(name));
        let old = old
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        text.push_str(&unified(name, old.as_deref(), Some(new)));
    }
    text
}
