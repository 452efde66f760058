//! The machine's own figures for SHOW AVG, RAM, UPTIME and FILESYSTEM STATUS
//! (compatibility reference §5.1), and this program's memory, read from the kernel
//! when they are asked for. Where the kernel does not tell them there are no rows.

use std::fs;

/// Name and value.
type Row = (String, String);

/// Lines of `/proc/meminfo` that are shown.
const MEMORY_LINES: usize = 34;

/// Load averages, and how many processes there are.
pub(crate) fn load() -> Vec<Row> {
    load_of(&read("/proc/loadavg"))
}

/// Memory, as `/proc/meminfo` names it, in KiB.
pub(crate) fn memory() -> Vec<Row> {
    memory_of(&read("/proc/meminfo"))
}

/// Seconds since the machine started, and seconds its cores were idle.
pub(crate) fn uptime() -> Vec<Row> {
    uptime_of(&read("/proc/uptime"))
}

/// The root file system, in the units of `df -h`.
pub(crate) fn filesystem() -> Vec<Row> {
    let Ok(disk) = rustix::fs::statvfs("/") else {
        return Vec::new();
    };
    let blocks = |count: u64| count.saturating_mul(disk.f_frsize);
    let used = disk.f_blocks.saturating_sub(disk.f_bfree);
    let reachable = used.saturating_add(disk.f_bavail).max(1);
    // As df does, a part of a percent counts as one.
    let percent = used.saturating_mul(100).div_ceil(reachable);
    named([
        ("flag", "filesystem".to_owned()),
        ("filesystem", root_device(&read("/proc/mounts"))),
        ("size", human(blocks(disk.f_blocks))),
        ("used", human(blocks(used))),
        ("available", human(blocks(disk.f_bavail))),
        ("use", format!("{percent}%")),
    ])
}

/// Bytes of memory this program uses, without what is swapped out; 0 where the
/// kernel does not tell.
pub fn own_memory() -> u64 {
    let text = read("/proc/self/statm");
    let pages = text.split_whitespace().nth(1);
    let pages = pages.and_then(|pages| pages.parse::<u64>().ok());
    pages
        .unwrap_or(0)
        .saturating_mul(rustix::param::page_size() as u64)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn named<const N: usize>(rows: [(&str, String); N]) -> Vec<Row> {
    let named = |(name, value): (&str, String)| (name.to_owned(), value);
    rows.into_iter().map(named).collect()
}

/// `0.20 0.18 0.12 1/80 11206`
fn load_of(text: &str) -> Vec<Row> {
    let mut words = text.split_whitespace();
    let (Some(one), Some(five), Some(fifteen), Some(processes)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Vec::new();
    };
    let (running, total) = processes.split_once('/').unwrap_or((processes, ""));
    named([
        ("load_avg_1", one.to_owned()),
        ("load_avg_2", five.to_owned()),
        ("load_avg_3", fifteen.to_owned()),
        ("running_processes", running.to_owned()),
        ("total_processes", total.to_owned()),
    ])
}

/// `MemTotal:       16304536 kB`
fn memory_of(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let number = rest.split_whitespace().next()?;
        Some((name.to_owned(), number.to_owned()))
    };
    text.lines().take(MEMORY_LINES).filter_map(row).collect()
}

/// `350735.47 234388.90`
fn uptime_of(text: &str) -> Vec<Row> {
    let mut seconds = text.split_whitespace().map(str::parse::<f64>);
    let (Some(Ok(up)), Some(Ok(idle))) = (seconds.next(), seconds.next()) else {
        return Vec::new();
    };
    named([
        ("os_uptime", format!("{up:.6}")),
        ("os_idle", format!("{idle:.6}")),
    ])
}

/// The device of the line `/dev/sda1 / ext4 …`.
fn root_device(mounts: &str) -> String {
    let device = |line: &str| {
        let mut words = line.split_whitespace();
        let device = words.next()?;
        (words.next() == Some("/")).then(|| device.to_owned())
    };
    mounts.lines().rev().find_map(device).unwrap_or_default()
}

/// A size as `df -h` writes it: three digits at most, rounded up.
fn human(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "";
    for larger in ["K", "M", "G", "T", "P", "E"] {
        if size < 1000.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    let tenths = (size * 10.0).ceil() / 10.0;
    if unit.is_empty() || tenths >= 10.0 {
        format!("{:.0}{unit}", size.ceil())
    } else {
        format!("{tenths:.1}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(rows: &[Row]) -> String {
        let shown = rows.iter().map(|(name, value)| format!("{name} {value}"));
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_kernels_lines_become_rows() {
        assert_eq!(
            shown(&load_of("0.20 0.18 0.12 1/80 11206\n")),
            "load_avg_1 0.20, load_avg_2 0.18, load_avg_3 0.12, running_processes 1, total_processes 80"
        );
        assert_eq!(
            shown(&memory_of(
                "MemTotal:  16304536 kB\nHugePages_Total:  0\nodd\n"
            )),
            "MemTotal 16304536, HugePages_Total 0"
        );
        assert_eq!(
            shown(&uptime_of("350735.47 234388.90\n")),
            "os_uptime 350735.470000, os_idle 234388.900000"
        );
        let mounts =
            "rootfs / rootfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /home ext4 rw 0 0\n";
        assert_eq!(root_device(mounts), "/dev/sda1");
    }

    #[test]
    fn sizes_are_those_of_df() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1.0K"),
            (999, "999"),
            (1024, "1.0K"),
            (10 << 20, "10M"),
            (1_600_000_000, "1.5G"),
            (u64::MAX, "16E"),
        ] {
            assert_eq!(human(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn the_root_file_system_has_its_six_rows() {
        let rows = filesystem();
        let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["flag", "filesystem", "size", "used", "available", "use"]
        );
    }

    #[test]
    fn this_program_uses_memory() {
        assert!(own_memory() > 0);
    }

    proptest! {
        #[test]
        fn whatever_the_kernel_says_is_read(text in any::<String>()) {
            load_of(&text);
            uptime_of(&text);
            root_device(&text);
            prop_assert!(memory_of(&text).len() <= MEMORY_LINES);
        }
    }
}
