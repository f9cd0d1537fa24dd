//! What a store holds before, and what becomes of that.

use super::{
    super::{
        bench::{Bench, Caller},
        held::{Held, State},
        rule::Deviation,
        run::{Fetched, Run, described_code, is_fatal},
    },
    sample,
};
use crate::{Usage, output};
use anyhow::Context as _;
use nightjar_core::{
    extension::{
        Action, DocumentName,
        args::{EXIT_DONE, EXIT_RETRY},
        host::Call,
    },
    shutdown::Shutdown,
};

/// What may be done to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Commits, unless it holds documents.
    IfEmpty,
    /// Commits in any case; what it holds is put back.
    Overwrite,
    /// No commit.
    ReadOnly,
}

const NAMES: [DocumentName; 2] = [DocumentName::TEMPLATES, DocumentName::DISCOVERY_MAP];

/// Finds out what the store holds, and what may be done to it.
pub(super) async fn look(bench: &mut Bench, access: Access) -> anyhow::Result<()> {
    let mut state = State::default();
    for name in NAMES {
        let held = look_at(bench, &name, &mut state.looks).await;
        if name == DocumentName::TEMPLATES {
            state.templates = held;
        } else {
            state.map = held;
        }
    }
    let somebodys = |name: &&DocumentName| matches!(state.of(name), Held::Somebodys(_));
    let held: Vec<DocumentName> = NAMES.iter().filter(somebodys).cloned().collect();
    if let (Some(name), Access::IfEmpty) = (held.first(), access) {
        return Err(Usage(format!(
            "the store holds {name}, which commits would replace, so nothing was tried\n  hint: give it \
             an empty store; or --overwrite, which puts back at the end what it found; or --read-only, \
             which tries the rules of fetching alone"
        ))
        .into());
    }
    let is_free = |name: &&DocumentName| matches!(state.of(name), Held::Nothing | Held::Own);
    let usable: Vec<DocumentName> = if held.is_empty() {
        NAMES.iter().filter(is_free).cloned().collect()
    } else {
        held
    };
    if access == Access::ReadOnly {
        state.closed = Some("--read-only".to_owned());
    } else if usable.is_empty() {
        let reason = match &state.templates {
            Held::Unclear(reason) => reason.as_str(),
            _ => "",
        };
        state.closed = Some(format!("whether it holds documents is not clear: {reason}"));
    }
    let fetched = NAMES.iter().find(|name| state.holds(name));
    if let Some(name) = usable.first().or(fetched) {
        bench.document = name.clone();
    }
    state.usable = usable;
    *bench.store.borrow_mut() = state;
    Ok(())
}

async fn look_at(bench: &Bench, name: &DocumentName, looks: &mut Vec<Run>) -> Held {
    let run = match fetch(bench, name).await {
        Ok(run) => run,
        Err(Deviation::NotTried(reason)) => return Held::Unclear(reason),
        Err(Deviation::Broken(finding)) => return Held::Unclear(finding.what),
    };
    let held = match (run.code, run.document()) {
        (EXIT_RETRY, _) => Held::Nothing,
        (EXIT_DONE, Ok(fetched)) if sample::is_own(&fetched.bytes) => Held::Own,
        (EXIT_DONE, Ok(fetched)) => Held::Somebodys(fetched),
        (EXIT_DONE, Err(_)) => Held::Unclear("its document cannot be read".to_owned()),
        (code, _) => Held::Unclear(format!(
            "a fetch of {name} ended with {}",
            described_code(code)
        )),
    };
    looks.push(run);
    held
}

async fn fetch(bench: &Bench, name: &DocumentName) -> Result<Run, Deviation> {
    let caller = bench.caller()?;
    caller.run(&Call::new(Action::Fetch, name), |all| all).await
}

/// Leaves the store as it was found: somebody's documents as they were, and elsewhere an empty one.
pub(super) async fn put_back(bench: &Bench) -> anyhow::Result<()> {
    let (usable, has_committed) = {
        let state = bench.store.borrow();
        (state.usable.clone(), state.has_committed)
    };
    if !has_committed {
        return Ok(());
    }
    for name in usable {
        let held = bench.store.borrow().of(&name).clone();
        let (bytes, is_somebodys) = match held {
            Held::Somebodys(fetched) => (fetched.bytes, true),
            Held::Nothing | Held::Own | Held::Unclear(_) => {
                (sample::empty(&name).to_string().into_bytes(), false)
            }
        };
        let done = restore(bench, &name, &bytes).await;
        match (done, is_somebodys) {
            (Ok(()), true) => output::message(&format!("nightjar: {name} is as it was found")),
            (Ok(()), false) => {
                let message = format!("nightjar: the store now holds {name} without content");
                output::message(&message);
            }
            (Err(_), false) => {}
            (Err(reason), true) => return Err(lost(&name, &bytes, &reason)),
        }
    }
    Ok(())
}

async fn restore(bench: &Bench, name: &DocumentName, bytes: &[u8]) -> Result<(), String> {
    let reason_of = |deviation| match deviation {
        Deviation::NotTried(reason) => reason,
        Deviation::Broken(finding) => finding.what,
    };
    // Also when this program is to stop.
    let caller = bench.caller().map_err(reason_of)?.until(Shutdown::never());
    let fetch = Call::new(Action::Fetch, name);
    let is_there = async || -> Result<bool, Deviation> {
        let there = caller.run(&fetch, |all| all).await?.document()?;
        Ok(sample::are_same(&there.bytes, bytes))
    };
    // As in a store that takes no commits.
    if let Ok(true) = is_there().await {
        return Ok(());
    }
    let task = Call {
        input: Some(bytes),
        ..Call::new(Action::Commit, name)
    };
    let run = caller.run(&task, |all| all).await.map_err(reason_of)?;
    if run.code != EXIT_DONE {
        return Err(format!(
            "its commit ended with {}",
            described_code(run.code)
        ));
    }
    if is_there().await.map_err(reason_of)? {
        Ok(())
    } else {
        Err("another document is there".to_owned())
    }
}

/// What was found could not be put back: it is kept where a person finds it.
fn lost(name: &DocumentName, bytes: &[u8], reason: &str) -> anyhow::Error {
    let keep = || -> anyhow::Result<String> {
        let mut file = tempfile::Builder::new()
            .prefix("nightjar-found-")
            .suffix(".json")
            .disable_cleanup(true)
            .tempfile()?;
        std::io::Write::write_all(&mut file, bytes)?;
        Ok(file.path().display().to_string())
    };
    match keep().context("it cannot be kept either") {
        Ok(path) => anyhow::anyhow!(
            "{name} could not be put back: {reason}\n  hint: what was there is in {path}; commit it"
        ),
        Err(error) => error.context(format!("{name} could not be put back: {reason}")),
    }
}

impl Caller<'_> {
    /// Commits a document under the name that rules are tried with.
    pub(super) async fn commit(
        &self,
        bytes: &[u8],
        previous: Option<&str>,
    ) -> Result<Run, Deviation> {
        let task = Call {
            previous,
            input: Some(bytes),
            ..self.task(Action::Commit)
        };
        self.bench.store.borrow_mut().has_committed = true;
        self.run(&task, |all| all).await
    }

    /// Commits a text over whatever is there, and fetches what is there then.
    pub(super) async fn put(&self, text: &str) -> Result<Fetched, Deviation> {
        let bytes = sample::sample(&self.bench.document, text).to_string();
        self.put_bytes(bytes.as_bytes()).await
    }

    pub(super) async fn put_bytes(&self, bytes: &[u8]) -> Result<Fetched, Deviation> {
        let run = self.commit(bytes, None).await?;
        if run.code != EXIT_DONE {
            return Deviation::not_tried(format!(
                "a plain commit ended with {}",
                described_code(run.code)
            ));
        }
        self.fetch(None).await?.document()
    }
}

impl Bench {
    /// A caller that may commit.
    pub(super) fn committer(&self) -> Result<Caller<'_>, Deviation> {
        match &self.store.borrow().closed {
            Some(reason) => Deviation::not_tried(reason.as_str()),
            None => self.caller(),
        }
    }

    /// The name beside the one that rules are tried with.
    pub(super) fn other_document(&self) -> Result<DocumentName, Deviation> {
        let usable = self.store.borrow().usable.get(1).cloned();
        usable.map_or_else(
            || Deviation::not_tried("only one document may be committed to"),
            Ok,
        )
    }

    /// What a first commit says of all others.
    pub(super) fn take_first_commit(&self, run: &Run) {
        let mut state = self.store.borrow_mut();
        if run.code != EXIT_DONE {
            let reason = format!("it takes no commits: {}", described_code(run.code));
            state.closed = Some(reason);
            state.has_committed = !is_fatal(run.code) && state.has_committed;
        }
    }
}
