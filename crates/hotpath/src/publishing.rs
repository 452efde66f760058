//! The hall alone: one change, published to the shards that have a subscriber.

use pipes::name::{DevId, EventName, PipeName};
use pipes::{Change, Effect};

use crate::Bench;
use crate::house::{House, KEPT, PAYLOAD, READ, UNREAD, or_stop};

/// To a pipe that nobody reads.
pub(crate) fn to_nobody(bench: &Bench) {
    publish(bench, UNREAD, 0);
}

/// To a pipe that has a reader on each of two shards.
pub(crate) fn to_two_shards(bench: &Bench) {
    publish(bench, READ, 2);
}

/// To a pipe that keeps a history, in memory.
pub(crate) fn with_history(bench: &Bench) {
    publish(bench, KEPT, 0);
}

fn publish(bench: &Bench, pipe: &str, readers: u64) {
    let house = bench.runtime.block_on(House::open());
    let pipe = or_stop(PipeName::parse(pipe));
    let event = or_stop(EventName::parse("event"));
    bench.run(async || {
        let change = Change::Publish {
            pipe: pipe.clone(),
            event: event.clone(),
            payload: PAYLOAD.into(),
        };
        let effects = or_stop(house.hall.apply(DevId::ROOT, vec![change]).await);
        let [Effect::Published { receivers, .. }] = effects.as_slice() else {
            panic!("not published");
        };
        assert_eq!(*receivers, readers);
    });
}
