//! What a process tells of the clients and commands it has seen.

use anyhow::{Result, ensure};
use meridian_testkit::{Client, Dev, Value, until};

use crate::WITHIN;

fn dev() -> Result<Dev> {
    Dev::start(&["--shards", "2"])
}

fn text(client: &mut Client, call: &[&str]) -> Result<String> {
    Ok(client.call(call)?.as_str().unwrap_or_default().to_owned())
}

/// The calls in the slow log, oldest first.
fn slow(client: &mut Client) -> Result<Vec<String>> {
    let Value::Array(entries) = client.call(&["SLOWLOG", "GET", "-1"])? else {
        anyhow::bail!("SLOWLOG GET answers an array")
    };
    let words = entries.iter().rev().map(|entry| {
        let Value::Array(entry) = entry else { return String::new() };
        let Some(Value::Array(words)) = entry.get(3) else { return String::new() };
        words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    });
    Ok(words.collect())
}

#[test]
fn the_slow_log_has_what_transactions_and_blocked_clients_called() -> Result<()> {
    let dev = dev()?;
    let (mut client, mut other) = (dev.client()?, dev.client()?);
    for call in [
        &["CONFIG", "SET", "slowlog-log-slower-than", "0"][..],
        &["SLOWLOG", "RESET"],
        &["MULTI"],
        &["Set", "{t}a", "1"],
        &["PING"],
        &["GET", "{t}a"],
        &["EXEC"],
        &["MULTI"],
        &["INCR", "{t}a"],
        &["EXEC"],
    ] {
        client.call(call)?;
    }
    client.send(&["BLPOP", "list", "0"])?;
    until(WITHIN, "a blocked client", || {
        text(&mut other, &["INFO", "clients"]).is_ok_and(|info| info.contains("blocked_clients:1\r"))
    })?;
    other.call(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"])?;
    other.call(&["RPUSH", "list", "x"])?;
    client.read()?;
    let seen = slow(&mut other)?;
    let has = |call: &str| seen.iter().any(|seen| seen == call);
    for call in ["Set {t}a 1", "PING", "GET {t}a", "INCR {t}a"] {
        ensure!(has(call), "{call} is missing: {seen:?}");
    }
    // The wait itself is no work of the server's.
    client.call(&["CONFIG", "SET", "slowlog-log-slower-than", "0"])?;
    client.call(&["BRPOP", "none", "0.01"])?;
    let seen = slow(&mut other)?;
    ensure!(seen.iter().any(|seen| seen == "BRPOP none 0.01"), "{seen:?}");
    Ok(())
}

#[test]
fn a_monitor_sees_a_transaction_when_it_is_executed() -> Result<()> {
    let dev = dev()?;
    let (mut client, mut monitor) = (dev.client()?, dev.client()?);
    monitor.call(&["MONITOR"])?;
    for call in
        [&["MULTI"][..], &["SET", "{t}a", "1"], &["SELECT", "3"], &["SET", "{t}b", "2"], &["EXEC"], &["PING"]]
    {
        client.call(call)?;
    }
    let mut shown = Vec::new();
    while shown.last().is_none_or(|line: &String| !line.ends_with("\"PING\"")) {
        let line = monitor.read()?;
        let line = line.as_str().unwrap_or_default().to_owned();
        shown.push(line);
    }
    let calls: Vec<String> = shown
        .iter()
        .filter_map(|line| {
            let (head, call) = line.split_once("] ")?;
            let numbered = head.split_once('[')?.1.split(' ').next()?;
            Some(format!("{numbered} {call}"))
        })
        .collect();
    ensure!(
        calls
            == [
                r#"0 "MULTI""#,
                r#"0 "SET" "{t}a" "1""#,
                r#"0 "SELECT" "3""#,
                r#"3 "SET" "{t}b" "2""#,
                r#"0 "exec""#,
                r#"3 "PING""#
            ],
        "{calls:?}"
    );
    Ok(())
}

#[test]
fn the_list_of_clients_counts_watched_keys_and_old_ones_are_killed_by_age() -> Result<()> {
    let dev = dev()?;
    let (mut client, mut other) = (dev.client()?, dev.client()?);
    client.call(&["WATCH", "{t}a", "{t}b"])?;
    ensure!(text(&mut client, &["CLIENT", "INFO"])?.contains(" watch=2 "));
    client.call(&["UNWATCH"])?;
    ensure!(text(&mut client, &["CLIENT", "INFO"])?.contains(" watch=0 "));
    for (age, refused) in
        [("x", "ERR maxage is not an integer or out of range"), ("0", "ERR maxage should be greater than 0")]
    {
        let answer = other.call(&["CLIENT", "KILL", "MAXAGE", age]);
        ensure!(answer.as_ref().is_err_and(|error| error.to_string() == refused), "{answer:?}");
    }
    ensure!(other.call(&["CLIENT", "KILL", "MAXAGE", "100000"])? == Value::Integer(0));
    until(WITHIN, "a client to be a second old", || {
        other.call(&["CLIENT", "KILL", "MAXAGE", "1"]).is_ok_and(|killed| killed == Value::Integer(1))
    })?;
    client.wait_closed()?;
    Ok(())
}

#[test]
fn a_pause_of_writes_holds_transactions_that_write_and_no_others() -> Result<()> {
    let dev = dev()?;
    let (mut client, mut other) = (dev.client()?, dev.client()?);
    client.call(&["SET", "a", "1"])?;
    other.call(&["CLIENT", "PAUSE", "600000", "WRITE"])?;
    for call in [&["MULTI"][..], &["GET", "a"]] {
        client.call(call)?;
    }
    ensure!(
        client.call(&["EXEC"])? == Value::Array(vec![Value::Bulk("1".into())]),
        "a transaction that reads"
    );
    for call in [&["MULTI"][..], &["GET", "a"], &["INCR", "a"]] {
        client.call(call)?;
    }
    client.send(&["EXEC"])?;
    until(WITHIN, "a client that is held", || {
        text(&mut other, &["INFO", "clients"]).is_ok_and(|info| info.contains("blocked_clients:1\r"))
    })?;
    ensure!(other.call(&["GET", "a"])? == Value::Bulk("1".into()), "nothing is executed yet");
    other.call(&["CLIENT", "UNPAUSE"])?;
    ensure!(client.read()? == Value::Array(vec![Value::Bulk("1".into()), Value::Integer(2)]));
    Ok(())
}

/// EVAL shows what its script says of itself; a shard is asked about scripts and functions that are called by a name.
#[test]
fn a_pause_of_writes_lets_scripts_through_that_do_not_write() -> Result<()> {
    let dev = dev()?;
    let (mut client, mut other) = (dev.client()?, dev.client()?);
    let library = "#!lua name=l\nredis.register_function('writes', function() return 1 end) \
                   redis.register_function{function_name='reads', callback=function() return 2 end, \
                   flags={'no-writes'}}";
    client.call(&["FUNCTION", "LOAD", library])?;
    let reading = "#!lua flags=no-writes\nreturn 3";
    let Value::Bulk(sha) = client.call(&["SCRIPT", "LOAD", reading])? else { anyhow::bail!("no SHA-1") };
    let sha = std::str::from_utf8(&sha)?;
    other.call(&["CLIENT", "PAUSE", "600000", "WRITE"])?;
    for (call, reply) in [
        (&["EVAL", reading, "0"][..], 3),
        (&["EVALSHA", sha, "0"], 3),
        (&["FCALL", "reads", "0"], 2),
        (&["EVAL_RO", "return 4", "0"], 4),
    ] {
        ensure!(client.call(call)? == Value::Integer(reply), "{call:?}");
    }
    ensure!(matches!(client.call(&["SCRIPT", "LOAD", "return 6"])?, Value::Bulk(_)), "a script is no write");
    for call in [&["MULTI"][..], &["EVALSHA", sha, "0"], &["FCALL", "reads", "0"]] {
        client.call(call)?;
    }
    ensure!(client.call(&["EXEC"])? == Value::Array(vec![Value::Integer(3), Value::Integer(2)]));
    ensure!(text(&mut other, &["INFO", "clients"])?.contains("blocked_clients:0\r"), "nobody is held");
    let mut held = Vec::new();
    for call in [
        &["EVAL", "return 5", "0"][..],
        &["EVALSHA", "0000000000000000000000000000000000000000", "0"],
        &["FCALL", "writes", "0"],
        &["FCALL", "unknown", "0"],
    ] {
        let mut client = dev.client()?;
        client.send(call)?;
        held.push(client);
    }
    until(WITHIN, "clients that are held", || {
        text(&mut other, &["INFO", "clients"]).is_ok_and(|info| info.contains("blocked_clients:4\r"))
    })?;
    other.call(&["CLIENT", "UNPAUSE"])?;
    let replies = held.iter_mut().map(|client| client.read()).collect::<Result<Vec<Value>, _>>()?;
    ensure!(replies[0] == Value::Integer(5) && replies[2] == Value::Integer(1), "{replies:?}");
    Ok(())
}

#[test]
fn keys_that_are_looked_for_watched_and_waited_for_are_counted() -> Result<()> {
    let dev = dev()?;
    let (mut client, mut other) = (dev.client()?, dev.client()?);
    client.call(&["SET", "a", "1"])?;
    client.call(&["CONFIG", "RESETSTAT"])?;
    for key in ["a", "a", "none"] {
        client.call(&["GET", key])?;
    }
    // A node that is slow to tell is left out.
    let mut told = |section: &str, fields: &[&str]| {
        let what = format!("INFO {section} with {fields:?}");
        until(WITHIN, &what, || {
            text(&mut other, &["INFO", section])
                .is_ok_and(|info| fields.iter().all(|field| info.contains(&format!("{field}\r"))))
        })
    };
    told("stats", &["keyspace_hits:2", "keyspace_misses:1"])?;
    told("persistence", &["rdb_changes_since_last_save:1"])?;
    client.call(&["WATCH", "{t}a", "{t}b", "{t}a"])?;
    other.call(&["WATCH", "{t}a"])?;
    let clients = text(&mut other, &["INFO", "clients"])?;
    ensure!(
        clients.contains("watching_clients:2\r") && clients.contains("total_watched_keys:2\r"),
        "{clients}"
    );
    client.send(&["BLPOP", "{t}x", "{t}y", "0"])?;
    until(WITHIN, "two keys that a client waits for", || {
        text(&mut other, &["INFO", "clients"]).is_ok_and(|info| info.contains("total_blocking_keys:2\r"))
    })?;
    other.call(&["RPUSH", "{t}y", "1"])?;
    client.read()?;
    ensure!(text(&mut other, &["INFO", "clients"])?.contains("total_blocking_keys:0\r"));
    Ok(())
}

#[test]
fn who_has_unblocked_a_client_finds_its_command_over_and_counted() -> Result<()> {
    let dev = dev()?;
    let (mut client, mut other) = (dev.client()?, dev.client()?);
    let Value::Integer(id) = client.call(&["CLIENT", "ID"])? else {
        anyhow::bail!("CLIENT ID answers a number")
    };
    let number = id.to_string();
    let id = number.as_str();
    ensure!(other.call(&["CLIENT", "UNBLOCK", id])? == Value::Integer(0), "it does not wait");
    for reason in ["TIMEOUT", "ERROR"] {
        other.call(&["CONFIG", "RESETSTAT"])?;
        client.send(&["BLPOP", "list", "0"])?;
        until(WITHIN, "a blocked client", || {
            text(&mut other, &["INFO", "clients"]).is_ok_and(|info| info.contains("blocked_clients:1\r"))
        })?;
        ensure!(other.call(&["CLIENT", "UNBLOCK", id, reason])? == Value::Integer(1), "{reason}");
        let counted = text(&mut other, &["INFO", "commandstats"])?;
        ensure!(counted.contains("cmdstat_blpop:calls=1,"), "{reason}: {counted}");
        ensure!(text(&mut other, &["INFO", "clients"])?.contains("blocked_clients:0\r"));
        ensure!(other.call(&["CLIENT", "UNBLOCK", id])? == Value::Integer(0), "it waits no more");
        let reply = client.read()?;
        let error = matches!(&reply, Value::Error(text) if text.starts_with("UNBLOCKED "));
        ensure!(error == (reason == "ERROR") && (error || reply == Value::Null), "{reason}: {reply:?}");
    }
    Ok(())
}
