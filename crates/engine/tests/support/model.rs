//! The simplest keyspace that could be right: what the engine's replies are compared with.

use std::collections::BTreeMap;

/// One command and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) database: u32,
    pub(crate) numbered: u8,
    pub(crate) elapsed_ms: u64,
    pub(crate) words: Vec<String>,
}

impl Step {
    fn at(&self, key: &str) -> (u32, u8, String) {
        (self.database, self.numbered, key.to_owned())
    }
}

/// Value and expiry of every key, by database, numbered database and key.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) keys: BTreeMap<(u32, u8, String), (String, Option<u64>)>,
}

const SAME: &str = "-ERR source and destination objects are the same\r\n";

fn bulk(value: Option<&String>) -> String {
    value.map_or("$-1\r\n".to_owned(), |value| format!("${}\r\n{value}\r\n", value.len()))
}

fn flag(done: bool) -> String {
    format!(":{}\r\n", u8::from(done))
}

fn later(now: u64, ms: &str) -> Option<u64> {
    Some(now + ms.parse::<u64>().unwrap())
}

impl Model {
    /// The reply to a command; `None` for one whose reply is random.
    pub(crate) fn run(&mut self, step: &Step, now: u64) -> Option<String> {
        self.keys.retain(|_, (_, expiry)| expiry.is_none_or(|at| at > now));
        let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
        match &words[..] {
            ["SET", key, value, rest @ ..] => {
                let expiry = match rest {
                    ["PX", ms] => later(now, ms),
                    ["KEEPTTL"] => self.keys.get(&step.at(key)).and_then(|(_, expiry)| *expiry),
                    _ => None,
                };
                self.keys.insert(step.at(key), ((*value).to_owned(), expiry));
                Some("+OK\r\n".to_owned())
            }
            ["GET", key] => Some(bulk(self.keys.get(&step.at(key)).map(|(value, _)| value))),
            ["DEL", key] => Some(flag(self.keys.remove(&step.at(key)).is_some())),
            ["INCR", key] => Some(self.increment(step, key)),
            ["APPEND", key, tail] => {
                let (value, _) = self.keys.entry(step.at(key)).or_default();
                value.push_str(tail);
                Some(format!(":{}\r\n", value.len()))
            }
            ["PEXPIRE", key, ms] => {
                let found = self.keys.get_mut(&step.at(key));
                Some(flag(found.map(|(_, expiry)| *expiry = later(now, ms)).is_some()))
            }
            ["PERSIST", key] => {
                let found = self.keys.get_mut(&step.at(key));
                Some(flag(found.is_some_and(|(_, expiry)| expiry.take().is_some())))
            }
            ["PTTL", key] => Some(match self.keys.get(&step.at(key)) {
                None => ":-2\r\n".to_owned(),
                Some((_, None)) => ":-1\r\n".to_owned(),
                Some((_, Some(at))) => format!(":{}\r\n", at - now),
            }),
            _ => self.run_between_keys(step, &words),
        }
    }

    fn run_between_keys(&mut self, step: &Step, words: &[&str]) -> Option<String> {
        match words {
            ["RENAME", key, other] => Some(match self.keys.remove(&step.at(key)) {
                None => "-ERR no such key\r\n".to_owned(),
                Some(value) => {
                    self.keys.insert(step.at(other), value);
                    "+OK\r\n".to_owned()
                }
            }),
            ["COPY", key, other, ..] => {
                if step.numbered == 1 && key == other {
                    return Some(SAME.to_owned());
                }
                let value = self.keys.get(&step.at(key)).cloned();
                let target = (step.database, 1, (*other).to_owned());
                Some(flag(value.map(|value| self.keys.insert(target, value)).is_some()))
            }
            ["MOVE", key, _] => {
                if step.numbered == 1 {
                    return Some(SAME.to_owned());
                }
                let target = (step.database, 1, (*key).to_owned());
                if self.keys.contains_key(&target) {
                    return Some(flag(false));
                }
                let value = self.keys.remove(&step.at(key));
                Some(flag(value.map(|value| self.keys.insert(target, value)).is_some()))
            }
            ["FLUSHDB"] => {
                self.keys.retain(|(database, numbered, _), _| {
                    (*database, *numbered) != (step.database, step.numbered)
                });
                Some("+OK\r\n".to_owned())
            }
            _ => None,
        }
    }

    fn increment(&mut self, step: &Step, key: &str) -> String {
        let (value, _) = self.keys.entry(step.at(key)).or_insert(("0".to_owned(), None));
        match value.parse::<i64>() {
            Ok(number) if number.to_string() == *value => {
                *value = (number + 1).to_string();
                format!(":{value}\r\n")
            }
            _ => "-ERR value is not an integer or out of range\r\n".to_owned(),
        }
    }
}
