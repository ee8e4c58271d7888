//! `maxmemory` on a running cluster: what is refused, what goes, and what is told of it.

use anyhow::{Context as _, Result, ensure};
use meridian_testkit::{CallError, Client, Dev, Setup, Value, until};

use crate::WITHIN;

const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

fn field(client: &mut Client, section: &str, name: &str) -> Result<String> {
    let info = client.call(&["INFO", section])?.as_str().unwrap_or_default().to_owned();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned));
    line.with_context(|| format!("{name} in INFO {section}"))
}

fn number(client: &mut Client, section: &str, name: &str) -> Result<u64> {
    Ok(field(client, section, name)?.trim().parse()?)
}

fn refused(client: &mut Client, call: &[&str], with: &str) -> Result<()> {
    match client.call(call) {
        Err(CallError::Refused(text)) if text.starts_with(with) => Ok(()),
        other => anyhow::bail!("{call:?} answers {other:?}"),
    }
}

#[test]
fn a_full_node_refuses_what_needs_memory_and_changes_nothing() -> Result<()> {
    let dev = Dev::start(&["--shards", "1"])?;
    let (mut client, mut other) = (dev.client()?, dev.client()?);
    client.call(&["SET", "k", "1"])?;
    client.call(&["RPUSH", "l", "a", "b"])?;
    client.call(&["MULTI"])?;
    client.call(&["SET", "k", "2"])?;
    other.call(&["CONFIG", "SET", "maxmemory", "1"])?;
    refused(&mut client, &["EXEC"], &format!("EXECABORT Transaction discarded because of: {OOM}"))?;
    client.call(&["MULTI"])?;
    // Refused at once by the process that leads the shard, otherwise at the end.
    let _ = client.call(&["SET", "k", "2"]);
    refused(&mut client, &["EXEC"], "EXECABORT ")?;
    for call in
        [&["SET", "k", "2"][..], &["INCR", "k"], &["RPUSH", "l", "c"], &["LMOVE", "l", "m", "LEFT", "LEFT"]]
    {
        refused(&mut client, call, OOM)?;
    }
    // A script may finish what it has begun.
    refused(&mut client, &["EVAL", "return redis.call('set', 'k', 2)", "1", "k"], "OOM command not allowed")?;
    refused(&mut client, &["EVAL", "#!lua\nreturn 1", "0"], "OOM allow-oom flag is not set on the script")?;
    let begun = "redis.call('lpop', KEYS[1]); return redis.call('set', KEYS[2], 3)";
    client.call(&["EVAL", begun, "2", "l", "k"])?;
    let allowed = "#!lua flags=allow-oom\nreturn redis.call('incr', KEYS[1])";
    ensure!(client.call(&["EVAL", allowed, "1", "k"])? == Value::Integer(4));
    ensure!(client.call(&["GET", "k"])?.as_str() == Some("4"));
    ensure!(client.call(&["DEL", "l"])? == Value::Integer(1));
    other.call(&["CONFIG", "SET", "maxmemory", "0"])?;
    ensure!(client.call(&["INCR", "k"])? == Value::Integer(5));
    let stats = client.call(&["INFO", "everything"])?.as_str().unwrap_or_default().to_owned();
    let line = stats.lines().find(|line| line.starts_with("cmdstat_incr:")).unwrap_or_default();
    ensure!(line.contains("calls=1,") && line.contains("rejected_calls=1,failed_calls=0"), "{line}");
    Ok(())
}

#[test]
fn keys_go_on_every_node_when_there_is_too_much() {
    Setup::new(3).shards(2).run(|cluster| {
        let mut client = cluster.client(0)?;
        client.call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"])?;
        client.call(&["CONFIG", "SET", "notify-keyspace-events", "Ee"])?;
        let mut events = cluster.client(0)?;
        events.call(&["SUBSCRIBE", "__keyevent@0__:evicted"])?;
        let value = "x".repeat(500);
        for n in 0..500 {
            client.call(&["SET", &format!("first:{n}"), &value])?;
        }
        let limit = number(&mut client, "memory", "used_memory")? + 100_000;
        client.call(&["CONFIG", "SET", "maxmemory", &limit.to_string()])?;
        for n in 0..2000 {
            client.call(&["SET", &format!("key:{n}"), &value])?;
        }
        until(WITHIN, "data within the limit", || {
            number(&mut client, "memory", "used_memory").is_ok_and(|used| used <= limit)
        })?;
        ensure!(number(&mut client, "memory", "maxmemory")? == limit);
        ensure!(field(&mut client, "memory", "maxmemory_policy")?.trim() == "allkeys-lru");
        let Value::Integer(keys) = client.call(&["DBSIZE"])? else { anyhow::bail!("a number of keys") };
        let evicted = number(&mut client, "stats", "evicted_keys")?;
        ensure!(evicted > 1000 && keys as u64 + evicted == 2500, "{keys} left, {evicted} evicted");
        ensure!(matches!(events.read()?, Value::Array(_) | Value::Push(_)));
        // Less room makes room by itself.
        client.call(&["CONFIG", "SET", "maxmemory", &(limit / 2).to_string()])?;
        until(WITHIN, "half of the data to be gone", || {
            number(&mut client, "memory", "used_memory").is_ok_and(|used| used <= limit / 2)
        })?;
        Ok(())
    });
}
