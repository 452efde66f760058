//! What a run was made on, in a few words each: figures without it say nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::servers::Rival;

/// The machine's description, by what is described.
pub(super) fn describe() -> Vec<(&'static str, String)> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(1).collect::<String>();
    vec![
        ("processor", field(&processors, "model name")),
        ("cores", cores()),
        ("memory", gibibytes(&field(&memory, "MemTotal"))),
        ("kernel", format!("Linux {}", kernel.trim())),
        ("load before the run", load),
        ("date", date()),
    ]
}

/// The first line of what a program says of its version, on whichever stream.
pub(super) fn version(program: &Path, flag: &str) -> String {
    let Ok(output) = Command::new(program).arg(flag).output() else {
        return "unknown".into();
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    said.lines().next().unwrap_or("unknown").trim().to_owned()
}

/// What a peer says of its version.
pub(super) fn version_of(rival: Rival) -> String {
    let of = |program: &str, flag: &str| version(Path::new(program), flag);
    match rival {
        Rival::Limit | Rival::LimitBatch => "this program".into(),
        Rival::Nchan => format!("{} with nchan", of("/usr/sbin/nginx", "-v")),
        Rival::Nats => of("/usr/sbin/nats-server", "--version"),
        Rival::Mosquitto => format!("{}, plain MQTT", of("/usr/sbin/mosquitto", "-h")),
        Rival::SocketIo => format!("see benches/peers, Node {}", of("node", "--version")),
    }
}

fn cores() -> String {
    std::thread::available_parallelism().map_or("unknown".into(), |cores| cores.to_string())
}

/// The first `name : value` of a file of such lines.
fn field(text: &str, name: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or("unknown".into(), |(_, value)| value.trim().to_owned())
}

fn gibibytes(kibibytes: &str) -> String {
    let number = kibibytes
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    number.map_or("unknown".into(), |number: f64| {
        format!("{:.1} GiB", number / f64::from(1 << 20))
    })
}

fn date() -> String {
    let output = Command::new("date").args(["-u", "+%-d %B %Y"]).output();
    let output = output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    output.map_or("unknown".into(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        for (what, value) in describe() {
            assert!(!value.is_empty(), "{what}");
        }
    }

    #[test]
    fn memory_is_told_in_gibibytes() {
        let text = "MemTotal:       25165824 kB\nMemFree: 1 kB\n";
        assert_eq!(gibibytes(&field(text, "MemTotal")), "24.0 GiB");
        assert_eq!(gibibytes(&field(text, "SwapTotal")), "unknown");
    }
}
