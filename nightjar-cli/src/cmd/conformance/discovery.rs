//! The rules of discovery maps alone.

use super::{
    bench::{Bench, cannot},
    rule::{Check, Checked, Deviation, Rule, rules},
    run::{described_code, is_fatal},
};
use nightjar_core::{
    document::{self, discovery_map::DiscoveryMap},
    extension::args::{EXIT_DONE, EXIT_RETRY},
};
use tokio::process::Command;

/// How many errors of a document are listed.
const MAX_LISTED: usize = 3;

pub(super) const RULES: &[Rule] = rules![
    "valid-map" "discovery-map"
        "The map holds to the rules of its document: callers refuse one with a fault whole."
        => valid_map;
];

/// The rules that change the source, in the order in which they are tried.
pub(super) const CHANGING: &[Rule] = rules![
    "new-content-new-version" "versions-and-commits"
        "When the content changes the version does: callers compare versions alone."
        => new_content_new_version;
    "no-source-no-map" "how-it-ends"
        "When what it looks at is not there it fails: an empty map would take every service away."
        => no_source_no_map;
];

async fn valid_map(bench: &Bench) -> Checked {
    bench.current()?;
    let run = bench.caller()?.fetch(None).await?;
    let map = run.document()?;
    let Err(error) = document::read::<DiscoveryMap>(&map.bytes) else {
        return Ok(());
    };
    let faults = error
        .faults
        .iter()
        .take(MAX_LISTED)
        .map(ToString::to_string);
    let faults: Vec<String> = faults.collect();
    let more = error.faults.len() + error.unlisted - faults.len();
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    run.broken(format!("{}{more}", faults.join("; ")))
}

async fn new_content_new_version(bench: &Bench) -> Checked {
    let Some(change) = &bench.hooks.change else {
        return Deviation::not_tried("no --change says how to change what it finds");
    };
    bench.current()?;
    let caller = bench.caller()?;
    let before = caller.fetch(None).await?.document()?;
    shell("--change", change).await?;
    let run = caller.fetch(Some(&before.version)).await?;
    if run.code != EXIT_DONE {
        return run.broken(format!("{} after --change", described_code(run.code)));
    }
    let after = run.document()?;
    if after.hash == before.hash {
        return Deviation::not_tried("--change did not change the map");
    }
    if after.version == before.version {
        return run.broken("another content has the same version");
    }
    Ok(())
}

async fn no_source_no_map(bench: &Bench) -> Checked {
    let Some(take_away) = &bench.hooks.take_away else {
        return Deviation::not_tried("no --take-away says how to take away what it looks at");
    };
    bench.current()?;
    shell("--take-away", take_away).await?;
    let run = bench.caller()?.fetch(None).await?;
    if run.code == EXIT_RETRY || is_fatal(run.code) {
        return Ok(());
    }
    run.broken(format!("{} after --take-away", described_code(run.code)))
}

/// Runs what the person who checks has asked for.
async fn shell(option: &str, script: &str) -> Result<(), Deviation> {
    let mut command = Command::new("sh");
    let output = command.args(["-c", script]).output().await;
    let output = output.map_err(|error| cannot(&format!("run {option}"), &error))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().last().unwrap_or_default();
    Deviation::not_tried(format!("{option} failed: {}: {last}", output.status))
}
