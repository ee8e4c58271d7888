//! Clusters form, grow, move and stay apart from each other.

use anyhow::{Result, ensure};
use meridian_testkit::{Load, LoadOptions, Setup};

use crate::{WITHIN, read_back, write};

#[test]
fn three_nodes_serve_every_key_at_every_node() {
    Setup::new(3).shards(4).run(|cluster| {
        write(&mut cluster.client(0)?, "a", 200)?;
        for node in 0..3 {
            read_back(&mut cluster.client(node)?, "a", 200)?;
        }
        let shards = cluster.status(1)?.shards()?;
        let slots: usize =
            shards.iter().flat_map(|shard| &shard.slots).map(|(a, b)| usize::from(b - a) + 1).sum();
        ensure!(slots == 16384, "{slots} slots have a shard");
        ensure!(shards.iter().all(|shard| shard.voters.len() == 3), "{shards:?}");
        Ok(())
    });
}

#[test]
fn five_nodes_survive_the_loss_of_two() {
    Setup::new(5).regions(&["r1", "r2", "r3"]).run(|cluster| {
        write(&mut cluster.client(4)?, "a", 100)?;
        let leader = cluster.busiest()?;
        let other = (leader + 1) % 5;
        cluster.node(leader).kill();
        cluster.node(other).kill();
        let survivor = (leader + 2) % 5;
        let mut client = cluster.client(survivor)?;
        read_back(&mut client, "a", 100)?;
        write(&mut client, "b", 100)?;
        cluster.start_node(leader)?;
        cluster.start_node(other)?;
        cluster.wait_ready()?;
        read_back(&mut cluster.client(other)?, "b", 100)
    });
}

#[test]
fn a_node_alone_grows_to_three_with_its_data() {
    Setup::new(1).replication(3).run(|cluster| {
        write(&mut cluster.client(0)?, "alone", 500)?;
        cluster.add_node("local")?;
        cluster.add_node("local")?;
        cluster.wait_ready()?;
        let first = cluster.status(0)?;
        write(&mut cluster.client(2)?, "grown", 100)?;
        cluster.node(0).kill();
        let mut client = cluster.client(1)?;
        read_back(&mut client, "alone", 500)?;
        read_back(&mut client, "grown", 100)?;
        ensure!(cluster.status(1)?.cluster() == first.cluster(), "it is the same cluster");
        ensure!(cluster.status(1)?.epoch() >= first.epoch(), "the epoch never runs back");
        Ok(())
    });
}

#[test]
fn nodes_join_under_load_and_nobody_notices() {
    Setup::new(1).replication(3).shards(3).run(|cluster| {
        let load = Load::start(LoadOptions::new(cluster.client_addresses()));
        load.wait_acknowledged(200, WITHIN)?;
        // One alone, then three voters, then more nodes than voters: replicas and leaders move.
        for joining in [2, 1] {
            for _ in 0..joining {
                cluster.add_node("local")?;
            }
            cluster.wait_ready()?;
            load.wait_acknowledged(200, WITHIN)?;
        }
        let record = load.stop()?;
        let failures = record.failures(&[0]);
        ensure!(failures.is_empty(), "clients saw errors: {failures:#?}");
        for node in 0..4 {
            record.verify(&mut cluster.client(node)?)?;
        }
        Ok(())
    });
}

#[test]
fn a_cluster_is_made_only_once() {
    Setup::new(1).run(|cluster| {
        let address = cluster.node(0).listen().to_string();
        let again = cluster.command(&["init", "--address", &address])?;
        let said = String::from_utf8(again.stderr)?;
        ensure!(!again.status.success() && said.lines().count() == 1, "{said}");
        write(&mut cluster.client(0)?, "a", 1)
    });
}

#[test]
fn all_restart_in_any_order_at_other_addresses() {
    Setup::new(3).shards(2).run(|cluster| {
        write(&mut cluster.client(0)?, "a", 100)?;
        let before = cluster.status(0)?.cluster().to_owned();
        for node in 0..3 {
            cluster.node(node).kill();
        }
        for node in 0..3 {
            cluster.move_node(node);
        }
        for node in [2, 0, 1] {
            cluster.start_node(node)?;
        }
        cluster.wait_ready()?;
        ensure!(cluster.status(2)?.cluster() == before, "it is the same cluster");
        ensure!(cluster.status(2)?.nodes() == 3, "no node was counted twice");
        read_back(&mut cluster.client(1)?, "a", 100)
    });
}

#[test]
fn one_node_moves_while_the_others_serve() {
    Setup::new(3).run(|cluster| {
        cluster.node(1).stop(WITHIN)?;
        write(&mut cluster.client(0)?, "a", 100)?;
        cluster.move_node(1);
        cluster.start_node(1)?;
        cluster.wait_ready()?;
        read_back(&mut cluster.client(1)?, "a", 100)
    });
}

#[test]
fn the_data_of_another_cluster_is_refused() -> Result<()> {
    let mut strangers = Setup::new(1).start()?;
    write(&mut strangers.client(0)?, "theirs", 1)?;
    strangers.node(0).kill();
    Setup::new(1).run(|cluster| {
        let address = cluster.node(0).listen();
        strangers.node(0).join(vec![address]);
        strangers.start_node(0)?;
        let exit = strangers.node(0).wait_exit(WITHIN)?;
        ensure!(exit.code == Some(2), "exit code {:?}\n{}", exit.code, exit.log);
        let complaint = exit.log.lines().filter(|line| line.starts_with("meridian: ")).count();
        ensure!(complaint == 1, "{}", exit.log);
        ensure!(cluster.status(0)?.nodes() == 1, "the stranger was not let in");
        write(&mut cluster.client(0)?, "ours", 1)
    });
    Ok(())
}

#[test]
fn a_data_directory_has_one_process() {
    Setup::new(2).replication(1).run_unformed(|cluster| {
        let data = cluster.node(0).data().to_owned();
        // The first has opened its data when it answers.
        cluster.init()?;
        cluster.node(1).kill();
        cluster.node(1).set_data(data);
        cluster.start_node(1)?;
        let exit = cluster.node(1).wait_exit(WITHIN)?;
        ensure!(exit.code == Some(2), "exit code {:?}\n{}", exit.code, exit.log);
        write(&mut cluster.client(0)?, "a", 1)
    });
}
