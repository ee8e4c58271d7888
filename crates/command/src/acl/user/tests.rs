use super::*;
use crate::resolve;

fn user(rules: &[&str]) -> User {
    let mut user = User::default();
    let rules: Vec<&[u8]> = rules.iter().map(|rule| rule.as_bytes()).collect();
    user.set_all(&rules, false).expect("rules");
    user
}

fn refused(rules: &[&str]) -> String {
    let rules: Vec<&[u8]> = rules.iter().map(|rule| rule.as_bytes()).collect();
    let before = user(&["on", "+get"]);
    let mut after = before.clone();
    let error = after.set_all(&rules, false).expect_err("no rule");
    assert_eq!(after, before, "all or nothing");
    String::from_utf8(error).expect("text")
}

fn text(user: &User) -> String {
    let text = String::from_utf8(user.describe()).expect("text");
    let rules = user.rules();
    assert_eq!(&User::of_rules(rules.iter().map(Vec::as_slice)).expect("its own rules"), user);
    text
}

fn asks(user: &User, call: &str) -> Result<(), (Refused, usize)> {
    let words: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
    let (command, name) = resolve(&words).expect("a command");
    user.check(command, &words, name).map_err(|denial| (denial.reason, denial.at))
}

#[test]
fn users_print_as_in_redis() {
    let mut bob = user(&[]);
    assert_eq!(text(&bob), "off sanitize-payload resetchannels -@all");
    bob = user(&["on", ">p", "~k*", "%R~r", "&c", "+@all", "-@dangerous", "+GET", "+config|get"]);
    let hash = password_hash(b"p");
    assert_eq!(
        text(&bob),
        format!("on #{hash} sanitize-payload ~k* %R~r resetchannels &c +@all -@dangerous +get +config|get")
            .replace(&format!("#{hash} sanitize-payload"), &format!("sanitize-payload #{hash}"))
    );
    assert_eq!(
        text(&user(&["on", "nopass", "(~a", "+get)", "(%RW~b &* +set)"])),
        "on nopass sanitize-payload resetchannels -@all (~a resetchannels -@all +get) (~b &* -@all +set)"
    );
    assert_eq!(text(&User::all_powerful(None)), "on nopass sanitize-payload ~* &* +@all");
}

#[test]
fn a_later_rule_strikes_earlier_ones_of_the_same_commands_out() {
    let rules = |rules: &[&str]| user(rules).root().commands_text();
    assert_eq!(rules(&["+config|get", "+config|set", "+config"]), "-@all +config");
    assert_eq!(rules(&["+get", "-get", "+set"]), "-@all -get +set");
    assert_eq!(rules(&["+@read", "-@read", "+@read"]), "-@all +@read");
    assert_eq!(rules(&["+get", "allcommands"]), "+@all");
    assert_eq!(rules(&["+@all", "-get", "nocommands", "+SELECT|0"]), "-@all +select|0");
}

#[test]
fn patterns_of_the_same_keys_are_one() {
    assert_eq!(user(&["%R~a", "%W~a", "~b", "~b"]).root().keys_text(), b"~a ~b");
    assert_eq!(user(&["~a", "allkeys"]).root().keys_text(), b"~*");
    assert_eq!(user(&["allkeys", "resetkeys", "%rw~a"]).root().keys_text(), b"~a");
}

#[test]
fn errors_are_those_of_redis() {
    let modifier = |rule: &str, why: &str| format!("Error in ACL SETUSER modifier '{rule}': {why}");
    for (rule, why) in [
        ("+nope", "Unknown command or category name in ACL"),
        ("-config|nope", "Unknown command or category name in ACL"),
        ("+@nope", "Unknown command or category name in ACL"),
        ("%x~a", "Syntax error"),
        ("%RR~a", "Syntax error"),
        ("%~a", "Syntax error"),
        ("+select|", "Syntax error"),
        ("~a b", "Syntax error"),
        ("nonsense", "Syntax error"),
        ("+config|get|x", "Allowing first-arg of a subcommand is not supported"),
        ("<missing", "The password you are trying to remove from the user does not exist"),
        (
            "#ABC",
            "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
        ),
    ] {
        assert_eq!(refused(&["~x", rule]), modifier(rule, why));
    }
    let after_all = refused(&["~*", "~a"]);
    assert!(after_all.contains("'allkeys' flag"), "{after_all}");
    let after_all = refused(&["&*", "&a"]);
    assert!(after_all.contains("'allchannels' flag"), "{after_all}");
    assert_eq!(refused(&["(+get", "~a"]), "Unmatched parenthesis in acl selector starting at '(+get'.");
}

#[test]
fn passwords_are_only_known_by_their_hashes() {
    let mut bob = user(&["on", ">one", ">two", ">one"]);
    assert_eq!(bob.passwords(), [password_hash(b"one"), password_hash(b"two")]);
    assert!(bob.admits(b"one") && bob.admits(b"two") && !bob.admits(b"three"));
    bob.set(b"<one", false).expect("a password");
    assert!(!bob.admits(b"one"));
    bob.set(format!("!{}", password_hash(b"two")).as_bytes(), false).expect("a hash");
    assert!(!bob.admits(b""));
    bob.set(b"nopass", false).expect("a rule");
    assert!(bob.admits(b"any") && bob.needs_no_password());
    bob.set(b"off", false).expect("a rule");
    assert!(!bob.admits(b"any"));
}

#[test]
fn keys_need_what_the_command_does_with_them() {
    let bob = user(&["+@all", "%R~r*", "%W~w*"]);
    assert_eq!(asks(&bob, "get r"), Ok(()));
    assert_eq!(asks(&bob, "set w 1"), Ok(()));
    assert_eq!(asks(&bob, "set r 1"), Err((Refused::Key, 1)));
    assert_eq!(asks(&bob, "get w"), Err((Refused::Key, 1)));
    // SET with GET reads as well.
    assert_eq!(asks(&bob, "set w 1 get"), Err((Refused::Key, 1)));
    assert_eq!(asks(&bob, "copy r w"), Ok(()));
    assert_eq!(asks(&bob, "copy w r"), Err((Refused::Key, 1)));
    assert_eq!(asks(&bob, "mget r1 x r2"), Err((Refused::Key, 2)));
    // Only that it is there is told.
    assert_eq!(asks(&bob, "exists w"), Ok(()));
    assert_eq!(asks(&bob, "eval return 0 x"), Ok(()));
    assert_eq!(asks(&bob, "eval return 1 x"), Err((Refused::Key, 3)));
}

#[test]
fn channels_match_and_patterns_are_equal() {
    let bob = user(&["+@all", "~*", "&news*"]);
    assert_eq!(asks(&bob, "publish news1 m"), Ok(()));
    assert_eq!(asks(&bob, "subscribe news1 other"), Err((Refused::Channel, 2)));
    assert_eq!(asks(&bob, "spublish other m"), Err((Refused::Channel, 1)));
    assert_eq!(asks(&bob, "psubscribe news*"), Ok(()));
    assert_eq!(asks(&bob, "psubscribe news1*"), Err((Refused::Channel, 1)));
    assert_eq!(asks(&bob, "unsubscribe other"), Ok(()));
}

#[test]
fn commands_by_name_category_and_argument() {
    let bob = user(&["+@all", "-@all", "+config|get", "+select|0", "+@hash", "-hdel"]);
    assert_eq!(asks(&bob, "config get x"), Ok(()));
    assert_eq!(asks(&bob, "config set x y"), Err((Refused::Command, 0)));
    assert_eq!(asks(&bob, "select 0"), Ok(()));
    assert_eq!(asks(&bob, "select 1"), Err((Refused::Command, 0)));
    assert_eq!(asks(&bob, "hget x y"), Err((Refused::Key, 1)));
    assert_eq!(asks(&bob, "hdel x y"), Err((Refused::Command, 0)));
    // Whoever is to become somebody else must be able to.
    assert_eq!(asks(&bob, "auth x"), Ok(()));
    let all_but = user(&["+@all", "-config|set"]);
    assert_eq!(asks(&all_but, "config get x"), Ok(()));
    assert_eq!(asks(&all_but, "config set x y"), Err((Refused::Command, 0)));
    assert!(!all_but.is_unrestricted());
}

#[test]
fn one_selector_must_permit_all_of_a_call() {
    let bob = user(&["+get", "~a", "(+set ~b)", "(+@all ~c resetchannels)"]);
    assert_eq!(asks(&bob, "get a"), Ok(()));
    assert_eq!(asks(&bob, "set b 1"), Ok(()));
    assert_eq!(asks(&bob, "set c 1"), Ok(()));
    assert_eq!(asks(&bob, "set a 1"), Err((Refused::Key, 1)));
    assert_eq!(asks(&bob, "mset c 1 b 1"), Err((Refused::Key, 3)));
    assert_eq!(asks(&bob, "publish c 1"), Err((Refused::Channel, 1)));
}

#[test]
fn sort_may_only_reach_further_if_all_keys_can_be_read() {
    let reads = |rules: &[&str]| {
        let words: [&[u8]; 4] = [b"sort", b"l", b"by", b"w*"];
        let (command, name) = resolve(&words).expect("a command");
        user(rules).reads_all_keys(command, &words, name)
    };
    assert!(reads(&["+sort", "~*"]) && reads(&["+sort", "%R~*", "~l"]));
    assert!(!reads(&["+sort", "%W~*", "~l"]) && !reads(&["+sort", "~l"]) && !reads(&["~*"]));
}

#[test]
fn rules_of_a_later_version_permit_nothing_more() {
    let kept: [&[u8]; 6] = [b"on", b"nopass", b"~*", b"+@all", b"-future", b"+@read"];
    let bob = User::of_rules(kept.into_iter()).expect("known kinds");
    assert_eq!(asks(&bob, "set a 1"), Ok(()));
    let kept: [&[u8]; 5] = [b"on", b"~*", b"+@all", b"-@future", b"(~b +set)"];
    let bob = User::of_rules(kept.into_iter()).expect("known kinds");
    assert_eq!(asks(&bob, "set a 1"), Err((Refused::Key, 1)));
    assert_eq!(asks(&bob, "set b 1"), Ok(()));
    assert!(User::of_rules([&b"quantum"[..]].into_iter()).is_err());
}
