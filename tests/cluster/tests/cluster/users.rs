//! Users: known everywhere at once, over restarts, and gone everywhere at once.

use anyhow::{Result, ensure};
use meridian_testkit::{CallError, Client, Setup, Value};

fn refused(reply: Result<Value, CallError>, wanted: &str) -> Result<()> {
    ensure!(matches!(&reply, Err(CallError::Refused(text)) if text == wanted), "{reply:?} is not: {wanted}");
    Ok(())
}

const NO_KEY: &str = "NOPERM No permissions to access a key";

/// What a user may do that has `+@all ~mine:* &mine`, but `-flushall`.
fn check_rules(bob: &mut Client) -> Result<()> {
    bob.call(&["SET", "mine:1", "x"])?;
    refused(bob.call(&["SET", "other:1", "x"]), NO_KEY)?;
    refused(bob.call(&["FLUSHALL"]), "NOPERM User bob has no permissions to run the 'flushall' command")?;
    refused(bob.call(&["PUBLISH", "other", "x"]), "NOPERM No permissions to access a channel")?;
    let script = "return redis.pcall('SET', ARGV[1], 'y')";
    bob.call(&["EVAL", script, "1", "mine:1", "mine:1"])?;
    refused(
        bob.call(&["EVAL", script, "0", "other:1"]),
        "ERR ACL failure in script: No permissions to access a key",
    )?;
    bob.call(&["MULTI"])?;
    refused(bob.call(&["GET", "other:1"]), NO_KEY)?;
    refused(bob.call(&["EXEC"]), "EXECABORT Transaction discarded because of previous errors.")
}

fn become_bob(client: &mut Client) -> Result<Value, CallError> {
    client.call(&["AUTH", "bob", "secret"])
}

#[test]
fn a_user_made_at_one_node_is_known_at_all_and_outlives_a_restart() {
    Setup::new(3).shards(2).run(|cluster| {
        let rules = ["ACL", "SETUSER", "bob", "on", ">secret", "+@all", "-flushall", "~mine:*", "&mine"];
        cluster.client(0)?.call(&rules)?;
        for node in 0..3 {
            let mut bob = cluster.client(node)?;
            refused(
                bob.call(&["AUTH", "bob", "wrong"]),
                "WRONGPASS invalid username-password pair or user is disabled.",
            )?;
            become_bob(&mut bob)?;
            check_rules(&mut bob)?;
        }
        let list = cluster.client(1)?.call(&["ACL", "LIST"])?;
        for node in 0..3 {
            cluster.node(node).kill();
        }
        for node in 0..3 {
            cluster.start_node(node)?;
        }
        cluster.wait_ready()?;
        for node in 0..3 {
            let mut bob = cluster.client(node)?;
            become_bob(&mut bob)?;
            check_rules(&mut bob)?;
            let now = cluster.client(node)?.call(&["ACL", "LIST"])?;
            ensure!(now == list, "{now:?} were {list:?}");
        }
        Ok(())
    });
}

#[test]
fn a_user_removed_at_one_node_is_disconnected_from_all() {
    Setup::new(3).run(|cluster| {
        let mut admin = cluster.client(0)?;
        admin.call(&["ACL", "SETUSER", "bob", "on", ">secret", "+@all", "~*", "&*"])?;
        let (mut away, mut listener) = (cluster.client(1)?, cluster.client(2)?);
        become_bob(&mut away)?;
        become_bob(&mut listener)?;
        listener.call(&["SUBSCRIBE", "news"])?;
        // Whoever listens to what is no longer permitted is closed, others are not.
        admin.call(&["ACL", "SETUSER", "bob", "resetchannels", "&olds"])?;
        listener.wait_closed()?;
        away.call(&["PING"])?;
        refused(away.call(&["SUBSCRIBE", "news"]), "NOPERM No permissions to access a channel")?;
        ensure!(admin.call(&["ACL", "DELUSER", "bob", "nobody"])? == Value::Integer(1));
        away.wait_closed()?;
        for node in 0..3 {
            refused(
                become_bob(&mut cluster.client(node)?),
                "WRONGPASS invalid username-password pair or user is disabled.",
            )?;
        }
        // Whoever removes itself gets the answer first.
        admin.call(&["ACL", "SETUSER", "bob", "on", ">secret", "+@all", "~*"])?;
        let mut itself = cluster.client(2)?;
        become_bob(&mut itself)?;
        ensure!(itself.call(&["ACL", "DELUSER", "bob"])? == Value::Integer(1));
        itself.wait_closed()?;
        Ok(())
    });
}

#[test]
fn a_password_that_is_set_at_one_node_is_asked_for_at_all() {
    Setup::new(3).run(|cluster| {
        let mut admin = cluster.client(0)?;
        admin.call(&["CONFIG", "SET", "requirepass", "hush"])?;
        for node in 0..3 {
            let mut client = cluster.client(node)?;
            refused(client.call(&["PING"]), "NOAUTH Authentication required.")?;
            client.call(&["AUTH", "hush"])?;
            client.call(&["PING"])?;
        }
        let mut other = cluster.client(2)?;
        other.call(&["AUTH", "hush"])?;
        other.call(&["CONFIG", "SET", "requirepass", ""])?;
        for node in 0..3 {
            cluster.client(node)?.call(&["PING"])?;
        }
        Ok(())
    });
}

#[test]
fn changes_at_the_same_time_are_all_made() {
    Setup::new(3).run(|cluster| {
        cluster.client(0)?.call(&["ACL", "SETUSER", "bob"])?;
        let mut clients = (0..3).map(|node| cluster.client(node)).collect::<Result<Vec<_>>>()?;
        for (node, client) in clients.iter_mut().enumerate() {
            client.send(&["ACL", "SETUSER", "bob", &format!("~key:{node}")])?;
        }
        for client in &mut clients {
            client.read()?;
        }
        let list = format!("{:?}", cluster.client(0)?.call(&["ACL", "LIST"])?);
        for node in 0..3 {
            ensure!(list.contains(&format!("~key:{node}")), "~key:{node} is missing: {list}");
        }
        Ok(())
    });
}
