//! Who is asked for a sign of life, and who is given up. What floods, full queues and
//! panics do to a shard, and who stands in for it, is in modules of their own.

use super::*;
use crate::peer::tests::peer;

pub(crate) mod by_hand;
mod floods;
mod panics;
mod stand_in;

/// What the next sweeps find, for as long as it is the same.
fn sweeps(peer: &mut Peer, times: u32) -> Vec<&'static str> {
    let word = |silence| match silence {
        Silence::Short => "short",
        Silence::Ask => "ask",
        Silence::GiveUp => "give up",
    };
    let mut found: Vec<_> = (0..times).map(|_| word(Silence::of(peer))).collect();
    found.dedup();
    found
}

#[test]
fn nobody_is_given_up_who_was_not_asked_an_interval_ago() {
    let (mut peer, _client) = peer();
    // The first sees that the connection is new.
    assert_eq!(sweeps(&mut peer, 1 + SWEEPS_PER_INTERVAL), ["short", "ask"]);
    assert_eq!(sweeps(&mut peer, SWEEPS_PER_INTERVAL - 1), ["short"]);
    peer.heard = true;
    assert_eq!(
        sweeps(&mut peer, 2 * SWEEPS_PER_INTERVAL),
        ["short", "ask", "short"]
    );
    assert_eq!(sweeps(&mut peer, 1), ["give up"]);
    peer.phase = Phase::Parting;
    assert_eq!(sweeps(&mut peer, 3 * SWEEPS_PER_INTERVAL), ["short"]);
}
