//! hotpath: runs one piece of the hot path a thousand times, so that `./count`
//! can count its instructions under callgrind and hold them against a
//! baseline. Nothing here measures time, and no socket leads out of the process.
//!
//! - [`house`]: a hall with shards that only take what they are handed
//! - [`statements`]: a plain INSERT from its text to its effect
//! - [`publishing`]: the hall alone, from a change to the shards
//! - [`wire`]: packets in, answers out, through the whole backend door
//! - [`browsers`]: frames for browsers, a shard's round, frames of browsers
//!
//! Only what runs inside [`counted`] is counted; `count` tells callgrind its name.

mod browsers;
mod house;
mod publishing;
mod statements;
mod wire;

use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

/// How often a piece is run while it is counted.
const TIMES: usize = 1000;

/// How often before: what is set up by the first runs is not counted.
const WARM_UP: usize = 50;

/// One thread, so that nothing depends on how threads meet.
struct Bench {
    runtime: Runtime,
}

impl Bench {
    /// Runs `piece` many times, counted after the first ones.
    fn run(&self, mut piece: impl AsyncFnMut()) {
        self.runtime.block_on(async {
            for _ in 0..WARM_UP {
                piece().await;
            }
        });
        counted(&mut || {
            self.runtime.block_on(async {
                for _ in 0..TIMES {
                    piece().await;
                }
            });
        });
    }
}

/// The function whose instructions are counted, with all it calls.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    run();
    // Keeps the call above from being the function's last jump.
    std::hint::black_box(());
}

type Piece = fn(&Bench);

/// The pieces by name.
const PIECES: &[(&str, Piece)] = &[
    ("statement_text", statements::text),
    ("statement_prepared", statements::prepared),
    ("statement_32_rows", statements::rows),
    ("publish_nobody", publishing::to_nobody),
    ("publish_2_shards", publishing::to_two_shards),
    ("publish_history", publishing::with_history),
    ("wire_text", wire::text),
    ("wire_prepared", wire::prepared),
    ("wire_pipelined_32", wire::pipelined),
    ("wire_32_rows", wire::rows),
    ("encode_3_generations", browsers::encode),
    ("round_1_of_1", browsers::one_to_one),
    ("round_1_of_100", browsers::one_to_many),
    ("round_8_of_100", browsers::eight_to_many),
    ("frame_read", browsers::read),
    ("frame_read_in_halves", browsers::read_in_halves),
];

fn main() -> ExitCode {
    let asked = std::env::args().nth(1);
    let Some(asked) = asked else {
        for (name, _) in PIECES {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, piece)) = PIECES.iter().find(|(name, _)| *name == asked) else {
        eprintln!("hotpath: there is no piece {asked}; without a name it lists them");
        return ExitCode::FAILURE;
    };
    let runtime = Builder::new_current_thread().enable_time().build();
    match runtime {
        Ok(runtime) => {
            piece(&Bench { runtime });
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hotpath: no runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
