//! The control socket of a daemon: one command per connection, the answer ends with the connection (Kea ARM, "Using the
//! Control Channel").

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::super::KeaError;
use super::{LONGEST_ANSWER, Transport};

/// A control socket.
pub struct Unix {
    path: PathBuf,
}

impl Unix {
    /// The socket at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    async fn talk(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(&self.path).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        // One byte more than allowed tells an answer that is too long from one that just fits.
        stream.take(LONGEST_ANSWER as u64 + 1).read_to_end(&mut answer).await?;
        if answer.len() > LONGEST_ANSWER {
            return Err(io::Error::other(format!("its answer is longer than {LONGEST_ANSWER} bytes")));
        }
        Ok(answer)
    }
}

#[async_trait]
impl Transport for Unix {
    async fn exchange(&self, _name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        self.talk(&body).await.map_err(|error| KeaError::Unreachable {
            server: format!("unix:{}", self.path.display()),
            cause: error.to_string(),
        })
    }
}
