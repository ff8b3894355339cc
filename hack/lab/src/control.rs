//! Kea's control channel over a unix socket: one command a connection, one JSON document back (Kea ARM, section
//! "Management API").

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

/// How long a command may take, from the connection to the last byte of the reply.
const DEADLINE: Duration = Duration::from_mins(1);

/// An answer of Kea.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// 0 success, 1 error, 2 unsupported, 3 empty; later versions of Kea know more.
    pub result: i64,
    /// Kea's words, empty where there are none.
    pub text: String,
    /// `null` where there are none.
    pub arguments: Value,
    /// The whole answer.
    pub raw: Value,
}

impl Reply {
    /// Reads one answer.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let shown = || String::from_utf8_lossy(bytes).into_owned();
        ensure!(!bytes.is_empty(), "Kea closed the connection without an answer");
        let raw: Value = serde_json::from_slice(bytes).with_context(|| format!("no JSON: {}", shown()))?;
        let result =
            raw["result"].as_i64().with_context(|| format!("an answer without result: {}", shown()))?;
        let text = raw["text"].as_str().unwrap_or_default().to_owned();
        Ok(Self { result, text, arguments: raw["arguments"].clone(), raw })
    }

    /// The arguments of a successful answer.
    ///
    /// # Errors
    /// For every other result, with Kea's words.
    pub fn success(self) -> Result<Value> {
        ensure!(self.result == 0, "Kea answered {}: {}", self.result, self.text);
        Ok(self.arguments)
    }
}

/// The control socket of a daemon.
#[derive(Clone, Debug)]
pub struct ControlSocket {
    path: PathBuf,
}

impl ControlSocket {
    /// The socket at `path`; whether someone listens is found out by a command.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a command; arguments of `null` are left out.
    pub fn command(&self, name: &str, arguments: &Value) -> Result<Reply> {
        let request = match arguments {
            Value::Null => json!({ "command": name }),
            arguments => json!({ "command": name, "arguments": arguments }),
        };
        let answer =
            self.send(request.to_string().as_bytes()).with_context(|| format!("the command {name}"))?;
        Reply::parse(&answer).with_context(|| format!("the command {name}"))
    }

    /// Sends bytes as they are, and returns what came back until Kea closed the connection.
    pub fn send(&self, request: &[u8]) -> Result<Vec<u8>> {
        let mut stream = UnixStream::connect(&self.path)
            .with_context(|| format!("nobody listens on {}", self.path.display()))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        // Kea may answer and close before it has read everything; its answer is still there to be read.
        let sent = stream.write_all(request);
        let answer = read_to_end(&mut stream)?;
        if answer.is_empty() {
            sent.context("Kea closed the connection before it had the whole command")?;
        }
        Ok(answer)
    }
}

fn read_to_end(stream: &mut UnixStream) -> Result<Vec<u8>> {
    let start = Instant::now();
    let mut answer = Vec::new();
    let mut chunk = [0; 8 * 1024];
    loop {
        let left = DEADLINE.checked_sub(start.elapsed()).filter(|left| !left.is_zero());
        stream.set_read_timeout(Some(left.ok_or_else(|| too_late(&answer))?))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(answer),
            Ok(length) => answer.extend_from_slice(&chunk[..length]),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return Err(too_late(&answer));
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            // A daemon that dies resets the connection.
            Err(e) => bail!("the connection broke after {} bytes of an answer: {e}", answer.len()),
        }
    }
}

fn too_late(answer: &[u8]) -> anyhow::Error {
    anyhow!("no complete answer within {DEADLINE:?}; so far: {:?}", String::from_utf8_lossy(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_answers() {
        let reply = Reply::parse(br#"{ "result": 3, "text": "Host not found." }"#).unwrap();
        assert_eq!((reply.result, reply.text.as_str()), (3, "Host not found."));
        assert!(reply.arguments.is_null());
        assert_eq!(reply.success().unwrap_err().to_string(), "Kea answered 3: Host not found.");

        let reply = Reply::parse(br#"{ "result": 0, "arguments": { "pid": 7 } }"#).unwrap();
        assert_eq!(reply.success().unwrap()["pid"], 7);
    }

    #[test]
    fn refuses_what_is_no_answer() {
        for answer in [&b""[..], b"{", b"[]", b"{ \"text\": \"\" }"] {
            assert!(Reply::parse(answer).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn names_a_socket_that_nobody_listens_on() {
        let error =
            ControlSocket::new("/nonexistent/kea.sock").command("version-get", &Value::Null).unwrap_err();
        assert!(format!("{error:#}").contains("/nonexistent/kea.sock"), "{error:#}");
    }
}
