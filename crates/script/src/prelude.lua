-- Turns a bare Lua state into the one that scripts see. Runs once per script, before it; nothing of it is reachable
-- from scripts but what it puts into the table of globals.
--
-- Two things differ from stock Lua on purpose: whatever would tell addresses or clocks does not (each replica would
-- see others), and tables are walked in the order of their keys: numbers, then strings, then booleans.
local native, library = ...
local G = _G
local error, type, next, select, setmetatable, getmetatable = error, type, next, select, setmetatable, getmetatable
local rawget, rawset, rawequal, tostring, unpack, setfenv = rawget, rawset, rawequal, tostring, unpack, setfenv
local pcall, xpcall, loadstring, ipairs = pcall, xpcall, loadstring, ipairs
local sort, concat, byte, format = table.sort, table.concat, string.byte, string.format
local resume, create, yield, status, running = coroutine.resume, coroutine.create, coroutine.yield,
  coroutine.status, coroutine.running

local READONLY = 'Attempt to modify a readonly table'

-- From what scripts hold to what it stands for. Never walked: its order would be that of addresses.
local real = {}
local sealed = {}

local function freeze(source)
  local proxy = setmetatable({}, { __index = source, __newindex = native.readonly, __metatable = sealed })
  real[proxy] = source
  return proxy
end

setmetatable(sealed, { __index = {}, __newindex = native.readonly, __metatable = sealed })
real[sealed] = {}

local function bad(position, name, wanted, value, given)
  native.bad(format("bad argument #%d to '%s' (%s expected, got %s)", position, name, wanted,
    given and type(value) or 'no value'))
end

-- The keys of a table in their order.
local function keys_of(source)
  local numbers, count, ascending, last = {}, 0, true, nil
  local strings, more, no, yes = {}, 0, false, false
  for key in next, source do
    local kind = type(key)
    if kind == 'number' then
      if last and key < last then ascending = false end
      last = key
      count = count + 1
      numbers[count] = key
    elseif kind == 'string' then
      more = more + 1
      strings[more] = key
    elseif kind == 'boolean' then
      if key then yes = true else no = true end
    else
      native.bad('a table with a ' .. kind .. ' as key has no order that is the same on all replicas')
    end
  end
  if not ascending then sort(numbers) end
  sort(strings)
  for index = 1, more do numbers[count + index] = strings[index] end
  count = count + more
  if no then count = count + 1 numbers[count] = false end
  if yes then numbers[count + 1] = true end
  return numbers
end

local function pairs(...)
  local t = ...
  if type(t) ~= 'table' then bad(1, 'pairs', 'table', t, select('#', ...) > 0) end
  local source = real[t] or t
  local keys, at = keys_of(source), 0
  return function()
    while true do
      at = at + 1
      local key = keys[at]
      if key == nil then return nil end
      local value = rawget(source, key)
      if value ~= nil then return key, value end
    end
  end, t, nil
end

local walked, walk, walk_at = nil, nil, 0

local function ordered_next(...)
  local t, key = ...
  if type(t) ~= 'table' then bad(1, 'next', 'table', t, select('#', ...) > 0) end
  local source = real[t] or t
  if key == nil then
    if next(source) == nil then return nil end
    walked, walk, walk_at = source, keys_of(source), 0
  elseif walked ~= source or not rawequal(walk[walk_at], key) then
    walked, walk, walk_at = source, keys_of(source), 0
    repeat
      walk_at = walk_at + 1
      if walk[walk_at] == nil then native.bad("invalid key to 'next'") end
    until rawequal(walk[walk_at], key)
  end
  while true do
    walk_at = walk_at + 1
    local found = walk[walk_at]
    if found == nil then
      walked, walk = nil, nil
      return nil
    end
    local value = rawget(source, found)
    if value ~= nil then return found, value end
  end
end

-- What failed inside a protected call. Out of its budget a script ends, whatever it protects.
local function caught(ok, problem, ...)
  if ok then return ok, problem, ... end
  if native.over() then error(problem, 0) end
  return ok, native.plain(problem)
end

-- An error of a command is a table, of which pcall shows the text.
local function plain_error(ok, problem, ...)
  if not ok and type(problem) == 'table' and type(rawget(problem, 'err')) == 'string' then
    return ok, rawget(problem, 'err')
  end
  return ok, problem, ...
end

local names, named = {}, 0
local function name_of(value, kind)
  local name = names[value]
  if not name then
    named = named + 1
    name = format('%s: 0x%08x', kind, named)
    names[value] = name
  end
  return name
end

local globals = { _VERSION = G._VERSION, type = type, select = select, unpack = unpack, error = error,
  assert = G.assert, tonumber = G.tonumber, rawequal = rawequal, ipairs = ipairs,
  pairs = pairs, next = ordered_next }
local env = freeze(globals)
globals._G = env
setmetatable(globals, { __index = native.missing })

function globals.tostring(...)
  local value = ...
  local kind = type(value)
  if kind == 'nil' and select('#', ...) == 0 then native.bad("bad argument #1 to 'tostring' (value expected)") end
  if kind == 'table' or kind == 'function' or kind == 'thread' or kind == 'userdata' then
    local meta = getmetatable(value)
    if real[value] or type(meta) ~= 'table' or rawget(meta, '__tostring') == nil then
      return name_of(value, kind)
    end
  end
  return tostring(value)
end

function globals.pcall(...)
  if select('#', ...) == 0 then native.bad("bad argument #1 to 'pcall' (value expected)") end
  return plain_error(caught(pcall(...)))
end

function globals.xpcall(f, handler)
  return caught(xpcall(f, function(problem)
    if native.over() then return problem end
    return handler(native.plain(problem))
  end))
end

function globals.rawget(t, key)
  return rawget(real[t] or t, key)
end

function globals.rawset(t, key, value)
  if real[t] then error(READONLY, 0) end
  return rawset(t, key, value)
end

function globals.setmetatable(t, meta)
  if real[t] then error(READONLY, 0) end
  if type(t) ~= 'table' then bad(1, 'setmetatable', 'table', t, true) end
  if meta ~= nil and type(meta) ~= 'table' then native.bad("bad argument #2 to 'setmetatable' (nil or table expected)") end
  return setmetatable(t, meta)
end

globals.getmetatable = getmetatable

-- Memory differs from build to build: a script cannot see it.
function globals.collectgarbage(what)
  if what == 'count' then return 64 end
  return 0
end

function globals.gcinfo() return 64 end

function globals.loadstring(text, name)
  if type(text) == 'number' then text = tostring(text) end
  if type(text) ~= 'string' then bad(1, 'loadstring', 'string', text, true) end
  if byte(text) == 27 then return nil, 'attempt to load a binary chunk' end
  local chunk, problem = loadstring(text, name or text)
  if not chunk then return nil, problem end
  return setfenv(chunk, env)
end

function globals.load(reader, name)
  if type(reader) ~= 'function' then bad(1, 'load', 'function', reader, true) end
  local pieces, count = {}, 0
  while true do
    local piece = reader()
    if piece == nil or piece == '' then break end
    if type(piece) ~= 'string' then return nil, 'reader function must return a string' end
    count = count + 1
    pieces[count] = piece
  end
  return globals.loadstring(concat(pieces), name or '=(load)')
end

globals.coroutine = freeze {
  create = create, yield = yield, status = status, running = running, wrap = coroutine.wrap,
  resume = function(...) return caught(resume(...)) end,
}

local strings = string
strings.dump = nil
globals.string = freeze(strings)
getmetatable('').__metatable = freeze { __index = globals.string }

local tables = table
tables.foreach = function(t, f)
  for key, value in pairs(t) do
    local answer = f(key, value)
    if answer ~= nil then return answer end
  end
end
globals.table = freeze(tables)

local maths = math
for name, f in next, native.math do maths[name] = f end
globals.math = freeze(maths)
globals.os = freeze { clock = native.clock }

for _, name in ipairs { 'bit', 'struct', 'cmsgpack', 'cjson' } do
  globals[name] = freeze(native[name])
end

local api = native.redis
globals.redis = freeze(api)
-- What `redis` is, and what else there is, once functions are registered.
local later, hidden = {}, {}
if library then
  for _, name in ipairs { 'set_repl', 'replicate_commands', 'breakpoint', 'debug', 'error_reply', 'status_reply',
    'sha1hex' } do
    later[name], api[name] = api[name], nil
  end
  setmetatable(api, { __index = native.missing })
  for name, value in next, globals do
    if name ~= 'redis' then hidden[name] = value end
  end
  for name in next, hidden do globals[name] = nil end
else
  api.register_function = nil
end

-- From registering functions to running one. What was `redis` until now may still be held, but registers no more.
local function registered()
  api.register_function = function()
    error { err = 'ERR redis.register_function can only be called on FUNCTION LOAD command' }
  end
  for name, value in next, api do
    if name ~= 'register_function' then later[name] = value end
  end
  globals.redis = freeze(later)
  for name, value in next, hidden do globals[name] = value end
end

local function run(f, ...)
  local arguments, count = { ... }, select('#', ...)
  return xpcall(function() return f(unpack(arguments, 1, count)) end, native.describe)
end

return env, globals, run, registered, later
