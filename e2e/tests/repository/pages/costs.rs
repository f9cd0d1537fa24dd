//! What polling costs: the prices and limits of AWS, and everything that follows from them.
//!
//! Amounts of money are whole micro-dollars, so that nothing is rounded before the end.

use e2e::tables::{grouped, table};

/// A month of 30 days, in seconds.
const MONTH: u64 = 30 * 24 * 3600;
/// `REFRESH_TIME`, unless a table says otherwise.
const REFRESH: u64 = 30;
const SIZES: [u64; 4] = [10, 100, 1_000, 10_000];
/// What one list or describe call of ECS gives.
const BATCH: u64 = 100;
/// List and describe calls of tasks that ECS takes a second, all callers of an account together.
const ECS_CALLS: u64 = 20;

/// Micro-dollars for a thousand requests of S3.
const S3_GETS: u64 = 400;
const S3_PUTS_AND_LISTS: u64 = 5_000;
/// Micro-dollars for a million discovery calls of Cloud Map.
const CLOUD_MAP_CALLS: u64 = 1_000_000;
/// Discovery calls that Cloud Map takes a second.
const CLOUD_MAP_RATE: u64 = 3_000;
/// Micro-dollars for a gigabyte through a NAT gateway.
const NAT: u64 = 45_000;

/// Two PUTs and a LIST; deletions are free.
const REQUESTS_OF_A_COMMIT: u64 = 3;
const COMMITS_A_DAY: u64 = 1_000;
/// How many tasks make one service of Cloud Map.
const TASKS_OF_A_SERVICE: u64 = 5;

/// The share of the discovery map that a task has, and what compression leaves of it.
const BYTES_OF_A_TASK: u64 = 120;
const COMPRESSED_TO: u64 = 5;
/// From here on the store compresses.
const COMPRESSED_FROM: u64 = 256 * 1024;

/// Every table, with its name.
pub(super) fn tables() -> Vec<(String, String)> {
    [
        ("prices", prices()),
        ("calls of standalone discovery", calls()),
        ("largest standalone mesh", largest()),
        ("a month of polling", month()),
        ("what a change moves", transfer()),
    ]
    .map(|(name, table)| (name.to_owned(), table))
    .into()
}

fn prices() -> String {
    let rows = [
        (
            "S3, GET",
            money(S3_GETS * 1_000),
            "1,000,000 requests, unchanged ones (304) too",
        ),
        (
            "S3, PUT and LIST",
            money(S3_PUTS_AND_LISTS * 1_000),
            "1,000,000 requests; DELETE is free",
        ),
        (
            "Cloud Map, `DiscoverInstances` and `DiscoverInstancesRevision`",
            money(CLOUD_MAP_CALLS),
            "1,000,000 calls",
        ),
        ("ECS, any call", money(0), "throttled instead"),
        (
            "S3 to the same region, directly or by a gateway endpoint",
            money(0),
            "any amount",
        ),
        ("The same through a NAT gateway", money(NAT * 100), "100 GB"),
    ];
    let rows = rows.map(|(what, price, per)| [what.to_owned(), price, per.to_owned()]);
    table(["what", "price", "for"], rows)
}

/// List and describe calls of one refresh, for a mesh of `tasks`.
fn calls_of_a_refresh(tasks: u64) -> u64 {
    2 * tasks.div_ceil(BATCH)
}

fn calls() -> String {
    let rows = SIZES.map(|tasks| {
        let each = calls_of_a_refresh(tasks);
        let rate = |seconds| hundredths(tasks * each, seconds);
        [
            grouped(tasks),
            grouped(each),
            rate(10),
            rate(30),
            rate(300),
            hundredths(each, REFRESH),
        ]
    });
    table(
        [
            "tasks, a proxy each",
            "calls of one refresh",
            "calls/s, `REFRESH_TIME` 10",
            "calls/s, 30",
            "calls/s, 300",
            "calls/s, one central, 30",
        ],
        rows,
    )
}

fn largest() -> String {
    let largest = |seconds: u64, rate: u64| {
        let fits = |tasks: &u64| tasks * calls_of_a_refresh(*tasks) <= rate * seconds;
        (1..=10_000).take_while(fits).last().unwrap_or_default()
    };
    let rows = [10, 30, 60, 300].map(|seconds| {
        [
            seconds.to_string(),
            grouped(largest(seconds, ECS_CALLS / 2)),
            grouped(largest(seconds, ECS_CALLS)),
        ]
    });
    table(
        [
            "`REFRESH_TIME`",
            "tasks with half of the limit",
            "tasks with all of it",
        ],
        rows,
    )
}

fn month() -> String {
    let refreshes = MONTH / REFRESH;
    let rows = SIZES.map(|proxies| {
        let services = proxies / TASKS_OF_A_SERVICE;
        let gets = proxies * refreshes;
        let fetching = gets * S3_GETS / 1_000;
        let commits = COMMITS_A_DAY * 30 * REQUESTS_OF_A_COMMIT * S3_PUTS_AND_LISTS / 1_000;
        let asking = |askers: u64| askers * services * refreshes * CLOUD_MAP_CALLS / 1_000_000;
        [
            grouped(proxies),
            grouped(gets),
            money(fetching),
            money(fetching + commits),
            money(asking(1) + fetching + commits),
            match (proxies * services + REFRESH / 2) / REFRESH {
                0..CLOUD_MAP_RATE => money(asking(proxies)),
                rate => format!("throttled: {} calls/s", grouped(rate)),
            },
        ]
    });
    table(
        [
            "proxies",
            "GETs",
            "for the GETs",
            "central on ECS",
            "central on Cloud Map",
            "standalone on Cloud Map",
        ],
        rows,
    )
}

fn transfer() -> String {
    let rows = SIZES.map(|tasks| {
        let map = tasks * BYTES_OF_A_TASK;
        let stored = if map < COMPRESSED_FROM {
            map
        } else {
            map / COMPRESSED_TO
        };
        let moved = stored * tasks;
        [
            grouped(tasks),
            bytes(map),
            bytes(stored),
            bytes(moved),
            money(moved * 1_000 / 1_000_000_000 * NAT),
        ]
    });
    table(
        [
            "tasks, a proxy each",
            "map",
            "as stored",
            "one change, all proxies",
            "1,000 changes through NAT",
        ],
        rows,
    )
}

/// Micro-dollars, in dollars and cents.
fn money(micros: u64) -> String {
    let cents = (micros + 5_000) / 10_000;
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}

fn tenths(number: u64) -> String {
    format!("{}.{}", grouped(number / 10), number % 10)
}

/// A quotient, to the nearest hundredth.
fn hundredths(number: u64, by: u64) -> String {
    let hundredths = (number * 100 + by / 2) / by;
    format!("{}.{:02}", grouped(hundredths / 100), hundredths % 100)
}

fn bytes(number: u64) -> String {
    match number {
        0..1_000_000 => format!("{} KB", tenths(number / 100)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(number / 100_000)),
        _ => format!("{} GB", tenths(number / 100_000_000)),
    }
}
