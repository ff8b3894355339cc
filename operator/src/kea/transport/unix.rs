//! The control socket of a daemon: one command per connection, the answer ends with the connection (Kea ARM, "Using the
//! Control Channel").

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::super::KeaError;
use super::{LONGEST_ANSWER, Transport, too_long};

/// A control socket.
pub struct Unix {
    path: PathBuf,
}

impl Unix {
    /// The socket at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    async fn talk(mut stream: UnixStream, body: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        // One byte more than allowed tells an answer that is too long from one that just fits.
        stream.take(LONGEST_ANSWER as u64 + 1).read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

#[async_trait]
impl Transport for Unix {
    async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        let server = || format!("unix:{}", self.path.display());
        let stream = UnixStream::connect(&self.path).await;
        let stream =
            stream.map_err(|error| KeaError::Unreachable { server: server(), cause: error.to_string() })?;
        let answer = Self::talk(stream, &body).await;
        let answer =
            answer.map_err(|error| KeaError::Broken { server: server(), cause: error.to_string() })?;
        if answer.len() > LONGEST_ANSWER {
            return Err(too_long(server(), name));
        }
        Ok(answer)
    }
}
