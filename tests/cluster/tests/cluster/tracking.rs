//! Client-side caching over processes: who reads through one process hears of changes made through another.

use anyhow::{Context, Result, ensure};
use meridian_testkit::{Client, Setup, Value, until};

use crate::{WITHIN, waiting::leader_of_data};

/// Enough keys for every shard to have some.
const KEYS: usize = 24;

fn tracking(mut client: Client, options: &[&str]) -> Result<Client> {
    client.call(&["HELLO", "3"])?;
    client.call(&[&["CLIENT", "TRACKING", "ON"], options].concat())?;
    Ok(client)
}

/// The keys of a message that keys are invalid; none if all are.
fn keys_of(message: &Value, kind: &str) -> Result<Option<Vec<String>>> {
    let parts = message.as_array().with_context(|| format!("a message: {message:?}"))?;
    ensure!(parts.first().and_then(Value::as_str) == Some(kind), "{message:?}");
    let Some(keys) = parts.last().and_then(Value::as_array) else {
        ensure!(parts.last() == Some(&Value::Null), "{message:?}");
        return Ok(None);
    };
    Ok(Some(keys.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
}

fn invalidated(client: &mut Client) -> Result<Option<Vec<String>>> {
    keys_of(&client.read()?, "invalidate")
}

#[test]
fn a_change_through_another_process_is_told_and_none_that_was_not_read() {
    Setup::new(3).shards(4).run(|cluster| {
        let mut reader = tracking(cluster.client(0)?, &[])?;
        for node in 0..3 {
            let mut writer = cluster.client(node)?;
            for index in 0..KEYS {
                let key = format!("key:{index}");
                writer.call(&["SET", &format!("other:{index}"), "x"])?;
                reader.call(&["GET", &key])?;
                writer.call(&["SET", &key, "x"])?;
                ensure!(invalidated(&mut reader)? == Some(vec![key.clone()]), "{key} through {node}");
                // Once told, it is forgotten.
                writer.call(&["SET", &key, "y"])?;
            }
        }
        ensure!(reader.call(&["PING"])?.as_str() == Some("PONG"), "nothing else was told");
        // Through the process that reads: of a change through another it may still hear once the key is read.
        cluster.client(0)?.call(&["SET", "short", "x", "PX", "100"])?;
        reader.call(&["GET", "short"])?;
        ensure!(invalidated(&mut reader)? == Some(vec!["short".into()]), "a key that expires");
        reader.call(&["GET", "key:1"])?;
        cluster.client(2)?.call(&["FLUSHALL"])?;
        ensure!(invalidated(&mut reader)?.is_none(), "a flush");
        Ok(())
    });
}

#[test]
fn a_message_is_there_before_the_reply_to_a_write_through_the_same_process() {
    Setup::new(3).shards(4).run(|cluster| {
        for node in 0..3 {
            let mut reader = tracking(cluster.client(node)?, &[])?;
            let mut writer = cluster.client(node)?;
            for index in 0..KEYS {
                let key = format!("key:{index}");
                reader.call(&["GET", &key])?;
                writer.call(&["INCR", &key])?;
                // Whatever the client sends from here on is answered behind the message.
                reader.send(&["PING"])?;
                ensure!(invalidated(&mut reader)? == Some(vec![key.clone()]), "{key} through {node}");
                ensure!(reader.read()?.as_str() == Some("PONG"), "the reply");
            }
        }
        Ok(())
    });
}

#[test]
fn everything_is_invalid_once_a_leader_is_lost() {
    Setup::new(3).run(|cluster| {
        let leader = leader_of_data(cluster)?;
        let (reading, writing) = ((leader + 1) % 3, (leader + 2) % 3);
        let mut reader = tracking(cluster.client(reading)?, &[])?;
        let mut writer = cluster.client(writing)?;
        writer.call(&["SET", "key", "1"])?;
        reader.call(&["GET", "key"])?;
        cluster.node(leader).kill();
        ensure!(invalidated(&mut reader)?.is_none(), "the leader is lost");
        // From the new one it hears again; messages that all is invalid may come twice.
        for value in 2.. {
            reader.send(&["GET", "key"])?;
            while matches!(reader.read()?, Value::Push(_)) {}
            writer.call(&["SET", "key", &value.to_string()])?;
            if let Some(keys) = invalidated(&mut reader)? {
                ensure!(keys == ["key"], "{keys:?}");
                break;
            }
        }
        Ok(())
    });
}

#[test]
fn resp2_hears_on_another_connection_of_the_same_process() {
    Setup::new(3).shards(4).run(|cluster| {
        let mut listener = cluster.client(0)?;
        let Value::Integer(id) = listener.call(&["CLIENT", "ID"])? else { anyhow::bail!("an id") };
        let id = id.to_string();
        listener.call(&["SUBSCRIBE", "__redis__:invalidate"])?;
        let mut reader = cluster.client(0)?;
        reader.call(&["CLIENT", "TRACKING", "ON", "REDIRECT", &id])?;
        let Value::Integer(target) = reader.call(&["CLIENT", "GETREDIR"])? else { anyhow::bail!("an id") };
        ensure!(target.to_string() == id, "redirected to {target}");
        for index in 0..KEYS {
            let key = format!("key:{index}");
            reader.call(&["GET", &key])?;
            cluster.client(index % 3)?.call(&["SET", &key, "x"])?;
            ensure!(keys_of(&listener.read()?, "message")? == Some(vec![key.clone()]), "{key}");
        }
        Ok(())
    });
}

#[test]
fn prefixes_are_told_of_keys_that_nobody_has_read() {
    Setup::new(3).shards(4).run(|cluster| {
        let mut listener = tracking(cluster.client(0)?, &["BCAST", "PREFIX", "a:", "PREFIX", "b:"])?;
        for index in 0..KEYS {
            let mut writer = cluster.client(index % 3)?;
            writer.call(&["SET", &format!("c:{index}"), "x"])?;
            let key = format!("{}:{index}", ["a", "b"][index % 2]);
            writer.call(&["SET", &key, "x"])?;
            ensure!(invalidated(&mut listener)? == Some(vec![key.clone()]), "{key}");
        }
        Ok(())
    });
}

/// While others write, a client that caches what it reads, and drops what it is told of, never keeps an old value: when
/// the writing is over and the messages are read, its cache holds what is there.
#[test]
fn a_cache_is_never_left_with_an_old_value() {
    use std::collections::BTreeMap;
    const ROUNDS: usize = 60;
    Setup::new(3).shards(4).run(|cluster| {
        let keys: Vec<String> = (0..KEYS).map(|index| format!("key:{index}")).collect();
        let addresses = cluster.client_addresses();
        let writers: Vec<_> = addresses
            .iter()
            .map(|address| {
                let (address, keys) = (*address, keys.clone());
                std::thread::spawn(move || -> Result<()> {
                    let mut writer = Client::connect(address, WITHIN)?;
                    for _ in 0..ROUNDS {
                        for key in &keys {
                            writer.call(&["INCR", key])?;
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        let mut reader = tracking(cluster.client(0)?, &[])?;
        let mut cache: BTreeMap<String, Value> = BTreeMap::new();
        let drop_invalid = |cache: &mut BTreeMap<String, Value>, message: &Value| -> Result<()> {
            match keys_of(message, "invalidate")? {
                None => cache.clear(),
                Some(keys) => cache.retain(|key, _| !keys.contains(key)),
            }
            Ok(())
        };
        let mut read_all = |cache: &mut BTreeMap<String, Value>| -> Result<()> {
            let missing: Vec<&String> = keys.iter().filter(|key| !cache.contains_key(*key)).collect();
            for key in &missing {
                reader.send(&["GET", key])?;
            }
            // Behind all that was told before.
            reader.send(&["PING"])?;
            let mut missing = missing.into_iter();
            loop {
                let value = reader.read()?;
                if matches!(value, Value::Push(_)) {
                    drop_invalid(cache, &value)?;
                } else if let Some(key) = missing.next() {
                    cache.insert(key.clone(), value);
                } else {
                    return Ok(());
                }
            }
        };
        while writers.iter().any(|writer| !writer.is_finished()) {
            read_all(&mut cache)?;
        }
        for writer in writers {
            writer.join().map_err(|_| anyhow::anyhow!("a writer panicked"))??;
        }
        let expected = (3 * ROUNDS).to_string();
        // What other processes have written may be told a little later than it was answered there.
        until(WITHIN, "a cache that holds what is there", || {
            read_all(&mut cache).is_ok()
                && cache.len() == KEYS
                && cache.values().all(|value| value.as_str() == Some(&expected))
        })
    });
}
