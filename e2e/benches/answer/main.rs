//! The time from a change to Envoy answering by it: through files, and the same change pushed by a
//! small ADS server to the same Envoy.
//!
//! Run it with `make bench`, which builds the programs as they are shipped.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and may fail as it likes"
)]

mod ads;
mod files;

use e2e::{
    http::Connection,
    maps::{crowded, prefix, service_color},
    mesh::Backend,
};
use serde_json::Value;
use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

/// How many changes of each kind are timed.
const CHANGES: usize = 30;

/// A mesh of clusters with endpoints, and what is hoped for in milliseconds: for a moved endpoint,
/// for a route to a new cluster, and for the CPU time of either.
struct Size {
    clusters: u16,
    endpoints: u8,
    endpoint: u16,
    route: u16,
    cpu: Option<u16>,
}

const SIZES: [Size; 3] = [
    Size {
        clusters: 10,
        endpoints: 2,
        endpoint: 12,
        route: 40,
        cpu: None,
    },
    Size {
        clusters: 200,
        endpoints: 10,
        endpoint: 60,
        route: 140,
        cpu: None,
    },
    Size {
        clusters: 2_000,
        endpoints: 10,
        endpoint: 350,
        route: 800,
        cpu: Some(120),
    },
];

/// A state of the mesh, and who answers then.
struct State {
    name: &'static str,
    map: Value,
    by: &'static str,
}

/// What one change took, in seconds: until the answer, and of CPU time.
struct Change {
    answer: f64,
    own: f64,
    children: f64,
}

fn main() {
    println!(
        "from a change to the answer by it, medians of {CHANGES} changes; through files: from the \
         rename of the map, which SIGHUP follows at once, REFRESH_TIME=600, NJ_VALIDATE=true"
    );
    let blue = Backend::start("shop", "blue");
    let green = Backend::start("shop", "green");
    for size in SIZES {
        measure(&size, &states(&size, blue.port, green.port));
    }
}

/// The mesh before, with a moved endpoint, and with a route that goes to a new cluster.
fn states(size: &Size, blue: u16, green: u16) -> [State; 3] {
    let shop = |color, port, paths: &[&str]| {
        let routes: Vec<Value> = paths.iter().map(|path| prefix(path)).collect();
        service_color("shop", color, &[port], &routes)
    };
    let state = |name, by, colors: &[Value]| State {
        name,
        map: crowded(size.clusters, size.endpoints, colors),
        by,
    };
    let all = &["/shop/", "/who"];
    [
        state("before", "shop-blue", &[shop("blue", blue, all)]),
        state("moved", "shop-green", &[shop("blue", green, all)]),
        state(
            "split",
            "shop-green",
            &[
                shop("blue", blue, &["/shop/"]),
                shop("green", green, &["/who"]),
            ],
        ),
    ]
}

fn measure(size: &Size, [before, moved, split]: &[State; 3]) {
    println!("{} clusters of {} endpoints", size.clusters, size.endpoints);
    let mut files = files::Files::start(before);
    let mut ours = changes(before, moved, split, |state| files.change(state));
    let mut ads = ads::Ads::start(files.stop(), [before, moved, split]);
    let mut pushed = changes(before, moved, split, |state| ads.change(state));
    for (number, (what, target)) in [
        ("an endpoint moved", Some(size.endpoint)),
        ("a route to a new cluster", Some(size.route)),
        ("the route back, and the cluster gone", None),
    ]
    .into_iter()
    .enumerate()
    {
        report(what, &mut ours[number], &mut pushed[number], target);
        if let (Some(cpu), Some(_)) = (size.cpu, target) {
            report_cpu(&ours[number], cpu);
        }
    }
}

/// All changes of one side: of the endpoint there and back, of the route there, of the route back.
fn changes(
    before: &State,
    moved: &State,
    split: &State,
    mut change: impl FnMut(&State) -> Change,
) -> [Vec<Change>; 3] {
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..CHANGES / 2 {
        all[0].push(change(moved));
        all[0].push(change(before));
    }
    for _ in 0..CHANGES {
        all[1].push(change(split));
        all[2].push(change(before));
    }
    all
}

/// Asks each millisecond until a state's backend answers, and gives the time since `began`.
fn answered(address: SocketAddr, state: &State, began: Instant) -> f64 {
    let mut connection = Connection::open(address).unwrap();
    while connection.request("GET", "/who", &[]).unwrap().by() != state.by {
        assert!(began.elapsed() < e2e::WAIT_TIMEOUT);
        thread::sleep(Duration::from_millis(1));
    }
    began.elapsed().as_secs_f64()
}

fn report(what: &str, ours: &mut [Change], pushed: &mut [Change], target: Option<u16>) {
    let target = target.map_or_else(String::new, |target| format!(" (target {target} ms)"));
    println!(
        "  {what}: {:.0} ms through files{target}, {:.0} ms by ADS; worst {:.0} and {:.0} ms",
        median(ours) * 1e3,
        median(pushed) * 1e3,
        ours.last().unwrap().answer * 1e3,
        pushed.last().unwrap().answer * 1e3
    );
}

fn median(changes: &mut [Change]) -> f64 {
    changes.sort_by(|one, other| one.answer.total_cmp(&other.answer));
    changes[changes.len() / 2].answer
}

fn report_cpu(changes: &[Change], target: u16) {
    let mean = |of: fn(&Change) -> f64| {
        changes.iter().map(of).sum::<f64>() / f64::from(u32::try_from(changes.len()).unwrap()) * 1e3
    };
    let (own, children) = (mean(|change| change.own), mean(|change| change.children));
    println!(
        "    CPU of Nightjar and the processes it waited for: {:.0} ms (target {target} ms), \
         {own:.0} ms its own, {children:.0} ms the children's",
        own + children
    );
}
