//! The program from outside: exit codes, messages, and the first minute of a newcomer.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_meridian");
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).env_remove("MERIDIAN_CONFIG").output().unwrap()
}

/// Runs the program, which has to refuse: with one line on standard error and exit code 2. Returns the line.
fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
    assert!(output.stdout.is_empty());
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint
        .strip_prefix("meridian: ")
        .expect("the line begins with the program's name")
        .trim_end()
        .to_owned()
}

fn file(directory: &Path, text: &str) -> String {
    let path = directory.join("node.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A running program, killed at the end.
struct Running {
    child: Child,
    /// Its standard output as far as it was read.
    said: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut command = Command::new(PROGRAM);
        let child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        Running { child, said: String::new() }
    }

    /// Starts `dev` and waits until it has greeted.
    fn dev(arguments: &[&str]) -> Running {
        let fixed = ["dev", "--port", "0"];
        let mut running = Running::start(&[&fixed, arguments].concat());
        let mut lines = BufReader::new(running.child.stdout.take().unwrap());
        while !running.said.contains("meridian status --address") {
            assert_ne!(lines.read_line(&mut running.said).unwrap(), 0, "it ended: {}", running.said);
        }
        running
    }

    /// The word that follows `before` in what it has said.
    fn word_after(&self, before: &str) -> String {
        let (_, rest) = self.said.split_once(before).unwrap_or_else(|| panic!("{before} in {}", self.said));
        rest.split_whitespace().next().unwrap().to_owned()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn wait(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already if the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one inline command and returns the reply's first line and, of a bulk string, its contents.
fn ask(address: &str, command: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply.strip_suffix("+OK\r\n").unwrap_or(&reply).trim_end().to_owned()
}

#[test]
fn what_was_typed_wrong_is_said_in_one_line() {
    assert!(refused(&["dev", "--prot", "1"]).starts_with("unexpected argument '--prot' found"));
    assert!(refused(&["dev", "--shards", "0"]).contains("0 is not in 1..=1024"));
    assert!(refused(&["dev", "--wan", "--regions", "here,there"]).contains("between here and there"));
    assert!(refused(&["statsu"]).contains("'status'"));
    assert!(refused(&["init", "--replication", "2"]).contains("even number"));
    assert!(refused(&[]).contains("--help"));
}

#[test]
fn help_and_version_are_data() {
    for arguments in [&["--help"][..], &["dev", "--help"], &["start", "--help"], &["--version"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
}

#[test]
fn a_file_with_an_unknown_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "listen = \"127.0.0.1:0\"\nregoin = \"x\"\n");
    assert_eq!(
        refused(&["start", "--config", &path]),
        format!("{path}: unknown key `regoin`; did you mean `region`?")
    );
    assert!(refused(&["start", "--config", "/no/such/file"]).starts_with("/no/such/file: "));
    assert!(refused(&["start", "--listen", "nonsense"]).starts_with("listen: \"nonsense\""));
    assert!(refused(&["start", "--listen", "0.0.0.0:0"]).starts_with("advertise: "));
}

#[test]
fn the_environment_counts_over_the_file_and_flags_over_both() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "region = \"file\"\nzone = \"file\"\nlog = \"warn\"\n");
    let mut command = Command::new(PROGRAM);
    command.args(["config", "print", "--config", &path, "--zone", "flag"]);
    command.env("MERIDIAN_ZONE", "environment").env("MERIDIAN_REGION", "environment");
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    for line in ["region = \"environment\"", "zone = \"flag\"", "log = \"warn\"", "max_value = \"64MB\""] {
        assert!(printed.contains(line), "{line} in {printed}");
    }
}

#[test]
fn a_port_in_use_is_said_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let expected = format!("{address} is in use by another process");
    assert_eq!(refused(&["dev", "--port", &address.port().to_string()]), expected);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().display().to_string();
    let address = address.to_string();
    assert_eq!(refused(&["start", "--data", &data, "--listen", &address]), expected);
    let listen = ["start", "--data", &data, "--listen", "127.0.0.1:0", "--client-listen", &address];
    assert_eq!(refused(&listen), expected);
}

#[test]
fn dev_serves_and_ends_well() {
    let mut dev = Running::dev(&[]);
    let clients = dev.word_after("clients ");
    assert_eq!(ask(&clients, "SET greeting hello"), "+OK");
    assert_eq!(ask(&clients, "GET greeting"), "$5\r\nhello");
    let data = dev.word_after("data ");
    assert!(Path::new(&data).exists());
    let node = dev.word_after("--address ");
    let status = run(&["status", "--json", "--address", &node]);
    assert_eq!(status.status.code(), Some(0));
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["nodes"].as_array().unwrap().len(), 3);
    let table = String::from_utf8(run(&["status", "--address", &node]).stdout).unwrap();
    assert!(table.contains("0-16383") && table.contains("meta"), "{table}");
    dev.signal("-INT");
    assert_eq!(dev.wait(), Some(0));
    assert!(!Path::new(&data).exists());
}

#[test]
fn dev_goes_on_with_the_data_it_has_kept() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("cluster").display().to_string();
    let arguments = ["--data", &data, "--nodes", "3", "--shards", "2"];
    let mut dev = Running::dev(&arguments);
    assert_eq!(ask(&dev.word_after("clients "), "SET kept value"), "+OK");
    // Nobody else may have the directory meanwhile.
    let line = refused(&["dev", "--port", "0", "--data", &data]);
    assert!(line.contains(&data), "{line}");
    dev.signal("-TERM");
    assert_eq!(dev.wait(), Some(0));
    let mut dev = Running::dev(&arguments);
    assert_eq!(ask(&dev.word_after("clients "), "GET kept"), "$5\r\nvalue");
    dev.signal("-INT");
    assert_eq!(dev.wait(), Some(0));
    assert!(
        refused(&["dev", "--port", "0", "--data", &data, "--nodes", "1"]).ends_with("run it with --nodes 3")
    );
    // A node of another cluster among them.
    let other = directory.path().join("other").display().to_string();
    let mut dev = Running::dev(&["--data", &other]);
    dev.signal("-INT");
    assert_eq!(dev.wait(), Some(0));
    fs::remove_dir_all(Path::new(&data).join("node-2")).unwrap();
    fs::rename(Path::new(&other).join("node-2"), Path::new(&data).join("node-2")).unwrap();
    let line = refused(&["dev", "--port", "0", "--data", &data]);
    assert!(line.contains("another cluster"), "{line}");
    // And something that is none at all.
    let line = refused(&["dev", "--port", "0", "--data", &directory.path().display().to_string()]);
    assert!(line.contains("something else"), "{line}");
}

#[test]
fn nobody_there_is_a_failure_and_no_usage() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for verb in ["status", "init"] {
        let output = run(&[verb, "--address", &free]);
        assert_eq!(output.status.code(), Some(1));
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(line, format!("meridian: nobody answers at {free}\n"));
    }
}
