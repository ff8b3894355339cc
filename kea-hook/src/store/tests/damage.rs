//! What is left of a file, in every way that it can be less than it was: never other content.

use std::fs;
use std::path::Path;

use kea_ffi::host::Family;

use super::support::{Place, content, open, open_read_only, v4, with_body, with_small_logs};
use crate::store::{Change, Kept, KeptChanges, KeptKey, KeptMap, OpenError, Reservation};

const PAGE: usize = 4096;

/// What a store holds.
#[derive(Clone, PartialEq)]
struct Held {
    reservations: Vec<Reservation>,
    kept: KeptMap,
}

impl Held {
    fn of(path: &Path, read_only: bool) -> Result<Self, OpenError> {
        let store = if read_only { open_read_only(path)? } else { open(path)? };
        Ok(Self { reservations: content(&store), kept: store.kept() })
    }
}

/// A file as it was closed or as a killed server leaves it, what it holds, and what it held before the changes that only
/// its log has.
struct Sample {
    bytes: Vec<u8>,
    held: Held,
    before: Vec<Held>,
}

fn samples() -> [Sample; 2] {
    with_small_logs(8192);
    let place = Place::new();
    let store = place.open();
    store.commit((0..300).map(|device| Change::Add(v4(device, device % 3))).collect()).unwrap();
    let kept = |text: &str| Kept { network: None, description: text.into() };
    let keep = |id, text| KeptChanges::from([(KeptKey::subnet(Family::V4, id), Some(kept(text)))]);
    let held = || Held { reservations: content(&store), kept: store.kept() };
    let mut before = vec![held()];
    store.commit_with_kept(vec![], keep(5, "five")).unwrap();
    before.push(held());
    store.commit_with_kept(vec![Change::Update(with_body(v4(1, 1), "{}"))], keep(6, "six")).unwrap();
    let held = held();
    let killed = fs::read(&place.path).unwrap();
    drop(store);
    let closed = fs::read(&place.path).unwrap();
    [
        Sample { bytes: closed, held: held.clone(), before: Vec::new() },
        // What is not whole at the end of the log was not acknowledged, and a page of it that is empty has not been used.
        Sample { bytes: killed, held, before },
    ]
}

/// Opens each damaged file in both ways; fails where it opens with other content. Returns how many were refused.
fn refused(sample: &Sample, damaged: impl Iterator<Item = (String, Vec<u8>)>) -> usize {
    let place = Place::new();
    let mut refused = 0;
    for (what, bytes) in damaged {
        for read_only in [true, false] {
            fs::write(&place.path, &bytes).unwrap();
            match Held::of(&place.path, read_only) {
                Ok(held) => {
                    assert!(held == sample.held || sample.before.contains(&held), "{what}: other content");
                }
                Err(error) => {
                    let text = error.to_string();
                    let way_out =
                        ["restore a backup", "move that file away"].iter().any(|way| text.contains(way));
                    assert!(way_out, "{what}: {text}");
                    refused += 1;
                }
            }
        }
    }
    refused
}

fn pages(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap() / PAGE + 1
}

#[test]
fn a_file_that_ends_early() {
    for sample in samples() {
        let all = sample.bytes.len();
        let lengths = (0..=pages(&sample.bytes) * PAGE).step_by(512).chain([1, 9, 63, 64, 320, 321]);
        let lengths = lengths.chain((0..all).step_by(all / 40)).chain([all - PAGE, all - 1]);
        let cut: Vec<_> =
            lengths.map(|length| (format!("cut to {length}"), sample.bytes[..length].to_vec())).collect();
        let count = cut.len();
        let refused = refused(&sample, cut.into_iter());
        // The last bytes of the file are free.
        assert!(refused >= 2 * count - 2, "{refused} of {}", 2 * count);
    }
}

#[test]
fn a_page_that_is_empty_or_another() {
    for sample in samples() {
        let pages = pages(&sample.bytes);
        let at = |page: usize| page * PAGE..(page + 1) * PAGE;
        let emptied = (0..pages).map(|page| {
            let mut bytes = sample.bytes.clone();
            bytes[at(page)].fill(0);
            (format!("page {page} of {pages} is empty"), bytes)
        });
        let repeated = (0..pages).map(|page| {
            let mut bytes = sample.bytes.clone();
            bytes.copy_within(at((page + 1) % pages), page * PAGE);
            (format!("page {page} of {pages} is the next one"), bytes)
        });
        let refused = refused(&sample, emptied.chain(repeated));
        // Most pages of the killed server's file are free.
        assert!(refused >= 40, "{refused} of {}", 4 * pages);
    }
}

#[test]
fn bytes_behind_the_end() {
    for sample in samples() {
        let longer = [1, 511, PAGE, 1 << 20].map(|more| {
            let mut bytes = sample.bytes.clone();
            bytes.resize(bytes.len() + more, 0x55);
            (format!("{more} bytes more"), bytes)
        });
        let refused = refused(&sample, longer.into_iter());
        assert!(refused <= 4, "{refused}");
    }
}
