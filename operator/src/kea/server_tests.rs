//! A server that fails as it is told to, on a clock that runs by itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rstest::rstest;
use tokio::time::{Instant, advance, sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::kea::{Circuit, watch_over};

const LIST: &str = r#"{"result": 0, "arguments": ["lease4-get-by-hw-address","reservation-add","reservation-del","reservation-get","reservation-get-by-id"]}"#;
const OURS: &str = r#"{"result": 0, "arguments": ["ext-lease-resolve","ext-reservation-apply","ext-reservation-get","ext-reservation-update"]}"#;

/// What becomes of a command.
#[derive(Clone)]
enum Fate {
    Answer(&'static str),
    Fail(KeaError),
    Hang,
}

#[derive(Default)]
struct World {
    /// What becomes of the next commands; after them, the last one again.
    fates: VecDeque<Fate>,
    sent: Vec<(Instant, String)>,
    running: usize,
    most_running: usize,
}

#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<World>>);

#[async_trait]
impl Transport for Scripted {
    async fn exchange(&self, name: &str, _body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        let fate = {
            let mut world = self.0.lock();
            world.sent.push((Instant::now(), name.into()));
            world.running += 1;
            world.most_running = world.most_running.max(world.running);
            if world.fates.len() > 1 { world.fates.pop_front() } else { world.fates.front().cloned() }
        };
        sleep(Duration::from_millis(1)).await;
        let outcome = match fate.unwrap() {
            Fate::Answer(text) => Ok(text.as_bytes().to_vec()),
            Fate::Fail(error) => Err(error),
            Fate::Hang => std::future::pending().await,
        };
        self.0.lock().running -= 1;
        outcome
    }
}

fn server(fates: &[Fate]) -> (Arc<Server>, Scripted) {
    let transport = Scripted::default();
    transport.0.lock().fates = fates.iter().cloned().collect();
    (Arc::new(Server::new(Box::new(transport.clone()), "kea".into(), Limits::default())), transport)
}

impl Scripted {
    fn sent(&self) -> usize {
        self.0.lock().sent.len()
    }

    fn now_on(&self, fate: Fate) {
        self.0.lock().fates = [fate].into();
    }

    /// Seconds between the commands that were sent.
    fn pauses(&self) -> Vec<u64> {
        let world = self.0.lock();
        world.sent.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_secs()).collect()
    }
}

fn refused() -> Fate {
    Fate::Fail(KeaError::Unreachable { server: "kea".into(), cause: "Connection refused".into() })
}

fn broken() -> Fate {
    Fate::Fail(KeaError::Broken { server: "kea".into(), cause: "Connection reset".into() })
}

fn status(status: u16) -> Fate {
    Fate::Fail(KeaError::HttpStatus { server: "kea".into(), command: "x".into(), status })
}

fn unauthorized() -> Fate {
    Fate::Fail(KeaError::Unauthorized { server: "kea".into() })
}

const YES: Fate = Fate::Answer(r#"{"result": 0}"#);

#[rstest]
#[case::refused(refused(), Repeat::Safe, 5)]
#[case::refused_write(refused(), Repeat::Never, 5)]
#[case::broken(broken(), Repeat::Safe, 5)]
#[case::broken_write(broken(), Repeat::Never, 1)]
#[case::no_json(Fate::Answer("<html>"), Repeat::Safe, 5)]
#[case::no_json_write(Fate::Answer("<html>"), Repeat::Never, 1)]
#[case::cut_short(Fate::Answer("{\"result\": 0"), Repeat::Safe, 5)]
#[case::bad_gateway(status(502), Repeat::Safe, 5)]
#[case::bad_gateway_write(status(502), Repeat::Never, 1)]
#[case::redirect(status(302), Repeat::Safe, 1)]
#[case::hung(Fate::Hang, Repeat::Safe, 1)]
#[case::unauthorized(unauthorized(), Repeat::Safe, 1)]
#[case::kea_says_no(Fate::Answer(r#"{"result": 1, "text": "no"}"#), Repeat::Safe, 1)]
#[case::no_such_command(Fate::Answer(r#"{"result": 2}"#), Repeat::Safe, 1)]
#[case::not_forwarded(
    Fate::Answer(
        r#"{"result": 1, "text": "unable to forward command to the dhcp4 service: Connection refused. x"}"#
    ),
    Repeat::Never,
    5
)]
#[case::lost_behind_the_agent(
    Fate::Answer(
        r#"{"result": 1, "text": "unable to forward command to the dhcp4 service: End of file. x"}"#
    ),
    Repeat::Never,
    1
)]
#[tokio::test(start_paused = true)]
async fn what_is_sent_again(#[case] fate: Fate, #[case] repeat: Repeat, #[case] times: usize) {
    let (server, transport) = server(&[fate]);
    server.call("x", None, repeat).await.ok();
    assert_eq!(transport.sent(), times);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_answered_in_the_end_succeeded() {
    let (server, transport) = server(&[refused(), broken(), YES]);
    assert_eq!(server.call("x", None, Repeat::Safe).await.unwrap().code, Code::Success);
    assert_eq!((transport.sent(), server.state().reach), (3, Reach::Answers));
}

#[tokio::test(start_paused = true)]
async fn waits_grow_within_their_bounds() {
    let (server, transport) = server(&[refused()]);
    server.call("x", None, Repeat::Safe).await.unwrap_err();
    let world = transport.0.lock();
    let waits: Vec<Duration> = world.sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    for (wait, least) in waits.iter().zip([100, 200, 400, 800]) {
        // One millisecond is the command itself; jitter adds up to the wait once more.
        let least = Duration::from_millis(least);
        assert!(*wait >= least && *wait <= 2 * least + Duration::from_millis(2), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn five_failed_commands_in_a_row_suspend_the_server_and_a_trial_brings_it_back() {
    let (server, transport) = server(&[broken()]);
    let mut errors = vec![];
    for _ in 0..6 {
        errors.push(server.call("x", None, Repeat::Never).await.unwrap_err());
    }
    assert_eq!(transport.sent(), 5, "the sixth was sent");
    assert!(matches!(&errors[5], KeaError::Suspended { .. }), "{:?}", errors[5]);
    // An object that fails all the time has one message, and one class.
    assert_eq!(errors[5].to_string(), errors[0].to_string());
    assert_eq!(errors[5].class(), ErrorClass::Network);
    assert_eq!(server.state().circuit, Circuit::Open);

    advance(Duration::from_secs(61)).await;
    // A trial is sent once, also where it could be repeated.
    server.call("x", None, Repeat::Safe).await.unwrap_err();
    assert_eq!((transport.sent(), server.state().circuit), (6, Circuit::Open));
    server.call("x", None, Repeat::Safe).await.unwrap_err();
    assert_eq!(transport.sent(), 6);

    advance(Duration::from_secs(61)).await;
    transport.now_on(YES);
    server.call("x", None, Repeat::Never).await.unwrap();
    assert_eq!((server.state().circuit, server.state().reach), (Circuit::Closed, Reach::Answers));
}

#[rstest]
#[case::unauthorized(unauthorized())]
#[case::refused_by_kea(Fate::Answer(r#"{"result": 1, "text": "no"}"#))]
#[case::no_certificate_yet(Fate::Fail(KeaError::NotReady { server: "kea".into(), cause: "no Secret".into() }))]
#[tokio::test(start_paused = true)]
async fn what_does_not_suspend_a_server(#[case] fate: Fate) {
    let (server, transport) = server(&[fate]);
    for _ in 0..10 {
        server.call("x", None, Repeat::Safe).await.ok();
    }
    assert_eq!((transport.sent(), server.state().circuit), (10, Circuit::Closed));
}

#[tokio::test(start_paused = true)]
async fn three_trials_at_most_and_one_that_nobody_waits_for_makes_room() {
    let (server, transport) = server(&[Fate::Hang]);
    for _ in 0..5 {
        server.call("x", None, Repeat::Never).await.unwrap_err();
    }
    advance(Duration::from_secs(61)).await;
    let call = || {
        let server = server.clone();
        tokio::spawn(async move { server.call("x", None, Repeat::Never).await })
    };
    let trials = [call(), call(), call(), call()];
    sleep(Duration::from_secs(1)).await;
    assert_eq!((transport.sent(), server.state().circuit), (8, Circuit::HalfOpen));
    for trial in &trials {
        trial.abort();
    }
    sleep(Duration::from_secs(1)).await;
    transport.now_on(YES);
    server.call("x", None, Repeat::Never).await.unwrap();
    assert_eq!(server.state().circuit, Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn many_who_want_the_commands_ask_once() {
    let (server, transport) = server(&[Fate::Answer(LIST)]);
    let all = (0..32).map(|_| server.dialect());
    for dialect in futures::future::join_all(all).await {
        dialect.unwrap();
    }
    assert_eq!(transport.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_who_want_the_commands_of_a_hung_server_wait_once() {
    let (server, transport) = server(&[Fate::Hang]);
    let begin = Instant::now();
    for dialect in futures::future::join_all((0..32).map(|_| server.dialect())).await {
        assert!(matches!(dialect, Err(KeaError::Timeout { .. })));
    }
    assert_eq!((transport.sent(), begin.elapsed().as_secs()), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn thirty_two_commands_at_once_get_their_own_answers() {
    let (server, transport) = server(&[YES]);
    let all = futures::future::join_all((0..32).map(|_| server.call("x", None, Repeat::Never))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!((transport.sent(), transport.0.lock().most_running), (32, 32));
}

#[tokio::test(start_paused = true)]
async fn a_server_at_rest_is_asked_every_thirty_seconds() {
    let (server, transport) = server(&[Fate::Answer(LIST)]);
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch_over(server.clone(), stop.clone()));
    sleep(Duration::from_secs(95)).await;
    assert_eq!(transport.pauses(), [30, 30, 30]);
    assert!(server.state().is_healthy());
    // Another Kea comes up, with other hooks.
    let before = server.dialect().await.unwrap();
    transport.now_on(Fate::Answer(OURS));
    sleep(Duration::from_secs(30)).await;
    assert_ne!(server.dialect().await.unwrap(), before);
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_failed_is_asked_soon_and_then_less_often() {
    let (server, transport) = server(&[Fate::Answer(LIST)]);
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch_over(server.clone(), stop.clone()));
    sleep(Duration::from_secs(5)).await;
    transport.now_on(refused());
    transport.0.lock().sent.clear();
    let mut state = server.watch();
    server.call("x", None, Repeat::Never).await.unwrap_err();
    sleep(Duration::from_secs(100)).await;
    assert_eq!(transport.pauses()[4..], [1, 1, 2, 4, 8, 16, 30, 30]);
    assert_eq!(transport.0.lock().most_running, 1);
    assert!(matches!(state.borrow_and_update().reach, Reach::Fails(_)));

    transport.now_on(Fate::Answer(LIST));
    state.wait_for(ServerState::is_healthy).await.unwrap();
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_answered_ends_a_suspension() {
    let (server, transport) = server(&[broken()]);
    for _ in 0..5 {
        server.call("x", None, Repeat::Never).await.unwrap_err();
    }
    assert_eq!(server.state().circuit, Circuit::Open);
    transport.now_on(Fate::Answer(LIST));
    assert!(matches!(server.call("x", None, Repeat::Never).await, Err(KeaError::Suspended { .. })));
    server.probe().await.unwrap();
    server.call("x", None, Repeat::Never).await.unwrap();
    assert_eq!(server.state().circuit, Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_server_answers_at_once_also_while_a_probe_hangs() {
    let (server, _transport) = server(&[Fate::Hang]);
    for _ in 0..5 {
        server.call("x", None, Repeat::Never).await.unwrap_err();
    }
    let (begin, probe) = (Instant::now(), server.probe());
    let (probed, asked) = tokio::join!(probe, async {
        sleep(Duration::from_millis(1)).await;
        (server.dialect().await, begin.elapsed())
    });
    assert!(matches!(probed, Err(KeaError::Timeout { .. })));
    assert!(matches!(asked.0, Err(KeaError::Suspended { .. })));
    assert!(asked.1 < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_not_tried_every_second() {
    let (server, transport) = server(&[unauthorized()]);
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch_over(server.clone(), stop.clone()));
    sleep(Duration::from_secs(65)).await;
    assert_eq!(transport.pauses(), [30, 30]);
    assert_eq!(server.state().circuit, Circuit::Closed);
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dialect_that_a_server_lacks_is_not_replaced_by_another() {
    let transport = Scripted::default();
    transport.now_on(Fate::Answer(LIST));
    let server = Server::new(Box::new(transport), "kea".into(), Limits::default());
    let error = server.forced(Some(ReservationDialect::Ext)).dialect().await.unwrap_err();
    assert!(error.to_string().contains("libdhcp_host_cmds_rs.so"), "{error}");
}
