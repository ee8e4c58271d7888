//! Lets a scenario happen, millisecond by millisecond, and watches.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use meridian_raft::{Leadership, Role};
use meridian_rt::{
    disk::{Disk, SimDisk},
    random,
};
use meridian_topology::{NodeId, ShardId};

use crate::{
    draw::Draw,
    invariants::{Violation, acknowledged_stays, linearizable, progress},
    node::{self, Order},
    scenario::{Fault, Scenario, Stop, client_name, node_name},
    trace::Trace,
    workload,
    world::{Phase, Running, World},
};

/// Step of the simulation. No message is faster, so what a host does within a step nobody sees before the next.
const TICK: Duration = Duration::from_millis(1);
/// States are compared so often.
const COMPARE_STEPS: u64 = 20;
/// How long a node whose disk has died goes on before it stops too.
const TORN_REMAINDER: Duration = Duration::from_millis(20);
/// How long clients work after everybody has made progress again.
const CALM_WORK: Duration = Duration::from_millis(500);
/// How long clients may take to finish, beyond their deadline.
const FINISH: Duration = Duration::from_secs(20);
/// How long replicas may take to become equal once nobody writes.
const CONVERGE: Duration = Duration::from_secs(10);

/// A run in which everything held.
#[derive(Debug)]
pub struct Report {
    /// What happened.
    pub trace: Arc<Trace>,
    /// Simulated time.
    pub elapsed: Duration,
    /// Commands on registers that were answered, and that were not.
    pub answered: usize,
    /// Commands on registers without a known outcome.
    pub unknown: usize,
    /// Registers that the checker could not decide in time.
    pub undecided: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { elapsed, answered, unknown, undecided, .. } = self;
        let seconds = elapsed.as_secs_f32();
        write!(f, "{seconds:.1} s, {answered} answered, {unknown} unknown, {undecided} undecided, ")?;
        write!(f, "trace {:016x}", self.trace.hash())
    }
}

/// A run in which something did not hold.
#[derive(Debug)]
pub struct Failure {
    pub scenario: Scenario,
    pub violation: Violation,
    pub trace: Arc<Trace>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.scenario.seed, self.violation)?;
        write!(f, "again: cargo xtask sim --first {} --seeds 1", self.scenario.seed)
    }
}

/// Runs a scenario from its beginning to its end.
///
/// # Errors
/// What did not hold, and all that happened before.
pub fn run(scenario: Scenario) -> Result<Report, Box<Failure>> {
    random::reseed(Draw::new(scenario.seed, 3).next_u64());
    let world = World::new(scenario);
    let mut driver = Driver::new(Arc::clone(&world));
    let result = driver.drive();
    let elapsed = driver.sim.elapsed();
    world.nodes.lock().clear();
    drop(driver);
    let result = result.and_then(|()| judge(&world, elapsed));
    let world = Arc::into_inner(world).expect("all hosts are gone");
    let trace = Arc::new(world.trace);
    match result {
        Ok(report) => Ok(Report { trace, ..report }),
        Err(violation) => Err(Box::new(Failure { scenario: world.scenario, violation, trace })),
    }
}

/// Judges what clients saw.
fn judge(world: &World, elapsed: Duration) -> Result<Report, Violation> {
    for (key, appended, contents) in world.history.journals() {
        let contents = String::from_utf8_lossy(&contents);
        acknowledged_stays::judge(&key.escape_ascii().to_string(), &contents, &appended)?;
    }
    let undecided = linearizable::judge(&world.history.registers())?;
    let (answered, unknown) = world.history.counts();
    Ok(Report { trace: Arc::default(), elapsed, answered, unknown, undecided })
}

struct Driver {
    world: Arc<World>,
    sim: turmoil::Sim<'static>,
    /// Nodes that are to die with their disks, and what tells that the disk has.
    torn: BTreeMap<NodeId, (Arc<dyn Disk>, Option<Duration>)>,
    steps: u64,
}

impl Driver {
    fn new(world: Arc<World>) -> Driver {
        let scenario = &world.scenario;
        let mut sim = turmoil::Builder::new()
            .rng_seed(Draw::new(scenario.seed, 4).next_u64())
            .epoch(std::time::UNIX_EPOCH)
            .simulation_duration(Duration::from_secs(600))
            .tick_duration(TICK)
            .min_message_latency(TICK)
            .max_message_latency(scenario.latency)
            .repair_rate(scenario.repair_rate)
            .tcp_capacity(1 << 16)
            .enable_random_order()
            .build();
        for node in scenario.node_ids() {
            world.disk(node).set_sync_delay(scenario.sync_delay);
            let world = Arc::clone(&world);
            sim.host(node_name(node), move || node::live(Arc::clone(&world), node));
        }
        for client in 1..=scenario.clients {
            sim.client(client_name(client), workload::client_host(Arc::clone(&world), client));
        }
        Driver { world, sim, torn: BTreeMap::new(), steps: 0 }
    }

    fn drive(&mut self) -> Result<(), Violation> {
        let faults = self.world.scenario.faults.clone();
        for (at, fault) in faults {
            while self.sim.elapsed() < at {
                self.step()?;
            }
            self.apply(fault);
        }
        while self.sim.elapsed() < self.world.scenario.calm_at {
            self.step()?;
        }
        self.calm();
        self.make_progress()?;
        self.world.set_phase(Phase::Finish);
        self.note("finish");
        let deadline = self.sim.elapsed() + self.world.scenario.deadline + FINISH;
        while !self.step()? {
            if self.sim.elapsed() > deadline {
                return Err(Violation::new("progress without faults", "clients do not finish"));
            }
        }
        self.converge()
    }

    fn note(&self, what: impl AsRef<str>) {
        self.world.trace.add(self.sim.elapsed().as_micros() as u64, what);
    }

    /// Simulates one step; says whether all clients have finished.
    fn step(&mut self) -> Result<bool, Violation> {
        let finished =
            self.sim.step().map_err(|error| Violation::new("hosts go on", format!("one ended: {error}")))?;
        self.steps += 1;
        self.watch()?;
        self.stop_torn();
        match self.world.violation() {
            Some(violation) => Err(violation),
            None => Ok(finished),
        }
    }

    /// Looks at who leads and, now and then, at the states.
    fn watch(&mut self) -> Result<(), Violation> {
        let world = Arc::clone(&self.world);
        for (node, running) in world.nodes.lock().iter_mut() {
            self.watch_meta(running)?;
            for shard in running.shards.all() {
                let said = *shard.group().leadership().borrow();
                if running.seen.insert(shard.id(), said) != Some(said) {
                    self.note(format!("node {node} shard {}: {said:?}", shard.id()));
                    world.one_leader.lock().watch(shard.id(), *node, said)?;
                }
                if self.steps.is_multiple_of(COMPARE_STEPS) {
                    let (index, digest) = shard.digest();
                    self.note(format!("node {node} shard {}: {index} {digest:032x}", shard.id()));
                    world.equal_states.lock().watch(shard.id(), *node, index, digest)?;
                }
            }
        }
        Ok(())
    }

    /// Looks who leads the control plane, and what map a node knows.
    fn watch_meta(&self, running: &Running) -> Result<(), Violation> {
        let Some(member) = &running.member else { return Ok(()) };
        if let Some(term) = member.leading().borrow().get(&ShardId::META) {
            let leadership = Leadership { term: *term, leader: Some(running.id), ready: true };
            self.world.one_leader.lock().watch(ShardId::META, running.id, leadership)?;
        }
        self.world.one_map.lock().watch(running.id, &member.map().borrow())
    }

    fn apply(&mut self, fault: Fault) {
        self.note(format!("fault: {fault:?}"));
        match fault {
            Fault::Cut(a, b) => self.sim.partition(a, b),
            Fault::CutOneWay(from, to) => self.sim.partition_oneway(from, to),
            Fault::Hold(a, b) => self.sim.hold(a, b),
            Fault::Mend(a, b) => self.sim.release(a, b),
            Fault::Stop(node, Stop::Torn(changes)) => {
                if self.sim.is_host_running(node_name(node)) {
                    let disk = self.world.disk(node);
                    self.torn.insert(node, (disk.mount(), None));
                    disk.crash_after(changes);
                }
            }
            Fault::Stop(node, Stop::Power) => self.stop(node, SimDisk::crash),
            Fault::Stop(node, Stop::Kill) => self.stop(node, SimDisk::kill),
            Fault::Stop(node, Stop::Asked) => self.order(node, Order::ShutDown),
            Fault::Start(node) => self.start(node),
            Fault::SlowSync(node, delay) => self.world.disk(node).set_sync_delay(delay),
            Fault::Skew(node, skew) => self.world.skew(node).set_ms(skew),
            Fault::Latency(longest) => self.sim.set_max_message_latency(longest),
            Fault::Loss(rate) => self.sim.set_fail_rate(f64::from(rate) / 1_000_000.0),
            Fault::Transfer(shard, to) => {
                if let Some(to) = self.id_of(to) {
                    self.order_leader(shard, Order::Transfer(shard, to));
                }
            }
            Fault::Voters(shard, voters) => self.order_leader(shard, Order::Voters(shard, voters)),
            Fault::Snapshot(shard, node) => self.order(node, Order::Snapshot(shard)),
        }
    }

    fn order(&self, host: NodeId, order: Order) {
        if let Some(running) = self.world.nodes.lock().get_mut(&host) {
            running.asked_to_stop |= matches!(order, Order::ShutDown);
            // A node that was shut down takes no more orders.
            let _ = running.orders.send(order);
        }
    }

    /// Orders all who believe that they lead.
    fn order_leader(&self, shard: ShardId, order: Order) {
        let nodes = self.world.nodes.lock();
        for running in nodes.values() {
            if running.seen.get(&shard).is_some_and(|said| said.leader == Some(running.id)) {
                // It may have been shut down.
                let _ = running.orders.send(order.clone());
            }
        }
    }

    /// What a node is called in the cluster, if it is in it.
    fn id_of(&self, host: NodeId) -> Option<NodeId> {
        self.world.nodes.lock().get(&host).map(|running| running.id)
    }

    /// Ends a node's life. The disk goes first: what a dying process still does must not count.
    fn stop(&mut self, node: NodeId, disk: fn(&SimDisk)) {
        if !self.sim.is_host_running(node_name(node)) {
            return;
        }
        disk(&self.world.disk(node));
        self.torn.remove(&node);
        if let Some(running) = self.world.nodes.lock().remove(&node) {
            self.world.one_map.lock().restarted(running.id);
        }
        self.world.equal_states.lock().restarted(node);
        self.sim.crash(node_name(node));
    }

    /// Stops nodes whose disks have died, soon after.
    fn stop_torn(&mut self) {
        let now = self.sim.elapsed();
        let mut over = Vec::new();
        for (node, (disk, died_at)) in &mut self.torn {
            if died_at.is_none() && disk.list("/".as_ref()).is_err() {
                *died_at = Some(now);
            }
            if died_at.is_some_and(|at| now >= at + TORN_REMAINDER) {
                over.push(*node);
            }
        }
        for node in over {
            self.note(format!("node {node} stops: its disk has died"));
            self.stop(node, SimDisk::kill);
        }
    }

    /// Starts a node; one that still runs is killed first.
    fn start(&mut self, node: NodeId) {
        self.stop(node, SimDisk::kill);
        self.sim.bounce(node_name(node));
    }

    /// Ends all faults.
    fn calm(&mut self) {
        self.note("calm");
        let hosts = self.world.scenario.hosts();
        for a in &hosts {
            for b in hosts.iter().filter(|b| a < *b) {
                self.sim.release(a.as_str(), b.as_str());
            }
        }
        self.sim.set_fail_rate(0.0);
        self.sim.set_max_message_latency(self.world.scenario.latency);
        for node in self.world.scenario.node_ids() {
            self.world.disk(node).set_sync_delay(self.world.scenario.sync_delay);
            let asked = self.world.nodes.lock().get(&node).is_some_and(|running| running.asked_to_stop);
            let down = !self.sim.is_host_running(node_name(node));
            if down || asked || self.torn.contains_key(&node) {
                self.start(node);
            }
        }
    }

    fn make_progress(&mut self) -> Result<(), Violation> {
        let (hosts, shards) = (self.world.scenario.hosts(), self.world.scenario.shards.clone());
        let since = self.sim.elapsed();
        loop {
            let missing = self.world.progress.lock().missing(&hosts, &shards, since.as_micros() as u64);
            if missing.is_empty() {
                break;
            }
            if self.sim.elapsed() > since + progress::BOUND {
                return Err(progress::violation(&missing));
            }
            self.step()?;
        }
        self.note(format!("progress after {:?}", self.sim.elapsed() - since));
        let until = self.sim.elapsed() + CALM_WORK;
        while self.sim.elapsed() < until {
            self.step()?;
        }
        Ok(())
    }

    /// Waits until all members of all shards have the same state.
    fn converge(&mut self) -> Result<(), Violation> {
        let deadline = self.sim.elapsed() + CONVERGE;
        while let Some(what) = self.unequal() {
            if self.sim.elapsed() > deadline {
                return Err(Violation::new("replicas become equal", what));
            }
            self.step()?;
        }
        self.note("equal");
        Ok(())
    }

    fn unequal(&self) -> Option<String> {
        let nodes = self.world.nodes.lock();
        let replica = |id: NodeId, shard: ShardId| {
            nodes.values().find(|running| running.id == id).and_then(|running| running.shards.get(shard))
        };
        for shard in &self.world.scenario.shards {
            let statuses = nodes.values().filter_map(|running| {
                let status = running.shards.get(*shard)?.group().status();
                (status.role == Role::Leader).then_some((running.id, status))
            });
            let Some((leader, status)) = statuses.max_by_key(|(_, status)| status.term) else {
                return Some(format!("shard {shard} has no leader"));
            };
            let state = |id: NodeId| replica(id, *shard).map(|replica| replica.digest());
            let wanted = state(leader);
            for member in status.voters.iter().chain(&status.learners) {
                let state = state(*member);
                if state != wanted || state.is_none_or(|(index, _)| index < status.last_index) {
                    let last = status.last_index;
                    return Some(format!(
                        "shard {shard}, last {last}: {leader} {wanted:?}, {member} {state:?}"
                    ));
                }
            }
        }
        None
    }
}
