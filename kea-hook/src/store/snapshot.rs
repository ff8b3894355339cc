//! Reading a store without locking or changing it, also while a server writes to it.
//!
//! `kea-dhcp4 -T` opens the store beside the running server. redb's own read-only mode refuses a file that is open
//! elsewhere or was not closed cleanly, so the database is opened over a layer that keeps all its writes (the
//! recovery of an unclean file among them) in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

const PAGE: usize = 4096;
/// redb changes its file header with each commit, and never overwrites a page that the last commit can reach. Equal
/// headers before and after reading therefore prove that one commit was read, and a whole one.
const HEADER: usize = 320;

/// The file header, or what there is of it.
pub(super) fn header(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HEADER);
    let mut from = FromOffset { file, offset: 0 };
    from.by_ref().take(HEADER as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct FromOffset<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for FromOffset<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// A file, and over it the pages that were written since.
#[derive(Debug)]
pub(super) struct Snapshot {
    file: File,
    over: Mutex<Overlay>,
}

#[derive(Debug)]
struct Overlay {
    /// Length as the database sees it.
    len: u64,
    /// How much of the file below still shows; shrinking cuts it off for good.
    below: u64,
    pages: HashMap<u64, Box<[u8; PAGE]>>,
}

impl Snapshot {
    pub fn of(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self {
            file,
            over: Mutex::new(Overlay {
                len,
                below: len,
                pages: HashMap::new(),
            }),
        })
    }

    fn over(&self) -> MutexGuard<'_, Overlay> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page_below(&self, number: u64, below: u64) -> io::Result<Box<[u8; PAGE]>> {
        let mut page = Box::new([0; PAGE]);
        let start = number * PAGE as u64;
        let available = below.saturating_sub(start).min(PAGE as u64);
        // The file may have shrunk since its length was read: then zeros, and the changed header tells.
        let from = FromOffset {
            file: &self.file,
            offset: start,
        };
        let mut bytes = Vec::with_capacity(PAGE);
        from.take(available).read_to_end(&mut bytes)?;
        page[..bytes.len()].copy_from_slice(&bytes);
        Ok(page)
    }
}

/// The page of a byte, and the byte's place in it.
#[expect(clippy::cast_possible_truncation, reason = "less than PAGE")]
fn place(offset: u64) -> (u64, usize) {
    (offset / PAGE as u64, (offset % PAGE as u64) as usize)
}

/// The pages that a range of bytes touches: page number, offset in the page, length.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let (number, within) = place(offset + done as u64);
        let count = (PAGE - within).min(length - done);
        done += count;
        (count > 0).then_some((number, within, count))
    })
}

impl StorageBackend for Snapshot {
    fn len(&self) -> io::Result<u64> {
        Ok(self.over().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.over();
        if offset + out.len() as u64 > over.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = out;
        for (number, within, count) in pieces(offset, rest.len()) {
            let (head, tail) = rest.split_at_mut(count);
            if let Some(page) = over.pages.get(&number) {
                head.copy_from_slice(&page[within..within + count]);
            } else {
                let page = self.page_below(number, over.below)?;
                head.copy_from_slice(&page[within..within + count]);
            }
            rest = tail;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.over();
        if len < over.len {
            over.below = over.below.min(len);
            over.pages.retain(|&number, _| number * (PAGE as u64) < len);
            // Growing again must show zeros there.
            let (last, kept) = place(len);
            if let Some(page) = over.pages.get_mut(&last) {
                page[kept..].fill(0);
            }
        }
        over.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.over();
        let below = over.below;
        let mut rest = data;
        for (number, within, count) in pieces(offset, data.len()) {
            let (head, tail) = rest.split_at(count);
            let page = match over.pages.entry(number) {
                Entry::Occupied(page) => page.into_mut(),
                Entry::Vacant(vacant) => vacant.insert(self.page_below(number, below)?),
            };
            page[within..within + count].copy_from_slice(head);
            rest = tail;
        }
        over.len = over.len.max(offset + data.len() as u64);
        Ok(())
    }
}
