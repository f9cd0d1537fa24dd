//! `nightjar conformance`

#![expect(clippy::doc_markdown, reason = "help shows these comments as they are")]

mod bench;
mod discovery;
mod every_run;
mod fetch;
mod held;
mod report;
mod rule;
mod run;
mod selection;
mod store;

use crate::{ExitStatus, Usage, format::Format};
use bench::{Bench, Hooks, Kind};
use futures_util::{StreamExt as _, stream};
use nightjar_core::{
    env::{CommandLine, Env, Reader, Setting},
    extension::RunLimits,
    shutdown::Shutdown,
};
use report::Report;
use rule::{Check, Checked, Rule};
use selection::Selection;
use std::time::Duration;
use store::Access;

const CMD: Setting = Setting::required("CMD", "the extension");

/// How many rules are tried at the same time.
const AT_ONCE: usize = 4;

/// Check whether an extension keeps the rules of the protocol
#[derive(clap::Args)]
#[command(after_help = "\
Each rule has a name and a sentence that says what it asks and why. Rules that could not be tried are not passed.
Exit codes: 0 no rule is broken; 1 one is; 64 the extension could not be checked.

Example:
  nightjar conformance discovery-map -- ./my-discovery.py")]
pub(crate) struct Conformance {
    #[command(subcommand)]
    kind: Extension,
}

#[derive(clap::Subcommand)]
enum Extension {
    DiscoveryMap(DiscoveryMap),
    DataStore(DataStore),
}

/// Check an extension that makes a discovery map
#[derive(clap::Args)]
#[command(after_help = "\
The extension is called as nightjar-standalone calls it, with the environment of this command. It only reads, so it may be
checked against anything. It is run about fifty times, some of them at once.

Example:
  nightjar conformance discovery-map -- ./my-discovery.py
  nightjar conformance discovery-map --setting MESH_TABLE -- examples/extensions/discovery-table.sh
  nightjar conformance discovery-map --change 'cp other.txt table.txt' --take-away 'rm table.txt' \\
      -- examples/extensions/discovery-table.sh
  nightjar conformance discovery-map --rule unchanged-30 -- ./my-discovery.py
  nightjar conformance discovery-map --list")]
struct DiscoveryMap {
    /// A shell command that changes what the extension finds
    #[arg(long, value_name = "COMMAND")]
    change: Option<String>,
    /// A shell command that takes away what the extension looks at; it is run last
    #[arg(long, value_name = "COMMAND")]
    take_away: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Check a data store
#[derive(clap::Args)]
#[command(after_help = "\
The rules of commits need a store that holds no documents. At the end it holds documents without content, which the next
check takes as none. With --overwrite, a document that is there is replaced meanwhile and put back at the end: never do
that to a store that proxies read from.

Example:
  nightjar conformance data-store --setting MESH_DATABASE -- examples/extensions/store-sqlite.py
  nightjar conformance data-store --read-only -- ./my-store.py
  nightjar conformance data-store --list")]
struct DataStore {
    /// Check a store that holds documents, and put them back at the end
    #[arg(long)]
    overwrite: bool,
    /// Try the rules of fetching alone, and commit nothing
    #[arg(long, conflicts_with = "overwrite")]
    read_only: bool,
    #[command(flatten)]
    common: Common,
}

/// What both kinds have.
#[derive(clap::Args)]
struct Common {
    /// A variable that the extension cannot do without
    #[arg(long, value_name = "VARIABLE")]
    setting: Option<String>,
    /// How long one run may last, in seconds (NJ_EXTENSION_TIMEOUT)
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,
    /// How large a document may be (NJ_MAX_DOCUMENT_SIZE_MB)
    #[arg(long, value_name = "MB", default_value = "64", value_parser = clap::value_parser!(u64).range(1..=4096))]
    max_document_size_mb: u64,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Try this rule alone, with what it builds on; can be given several times
    #[arg(long = "rule", value_name = "NAME")]
    rules: Vec<String>,
    /// Print the rules, and run nothing
    #[arg(long)]
    list: bool,
    /// The extension and its own arguments
    #[arg(last = true, value_name = "CMD", required_unless_present = "list")]
    command: Vec<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds >= 0.1);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "is not a number of seconds from 0.1".to_owned())
}

impl Conformance {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        match self.kind {
            Extension::DiscoveryMap(it) => it.run(),
            Extension::DataStore(it) => it.run(),
        }
    }
}

impl DiscoveryMap {
    fn run(self) -> anyhow::Result<ExitStatus> {
        let hooks = Hooks {
            change: self.change,
            take_away: self.take_away,
            setting: self.common.setting.clone(),
        };
        let own = [discovery::RULES, discovery::CHANGING];
        self.common.run(
            Kind::DiscoveryMap,
            hooks,
            &own,
            async |bench: &mut Bench, report: &mut Report| {
                try_fetches(bench, report, discovery::RULES).await?;
                try_in_turn(bench, report, discovery::CHANGING).await
            },
        )
    }
}

impl DataStore {
    fn run(self) -> anyhow::Result<ExitStatus> {
        let access = if self.overwrite {
            Access::Overwrite
        } else if self.read_only {
            Access::ReadOnly
        } else {
            Access::IfEmpty
        };
        let hooks = Hooks {
            setting: self.common.setting.clone(),
            ..Hooks::default()
        };
        let check = async |bench: &mut Bench, report: &mut Report| {
            store::check(bench, access, report).await
        };
        self.common.run(Kind::DataStore, hooks, store::RULES, check)
    }
}

/// The rules of fetching, and others that disturb nobody.
async fn try_fetches(
    bench: &Bench,
    report: &mut Report,
    own: &'static [Rule],
) -> anyhow::Result<()> {
    let first = fetch::FIRST.iter().chain(fetch::AT_ONCE);
    try_in_turn(bench, report, first).await?;
    let at_once = if bench.is_alone.get() { 1 } else { AT_ONCE };
    let rules = fetch::RULES.iter().chain(own);
    let mut trials = stream::iter(rules.filter(|rule| bench.selection.is_tried(rule.name)))
        .map(async |rule| (rule, checked(bench, rule).await))
        .buffered(at_once);
    while let Some((rule, outcome)) = trials.next().await {
        tell(bench, report, rule, outcome)?;
    }
    Ok(())
}

/// Tries rules one after another.
async fn try_in_turn(
    bench: &Bench,
    report: &mut Report,
    rules: impl IntoIterator<Item = &'static Rule>,
) -> anyhow::Result<()> {
    for rule in rules {
        if bench.selection.is_tried(rule.name) {
            tell(bench, report, rule, checked(bench, rule).await)?;
        }
    }
    Ok(())
}

/// Tells what came of a rule, if somebody wants to know.
fn tell(bench: &Bench, report: &mut Report, rule: &Rule, outcome: Checked) -> anyhow::Result<()> {
    if bench.selection.is_shown(rule.name) {
        report.add(bench.kind, rule, outcome)?;
    }
    Ok(())
}

async fn checked(bench: &Bench, rule: &'static Rule) -> Checked {
    match rule.check {
        Check::Own(check) => check(bench).await,
        Check::EveryRun(_) => bench.noticed(rule.name),
    }
}

impl Common {
    fn run(
        self,
        kind: Kind,
        hooks: Hooks,
        own: &[&'static [Rule]],
        check: impl AsyncFnOnce(&mut Bench, &mut Report) -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitStatus> {
        let all = all_rules(own);
        let selection = selection(kind, &all, &self.rules)?;
        if self.list {
            let shown = all.into_iter().filter(|rule| selection.is_shown(rule.name));
            report::list(kind, shown, self.format)?;
            return Ok(ExitStatus::Success);
        }
        let env = Env::from_process();
        let command = found(&env, self.command)?;
        let limits = RunLimits {
            timeout: self.timeout,
            max_document_bytes: self.max_document_size_mb << 20,
        };
        let temp = tempfile::Builder::new()
            .prefix("nightjar-conformance-")
            .tempdir_in(env.temp_dir())?;
        let mut report = Report::new(kind, self.format, &env);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let shutdown = Shutdown::listen(None)?;
            let mut bench = Bench::new(kind, command, limits, shutdown, temp, every_run::looks());
            bench.hooks = hooks;
            bench.selection = selection;
            check(&mut bench, &mut report).await?;
            try_in_turn(&bench, &mut report, every_run::RULES).await?;
            if bench.shutdown.is_requested() {
                anyhow::bail!("interrupted");
            }
            Ok(if report.finish()? {
                ExitStatus::Success
            } else {
                ExitStatus::Findings
            })
        })
    }
}

/// The rules of fetching, those of a kind alone, and those of every run.
fn all_rules(own: &[&'static [Rule]]) -> Vec<&'static Rule> {
    let all = [fetch::FIRST, fetch::AT_ONCE, fetch::RULES];
    let all = all.iter().chain(own).chain([&every_run::RULES]);
    all.flat_map(|rules| rules.iter()).collect()
}

fn selection(kind: Kind, all: &[&'static Rule], asked: &[String]) -> Result<Selection, Usage> {
    let is_of_every_run = |rule: &Rule| matches!(rule.check, Check::EveryRun(_));
    let named = all.iter().map(|rule| (rule.name, is_of_every_run(rule)));
    Selection::new(kind.name(), &named.collect::<Vec<_>>(), asked)
}

/// The program, looked up as a Nightjar would.
fn found(env: &Env, words: Vec<String>) -> Result<CommandLine, Usage> {
    let mut reader = Reader::new(env);
    let command = reader.command_of_words(&CMD, words);
    reader.finish().map_err(|error| Usage(error.to_string()))?;
    Ok(command)
}
