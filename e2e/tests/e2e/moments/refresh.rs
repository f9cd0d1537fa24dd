//! Envoy's life while a discovery hangs, or is tried again and again.

use super::{SCRIPTED, discovery_does, only_envoy, send, with_script};
use e2e::{
    WAIT_TIMEOUT, eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    process::with_argument,
    scripts,
};
use rustix::process::Signal;

/// A gateway whose discovery may take for ever.
fn scripted(blue: &Backend) -> Proxy {
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .discovery(scripts::extension(SCRIPTED))
        .env("NJ_EXTENSION_TIMEOUT", 600)
        .prepare();
    discovery_does(&proxy, scripts::COPY);
    proxy
}

/// Has discovery hang, and gives what its process can be known by.
fn hang(proxy: &Proxy) -> String {
    let mark = format!("3600.{}", proxy.port);
    discovery_does(proxy, &format!("sleep {mark}"));
    eventually("discovery hangs", || {
        (!with_argument(&mark).is_empty()).then_some(())
    });
    mark
}

#[test]
fn an_envoy_that_comes_back_is_confirmed_while_discovery_hangs() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = scripted(&blue);
    proxy.launch();
    proxy.wait_told(200, "ready\n");
    let mark = hang(&proxy);
    let hanging = with_argument(&mark);
    send(only_envoy(&proxy), Signal::KILL);
    eventually("its end is seen", || {
        (proxy.count("nightjar_envoy_exits_total") == Some(1)).then_some(())
    });
    proxy.wait_told(200, "ready\n");
    assert_eq!(with_argument(&mark), hanging, "the same run of discovery");
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    assert_eq!(proxy.run(&["--check-ready"]).0, Some(0));
}

#[test]
fn an_envoy_that_cannot_be_kept_running_ends_nightjar_while_discovery_hangs() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let mut proxy = scripted(&blue);
    // The tenth in a row dies when it is told to.
    with_script(
        &mut proxy,
        "echo start >>$HERE/starts\nif [ $(wc -l <$HERE/starts) -ge 10 ]; then\n  \
         while ! [ -e $HERE/die ]; do sleep 0.02; done\nfi\nexit 1",
    );
    proxy.launch();
    // A new configuration is a reason not to wait for the next start.
    for exits in 1..10 {
        eventually(&format!("{exits} ends"), || {
            (proxy.count("nightjar_envoy_exits_total") == Some(exits)).then_some(())
        });
        let (color, backend) = if exits % 2 == 0 {
            ("blue", &blue)
        } else {
            ("green", &green)
        };
        proxy.set_map(&shop(color, backend.port));
    }
    eventually("the tenth start", || {
        (proxy.count("nightjar_envoy_starts_total") == Some(10)).then_some(())
    });
    let mark = hang(&proxy);
    std::fs::write(proxy.folder().join("die"), "").unwrap();
    assert_eq!(proxy.process().wait(WAIT_TIMEOUT).code(), Some(1));
    assert_eq!(with_argument(&mark), []);
    assert_eq!(proxy.envoys(), []);
}
