//! Tests of the whole crate, with a host that keeps a few keys.

use std::collections::BTreeMap;

use meridian_command::{Command, EngineCommand, Protocol, ReplyWriter};

use crate::{Call, Host, Refused, Terms, call_function, check_script, eval, load_library, sha1_hex};

#[derive(Default)]
struct Keys {
    keys: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Host for Keys {
    /// Everything is permitted but STRLEN.
    fn permit(&mut self, command: Command, _: &[&[u8]], _: usize, _: bool) -> Result<(), Vec<u8>> {
        match command {
            Command::Engine(EngineCommand::Strlen) => Err(b"ERR not for you".to_vec()),
            _ => Ok(()),
        }
    }

    fn execute(
        &mut self,
        command: Command,
        words: &[&[u8]],
        _: usize,
        protocol: Protocol,
        reply: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let mut reply = ReplyWriter::new(reply, protocol);
        match command {
            Command::Engine(EngineCommand::Set) => {
                self.keys.insert(words[1].to_vec(), words[2].to_vec());
                reply.ok();
            }
            Command::Engine(EngineCommand::Get) => {
                reply.bulk_or_null(self.keys.get(words[1]).map(Vec::as_slice));
            }
            _ => return Err(Refused::NotFromScripts),
        }
        Ok(())
    }
}

fn terms() -> Terms {
    Terms { seed: 1, instructions: 5_000_000, memory_bytes: 32 << 20, kill: None }
}

fn run_with(terms: &Terms, text: &str, read_only: bool) -> String {
    let sha = sha1_hex(text.as_bytes());
    let call = Call { text: text.as_bytes(), name: &sha, keys: &[b"k1", b"k2"], args: &[b"a1"], read_only };
    let mut reply = Vec::new();
    let mut keys = Keys::default();
    let ran = eval(&mut keys, terms, &call, &mut ReplyWriter::new(&mut reply, Protocol::Resp2));
    match ran {
        Ok(()) => String::from_utf8_lossy(&reply).into_owned(),
        Err(error) => format!("-{}", error.text().replace(&sha, "SHA")),
    }
}

fn run(text: &str) -> String {
    run_with(&terms(), text, false)
}

#[test]
fn values_become_replies() {
    for (text, reply) in [
        ("return 1.9", ":1\r\n"),
        ("return 'a'", "$1\r\na\r\n"),
        ("return {1,'b',{true,false},nil,3}", "*3\r\n:1\r\n$1\r\nb\r\n*2\r\n:1\r\n$-1\r\n"),
        ("return {ok='fine\\n'}", "+fine \r\n"),
        ("return {KEYS[2],ARGV[1],#KEYS}", "*3\r\n$2\r\nk2\r\n$2\r\na1\r\n:2\r\n"),
        ("return redis.call('set','x',1.5) and redis.call('get','x')", "$3\r\n1.5\r\n"),
        ("return redis.call('get','nothing')", "$-1\r\n"),
        ("return {map={b=1,a=2}}", "*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:1\r\n"),
        ("return cjson.encode({1,'x',{a=cjson.null}})", "$18\r\n[1,\"x\",{\"a\":null}]\r\n"),
        ("return cjson.decode('[1,{\"a\":[2.5]}]')[2].a[1]*2", ":5\r\n"),
        ("return {cmsgpack.unpack(cmsgpack.pack({1,2},'x'))}", "*2\r\n*2\r\n:1\r\n:2\r\n$1\r\nx\r\n"),
        ("return bit.tohex(bit.bxor(0xff,0x0f))", "$8\r\n000000f0\r\n"),
        ("return {struct.unpack('>I2s', struct.pack('>I2s',258,'hi'))}", "*3\r\n:258\r\n$2\r\nhi\r\n:6\r\n"),
        ("return redis.sha1hex('')", "$40\r\nda39a3ee5e6b4b0d3255bfef95601890afd80709\r\n"),
    ] {
        assert_eq!(run(text), reply, "{text}");
    }
}

#[test]
fn errors_say_where() {
    for (text, error) in [
        (
            "return x",
            "-ERR user_script:1: Script attempted to access nonexistent global variable 'x' script: SHA, on @user_script:1.",
        ),
        ("\nx = 1", "-ERR user_script:2: Attempt to modify a readonly table script: SHA, on @user_script:2."),
        ("error('oops')", "-ERR user_script:1: oops script: SHA, on @user_script:1."),
        (
            "return redis.call('get')",
            "-ERR Wrong number of args calling Redis command from script script: SHA, on @user_script:1.",
        ),
        (
            "return redis.call('nope')",
            "-ERR Unknown Redis command called from script script: SHA, on @user_script:1.",
        ),
        (
            "return redis.call('eval','x',0)",
            "-ERR This Redis command is not allowed from script script: SHA, on @user_script:1.",
        ),
        (
            "return cjson.decode('x')",
            "-ERR user_script:1: Expected value but found invalid token at character 1 script: SHA, on @user_script:1.",
        ),
        ("foo bar", "-ERR Error compiling script (new function): user_script:1: '=' expected near 'bar'"),
        ("rawset(_G,'x',1)", "-ERR Attempt to modify a readonly table script: SHA, on @user_script:1."),
    ] {
        assert_eq!(run(text), error, "{text}");
    }
    assert_eq!(
        run_with(&terms(), "return redis.call('set','a','b')", true),
        "-ERR Write commands are not allowed from read-only scripts. script: SHA, on @user_script:1."
    );
    assert_eq!(
        run("return redis.pcall('get').err"),
        "$58\r\nERR Wrong number of args calling Redis command from script\r\n"
    );
    assert_eq!(
        run("local ok,e = pcall(redis.call,'get') return {ok,type(e),e}"),
        run("return {false,'string','ERR Wrong number of args calling Redis command from script'}")
    );
    assert_eq!(
        run("local ok,e = pcall(function() return cjson.decode('x') end) return e"),
        "$72\r\nuser_script:1: Expected value but found invalid token at character 1\r\n".replace("72", "68")
    );
}

#[test]
fn what_never_ends_is_ended() {
    let over = "-ERR script exceeded its limit of 5000000 instructions script: SHA, on @user_script:1.";
    for text in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local co = coroutine.wrap(function() while true do end end) co()",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do xpcall(function() while true do end end, function(e) return e end) end",
    ] {
        let ended = run(text);
        assert!(ended.starts_with(&over[..60]), "{text}: {ended}");
    }
    assert!(run("return ('x'):rep(1e9)").contains("not enough memory"));
    assert!(
        run("local t = {} for i = 1, 1e8 do t[i] = ('x'):rep(1000) .. i end").contains("not enough memory")
    );
    assert!(run("local function f() return 1 + f() end return f()").contains("stack overflow"));
    assert!(
        run("local s = 'x' local function f() s = s:gsub('.', f) return s end return f()").starts_with('-')
    );
}

#[test]
fn there_is_no_way_out() {
    for text in [
        "return io",
        "return os.execute",
        "return debug",
        "return require",
        "return package",
        "return dofile",
        "return loadfile",
        "return print",
        "return getfenv",
        "return setfenv",
        "return newproxy",
        "return module",
        "_G.x = 1",
        "redis.call = 1",
        "string.format = 1",
        "getmetatable('').__index = {}",
        "setmetatable(_G, {})",
        "getmetatable(_G).__newindex = nil",
        "rawset(redis, 'call', 1)",
        "cjson.encode = 1",
        "return redis.register_function('x', function() end)",
    ] {
        let answer = run(text);
        assert!(answer.starts_with('-') || answer == "$-1\r\n", "{text}: {answer}");
    }
    assert_eq!(run("return {loadstring('\\27Lua')}"), "*0\r\n");
    assert_eq!(run("return string.dump == nil and 1"), ":1\r\n");
    assert_eq!(run("return loadstring('return 5')()"), ":5\r\n");
    assert!(run("loadstring('y = 1')()").contains("readonly"));
    assert!(run("local t = {} t[{}] = 1 for k in pairs(t) do end").contains("no order"));
}

#[test]
fn a_run_depends_on_its_terms_alone() {
    let text = "local r = {} for i = 1, 20 do r['k'..math.random(1000)] = i end local out = {} \
        for k, v in pairs(r) do out[#out + 1] = k .. v end \
        out[#out + 1] = tostring({}) .. tostring(print == nil) out[#out + 1] = os.clock() return out";
    let text = text.replace("tostring(print == nil)", "tostring(next({}))");
    let first = run(&text);
    assert!(first.starts_with("*2"), "{first}");
    assert_eq!(first, run(&text));
    let other = Terms { seed: 2, ..terms() };
    assert_ne!(first, run_with(&other, &text, false));
}

#[test]
fn scripts_are_checked_before_they_run() {
    assert!(check_script(b"return 1").is_ok());
    for (text, error) in [
        ("#!lua flags=foo\nreturn 1", "ERR Unexpected flag in script shebang: foo"),
        ("#!foo\nreturn 1", "ERR Unexpected engine in script shebang: #!foo"),
        ("#!lua", "ERR Invalid script shebang"),
        ("#!lua x=1\nreturn 1", "ERR Unknown lua shebang option: x=1"),
        (
            "return (",
            "ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'",
        ),
    ] {
        assert_eq!(check_script(text.as_bytes()).expect_err("wrong").text(), error);
    }
}

#[test]
fn libraries_register_and_run() {
    let text = b"#!lua name=lib\nlocal sum = function(a, b) return a + b end\n\
        redis.register_function('f', function(keys, args) return {keys[1], args[1], sum(1, 2)} end)\n\
        redis.register_function{function_name='g', callback=function() return redis.call('set','x',1) end, \
        flags={'no-writes'}, description='d'}";
    let library = load_library(text, &terms()).expect("a library");
    assert_eq!(library.name, "lib");
    assert_eq!(library.functions.len(), 2);
    assert_eq!(library.functions[1].flags.names(), ["no-writes"]);
    let call = |name: &str, read_only| {
        let call = Call { text, name, keys: &[b"k"], args: &[b"a"], read_only };
        let mut reply = Vec::new();
        let mut writer = ReplyWriter::new(&mut reply, Protocol::Resp2);
        let ran = call_function(&mut Keys::default(), &terms(), &call, &mut writer);
        ran.map(|()| String::from_utf8_lossy(&reply).into_owned()).map_err(|error| error.text().into_owned())
    };
    assert_eq!(call("f", false), Ok("*3\r\n$1\r\nk\r\n$1\r\na\r\n:3\r\n".to_owned()));
    assert_eq!(call("g", false), Ok("+OK\r\n".to_owned()));
    assert_eq!(
        call("g", true),
        Err("ERR Write commands are not allowed from read-only scripts. script: g, on @user_function:4."
            .to_owned())
    );
    let refused =
        |text: &str| load_library(text.as_bytes(), &terms()).expect_err("refused").text().into_owned();
    assert_eq!(
        refused("#!lua name=x\nredis.call('ping')"),
        "ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'"
    );
    assert_eq!(refused("#!lua name=x\nreturn 1"), "ERR No functions registered");
    assert_eq!(
        refused("#!lua name=x\nwhile true do end"),
        "ERR Error registering functions: ERR FUNCTION LOAD timeout"
    );
    for name in ["math", "string", "getmetatable", "pcall", "_G", "cjson"] {
        let missing = format!("attempted to access nonexistent global variable '{name}'");
        assert!(refused(&format!("#!lua name=x\nlocal a = {name}")).contains(&missing), "{name}");
    }
}

#[test]
fn what_a_library_has_kept_registers_no_more() {
    let text = b"#!lua name=lib\nlocal kept = redis\n\
        redis.register_function('late', function() kept.register_function('x', function() end) end)\n\
        redis.register_function('other', function() return {type(redis.register_function), tostring(kept == redis)} end)\n\
        redis.register_function('plain', function() return redis.sha1hex(math.floor(1.5)) end)";
    load_library(text, &terms()).expect("a library");
    let call = |name: &str| {
        let call = Call { text, name, keys: &[], args: &[], read_only: false };
        let mut reply = Vec::new();
        let mut writer = ReplyWriter::new(&mut reply, Protocol::Resp2);
        let ran = call_function(&mut Keys::default(), &terms(), &call, &mut writer);
        ran.map(|()| String::from_utf8_lossy(&reply).into_owned()).map_err(|error| error.text().into_owned())
    };
    assert_eq!(
        call("late"),
        Err("ERR redis.register_function can only be called on FUNCTION LOAD command script: late, on @user_function:3."
            .to_owned())
    );
    assert_eq!(call("other"), Ok("*2\r\n$3\r\nnil\r\n$5\r\nfalse\r\n".to_owned()));
    assert_eq!(call("plain"), Ok("$40\r\n356a192b7913b04c54574d18c28d46e6395428ab\r\n".to_owned()));
}

/// Calls of commands with any number of words.
#[derive(Default)]
struct Counts(Vec<usize>);

impl Host for Counts {
    fn permit(&mut self, _: Command, _: &[&[u8]], _: usize, _: bool) -> Result<(), Vec<u8>> {
        Ok(())
    }

    fn execute(
        &mut self,
        _: Command,
        words: &[&[u8]],
        _: usize,
        protocol: Protocol,
        reply: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        self.0.push(words.len());
        ReplyWriter::new(reply, protocol).integer(words.len() as i64);
        Ok(())
    }
}

const MANY: &str = "local t = {} for i = 1, 20000 do t[i] = 'x' .. i end ";

#[test]
fn tables_of_any_size_become_replies_and_texts() {
    let reply = run(&format!("{MANY} return t"));
    assert!(reply.starts_with("*20000\r\n$2\r\nx1\r\n") && reply.ends_with("$6\r\nx20000\r\n"), "an array");
    let by_name = "local m = {} for i = 1, 20000 do m['k' .. i] = 'v' .. i end ";
    let reply = run(&format!("{by_name} return {{map = m}}"));
    assert!(reply.starts_with("*40000\r\n$2\r\nk1\r\n$2\r\nv1\r\n$3\r\nk10\r\n"), "a map");
    for (library, encode, decode) in [("cjson", "encode", "decode"), ("cmsgpack", "pack", "unpack")] {
        let there = format!("local m = {library}.{decode}({library}.{encode}(m)) return {{m.k1, m.k20000}}");
        assert_eq!(run(&format!("{by_name} {there}")), "*2\r\n$2\r\nv1\r\n$6\r\nv20000\r\n", "{library}");
        let there = format!("local t = {library}.{decode}({library}.{encode}(t)) return {{#t, t[20000]}}");
        assert_eq!(run(&format!("{MANY} {there}")), "*2\r\n:20000\r\n$6\r\nx20000\r\n", "{library}");
    }
}

#[test]
fn a_command_gets_as_many_words_as_lua_can_hand_over() {
    for count in [3, 1000, 7900] {
        for call in ["call", "pcall"] {
            let text = format!("{MANY} return redis.{call}('del', unpack(t, 1, {count}))");
            let call = Call { text: text.as_bytes(), name: "s", keys: &[], args: &[], read_only: false };
            let (mut host, mut reply) = (Counts::default(), Vec::new());
            eval(&mut host, &terms(), &call, &mut ReplyWriter::new(&mut reply, Protocol::Resp2))
                .expect("executed");
            assert_eq!(host.0, [count + 1]);
        }
    }
    assert_eq!(
        run(&format!("{MANY} t[1500] = {{}} return redis.call('del', unpack(t, 1, 2000))")),
        "-ERR Lua redis lib command arguments must be strings or integers script: SHA, on @user_script:1."
    );
}

const TOO_MANY: &str = "too many values in one call";

/// All replicas execute a script: one that exhausts the binding must not end them.
#[test]
fn more_values_than_there_is_room_for_are_an_error() {
    for (text, problem) in [
        ("return cmsgpack.pack(unpack(t, 1, 7990))", TOO_MANY),
        ("return redis.call('del', unpack(t, 1, 7990))", TOO_MANY),
        ("return {pcall(cmsgpack.pack, unpack(t, 1, 7980))}", "stack overflow"),
        ("return {cmsgpack.unpack(string.rep('\\161x', 9000))}", "too many results to unpack"),
        (
            "return {struct.unpack(string.rep('s', 9000), string.rep('x\\0', 9000))}",
            "too many results to unpack",
        ),
    ] {
        let reply = run(&format!("{MANY} {text}"));
        assert!(reply.starts_with("-ERR") && reply.contains(problem), "{text}: {reply}");
    }
}

#[test]
fn what_stands_for_more_than_can_be_written_ends() {
    let text = "local t = {'x'} for i = 1, 60 do t = {t, t} end return t";
    let call = Call { text: text.as_bytes(), name: "s", keys: &[], args: &[], read_only: false };
    let mut reply = Vec::new();
    let mut writer = ReplyWriter::bounded(&mut reply, Protocol::Resp2, 1 << 20);
    eval(&mut Keys::default(), &terms(), &call, &mut writer).expect("as much as fits");
    assert!(writer.is_over());
}

#[test]
fn values_nested_deeply_are_refused_whatever_a_script_sets() {
    for (text, problem) in [
        ("cjson.decode_max_depth(2147483647) return cjson.decode(string.rep('[', 1000000))", "nested data"),
        (
            "cjson.encode_max_depth(2147483647) local t = {} for i = 1, 100000 do t = {t} end return cjson.encode(t)",
            "excessive nesting",
        ),
    ] {
        let reply = run(text);
        assert!(reply.starts_with("-ERR") && reply.contains(problem), "{text}: {reply}");
    }
}
