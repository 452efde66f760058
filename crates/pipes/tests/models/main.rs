//! The hall's races as models: two or three things at once, in as many orders as a model
//! checker is given time for. Each lock of the hall is a place where it lets another
//! thread go on, so orders come up that no machine happens to take. The races by name and
//! chance, on real threads, are in `tests/hall/races.rs`. Run by `tests/models`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::{Config, Runner, thread};

mod house;

mod closing;
mod letters;
mod logging_in;
mod resuming;
mod subscribing;

/// Tries a model in the orders that `COMETWIRE_MODEL_SCHEDULES` allows, half of them at
/// random, half with few changes of thread at unlikely places. What fails is printed as
/// a schedule; `COMETWIRE_MODEL_REPLAY` runs that one again.
fn explore(model: fn()) {
    let mut config = Config::new();
    config.stack_size = 512 * 1024;
    if let Ok(schedule) = std::env::var("COMETWIRE_MODEL_REPLAY") {
        let replay = ReplayScheduler::new_from_encoded(&schedule);
        Runner::new(replay, config).run(model);
        return;
    }
    let schedules = std::env::var("COMETWIRE_MODEL_SCHEDULES");
    let schedules = schedules.map_or(300, |number| number.parse().unwrap());
    Runner::new(RandomScheduler::new(schedules / 2), config.clone()).run(model);
    Runner::new(PctScheduler::new(3, schedules.div_ceil(2)), config).run(model);
}

/// Lets others go on for a while, so that what follows meets them anywhere.
fn dawdle() {
    for _ in 0..shuttle::rand::thread_rng().gen_range(0..16) {
        thread::yield_now();
    }
}
