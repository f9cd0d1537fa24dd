//! Calls to other services.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full, Limited};
use hyper::{
    Request, Response, Uri,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use std::{error::Error, time::Duration};
use tokio::net::TcpStream;

/// How long another service may take to answer.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(15);
/// How large its answer may be.
const ANSWER_LIMIT: usize = 4 << 20;

type Failure = Box<dyn Error + Send + Sync>;

/// A response that is complete when it is made.
pub(crate) type Answer = Response<Full<Bytes>>;

/// What `url` answers to a GET: its status, content type and body.
pub(crate) async fn get(url: &Uri) -> Result<Answer, Failure> {
    tokio::time::timeout(EXCHANGE_TIMEOUT, exchange(url))
        .await
        .unwrap_or_else(
            |_| Err(format!("no answer within {} s", EXCHANGE_TIMEOUT.as_secs()).into()),
        )
}

/// One request over one connection: simple to follow, and no old connection can be in the way.
async fn exchange(url: &Uri) -> Result<Answer, Failure> {
    let authority = url.authority().ok_or("the URL has no host")?;
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);

    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, authority.as_str())
        .body(Empty::<Bytes>::new())?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await?.to_bytes();
    connection.abort();

    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = head.status;
    if let Some(kind) = head.headers.get(CONTENT_TYPE) {
        answer.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    Ok(answer)
}
