//! How fast the store takes writes, and what one costs: for 1, 16 and 128
//! writers that each wait for their write before the next, 80 % messages of
//! 200 bytes to 1000 pipes that keep the last 100 each, 20 % access keys.
//!
//! `append_rate [SECONDS] [DIRECTORY]`; the directory must not exist and is
//! left behind. Prints a table.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pipes::message::{Message, Sender, UnixTime};
use pipes::name::{AccessKey, DevId, EventName, PipeName, UserId};
use pipes::settings::PipeSettings;
use pipes::storage::{Storage, StorageError, Write};
use storage::{Config, SqliteStorage};

const PIPES: usize = 1000;
const KEEP: u32 = 100;
const PAYLOAD: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let directory = arguments.next().map_or_else(
        || std::env::temp_dir().join(format!("append_rate-{}", std::process::id())),
        PathBuf::from,
    );
    let pipes = (0..PIPES)
        .map(|number| PipeName::parse(&format!("pipe_{number}")))
        .collect::<Result<Vec<_>, _>>()?;
    let work = Arc::new(Work {
        pipes,
        event: EventName::parse("event")?,
        payload: "x".repeat(PAYLOAD).into(),
        key: AccessKey::parse("0123456789abcdef0123456789abcdef")?,
    });
    let storage = Arc::new(SqliteStorage::open(&directory, Config::default())?);
    for pipe in &work.pipes {
        let settings = PipeSettings::of_length(KEEP);
        let (dev_id, pipe) = (DevId::ROOT, pipe.clone());
        write(
            &storage,
            Write::PutSettings {
                dev_id,
                pipe,
                settings,
            },
        )?;
    }
    println!("writers    ops/s  cpu µs/op   p50 ms   p99 ms  max ms  log pages");
    for writers in [128, 1, 16, 128] {
        let row = measure(&storage, &work, writers, Duration::from_secs(seconds))?;
        println!("{row}  {:>9}", storage.stats().log_pages);
    }
    let closing = Instant::now();
    storage.close();
    println!("close {:.1} ms", closing.elapsed().as_secs_f64() * 1e3);
    drop(storage);
    let opening = Instant::now();
    let storage = SqliteStorage::open(&directory, Config::default())?;
    println!("open {:.1} ms", opening.elapsed().as_secs_f64() * 1e3);
    println!("{:?}\n{}", storage.stats(), directory.display());
    Ok(())
}

struct Work {
    pipes: Vec<PipeName>,
    event: EventName,
    payload: Arc<str>,
    key: AccessKey,
}

impl Work {
    fn write(&self, random: u64) -> Write {
        let dev_id = DevId::ROOT;
        let some = usize::try_from(random >> 33).unwrap_or(0);
        if random.is_multiple_of(5)
            && let Ok(user) = UserId::new(1 + (random >> 33) as i64 % 100_000)
        {
            let key = self.key.clone();
            return Write::PutKey { dev_id, user, key };
        }
        let pipe = self
            .pipes
            .get(some % self.pipes.len())
            .or(self.pipes.first());
        let message = Message {
            pipe: pipe
                .cloned()
                .unwrap_or_else(|| unreachable!("there are pipes")),
            event: self.event.clone(),
            payload: Arc::clone(&self.payload),
            sender: Sender::Backend,
            time: UnixTime::now(),
        };
        Write::AppendHistory {
            dev_id,
            message,
            default_length: 0,
        }
    }
}

fn write(storage: &SqliteStorage, write: Write) -> Result<(), StorageError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    storage.submit(
        vec![write],
        Box::new(move |result| {
            let _ = sender.send(result);
        }),
    );
    receiver
        .recv()
        .unwrap_or(Err(StorageError::Closed))
        .map(|_| ())
}

/// The writers are chains of completions, each submitting the next write, so
/// that what is measured is the store and not 128 threads.
fn measure(
    storage: &Arc<SqliteStorage>,
    work: &Arc<Work>,
    writers: u64,
    time: Duration,
) -> Result<String, Box<dyn std::error::Error>> {
    let run = Arc::new(Run {
        storage: Arc::clone(storage),
        work: Arc::clone(work),
        stop: AtomicBool::new(false),
        waits: parking_lot::Mutex::new(Vec::new()),
        failed: AtomicU64::new(0),
    });
    let (finished, all_finished) = mpsc::channel();
    let (began, cpu) = (Instant::now(), cpu_time()?);
    for writer in 0..writers {
        next(Arc::clone(&run), writer * 7919 + 1, finished.clone());
    }
    drop(finished);
    std::thread::sleep(time);
    run.stop.store(true, Ordering::Relaxed);
    while all_finished.recv().is_ok() {}
    let (elapsed, cpu) = (began.elapsed(), cpu_time()?.saturating_sub(cpu));
    let mut waits = std::mem::take(&mut *run.waits.lock());
    waits.sort_unstable();
    let at = |part: f64| {
        let index = (waits.len() as f64 * part) as usize;
        waits
            .get(index)
            .or(waits.last())
            .map_or(0.0, |wait| f64::from(*wait) / 1e3)
    };
    let count = waits.len() as f64;
    if run.failed.load(Ordering::Relaxed) > 0 {
        return Err("writes failed".into());
    }
    Ok(format!(
        "{writers:>7} {:>8.0} {:>10.2} {:>8.2} {:>8.2} {:>7.1}",
        count / elapsed.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / count,
        at(0.5),
        at(0.99),
        at(1.0),
    ))
}

struct Run {
    storage: Arc<SqliteStorage>,
    work: Arc<Work>,
    stop: AtomicBool,
    waits: parking_lot::Mutex<Vec<u32>>,
    failed: AtomicU64,
}

fn next(run: Arc<Run>, random: u64, finished: mpsc::Sender<()>) {
    let random = random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let began = Instant::now();
    let storage = Arc::clone(&run.storage);
    storage.submit(
        vec![run.work.write(random >> 1)],
        Box::new(move |result| {
            run.failed
                .fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
            let micros = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
            run.waits.lock().push(micros);
            if !run.stop.load(Ordering::Relaxed) {
                next(run, random, finished);
            } else {
                drop(finished);
            }
        }),
    );
}

/// User and system time of this process so far.
fn cpu_time() -> Result<Duration, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // After the program's name in parentheses; utime and stime are fields 14 and
    // 15 of the line, in ticks of 10 ms.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u64>)
        .sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
