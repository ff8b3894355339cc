//! From a store through a file into another store.

use std::collections::BTreeSet;
use std::path::Path;

use dhcp_host_cmds_rs::store::{Family, Kept, KeptKey, OpenOptions, Reservation, Store};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::import::{Import, Placing, Tally};
use super::text::decode;
use super::{Document, Entry, Format, Members, Place, check_encoding, export, kea, reservation};

fn store(folder: &TempDir, name: &str) -> Store {
    Store::open(&folder.path().join(name), &OpenOptions::default()).unwrap()
}

/// What a store has, whatever the order.
fn content(store: &Store) -> BTreeSet<String> {
    store
        .page(None, None, None, usize::MAX)
        .iter()
        .map(|stored| format!("{:?}", stored.reservation))
        .collect()
}

fn exported(store: &Store, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    export::export(store, format, &mut bytes).unwrap();
    bytes
}

/// Takes a file over, unless something is wrong with it.
fn take_over(store: &Store, placing: Placing, document: Document) -> Result<Tally, Vec<String>> {
    let mut import = Import::new(placing);
    import.add("file".into(), document);
    let kept = import.kept_changes(&store.kept());
    let session = store.session().map_err(|error| vec![error.to_string()])?;
    let (tally, planned) = session.plan(|plan| import.decide(plan));
    let problems = import.problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    session.commit(planned, kept).map(|()| tally).map_err(|error| vec![error.to_string()])
}

fn document(family: Family, reservations: &[(Option<u32>, Value)]) -> Document {
    let entries = reservations.iter().zip(1..).map(|((subnet, members), line)| Entry {
        at: Place::line(line),
        family,
        subnet: *subnet,
        members: members.as_object().unwrap().clone(),
    });
    Document { entries: entries.collect(), ..Document::default() }
}

fn import_into(store: &Store, reservations: &[(Option<u32>, Value)]) -> Result<Tally, Vec<String>> {
    take_over(store, Placing::default(), document(Family::V4, reservations))
}

/// Any bytes, as a text of JSON has them.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[ë中\\n\\t\"\\\\,;' ]{0,6}".prop_map(|text| decode(text.as_bytes())),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| decode(&bytes)),
    ]
}

fn context() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["[a-z ë]{1,6}".prop_map(|name| decode(name.as_bytes())), text()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    let map = |value: BoxedStrategy<Value>| {
        prop::collection::btree_map(name.clone(), value, 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    };
    let inner = prop_oneof![leaf.clone(), prop::collection::vec(leaf.clone(), 0..3).prop_map(Value::from)];
    map(prop_oneof![inner.clone(), map(inner.boxed())].boxed())
}

/// A reservation of a client with that number, which no other one is in the way of.
fn members(family: Family, number: usize) -> impl Strategy<Value = Members> {
    let identifier = prop_oneof![
        Just(("hw-address", format!("02:00:00:00:00:{number:02x}"))),
        Just(("duid", format!("00:01:02:{number:02x}"))),
        Just(("flex-id", format!("0x0A{number:02x}"))),
    ];
    let option = json!([{ "code": 6, "data": "192.0.2.1, 192.0.2.2" }, { "name": "x", "always-send": true }]);
    let options = prop_oneof![Just(json!([])), Just(option)];
    let owner = prop_oneof![Just(None), "[a-c]".prop_map(Some)];
    let classes = prop::collection::vec("[a-z]{1,4}", 0..3);
    (identifier, text(), context(), options, owner, classes, any::<bool>()).prop_map(
        move |((kind, identifier), hostname, mut context, options, owner, classes, bare)| {
            if let Some(owner) = owner {
                context["ext-owner"] = owner.into();
            }
            let mut members = json!({
                kind: identifier, "hostname": hostname, "user-context": context, "option-data": options,
                "client-classes": classes,
            });
            match family {
                Family::V4 if !bare => {
                    members["ip-address"] = format!("10.0.0.{number}").into();
                    members["boot-file-name"] = "x, y".into();
                }
                Family::V6 if !bare => {
                    members["ip-addresses"] =
                        json!([format!("2001:db8::{number:x}"), format!("2001:db8:1::{number:x}")]);
                    members["prefixes"] = json!([format!("2001:db8:{number:x}::/48")]);
                }
                _ => {}
            }
            members.as_object().unwrap().clone()
        },
    )
}

fn reservations() -> impl Strategy<Value = Vec<Reservation>> {
    let one = |number: usize| {
        let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
        family.prop_flat_map(move |family| {
            (members(family, number), 0..3_u32).prop_map(move |(members, subnet)| {
                let entry = Entry { at: Place::NOWHERE, family, subnet: Some(subnet), members };
                reservation::of_entry(&entry, subnet).unwrap()
            })
        })
    };
    (0..8_usize).prop_flat_map(move |count| (1..=count).map(one).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_exported_is_imported(reservations in reservations()) {
        let folder = tempfile::tempdir().unwrap();
        let first = store(&folder, "first");
        for reservation in &reservations {
            first.add(reservation.clone()).unwrap();
        }
        for (format, name) in [(Format::Json, "json"), (Format::Csv, "csv")] {
            let bytes = exported(&first, format);
            prop_assert_eq!(Format::guess(&bytes), Some(format));
            let second = store(&folder, name);
            let tally = take_over(&second, Placing::default(), format.read(&bytes)).unwrap();
            prop_assert_eq!(tally, Tally { added: reservations.len(), ..Tally::default() });
            prop_assert_eq!(content(&second), content(&first));
            let again = take_over(&second, Placing::default(), format.read(&bytes)).unwrap();
            prop_assert_eq!(again, Tally { unchanged: reservations.len(), ..Tally::default() });
        }
    }
}

proptest! {
    #[test]
    fn any_file_is_read_to_its_end(words in prop::collection::vec(prop::sample::select(WORDS), 0..40), cut: u8) {
        let text = words.join(" ");
        let bytes = &text.as_bytes()[..text.len().saturating_sub(usize::from(cut % 3))];
        for format in [Format::Json, Format::Csv, Format::Kea, Format::Dhcpd] {
            let mut import = Import::new(Placing::default());
            import.add("file".into(), format.read(bytes));
            import.problems();
        }
        Format::guess(bytes);
        let _ = kea::subnets(bytes);
    }
}

/// What the formats are made of.
const WORDS: &[&str] = &[
    "host",
    "group",
    "x",
    "{",
    "}",
    ";",
    "hardware",
    "ethernet",
    "02:00",
    "option",
    "dhcp-client-identifier",
    "host-identifier",
    "dhcp6.client-id",
    "fixed-address",
    "fixed-address6",
    "10.0.0.1",
    "deny",
    "booting",
    "\"",
    "\\",
    "\\x4",
    "\\3",
    ",",
    "#",
    "\n",
    "//",
    "/*",
    "*/",
    "[",
    "]",
    ":",
    "\"kea-reservations\": 1",
    "\"reservations\":",
    "\"Dhcp4\":",
    "\"subnet4\":",
    "\"id\": 1",
    "\"hw-address\": \"02\"",
    "\"family\": 4",
    "family,subnet-id,duid,more",
    "é",
];

#[test]
fn kept_subnets_go_along() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (store(&folder, "first"), store(&folder, "second"));
    let network = Kept { network: None, description: b"{ \"name\": \"floor\" }".into() };
    let subnet = Kept { network: Some(b"floor".into()), description: b"{ \"id\": 5 }".into() };
    let kept = [
        (KeptKey::network(Family::V4, b"floor"), Some(network)),
        (KeptKey::subnet(Family::V4, 5), Some(subnet)),
    ];
    first.commit_with_kept(Vec::new(), kept.into()).unwrap();
    take_over(&second, Placing::default(), Format::Json.read(&exported(&first, Format::Json))).unwrap();
    assert_eq!(second.kept(), first.kept());
    assert_eq!(export::export(&first, Format::Csv, Vec::new()).unwrap().left_out, 2);
}

#[test]
fn what_cannot_be_read_is_named_and_all_else_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, "store");
    for number in 1..=3 {
        let members = json!({ "hw-address": format!("02:0{number}") });
        let members = members.as_object().unwrap().clone();
        let entry = Entry { at: Place::NOWHERE, family: Family::V4, subnet: Some(1), members };
        let mut reservation = reservation::of_entry(&entry, 1).unwrap();
        if number == 2 {
            reservation.body = b"{ \"a".as_slice().into();
        }
        store.add(reservation).unwrap();
    }
    let broken = Kept { network: None, description: b"{".into() };
    store.commit_with_kept(Vec::new(), [(KeptKey::subnet(Family::V6, 5), Some(broken))].into()).unwrap();
    for (format, unreadable) in [(Format::Json, 2), (Format::Csv, 1)] {
        let mut bytes = Vec::new();
        let exported = export::export(&store, format, &mut bytes).unwrap();
        assert_eq!((exported.reservations, exported.unreadable.len()), (2, unreadable));
        let texts = ["reservation 2 (hw-address=02:02): ", "kept IPv6 subnet 5: "];
        for (line, text) in exported.unreadable.iter().zip(texts) {
            assert!(line.starts_with(text), "{line}");
        }
        let document = format.read(&bytes);
        assert_eq!((document.entries.len(), document.problems), (2, vec![]));
    }
}

#[test]
fn what_is_there_is_updated_and_nothing_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, "store");
    let of = |number: u8, address: u8| {
        (Some(1), json!({ "hw-address": format!("02:0{number}"), "ip-address": format!("10.0.0.{address}") }))
    };
    let tally = import_into(&store, &[of(1, 1), of(2, 2), of(3, 3)]).unwrap();
    assert_eq!(tally, Tally { added: 3, ..Tally::default() });
    // Two clients exchange their addresses, which is no conflict.
    let tally = import_into(&store, &[of(1, 2), of(2, 1), of(3, 3), of(4, 4)]).unwrap();
    assert_eq!(tally, Tally { added: 1, updated: 2, unchanged: 1, ..Tally::default() });
    assert_eq!(content(&store).len(), 4);
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, "store");
    let of = |number: u8, address: u8, owner: &str| {
        let mut members =
            json!({ "hw-address": format!("02:0{number}"), "ip-address": format!("10.0.0.{address}") });
        if !owner.is_empty() {
            members["user-context"] = json!({ "ext-owner": owner });
        }
        (Some(1), members)
    };
    import_into(&store, &[of(1, 1, "a"), of(2, 2, "")]).unwrap();
    let before = content(&store);
    for (reservations, text) in [
        ([of(5, 5, ""), of(6, 2, "")], "file:2: failed to add new host using the HW address '02:06 and DUID"),
        ([of(5, 5, ""), of(1, 6, "")], "it belongs to 'a'"),
        ([of(5, 5, ""), of(2, 6, "a")], "it has no owner"),
        (
            [of(5, 5, ""), of(5, 6, "")],
            "file:2: hw-address=02:05 has a reservation in subnet 1 already, at file:1",
        ),
        ([of(5, 5, ""), (Some(1), json!({ "ip-address": "10.0.0.6" }))], "file:2: no identifier"),
    ] {
        let problems = import_into(&store, &reservations).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(text), "{problems:?}");
        assert_eq!(content(&store), before);
    }
    // What is the same but for the owner becomes the owner's.
    let tally = import_into(&store, &[of(2, 2, "a")]).unwrap();
    assert_eq!(tally, Tally { adopted: 1, ..Tally::default() });
}

#[test]
fn the_subnet_is_that_of_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, "store");
    let config = br#"{ "Dhcp4": { "subnet4": [ { "id": 7, "subnet": "10.0.0.0/24" } ] } }"#;
    let with_config = |subnet_id| Placing { subnet_id, subnets: Some(kea::subnets(config).unwrap()) };
    let import = |placing: Placing, subnet: Option<u32>, address: Value| {
        let members = json!({ "hw-address": "02:01", "ip-address": address });
        let mut import = Import::new(placing);
        import.add("file".into(), document(Family::V4, &[(subnet, members)]));
        let outcome = store.try_out(|plan| import.decide(plan));
        let placed = import.kept_changes(&store.kept()).is_empty() && outcome.added == 1;
        (placed, import.warnings(), import.problems())
    };
    let (placed, warnings, _) = import(with_config(None), None, json!("10.0.0.1"));
    assert!(placed && warnings.is_empty());
    let (_, warnings, _) = import(Placing::default(), None, json!("10.0.0.1"));
    assert!(
        warnings[0].starts_with("file:1: warning: ") && warnings[0].contains("--kea-config"),
        "{warnings:?}"
    );
    for (subnet_id, subnet, address, text) in [
        (None, None, "10.0.1.1", "no subnet of the configuration has the address 10.0.1.1"),
        (None, Some(8), "10.0.0.1", "the configuration has no IPv4 subnet with the id 8"),
        (None, Some(7), "10.0.1.1", "not in the subnet 10.0.0.0/24"),
        (Some(7), None, "10.0.1.1", "not in the subnet 10.0.0.0/24"),
    ] {
        let (_, _, problems) = import(with_config(subnet_id), subnet, json!(address));
        assert!(problems.len() == 1 && problems[0].contains(text), "{problems:?}");
    }

    let stanza = br#"{ "Dhcp4": { "subnet4": [ { "id": 7, "subnet": " 10.0.0.0 / 24", "reservations": [
        { "hw-address": "02:02", "ip-address": "10.0.0.1" },
        { "hw-address": "02:03", "ip-address": "10.0.1.1" } ] } ] } }"#;
    let problems = take_over(&store, Placing::default(), kea::read(stanza).unwrap()).unwrap_err();
    assert_eq!(problems, ["file:3:9: the address 10.0.1.1 is not in the subnet 10.0.0.0/24 (id 7)"]);

    take_over(
        &store,
        with_config(None),
        document(Family::V4, &[(None, json!({ "hw-address": "02", "ip-address": "10.0.0.1" }))]),
    )
    .unwrap();
    assert_eq!(store.page(None, None, None, 1)[0].reservation.subnet_v4, Some(7));
}

#[test]
fn a_trial_changes_nothing_and_needs_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, "store");
    import_into(&store, &[(Some(1), json!({ "hw-address": "02:01", "ip-address": "10.0.0.1" }))]).unwrap();
    let before = content(&store);
    let path: &Path = &folder.path().join("store");
    let beside = Store::open(path, &OpenOptions { read_only: true }).unwrap();
    let mut import = Import::new(Placing::default());
    let more = (Some(1), json!({ "hw-address": "02:02", "ip-address": "10.0.0.1" }));
    import.add("file".into(), document(Family::V4, &[more]));
    // The new one must not take the number of the old one.
    assert_eq!(beside.try_out(|plan| import.decide(plan)).refused, 1);
    assert_eq!(content(&store), before);
}

#[test]
fn formats_begin_differently() {
    for (file, format) in [
        ("\u{feff}{ \"kea-reservations\": 1, \"reservations\": [] }", Some(Format::Json)),
        ("// Kea\n{ \"Dhcp4\": {} }", Some(Format::Kea)),
        ("{ \"Dhcp4\": ", Some(Format::Kea)),
        ("[ { \"result\": 0 } ]", Some(Format::Kea)),
        ("family,subnet-id,duid\n", Some(Format::Csv)),
        ("hw-address;hostname\n", Some(Format::Csv)),
        ("# dhcpd\nhost a { }\ndefault-lease-time 5;", Some(Format::Dhcpd)),
        ("host a { filename \"/*\"; }", Some(Format::Dhcpd)),
        ("", None),
        ("hello", None),
    ] {
        assert_eq!(Format::guess(file.as_bytes()), format, "{file}");
    }
    for (bytes, fine) in
        [(b"\xff\xfef\0".as_slice(), false), (b"\xfe\xff\0f", false), (b"\xef\xbb\xbff", true)]
    {
        assert_eq!(check_encoding(bytes).is_ok(), fine, "{bytes:?}");
    }
}
