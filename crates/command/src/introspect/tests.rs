use super::*;
use crate::{Protocol, ProxyCommand};

type Writes = fn(Args<'_>, &mut ReplyWriter<'_>) -> Result<(), ReplyError>;

fn answer(write: Writes, protocol: Protocol, args: &str) -> String {
    let args: Vec<&[u8]> = args.split(' ').filter(|arg| !arg.is_empty()).map(str::as_bytes).collect();
    let mut buffer = Vec::new();
    let mut reply = ReplyWriter::new(&mut buffer, protocol);
    if let Err(error) = write(Args::new(&args), &mut reply) {
        reply.error(&error);
    }
    String::from_utf8(buffer).expect("replies about commands are text")
}

#[test]
fn a_call_tells_its_keys() {
    let of = |call| answer(keys, Protocol::Resp2, call);
    assert_eq!(of("mset a 1 b 2"), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_eq!(of("object encoding k"), "*1\r\n$1\r\nk\r\n");
    assert_eq!(of("ping a"), "-ERR The command has no key arguments\r\n");
    assert_eq!(of("get a b"), "-ERR Invalid number of arguments specified for command\r\n");
    for unknown in ["nope a", "object nope k", "object|encoding a b"] {
        assert_eq!(of(unknown), "-ERR Invalid command specified\r\n");
    }
}

#[test]
fn what_is_done_with_a_key_depends_on_the_call() {
    let of = |call| answer(keys_and_flags, Protocol::Resp3, call);
    assert_eq!(of("set a b"), "*1\r\n*2\r\n$1\r\na\r\n~2\r\n+OW\r\n+update\r\n");
    assert_eq!(of("set a b get"), "*1\r\n*2\r\n$1\r\na\r\n~3\r\n+RW\r\n+access\r\n+update\r\n");
    assert_eq!(of("bitfield a get u8 0"), "*1\r\n*2\r\n$1\r\na\r\n~2\r\n+RO\r\n+access\r\n");
}

#[test]
fn names_are_filtered() {
    let of = |args| answer(list, Protocol::Resp2, args);
    assert_eq!(
        of("filterby pattern CLIENT|*name"),
        "*2\r\n$14\r\nclient|setname\r\n$14\r\nclient|getname\r\n"
    );
    assert_eq!(of("filterby module json"), "*0\r\n");
    assert_eq!(of("filterby aclcat nope"), "*0\r\n");
    assert_eq!(of("filterby"), "-ERR syntax error\r\n");
    assert!(of("filterby aclcat BITMAP").starts_with("*7\r\n"));
}

#[test]
fn help_lists_the_subcommands() {
    let mut buffer = Vec::new();
    help(ProxyCommand::ConfigHelp.spec(), &mut ReplyWriter::new(&mut buffer, Protocol::Resp2));
    let text = String::from_utf8(buffer).expect("text");
    assert!(
        text.starts_with("*11\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"),
        "{text}"
    );
    assert!(text.contains("+SET <parameter> <value> [<parameter> <value> ...]\r\n"), "{text}");
}
