//! Access to AWS, which Nightjar's programs on AWS share: sessions, and errors of calls.
//!
//! ```text
//! session      region, credentials, endpoint and time-outs from the standard AWS settings
//! credentials  credentials, and errors that say why there are none
//! http         the HTTP client: TLS, certificates and proxies
//! error        a failed call: which call, on what, why, and whether another try may help
//! ```

mod credentials;
mod error;
mod http;
mod session;

pub use aws_config::SdkConfig;
pub use error::{Call, CallError, ErrorKind, is_html_response, is_html_type};
pub use session::{Session, SessionError};
