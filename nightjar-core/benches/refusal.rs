//! Peak memory for the refusal of a faulty map, beside the size of its text.
//!
//! `cargo bench -p nightjar-core --bench refusal`. Each map is refused in a process of its own; what the
//! process holds beside it (the program, and the text itself) counts.

use nightjar_core::{
    document::{self, discovery_map::DiscoveryMap},
    env,
};
use std::{fmt::Write as _, fs, process::Command};

/// A map in which every instance, route and property of every service-color is faulty.
fn faulty(service_colors: usize) -> String {
    let mut text = String::from(
        r#"{"schema-version":"v1","document-version":"1","namespaces":[{"namespace":"n1","network-id":"n1","gateways":{"instances":[]},"service-colors":["#,
    );
    for number in 0..service_colors {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(
            text,
            r#"{comma}{{"service":"s {number}","color":"blue","index":"x","namespace-egress":[],"instances":["#
        );
        for port in 0..20 {
            let comma = if port == 0 { "" } else { "," };
            let _ = write!(
                text,
                r#"{comma}{{"ipv4":"10.0.0.{port}","port":{}}}"#,
                70_000 + port
            );
        }
        let route = r#"{"path-match":{"match-type":"regex","value":"("},"weight":-1,"default-access":1,"namespace-access":[],"properties":{"a":1}}"#;
        let _ = write!(text, r#"],"routes":[{route},{route}]}}"#);
    }
    text.push_str("]}]}");
    text
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#[expect(clippy::expect_used, reason = "a benchmark that cannot run has failed")]
fn main() {
    let arguments: Vec<String> = env::arguments()
        .filter_map(|text| text.into_string().ok())
        .collect();
    if let [option, count] = arguments.as_slice()
        && option == "--refuse"
    {
        refuse(count.parse().expect("a number"));
        return;
    }
    println!("| map | peak memory | times its size |\n|---|---|---|");
    for count in [10_500, 34_000] {
        let output = Command::new("/proc/self/exe")
            .args(["--refuse", &count.to_string()])
            .output();
        print!(
            "{}",
            String::from_utf8_lossy(&output.expect("it runs").stdout)
        );
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
#[expect(clippy::expect_used, reason = "a benchmark that cannot run has failed")]
fn refuse(service_colors: usize) {
    let text = faulty(service_colors);
    let refused = document::read::<DiscoveryMap>(text.as_bytes()).expect_err("it is faulty");
    assert_eq!(refused.faults.len(), document::MAX_FINDINGS);
    let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: f64 = peak
        .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .expect("a peak");
    let (peak, size) = (peak / 1024.0, text.len() as f64 / 1024.0 / 1024.0);
    println!(
        "| {size:.1} MB, {} faults | {peak:.0} MB | {:.1} |",
        refused.faults.len() + refused.unlisted,
        peak / size
    );
}
