//! Who goes first when memory is short, and how much of it Nightjar takes.

use super::{only_envoy, wait_marked};
use e2e::{
    envoy, eventually,
    maps::{large, shop},
    mesh::{Backend, Plan, Proxy},
    scripts,
    templates::Templates,
};

fn score(process: u32) -> i32 {
    let text = std::fs::read_to_string(format!("/proc/{process}/oom_score_adj")).unwrap();
    text.trim().parse().unwrap()
}

/// How readily the kernel would have ended the processes of this kind, as they noted it.
fn noted(proxy: &Proxy, kind: &str) -> Vec<i32> {
    let text = std::fs::read_to_string(proxy.folder().join("scores")).unwrap_or_default();
    let scores = text.lines().filter_map(|line| line.strip_prefix(kind));
    scores.map(|score| score.trim().parse().unwrap()).collect()
}

#[test]
fn who_checks_and_who_takes_over_goes_before_who_serves() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_DRAIN_TIME", 1)
        .prepare();
    let script = format!(
        "case \"$*\" in *--version*) exec {envoy} \"$@\" ;; *validate*) kind=check ;; \
         *\"--restart-epoch 0\"*) kind=first ;; *) kind=next ;; esac\n\
         for i in 1 2 3 4 5 6 7 8 9; do score=$(cat /proc/$$/oom_score_adj); \
         [ $score -gt {own} ] && break; sleep 0.1; done\n\
         echo \"$kind $score\" >>{here}/scores\n\
         exec {envoy} \"$@\"",
        envoy = envoy().display(),
        here = proxy.folder().display(),
        own = score(std::process::id()),
    );
    let program = scripts::executable(&proxy.folder().join("noted-envoy"), &script);
    let program = program.display().to_string();
    proxy.env.insert("ENVOY_EXEC".to_owned(), program);
    proxy.launch();
    proxy.wait_told(200, "ready\n");
    let first = only_envoy(&proxy);
    let (own, serving) = (score(proxy.process().id()), score(first));
    assert!(serving >= own, "{serving} of the serving envoy, own {own}");

    // A check while it serves.
    let checks = noted(&proxy, "check").len();
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    let check = noted(&proxy, "check")[checks];
    assert!(
        check > serving,
        "{check} of a check, {serving} of who serves"
    );

    // Who takes over.
    templates.mark_bootstrap("one");
    wait_marked(&proxy, "one");
    let next = eventually("the next envoy", || noted(&proxy, "next").pop());
    assert!(
        next > serving,
        "{next} of the next, {serving} of who serves"
    );

    // Once it serves, it is worth as much as the one before.
    eventually("the next alone is there, and is who serves", || {
        let envoys = proxy.envoys();
        let [(process, _)] = envoys[..] else {
            return None;
        };
        (process != first && score(process) == serving).then_some(())
    });
    proxy.wait_told(200, "ready\n");
}

/// A figure of a process's status, in KiB.
fn figure(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let words = line.unwrap().trim_start_matches(':').split_whitespace();
    words.clone().next().unwrap().parse().unwrap()
}

#[test]
fn a_mesh_of_20_000_instances_fits_in_64_mb_after_any_number_of_rollouts() {
    let backends = ["one", "two", "three", "four"].map(|color| Backend::start("shop", color));
    let mut proxy = Plan::gateway("n1", &large(backends[0].port))
        .env("REFRESH_TIME", "0.5")
        .env("ENVOY_UPDATE_TIMEOUT", 60)
        .start();
    for (backend, color) in backends.iter().zip(["one", "two", "three", "four"]).skip(1) {
        proxy.set_map(&large(backend.port));
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
    }
    eventually("all are in force", || {
        (proxy.count("nightjar_rollout_seconds_count") == Some(4)).then_some(())
    });
    let process = proxy.process().id();
    // At any moment so far. A program that was built for debugging is large itself.
    let taken = figure(process, "VmHWM") - figure(process, "RssFile");
    assert!(taken <= 64 * 1024, "{taken} KiB");
}
