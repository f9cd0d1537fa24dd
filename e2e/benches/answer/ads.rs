//! Changes by ADS: what Nightjar wrote, pushed by `ads.py` beside this to an Envoy that has nothing else.

use crate::{Change, State, answered, files::Kept};
use e2e::{eventually, http, ports, process::Process};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

/// A running server and its Envoy.
pub(crate) struct Ads {
    server: Server,
    address: SocketAddr,
    _envoy: Process,
    _kept: Kept,
}

impl Ads {
    /// Starts both, and waits until Envoy answers by the first of the states.
    pub(crate) fn start(kept: Kept, states: [&State; 3]) -> Self {
        let port = ports::free();
        let mut server = Server::start(port);
        for state in states {
            let folder = kept.of(state).display();
            server.tell(&format!("load {} {folder}", state.name));
        }
        server.tell(&format!("hold {}", states[0].name));
        let files = fs::read_to_string(kept.of(states[0]).join("envoy-config.yaml")).unwrap();
        let bootstrap = kept.of(states[0]).join("ads.yaml");
        fs::write(&bootstrap, by_ads(&files, port)).unwrap();
        let mut command = Command::new(e2e::envoy());
        command
            .arg("-c")
            .arg(&bootstrap)
            .args(["--log-level", "off", "--disable-hot-restart"]);
        let envoy = Process::start(&mut command, Path::new("/dev/null"));
        let address = (Ipv4Addr::LOCALHOST, kept.port).into();
        eventually("Envoy answers by what ADS gave it", || {
            let answer = http::get(address, "/who", &[]).ok()?;
            (answer.by() == states[0].by).then_some(())
        });
        Self {
            server,
            address,
            _envoy: envoy,
            _kept: kept,
        }
    }

    /// Pushes a state, and waits for its answer and until Envoy has taken all.
    pub(crate) fn change(&mut self, state: &State) -> Change {
        let began = Instant::now();
        self.server.ask(&format!("push {}", state.name));
        let answer = answered(self.address, state, began);
        self.server.done();
        Change {
            answer,
            own: 0.0,
            children: 0.0,
        }
    }
}

/// Nightjar's bootstrap with a server instead of files.
fn by_ads(files: &str, port: u16) -> String {
    let mut text = String::new();
    let mut skips = false;
    for line in files.lines() {
        if !line.starts_with(' ') {
            skips = line == "dynamic_resources:";
        }
        if !skips {
            text.push_str(line);
            text.push('\n');
        }
    }
    text + &format!(
        r#"dynamic_resources:
  ads_config:
    api_type: GRPC
    transport_api_version: V3
    grpc_services: [{{envoy_grpc: {{cluster_name: "ads"}}}}]
  cds_config: {{resource_api_version: V3, ads: {{}}}}
  lds_config: {{resource_api_version: V3, ads: {{}}}}
static_resources:
  clusters:
    - name: "ads"
      type: STATIC
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
          explicit_http_config: {{http2_protocol_options: {{}}}}
      load_assignment:
        cluster_name: "ads"
        endpoints:
          - lb_endpoints:
              - endpoint: {{address: {{socket_address: {{address: "127.0.0.1", port_value: {port}}}}}}}
"#
    )
}

/// A running `ads.py`.
struct Server {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    fn start(port: u16) -> Self {
        let venv = e2e::root().join(".venv");
        let mut process = Command::new(venv.join("bin/python"))
            .arg(e2e::root().join("e2e/benches/answer/ads.py"))
            .arg(port.to_string())
            .env("PYTHONPATH", venv.join("ads"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            commands: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    fn tell(&mut self, command: &str) {
        self.ask(command);
        self.done();
    }

    fn ask(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
    }

    fn done(&mut self) {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
