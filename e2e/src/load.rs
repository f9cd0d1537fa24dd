//! Requests without pause, and every one that failed.

use crate::http::{Connection, get};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The longest that any load lasts, whatever its test does.
const LONGEST: Duration = Duration::from_mins(3);

/// Load on one path of one listener; stops when dropped.
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    workers: Vec<JoinHandle<Vec<String>>>,
}

/// What became of all requests.
#[derive(Debug)]
pub struct Report {
    /// How many were sent.
    pub sent: u64,
    /// Every one that was not answered with 200: when, and what happened.
    pub lost: Vec<String>,
}

/// How clients use connections.
#[derive(Debug, Clone, Copy)]
pub struct Clients {
    /// How many send request after request on one connection.
    pub keep_alive: usize,
    /// How many open a connection for every request.
    pub one_shot: usize,
}

impl Load {
    /// Starts clients that GET `path` until the load is stopped.
    ///
    /// A keep-alive client does as RFC 9112 section 9.3.1 says: when the server closes an idle
    /// connection before any byte of an answer came, it sends the request once more on a new one.
    pub fn start(address: SocketAddr, path: &str, clients: Clients) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let began = Instant::now();
        let worker = |keep_alive: bool| {
            let (stop, sent, path) = (Arc::clone(&stop), Arc::clone(&sent), path.to_owned());
            thread::spawn(move || {
                let mut lost = Vec::new();
                let mut connection = None;
                while !stop.load(Ordering::Relaxed) && began.elapsed() < LONGEST {
                    sent.fetch_add(1, Ordering::Relaxed);
                    let result = if keep_alive {
                        on_kept(&mut connection, address, &path)
                    } else {
                        get(address, &path, &[]).map(|answer| answer.status)
                    };
                    if !matches!(result, Ok(200)) {
                        lost.push(format!("{:?}: {result:?}", began.elapsed()));
                        connection = None;
                    }
                }
                lost
            })
        };
        let workers = (0..clients.keep_alive)
            .map(|_| worker(true))
            .chain((0..clients.one_shot).map(|_| worker(false)))
            .collect();
        Self {
            stop,
            sent,
            workers,
        }
    }

    /// How many requests have been sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Stops all clients after their current request.
    pub fn stop(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let workers = std::mem::take(&mut self.workers);
        let lost = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect();
        Report {
            sent: self.sent(),
            lost,
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn on_kept(kept: &mut Option<Connection>, address: SocketAddr, path: &str) -> std::io::Result<u16> {
    if let Some(connection) = kept {
        match connection.request("GET", path, &[]) {
            Ok(answer) => {
                if answer.closes() {
                    *kept = None;
                }
                return Ok(answer.status);
            }
            Err(error) if closed_while_idle(&error) => *kept = None,
            Err(error) => return Err(error),
        }
    }
    let mut connection = Connection::open(address)?;
    let answer = connection.request("GET", path, &[])?;
    *kept = (!answer.closes()).then_some(connection);
    Ok(answer.status)
}

fn closed_while_idle(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}
