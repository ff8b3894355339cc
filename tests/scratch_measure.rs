//! Not committed.
use kea_lab::Kea;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

fn mac(i: usize) -> String {
    format!("02:77:00:{:02x}:{:02x}:{:02x}", i >> 16 & 255, i >> 8 & 255, i & 255)
}
struct Http {
    stream: BufReader<TcpStream>,
}
impl Http {
    fn new(port: u16) -> Self {
        let s = TcpStream::connect(("127.0.0.1", port)).unwrap();
        s.set_nodelay(true).unwrap();
        Self { stream: BufReader::with_capacity(1 << 16, s) }
    }
    fn ask(&mut self, body: &str) -> Vec<u8> {
        let req = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
            body.len(),
            body
        );
        self.stream.get_mut().write_all(req.as_bytes()).unwrap();
        let mut len = 0;
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some(v) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                len = v.trim().parse().unwrap();
            }
        }
        let mut out = vec![0; len];
        self.stream.read_exact(&mut out).unwrap();
        out
    }
}
#[test]
fn measure() {
    let n = 10_000;
    let builder = Kea::without_network("measure").unwrap();
    let store = builder.dir().join("h.db");
    let http = std::env::var("HTTP").is_ok();
    let mut config = json!({ "subnet4": [{ "id": 1, "subnet": "10.0.0.0/8" }],
        "hosts-databases": [{ "type": "memfile", "name": store }],
        "lease-database": { "type": "memfile", "persist": false },
        "loggers": [{ "name": "kea-dhcp4", "severity": std::env::var("SEV").unwrap_or("INFO".into()), "output_options": [{ "output": "stdout", "flush": true }] }] });
    if http {
        let socket = builder.dir().join("kea.sock");
        config["control-sockets"] = json!([{ "socket-type": "unix", "socket-name": socket }, { "socket-type": "http", "socket-address": "127.0.0.1", "socket-port": 18044 }]);
    }
    let kea = builder.lease_cmds().unwrap().host_cmds(Value::Null).unwrap().config(config).start().unwrap();
    for i in 0..n {
        kea.ask("lease4-add", &json!({ "ip-address": format!("10.1.{}.{}", i / 250, 1 + i % 250), "hw-address": mac(i), "subnet-id": 1, "valid-lft": 360000, "client-id": format!("01:{}", mac(i)), "hostname": format!("host-{i}") })).unwrap();
    }
    if std::env::var("HOSTS").is_ok() {
        for i in 0..n {
            kea.ask("ext-reservation-add", &json!({ "reservation": { "subnet-id": 1, "hw-address": mac(i), "ip-address": format!("10.1.{}.{}", i / 250, 1 + i % 250), "hostname": format!("host-{i}"), "user-context": { "ext-owner": "cluster-a/default/thing" } } })).unwrap();
        }
    }
    let mut h = http.then(|| Http::new(18044));
    let mut ask = |body: &str| match &mut h {
        Some(h) => h.ask(body),
        None => kea.command_raw(body.as_bytes()).unwrap(),
    };
    let list: Vec<Value> =
        (0..n).map(|i| json!({ "identifier-type": "hw-address", "identifier": mac(i) })).collect();
    let bulk = json!({ "command": "ext-lease-resolve", "arguments": { "identifiers": list } }).to_string();
    println!("request {} bytes", bulk.len());
    let one = ask(
        &json!({ "command": "ext-lease-resolve", "arguments": { "identifiers": [list[7]] } }).to_string()
    );
    println!("{}", String::from_utf8_lossy(&one));
    let echo = json!({ "command": "ext-status", "arguments": { "identifiers": list } }).to_string();
    let nlist: Vec<Value> =
        (0..n).map(|i| json!({ "identifier-type": "hw-address", "identifier": mac(i + 100_000) })).collect();
    let none = json!({ "command": "ext-lease-resolve", "arguments": { "identifiers": nlist } }).to_string();
    let pid = kea.pid().unwrap();
    let cpu = || -> f64 {
        let mut ns = 0.0;
        for t in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            ns += std::fs::read_to_string(t.unwrap().path().join("schedstat"))
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
                .parse::<f64>()
                .unwrap();
        }
        ns / 1000.0
    };
    let compact: Vec<String> = (0..n).map(mac).collect();
    let compact = json!({ "command": "ext-lease-resolve", "arguments": { "identifier-type": "hw-address", "identifiers": compact } }).to_string();
    let plain: Vec<String> = (0..n).map(|i| mac(i).replace(':', "")).collect();
    let plain = json!({ "command": "ext-lease-resolve", "arguments": { "identifier-type": "hw-address", "identifiers": plain } }).to_string();
    let plain_echo = plain.replace("ext-lease-resolve", "ext-status");
    if let Ok(what) = std::env::var("PERF") {
        println!("PID {pid}");
        let t = Instant::now();
        while t.elapsed().as_secs() < 15 {
            ask(match what.as_str() {
                "none" => &none,
                "read" => &echo,
                "compact" => &compact,
                "plain" => &plain,
                _ => &bulk,
            });
        }
        return;
    }
    for _ in 0..3 {
        let c0 = cpu();
        let t = Instant::now();
        for i in 0..n {
            ask(&format!(
                "{{ \"command\": \"lease4-get-by-hw-address\", \"arguments\": {{ \"hw-address\": \"{}\" }} }}",
                mac(i)
            ));
        }
        let single = t.elapsed().as_secs_f64() / n as f64 * 1e6;
        let scpu = (cpu() - c0) / n as f64;
        println!("single wall {single:.2} cpu {scpu:.2}");
        for (what, body) in [
            ("full", &bulk),
            ("unknown", &none),
            ("read", &echo),
            ("compact", &compact),
            ("plain", &plain),
            ("plain read", &plain_echo),
        ] {
            ask(body);
            let c0 = cpu();
            let mut walls = vec![]; let mut size = 0;
            for _ in 0..5 { let t = Instant::now(); size = ask(body).len(); walls.push(t.elapsed().as_secs_f64() / n as f64 * 1e6); }
            walls.sort_by(f64::total_cmp);
            let w = walls[0];
            let c = (cpu() - c0) / n as f64 / 5.0;
            println!("   {what:12} best wall {w:.2} us ratio {:.1}  cpu {c:.2} ratio {:.1}  {size} bytes", single / w, scpu / c);
        }
    }
}
