//! The proxy between a program and moto: it names and counts calls, delays them, and makes faults.
//!
//! It is a plain HTTP/1.1 proxy with a thread for every connection; connections to it are kept
//! alive as long as the program likes, each request goes to moto on a connection of its own.

mod fault;
mod message;
mod naming;

pub use fault::Fault;

use crate::ports;
use fault::Act;
use message::{Answered, Asked};
use rustix::net::sockopt::set_socket_linger;
use std::{
    collections::BTreeMap,
    io::{self, BufReader, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The proxy. Dropping it closes its port and every connection.
pub struct Wire {
    port: u16,
    state: Arc<State>,
    door: Mutex<Option<JoinHandle<()>>>,
}

/// One request that reached the wire.
#[derive(Debug, Clone)]
pub struct Request {
    /// Service and operation, such as `ecs:ListTasks`.
    pub call: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
    /// When it was read to its end, counted from the wire's start.
    pub at: Duration,
    /// The status that was answered; `None` while there is no answer, and if there was none.
    pub status: Option<u16>,
}

impl Request {
    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

struct State {
    upstream: SocketAddr,
    account: String,
    began: Instant,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    requests: Vec<Request>,
    rules: Vec<Rule>,
    player: Option<Player>,
    latency: Duration,
    open: bool,
    connections: BTreeMap<u64, TcpStream>,
}

/// What answers requests in moto's place: status and body, or `None` for those that it leaves to moto.
type Player = Arc<dyn Fn(&Request) -> Option<(u16, String)> + Send + Sync>;

/// A fault for a call, and for how many more times.
struct Rule {
    call: String,
    fault: Fault,
    times: Option<u64>,
}

impl Rule {
    fn is_for(&self, call: &str) -> bool {
        match self.call.strip_suffix('*') {
            Some(start) => call.starts_with(start),
            None => self.call == call,
        }
    }
}

impl Wire {
    pub(super) fn start(upstream: SocketAddr, account: &str) -> Self {
        let state = Arc::new(State {
            upstream,
            account: account.to_owned(),
            began: Instant::now(),
            inner: Mutex::default(),
        });
        let listener = || TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free())).ok();
        let listener = std::iter::from_fn(|| Some(listener())).flatten().next();
        let listener = listener.expect("ports do not end");
        let wire = Self {
            port: listener.local_addr().unwrap().port(),
            state,
            door: Mutex::default(),
        };
        wire.open(listener);
        wire
    }

    /// `http://127.0.0.1:<port>`: what `AWS_ENDPOINT_URL` is to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// How often each call was made since the start, or since [`Wire::forget`]. A retry counts.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for request in &self.state.lock().requests {
            *calls.entry(request.call.clone()).or_default() += 1;
        }
        calls
    }

    /// How often one call was made.
    pub fn count(&self, call: &str) -> u64 {
        self.calls().get(call).copied().unwrap_or_default()
    }

    /// Every request, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().requests.clone()
    }

    /// Starts counting anew.
    pub fn forget(&self) {
        self.state.lock().requests.clear();
    }

    /// Delays every call by this.
    pub fn set_latency(&self, latency: Duration) {
        self.state.lock().latency = latency;
    }

    /// Makes every such call fail until [`Wire::restore`]. `ecs:*` is every call of ECS, `*` any call.
    /// What was said first counts first.
    pub fn fail(&self, call: &str, fault: Fault) {
        self.rule(call, fault, None);
    }

    /// Makes the next such calls fail.
    pub fn fail_times(&self, times: u64, call: &str, fault: Fault) {
        self.rule(call, fault, Some(times));
    }

    /// Answers in moto's place from now on, where no call is made to fail: with a status and a body,
    /// or not at all (`None`), which leaves the request to moto.
    pub fn play(&self, player: impl Fn(&Request) -> Option<(u16, String)> + Send + Sync + 'static) {
        self.state.lock().player = Some(Arc::new(player));
    }

    fn rule(&self, call: &str, fault: Fault, times: Option<u64>) {
        let call = call.to_owned();
        let rule = Rule { call, fault, times };
        self.state.lock().rules.push(rule);
    }

    /// Ends all faults and the refusal of connections; the latency stays.
    pub fn restore(&self) {
        self.state.lock().rules.clear();
        if self.door.lock().unwrap().is_none() {
            let listener =
                crate::eventually("the wire's port", || TcpListener::bind(self.address()).ok());
            self.open(listener);
        }
    }

    /// Closes every connection and refuses new ones until [`Wire::restore`].
    pub fn refuse(&self) {
        let Some(door) = self.door.lock().unwrap().take() else {
            return;
        };
        self.state.lock().open = false;
        // Wakes the one that waits for connections.
        let _ = TcpStream::connect(self.address());
        door.join().unwrap();
        for connection in std::mem::take(&mut self.state.lock().connections).values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn open(&self, listener: TcpListener) {
        self.state.lock().open = true;
        let state = Arc::clone(&self.state);
        *self.door.lock().unwrap() = Some(thread::spawn(move || state.accept(&listener)));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.refuse();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for (number, stream) in (0..).zip(listener.incoming()) {
            let mut inner = self.lock();
            if !inner.open {
                return;
            }
            let Ok(stream) = stream else { continue };
            if let Ok(handle) = stream.try_clone() {
                inner.connections.insert(number, handle);
            }
            drop(inner);
            let state = Arc::clone(self);
            thread::spawn(move || {
                // How a connection ends is the program's affair.
                let ending = state.serve(&stream).unwrap_or(Ending::Close);
                state.lock().connections.remove(&number);
                if ending == Ending::Reset {
                    let _ = set_socket_linger(&stream, Some(Duration::ZERO));
                }
            });
        }
    }

    /// Answers one request after another.
    fn serve(&self, stream: &TcpStream) -> io::Result<Ending> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some(asked) = Asked::read(&mut reader)? {
            let (index, act) = self.begin(&asked);
            let mut writer = stream;
            let answered = match act {
                Act::Pass => self.forward(&asked)?,
                Act::Answer(answered) => answered,
                Act::Reset => return Ok(Ending::Reset),
                Act::ResetAfter => {
                    self.forward(&asked)?;
                    return Ok(Ending::Reset);
                }
                Act::Half => {
                    let whole = self.forward(&asked)?.bytes(&asked);
                    writer.write_all(whole.get(..whole.len() / 2).unwrap_or_default())?;
                    return Ok(Ending::Close);
                }
                Act::Stall(time) => {
                    thread::sleep(time);
                    return Ok(Ending::Close);
                }
            };
            self.end(index, answered.status);
            writer.write_all(&answered.bytes(&asked))?;
            if asked.closes {
                break;
            }
        }
        Ok(Ending::Close)
    }

    /// Writes a request down, waits as long as it is to take, and decides what becomes of it.
    fn begin(&self, asked: &Asked) -> (usize, Act) {
        let call = naming::call(asked);
        let request = Request {
            call: call.clone(),
            method: asked.method.clone(),
            target: asked.target.clone(),
            headers: asked.headers.clone(),
            body: asked.body.clone(),
            at: self.began.elapsed(),
            status: None,
        };
        let mut inner = self.lock();
        inner.requests.push(request.clone());
        let index = inner.requests.len() - 1;
        let rule = inner
            .rules
            .iter_mut()
            .find(|rule| rule.times != Some(0) && rule.is_for(&call));
        let fault = rule.map(|rule| {
            rule.times = rule.times.map(|left| left - 1);
            rule.fault.act(&call)
        });
        let (latency, player) = (inner.latency, inner.player.clone());
        drop(inner);
        thread::sleep(latency);
        let answer = || player.and_then(|player| player(&request));
        let answer = || answer().map(|(status, body)| Act::answer(status, Vec::new(), body));
        (index, fault.or_else(answer).unwrap_or(Act::Pass))
    }

    fn end(&self, index: usize, status: u16) {
        // `forget` may have taken it away.
        if let Some(request) = self.lock().requests.get_mut(index) {
            request.status = Some(status);
        }
    }

    fn forward(&self, asked: &Asked) -> io::Result<Answered> {
        let mut upstream = TcpStream::connect(self.upstream)?;
        upstream.set_nodelay(true)?;
        upstream.set_read_timeout(Some(crate::WAIT_TIMEOUT))?;
        upstream.write_all(&asked.bytes(&[("x-moto-account-id", &self.account)]))?;
        Answered::read(&mut BufReader::new(upstream), &asked.method)
    }
}

/// How a connection ends.
#[derive(PartialEq)]
enum Ending {
    Close,
    Reset,
}
