//! The queue between the program and the thread that writes its log.
//!
//! Of the libraries for this, `tracing-appender` brings a date library and files with it, and counts
//! what it drops without telling the reader of the log.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes of lines wait for standard error at most.
const MAX_BYTES: usize = 1 << 20;
/// About how many of them are written at once, so that the thread keeps up with a burst.
const BATCH_BYTES: usize = 1 << 16;
/// How long a standard error that would block is left alone.
const RETRY_DELAY: Duration = Duration::from_millis(10);

/// Lines of the log that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
    /// Whether the thread is writing what it took last.
    is_writing: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Text(Vec<u8>),
    /// So many lines were dropped here.
    Dropped(u64),
}

impl Queue {
    /// Starts the thread that writes the lines, for as long as the process lives. `dropped` makes the
    /// line for so many that were dropped.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(super) fn start(
        queue: &Arc<Self>,
        mut to: impl Write + Send + 'static,
        dropped: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> io::Result<()> {
        let queue = Arc::clone(queue);
        let write = move || {
            loop {
                let mut batch = Vec::new();
                for line in queue.next_batch() {
                    match line {
                        Line::Text(text) => batch.extend(text),
                        Line::Dropped(count) => batch.extend(dropped(count)),
                    }
                }
                write_all(&mut to, &batch);
            }
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(write)
            .map(drop)
    }

    /// Waits until everything is written, at most this long.
    pub(super) fn drain(&self, timeout: Duration) {
        let end = Instant::now() + timeout;
        let mut waiting = self.lock();
        while waiting.is_writing || !waiting.lines.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Adds a line, or counts it as dropped if there is no room. Never waits for a reader.
    fn push(&self, text: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes + text.len() <= MAX_BYTES || waiting.bytes == 0 {
            waiting.bytes += text.len();
            waiting.lines.push_back(Line::Text(text.to_owned()));
        } else if let Some(Line::Dropped(count)) = waiting.lines.back_mut() {
            *count += 1;
        } else {
            waiting.lines.push_back(Line::Dropped(1));
        }
        drop(waiting);
        self.changed.notify_all();
    }

    /// Takes the next lines, and waits for them. What was taken before is written by then.
    fn next_batch(&self) -> Vec<Line> {
        let mut waiting = self.lock();
        waiting.is_writing = false;
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while bytes < BATCH_BYTES
                && let Some(line) = waiting.lines.pop_front()
            {
                if let Line::Text(text) = &line {
                    bytes += text.len();
                }
                batch.push(line);
            }
            if !batch.is_empty() {
                waiting.bytes -= bytes;
                waiting.is_writing = true;
                return batch;
            }
            self.changed.notify_all();
            let woken = self.changed.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a line, to a reader that may take it only later. One that is gone takes nothing any more.
fn write_all(to: &mut impl Write, mut text: &[u8]) {
    while !text.is_empty() {
        match to.write(text) {
            Ok(0) => return,
            Ok(written) => text = text.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY_DELAY),
            Err(_) => return,
        }
    }
}

/// Puts each event of the log into the queue.
#[derive(Debug)]
pub(super) struct QueueWriter<'q>(&'q Queue);

impl Write for QueueWriter<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.push(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes the writers of one queue; `Arc<Queue>` itself makes writers of another kind.
#[derive(Debug)]
pub(super) struct ToQueue(pub(super) Arc<Queue>);

impl<'q> MakeWriter<'q> for ToQueue {
    type Writer = QueueWriter<'q>;

    fn make_writer(&'q self) -> Self::Writer {
        QueueWriter(&self.0)
    }
}

/// Keeps what is written to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Capture(pub(super) Arc<Mutex<Vec<u8>>>);

impl Write for Capture {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Read as _,
        os::{fd::OwnedFd, unix::net::UnixStream},
    };

    /// A queue whose reader reads nothing until it is asked to.
    fn blocked() -> (Arc<Queue>, UnixStream) {
        let (reader, writer) = UnixStream::pair().unwrap();
        let queue = Arc::new(Queue::default());
        let to = std::fs::File::from(OwnedFd::from(writer));
        let dropped = |count| format!("dropped {count}\n").into_bytes();
        Queue::start(&queue, to, dropped).unwrap();
        (queue, reader)
    }

    #[test]
    fn a_reader_that_stalls_blocks_nothing_and_sees_the_gap() {
        const LINES: usize = 40_000;
        let (queue, mut reader) = blocked();
        let began = Instant::now();
        for number in 0..LINES {
            queue.push(format!("{number:099}\n").as_bytes());
        }
        queue.drain(Duration::from_millis(50));
        assert!(began.elapsed() < Duration::from_secs(10), "it waited");

        let mut read = String::new();
        let mut buffer = vec![0; 1 << 16];
        while !read.contains("dropped") {
            let length = reader.read(&mut buffer).unwrap();
            read += std::str::from_utf8(&buffer[..length]).unwrap();
        }
        queue.push(b"it flows again\n");
        while !read.ends_with("it flows again\n") {
            let length = reader.read(&mut buffer).unwrap();
            read += std::str::from_utf8(&buffer[..length]).unwrap();
        }
        // The gap is marked where it is, and everything before it is there.
        let lines: Vec<&str> = read.lines().collect();
        let kept = lines.len() - 2;
        assert!(kept * 100 >= MAX_BYTES, "{kept}");
        assert_eq!(lines[kept], format!("dropped {}", LINES - kept));
        assert!(
            (0..kept).all(|number| lines[number] == format!("{number:099}")),
            "a line is lost"
        );
    }

    #[test]
    fn what_is_left_is_written_at_the_end() {
        let (queue, mut reader) = blocked();
        queue.push(b"one\n");
        queue.push(b"two\n");
        queue.drain(Duration::from_secs(20));
        let mut buffer = [0; 100];
        let length = reader.read(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"one\ntwo\n");
    }

    #[test]
    fn a_line_that_is_longer_than_the_queue_is_written_all_the_same() {
        let (queue, mut reader) = blocked();
        let long = vec![b'x'; 2 * MAX_BYTES];
        queue.push(&long);
        let mut read = vec![0; long.len()];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(read, long);
    }

    #[test]
    fn nothing_waits_for_a_reader_that_is_gone() {
        let (queue, reader) = blocked();
        drop(reader);
        queue.push(b"nobody reads this\n");
        let began = Instant::now();
        queue.drain(Duration::from_secs(20));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
