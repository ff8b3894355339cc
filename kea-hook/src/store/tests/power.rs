//! A disk that loses its power: of what was not synced, any sectors may have arrived.

use std::cell::RefCell;
use std::path::Path;

/// What a disk has, as far as it was synced, and what it was sent since then. Of one file and one thread.
#[derive(Debug, Default)]
struct Power {
    /// Operations until it goes.
    left: usize,
    synced: Vec<u8>,
    sent: Vec<Sent>,
}

/// An operation on a disk.
#[derive(Debug, Clone)]
pub enum Sent {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

const SECTOR: usize = 512;

thread_local! {
    static POWER: RefCell<Option<Power>> = const { RefCell::new(None) };
}

/// The power goes after some operations. What is done later to the file does not count.
pub fn begin(path: &Path, left: usize) {
    let synced = std::fs::read(path).unwrap();
    POWER.set(Some(Power { left, synced, sent: Vec::new() }));
}

pub fn is_lost() -> bool {
    POWER.with_borrow(|power| power.as_ref().is_some_and(|power| power.left == 0))
}

pub fn end() {
    POWER.set(None);
}

/// What may be on the disk: all that was synced, and any sectors of the rest.
pub fn image(random: impl Fn(usize) -> usize) -> Vec<u8> {
    POWER.with_borrow(|power| {
        let power = power.as_ref().unwrap();
        let mut image = power.synced.clone();
        for sent in &power.sent {
            // Often all, often nothing.
            let most = random(3);
            sent.arrive(&mut image, |_| most == 0 || (most == 1 && random(2) == 0));
        }
        image
    })
}

/// Notes what a disk is sent; nothing is a sync.
pub fn note(sent: Option<Sent>) {
    POWER.with_borrow_mut(|power| {
        let Some(power) = power.as_mut().filter(|power| power.left > 0) else { return };
        power.left -= 1;
        match sent {
            Some(sent) => power.sent.push(sent),
            None => power.sent.drain(..).for_each(|sent| sent.arrive(&mut power.synced, |_| true)),
        }
    });
}

impl Sent {
    fn arrive(&self, image: &mut Vec<u8>, arrives: impl Fn(usize) -> bool) {
        let place = |at: u64| usize::try_from(at).unwrap();
        match self {
            Self::Length(length) => image.resize(place(*length), 0),
            Self::Bytes(at, bytes) => {
                let (at, end) = (place(*at), place(*at) + bytes.len());
                for sector in (at / SECTOR..end.div_ceil(SECTOR)).filter(|sector| arrives(*sector)) {
                    let (from, to) = ((sector * SECTOR).max(at), ((sector + 1) * SECTOR).min(end));
                    image.resize(image.len().max(to), 0);
                    image[from..to].copy_from_slice(&bytes[from - at..to - at]);
                }
            }
        }
    }
}
