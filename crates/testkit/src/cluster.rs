//! Clusters of real processes on loopback.
//!
//! A cluster has a directory of its own that goes with it, addresses nobody else has, and processes that die with it.
//! [`Setup::run`] is how a test uses one: at the end every log is read, and a panic or an `ERROR` that the test did not
//! announce fails it.

mod log;
mod node;
mod status;

use std::{
    cell::Cell,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tempfile::TempDir;

use crate::{Addresses, Client, Network, wait::within};

pub use node::Node;
pub use status::{Shard, Status};

/// How long a cluster may take to be complete, on a machine that is busy with other tests.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a command of a client may take in a test before it counts as lost.
pub(crate) const REPLY_WITHIN: Duration = Duration::from_secs(20);

/// The binary under test: `MERIDIAN_BIN`, or the one that was built with the tests.
///
/// # Errors
/// If there is none.
pub fn binary() -> Result<PathBuf> {
    let path = match env::var_os("MERIDIAN_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let test = env::current_exe().context("where is this test?")?;
            let folder =
                test.parent().and_then(Path::parent).context("the test is in no target directory")?;
            folder.join("meridian")
        }
    };
    ensure!(path.is_file(), "{} is missing: run the tests by `cargo xtask test`", path.display());
    Ok(path)
}

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The binary, if it is not the one built with the tests.
    binary: Option<PathBuf>,
    nodes: usize,
    shards: u32,
    replication: u32,
    regions: Vec<String>,
    /// Lines of every node's configuration file.
    settings: Vec<String>,
    /// Texts of `ERROR` lines that the test provokes.
    expected_errors: Vec<&'static str>,
    /// Where the processes run, if not where the tests do.
    network: Option<Arc<Network>>,
}

impl Setup {
    /// So many nodes with one shard, which has as many voters as there are nodes, five at most.
    pub fn new(nodes: usize) -> Setup {
        let replication = match nodes {
            0..3 => 1,
            3 | 4 => 3,
            _ => 5,
        };
        let regions = vec!["local".to_owned()];
        Setup {
            binary: None,
            nodes,
            shards: 1,
            replication,
            regions,
            settings: Vec::new(),
            expected_errors: Vec::new(),
            network: None,
        }
    }

    /// Runs every node on a host of this network.
    #[must_use]
    pub fn network(mut self, network: &Arc<Network>) -> Setup {
        self.network = Some(Arc::clone(network));
        self
    }

    /// Runs another binary than the one that was built with the tests.
    #[must_use]
    pub fn binary(mut self, path: PathBuf) -> Setup {
        self.binary = Some(path);
        self
    }

    /// Spreads the slots over so many shards.
    #[must_use]
    pub fn shards(mut self, shards: u32) -> Setup {
        self.shards = shards;
        self
    }

    /// Gives every shard so many voters.
    #[must_use]
    pub fn replication(mut self, voters: u32) -> Setup {
        self.replication = voters;
        self
    }

    /// Places the nodes in these regions in turn.
    #[must_use]
    pub fn regions(mut self, regions: &[&str]) -> Setup {
        self.regions = regions.iter().map(ToString::to_string).collect();
        self
    }

    /// Adds a line to every node's configuration file, such as `max_value = "1MB"`.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Setup {
        self.settings.push(line.to_owned());
        self
    }

    /// Says that `ERROR` lines with this text may be logged.
    #[must_use]
    pub fn expect_error(mut self, text: &'static str) -> Setup {
        self.expected_errors.push(text);
        self
    }

    /// Starts the processes, which belong to no cluster yet.
    ///
    /// # Errors
    /// If one does not start.
    pub fn spawn(self) -> Result<Cluster> {
        let folder = tempfile::Builder::new().prefix("meridian-test-").tempdir()?;
        let binary = self.binary.clone().map_or_else(binary, Ok)?;
        let mut cluster = Cluster {
            setup: self,
            nodes: Vec::new(),
            addresses: Addresses::new()?,
            binary,
            logs_printed: Cell::new(false),
            folder,
        };
        for index in 0..cluster.setup.nodes {
            let region = cluster.setup.regions[index % cluster.setup.regions.len()].clone();
            cluster.place(region);
        }
        cluster.introduce();
        // A process that is to join others makes no cluster.
        cluster.nodes[0].join(Vec::new());
        for index in 0..cluster.nodes.len() {
            cluster.start_node(index)?;
        }
        Ok(cluster)
    }

    /// Starts a cluster and waits until it is complete.
    ///
    /// # Errors
    /// If it is not in time.
    pub fn start(self) -> Result<Cluster> {
        let mut cluster = self.spawn()?;
        let formed = cluster.init().and_then(|()| cluster.wait_ready());
        if let Err(error) = formed {
            cluster.print_logs();
            return Err(error);
        }
        Ok(cluster)
    }

    /// Runs a test on a complete cluster, then reads the logs.
    ///
    /// # Panics
    /// If the test fails, a process panicked, or one logged an error that was not announced.
    pub fn run(self, test: impl FnOnce(&mut Cluster) -> Result<()>) {
        let mut cluster =
            self.start().unwrap_or_else(|error| panic!("the cluster does not start: {error:#}"));
        let outcome = test(&mut cluster);
        cluster.finish(outcome);
    }

    /// Like [`Setup::run`], with processes that belong to no cluster yet.
    ///
    /// # Panics
    /// As [`Setup::run`].
    pub fn run_unformed(self, test: impl FnOnce(&mut Cluster) -> Result<()>) {
        let mut cluster =
            self.spawn().unwrap_or_else(|error| panic!("the processes do not start: {error:#}"));
        let outcome = test(&mut cluster);
        cluster.finish(outcome);
    }
}

/// Running processes.
#[derive(Debug)]
pub struct Cluster {
    setup: Setup,
    nodes: Vec<Node>,
    addresses: Addresses,
    binary: PathBuf,
    logs_printed: Cell<bool>,
    folder: TempDir,
}

impl Cluster {
    /// How many nodes there are, running or not.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// One of the nodes.
    pub fn node(&mut self, index: usize) -> &mut Node {
        &mut self.nodes[index]
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Adds a node and starts it.
    ///
    /// # Errors
    /// If it does not start.
    pub fn add_node(&mut self, region: &str) -> Result<usize> {
        let index = self.place(region.to_owned());
        self.introduce();
        self.start_node(index)?;
        Ok(index)
    }

    /// Gives one more node its place.
    fn place(&mut self, region: String) -> usize {
        let index = self.nodes.len();
        let addresses = self.take_addresses(index);
        self.nodes.push(Node::new(&self.binary, self.folder.path(), index, addresses, region));
        index
    }

    fn take_addresses(&mut self, index: usize) -> [SocketAddr; 2] {
        [(); 2].map(|()| {
            let mut address = self.addresses.take();
            if let Some(network) = &self.setup.network {
                address.set_ip(network.address(index));
            }
            address
        })
    }

    /// Makes a cluster, with the first node as its first.
    ///
    /// # Errors
    /// If the node refuses.
    pub fn init(&mut self) -> Result<()> {
        let node = &self.nodes[0];
        // Until it listens there is nobody to ask.
        within(READY_WITHIN, "meridian init", || {
            let shards = self.setup.shards.to_string();
            let voters = self.setup.replication.to_string();
            let address = node.listen().to_string();
            let arguments = ["init", "--address", &address, "--shards", &shards, "--replication", &voters];
            match self.command(&arguments) {
                Ok(output) if output.status.success() => Some(Ok(())),
                Ok(output) => {
                    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                    (!said.contains("nobody answers")).then(|| Err(anyhow!("init: {said}")))
                }
                Err(error) => Some(Err(error)),
            }
        })??;
        self.introduce();
        Ok(())
    }

    /// Runs the binary with these arguments to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn command(&self, arguments: &[&str]) -> Result<Output> {
        command(&self.binary, arguments)
    }

    /// Starts a node that does not run, with what it now knows of the others.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_node(&mut self, index: usize) -> Result<()> {
        let binary = self.nodes[index].binary();
        let command = match &self.setup.network {
            Some(network) => network.command(index, binary),
            None => Command::new(binary),
        };
        self.nodes[index].start(command, &self.setup.settings)
    }

    /// Gives a node that does not run other addresses.
    pub fn move_node(&mut self, index: usize) {
        let addresses = self.take_addresses(index);
        self.nodes[index].set_addresses(addresses);
        self.introduce();
    }

    /// The ids of the processes that run.
    pub fn process_ids(&self) -> Vec<u32> {
        self.nodes.iter().filter_map(|node| node.process_id()).collect()
    }

    /// Where clients connect, per node.
    pub fn client_addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Node::client_listen).collect()
    }

    /// A client of one node.
    ///
    /// # Errors
    /// If the node accepts none.
    pub fn client(&self, index: usize) -> Result<Client> {
        Ok(Client::connect(self.nodes[index].client_listen(), REPLY_WITHIN)?)
    }

    /// What `meridian status --json` says at a node.
    ///
    /// # Errors
    /// If the node does not answer.
    pub fn status(&self, index: usize) -> Result<Status> {
        let address = self.nodes[index].listen().to_string();
        let output = self.command(&["status", "--json", "--address", &address])?;
        if !output.status.success() {
            bail!("status of node {index}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(Status::new(serde_json::from_slice(&output.stdout).context("status is no JSON")?))
    }

    /// Waits until all nodes are members, every shard has its voters and a leader, and every proxy serves. Nodes that
    /// do not run are not waited for.
    ///
    /// # Errors
    /// If that takes too long.
    pub fn wait_ready(&self) -> Result<()> {
        let mut last = anyhow!("nothing was asked");
        within(READY_WITHIN, "a complete cluster", || self.check_ready().map_err(|error| last = error).ok())
            .map_err(|error| error.context(format!("{last:#}")))
    }

    fn check_ready(&self) -> Result<()> {
        let running: Vec<usize> =
            (0..self.nodes.len()).filter(|index| self.nodes[*index].is_running()).collect();
        let status = self.status(*running.first().context("no node runs")?)?;
        for index in &running {
            let address = self.nodes[*index].listen().to_string();
            ensure!(
                status.node(&address).is_some_and(|(_, up)| up),
                "node {index} at {address} is not there"
            );
        }
        let voters = self.nodes.len().min(usize::try_from(self.setup.replication)?);
        status.check_settled(voters, usize::try_from(self.setup.shards)?)?;
        for index in &running {
            let mut client = self.client(*index)?;
            for shard in 0..self.setup.shards {
                client.call(&["GET", &format!("ready:{shard}")]).with_context(|| format!("node {index}"))?;
            }
        }
        Ok(())
    }

    /// Which node leads each shard, the meta group first, as the nodes say.
    ///
    /// # Errors
    /// If a node does not answer, or a shard has no leader.
    pub fn leaders(&self) -> Result<Vec<usize>> {
        let asked = self.nodes.iter().position(|node| node.is_running()).context("no node runs")?;
        let status = self.status(asked)?;
        let of_id = |id: u64| {
            let is_it =
                |node: &Node| status.node(&node.listen().to_string()).is_some_and(|(found, _)| found == id);
            self.nodes.iter().position(is_it).with_context(|| format!("node {id} is not ours"))
        };
        let shards = status.shards()?;
        shards
            .iter()
            .map(|shard| of_id(shard.leader.with_context(|| format!("shard {} has no leader", shard.id))?))
            .collect()
    }

    /// The node that leads most shards.
    ///
    /// # Errors
    /// As [`Cluster::leaders`].
    pub fn busiest(&self) -> Result<usize> {
        let leaders = self.leaders()?;
        let led = |node: &usize| leaders.iter().filter(|leader| *leader == node).count();
        (0..self.nodes.len()).max_by_key(led).context("no nodes")
    }

    fn introduce(&mut self) {
        let everybody: Vec<_> = self.nodes.iter().map(Node::listen).collect();
        for node in &mut self.nodes {
            node.meet(&everybody);
        }
    }

    /// Ends a test: fails it if it failed, or if a log has what must not be there.
    fn finish(mut self, outcome: Result<()>) {
        for node in &mut self.nodes {
            node.kill();
        }
        let mut complaints = Vec::new();
        for node in &self.nodes {
            complaints.extend(log::complaints(node.log(), &self.setup.expected_errors));
        }
        if let Err(error) = &outcome {
            complaints.insert(0, format!("{error:#}"));
        }
        if !complaints.is_empty() {
            self.print_logs();
            panic!("{}", complaints.join("\n"));
        }
    }

    fn print_logs(&self) {
        self.logs_printed.set(true);
        for node in &self.nodes {
            eprintln!("--- the end of {}'s log\n{}", node.name(), log::tail(node.log()));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.logs_printed.get() {
            self.print_logs();
        }
    }
}

/// Runs a program of ours to its end, without the settings of whoever runs the tests.
pub(crate) fn command(binary: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null());
    without_settings(&mut command);
    command.output().with_context(|| format!("cannot run {}", binary.display()))
}

/// Takes the variables away that would be settings.
pub(crate) fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("MERIDIAN_") {
            command.env_remove(name);
        }
    }
}
