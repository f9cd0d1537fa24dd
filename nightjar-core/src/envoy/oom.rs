//! Which process the kernel ends first when memory runs out.

use std::io::Write as _;

/// Has the kernel end this process before others when memory runs out: with a score of 1,000 before
/// all, with 0 as the amount of its memory demands.
///
/// Without it the kernel takes the largest, which is the Envoy that serves. It is not possible on
/// every system, and nothing depends on it, so failing is silent.
pub fn volunteer_as_oom_victim(pid: u32, score: u16) {
    let path = format!("/proc/{pid}/oom_score_adj");
    let file = std::fs::OpenOptions::new().write(true).open(path);
    if let Ok(mut file) = file {
        // Not to be done means to go on as before.
        let _ = file.write_all(score.to_string().as_bytes());
    }
}
