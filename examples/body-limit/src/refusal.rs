//! Why a request does not get to its handler.

use std::fmt;

use bytes::Bytes;
use flagstone::blocks::BlockError;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// Why a body was not collected; nothing of it is left.
#[derive(Debug)]
pub enum Refusal {
    /// It has more bytes than a request may have: 413.
    TooLarge {
        /// Bytes that it may have.
        limit: usize,
    },
    /// There is no room for it now: 503.
    Full(BlockError),
    /// It did not arrive: 400.
    Broken(String),
}

impl Refusal {
    /// What the client is told.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer.
    #[must_use]
    pub fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(format!("{self}\n")));
        *response.status_mut() = self.status();
        if let Self::Full(_) = self {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => {
                write!(f, "a body may have {limit} bytes, and this has more")
            }
            // Who has how much is for the server's log, not for its clients.
            Self::Full(_) => f.write_str("there is no room for the body now: try again later"),
            Self::Broken(why) => write!(f, "the body did not arrive: {why}"),
        }
    }
}

impl From<BlockError> for Refusal {
    fn from(error: BlockError) -> Self {
        Self::Full(error)
    }
}
