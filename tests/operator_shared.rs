//! Servers that share one host database, and servers that only seem to: with real PostgreSQL and MariaDB, our hook and Kea's own.

mod support;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/operator.rs"]
mod operator;

use std::sync::Arc;

use fleet::{Hooks, Site};
use kea_lab::Kea;
use kea_lab::sql::{Database, SqlKind, SqlServer};
use serde_json::Value;
use support::config_without_store;

fn server(name: &str, hooks: Hooks, database: &Database) -> Kea {
    let builder = Kea::without_network(name).unwrap().config(config_without_store());
    let builder = builder.hosts_database(database).unwrap().lease_cmds().unwrap();
    match hooks {
        Hooks::Ours | Hooks::Pair => builder.host_cmds(Value::Null).unwrap(),
        Hooks::Stock => {
            let builder = builder.stock_hook("libdhcp_host_cmds.so", Value::Null).unwrap();
            builder.stock_hook("libdhcp_subnet_cmds.so", Value::Null).unwrap()
        }
    }
    .start()
    .unwrap()
}

/// Commands that change reservations, as a server has received them.
fn changes(server: &Kea) -> usize {
    let log = server.log();
    [
        "ext-reservation-apply",
        "ext-reservation-update",
        "reservation-add",
        "reservation-update",
        "reservation-del",
    ]
    .iter()
    .map(|command| log.matches(&format!("'{command}'")).count())
    .sum()
}

fn agrees(site: &Site, name: &str) {
    site.wait_for_condition(name, "ServersAgree", "True");
}

#[test]
fn of_servers_that_share_a_database_one_is_written_to() {
    for hooks in Hooks::available() {
        for kind in SqlKind::ALL {
            let name = format!("shared-{hooks:?}-{kind:?}").to_lowercase();
            let database = Database::new(kind).unwrap();
            let servers = (0..2).map(|number| server(&format!("{name}{number}"), hooks, &database));
            let mut site = Site::over(servers.collect());
            site.lease(1);
            site.lease(2);
            site.wish("one", &[1]);
            site.start_operator(&[]);
            site.wait_for_phase("one", "Ready");
            agrees(&site, "one");
            site.expect_on_all(&[1]);
            assert!(
                changes(&site.servers[0]) > 0 && changes(&site.servers[1]) == 0,
                "{name}\n{}",
                site.log()
            );

            // The first is away: the second is written to, and a release needs no other.
            site.servers[0].kill9().unwrap();
            site.wish("two", &[2]);
            site.wait_for_phase("two", "Ready");
            site.expect_on(1, &[1, 2]);
            site.unwish("one");
            site.wait_until_gone("one");
            site.expect_on(1, &[2]);
            site.servers[0].restart().unwrap();
            agrees(&site, "two");
            site.expect_on_all(&[2]);
        }
    }
}

/// `localhost` is another database for each.
#[test]
fn servers_that_only_seem_to_share_a_database_are_each_written_to() {
    for hooks in Hooks::available() {
        let databases: Vec<Arc<SqlServer>> =
            (0..2).map(|_| Arc::new(SqlServer::start(SqlKind::MariaDb).unwrap())).collect();
        let databases: Vec<Database> = databases.iter().map(|server| server.database().unwrap()).collect();
        assert_eq!(databases[0].entry(), databases[1].entry());
        let name = format!("seem-{hooks:?}").to_lowercase();
        let servers = databases.iter().enumerate();
        let servers = servers.map(|(number, database)| server(&format!("{name}{number}"), hooks, database));
        let mut site = Site::over(servers.collect());
        site.lease(1);
        site.lease(2);
        site.wish("one", &[1]);
        site.start_operator(&[]);
        site.wait_for_phase("one", "Ready");
        agrees(&site, "one");
        site.expect_on_all(&[1]);
        assert!(site.operator.as_ref().unwrap().log().contains("do not share it"), "{}", site.log());
        site.wish("two", &[2]);
        site.wait_for_phase("two", "Ready");
        site.expect_on_all(&[1, 2]);
        site.unwish("one");
        site.wait_until_gone("one");
        site.expect_on_all(&[2]);
    }
}

#[test]
fn servers_that_are_said_to_share_a_database_and_do_not_are_told() {
    let mut site = Site::new("said", Hooks::Ours, 2);
    site.lease(1);
    site.wish("one", &[1]);
    site.start_operator(&["--kea-shared-host-database", "true"]);
    site.wait_for_phase("one", "Ready");
    site.wait_for_condition("one", "ServersAgree", "False");
    let agree = site.condition("one", "ServersAgree");
    assert_eq!(agree["reason"], "NotShared", "{agree}");
    assert!(agree["message"].as_str().unwrap().contains(&site.url(1)), "{agree}");
    site.expect_on(0, &[1]);
    site.expect_on(1, &[]);
}
