//! What Nightjar's programs on AWS share: how they reach AWS, and what a failed call means.
//!
//! ```text
//! session      region, credentials, endpoint and time-outs from the standard AWS settings
//! credentials  what is said if there are no credentials
//! http         TLS, certificates and proxies
//! fault        a failed call: which call, on what, why, and whether another try may help
//! ```

mod credentials;
mod fault;
mod http;
mod session;

pub use aws_config::SdkConfig;
pub use fault::{Call, CallFault, Reason, is_html, is_page};
pub use session::{Session, SessionError};
