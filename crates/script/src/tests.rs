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
    assert!(refused("#!lua name=x\nwhile true do end").contains("limit"));
}
