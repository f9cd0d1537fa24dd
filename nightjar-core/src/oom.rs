//! Scores by which the kernel chooses the process to kill when memory runs out.

use std::{fs, io::Write as _, path::Path};

/// The highest that the kernel knows, `OOM_SCORE_ADJ_MAX`.
const MAX: i32 = 1000;

/// Has the kernel end a process, and what that starts from now on, sooner than this one when memory
/// runs out: its `oom_score_adj` is this program's own and `by`, at most 1,000. With 0 it counts
/// for as much as this program again.
///
/// Without it the kernel takes the largest, which is the Envoy that serves. It is not possible on
/// every system, and nothing depends on it, so failing is silent.
pub fn raise_oom_score(pid: u32, by: u16) {
    raise(Path::new("/proc"), &pid.to_string(), by);
}

/// As [`raise_oom_score`], for the program that calls it, `by` more than it was started with.
pub fn raise_own_oom_score(by: u16) {
    raise(Path::new("/proc"), "self", by);
}

fn raise(proc: &Path, process: &str, by: u16) {
    let Some(own) = fs::read_to_string(proc.join("self/oom_score_adj"))
        .ok()
        .and_then(|text| text.trim().parse::<i32>().ok())
    else {
        return;
    };
    let score = own.saturating_add(i32::from(by)).min(MAX);
    let path = proc.join(process).join("oom_score_adj");
    let file = fs::OpenOptions::new().write(true).open(path);
    if let Ok(mut file) = file {
        // Not to be done means to go on as before.
        let _ = file.write_all(score.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_raised_beside_what_a_process_inherits() {
        let proc = tempfile::tempdir().unwrap();
        let file = |process: &str| proc.path().join(process).join("oom_score_adj");
        for process in ["self", "7"] {
            fs::create_dir(proc.path().join(process)).unwrap();
        }
        for (own, by, score) in [
            ("0\n", 300, "300"),
            ("-500\n", 300, "-200"),
            ("-500\n", 0, "-500"),
            ("900\n", 300, "1000"),
        ] {
            fs::write(file("self"), own).unwrap();
            fs::write(file("7"), "").unwrap();
            raise(proc.path(), "7", by);
            assert_eq!(fs::read_to_string(file("7")).unwrap(), score);
        }
        raise(proc.path(), "8", 300);
        assert!(!proc.path().join("8").exists());
    }
}
