//! The table as a page for people: `COMMANDS.md`, which a test keeps equal to what is rendered here.

use crate::{Access, CommandSpec, Route, introspect::syntax, table, table::rows};

/// The whole page.
pub fn page() -> String {
    let mut page = String::from(HEADER);
    let mut groups: Vec<_> = rows().map(|spec| spec.group).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        page += &format!("\n## {}\n\n{TABLE_HEADER}", group.redis());
        for spec in rows().filter(|spec| spec.group == group && !is_bare_container(spec)) {
            page += &line(spec);
        }
    }
    page
}

const HEADER: &str = "\
# Commands

Written by the command table; do not edit. `MERIDIAN_BLESS=1 cargo test -p meridian-command` writes it anew.

*Where* says who executes a command: **one shard** if all its keys must live on one shard, **split by key** if every \
shard gets its share, **all shards**, or **here**, the process that the client is connected to. *Log* marks what goes \
through the Raft log.
";

const TABLE_HEADER: &str = "\
| command | since | where | log | cost | what it does |
|---|---|---|---|---|---|
";

/// A name that cannot be called without a subcommand.
fn is_bare_container(spec: &CommandSpec) -> bool {
    table::Container::ALL.iter().any(|container| container.spec().name == spec.name)
}

fn line(spec: &CommandSpec) -> String {
    let name = spec.name.replace('|', " ");
    format!(
        "| `{}` | {} | {} | {} | {} | {} |\n",
        syntax(&name, spec.docs.args).replace('|', "\\|"),
        spec.docs.since,
        place(spec),
        if spec.access == Access::Write { "yes" } else { "" },
        spec.docs.complexity.trim_end_matches('.'),
        spec.docs.summary,
    )
}

fn place(spec: &CommandSpec) -> &'static str {
    match spec.route {
        Route::Keys | Route::Cursor | Route::Slot | Route::RandomShard => "one shard",
        Route::SplitKeys => "split by key",
        Route::Script => "shard of its keys",
        Route::FirstShard => "one shard",
        Route::AllShards => "all shards",
        Route::Local => "here",
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    #[test]
    fn the_page_is_that_of_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("COMMANDS.md");
        let page = super::page();
        if env::var_os("MERIDIAN_BLESS").is_some() {
            fs::write(&path, &page).expect("the page can be written");
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "COMMANDS.md is out of date: run this test with MERIDIAN_BLESS=1");
    }
}
