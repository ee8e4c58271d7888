//! Scripts, functions and what they publish, over shards and changes of leader.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use meridian_testkit::{CallError, Client, Cluster, Setup, Value};

use crate::{WITHIN, waiting::leader_of_data};

/// Enough keys for every shard to have some.
const KEYS: usize = 40;

/// The SHA-1 of a script, without making it known.
fn sha_of(client: &mut Client, script: &str) -> Result<String> {
    let sha = client.call(&["EVAL", "return redis.sha1hex(ARGV[1])", "0", script])?;
    Ok(sha.as_str().context("a SHA-1")?.to_owned())
}

/// Calls a script by its SHA-1 with keys of every shard.
fn call_everywhere(client: &mut Client, name: &str, sha: &str) -> Result<()> {
    for index in 0..KEYS {
        let key = format!("key:{index}");
        let reply = client.call(&[name, sha, "1", &key]).with_context(|| format!("{name} with {key}"))?;
        ensure!(reply.as_str() == Some(&key), "{name} with {key}: {reply:?}");
    }
    Ok(())
}

/// The same at once, among other commands.
fn pipeline_everywhere(client: &mut Client, sha: &str) -> Result<()> {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<String>>();
    let mut commands = Vec::new();
    for index in 0..KEYS {
        let key = format!("key:{index}");
        commands.push(words(&["SET", &key, "x"]));
        commands.push(words(&["EVALSHA", sha, "1", &key]));
        commands.push(words(&["GET", &key]));
    }
    for (index, replies) in client.pipeline(&commands)?.chunks(3).enumerate() {
        let key = format!("key:{index}");
        let came: Vec<_> = replies.iter().map(Value::as_str).collect();
        ensure!(came == [Some("OK"), Some(&key[..]), Some("x")], "{key}: {replies:?}");
    }
    Ok(())
}

#[test]
fn a_script_that_was_run_once_is_known_to_every_shard_through_every_node() {
    Setup::new(3).shards(4).run(|cluster| {
        let scripts: Vec<String> =
            (0..4).map(|number| format!("local number = {number} return KEYS[1]")).collect();
        let mut shas = Vec::new();
        for script in &scripts {
            let mut client = cluster.client(0)?;
            shas.push(sha_of(&mut client, script)?);
            client.call(&["EVAL", script, "1", "key:0"])?;
        }
        for node in 0..3 {
            call_everywhere(&mut cluster.client(node)?, "EVALSHA", &shas[0])?;
            call_everywhere(&mut cluster.client(node)?, "EVALSHA_RO", &shas[1])?;
            pipeline_everywhere(&mut cluster.client(node)?, &shas[2])?;
        }
        let mut client = cluster.client(2)?;
        for index in 0..KEYS {
            let key = format!("key:{index}");
            client.call(&["MULTI"])?;
            client.call(&["SET", &key, "1"])?;
            client.call(&["EVALSHA", &shas[3], "1", &key])?;
            let replies = client.call(&["EXEC"])?;
            let replies = replies.as_array().context("EXEC answers an array")?;
            ensure!(replies[1].as_str() == Some(&key), "{key}: {replies:?}");
        }
        // Flushed, it is known to nobody; run again anywhere, it is known everywhere, though node 0 found it there before.
        cluster.client(1)?.call(&["SCRIPT", "FLUSH"])?;
        let refused = cluster.client(0)?.call(&["EVALSHA", &shas[0], "1", "key:1"]);
        ensure!(
            matches!(&refused, Err(CallError::Refused(text)) if text.starts_with("NOSCRIPT ")),
            "{refused:?}"
        );
        cluster.client(2)?.call(&["EVAL", &scripts[2], "1", "key:0"])?;
        pipeline_everywhere(&mut cluster.client(0)?, &shas[2])?;
        cluster.client(2)?.call(&["EVAL", &scripts[1], "1", "key:0"])?;
        call_everywhere(&mut cluster.client(0)?, "EVALSHA_RO", &shas[1])
    });
}

/// The channel and payload of the next message.
fn message(subscriber: &mut Client) -> Result<(String, String)> {
    let came = subscriber.read()?;
    let parts = came.as_array().context("a message")?;
    let words: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
    ensure!(words.len() == 3 && words[0].ends_with("message"), "{came:?}");
    Ok((words[1].to_owned(), words[2].to_owned()))
}

#[test]
fn messages_of_scripts_and_transactions_arrive_once_and_in_order() {
    const PUBLISHES: &str = "redis.call('SET', KEYS[1], 1) redis.call('PUBLISH', 'ch', ARGV[1] .. ':1') \
         redis.call('SPUBLISH', 'sch', ARGV[1] .. ':2') redis.call('PUBLISH', 'ch', ARGV[1] .. ':3') return 1";
    Setup::new(3).shards(4).run(|cluster| {
        let mut subscriber = cluster.client(0)?;
        for call in [["SUBSCRIBE", "ch"], ["SSUBSCRIBE", "sch"]] {
            subscriber.call(&call)?;
        }
        let mut sent = 0;
        for node in 0..3 {
            let mut client = cluster.client(node)?;
            for index in 0..KEYS / 2 {
                client.call(&[
                    "EVAL",
                    PUBLISHES,
                    "1",
                    &format!("key:{index}"),
                    &format!("{node}-{index}"),
                ])?;
                sent += 1;
            }
        }
        let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for _ in 0..sent * 3 {
            let (channel, payload) = message(&mut subscriber)?;
            let (script, number) = payload.split_once(':').context("a number")?;
            ensure!((channel == "sch") == (number == "2"), "{payload} on {channel}");
            seen.entry(script.to_owned()).or_default().push(number.to_owned());
        }
        ensure!(seen.len() == sent && seen.values().all(|order| order == &["1", "2", "3"]), "{seen:?}");

        let mut client = cluster.client(1)?;
        for command in [&["MULTI"][..], &["SET", "k", "1"], &["PUBLISH", "ch", "a"], &["PUBLISH", "ch", "b"]]
        {
            client.call(command)?;
        }
        let replies = client.call(&["EXEC"])?;
        let counts: Vec<_> =
            replies.as_array().context("an array")?[1..].iter().map(Value::as_integer).collect();
        ensure!(counts == [Some(1), Some(1)], "{replies:?}");
        // A transaction that comes to nothing publishes nothing.
        client.call(&["WATCH", "k"])?;
        cluster.client(2)?.call(&["SET", "k", "2"])?;
        for command in [&["MULTI"][..], &["PUBLISH", "ch", "never"], &["EVAL", PUBLISHES, "1", "k", "never"]]
        {
            client.call(command)?;
        }
        ensure!(client.call(&["EXEC"])? == Value::Null);
        client.call(&["PUBLISH", "ch", "c"])?;
        for wanted in ["a", "b", "c"] {
            let (_, payload) = message(&mut subscriber)?;
            ensure!(payload == wanted, "{payload} instead of {wanted}");
        }
        Ok(())
    });
}

const COUNTS: &str = "local n = redis.call('INCR', KEYS[1]) redis.call('RPUSH', KEYS[2], n) return n";

/// Sends calls of a script and a function through survivors before and after their leader goes. All are answered, and
/// happened once.
fn count_around(
    cluster: &mut Cluster,
    sha: &str,
    leave: impl FnOnce(&mut Cluster, usize) -> Result<()>,
) -> Result<()> {
    const CLIENTS: usize = 6;
    const CALLS: usize = 5;
    let leader = leader_of_data(cluster)?;
    let mut clients = Vec::new();
    for node in (0..cluster.len()).filter(|node| *node != leader) {
        for _ in 0..CLIENTS {
            clients.push(cluster.client(node)?);
        }
    }
    clients[0].call(&["DEL", "{t}n", "{t}l"])?;
    let send = |clients: &mut Vec<Client>| -> Result<()> {
        for client in clients {
            for _ in 0..CALLS {
                client.send(&["EVALSHA", sha, "2", "{t}n", "{t}l"])?;
                client.send(&["FCALL", "count", "2", "{t}n", "{t}l"])?;
            }
        }
        Ok(())
    };
    send(&mut clients)?;
    leave(cluster, leader)?;
    send(&mut clients)?;
    let mut counts = Vec::new();
    for client in &mut clients {
        for _ in 0..CALLS * 4 {
            let reply = client.read()?;
            counts.push(reply.as_integer().with_context(|| format!("{reply:?}"))?);
        }
    }
    counts.sort_unstable();
    let all = i64::try_from(counts.len())?;
    ensure!(counts.iter().copied().eq(1..=all), "every call happened once: {counts:?}");
    let pushed = clients[0].call(&["LLEN", "{t}l"])?;
    ensure!(pushed.as_integer() == Some(all), "{pushed:?} of {all} were pushed");
    cluster.start_node(leader)?;
    cluster.wait_ready()
}

#[test]
fn scripts_and_functions_happen_once_through_changes_of_their_leader() {
    Setup::new(3).run(|cluster| {
        let mut client = cluster.client(0)?;
        let sha = client.call(&["SCRIPT", "LOAD", COUNTS])?;
        let sha = sha.as_str().context("a SHA-1")?.to_owned();
        let library = format!(
            "#!lua name=counting\nredis.register_function('count', function(KEYS, ARGV) {COUNTS} end)"
        );
        client.call(&["FUNCTION", "LOAD", &library])?;
        drop(client);
        count_around(cluster, &sha, |cluster, leader| {
            cluster.node(leader).kill();
            Ok(())
        })?;
        count_around(cluster, &sha, |cluster, leader| {
            let exit = cluster.node(leader).stop(WITHIN)?;
            ensure!(exit.code == Some(0), "exit code {:?}\n{}", exit.code, exit.log);
            Ok(())
        })
    });
}
