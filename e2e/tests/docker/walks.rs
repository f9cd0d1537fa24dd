//! The walks of the pages: each command of a `console` block is run as it stands there, in one shell
//! from the first block to the last, and has to print what stands below it.
//!
//! `…` stands for anything; alone on a line, for any number of lines. A command that has output to
//! show is asked again for a while, as a reader would: a change takes a refresh or two.

use crate::{
    engine::{Image, compose, run},
    example::turn,
};
use e2e::{markdown, ports};
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{self, Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a command may take to print what it should.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long any command may run.
const LONGEST: Duration = Duration::from_mins(2);
/// What comes behind each command's output.
const END: u8 = 0x1e;
/// `docker compose`, where there is only the older program, which does not see for itself that it has
/// no terminal.
const OLDER_COMPOSE: &str = r#"docker() {
    case $1,$2 in
        compose,exec) shift 2; docker-compose exec -T "$@" ;;
        compose,*) shift; docker-compose "$@" ;;
        *) command docker "$@" ;;
    esac
}"#;

#[test]
fn the_small_mesh() {
    walk("examples/simple-mesh/README.md", "examples/simple-mesh");
}

#[test]
fn central_and_s3() {
    walk(
        "examples/central-and-s3/README.md",
        "examples/central-and-s3",
    );
}

#[test]
fn the_page_on_containers() {
    walk("docs/containers.md", ".");
}

/// Does what a page says, in a folder of the repository.
fn walk(page: &str, folder: &str) {
    let _turn = turn();
    let steps = steps(page);
    assert!(!steps.is_empty(), "{page} has no walk");
    let mut shell = Shell::start(folder);
    for step in steps {
        let place = format!("{page}:{}: {}", step.line, step.command);
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let (printed, status) = shell.run(&step.command);
            let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
            if status == "0" && (step.prints.is_empty() || matches(&step.prints, &printed)) {
                break;
            }
            assert!(
                !step.prints.is_empty() && Instant::now() < deadline,
                "{place}\nended with {status}, printed\n{}\nand said\n{}",
                printed.join("\n"),
                shell.said()
            );
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A command, and what it prints.
struct Step {
    line: usize,
    command: String,
    prints: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let pages = markdown::pages();
    let page = pages.iter().find(|other| other.name == page).unwrap();
    let mut steps = Vec::<Step>::new();
    let blocks = page.blocks().into_iter();
    for block in blocks.filter(|block| block.language == "console") {
        let mut goes_on = false;
        for (line, text) in (block.line + 1..).zip(block.text.lines()) {
            if let Some(command) = text.strip_prefix("$ ") {
                steps.push(Step {
                    line,
                    command: command.to_owned(),
                    prints: Vec::new(),
                });
            } else {
                let step = steps.last_mut().expect("a walk begins with a command");
                if goes_on {
                    step.command = format!("{}\n{text}", step.command);
                } else if !text.trim().is_empty() {
                    step.prints.push(text.trim_end().to_owned());
                }
            }
            goes_on = text.ends_with('\\');
        }
    }
    steps
}

/// Whether these lines are the expected ones.
fn matches(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((any, rest)) if any == "…" => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && matches(rest, others)),
    }
}

fn line_matches(expected: &str, line: &str) -> bool {
    let Some((start, rest)) = expected.split_once('…') else {
        return line == expected;
    };
    line.strip_prefix(start).is_some_and(|line| {
        let places = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        places.into_iter().any(|at| line_matches(rest, &line[at..]))
    })
}

/// A shell that reads commands one by one, with a compose project and ports of its own.
struct Shell {
    bash: Child,
    commands: ChildStdin,
    answers: Receiver<(String, String)>,
    /// What was written to standard error.
    complaints: PathBuf,
    _scratch: TempDir,
    project: String,
    /// What the pages say, and what it is here.
    instead: Vec<(&'static str, String)>,
}

impl Shell {
    fn start(folder: &str) -> Self {
        let project = format!("nightjar-walk-{}", process::id());
        let scratch = tempfile::tempdir().unwrap();
        let (complaints, inside) = (scratch.path().join("said"), scratch.path().join("inside"));
        let mut command = Command::new("bash");
        let mut instead = vec![
            ("central-and-s3_", format!("{project}_")),
            ("my-gateway", format!("{project}-gateway")),
            (
                "\n    nightjar-standalone",
                format!("\n    {}", Image::Standalone.name()),
            ),
            (
                "nightjar-standalone validate",
                format!("{} validate", Image::Standalone.name()),
            ),
            ("/tmp/look-inside", inside.display().to_string()),
        ];
        for (variable, address) in [
            ("GATEWAY_PORT", "127.0.0.1:8080"),
            ("STOCK_PORT", "127.0.0.1:8081"),
            ("SHOP_PORT", "127.0.0.1:8082"),
            ("BANK_PORT", "127.0.0.1:8090"),
        ] {
            let port = ports::free().to_string();
            instead.push((address, format!("127.0.0.1:{port}")));
            command.env(variable, port);
        }
        let mut bash = command
            .arg("--norc")
            .env("COMPOSE_PROJECT_NAME", &project)
            .current_dir(e2e::root().join(folder))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&complaints).unwrap())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut shell = Self {
            commands: bash.stdin.take().unwrap(),
            answers: answers(bash.stdout.take().unwrap()),
            bash,
            complaints,
            _scratch: scratch,
            project,
            instead,
        };
        if compose().get_program() != "docker" {
            shell.run(OLDER_COMPOSE);
        }
        shell
    }

    /// Runs a command; gives what it printed, and its exit code.
    fn run(&mut self, command: &str) -> (String, String) {
        let mut command = command.to_owned();
        for (page, here) in &self.instead {
            command = command.replace(page, here);
        }
        // Whatever it is, it must not read the commands after it.
        write!(
            self.commands,
            "{{ {command}\n}} </dev/null; printf '\\036%s\\n' $?\n"
        )
        .unwrap();
        self.answers
            .recv_timeout(LONGEST)
            .unwrap_or_else(|_| panic!("{command} does not end; it said\n{}", self.said()))
    }

    /// The end of what was written to standard error.
    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&fs::read(&self.complaints).unwrap()).into_owned();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// What commands printed, and their exit codes, as they end.
fn answers(output: ChildStdout) -> Receiver<(String, String)> {
    let mut output = BufReader::new(output);
    let (answer, answers) = channel();
    thread::spawn(move || {
        loop {
            let (mut printed, mut status) = (Vec::new(), String::new());
            output.read_until(END, &mut printed).unwrap();
            if printed.pop() != Some(END) {
                return;
            }
            output.read_line(&mut status).unwrap();
            let printed = String::from_utf8_lossy(&printed).into_owned();
            if answer.send((printed, status.trim().to_owned())).is_err() {
                return;
            }
        }
    });
    answers
}

impl Drop for Shell {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.bash);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.bash.wait();
        let label = format!("label=com.docker.compose.project={}", self.project);
        let mut containers = listed(&["ps", "--all", "--quiet", "--filter", &label]);
        containers.push(format!("{}-gateway", self.project));
        for container in containers {
            run(&["rm", "--force", "--volumes", &container]);
        }
        for kind in ["network", "volume"] {
            for name in listed(&[kind, "ls", "--quiet", "--filter", &label]) {
                run(&[kind, "rm", &name]);
            }
        }
    }
}

/// The lines that `docker` prints.
fn listed(arguments: &[&str]) -> Vec<String> {
    let output = String::from_utf8_lossy(&run(arguments).stdout).into_owned();
    output.lines().map(ToOwned::to_owned).collect()
}
