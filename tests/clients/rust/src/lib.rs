//! What a client program is given, and how it tells what it saw: one line a step.

use std::env;
use std::io;

/// Publishes: the pipe's name, the event, the message.
pub const PUBLISH: &str = "INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)";
/// Lists the columns of the table named by the parameter.
pub const COLUMNS: &str = "SELECT COLUMN_NAME FROM information_schema.COLUMNS \
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";

/// What the runner gives a program.
pub struct Job {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub key: String,
    pub pipe: String,
    pub text: String,
}

impl Job {
    /// Reads the environment, or panics: the runner has made a mistake then.
    pub fn given() -> Self {
        let given = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not given"));
        Self {
            host: given("COMET_HOST"),
            port: given("COMET_PORT").parse().expect("a port"),
            user: given("COMET_USER"),
            key: given("COMET_KEY"),
            pipe: given("COMET_PIPE"),
            text: given("COMET_TEXT"),
        }
    }
}

/// Tells the words of a step.
pub fn say<Word: AsRef<str>>(step: &str, words: impl IntoIterator<Item = Word>) {
    let mut line = step.to_owned();
    for word in words {
        line.push('\t');
        line.push_str(word.as_ref());
    }
    println!("{line}");
}

/// Tells the driver's version, as the lock file has it.
pub fn say_version(package: &str) {
    let lock = include_str!("../Cargo.lock");
    let (_, rest) = lock
        .split_once(&format!("name = \"{package}\"\nversion = \""))
        .expect("the driver is in the lock file");
    let version = rest.split('"').next().unwrap_or_default();
    say("version", [package, version]);
}

/// Tells the text read back, in hexadecimal: it has a line feed in it.
pub fn say_message(text: &str) {
    let hexadecimal: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    say("message", [hexadecimal]);
}

/// Stops until the runner has seen that nothing uncommitted arrives.
pub fn wait_for_runner() {
    say("waiting", [""; 0]);
    io::stdin()
        .read_line(&mut String::new())
        .expect("a line from the runner");
}
