//! Memory of this process.

use super::metrics::{MetricsPage, count};
use std::fs;

/// Adds the memory that this process holds, as it is at this moment.
pub(super) fn add_to(page: &mut MetricsPage) {
    page.optional_gauge(
        "process_resident_memory_bytes",
        "Memory that this process holds, without Envoy and extensions.",
        resident_bytes().map(count),
    );
}

/// The bytes of this process that are in memory; `None` without `/proc`.
fn resident_bytes() -> Option<u64> {
    read(&fs::read_to_string("/proc/self/status").ok()?)
}

fn read(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figure_is_in_kib() {
        let status = "VmHWM:\t   11216 kB\nVmRSS:\t    9876 kB\n";
        assert_eq!(read(status), Some(9876 * 1024));
        assert_eq!(read("Name:\tnightjar\n"), None);
    }
}
