//! Any text as a script or a library, and any bytes as what a script hands to the libraries: the first byte says which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian_fuzz::Shard;

/// Every function that takes bytes, with all arguments as texts, and as numbers where they are numbers.
const LIBRARIES: &[u8] = br#"
local given = {}
for index, text in ipairs(ARGV) do given[index] = tonumber(text) or text end
local made = {}
for _, library in ipairs { cjson, cmsgpack, struct, bit } do
  for _, call in pairs(library) do
    if type(call) == 'function' then
      for _, args in ipairs { ARGV, given } do
        local ok, result = pcall(call, unpack(args))
        if ok then made[#made + 1] = result end
      end
    end
  end
end
for _, value in ipairs(made) do
  pcall(cjson.encode, value)
  local ok, packed = pcall(cmsgpack.pack, value)
  if ok then cmsgpack.unpack(packed) end
end
return made
"#;

/// The same, and whatever of `string` reads formats and patterns.
const STRINGS: &[u8] = br#"
local a, b, c = ARGV[1], ARGV[2], ARGV[3]
for _, name in ipairs { 'format', 'find', 'match', 'gsub', 'byte', 'sub' } do
  pcall(string[name], a, b, c)
  pcall(string[name], a, tonumber(b), tonumber(c))
end
pcall(loadstring, a)
return { redis.sha1hex(a), redis.pcall(a, b or '', c or ''), redis.status_reply(a), redis.error_reply(b or '') }
"#;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let mut shard = Shard::default();
    // What a fuzzer writes loops often enough.
    shard.call(&[b"SETTING", b"script-max-instructions", b"100000"]);
    shard.call(&[b"SETTING", b"script-max-memory", b"16mb"]);
    let args: Vec<&[u8]> = rest.splitn(3, |byte| *byte == b'\n').collect();
    match kind % 5 {
        0 => run(&mut shard, rest, &[]),
        1 => run(&mut shard, STRINGS, &args),
        2 => run(&mut shard, LIBRARIES, &args),
        3 => shard.call(&[b"FUNCTION", b"LOAD", &[b"#!lua name=l\n", rest].concat()]),
        // Version 10, and no checksum.
        _ => shard.call(&[b"FUNCTION", b"RESTORE", &[rest, &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat()]),
    }
});

/// As the proxy sends it: with the slots that the shard has.
fn run(shard: &mut Shard, script: &[u8], args: &[&[u8]]) {
    shard.call(&[&[b"EVAL", b"0-16383", script, b"1", b"key"], args].concat());
}
