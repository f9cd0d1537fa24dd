//! Client of Envoy's admin interface, with the few requests that Nightjar needs.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Method, Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// How long one answer may take where nothing else is said; the interface is local and answers from memory.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The most that is read of one answer.
const LARGEST_ANSWER: usize = 64 << 20;

/// Why the admin interface gave no usable answer.
#[derive(Debug, thiserror::Error)]
#[error("envoy's admin interface at {address} does not answer {path}: {reason}")]
pub(crate) struct AdminError {
    address: SocketAddr,
    path: String,
    reason: String,
}

/// Where an Envoy can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    address: SocketAddr,
}

/// What `/server_info` says that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerInfo {
    /// How far its start is, such as `INITIALIZING`.
    pub(crate) state: String,
    /// Counts hot restarts.
    pub(crate) restart_epoch: u64,
    /// The bootstrap that it was started with.
    pub(crate) config_path: String,
}

impl ServerInfo {
    /// Whether initialisation is over and traffic is served.
    pub(crate) fn is_live(&self) -> bool {
        self.state == "LIVE"
    }
}

impl Admin {
    /// The interface that binds `address`.
    pub(crate) fn new(address: IpAddr, port: u16) -> Self {
        let reachable = match address {
            IpAddr::V4(any) if any.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(any) if any.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            other => other,
        };
        Self {
            address: SocketAddr::new(reachable, port),
        }
    }

    /// How far the server's start is, and its epoch.
    pub(crate) async fn server_info(&self) -> Result<ServerInfo, AdminError> {
        let info = self.json("/server_info").await?;
        let epoch = info.pointer("/command_line_options/restart_epoch");
        let text = |pointer| {
            let value = info.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Ok(ServerInfo {
            state: text("/state"),
            restart_epoch: epoch.and_then(Value::as_u64).unwrap_or_default(),
            config_path: text("/command_line_options/config_path"),
        })
    }

    /// An answer, which may take until `deadline`.
    pub(crate) async fn get_until(
        &self,
        path: &str,
        deadline: Instant,
    ) -> Result<String, AdminError> {
        // An answer that comes just too late is still better than none.
        let deadline = deadline.max(Instant::now() + Duration::from_millis(200));
        self.text(Method::GET, path, deadline).await
    }

    /// The part of the configuration dump named by a resource field, such as `dynamic_listeners`.
    pub(crate) async fn dump(&self, resource: &str) -> Result<Value, AdminError> {
        self.json(&format!("/config_dump?resource={resource}"))
            .await
    }

    /// Lets the health check fail, and every answer close its connection.
    pub(crate) async fn fail_health_check(&self) -> Result<(), AdminError> {
        self.text(Method::POST, "/healthcheck/fail", usual())
            .await
            .map(drop)
    }

    /// Lets listeners finish what they have begun, and asks clients to go elsewhere.
    pub(crate) async fn drain_listeners(&self) -> Result<(), AdminError> {
        self.text(Method::POST, "/drain_listeners?graceful&skip_exit", usual())
            .await
            .map(drop)
    }

    async fn json(&self, path: &str) -> Result<Value, AdminError> {
        let text = self.text(Method::GET, path, usual()).await?;
        serde_json::from_str(&text).map_err(|error| self.error(path, &error))
    }

    async fn text(
        &self,
        method: Method,
        path: &str,
        deadline: Instant,
    ) -> Result<String, AdminError> {
        let began = Instant::now();
        let answer = timeout_at(deadline, exchange(self.address, method, path)).await;
        match answer {
            Ok(Ok((200, body))) => Ok(body),
            Ok(Ok((status, body))) => {
                let reason = format!("status {status}: {}", body.trim());
                Err(self.error(path, &reason))
            }
            Ok(Err(error)) => Err(self.error(path, &error)),
            Err(_) => {
                let reason = format!("no answer in {} s", began.elapsed().as_secs());
                Err(self.error(path, &reason))
            }
        }
    }

    fn error(&self, path: &str, reason: &dyn std::fmt::Display) -> AdminError {
        AdminError {
            address: self.address,
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

fn usual() -> Instant {
    Instant::now() + ANSWER_TIMEOUT
}

/// One HTTP request on a connection of its own: status and body.
pub(crate) async fn exchange(
    address: SocketAddr,
    method: Method,
    path: &str,
) -> io::Result<(u16, String)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let driver = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), LARGEST_ANSWER)
        .collect()
        .await;
    driver.abort();
    let body = body.map_err(io::Error::other)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[cfg(test)]
mod tests;
