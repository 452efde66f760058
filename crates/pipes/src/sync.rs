//! The locks around the living state, the atomics its order depends on, and the ways to
//! start work beside one's own. In the program they are parking_lot's, the standard
//! library's and Tokio's, and nothing else. With the feature `models` each of them is a
//! place where a model checker (shuttle) decides who goes on: that is how
//! `tests/models` tries orders that no machine happens to take. Counters and what never
//! decides an order are not among them.

#[cfg(not(feature = "models"))]
pub use self::program::*;

#[cfg(feature = "models")]
pub use self::model::*;

#[cfg(not(feature = "models"))]
mod program {
    pub use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
    pub use std::thread_local;

    pub use parking_lot::{Mutex, MutexGuard, RwLock};
    pub(crate) use tokio::task::{spawn, spawn_blocking};
}

#[cfg(feature = "models")]
mod model {
    use std::sync::PoisonError;

    pub use shuttle::sync::MutexGuard;
    pub use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
    pub use shuttle::thread_local;

    pub(crate) use shuttle::future::spawn;

    /// Work that may wait for the disk: a task like any other here.
    pub(crate) fn spawn_blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> shuttle::future::JoinHandle<T> {
        spawn(async move { work() })
    }

    /// As parking_lot's.
    #[derive(Default)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A lock around `value`.
        pub fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        /// Waits for its turn.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// As parking_lot's.
    #[derive(Default)]
    pub struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        /// A lock around `value`.
        pub fn new(value: T) -> Self {
            Self(shuttle::sync::RwLock::new(value))
        }

        /// Waits until nobody writes.
        pub fn read(&self) -> shuttle::sync::RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        /// Waits until nobody reads or writes.
        pub fn write(&self) -> shuttle::sync::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
