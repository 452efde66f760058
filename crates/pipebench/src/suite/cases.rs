//! What the report measures: each case is a command of this program, run against everyone who takes
//! part. Durations are short, because there are many; turns are what makes them trustworthy.

use crate::servers::Rival;
use crate::suite::contender::Contender;
use crate::suite::targets;

/// Turns of a case that a target is about: fewer say little about a median.
const TURNS: usize = 3;

/// Seconds that peers are measured, at most.
const PEER_SECONDS: f64 = 1.5;

/// One thing that is measured.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// A short name, for `--only`.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// The command, without what names the server.
    pub(super) command: &'static str,
    /// Who takes part beside CometWire.
    pub(super) others: &'static [Contender],
    /// The figures that are shown.
    pub(super) figures: &'static [Figure],
    /// Turns at most; fewer when the time is short.
    pub(super) turns: usize,
    /// Seconds of the first turn, in which all take part, on a machine with two cores and nothing
    /// else to do. It is how the time is shared out.
    pub(super) seconds: f64,
}

impl Case {
    /// Seconds of a further turn, in which peers take no part.
    pub(super) fn seconds_without_peers(&self) -> f64 {
        let peers = self.others.iter().filter(|other| other.is_peer()).count();
        let all = self.others.len() + 1;
        self.seconds * (all - peers) as f64 / all as f64
    }

    /// Seconds of the further turns it has because a target is about it.
    pub(super) fn seconds_for_targets(&self) -> f64 {
        self.seconds_without_peers() * (self.turns_first() - 1) as f64
    }

    /// Seconds of the turns it has after that.
    pub(super) fn seconds_for_others(&self) -> f64 {
        self.seconds_without_peers() * (self.turns - self.turns_first()) as f64
    }

    /// Turns it has before any case has more.
    pub(super) fn turns_first(&self) -> usize {
        if targets::need(self.id) {
            self.turns.min(TURNS)
        } else {
            1
        }
    }

    /// The command as peers run it: they are context, and a short run says enough.
    pub(super) fn command_of_peers(&self) -> String {
        let mut is_duration = false;
        let words = self.command.split(' ').map(|word| {
            let longest = word
                .parse()
                .is_ok_and(|seconds: f64| seconds > PEER_SECONDS);
            let shortened = std::mem::replace(&mut is_duration, word == "--duration") && longest;
            if shortened {
                PEER_SECONDS.to_string()
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// A figure of a report: its key there, its name and unit in a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
}

const fn figure(key: &'static str, name: &'static str, unit: &'static str) -> Figure {
    Figure { key, name, unit }
}

const DELIVERIES: Figure = figure("deliveries_per_second", "deliveries/s", "");
const CPU: Figure = figure("cpu_seconds_per_million", "CPU per million", "s");
const USER_CPU: Figure = figure("cpu_user_seconds_per_million", "of it user", "s");
const LATENCY_P50: Figure = figure("latency_p50_us", "p50", "µs");
const LATENCY_P99: Figure = figure("latency_p99_us", "p99", "µs");
const READS: Figure = figure("reads_per_delivery", "reads per delivery", "");
const MESSAGES: Figure = figure("messages_per_second", "messages/s", "");
const CPU_EACH: Figure = figure("cpu_seconds_per_million", "CPU each", "µs");
const ACKNOWLEDGED_P50: Figure = figure("acknowledgement_p50_us", "acknowledged p50", "µs");
const ACKNOWLEDGED_P99: Figure = figure("acknowledgement_p99_us", "p99", "µs");
const CONNECTS: Figure = figure("connects_per_second", "connects/s", "");
const CPU_CONNECT: Figure = figure("cpu_us_per_connect", "CPU each", "µs");

const SATURATED: &[Figure] = &[DELIVERIES, CPU, USER_CPU, LATENCY_P50, LATENCY_P99];
const PACED: &[Figure] = &[LATENCY_P50, LATENCY_P99, CPU, USER_CPU, READS];
const PUBLISHED: &[Figure] = &[MESSAGES, CPU_EACH, ACKNOWLEDGED_P50, ACKNOWLEDGED_P99];
const DURABLE: &[Figure] = &[
    MESSAGES,
    CPU_EACH,
    ACKNOWLEDGED_P50,
    ACKNOWLEDGED_P99,
    figure("sync_p50_us", "device sync p50", "µs"),
    figure("acknowledgement_p99_in_syncs", "p99 in syncs", ""),
    figure("acknowledgement_p99_in_p99_syncs", "p99 in p99 syncs", ""),
];
const ASKED: &[Figure] = &[
    figure("asked_per_second", "histories/s", ""),
    figure("cpu_us_per_history", "CPU each", "µs"),
    figure("answer_p50_us", "complete p50", "µs"),
    figure("answer_p99_us", "p99", "µs"),
];
const HELD: &[Figure] = &[
    figure("bytes_per_connection", "memory each", "B"),
    figure("memory_given_back", "given back", ""),
    figure("idle_cores", "cores while idle", ""),
    figure("open_per_second", "opened/s", ""),
    figure("subscribers", "subscribers", ""),
];
const CONNECTED: &[Figure] = &[CONNECTS, CPU_CONNECT];
const BACK: &[Figure] = &[
    figure("back_seconds", "all back in", "s"),
    CONNECTS,
    CPU_CONNECT,
    figure("restart_seconds", "restarted in", "s"),
];

const LOOPS: &[Contender] = &[Contender::Loop, Contender::LoopBatch];
const LIMIT: &[Contender] = &[Contender::LIMIT];
const NOBODY: &[Contender] = &[];

macro_rules! with_peers {
    ($($first:expr),*) => {
        &[
            $($first,)*
            Contender::Instead(Rival::Nchan),
            Contender::Instead(Rival::Nats),
            Contender::Instead(Rival::Mosquitto),
            Contender::Instead(Rival::SocketIo),
        ]
    };
}

/// Every case, in the order in which it runs.
pub(super) const CASES: &[Case] = &[
    Case {
        id: "fanout-1000",
        title: "Fan-out at saturation, 1,000 subscribers",
        command: "fanout --subscribers 1000 --ahead 1024 --warmup 0.4 --duration 1.5",
        others: with_peers!(Contender::Loop, Contender::LoopBatch),
        figures: SATURATED,
        turns: 3,
        seconds: 20.0,
    },
    Case {
        id: "wss-1000",
        title: "The same through TLS (wss:)",
        command: "fanout --subscribers 1000 --ahead 1024 --wss --warmup 0.4 --duration 1.5",
        others: NOBODY,
        figures: SATURATED,
        turns: 3,
        seconds: 5.0,
    },
    Case {
        id: "fanout-10000",
        title: "Fan-out at saturation, 10,000 subscribers",
        command: "fanout --subscribers 10000 --ahead 512 --warmup 0.8 --duration 1.5",
        others: with_peers!(Contender::Loop, Contender::LoopBatch),
        figures: SATURATED,
        turns: 3,
        seconds: 33.0,
    },
    Case {
        id: "single-20x1000",
        title: "One message at a time: 20 a second to 1,000 subscribers",
        command: "fanout --subscribers 1000 --rate 20 --warmup 0.5 --duration 4",
        others: with_peers!(Contender::Loop, Contender::LIMIT),
        figures: PACED,
        turns: 3,
        seconds: 24.0,
    },
    Case {
        id: "single-200x100",
        title: "One message at a time: 200 a second to 100 subscribers",
        command: "fanout --subscribers 100 --rate 200 --warmup 0.5 --duration 4",
        others: with_peers!(Contender::Loop, Contender::LIMIT),
        figures: PACED,
        turns: 3,
        seconds: 22.0,
    },
    Case {
        id: "chat-1",
        title: "Chat, 50 rooms of 20, each member one message a second",
        command: "chat --rate 1 --warmup 0.5 --duration 4",
        others: with_peers!(Contender::LIMIT, Contender::LIMIT_BATCH),
        figures: PACED,
        turns: 3,
        seconds: 24.0,
    },
    Case {
        id: "chat-4",
        title: "Chat, 50 rooms of 20, each member four messages a second",
        command: "chat --rate 4 --warmup 0.5 --duration 4",
        others: with_peers!(Contender::LIMIT, Contender::LIMIT_BATCH),
        figures: PACED,
        turns: 3,
        seconds: 24.0,
    },
    Case {
        id: "publish-8",
        title: "Publish by INSERT, 8 connections, 200 pipes with one reader each",
        command: "publish --warmup 0.4 --duration 1.5",
        others: with_peers!(Contender::LIMIT, Contender::LIMIT_BATCH),
        figures: PUBLISHED,
        turns: 3,
        seconds: 15.0,
    },
    Case {
        id: "publish-8-prepared",
        title: "The same by prepared INSERT",
        command: "publish --form prepared --warmup 0.4 --duration 1.5",
        others: LIMIT,
        figures: PUBLISHED,
        turns: 3,
        seconds: 4.0,
    },
    Case {
        id: "publish-1",
        title: "Publish by INSERT, one connection",
        command: "publish --backends 1 --warmup 0.3 --duration 1.2",
        others: with_peers!(Contender::LIMIT),
        figures: PUBLISHED,
        turns: 3,
        seconds: 10.0,
    },
    Case {
        id: "publish-pipelined",
        title: "Publish by INSERT, 8 connections, pipelined by 32",
        command: "publish --pipeline 32 --warmup 0.4 --duration 1.2",
        others: with_peers!(Contender::LIMIT, Contender::LIMIT_BATCH),
        figures: PUBLISHED,
        turns: 3,
        seconds: 13.0,
    },
    Case {
        id: "publish-rows",
        title: "Publish by INSERT of 32 rows, 8 connections",
        command: "publish --batch 32 --warmup 0.4 --duration 1.2",
        others: LIMIT,
        figures: PUBLISHED,
        turns: 3,
        seconds: 4.0,
    },
    Case {
        id: "durable-8",
        title: "Publish to pipes with a history of 50, 8 connections",
        command: "publish --history 50 --backends 8 --warmup 0.4 --duration 2",
        others: NOBODY,
        figures: DURABLE,
        turns: 3,
        seconds: 4.0,
    },
    Case {
        id: "durable-64",
        title: "Publish to pipes with a history of 50, 64 connections",
        command: "publish --history 50 --backends 64 --warmup 0.4 --duration 2",
        others: NOBODY,
        figures: DURABLE,
        turns: 3,
        seconds: 4.0,
    },
    Case {
        id: "durable-64-paced",
        title: "The same, 20,000 messages a second offered",
        command: "publish --history 50 --backends 64 --rate 20000 --warmup 0.4 --duration 2",
        others: NOBODY,
        figures: DURABLE,
        turns: 3,
        seconds: 4.0,
    },
    Case {
        id: "idle",
        title: "19,000 idle subscribers, 10 a pipe, keep-alive on",
        command: "idle --subscribers 19000 --warmup 1 --duration 27",
        others: NOBODY,
        figures: HELD,
        turns: 3,
        seconds: 34.0,
    },
    Case {
        id: "idle-peers",
        title: "The same held for a moment, for the memory alone",
        command: "idle --subscribers 19000 --warmup 0.2 --duration 0.5",
        others: with_peers!(Contender::LIMIT),
        figures: HELD,
        turns: 1,
        seconds: 52.0,
    },
    Case {
        id: "connects",
        title: "Connects alone: handshake and greeting, then held",
        command: "connects --warmup 0.3 --duration 1.5",
        others: LIMIT,
        figures: CONNECTED,
        turns: 3,
        seconds: 4.0,
    },
    Case {
        id: "churn",
        title: "Connect, subscribe, close",
        command: "connects --subscribe --warmup 0.3 --duration 1.5",
        others: with_peers!(Contender::LIMIT),
        figures: CONNECTED,
        turns: 3,
        seconds: 13.0,
    },
    Case {
        id: "storm",
        title: "19,000 subscribers come back at once after a restart, and resume",
        command: "storm --subscribers 19000",
        others: LIMIT,
        figures: BACK,
        turns: 3,
        seconds: 14.0,
    },
    Case {
        id: "quiet-0",
        title: "Publish to pipes nobody reads, nobody around",
        command: "publish --unread --around 0 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: PUBLISHED,
        turns: 3,
        seconds: 2.0,
    },
    Case {
        id: "quiet-100",
        title: "The same with 100 connections around",
        command: "publish --unread --around 100 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: PUBLISHED,
        turns: 2,
        seconds: 2.0,
    },
    Case {
        id: "quiet-1000",
        title: "The same with 1,000 connections around",
        command: "publish --unread --around 1000 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: PUBLISHED,
        turns: 2,
        seconds: 2.0,
    },
    Case {
        id: "quiet-10000",
        title: "The same with 10,000 connections around",
        command: "publish --unread --around 10000 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: PUBLISHED,
        turns: 3,
        seconds: 3.0,
    },
    Case {
        id: "subscribers-100",
        title: "Fan-out at saturation, 100 subscribers",
        command: "fanout --subscribers 100 --ahead 4096 --warmup 0.3 --duration 1",
        others: LOOPS,
        figures: SATURATED,
        turns: 2,
        seconds: 5.0,
    },
    Case {
        id: "pipes-1",
        title: "Publish to 1 pipe",
        command: "publish --pipes 1 --warmup 0.3 --duration 1",
        others: LIMIT,
        figures: PUBLISHED,
        turns: 2,
        seconds: 3.0,
    },
    Case {
        id: "pipes-100",
        title: "Publish to 100 pipes",
        command: "publish --pipes 100 --warmup 0.3 --duration 1",
        others: LIMIT,
        figures: PUBLISHED,
        turns: 2,
        seconds: 3.0,
    },
    Case {
        id: "pipes-10000",
        title: "Publish to 10,000 pipes",
        command: "publish --pipes 10000 --warmup 0.8 --duration 1",
        others: LIMIT,
        figures: PUBLISHED,
        turns: 2,
        seconds: 6.0,
    },
    Case {
        id: "size-64",
        title: "Fan-out to 100 subscribers, messages of 64 B",
        command: "fanout --subscribers 100 --size 64 --ahead 4096 --warmup 0.3 --duration 1",
        others: LOOPS,
        figures: SATURATED,
        turns: 2,
        seconds: 5.0,
    },
    Case {
        id: "size-1024",
        title: "Fan-out to 100 subscribers, messages of 1 KB",
        command: "fanout --subscribers 100 --size 1024 --ahead 1024 --warmup 0.3 --duration 1",
        others: LOOPS,
        figures: SATURATED,
        turns: 2,
        seconds: 5.0,
    },
    Case {
        id: "size-65536",
        title: "Fan-out to 100 subscribers, messages of 64 KB",
        command: "fanout --subscribers 100 --size 65536 --ahead 16 --warmup 0.3 --duration 1",
        others: LOOPS,
        figures: SATURATED,
        turns: 2,
        seconds: 5.0,
    },
    Case {
        id: "history-0",
        title: "Publish to 200 pipes without a history",
        command: "publish --history 0 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: PUBLISHED,
        turns: 2,
        seconds: 2.0,
    },
    Case {
        id: "history-50",
        title: "Publish to 200 pipes with a history of 50",
        command: "publish --history 50 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: DURABLE,
        turns: 2,
        seconds: 3.0,
    },
    Case {
        id: "history-99",
        title: "Publish to 200 pipes with a history of 99",
        command: "publish --history 99 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: DURABLE,
        turns: 2,
        seconds: 3.0,
    },
    Case {
        id: "asking-0",
        title: "A subscriber asks for a history of nothing",
        command: "histories --history 0 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: ASKED,
        turns: 2,
        seconds: 2.0,
    },
    Case {
        id: "asking-50",
        title: "A subscriber asks for a history of 50",
        command: "histories --history 50 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: ASKED,
        turns: 2,
        seconds: 2.0,
    },
    Case {
        id: "asking-99",
        title: "A subscriber asks for a history of 99",
        command: "histories --history 99 --warmup 0.3 --duration 1",
        others: NOBODY,
        figures: ASKED,
        turns: 2,
        seconds: 2.0,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::contender::parse;

    #[test]
    fn every_case_is_a_command_of_this_program() {
        for case in CASES {
            parse(case.command).unwrap_or_else(|error| panic!("{}: {error}", case.id));
            let (_, wss) = parse(&case.command_of_peers()).unwrap();
            assert!(!wss || case.others.is_empty());
            assert!(case.turns > 0 && case.seconds > 0.0);
        }
    }

    #[test]
    fn what_a_target_is_about_has_three_turns_and_peers_run_for_a_short_time() {
        for case in CASES.iter().filter(|case| targets::need(case.id)) {
            assert_eq!(case.turns_first(), 3, "{}", case.id);
        }
        let case = CASES.iter().find(|case| case.id == "chat-1").unwrap();
        assert_eq!(
            case.command_of_peers(),
            "chat --rate 1 --warmup 0.5 --duration 1.5"
        );
    }
}
