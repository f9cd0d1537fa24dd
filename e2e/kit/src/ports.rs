//! Ports that nobody else takes.

use std::{
    net::TcpListener,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Below the range from which the kernel takes ports for outgoing connections, one of which could
/// otherwise hold the port by the time it is wanted.
const RANGE: std::ops::Range<u32> = 10_000..32_000;

/// A TCP port that is free on every address.
pub fn free() -> u16 {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU32::new(std::process::id() * 37));
    for _ in RANGE {
        let offset = next.fetch_add(1, Ordering::Relaxed) % (RANGE.end - RANGE.start);
        let port = u16::try_from(RANGE.start + offset).unwrap();
        let free = ["0.0.0.0", "127.0.0.1", "[::1]"]
            .iter()
            .all(|address| TcpListener::bind(format!("{address}:{port}")).is_ok());
        if free {
            return port;
        }
    }
    panic!("no port from {RANGE:?} is free");
}

#[cfg(test)]
mod tests {
    use super::free;
    use std::{collections::BTreeSet, thread};

    #[test]
    fn nobody_gets_the_port_of_another() {
        let threads: Vec<_> = (0..8)
            .map(|_| thread::spawn(|| (0..50).map(|_| free()).collect::<Vec<u16>>()))
            .collect();
        let ports: Vec<u16> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 400);
    }
}
