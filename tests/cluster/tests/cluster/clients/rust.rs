//! redis-rs.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use meridian_testkit::{Cluster, Setup, within};
use redis::{Client, Connection, ConnectionLike, cmd, pipe};

use crate::WITHIN;

#[test]
fn redis_rs() {
    Setup::new(3).shards(2).run(|cluster| {
        for protocol in ["", "?protocol=resp3"] {
            let mut connection = connect(cluster, 0, protocol)?;
            basics(&mut connection).with_context(|| protocol.to_owned())?;
            more(&mut connection).with_context(|| protocol.to_owned())?;
        }
        // The node of the connection lives on: its commands wait until there is a leader again.
        let leader = cluster.busiest()?;
        let own = (leader + 1) % 3;
        let mut connection = connect(cluster, own, "")?;
        cluster.node(leader).kill();
        for count in 1..=100 {
            let counted: i64 = cmd("INCR").arg("rs:count").query(&mut connection)?;
            ensure!(counted == count, "{counted} after {count} increments");
        }
        cluster.start_node(leader)?;
        cluster.wait_ready()?;
        // The node of the connection dies: the next connection goes on.
        cluster.node(own).kill();
        let broken: Result<i64, _> = cmd("INCR").arg("rs:count").query(&mut connection);
        ensure!(broken.is_err() && !connection.is_open(), "{broken:?}");
        cluster.start_node(own)?;
        let mut connection = within(WITHIN, "a new connection", || connect(cluster, own, "").ok())?;
        let counted: i64 = cmd("INCR").arg("rs:count").query(&mut connection)?;
        ensure!(counted == 101, "{counted}");
        Ok(())
    });
}

fn connect(cluster: &Cluster, node: usize, parameters: &str) -> Result<Connection> {
    let client = Client::open(format!("redis://{}/{parameters}", cluster.client_addresses()[node]))?;
    Ok(client.get_connection_with_timeout(WITHIN)?)
}

fn basics(connection: &mut Connection) -> Result<()> {
    cmd("FLUSHALL").exec(connection)?;
    cmd("SET").arg("a").arg("x").arg("EX").arg(100).exec(connection)?;
    let value: Option<String> = cmd("GET").arg("a").query(connection)?;
    ensure!(value.as_deref() == Some("x"), "{value:?}");
    let left: i64 = cmd("TTL").arg("a").query(connection)?;
    ensure!((1..=100).contains(&left), "{left}");
    let missing: Option<String> = cmd("GET").arg("none").query(connection)?;
    ensure!(missing.is_none(), "{missing:?}");
    let mut many = pipe();
    for number in 0..1000 {
        many.cmd("SET").arg(format!("rs:{number}")).arg(number).ignore();
    }
    many.cmd("MGET").arg("rs:1").arg("rs:999").arg("none");
    let (values,): (Vec<Option<u32>>,) = many.query(connection)?;
    ensure!(values == [Some(1), Some(999), None], "{values:?}");
    let wrong: redis::RedisResult<i64> = cmd("INCR").arg("a").query(connection);
    let error = wrong.err().context("INCR of a text")?;
    ensure!(error.to_string().contains("not an integer"), "{error}");
    let size: i64 = cmd("DBSIZE").query(connection)?;
    ensure!(size == 1001, "{size}");
    Ok(())
}

/// Collections, a transaction, a script, a wait.
fn more(connection: &mut Connection) -> Result<()> {
    cmd("HSET").arg("hash").arg("a").arg(1).arg("b").arg(2).exec(connection)?;
    let hash: BTreeMap<String, u32> = cmd("HGETALL").arg("hash").query(connection)?;
    ensure!(hash == BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]), "{hash:?}");
    cmd("ZADD").arg("zset").arg(1).arg("one").arg(2.5).arg("two").exec(connection)?;
    let scored: Vec<(String, f64)> =
        cmd("ZRANGE").arg("zset").arg(0).arg(-1).arg("WITHSCORES").query(connection)?;
    ensure!(scored == [("one".to_owned(), 1.0), ("two".to_owned(), 2.5)], "{scored:?}");
    let replies: (String, i64) =
        pipe().atomic().cmd("SET").arg("{tx}a").arg(1).cmd("INCR").arg("{tx}a").query(connection)?;
    ensure!(replies == ("OK".to_owned(), 2), "{replies:?}");
    let sum: i64 =
        cmd("EVAL").arg("return redis.call('INCRBY', KEYS[1], 5)").arg(1).arg("{tx}n").query(connection)?;
    ensure!(sum == 5, "{sum}");
    cmd("RPUSH").arg("queue").arg("job").exec(connection)?;
    let served: (String, String) = cmd("BLPOP").arg("queue").arg(1).query(connection)?;
    ensure!(served == ("queue".to_owned(), "job".to_owned()), "{served:?}");
    let nothing: Option<(String, String)> = cmd("BLPOP").arg("queue").arg(0.05).query(connection)?;
    ensure!(nothing.is_none(), "{nothing:?}");
    Ok(())
}
