//! What port scanners, browsers and broken programs send, at every port.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Result, ensure};
use meridian_testkit::{Setup, memory};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{read_back, write};

/// Nothing that is sent here may make a process keep more than this.
const MEMORY_GROWTH_MAX: u64 = 64 << 20;
/// How long an answer to garbage is waited for; there need not be one.
const ANSWER_WITHIN: Duration = Duration::from_millis(50);

/// The beginnings of other protocols, and requests that promise more than they hold.
fn probes() -> Vec<Vec<u8>> {
    let mut probes: Vec<Vec<u8>> = [
        &b""[..],
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x00\x00\x00\x00\x00\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\xff\xff\x01\x25\x00\x00\x00\x01",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"*1000000000\r\n",
        b"*-7\r\n",
        b"*3\r\n$3\r\nSET\r\n$536870912\r\n",
        b"*3\r\n$3\r\nSET\r\n$999999999999999999999\r\n",
        b"*1\r\n*1\r\n*1\r\n",
        b"*2\r\n$3\r\nGET\r\n$1\r\naX",
        b"$5\r\nhello\r\n",
        b"SET \"unbalanced\r\n",
        b"EVAL \xff\xfe\x00 0\r\n",
    ]
    .iter()
    .map(|probe| probe.to_vec())
    .collect();
    probes.push(b"*1\r\n".repeat(20_000));
    probes.push(vec![b'a'; 200_000]);
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..40 {
        let length = random.random_range(1..4000);
        probes.push((0..length).map(|_| random.random()).collect());
    }
    probes
}

#[test]
fn garbage_at_every_port_hurts_nobody() {
    Setup::new(3).shards(2).run(|cluster| {
        write(&mut cluster.client(0)?, "a", 50)?;
        let before = cluster.process_ids().iter().map(|id| memory(*id)).collect::<Result<Vec<_>>>()?;
        let ports: Vec<SocketAddr> =
            cluster.nodes().iter().flat_map(|node| [node.listen(), node.client_listen()]).collect();
        // Half of the connections stay open while the cluster is used.
        let mut open = Vec::new();
        for (index, probe) in probes().iter().enumerate() {
            for port in &ports {
                let stream = send(*port, probe)?;
                if index % 2 == 0 {
                    open.push(stream);
                }
            }
        }
        for node in 0..3 {
            let mut client = cluster.client(node)?;
            write(&mut client, &format!("b{node}"), 50)?;
            read_back(&mut client, "a", 50)?;
        }
        for (id, before) in cluster.process_ids().into_iter().zip(before) {
            let after = memory(id)?;
            ensure!(after < before + MEMORY_GROWTH_MAX, "process {id} grew from {before} to {after} bytes");
        }
        drop(open);
        cluster.wait_ready()
    });
}

/// Sends a probe, and reads what comes back for a moment.
fn send(port: SocketAddr, probe: &[u8]) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(port)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    // Being cut off in the middle is a good answer.
    let sent = stream.write_all(probe);
    let mut answer = [0; 4096];
    match stream.read(&mut answer) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
        Err(error) => ensure!(
            matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
            "{port}: {error}, sent {sent:?}"
        ),
    }
    Ok(stream)
}
