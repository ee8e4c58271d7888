//! MONITOR: connections that see every command of this process.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use meridian_command::{Command, ProxyCommand};
use meridian_rt::clock::wall_micros;
use parking_lot::RwLock;

use super::Hidden;
use crate::{clients::Client, connection::Output};

/// Who watches.
#[derive(Debug, Default)]
pub(crate) struct Monitors {
    outputs: Arc<RwLock<BTreeMap<u64, Arc<Output>>>>,
    count: AtomicUsize,
}

/// A connection that watches; dropped, it no longer does.
#[derive(Debug)]
pub(crate) struct Monitoring {
    outputs: Arc<RwLock<BTreeMap<u64, Arc<Output>>>>,
    client: u64,
}

impl Monitors {
    pub(crate) fn add(&self, client: u64, output: &Arc<Output>) -> Monitoring {
        self.outputs.write().insert(client, Arc::clone(output));
        self.count.fetch_add(1, Ordering::AcqRel);
        Monitoring { outputs: Arc::clone(&self.outputs), client }
    }

    /// Whether anybody has ever watched.
    pub(crate) fn any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Shows a command.
    pub(crate) fn show(&self, client: &Client, numbered: u8, command: Command, words: &[&[u8]]) {
        let outputs = self.outputs.read();
        if outputs.is_empty() {
            return;
        }
        let micros = wall_micros();
        let mut line = String::from("+");
        // Writing to a String cannot fail.
        let _ =
            write!(line, "{}.{:06} [{numbered} {}]", micros / 1_000_000, micros % 1_000_000, client.address);
        let hidden = Hidden::of(command);
        let mut before: Vec<Vec<u8>> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            line.push(' ');
            if hidden.hides(at, &before) {
                line.push_str("\"(redacted)\"");
            } else {
                quote(word, &mut line);
            }
            if hidden != Hidden::None {
                before.push(word.to_vec());
            }
        }
        line.push_str("\r\n");
        // Redis shows a command once it was executed: who resets itself watches no more.
        let resets = command == Command::Proxy(ProxyCommand::Reset);
        for (_, output) in outputs.iter().filter(|(watcher, _)| !resets || **watcher != client.id) {
            output.send_message(line.as_bytes());
        }
    }
}

/// A word in quotes, what is not printable escaped.
fn quote(word: &[u8], out: &mut String) {
    out.push('"');
    for byte in word {
        match byte {
            b'\\' | b'"' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => {
                let _ = write!(out, "\\x{other:02x}");
            }
        }
    }
    out.push('"');
}

impl Drop for Monitoring {
    fn drop(&mut self) {
        self.outputs.write().remove(&self.client);
    }
}
