//! Taking connections, until the process is asked to stop.

use crate::{answers::Answers, say, settings::Settings};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};

/// How long requests that have begun may take once the service is to stop.
const GRACE: Duration = Duration::from_secs(30);
/// How long to pause when no connection can be taken, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests until SIGTERM or SIGINT, then finishes those that have begun.
pub(crate) async fn serve(settings: Settings) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {}: {error}", settings.listen),
        )
    })?;
    let address = listener.local_addr()?;
    let protocol = if settings.http2_only {
        "HTTP2"
    } else {
        "HTTP1.1"
    };
    say(&format!(
        "{} {} listens on {address}, {protocol}",
        settings.name, settings.color
    ));

    let server = server(settings.http2_only);
    let answers = Arc::new(Answers::new(settings, address.port()));
    let open = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, server.clone(), answers.clone(), open.watcher()));
                }
                Err(error) => {
                    say(&format!("cannot take a connection: {error}"));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, open.shutdown()).await.is_err() {
        say(&format!(
            "gave up on requests still open after {} s",
            GRACE.as_secs()
        ));
    }
    Ok(())
}

fn server(http2_only: bool) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new());
    server.http2().timer(TokioTimer::new());
    if http2_only {
        server.http2_only()
    } else {
        server
    }
}

async fn connection(
    stream: TcpStream,
    server: auto::Builder<TokioExecutor>,
    answers: Arc<Answers>,
    open: Watcher,
) {
    // Small answers leave at once instead of waiting for a full packet.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.answer(request).await) }
    });
    // A connection that breaks is its caller's affair.
    let _ = open
        .watch(server.serve_connection(TokioIo::new(stream), service))
        .await;
}
