//! What processes use, as the kernel counts it.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// The time that these processes have spent on a CPU until now.
///
/// # Errors
/// If one of them is gone.
pub fn cpu_time(processes: &[u32]) -> Result<Duration> {
    let mut ticks = 0;
    for process in processes {
        let path = format!("/proc/{process}/stat");
        let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
        // The second field is the name in parentheses, which may contain anything.
        let (_, fields) = stat.rsplit_once(") ").with_context(|| path.clone())?;
        let mut fields = fields.split(' ').skip(11).map(str::parse::<u64>);
        for _ in 0..2 {
            ticks += fields.next().with_context(|| path.clone())??;
        }
    }
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// The memory of a process that is its own, in bytes: not what it shares with the page cache.
///
/// # Errors
/// If it is gone.
pub fn memory(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).with_context(|| path.clone())?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let before = cpu_time(&[std::process::id()]).expect("it runs");
        let mut sum = 0_u64;
        while cpu_time(&[std::process::id()]).expect("it runs") == before {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        assert!(memory(std::process::id()).expect("it runs") > 100_000);
    }
}
