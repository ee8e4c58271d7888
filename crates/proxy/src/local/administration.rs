//! Commands of administrators: what they mean here, or what does it instead.

use std::sync::Arc;

use meridian_command::{Args, ProxyCommand, ReplyError, ReplyWriter};
use meridian_rt::clock::wall_micros;

use super::{Answer, Context, Outcome};

/// Commands that something else does here.
pub(super) fn elsewhere(command: ProxyCommand) -> ReplyError {
    use ProxyCommand as C;
    ReplyError::new(match command {
        C::Shutdown => "ERR a process is stopped by the signal TERM; it hands its shards over first",
        C::Replicaof | C::Slaveof | C::ClusterReplicate | C::ClusterMeet => {
            "ERR replicas are placed by the cluster: a process started with 'meridian start' and 'join' gets its share"
        }
        C::Failover | C::ClusterFailover => {
            "ERR leaders move by themselves when a node stops or fails; 'meridian status' shows where they are"
        }
        C::ClusterForget | C::ClusterReset => {
            "ERR a node belongs to its cluster for good; what it held moves to others when it stops for long"
        }
        C::ClusterBumpepoch | C::ClusterSetConfigEpoch => {
            "ERR the epoch is the version of the cluster map, which only the cluster itself changes"
        }
        C::Sync | C::Psync | C::Replconf => {
            "ERR replicas follow the cluster's own log; a process started with 'meridian start' and 'join' gets its share"
        }
        C::Migrate | C::RestoreAsking => {
            "ERR keys are moved by the cluster; to take one elsewhere, DUMP it here and RESTORE it there"
        }
        C::ModuleLoad | C::ModuleLoadex | C::ModuleUnload => {
            "ERR there are no modules: what modules offer is built in or missing"
        }
        _ => "ERR slots are placed by the cluster; 'meridian status' shows where they are",
    })
}

/// Everything that was acknowledged is on the disks of a majority.
pub(super) fn save(reply: &mut ReplyWriter<'_>) -> Answer {
    reply.ok();
    Ok(())
}

pub(super) fn save_in_background(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    match args.as_slice() {
        [] => reply.simple("Background saving started"),
        [word] if word.eq_ignore_ascii_case(b"schedule") => reply.simple("Background saving started"),
        _ => return Err(ReplyError::SYNTAX),
    }
    Ok(())
}

pub(super) fn rewrite_log(reply: &mut ReplyWriter<'_>) -> Answer {
    reply.simple("Background append only file rewriting started");
    Ok(())
}

pub(super) fn last_save(reply: &mut ReplyWriter<'_>) -> Answer {
    reply.integer((wall_micros() / 1_000_000) as i64);
    Ok(())
}

pub(super) fn role(reply: &mut ReplyWriter<'_>) -> Answer {
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(0);
    reply.array(0);
    Ok(())
}

/// Meridians, seen from above a pole.
pub(super) fn lolwut(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    const RADIUS: i32 = 8;
    let mut text = String::new();
    for y in -RADIUS..=RADIUS {
        for x in -2 * RADIUS..=2 * RADIUS {
            let (across, down) = (f64::from(x) / 2.0, f64::from(y));
            let distance = across.hypot(down);
            let hours = down.atan2(across) * 12.0 / std::f64::consts::PI;
            let on_meridian = (hours / 2.0 - (hours / 2.0).round()).abs() * distance < 0.45;
            text.push(match distance {
                distance if distance > f64::from(RADIUS) + 0.4 => ' ',
                distance if distance > f64::from(RADIUS) - 0.6 => 'o',
                _ if on_meridian => '.',
                _ => ' ',
            });
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push_str(&format!("\nmeridian ver. {}\n", context.shared.identity.version));
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Shows the connection every command from now on.
pub(super) fn monitor(context: &mut Context<'_>) -> Outcome {
    let (shared, output) = (Arc::clone(context.shared), Arc::clone(context.output));
    let id = context.session.id();
    // What is shown comes behind the reply.
    output.hold();
    let monitoring = shared.observed.monitors.add(id, &output);
    context.session.monitor(monitoring);
    Outcome::Push(Box::pin(std::future::ready(b"+OK\r\n".to_vec())))
}
