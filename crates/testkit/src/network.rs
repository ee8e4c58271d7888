//! A network for the processes of one cluster, in which what one host sends to another can get lost.
//!
//! Every host is a network namespace with an address of its own, wired to a bridge in one more namespace. What is cut is
//! lost in silence and in one direction, as on a broken line: the sender has a neighbour's address that nobody has.
//! Whoever runs the tests reaches all hosts at all times.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};

/// How many networks there may be side by side: each takes one network of the range that is reserved for tests.
const NETWORKS: u32 = 512;
/// Whoever runs the tests has this number in every network.
const OUTSIDE: u8 = 254;
/// Nobody's hardware address.
const NOBODY: &str = "02:00:00:00:ff:ff";
/// What a host calls its only line.
const LINE: &str = "line";

/// Namespaces, gone when this is dropped.
#[derive(Debug)]
pub struct Network {
    number: u32,
    hosts: usize,
}

impl Network {
    /// One with so many hosts. `None` if whoever runs the tests may not make it.
    ///
    /// # Errors
    /// If `ip` is missing, or refuses something after it was allowed to begin.
    pub fn new(hosts: usize) -> Result<Option<Network>> {
        for attempt in 0..NETWORKS {
            // Processes that run side by side have ids close to each other.
            let number = (std::process::id() + attempt * 37) % NETWORKS;
            if Path::new("/run/netns").join(hub(number)).exists() {
                continue;
            }
            if !run(&["netns", "add", &hub(number)])?.status.success() {
                return Ok(None);
            }
            return Network { number, hosts: 0 }.wire(hosts).map(Some);
        }
        bail!("{NETWORKS} networks are there already")
    }

    fn wire(mut self, hosts: usize) -> Result<Network> {
        let (hub, outside) = (self.hub(), format!("mt{}", self.number));
        ip(&format!("-n {hub} link add hub type bridge"))?;
        ip(&format!("-n {hub} link set hub up"))?;
        ip(&format!("link add {outside} type veth peer name outside netns {hub}"))?;
        ip(&format!("addr add {}/24 dev {outside}", self.numbered(OUTSIDE)))?;
        ip(&format!("link set {outside} up"))?;
        ip(&format!("-n {hub} link set outside master hub up"))?;
        for host in 0..hosts {
            let name = self.name(host);
            ip(&format!("netns add {name}"))?;
            self.hosts = host + 1;
            ip(&format!("-n {name} link set lo up"))?;
            let hardware = hardware(host);
            ip(&format!(
                "link add {LINE} netns {name} address {hardware} type veth peer name host{host} netns {hub}"
            ))?;
            ip(&format!("-n {name} addr add {}/24 dev {LINE}", self.address(host)))?;
            ip(&format!("-n {name} link set {LINE} up"))?;
            ip(&format!("-n {hub} link set host{host} master hub up"))?;
        }
        Ok(self)
    }

    /// The address of a host.
    pub fn address(&self, host: usize) -> IpAddr {
        self.numbered(u8::try_from(host + 1).unwrap_or(OUTSIDE))
    }

    /// A command that runs on a host: its process is the program itself.
    pub fn command(&self, host: usize, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host)]).arg(program);
        command
    }

    /// What one host sends to another is lost from now on.
    ///
    /// # Errors
    /// If `ip` refuses.
    pub fn cut(&self, from: usize, to: usize) -> Result<()> {
        self.neighbour(from, to, NOBODY)
    }

    /// What one host sends to another arrives again.
    ///
    /// # Errors
    /// If `ip` refuses.
    pub fn mend(&self, from: usize, to: usize) -> Result<()> {
        self.neighbour(from, to, &hardware(to))
    }

    fn neighbour(&self, from: usize, to: usize, hardware: &str) -> Result<()> {
        let (name, address) = (self.name(from), self.address(to));
        ip(&format!("-n {name} neigh replace {address} lladdr {hardware} dev {LINE} nud permanent"))
    }

    fn numbered(&self, last: u8) -> IpAddr {
        let [_, _, high, low] = self.number.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(198, 18 + high, low, last))
    }

    fn hub(&self) -> String {
        hub(self.number)
    }

    fn name(&self, host: usize) -> String {
        format!("{}-{host}", self.hub())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let hosts = (0..self.hosts).map(|host| self.name(host));
        for name in hosts.chain([self.hub()]) {
            if let Err(error) = ip(&format!("netns delete {name}")) {
                eprintln!("{error:#}");
            }
        }
    }
}

/// The namespace of a network's bridge.
fn hub(number: u32) -> String {
    format!("meridian-test-{number}")
}

fn hardware(host: usize) -> String {
    format!("02:00:00:00:00:{:02x}", host + 1)
}

fn ip(arguments: &str) -> Result<()> {
    let output = run(&arguments.split(' ').collect::<Vec<_>>())?;
    if !output.status.success() {
        bail!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn run(arguments: &[&str]) -> Result<Output> {
    Command::new("ip").args(arguments).stdin(Stdio::null()).output().context("cannot run ip")
}
