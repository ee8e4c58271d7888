//! Clients that wait for keys, and transactions with watched keys, while the leader of their keys goes: nothing is lost,
//! and nothing happens twice.

use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use meridian_testkit::{Client, Cluster, Setup, Value, until};

use crate::WITHIN;

/// The node that leads the only shard.
pub(crate) fn leader_of_data(cluster: &Cluster) -> Result<usize> {
    until(WITHIN, "a leader", || cluster.leaders().is_ok())?;
    // The first is that of the meta group.
    cluster.leaders()?.get(1).copied().context("no shard")
}

/// How the leader goes.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    Killed,
    Stopped,
}

impl Leaves {
    fn strike(self, cluster: &mut Cluster, node: usize) -> Result<()> {
        match self {
            Leaves::Killed => cluster.node(node).kill(),
            Leaves::Stopped => {
                let exit = cluster.node(node).stop(WITHIN)?;
                ensure!(exit.code == Some(0), "exit code {:?}\n{}", exit.code, exit.log);
            }
        }
        Ok(())
    }
}

/// Runs something with both ways to go, the leader's node among the arguments and then the others.
fn with_leaders_leaving(run: impl Fn(&mut Cluster, Leaves, usize, [usize; 2]) -> Result<()>) {
    Setup::new(3).run(|cluster| {
        for leaves in [Leaves::Killed, Leaves::Stopped] {
            let leader = leader_of_data(cluster)?;
            let others = [(leader + 1) % 3, (leader + 2) % 3];
            run(cluster, leaves, leader, others).with_context(|| format!("{leaves:?}"))?;
            cluster.start_node(leader)?;
            cluster.wait_ready()?;
        }
        Ok(())
    });
}

/// How many clients wait at a node.
fn blocked(cluster: &Cluster, node: usize) -> Result<usize> {
    let info = cluster.client(node)?.call(&["INFO", "clients"])?;
    let line =
        info.as_str().context("a text")?.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
    Ok(line.context("no count")?.trim().parse()?)
}

/// Sends a command at a node and waits until its client waits there.
fn block(cluster: &Cluster, node: usize, command: &[&str]) -> Result<Client> {
    let before = blocked(cluster, node)?;
    let mut client = cluster.client(node)?;
    client.send(command)?;
    until(WITHIN, command[0], || blocked(cluster, node).is_ok_and(|now| now > before))?;
    Ok(client)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(texts).collect(),
        other => other.as_str().map(str::to_owned).into_iter().collect(),
    }
}

#[test]
fn clients_that_wait_are_served_once_after_their_leader_has_gone() {
    with_leaders_leaving(|cluster, leaves, leader, [one, other]| {
        let key = |name: &str| format!("{{{leaves:?}}}{name}");
        let (list, stream, set) = (key("list"), key("stream"), key("set"));
        let (from, to, none) = (key("from"), key("to"), key("none"));
        let mut first = block(cluster, one, &["BLPOP", &list, "0"])?;
        let mut second = block(cluster, other, &["BLPOP", &list, "0"])?;
        let mut reader = block(cluster, one, &["XREAD", "BLOCK", "0", "STREAMS", &stream, "$"])?;
        let mut popper = block(cluster, other, &["BZPOPMIN", &set, "0"])?;
        let mut mover = block(cluster, one, &["BLMOVE", &from, &to, "LEFT", "RIGHT", "0"])?;
        let mut nobody = block(cluster, other, &["BLPOP", &none, "2"])?;
        leaves.strike(cluster, leader)?;
        let mut client = cluster.client(one)?;
        client.call(&["RPUSH", &list, "x", "y", "z"])?;
        client.call(&["XADD", &stream, "5-1", "field", "value"])?;
        client.call(&["ZADD", &set, "1", "least", "2", "most"])?;
        client.call(&["RPUSH", &from, "m", "n"])?;
        let came = [&mut first, &mut second, &mut reader, &mut popper, &mut mover]
            .map(|client| client.read().map(|value| texts(&value)));
        let mut came = came.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut next = || came.next().context("a reply");
        ensure!(next()? == [&list[..], "x"]);
        ensure!(next()? == [&list[..], "y"]);
        ensure!(next()? == [&stream[..], "5-1", "field", "value"]);
        let popped = next()?;
        ensure!(popped[..2] == [&set[..], "least"], "{popped:?}");
        ensure!(next()? == ["m"]);
        ensure!(nobody.read()? == Value::Null, "nothing came for one of them");
        // Each got one, and the rest is there.
        ensure!(texts(&client.call(&["LRANGE", &list, "0", "-1"])?) == ["z"]);
        ensure!(texts(&client.call(&["ZRANGE", &set, "0", "-1"])?) == ["most"]);
        ensure!(texts(&client.call(&["LRANGE", &from, "0", "-1"])?) == ["n"]);
        ensure!(texts(&client.call(&["LRANGE", &to, "0", "-1"])?) == ["m"]);
        ensure!(blocked(cluster, one)? == 0 && blocked(cluster, other)? == 0);
        Ok(())
    });
}

#[test]
fn a_client_whose_node_is_stopped_takes_no_element_with_it() {
    Setup::new(3).run(|cluster| {
        let leader = leader_of_data(cluster)?;
        for (stopped, asked) in [((leader + 1) % 3, leader), (leader, (leader + 1) % 3)] {
            let list = format!("list:{stopped}");
            let mut waiting = block(cluster, stopped, &["BLPOP", &list, "0"])?;
            Leaves::Stopped.strike(cluster, stopped)?;
            waiting.wait_closed()?;
            let mut client = cluster.client(asked)?;
            client.call(&["RPUSH", &list, "x"])?;
            let there = client.call(&["LPOP", &list])?;
            ensure!(there.as_str() == Some("x"), "node {stopped} was stopped: {there:?}");
            cluster.start_node(stopped)?;
            cluster.wait_ready()?;
        }
        Ok(())
    });
}

#[test]
fn watched_keys_stay_watched_after_their_leader_has_gone() {
    with_leaders_leaving(|cluster, leaves, leader, [one, other]| {
        let (kept, changed) = (format!("{leaves:?}:kept"), format!("{leaves:?}:changed"));
        let begin = |node: usize, key: &str| -> Result<Client> {
            let mut client = cluster.client(node)?;
            for command in [&["SET", key, "1"][..], &["WATCH", key], &["MULTI"], &["INCR", key]] {
                client.call(command)?;
            }
            Ok(client)
        };
        let mut keeps = begin(one, &kept)?;
        let mut loses = begin(other, &changed)?;
        leaves.strike(cluster, leader)?;
        let mut client = cluster.client(one)?;
        client.call(&["SET", &changed, "5"])?;
        let executed = keeps.call(&["EXEC"])?;
        ensure!(executed == Value::Array(vec![Value::Integer(2)]), "{executed:?}");
        ensure!(loses.call(&["EXEC"])? == Value::Null);
        for (key, wanted) in [(&kept, "2"), (&changed, "5")] {
            let value = client.call(&["GET", key])?;
            ensure!(value.as_str() == Some(wanted), "{key}: {value:?}");
        }
        Ok(())
    });
}

/// Counts up by so much, each time with WATCH and EXEC, and again where another client was quicker.
fn count_up(mut client: Client, key: &str, by: usize) -> Result<()> {
    let mut done = 0;
    while done < by {
        client.call(&["WATCH", key])?;
        let value = client.call(&["GET", key])?;
        let value: u64 = value.as_str().map_or(Ok(0), str::parse)?;
        client.call(&["MULTI"])?;
        client.call(&["SET", key, &(value + 1).to_string()])?;
        done += usize::from(client.call(&["EXEC"])? != Value::Null);
    }
    Ok(())
}

#[test]
fn optimistic_counters_lose_nothing_while_their_leader_goes() {
    const EACH: usize = 40;
    with_leaders_leaving(|cluster, leaves, leader, others| {
        let key = format!("{leaves:?}");
        let mut counting = Vec::new();
        for node in others.into_iter().chain(others) {
            let (client, key) = (cluster.client(node)?, key.clone());
            counting.push(thread::spawn(move || count_up(client, &key, EACH)));
        }
        let mut client = cluster.client(others[0])?;
        until(WITHIN, "some increments", || {
            client.call(&["GET", &key]).is_ok_and(|value| value != Value::Null)
        })?;
        leaves.strike(cluster, leader)?;
        let count = counting.len() * EACH;
        for thread in counting {
            thread.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        let value = client.call(&["GET", &key])?;
        ensure!(value.as_str() == Some(&count.to_string()), "{value:?} instead of {count}");
        Ok(())
    });
}
