//! redis-rs.

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
