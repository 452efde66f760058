//! Work that may have to wait, asked for on a shard's thread, which must not. It is
//! tried on the spot; only what has to wait goes to the runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Work that waits for something.
pub(crate) struct Errand(Pin<Box<dyn Future<Output = ()> + Send>>);

/// How far work came on the spot.
pub(crate) enum Turnout {
    /// It is done.
    Done,
    /// It waits.
    Waits(Errand),
}

impl Errand {
    /// Does `work` as far as it goes without waiting.
    pub(crate) fn begin(work: impl Future<Output = ()> + Send + 'static) -> Turnout {
        let mut work: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(work);
        // Nobody is woken for it: the runtime asks again.
        match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => Turnout::Done,
            Poll::Pending => Turnout::Waits(Self(work)),
        }
    }

    /// The work, for the runtime.
    pub(crate) fn into_future(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0
    }
}
