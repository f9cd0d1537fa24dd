//! What `ext-store-s3` is measured against: the AWS SDK, one conditional GET, and nothing else.
//!
//! ```text
//! bare-s3 BUCKET KEY ETAG
//! ```
//! Ends with 30 if the object is still that version, like the store.

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let (bucket, key, etag) = (next(), next(), next());
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(https);
    let request = Client::new(&loader.load().await).get_object();
    let answer = request.bucket(bucket).key(key).if_none_match(etag).send();
    let unchanged = answer.await.err().is_some_and(|error| {
        let answer = error.raw_response();
        answer.is_some_and(|answer| answer.status().as_u16() == 304)
    });
    ExitCode::from(if unchanged { 30 } else { 1 })
}
