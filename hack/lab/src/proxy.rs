//! What may stand between a client and a control agent: a proxy that passes commands on, or fails in a way that a test
//! chooses.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::http::{HttpConnection, free_listener};

/// More than the requests of a client have.
const HEADERS: usize = 32;
/// How long a client may keep silent within a request; and how long it gets to read the end of an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// What becomes of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It reaches Kea, and the answer comes back.
    Pass,
    /// It does not reach Kea; a page in HTML comes back, with this HTTP status.
    Page(u16),
    /// Kea carries it out, and the connection ends after so many bytes of the answer.
    Cut(usize),
    /// It reaches Kea, and this text is missing from the answer.
    Without(&'static str),
}

/// Decides what becomes of a command, which it is given as JSON.
type Rule = Box<dyn FnMut(&str) -> Fate + Send>;

/// A proxy on a free port of the loopback interface, until it is dropped.
pub struct Proxy {
    address: SocketAddrV4,
    shared: Arc<Shared>,
}

struct Shared {
    agent: SocketAddrV4,
    rule: Mutex<Rule>,
    ended: AtomicBool,
}

impl Proxy {
    /// A proxy before the agent at that address, which lets everything pass.
    pub fn before(agent: SocketAddrV4) -> Result<Self> {
        let (listener, address) = free_listener()?;
        let pass: Rule = Box::new(|_| Fate::Pass);
        let shared = Arc::new(Shared { agent, rule: Mutex::new(pass), ended: AtomicBool::new(false) });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.ended.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&serving);
                // What ends a connection is what a test has asked for, or the end of the client.
                thread::spawn(move || shared.serve(stream).is_ok());
            }
        });
        Ok(Self { address, shared })
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, `rule` decides what becomes of each command.
    pub fn rule(&self, rule: impl FnMut(&str) -> Fate + Send + 'static) {
        *self.shared.rule.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(rule);
    }

    /// From now on, everything passes.
    pub fn pass(&self) {
        self.rule(|_| Fate::Pass);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Serves one connection, command after command.
    fn serve(&self, mut stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut received = Vec::new();
        while let Some(body) = next_body(&mut stream, &mut received)? {
            let command = String::from_utf8_lossy(&body);
            let fate = (self.rule.lock().unwrap_or_else(PoisonError::into_inner))(&command);
            let answer = match fate {
                Fate::Page(status) => page(status),
                Fate::Pass => answer(&self.forward(&body)?),
                Fate::Without(text) => {
                    answer(String::from_utf8_lossy(&self.forward(&body)?).replace(text, "").as_bytes())
                }
                Fate::Cut(length) => {
                    let mut whole = answer(&self.forward(&body)?);
                    whole.truncate(length);
                    stream.write_all(&whole)?;
                    stream.shutdown(Shutdown::Both)?;
                    return Ok(());
                }
            };
            stream.write_all(&answer)?;
        }
        Ok(())
    }

    fn forward(&self, body: &[u8]) -> Result<Vec<u8>> {
        HttpConnection::open(self.agent)?.post(body)
    }
}

fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn page(status: u16) -> Vec<u8> {
    let body = "<html><body><h1>The page that you asked for is not here</h1></body></html>";
    format!(
        "HTTP/1.1 {status} Something\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The body of the next request; none where the client has no more.
fn next_body(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<Option<Vec<u8>>> {
    loop {
        if let Some((head, body)) = lengths(received)?
            && received.len() >= head + body
        {
            let rest = received.split_off(head + body);
            return Ok(Some(std::mem::replace(received, rest).split_off(head)));
        }
        let mut chunk = [0; 16 * 1024];
        match stream.read(&mut chunk)? {
            0 if received.is_empty() => return Ok(None),
            0 => bail!("the client ended in the middle of a request"),
            length => received.extend_from_slice(&chunk[..length]),
        }
    }
}

/// The lengths of a request's head and body, once the head is there.
fn lengths(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes)? else { return Ok(None) };
    let body = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = body.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
    Ok(Some((head, body.context("a request without its length")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An agent that answers each command with itself.
    fn echo() -> SocketAddrV4 {
        let (listener, address) = free_listener().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut received = Vec::new();
                while let Ok(Some(body)) = next_body(&mut stream, &mut received) {
                    stream.write_all(&answer(&body)).unwrap();
                }
            }
        });
        address
    }

    #[test]
    fn each_fate_comes_true_and_then_another() {
        let proxy = Proxy::before(echo()).unwrap();
        let ask = || HttpConnection::open(proxy.address).unwrap().post(b"[\"a\", \"b\"]");
        assert_eq!(ask().unwrap(), b"[\"a\", \"b\"]");
        proxy.rule(|_| Fate::Without("\"a\", "));
        assert_eq!(ask().unwrap(), b"[\"b\"]");
        proxy.rule(|command| if command.contains('b') { Fate::Page(502) } else { Fate::Pass });
        let error = ask().unwrap_err().to_string();
        assert!(error.starts_with("HTTP status 502: <html>"), "{error}");
        for length in [0, 20, 75] {
            proxy.rule(move |_| Fate::Cut(length));
            let error = ask().unwrap_err().to_string();
            assert!(error.contains(&format!("after {length} bytes")), "{error}");
        }
        proxy.pass();
        let mut connection = HttpConnection::open(proxy.address).unwrap();
        for _ in 0..2 {
            assert_eq!(connection.post(b"[]").unwrap(), b"[]");
        }
    }
}
