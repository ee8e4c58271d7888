//! What the operating system says of this process. Zero where it does not say.

/// Clock ticks of `/proc` in a second: fixed for user space on Linux.
const TICKS: f64 = 100.0;
/// Size of the pages that `/proc` counts in.
const PAGE: u64 = 4096;

/// A look at the process.
#[derive(Clone, Debug, Default)]
pub(in crate::local) struct Process {
    pub(in crate::local) id: u32,
    pub(in crate::local) system: String,
    pub(in crate::local) executable: String,
    /// Bytes in memory now, and at most so far.
    pub(in crate::local) resident: u64,
    pub(in crate::local) resident_peak: u64,
    /// Bytes of memory of the machine.
    pub(in crate::local) machine_memory: u64,
    /// Seconds of processor time.
    pub(in crate::local) cpu_system: f64,
    pub(in crate::local) cpu_user: f64,
    pub(in crate::local) cpu_system_children: f64,
    pub(in crate::local) cpu_user_children: f64,
}

impl Process {
    pub(in crate::local) fn read() -> Process {
        let mut process = Process {
            id: std::process::id(),
            system: system(),
            executable: std::env::current_exe()
                .map_or_else(|_| String::new(), |path| path.display().to_string()),
            ..Process::default()
        };
        process.read_stat(&proc_file("self/stat"));
        let status = proc_file("self/status");
        process.resident_peak = kilobytes(&status, "VmHWM:").max(process.resident);
        process.machine_memory = kilobytes(&proc_file("meminfo"), "MemTotal:");
        process
    }

    /// Fields of `/proc/self/stat`, counted after the name in parentheses, which may hold anything.
    fn read_stat(&mut self, stat: &str) {
        let Some((_, rest)) = stat.rsplit_once(')') else { return };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let seconds = |at: usize| number(at) as f64 / TICKS;
        self.cpu_user = seconds(11);
        self.cpu_system = seconds(12);
        self.cpu_user_children = seconds(13);
        self.cpu_system_children = seconds(14);
        self.resident = number(21) * PAGE;
    }
}

fn proc_file(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{name}")).unwrap_or_default()
}

/// The value after `name`, which `/proc` gives in units of 1024 bytes.
fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn system() -> String {
    let kind = proc_file("sys/kernel/ostype");
    let release = proc_file("sys/kernel/osrelease");
    if kind.is_empty() {
        return format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    }
    format!("{} {} {}", kind.trim(), release.trim(), std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let mut process = Process::default();
        process.read_stat("7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 3 4 0 0 0 0 0 0 5 0");
        assert_eq!((process.cpu_user, process.cpu_system), (2.5, 0.5));
        assert_eq!(process.resident, 5 * PAGE);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory() {
        let process = Process::read();
        assert!(process.resident > 0 && process.resident_peak >= process.resident);
        assert!(process.machine_memory > process.resident);
    }
}
