//! Threads that leave nothing behind when the library is unloaded.
//!
//! A thread of `std` also keeps something on the thread that started it, to be dropped when that one ends. Kea's main
//! thread ends with Kea, and what waits for it keeps the library mapped.

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// How much less than packets the work of such a thread counts: steps of nice(2).
const NICE: i32 = 10;

/// A thread for work that packets do not wait for. Dropping it waits for its end.
#[derive(Debug)]
pub struct Thread(libc::pthread_t);

type Body = Box<dyn FnOnce() + Send>;

impl Thread {
    /// Starts a thread. Signals go to others; a panic ends the thread and nothing else.
    pub fn start(body: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let body: Box<Body> = Box::new(Box::new(body));
        let body = Box::into_raw(body).cast::<c_void>();
        let mut thread = MaybeUninit::uninit();
        // SAFETY: the sets are filled before they are read, and a new thread starts with the mask of its maker.
        let status = unsafe {
            let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            let status = libc::pthread_create(thread.as_mut_ptr(), ptr::null(), run, body);
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
            status
        };
        if status != 0 {
            // SAFETY: no thread has taken the body over.
            drop(unsafe { Box::from_raw(body.cast::<Body>()) });
            return Err(io::Error::from_raw_os_error(status));
        }
        // SAFETY: set, as the thread was made.
        Ok(Self(unsafe { thread.assume_init() }))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: a thread of ours that nobody else waits for.
        unsafe { libc::pthread_join(self.0, ptr::null_mut()) };
    }
}

extern "C" fn run(body: *mut c_void) -> *mut c_void {
    // SAFETY: `start` has given the body away to this thread alone.
    let body = unsafe { Box::from_raw(body.cast::<Body>()) };
    // SAFETY: plain numbers; 0 is the calling thread. Should it fail, the thread counts as much as others.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    // The panic hook has told about it.
    let _ = catch_unwind(AssertUnwindSafe(body));
    ptr::null_mut()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn dropping_it_waits_for_its_end_and_a_panic_ends_only_it() {
        let count = Arc::new(AtomicU32::new(0));
        for panics in [false, true] {
            let counting = Arc::clone(&count);
            let thread = Thread::start(move || {
                std::thread::yield_now();
                counting.fetch_add(1, Ordering::Relaxed);
                assert!(!panics, "on purpose");
            });
            drop(thread.unwrap());
        }
        assert_eq!(count.load(Ordering::Relaxed), 2);
        assert_eq!(Arc::strong_count(&count), 1);
    }
}
