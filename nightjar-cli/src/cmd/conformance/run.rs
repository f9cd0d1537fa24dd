//! One run of the extension, and what is expected of it.

use nightjar_core::{
    env::CommandLine,
    extension::{
        Action, ContentHash, RawDocument,
        args::{EXIT_CONFLICT, EXIT_DONE, EXIT_RETRY, EXIT_UNCHANGED},
        can_be_argument,
        host::{Observed, ProcessEnd},
    },
    report,
};
use serde::Serialize;

/// How much of a file is shown, in characters.
const SHOWN: usize = 200;

/// What was asked of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) action: Action,
    /// Whether the extension was told of the file that is looked at.
    pub(super) is_own_file: bool,
}

/// What a rule about every run says of one. `None`: nothing.
pub(super) type Look = fn(&Observed, Circumstances) -> Option<Result<(), String>>;

/// What came of trying a rule.
pub(super) type Checked = Result<(), Deviation>;

/// Why a rule does not hold.
#[derive(Debug)]
pub(super) enum Deviation {
    Broken(Box<Finding>),
    /// For this reason.
    NotTried(String),
}

/// What was seen of a broken rule.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// What is wrong, as text.
    pub(super) what: String,
    /// The run that shows it, if there is one.
    pub(super) seen: Option<RunRecord>,
}

impl Deviation {
    pub(super) fn not_tried<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self::NotTried(reason.into()))
    }
}

/// A run that ended by itself.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: u8,
    pub(super) observed: Observed,
    pub(super) seen: RunRecord,
}

/// A run as the report shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RunRecord {
    /// The command line, as a shell would read it.
    pub(super) command: String,
    pub(super) ending: String,
    /// What the action file held, shortened; `null` if there was none.
    pub(super) file: Option<String>,
    pub(super) stdout: Vec<String>,
    pub(super) stderr: Vec<String>,
}

/// A document that was handed over.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) version: String,
    pub(super) hash: ContentHash,
    pub(super) bytes: Vec<u8>,
}

impl RunRecord {
    pub(super) fn new(command: &CommandLine, observed: &Observed) -> Self {
        let own = command.arguments.iter().cloned();
        let given = observed.arguments.iter();
        let given = given.map(|argument| argument.to_string_lossy().into_owned());
        let program = command.program.to_string_lossy().into_owned();
        let words: Vec<String> = std::iter::once(program).chain(own).chain(given).collect();
        let bytes = observed.file.as_ref().ok();
        Self {
            command: as_typed(&words),
            ending: match observed.end {
                ProcessEnd::Code(code) => described_code(code),
                ProcessEnd::Signal(signal) => format!("ended by signal {signal}"),
                ProcessEnd::TimedOut => format!("killed after {:.1?}", observed.took),
                ProcessEnd::Stopped => "interrupted".to_owned(),
            },
            file: bytes.map(|bytes| shortened(&String::from_utf8_lossy(bytes))),
            stdout: observed.stdout.clone(),
            stderr: observed.stderr.clone(),
        }
    }
}

/// Words as a person would type them.
fn as_typed(words: &[String]) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_=./:,@%+".contains(c);
    let quoted = words.iter().map(|word| {
        if word.chars().all(is_plain) {
            word.into()
        } else {
            shell_words::quote(word)
        }
    });
    let words: Vec<_> = quoted.collect();
    report::printable(&words.join(" ")).into_owned()
}

fn shortened(text: &str) -> String {
    let text = report::printable(text);
    let head: String = text.chars().take(SHOWN).collect();
    if head.len() == text.len() {
        head
    } else {
        format!("{head}… ({} bytes)", text.len())
    }
}

/// An exit code, with what it means.
pub(super) fn described_code(code: u8) -> String {
    let meaning = match code {
        EXIT_DONE => "done",
        EXIT_UNCHANGED => "nothing newer",
        EXIT_RETRY => "worth another try",
        EXIT_CONFLICT => "another was first",
        _ => "failed for good",
    };
    format!("exit code {code} ({meaning})")
}

/// Whether a code says that it failed, and that no other try will help.
pub(super) fn is_fatal(code: u8) -> bool {
    !matches!(
        code,
        EXIT_DONE | EXIT_UNCHANGED | EXIT_RETRY | EXIT_CONFLICT
    )
}

impl Run {
    /// The rule is broken, for this reason.
    pub(super) fn broken<T>(&self, what: impl Into<String>) -> Result<T, Deviation> {
        Err(Deviation::Broken(Box::new(Finding {
            what: what.into(),
            seen: Some(self.seen.clone()),
        })))
    }

    /// The rule is broken unless the run ended with this code.
    pub(super) fn expect(&self, code: u8) -> Checked {
        if self.code == code {
            return Ok(());
        }
        self.broken(format!(
            "{} instead of {}",
            described_code(self.code),
            described_code(code)
        ))
    }

    /// The rule is broken unless the run failed for good.
    pub(super) fn expect_fatal(&self) -> Checked {
        if is_fatal(self.code) {
            return Ok(());
        }
        self.broken(format!(
            "{} instead of a fatal code",
            described_code(self.code)
        ))
    }

    /// The document that the run has to have handed over. That it is one is for other rules.
    pub(super) fn document(&self) -> Result<Fetched, Deviation> {
        self.expect(EXIT_DONE)?;
        let none = || "what it handed over is not a document, as other rules tell";
        let bytes = self.observed.file.as_ref();
        let bytes = bytes.map_err(|_| Deviation::NotTried(none().to_owned()))?;
        Fetched::read(bytes).map_or_else(|| Deviation::not_tried(none()), Ok)
    }
}

impl Fetched {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let document = RawDocument::read(bytes).ok()?;
        let version = document
            .version()
            .filter(|version| can_be_argument(version))?;
        Some(Self {
            version: version.to_owned(),
            hash: document.content_hash(),
            bytes: bytes.to_owned(),
        })
    }
}
