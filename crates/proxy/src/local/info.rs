//! INFO: sections are rows, each written by a small function from one [`Report`].
//!
//! Fields have Redis' names and order. Those that describe parts which do not exist here (RDB files, forks, Redis' own
//! replication) are shown as a Redis shows them that has the part and never used it, because dashboards read them; a
//! value that exists here is always the true one. Numbers are of this process but for those of keys, which are the
//! cluster's.

mod process;
mod sections;

use std::{collections::BTreeSet, sync::Arc};

use meridian_command::{Args, ReplyWriter};
use meridian_rt::clock::Instant;

use super::{Context, Outcome};
use crate::{
    Shared,
    cluster_view::{Contents, Summary},
};
pub(super) use process::Process;
use sections::SECTIONS;

/// What the sections are written from.
struct Report {
    shared: Arc<Shared>,
    summary: Summary,
    process: Process,
    contents: Contents,
    now: Instant,
}

/// When a section is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// Without being asked for.
    Default,
    /// With `all`.
    All,
}

/// The sections that tell what shards know.
const ASKS_SHARDS: [&str; 4] = ["memory", "persistence", "stats", "keyspace"];

struct Section {
    /// As it is asked for.
    name: &'static str,
    title: &'static str,
    shown: Shown,
    write: fn(&Report, &mut String),
}

pub(super) fn info(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let wanted = wanted(args);
    let shared = Arc::clone(context.shared);
    if !ASKS_SHARDS.iter().any(|section| wanted.contains(section)) {
        reply.verbatim("txt", render(&report(shared, Contents::default()), &wanted).as_bytes());
        return Outcome::Done;
    }
    let protocol = context.session.protocol();
    Outcome::Async(Box::pin(async move {
        let contents = shared.cluster.contents().await;
        let mut bytes = Vec::new();
        let text = render(&report(shared, contents), &wanted);
        ReplyWriter::new(&mut bytes, protocol).verbatim("txt", text.as_bytes());
        bytes
    }))
}

fn report(shared: Arc<Shared>, mut contents: Contents) -> Report {
    shared.stats.since_reset(&mut contents.counted);
    let summary = shared.cluster.summary();
    Report { shared, summary, process: Process::read(), contents, now: Instant::now() }
}

/// The names of the sections that the arguments ask for; unknown ones are nobody's.
fn wanted(args: &Args<'_>) -> BTreeSet<&'static str> {
    let of = |shown: &dyn Fn(Shown) -> bool| SECTIONS.iter().filter(|section| shown(section.shown)).collect();
    if args.is_empty() {
        let sections: Vec<&Section> = of(&|shown| shown == Shown::Default);
        return sections.iter().map(|section| section.name).collect();
    }
    let sections = args.iter().flat_map(|arg| {
        let found: Vec<&Section> = match arg.to_ascii_lowercase().as_slice() {
            b"default" => of(&|shown| shown == Shown::Default),
            b"all" | b"everything" => of(&|_| true),
            name => SECTIONS.iter().filter(|section| section.name.as_bytes() == name).collect(),
        };
        found
    });
    sections.map(|section| section.name).collect()
}

fn render(report: &Report, wanted: &BTreeSet<&str>) -> String {
    let mut text = String::with_capacity(4096);
    for section in SECTIONS.iter().filter(|section| wanted.contains(section.name)) {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str("# ");
        text.push_str(section.title);
        text.push_str("\r\n");
        (section.write)(report, &mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_chosen_by_name_in_any_case() {
        let chosen = |names: &[&[u8]]| wanted(&Args::new(names));
        assert!(chosen(&[]).contains("keyspace"));
        assert!(!chosen(&[]).contains("commandstats"));
        assert_eq!(chosen(&[b"everything"]).len(), SECTIONS.len());
        assert_eq!(chosen(&[b"CPU", b"Clients", b"nope"]).len(), 2);
        assert!(chosen(&[b"default", b"commandstats"]).contains("commandstats"));
        assert!(chosen(&[b"nope"]).is_empty());
    }
}
