use std::collections::HashSet;

use super::*;
use crate::{Access, Categories, Flags, Group, KeyFlags, KeyPositions, Merge, ReplyError, Route};

fn call(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(str::as_bytes).collect()
}

fn keys(line: &str) -> Vec<usize> {
    let call = call(line);
    let (command, _) = resolve(&call).expect("known and complete");
    command.spec().key_positions(&call).unwrap_or_else(|_| KeyPositions::new()).to_vec()
}

fn error(line: &str) -> String {
    resolve(&call(line)).expect_err("an error").text().into_owned()
}

#[test]
fn ids_are_frozen() {
    let mut text = String::new();
    for command in EngineCommand::ALL {
        text += &format!("engine {} {}\n", command.id(), command.spec().name);
        assert_eq!(EngineCommand::from_id(command.id()), Some(*command));
    }
    for command in ProxyCommand::ALL {
        text += &format!("proxy {} {}\n", command.id(), command.spec().name);
        assert_eq!(ProxyCommand::from_id(command.id()), Some(*command));
    }
    // A number that was given out stands for its command for ever: lines may only be added to this file.
    assert_eq!(text, include_str!("ids.txt"));
}

#[test]
fn rows_are_sound() {
    let mut names = HashSet::new();
    for spec in rows() {
        let name = spec.name;
        assert!(names.insert(name), "{name} stands twice");
        assert_eq!(name, name.to_ascii_uppercase());
        assert!(
            spec.docs.summary.ends_with('.') && !spec.docs.complexity.is_empty(),
            "{name} lacks its documentation"
        );
        assert!(!spec.docs.since.is_empty());
        for key in spec.keys {
            assert_eq!(key.flags.contains(KeyFlags::VARIABLE), key.narrow.is_some(), "{name}");
        }
        if let Some(parent) = spec.parent() {
            assert!(find(parent.as_bytes()).is_some_and(|parent| parent.spec().is_container()), "{name}");
        }
    }
}

#[test]
fn routes_fit_accesses_and_keys() {
    for command in EngineCommand::ALL {
        let spec = command.spec();
        if spec.is_internal() {
            assert_eq!(lookup(spec.name.as_bytes()), None, "{}", spec.name);
            continue;
        }
        let scripting = spec.group == Group::Scripting;
        let counts_only = spec.group == Group::Cluster;
        let touches_nothing = scripting || counts_only || *command == EngineCommand::Pfselftest;
        assert!(touches_nothing || spec.access != Access::Neither, "{}", spec.name);
        assert_ne!(spec.route, Route::Local, "{}", spec.name);
        let keyed = matches!(spec.route, Route::Keys | Route::SplitKeys | Route::Script);
        assert_eq!(keyed, !spec.keys.is_empty(), "{}", spec.name);
        let merged = matches!(spec.route, Route::SplitKeys | Route::AllShards);
        let alike = scripting && spec.merge == Merge::Single;
        assert_eq!(merged, spec.merge != Merge::Single || (merged && alike), "{}", spec.name);
    }
    for command in ProxyCommand::ALL {
        assert_eq!(command.spec().route, Route::Local);
        // LOLWUT says that it reads, as in Redis.
        let reads = *command == ProxyCommand::Lolwut && command.spec().access == Access::Read;
        assert!(reads || command.spec().access == Access::Neither, "{}", command.spec().name);
    }
}

#[test]
fn names_are_found_in_any_case() {
    for spec in rows().filter(|spec| !spec.is_container()) {
        let lower = spec.name.to_ascii_lowercase();
        assert_eq!(lookup(lower.as_bytes()).map(|command| command.spec().name), Some(spec.name));
    }
    for unknown in [&b""[..], b"GE", b"GETT", b"CLIENT", b"CLIENT|", b"G\x45T\0", &[b'x'; 1 << 10]] {
        assert_eq!(lookup(unknown), None);
    }
}

#[test]
fn errors_are_those_of_redis() {
    assert_eq!(resolve(&call("client id")), Ok((Command::Proxy(ProxyCommand::ClientId), 2)));
    assert_eq!(resolve(&call("command")), Ok((Command::Proxy(ProxyCommand::Command), 1)));
    assert_eq!(resolve(&call("get k")), Ok((Command::Engine(EngineCommand::Get), 1)));
    assert_eq!(error("foo a b"), "ERR unknown command 'foo', with args beginning with: 'a' 'b' ");
    assert_eq!(error("client|id"), "ERR unknown command 'client|id', with args beginning with: ");
    assert_eq!(error("get"), "ERR wrong number of arguments for 'get' command");
    assert_eq!(error("client"), "ERR wrong number of arguments for 'client' command");
    assert_eq!(error("client id x"), "ERR wrong number of arguments for 'client|id' command");
    assert_eq!(error("Client nope"), "ERR unknown subcommand 'nope'. Try CLIENT HELP.");
    assert_eq!(resolve(&[]), Err(ReplyError::unknown_command(&[])));
}

#[test]
fn keys_stand_where_the_row_says() {
    assert_eq!(keys("get k"), [1]);
    assert_eq!(keys("mget a b c"), [1, 2, 3]);
    assert_eq!(keys("mset a 1 b 2"), [1, 3]);
    assert_eq!(keys("bitop and d a b"), [2, 3, 4]);
    assert_eq!(keys("object encoding k"), [2]);
    assert_eq!(keys("lcs a b LEN"), [1, 2]);
    assert_eq!(keys("dbsize"), [0; 0]);
    assert_eq!(EngineCommand::Get.spec().single_key(), Some(1));
    assert_eq!(EngineCommand::ObjectFreq.spec().single_key(), Some(2));
    for several in [EngineCommand::Mget, EngineCommand::Rename, EngineCommand::Lcs, EngineCommand::Dbsize] {
        assert_eq!(several.spec().single_key(), None);
    }
}

#[test]
fn categories_follow_from_the_row() {
    let of = |name: &[u8]| lookup(name).expect("known").spec().acl_categories();
    assert_eq!(of(b"GET"), Categories::READ | Categories::STRING | Categories::FAST);
    assert_eq!(
        of(b"FLUSHALL"),
        Categories::KEYSPACE | Categories::WRITE | Categories::SLOW | Categories::DANGEROUS
    );
    let kill = of(b"CLIENT|KILL");
    assert_eq!(kill.names().collect::<Vec<_>>(), ["admin", "slow", "dangerous", "connection"]);
    assert!(lookup(b"CLIENT|KILL").expect("known").spec().flags.contains(Flags::NOSCRIPT));
}
