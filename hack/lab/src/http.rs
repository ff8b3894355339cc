//! Kea's commands over HTTP: one connection that stays open, as that of a client with much to say.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::control::Reply;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_mins(1);
/// More than Kea's answers have.
const HEADERS: usize = 16;

/// An open connection to a control agent, or to a server that speaks HTTP itself (Kea 3.0).
#[derive(Debug)]
pub struct HttpConnection {
    stream: TcpStream,
    /// What came in and was not yet looked at.
    buffer: Vec<u8>,
}

impl HttpConnection {
    /// Connects.
    pub fn open(address: SocketAddrV4) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("nobody listens on {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a body, and returns that of the answer.
    ///
    /// # Errors
    /// Also when the answer has another status than 200: Kea answers so before it looks at a command.
    pub fn post(&mut self, body: &[u8]) -> Result<Vec<u8>> {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        // In one piece: as two, it would be two packets, and two wake-ups of the server.
        self.stream.write_all(&[head.as_bytes(), body].concat())?;
        let head = loop {
            match Head::read(&self.buffer)? {
                Some(head) => break head,
                None => self.receive()?,
            }
        };
        let end = head.length + head.body;
        while self.buffer.len() < end {
            self.receive()?;
        }
        let rest = self.buffer.split_off(end);
        let body = std::mem::replace(&mut self.buffer, rest).split_off(head.length);
        ensure!(head.status == 200, "HTTP status {}: {}", head.status, String::from_utf8_lossy(&body));
        Ok(body)
    }

    /// Sends a whole request, as JSON, to one server, and returns its answer whatever the result is.
    pub fn command(&mut self, request: &[u8]) -> Result<Reply> {
        let body = self.post(request)?;
        // One element a service. What an agent says about itself (no such service, wrong password) is a map.
        match serde_json::from_slice(&body) {
            Ok(Value::Array(replies)) if replies.len() == 1 => {
                Reply::parse(replies[0].to_string().as_bytes())
            }
            _ => bail!("no answer of a server: {}", String::from_utf8_lossy(&body)),
        }
    }

    fn receive(&mut self) -> Result<()> {
        let mut chunk = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => bail!("the connection was closed after {} bytes of an answer", self.buffer.len()),
                Ok(length) => {
                    self.buffer.extend_from_slice(&chunk[..length]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("waiting for an answer"),
            }
        }
    }
}

/// What is before the body of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    body: usize,
}

impl Head {
    /// `None` while it is incomplete.
    fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let shown = || String::from_utf8_lossy(bytes).into_owned();
        let parsed = response.parse(bytes).with_context(|| format!("no HTTP: {:?}", shown()))?;
        let httparse::Status::Complete(length) = parsed else { return Ok(None) };
        let body = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let body = body.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
        Ok(Some(Self {
            status: response.code.unwrap_or_default(),
            length,
            body: body.with_context(|| format!("an answer without its length: {:?}", shown()))?,
        }))
    }
}

/// An address of the machine's loopback interface that nobody listens on; another may still take it.
pub(crate) fn free_address() -> Result<SocketAddrV4> {
    free_listener().map(|(_, address)| address)
}

/// A listener on a free port of the machine's loopback interface, and its address.
pub(crate) fn free_listener() -> Result<(TcpListener, SocketAddrV4)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, listener.local_addr()?.port());
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const ANSWER: &str =
        "HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n[ { \"result\": 0, \"text\": \"a\" } ]";

    #[test]
    fn reads_heads() {
        let head = Head { status: 200, length: 39, body: 32 };
        assert_eq!(Head::read(ANSWER.as_bytes()).unwrap(), Some(head));
        assert_eq!(Head::read(&ANSWER.as_bytes()[..38]).unwrap(), None);
        assert!(Head::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Head::read(b"[ { } ]").is_err());
    }

    /// A listener that gives each piece as soon as it has something to answer to, or an end of the line.
    fn server(pieces: &'static [&'static str]) -> SocketAddrV4 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut chunk = [0; 1024];
            for piece in pieces {
                if stream.read(&mut chunk).unwrap() == 0 {
                    break;
                }
                stream.write_all(piece.as_bytes()).unwrap();
            }
        });
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    #[test]
    fn asks_twice_on_one_connection() {
        let mut connection = HttpConnection::open(server(&[ANSWER, ANSWER])).unwrap();
        for _ in 0..2 {
            assert_eq!(connection.command(b"{}").unwrap().text, "a");
        }
        let error = connection.command(b"{}").unwrap_err();
        assert!(error.to_string().contains("closed"), "{error:#}");
    }

    #[test]
    fn tells_refusals() {
        let address = server(&["HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"]);
        let error = HttpConnection::open(address).unwrap().command(b"{}").unwrap_err();
        assert_eq!(error.to_string(), "HTTP status 401: no");
    }
}
